"""Numbers that say how good predictions are: pure functions on NumPy arrays."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from gluon_lstm.errors import DataError
from gluon_lstm.evaluation.predict import Predictions

METRICS_VERSION = 1
NLL_FLOOR = 1e-12
"""Least probability that enters the negative log-likelihood: one sure mistake must not make it infinite."""
Z95 = 1.959963984540054
"""The 97.5 % point of the standard normal distribution."""


class Interval(NamedTuple):
    """A confidence interval."""

    low: float
    high: float


class LengthGroup(NamedTuple):
    """Samples of nearly equal length.

    Attributes:
        low: steps of the shortest.
        high: steps of the longest.
        n: samples.
        accuracy: share classified correctly.
        accuracy_ci95: its 95 % Wilson interval.
    """

    low: int
    high: int
    n: int
    accuracy: float
    accuracy_ci95: Interval


class Confusion(NamedTuple):
    """How often samples of one class were taken for another."""

    true: str
    predicted: str
    count: int


@dataclass(frozen=True)
class ClassMetrics:
    """One class against the rest; ``None`` where a number is undefined.

    Attributes:
        name: the class.
        precision: share of the samples predicted to be of this class that
            are; ``None`` if there are none.
        recall: share of this class's samples that were found; ``None``
            without samples.
        f1: harmonic mean of both, 0 for a class that was never found; ``None``
            without samples.
        support: samples of this class.
    """

    name: str
    precision: Optional[float]
    recall: Optional[float]
    f1: Optional[float]
    support: int


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The numbers of one set of predictions.

    Attributes:
        n: samples.
        accuracy: share of samples whose most probable class is the true one.
        accuracy_ci95: 95 % Wilson interval of the accuracy.
        balanced_accuracy: mean recall over the classes that have samples.
        macro_f1: mean F1 over the classes that have samples.
        nll: mean negative log-likelihood of the true classes in nats, with
            probabilities below ``NLL_FLOOR`` raised to it.
        per_class: each class's numbers, in the order of the labels.
        confusion: (K, K) int64, rows are true and columns predicted classes.
    """

    n: int
    accuracy: float
    accuracy_ci95: Interval
    balanced_accuracy: float
    macro_f1: float
    nll: float
    per_class: Tuple[ClassMetrics, ...]
    confusion: np.ndarray

    @property
    def class_names(self) -> Tuple[str, ...]:
        """The classes, in the order of the labels."""
        return tuple(item.name for item in self.per_class)

    @property
    def correct(self) -> int:
        """Samples whose most probable class is the true one."""
        return int(self.confusion.trace())

    def to_dict(self) -> Dict[str, Any]:
        """Returns the content of ``metrics.json``: plain values, no NaN; undefined is ``None``."""
        return {
            "version": METRICS_VERSION,
            "n": self.n,
            "accuracy": self.accuracy,
            "accuracy_ci95": list(self.accuracy_ci95),
            "balanced_accuracy": self.balanced_accuracy,
            "macro_f1": self.macro_f1,
            "nll": self.nll,
            "per_class": [
                {
                    "class": item.name,
                    "precision": item.precision,
                    "recall": item.recall,
                    "f1": item.f1,
                    "support": item.support,
                }
                for item in self.per_class
            ],
            "confusion": self.confusion.tolist(),
        }


def evaluate(predictions: Predictions, class_names: Sequence[str]) -> Evaluation:
    """Returns the numbers of a set of predictions.

    Args:
        predictions: probabilities (M, K) and labels (M,).
        class_names: K names, in the order of the labels.

    Raises:
        DataError: no samples, labels or probabilities that do not fit the classes.
    """
    _check(predictions, class_names)
    labels, predicted = predictions.labels, predictions.predicted
    counts = confusion_matrix(labels, predicted, labels=range(len(class_names)))
    per_class = class_metrics(labels, predicted, class_names)
    present = [item for item in per_class if item.support]
    correct = int(counts.trace())
    return Evaluation(
        n=len(labels),
        accuracy=correct / len(labels),
        accuracy_ci95=wilson_interval(correct, len(labels)),
        balanced_accuracy=math.fsum(item.recall for item in present) / len(present),
        macro_f1=math.fsum(item.f1 for item in present) / len(present),
        nll=negative_log_likelihood(predictions.probabilities, labels),
        per_class=per_class,
        confusion=counts,
    )


