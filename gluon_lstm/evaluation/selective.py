"""What is gained by answering only where the model is sure: risk and coverage (Geifman and El-Yaniv 2017)."""

from __future__ import annotations

import math
from typing import Dict, NamedTuple

import numpy as np

from gluon_lstm.evaluation.intervals import Interval, wilson_interval
from gluon_lstm.evaluation.ranking import threshold_sums

COVERAGES = (0.8, 0.9, 0.95)
"""Shares of the samples, the most confident ones, whose accuracy is given."""


class RiskCoverage(NamedTuple):
    """Share of errors among the samples that are answered, as more and more of them are.

    Attributes:
        coverage: (M,) float64: share of the samples that are answered, the most confident first.
        risk: (M,) float64: share of errors among these. Of equally confident samples each has their mean.
    """

    coverage: np.ndarray
    risk: np.ndarray

    @property
    def area(self) -> float:
        """Area under the curve (AURC): the mean risk over all coverages."""
        return float(self.risk.mean())

    def answered(self, coverage: float) -> int:
        """Returns how many samples are answered at the least coverage that is ``coverage`` or more."""
        # Of 10 samples 0.9 are 9, though 0.9 * 10 is a little more in floating point.
        return max(1, math.ceil(round(coverage * len(self.risk), 6)))

    def accuracies(self) -> Dict[float, float]:
        """Returns the accuracy at each of ``COVERAGES``."""
        return {coverage: 1 - float(self.risk[self.answered(coverage) - 1]) for coverage in COVERAGES}

    def intervals(self) -> Dict[float, Interval]:
        """Returns the 95 % Wilson interval of each of ``accuracies``, which holds of the samples that are answered."""
        found = {}
        for coverage, accuracy in self.accuracies().items():
            answered = self.answered(coverage)
            found[coverage] = wilson_interval(round(accuracy * answered, 6), answered)
        return found


def risk_coverage(confidence: np.ndarray, correct: np.ndarray) -> RiskCoverage:
    """Returns the curve of M samples from their confidence (M,) and whether each is correct (M,) bool."""
    _, groups = np.unique(-confidence, return_inverse=True)
    sizes = np.bincount(groups)
    errors = np.bincount(groups, ~correct) / sizes
    count = np.arange(1, len(confidence) + 1)
    return RiskCoverage(count / len(confidence), np.cumsum(np.repeat(errors, sizes)) / count)


def area_replicates(confidence: np.ndarray, correct: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Returns ``RiskCoverage.area`` (R,) of bootstrap replicates.

    With E errors among the N more confident samples, c equally confident ones of
    which a share e is wrong add Σ (E + j e) / (N + j) for j = 1 … c, which is
    c e + (E - e N) (H(N + c) - H(N)) with the harmonic numbers H.

    Args:
        confidence: (M,).
        correct: (M,) bool.
        counts: (M, R) float32, how often each sample is in each replicate.
    """
    wrong, right = threshold_sums(confidence, ~correct, counts)
    sizes = np.rint(wrong + right).astype(np.int64)
    answered, errors = np.cumsum(sizes, axis=0), np.cumsum(wrong, axis=0, dtype=np.float64)
    before, errors_before = answered - sizes, errors - wrong
    shares = np.divide(wrong, sizes, out=np.zeros_like(errors), where=sizes > 0)
    harmonic = np.concatenate([[0.0], np.cumsum(1 / np.arange(1, len(correct) + 1))])
    risks = wrong + (errors_before - shares * before) * (harmonic[answered] - harmonic[before])
    return risks.sum(axis=0) / len(correct)
