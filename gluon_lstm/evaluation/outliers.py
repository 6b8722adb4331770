"""Whether a model is less sure about samples of another kind than those it knows.

Maximum probability: Hendrycks and Gimpel (2017); energy: Liu et al. (2020). Intervals are those of DeLong et al.
(1988): a bootstrap of two data sets would take as long as all other numbers.
"""

from __future__ import annotations

import math
from typing import Any, Dict, NamedTuple, Optional, Tuple

import numpy as np
from scipy.special import logsumexp
from scipy.stats import rankdata

from gluon_lstm.evaluation.intervals import Z95, Interval
from gluon_lstm.evaluation.measures import without_interval
from gluon_lstm.evaluation.predict import Predictions

DISTINCT = "the scores of both kinds do not overlap or are all equal, or there is one sample of a kind"
"""Why there is no interval."""


class OutlierDetection(NamedTuple):
    """How well a score tells known samples from others: area under the ROC curve, 0.5 by chance.

    Attributes:
        name: the other data set.
        n: its samples.
        auroc_confidence: by the probability of the predicted class.
        auroc_energy: by ln Σ exp of the logits, the negative energy.
        auroc_confidence_ci95: 95 % interval of the first; ``None`` where the samples do not tell.
        auroc_energy_ci95: likewise of the second.
        known: (M,) float32, confidence about the known samples.
        others: (n,) float32, confidence about the others.
    """

    name: str
    n: int
    auroc_confidence: float
    auroc_energy: float
    auroc_confidence_ci95: Optional[Interval]
    auroc_energy_ci95: Optional[Interval]
    known: np.ndarray
    others: np.ndarray

    def to_dict(self) -> Dict[str, Any]:
        """Returns the content of ``out_of_distribution`` in ``metrics.json``."""
        return {
            "dataset": self.name,
            "n": self.n,
            "auroc_confidence": self.auroc_confidence,
            "auroc_energy": self.auroc_energy,
            "auroc_confidence_ci95": self.auroc_confidence_ci95 and list(self.auroc_confidence_ci95),
            "auroc_energy_ci95": self.auroc_energy_ci95 and list(self.auroc_energy_ci95),
        }

    @property
    def notes(self) -> Tuple[str, ...]:
        """Sentences about what has no interval, and why."""
        names = [name for name in ("auroc_confidence", "auroc_energy") if getattr(self, f"{name}_ci95") is None]
        return (without_interval(names, DISTINCT),) if names else ()


class _Area(NamedTuple):
    """Area under a ROC curve, and its interval."""

    value: float
    interval: Optional[Interval]


def detect_outliers(known: Predictions, others: Predictions, name: str) -> OutlierDetection:
    """Returns how well scores of predictions with logits tell known samples from others."""
    confidence = _area(known.confidence, others.confidence)
    energy = _area(*(logsumexp(part.logits.astype(float), axis=1) for part in (known, others)))
    return OutlierDetection(
        name,
        len(others.logits),
        confidence.value,
        energy.value,
        confidence.interval,
        energy.interval,
        known.confidence,
        others.confidence,
    )


def _area(known: np.ndarray, others: np.ndarray) -> _Area:
    """Returns the area under the ROC curve of scores that should be higher for the known samples.

    It is the mean over the known samples of the share of others below each, and over the others of the share of known
    ones above each, equals counting half; the variances of these shares are those of the area (DeLong et al. 1988).
    """
    m, n = len(known), len(others)
    ranks = rankdata(np.concatenate([known, others]))
    below = ranks[:m] - rankdata(known)
    area = float(below.sum() / (m * n))
    if min(m, n) < 2:
        return _Area(area, None)
    shares = (below / n, 1 - (ranks[m:] - rankdata(others)) / m)
    half = Z95 * math.sqrt(sum(share.var(ddof=1) / len(share) for share in shares))
    return _Area(area, Interval(max(0.0, area - half), min(1.0, area + half)) if half > 0 else None)