def wilson_interval(successes: int, n: int) -> Interval:
    """Returns the 95 % Wilson score interval of a share of ``n`` ≥ 1 trials.

    It stays inside [0, 1], and says something at 0 and ``n`` successes too.
    """
    share, z2 = successes / n, Z95**2
    center = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 * math.sqrt(share * (1 - share) / n + z2 / (4 * n**2)) / (1 + z2 / n)
    return Interval(0.0 if successes == 0 else center - half, 1.0 if successes == n else center + half)


def negative_log_likelihood(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Returns the mean of -ln p(true class), in nats.

    Args:
        probabilities: (M, K); those below ``NLL_FLOOR`` count as that.
        labels: (M,) integers.
    """
    true = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(np.mean(-np.log(np.clip(true, NLL_FLOOR, 1.0))))


def class_metrics(labels: np.ndarray, predicted: np.ndarray, class_names: Sequence[str]) -> Tuple[ClassMetrics, ...]:
    """Returns precision, recall, F1 and support of each class.

    Args:
        labels: (M,) integers, the true classes.
        predicted: (M,) integers.
        class_names: K names, in the order of the labels.
    """
    columns = precision_recall_fscore_support(
        labels, predicted, labels=range(len(class_names)), zero_division=np.nan
    )
    return tuple(
        ClassMetrics(name, _defined(precision), _defined(recall), _defined(f1) if support else None, int(support))
        for name, precision, recall, f1, support in zip(class_names, *columns)
    )


def row_shares(counts: np.ndarray) -> np.ndarray:
    """Returns a confusion matrix (K, K) as shares of each row; NaN in the row of a class without samples."""
    totals = counts.sum(axis=1, keepdims=True)
    return np.divide(counts, totals, out=np.full(counts.shape, np.nan), where=totals > 0)


def accuracy_by_length(predictions: Predictions, lengths: np.ndarray, groups: int) -> List[LengthGroup]:
    """Returns the accuracy of samples grouped by length, the shortest first.

    Args:
        predictions: of M samples.
        lengths: (M,) integers.
        groups: most groups; each has about as many samples, and all that are equally long are in one.
    """
    correct = predictions.predicted == predictions.labels
    # A group ends at a length, so that none is cut in two.
    ends = np.unique(np.quantile(lengths, np.arange(1, groups + 1) / groups, method="inverted_cdf"))
    numbers = np.searchsorted(ends, lengths)
    found = []
    for number in np.unique(numbers):
        inside = numbers == number
        n, right = int(inside.sum()), int(correct[inside].sum())
        low, high = int(lengths[inside].min()), int(lengths[inside].max())
        found.append(LengthGroup(low, high, n, right / n, wilson_interval(right, n)))
    return found


def frequent_confusions(evaluation: Evaluation, limit: int) -> List[Confusion]:
    """Returns the most frequent pairs of true and wrongly predicted class, most frequent first."""
    counts = evaluation.confusion * ~np.eye(len(evaluation.confusion), dtype=bool)
    order = np.argsort(-counts, axis=None, kind="stable")[:limit]
    pairs = (divmod(int(position), len(counts)) for position in order)
    names = evaluation.class_names
    return [Confusion(names[i], names[j], int(counts[i, j])) for i, j in pairs if counts[i, j]]


def confident_errors(predictions: Predictions, limit: int) -> np.ndarray:
    """Returns the positions (at most ``limit``,) int64 of wrong predictions, the most confident first."""
    wrong = np.flatnonzero(predictions.predicted != predictions.labels)
    return wrong[np.argsort(-predictions.confidence[wrong], kind="stable")][:limit]


def _defined(value: float) -> Optional[float]:
    """Returns a plain float, or ``None`` for NaN."""
    return None if np.isnan(value) else float(value)


def _check(predictions: Predictions, class_names: Sequence[str]) -> None:
    """Raises DataError unless predictions are of known classes, finite and not empty."""
    probabilities, labels = predictions
    if not len(labels):
        raise DataError("no samples to evaluate; choose another split or data set")
    if probabilities.shape != (len(labels), len(class_names)):
        raise DataError(
            f"probabilities {probabilities.shape} do not fit {len(labels)} samples and {len(class_names)} classes"
        )
    if labels.min() < 0 or labels.max() >= len(class_names):
        raise DataError(f"labels {labels.min()} to {labels.max()} do not fit {len(class_names)} classes")
    if not np.isfinite(probabilities).all():
        raise DataError("probabilities are not all finite; check the model and the data")
