"""Where predictions go wrong: which classes, which samples, which lengths."""

from __future__ import annotations

from typing import List, NamedTuple

import numpy as np

from gluon_lstm.evaluation.intervals import Interval, wilson_interval
from gluon_lstm.evaluation.metrics import Evaluation
from gluon_lstm.evaluation.predict import Predictions


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
    """How often samples of one class were taken for another.

    Attributes:
        true: the one class.
        predicted: the other.
        count: samples.
        share: of the samples of the true class.
    """

    true: str
    predicted: str
    count: int
    share: float


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
    pairs = [pair for pair in (divmod(int(position), len(counts)) for position in order) if counts[pair]]
    names, totals = evaluation.class_names, evaluation.confusion.sum(axis=1)
    return [Confusion(names[i], names[j], int(counts[i, j]), float(counts[i, j] / totals[i])) for i, j in pairs]


def confident_errors(predictions: Predictions, limit: int) -> np.ndarray:
    """Returns the positions (at most ``limit``,) int64 of wrong predictions, the most confident first."""
    wrong = np.flatnonzero(predictions.predicted != predictions.labels)
    return wrong[np.argsort(-predictions.confidence[wrong], kind="stable")][:limit]
