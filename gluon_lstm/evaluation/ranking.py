"""How well probabilities rank: the true class among all classes, and each class's samples before the others."""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Optional, Tuple

import numpy as np
from scipy import sparse
from sklearn import metrics as sklearn_metrics

TOP = (2, 3, 5)
"""Numbers k for which the share of samples whose true class is among the k most probable is given."""


class ClassRanking(NamedTuple):
    """How well one class's probability tells its samples from the others; ``None`` where all or none are of it.

    Attributes:
        roc_auc: chance that a sample of the class has a higher probability of it than another sample.
        average_precision: mean precision over the class's samples, from the highest probability down.
    """

    roc_auc: Optional[float]
    average_precision: Optional[float]


class Curve(NamedTuple):
    """Points of a curve, each (P,) float64."""

    x: np.ndarray
    y: np.ndarray


class RankingReplicates(NamedTuple):
    """Bootstrap replicates, (K, R) of each class or (R,) of their means; NaN without both kinds of samples."""

    roc_auc: np.ndarray
    average_precision: np.ndarray


def true_ranks(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Returns the place (M,) int64, from 0, of the true class among the (M, K) probabilities; equals by position."""
    true = probabilities[np.arange(len(labels)), labels][:, np.newaxis]
    before = np.arange(probabilities.shape[1]) < labels[:, np.newaxis]
    return ((probabilities > true) | ((probabilities == true) & before)).sum(axis=1)


def top_k_accuracy(probabilities: np.ndarray, labels: np.ndarray) -> Dict[int, float]:
    """Returns, for each k of ``TOP`` below K, the share of samples whose true class is among the k most probable."""
    ranks = true_ranks(probabilities, labels)
    return {k: float((ranks < k).mean()) for k in TOP if k < probabilities.shape[1]}


def rank_classes(probabilities: np.ndarray, labels: np.ndarray) -> List[ClassRanking]:
    """Returns each class's numbers, one class against the rest, from (M, K) probabilities."""
    return [_rank_class(column, labels == label) for label, column in enumerate(probabilities.T)]


def _rank_class(scores: np.ndarray, is_class: np.ndarray) -> ClassRanking:
    """Returns one class's numbers."""
    if is_class.all() or not is_class.any():
        return ClassRanking(None, None)
    return ClassRanking(
        float(sklearn_metrics.roc_auc_score(is_class, scores)),
        float(sklearn_metrics.average_precision_score(is_class, scores)),
    )


def mean_ranking(classes: List[ClassRanking]) -> ClassRanking:
    """Returns the means over the classes in which the numbers are defined."""
    defined = [item for item in classes if item.roc_auc is not None]
    return ClassRanking(*(float(np.mean(column)) for column in zip(*defined))) if defined else ClassRanking(None, None)


def ranking_replicates(probabilities: np.ndarray, labels: np.ndarray, counts: np.ndarray) -> RankingReplicates:
    """Returns each class's numbers in bootstrap replicates, each (K, R).

    Args:
        probabilities: (M, K).
        labels: (M,) integers.
        counts: (M, R) float32, how often each sample is in each replicate.
    """
    classes = [_class_replicates(column, labels == k, counts) for k, column in enumerate(probabilities.T)]
    return RankingReplicates(*map(np.stack, zip(*classes)))


def mean_replicates(classes: RankingReplicates) -> RankingReplicates:
    """Returns ``mean_ranking`` of bootstrap replicates, each (R,), from each class's (K, R)."""
    totals = np.nansum(classes, axis=1)
    defined = (~np.isnan(classes.roc_auc)).sum(axis=0)
    means = np.divide(totals, defined, out=np.full(totals.shape, np.nan), where=defined > 0)
    return RankingReplicates(*means)


def _class_replicates(scores: np.ndarray, is_class: np.ndarray, counts: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Returns area under the ROC curve and average precision, each (R,), of one class in each replicate."""
    hits, others = (sums.astype(np.float64) for sums in threshold_sums(scores, is_class, counts))
    true_positives, false_positives = np.cumsum(hits, axis=0), np.cumsum(others, axis=0)
    positives, negatives = hits.sum(axis=0), others.sum(axis=0)
    area = (hits * (false_positives - others / 2)).sum(axis=0)
    found = true_positives + false_positives
    precision = np.divide(true_positives, found, out=np.zeros_like(found), where=found > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        roc_auc = 1 - area / (positives * negatives)
        average_precision = (hits * precision).sum(axis=0) / positives
    undefined = (positives == 0) | (negatives == 0)
    return np.where(undefined, np.nan, roc_auc), np.where(undefined, np.nan, average_precision)


def threshold_sums(scores: np.ndarray, is_class: np.ndarray, counts: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Returns the sums (G, R) of the class's and the other samples' counts at each threshold, the highest first.

    Successive thresholds that only others pass are one: they change no number of a ranking.

    Args:
        scores: (M,), equal ones at one threshold.
        is_class: (M,) bool.
        counts: (M, R) float32, how often each sample is in each replicate.
    """
    order = np.argsort(-scores, kind="stable")
    starts = np.flatnonzero(np.diff(scores[order], prepend=np.inf))
    has_hits = np.add.reduceat(is_class[order].astype(np.int64), starts) > 0
    starts = starts[has_hits | np.concatenate([[True], has_hits[:-1]])]
    groups = np.empty(len(scores), np.int64)
    groups[order] = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(scores)))
    shape = (len(starts), len(scores))
    sums = [
        sparse.csr_matrix((np.ones(mask.sum(), np.float32), (groups[mask], np.flatnonzero(mask))), shape) @ counts
        for mask in (is_class, ~is_class)
    ]
    return sums[0], sums[1]


def roc_curve(scores: np.ndarray, is_class: np.ndarray) -> Curve:
    """Returns the share of the class's samples that pass a threshold, y, against that of the others, x."""
    x, y, _ = sklearn_metrics.roc_curve(is_class, scores)
    return Curve(x, y)


def precision_recall_curve(scores: np.ndarray, is_class: np.ndarray) -> Curve:
    """Returns precision, y, against recall, x."""
    precision, recall, _ = sklearn_metrics.precision_recall_curve(is_class, scores)
    return Curve(recall[::-1], precision[::-1])
