"""Whether a model is less sure about samples of another kind than those it knows.

Maximum probability: Hendrycks and Gimpel (2017); energy: Liu et al. (2020).
"""

from __future__ import annotations

from typing import Any, Dict, NamedTuple

import numpy as np
from scipy.special import logsumexp

from gluon_lstm.evaluation.predict import Predictions


class OutlierDetection(NamedTuple):
    """How well a score tells known samples from others: area under the ROC curve, 0.5 by chance.

    Attributes:
        name: the other data set.
        n: its samples.
        auroc_confidence: by the probability of the predicted class.
        auroc_energy: by ln Σ exp of the logits, the negative energy.
        known: (M,) float32, confidence about the known samples.
        others: (n,) float32, confidence about the others.
    """

    name: str
    n: int
    auroc_confidence: float
    auroc_energy: float
    known: np.ndarray
    others: np.ndarray

    def to_dict(self) -> Dict[str, Any]:
        """Returns the content of ``out_of_distribution`` in ``metrics.json``."""
        return {
            "dataset": self.name,
            "n": self.n,
            "auroc_confidence": self.auroc_confidence,
            "auroc_energy": self.auroc_energy,
        }


def detect_outliers(known: Predictions, others: Predictions, name: str) -> OutlierDetection:
    """Returns how well scores of predictions with logits tell known samples from others."""
    return OutlierDetection(
        name,
        len(others.logits),
        _auroc(known.confidence, others.confidence),
        _auroc(logsumexp(known.logits.astype(float), axis=1), logsumexp(others.logits.astype(float), axis=1)),
        known.confidence,
        others.confidence,
    )


def _auroc(known: np.ndarray, others: np.ndarray) -> float:
    """Returns the area under the ROC curve of scores that should be higher for the known samples."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(np.repeat([1, 0], [len(known), len(others)]), np.concatenate([known, others])))
