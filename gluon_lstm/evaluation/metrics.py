"""Numbers that say how good predictions are: pure functions on NumPy arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Optional, Sequence, Tuple

import numpy as np
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from gluon_lstm.errors import DataError
from gluon_lstm.evaluation.intervals import Interval, wilson_interval
from gluon_lstm.evaluation.predict import Predictions

NLL_FLOOR = 1e-12
"""Least probability that enters the negative log-likelihood: one sure mistake must not make it infinite."""


class CountScores(NamedTuple):
    """Numbers that follow from a confusion matrix; each a number, or an array with one for each of many matrices.

    Attributes:
        balanced_accuracy: mean recall over the classes that have samples.
        macro_f1: mean F1 over the classes that have samples.
        weighted_f1: the same, each class weighing as many as it has samples.
        matthews_correlation: correlation of true and predicted class, -1 to 1 (Gorodkin 2004, equation 8); NaN where
            all samples are of one class, or all predictions.
    """

    balanced_accuracy: np.ndarray
    macro_f1: np.ndarray
    weighted_f1: np.ndarray
    matthews_correlation: np.ndarray


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
        weighted_f1: the same, each class weighing as many as it has samples.
        matthews_correlation: see ``CountScores``; ``None`` where it is undefined.
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
    weighted_f1: float
    matthews_correlation: Optional[float]
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
    correct = int(counts.trace())
    balanced_accuracy, macro_f1, weighted_f1, matthews_correlation = map(_defined, score_counts(counts))
    return Evaluation(
        n=len(labels),
        accuracy=correct / len(labels),
        accuracy_ci95=wilson_interval(correct, len(labels)),
        balanced_accuracy=balanced_accuracy,
        macro_f1=macro_f1,
        weighted_f1=weighted_f1,
        matthews_correlation=matthews_correlation,
        nll=negative_log_likelihood(predictions.probabilities, labels),
        per_class=class_metrics(labels, predicted, class_names),
        confusion=counts,
    )


def score_counts(counts: np.ndarray) -> CountScores:
    """Returns the numbers of confusion matrices (…, K, K), rows true and columns predicted classes, each (…)."""
    hits = np.diagonal(counts, axis1=-2, axis2=-1).astype(np.float64)
    true, predicted = counts.sum(axis=-1).astype(np.float64), counts.sum(axis=-2).astype(np.float64)
    n, present = true.sum(axis=-1), np.count_nonzero(true, axis=-1)
    recall = np.divide(hits, true, out=np.zeros_like(hits), where=true > 0)
    f1 = f1_scores(counts)
    covariance = hits.sum(axis=-1) * n - (true * predicted).sum(axis=-1)
    variances = [n**2 - np.square(sums).sum(axis=-1) for sums in (true, predicted)]
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = covariance / np.sqrt(variances[0] * variances[1])
    return CountScores(
        recall.sum(axis=-1) / present, np.nansum(f1, axis=-1) / present, np.nansum(f1 * true, axis=-1) / n, correlation
    )


def f1_scores(counts: np.ndarray) -> np.ndarray:
    """Returns each class's F1 (…, K) from confusion matrices (…, K, K); NaN of a class without samples."""
    hits = np.diagonal(counts, axis1=-2, axis2=-1).astype(np.float64)
    true, predicted = counts.sum(axis=-1), counts.sum(axis=-2)
    return np.divide(2 * hits, true + predicted, out=np.full_like(hits, np.nan), where=true > 0)


def negative_log_likelihood(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Returns the mean of -ln p(true class), in nats.

    Args:
        probabilities: (M, K); those below ``NLL_FLOOR`` count as that.
        labels: (M,) integers.
    """
    return float(np.mean(log_losses(probabilities, labels)))


def log_losses(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Returns -ln p(true class) of each sample, (M,) float64, in nats; see ``negative_log_likelihood``."""
    true = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return -np.log(np.clip(true, NLL_FLOOR, 1.0))


def class_metrics(labels: np.ndarray, predicted: np.ndarray, class_names: Sequence[str]) -> Tuple[ClassMetrics, ...]:
    """Returns precision, recall, F1 and support of each class.

    Args:
        labels: (M,) integers, the true classes.
        predicted: (M,) integers.
        class_names: K names, in the order of the labels.
    """
    columns = precision_recall_fscore_support(labels, predicted, labels=range(len(class_names)), zero_division=np.nan)
    return tuple(
        ClassMetrics(name, _defined(precision), _defined(recall), _defined(f1) if support else None, int(support))
        for name, precision, recall, f1, support in zip(class_names, *columns)
    )


def row_shares(counts: np.ndarray) -> np.ndarray:
    """Returns a confusion matrix (K, K) as shares of each row; NaN in the row of a class without samples."""
    totals = counts.sum(axis=1, keepdims=True)
    return np.divide(counts, totals, out=np.full(counts.shape, np.nan), where=totals > 0)


def _defined(value: float) -> Optional[float]:
    """Returns a plain float, or ``None`` for NaN."""
    return None if np.isnan(value) else float(value)


def _check(predictions: Predictions, class_names: Sequence[str]) -> None:
    """Raises DataError unless predictions are of known classes, finite and not empty."""
    probabilities, labels = predictions.probabilities, predictions.labels
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
