"""All numbers of one set of predictions, with their intervals: what ``metrics.json`` holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from gluon_lstm.evaluation.calibration import (
    Calibration,
    brier_scores,
    calibrate,
    equal_mass_edges,
    equal_width_edges,
    error_replicates,
    errors_by_chance,
    scale,
)
from gluon_lstm.evaluation.intervals import (
    SEED,
    Interval,
    error_interval,
    percentile_interval,
    resampled_confusions,
    resampled_samples,
    wilson_interval,
)
from gluon_lstm.evaluation.metrics import (
    CountScores,
    Evaluation,
    evaluate,
    f1_scores,
    log_losses,
    negative_log_likelihood,
    score_counts,
)
from gluon_lstm.evaluation.predict import Predictions
from gluon_lstm.evaluation.ranking import (
    ClassRanking,
    RankingReplicates,
    mean_ranking,
    mean_replicates,
    rank_classes,
    ranking_replicates,
    top_k_accuracy,
)
from gluon_lstm.evaluation.selective import RiskCoverage, area_replicates, risk_coverage

METRICS_VERSION = 2
"""Of ``metrics.json``; docs/evaluation.md has its keys."""
BY_SAMPLE = ("nll", "brier", "ece", "mce", "ece_equal_mass", "mce_equal_mass")
"""Numbers of the probabilities, whose bootstrap needs each sample."""
SCALED = tuple(f"{name}_scaled" for name in BY_SAMPLE)
"""The same after temperature scaling."""
SAME = "all but a few replicates of the bootstrap have the same number, or most have none"
"""Why there is no interval."""


class Temperature(NamedTuple):
    """The temperature that probabilities are scaled with, and where it is from.

    Attributes:
        value: ``None`` where there is none.
        note: where it is from, or why there is none; a sentence.
    """

    value: Optional[float]
    note: str


class ByChance(NamedTuple):
    """Expected calibration error that the number of samples alone brings about, of a model whose confidence is right.

    Attributes:
        mean: over ``intervals.REPLICATES`` drawn sets of samples.
        p95: that which 95 % of them do not exceed.
    """

    mean: float
    p95: float


class Scaled(NamedTuple):
    """Numbers after temperature scaling."""

    nll: float
    brier: float
    calibration: Calibration
    by_chance: ByChance


class ClassIntervals(NamedTuple):
    """95 % intervals of one class's numbers; ``None`` where these are undefined, and where there is none."""

    precision: Optional[Interval]
    recall: Optional[Interval]
    f1: Optional[Interval]
    roc_auc: Optional[Interval]
    average_precision: Optional[Interval]


