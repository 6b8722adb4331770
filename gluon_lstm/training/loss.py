"""What training makes small."""

from typing import Optional

import mxnet as mx
import numpy as np
from mxnet.gluon import HybridBlock


class ClassificationLoss(HybridBlock):
    """Cross-entropy of each sample, in nats, with smoothed labels and weighted classes.

    With the probabilities p, the label y, the smoothing s over K classes and the
    label's weight w_y (Szegedy et al. 2016, section 7)::

        loss = -w_y · ((1 - s) · ln p_y + s / K · Σ_k ln p_k)

    Args:
        smoothing: s.
        weights: (K,) float32, w; all 1 where ``None``.
    """

    def __init__(self, smoothing: float = 0.0, weights: Optional[np.ndarray] = None, **kwargs):
        super().__init__(**kwargs)
        self._smoothing = smoothing
        self._weighted = weights is not None
        if self._weighted:
            self.weights = self.params.get_constant("weights", mx.nd.array(weights))

    def hybrid_forward(self, F, logits, labels, weights=None):
        """Takes logits (N, K) float32 and labels (N,) int32; gives losses (N,) float32."""
        log_probabilities = F.log_softmax(logits)
        loss = -F.pick(log_probabilities, labels)
        if self._smoothing:
            loss = (1 - self._smoothing) * loss - self._smoothing * F.mean(log_probabilities, axis=1)
        return loss * F.take(weights, labels) if self._weighted else loss


def balanced_weights(labels: np.ndarray, num_classes: int) -> np.ndarray:
    """Returns weights (K,) float32 with which each class counts alike, of mean 1 over the samples.

    Args:
        labels: (M,) integers.
        num_classes: K.
    """
    counts = np.bincount(labels, minlength=num_classes)
    present = np.count_nonzero(counts)
    return (len(labels) / (present * np.maximum(counts, 1))).astype(np.float32)
