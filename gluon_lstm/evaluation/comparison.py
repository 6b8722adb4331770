"""Whether one model is better than another on the same samples.

McNemar's test in its exact form: McNemar (1947), Dietterich (1998). The paired bootstrap
draws samples, each with what both models say about it. Configurations that were trained with
several seeds are compared by their means over the seeds: Welch (1947).
"""

from __future__ import annotations

import math
from typing import Any, Dict, List, NamedTuple, Optional, Sequence

import numpy as np
from scipy import stats

from gluon_lstm.errors import DataError
from gluon_lstm.evaluation.intervals import REPLICATES, SEED, Interval, percentile_interval, resampled_samples
from gluon_lstm.evaluation.metrics import log_losses
from gluon_lstm.evaluation.predict import Predictions

MEASURES = ("accuracy", "balanced_accuracy", "macro_f1", "nll", "brier", "ece", "roc_auc", "aurc")
"""Keys of ``metrics.json`` that are put side by side."""

LEAST_ERROR = 1e-12
"""Standard error of a difference of means below which rounding alone made it."""


class McNemar(NamedTuple):
    """The samples that one of two models alone has right.

    Attributes:
        only_first: those that the first has right and the second wrong.
        only_second: the other way round.
        p_value: chance of so unequal numbers, or more so, if both models were as good; two-sided, exact.
    """

    only_first: int
    only_second: int
    p_value: float


class Pair(NamedTuple):
    """Two models on the same samples; a difference is that of the second and the first.

    Attributes:
        first: name of the first.
        second: name of the second.
        mcnemar: the samples that one alone has right.
        accuracy_difference: of the accuracies.
        accuracy_ci95: its 95 % interval, by a paired bootstrap; ``None`` where both are right about the same samples.
        nll_difference: of the mean negative log-likelihoods, in nats.
        nll_ci95: its 95 % interval, likewise; ``None`` where they differ by the same at each sample.
    """

    first: str
    second: str
    mcnemar: McNemar
    accuracy_difference: float
    accuracy_ci95: Optional[Interval]
    nll_difference: float
    nll_ci95: Optional[Interval]

    def to_dict(self) -> Dict[str, Any]:
        """Returns plain values."""
        intervals = {name: getattr(self, name) for name in ("accuracy_ci95", "nll_ci95")}
        plain = {name: None if interval is None else list(interval) for name, interval in intervals.items()}
        return {**self._asdict(), "mcnemar": self.mcnemar._asdict(), **plain}


class Spread(NamedTuple):
    """Mean and standard deviation (n - 1) of a measure over several seeds; ``None`` where it is undefined."""

    mean: Optional[float]
    sd: Optional[float]


class MeanDifference(NamedTuple):
    """Difference of the means of two groups of runs, the second's less the first's.

    Attributes:
        difference: of the means.
        ci95: its 95 % interval over the seeds, of Welch's t.
        p_value: chance of so great a difference, or a greater one, if both means were the same; two-sided.
    """

    difference: float
    ci95: Interval
    p_value: float

    def to_dict(self) -> Dict[str, Any]:
        """Returns plain values."""
        return {**self._asdict(), "ci95": list(self.ci95)}


def compare_means(first: Sequence[Optional[float]], second: Sequence[Optional[float]]) -> Optional[MeanDifference]:
    """Returns how the means of two groups of at least two values differ.

    The groups' variances may differ, and the degrees of freedom are Welch and Satterthwaite's. ``None`` where a value
    is undefined, or where none of the values vary.
    """
    if None in (*first, *second):
        return None
    squares = [float(np.var(values, ddof=1)) / len(values) for values in (first, second)]
    error = math.sqrt(sum(squares))
    if error <= LEAST_ERROR:
        return None
    freedom = error**4 / sum(square**2 / (len(values) - 1) for square, values in zip(squares, (first, second)))
    difference = float(np.mean(second) - np.mean(first))
    half = float(stats.t.ppf(0.975, freedom)) * error
    p_value = 2 * float(stats.t.sf(abs(difference) / error, freedom))
    return MeanDifference(difference, Interval(difference - half, difference + half), p_value)


def compare_pair(names: Sequence[str], first: Predictions, second: Predictions) -> Pair:
    """Returns how two models differ on the same samples.

    Args:
        names: of both.
        first: what the first says.
        second: what the second says about the same samples, in the same order.

    Raises:
        DataError: the labels are not the same.
    """
    if not np.array_equal(first.labels, second.labels):
        raise DataError(
            f"{names[0]} and {names[1]}: were not tested on the same samples; compare runs of the same data"
        )
    right = [part.predicted == part.labels for part in (first, second)]
    rows = np.stack([
        right[1].astype(float) - right[0],
        log_losses(second.probabilities, second.labels) - log_losses(first.probabilities, first.labels),
    ])  # fmt: skip
    rng = np.random.default_rng(SEED)
    n = len(first.labels)
    drawn = [rows.astype(np.float32) @ counts / n for counts in resampled_samples(n, rng, REPLICATES)]
    accuracy, nll = np.concatenate(drawn, axis=1)
    means = rows.mean(axis=1)
    return Pair(
        *names,
        mcnemar(*right),
        float(means[0]),
        percentile_interval(accuracy),
        float(means[1]),
        percentile_interval(nll),
    )


def mcnemar(first: np.ndarray, second: np.ndarray) -> McNemar:
    """Returns McNemar's test of whether two models, right (M,) bool at the same samples, are as good."""
    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    unequal = only_first + only_second
    return McNemar(only_first, only_second, float(stats.binomtest(only_first, unequal).pvalue) if unequal else 1.0)


def spread(values: Sequence[Optional[float]]) -> Spread:
    """Returns mean and standard deviation of two values or more."""
    if None in values:
        return Spread(None, None)
    return Spread(float(np.mean(values)), float(np.std(values, ddof=1)))


def pairs_of(count: int, best: int, most: int) -> List[tuple]:
    """Returns which of ``count`` models are compared: all pairs where they are at most ``most``, else with the best."""
    if count <= most:
        return [(i, j) for i in range(count) for j in range(i + 1, count)]
    return [(i, best) for i in range(count) if i != best]