@dataclass(frozen=True, eq=False)
class Measures:
    """All numbers of one set of predictions.

    Attributes:
        evaluation: those that follow from the predicted classes, and the negative log-likelihood.
        brier: mean squared distance from certainty of the true class, 0 to 2.
        top_k: k → share of samples whose true class is among the k most probable.
        classes: each class's ranking, in the order of the labels.
        class_intervals: likewise: Wilson's of precision and recall, of the others the bootstrap's.
        ranking: their means.
        calibration: bins of confidence.
        by_chance: what calibration error is to be expected of so many samples.
        risk_coverage: errors among the most confident samples.
        temperature: what ``scaled`` was scaled with.
        scaled: the numbers after that; ``None`` without a temperature.
        intervals: name as in ``metrics.json`` → 95 % interval, ``None`` where there is none.
    """

    evaluation: Evaluation
    brier: float
    top_k: Mapping[int, float]
    classes: List[ClassRanking]
    class_intervals: List[ClassIntervals]
    ranking: ClassRanking
    calibration: Calibration
    by_chance: ByChance
    risk_coverage: RiskCoverage
    temperature: Temperature
    scaled: Optional[Scaled]
    intervals: Mapping[str, Optional[Interval]]

    @property
    def notes(self) -> Tuple[str, ...]:
        """Sentences about what is undefined or has no interval, and why."""
        return (*self.undefined, *self._without_interval(), self.temperature.note)

    @property
    def undefined(self) -> Tuple[str, ...]:
        """Sentences about what is undefined, and why."""
        return tuple(_class_notes(self.evaluation))

    def missing_intervals(self) -> List[str]:
        """Returns the keys of the defined numbers of all samples that the bootstrap gives no interval of."""
        numbers = {**self._headline(), **self._calibration(), **self._selective()}
        return [name for name, pair in self.intervals.items() if pair is None and numbers[name] is not None]

    def missing_class_intervals(self) -> Dict[str, List[str]]:
        """Returns likewise the keys of the classes' numbers, each with the names of the classes, at least one."""
        missing: Dict[str, List[str]] = {}
        for item, ranking, intervals in zip(self.evaluation.per_class, self.classes, self.class_intervals):
            for name, value in {"f1": item.f1, **ranking._asdict()}.items():
                if value is not None and getattr(intervals, name) is None:
                    missing.setdefault(name, []).append(item.name)
        return missing

    def _without_interval(self) -> List[str]:
        """Returns a sentence about numbers that the bootstrap gives no interval of, if there are any."""
        classes = [f"{name} of {_listed(found)}" for name, found in self.missing_class_intervals().items()]
        names = [*self.missing_intervals(), *classes]
        return [without_interval(names)] if names else []

    def top_k_interval(self, k: int) -> Interval:
        """Returns the 95 % Wilson interval of ``top_k[k]``."""
        return wilson_interval(round(self.top_k[k] * self.evaluation.n), self.evaluation.n)

    def to_dict(self) -> Dict[str, Any]:
        """Returns the content of ``metrics.json``: plain values, no NaN; undefined is ``None``."""
        return {
            "version": METRICS_VERSION,
            "n": self.evaluation.n,
            **self._headline(),
            **self._calibration(),
            **self._selective(),
            **_plain(self.intervals),
            **(_plain(dict.fromkeys(SCALED)) if self.scaled is None else {}),
            "per_class": [
                {"class": item.name, "precision": item.precision, "recall": item.recall, "f1": item.f1,
                 "support": item.support, **ranking._asdict(), **_plain(intervals._asdict())}
                for item, ranking, intervals in zip(self.evaluation.per_class, self.classes, self.class_intervals)
            ],
            "confusion": self.evaluation.confusion.tolist(),
            "notes": list(self.notes),
        }  # fmt: skip

    def _headline(self) -> Dict[str, Any]:
        """Returns the numbers of predicted classes, of the ranking, and of the probabilities as a whole."""
        names = ("accuracy", "balanced_accuracy", "macro_f1", "weighted_f1", "matthews_correlation", "nll")
        return {
            **{name: getattr(self.evaluation, name) for name in names},
            "brier": self.brier,
            "top_k_accuracy": {str(k): share for k, share in self.top_k.items()},
            "top_k_accuracy_ci95": {str(k): list(self.top_k_interval(k)) for k in self.top_k},
            **self.ranking._asdict(),
        }

    def _calibration(self) -> Dict[str, Any]:
        """Returns the numbers of calibration, before and after scaling."""
        before, after = self.calibration, self.scaled
        return {
            **_errors(before),
            "ece_by_chance": self.by_chance.mean,
            "ece_by_chance_p95": self.by_chance.p95,
            "temperature": self.temperature.value,
            "ece_scaled": after and after.calibration.equal_width.ece,
            "mce_scaled": after and after.calibration.equal_width.mce,
            "ece_equal_mass_scaled": after and after.calibration.equal_mass.ece,
            "mce_equal_mass_scaled": after and after.calibration.equal_mass.mce,
            "ece_by_chance_scaled": after and after.by_chance.mean,
            "ece_by_chance_p95_scaled": after and after.by_chance.p95,
            "nll_scaled": after and after.nll,
            "brier_scaled": after and after.brier,
        }

    def _selective(self) -> Dict[str, Any]:
        """Returns the numbers of selective prediction."""
        accuracies = self.risk_coverage.accuracies()
        return {
            "aurc": self.risk_coverage.area,
            "accuracy_at_coverage": {f"{coverage:g}": accuracy for coverage, accuracy in accuracies.items()},
            "accuracy_at_coverage_ci95": {
                f"{coverage:g}": list(interval) for coverage, interval in self.risk_coverage.intervals().items()
            },
        }


