"""Random predictions, such as the tests of the numbers ask for."""

from __future__ import annotations

import numpy as np

from gluon_lstm.evaluation.predict import Predictions, softmax


def random_predictions(samples=400, classes=4, gain=2.0, seed=0) -> Predictions:
    """Returns predictions that are right the more often, and surer, the greater the gain is."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, samples).astype(np.int32)
    logits = 2 * rng.normal(size=(samples, classes))
    logits[np.arange(samples), labels] += gain
    return Predictions(softmax(logits), labels, logits.astype(np.float32))