def measure(predictions: Predictions, class_names: Sequence[str], temperature: Temperature) -> Measures:
    """Returns all numbers of a set of predictions; errors as of ``evaluate``.

    Args:
        predictions: probabilities (M, K) and labels (M,).
        class_names: K names, in the order of the labels.
        temperature: what the probabilities are scaled with.
    """
    evaluation = evaluate(predictions, class_names)
    classes = rank_classes(predictions.probabilities, predictions.labels)
    scaled = None if temperature.value is None else scale(predictions, temperature.value)
    rng = np.random.default_rng(SEED)
    confusions = resampled_confusions(evaluation.confusion, rng)
    replicates = _sample_replicates(predictions, scaled, rng)
    calibration, after = calibrate(predictions), None if scaled is None else _scaled(scaled)
    errors = {**_errors(calibration), **({} if after is None else _errors(after.calibration, "_scaled"))}
    return Measures(
        evaluation=evaluation,
        brier=float(brier_scores(predictions.probabilities, predictions.labels).mean()),
        top_k=top_k_accuracy(predictions.probabilities, predictions.labels),
        classes=classes,
        class_intervals=_class_intervals(evaluation.confusion, confusions, replicates.classes),
        ranking=mean_ranking(classes),
        calibration=calibration,
        by_chance=_by_chance(predictions),
        risk_coverage=risk_coverage(predictions.confidence, predictions.predicted == predictions.labels),
        temperature=temperature,
        scaled=after,
        intervals=_intervals(evaluation, score_counts(confusions), replicates, errors),
    )


def _scaled(scaled: Predictions) -> Scaled:
    """Returns the numbers of predictions that have been scaled."""
    return Scaled(
        negative_log_likelihood(scaled.probabilities, scaled.labels),
        float(brier_scores(scaled.probabilities, scaled.labels).mean()),
        calibrate(scaled),
        _by_chance(scaled),
    )


def _by_chance(predictions: Predictions) -> ByChance:
    """Returns what calibration error is to be expected of these confidences."""
    errors = errors_by_chance(predictions.confidence, np.random.default_rng(SEED))
    return ByChance(float(errors.mean()), float(np.percentile(errors, 95)))


def _class_intervals(counts: np.ndarray, confusions: np.ndarray, ranking: RankingReplicates) -> List[ClassIntervals]:
    """Returns each class's intervals.

    Args:
        counts: confusion matrix (K, K).
        confusions: the replicates' (R, K, K).
        ranking: (K, R) replicates.
    """
    hits, f1 = np.diagonal(counts), f1_scores(confusions)
    return [
        ClassIntervals(_share_interval(hit, predicted), _share_interval(hit, true), *map(percentile_interval, values))
        for hit, predicted, true, *values in zip(hits, counts.sum(axis=0), counts.sum(axis=1), f1.T, *ranking)
    ]


def _share_interval(successes: int, n: int) -> Optional[Interval]:
    """Returns Wilson's interval, or ``None`` where there are no trials."""
    return wilson_interval(int(successes), int(n)) if n else None


def _intervals(
    evaluation: Evaluation, counts: CountScores, samples: _Replicates, errors: Mapping[str, float]
) -> Dict[str, Optional[Interval]]:
    """Returns name → interval: Wilson's of the accuracy, of the others the bootstrap's.

    Args:
        evaluation: of the samples.
        counts: replicates of what follows from the confusion matrix.
        samples: replicates of what needs each sample.
        errors: calibration errors by name; the intervals of the expected ones are basic ones.
    """
    replicates = {**counts._asdict(), **mean_replicates(samples.classes)._asdict(), **samples.numbers}
    return {
        "accuracy": wilson_interval(evaluation.correct, evaluation.n),
        **{
            name: error_interval(errors[name], values) if name.startswith("ece") else percentile_interval(values)
            for name, values in replicates.items()
        },
    }


def _errors(calibration: Calibration, suffix: str = "") -> Dict[str, float]:
    """Returns calibration errors by their names in ``metrics.json``."""
    return {
        f"{kind}{bins}{suffix}": getattr(part, kind)
        for bins, part in (("", calibration.equal_width), ("_equal_mass", calibration.equal_mass))
        for kind in ("ece", "mce")
    }


class _Replicates(NamedTuple):
    """Bootstrap replicates of what needs each sample.

    Attributes:
        numbers: name as in ``metrics.json`` → (R,).
        classes: each class's ranking, (K, R).
    """

    numbers: Dict[str, np.ndarray]
    classes: RankingReplicates


def _sample_replicates(
    predictions: Predictions, scaled: Optional[Predictions], rng: np.random.Generator
) -> _Replicates:
    """Returns the replicates of predictions, and of the same after temperature scaling."""
    numbers: Dict[str, List[np.ndarray]] = {}
    classes = []
    for counts in resampled_samples(len(predictions.labels), rng):
        found = _probability_replicates(predictions, counts)
        if scaled is not None:
            found.update(zip(SCALED, _probability_replicates(scaled, counts).values()))
        correct = predictions.predicted == predictions.labels
        found["aurc"] = area_replicates(predictions.confidence, correct, counts)
        for name, values in found.items():
            numbers.setdefault(name, []).append(values)
        classes.append(ranking_replicates(predictions.probabilities, predictions.labels, counts))
    joined = RankingReplicates(*(np.concatenate(parts, axis=1) for parts in zip(*classes)))
    return _Replicates({name: np.concatenate(parts) for name, parts in numbers.items()}, joined)


def _probability_replicates(predictions: Predictions, counts: np.ndarray) -> Dict[str, np.ndarray]:
    """Returns ``BY_SAMPLE`` → (R,); ``counts`` (M, R) is how often each sample is in each replicate."""
    probabilities, labels = predictions.probabilities, predictions.labels
    rows = np.stack([log_losses(probabilities, labels), brier_scores(probabilities, labels)])
    nll, brier = rows.astype(np.float32) @ counts / len(labels)
    confidence, correct = predictions.confidence, predictions.predicted == labels
    # The bins of equal mass are those of the samples as they are: a replicate has about as many in each, too.
    edges = (equal_width_edges(), equal_mass_edges(confidence.astype(np.float64)))
    errors = [values for edge in edges for values in error_replicates(confidence, correct, edge, counts)]
    return dict(zip(BY_SAMPLE, (nll, brier, *errors)))


def _plain(intervals: Mapping[str, Optional[Interval]]) -> Dict[str, Optional[List[float]]]:
    """Returns intervals by the keys that they have in ``metrics.json``."""
    return {f"{name}_ci95": None if pair is None else list(pair) for name, pair in intervals.items()}


def without_interval(names: Sequence[str], reason: str = SAME) -> str:
    """Returns the sentence about numbers that have no interval; in ``metrics.json`` they are called by their keys."""
    return f"No 95 % interval of {', '.join(names)}: {reason}, so these samples do not tell how far it may vary."


def _class_notes(evaluation: Evaluation) -> List[str]:
    """Returns sentences about classes whose numbers are undefined."""
    absent = [item.name for item in evaluation.per_class if not item.support]
    unused = [item.name for item in evaluation.per_class if item.precision is None]
    alone = [item.name for item in evaluation.per_class if item.support == evaluation.n]
    notes = []
    if absent:
        notes.append(
            f"No sample is of {_listed(absent)}: recall, F1, ROC-AUC and average precision are undefined there."
        )
    if alone:
        notes.append(
            f"Every sample is of {_listed(alone)}: ROC-AUC and average precision are undefined there, too, and so are "
            f"their means over the classes."
        )
    if unused:
        notes.append(f"No sample was predicted to be of {_listed(unused)}: precision is undefined there.")
    if evaluation.matthews_correlation is None:
        notes.append("All samples or all predictions are of one class: the Matthews correlation is undefined.")
    return notes


def _listed(names: Sequence[str]) -> str:
    """Returns class names in a sentence, the first five of many."""
    shown = ", ".join(repr(name) for name in names[:5])
    more = len(names) - 5
    return f"class {shown}" if len(names) == 1 else f"classes {shown}" + (f" and {more:,} more" if more > 0 else "")
