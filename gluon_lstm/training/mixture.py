"""How much a network and an n-gram model count where they answer together."""

from __future__ import annotations

import numpy as np
from scipy import optimize, special

MOST = 100.0
"""Greatest weight: what texts that are told apart without a mistake would drive beyond all bounds."""


def fit_mixture(logits: np.ndarray, scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Returns the weights a and b, from 0 to ``MOST``, with which ``a · logits + b · scores`` says most of the labels.

    They have the least negative log-likelihood of the softmax, plus a penalty
    ((a - 1)² + (b - 1)²) / M that keeps few texts from saying too much. The function is
    convex. With one kind of logits alone it is temperature scaling (Guo et al. 2017).

    Args:
        logits: (M, K), of texts that neither model has seen.
        scores: (M, K), of the n-gram model.
        labels: (M,) integers.

    Returns:
        (2,) float32.
    """
    answers = np.stack([logits, scores]).astype(np.float64)
    of_label = answers[:, np.arange(len(labels)), labels]

    def objective(weights: np.ndarray):
        mixed = np.tensordot(weights, answers, axes=1)
        loss = np.mean(special.logsumexp(mixed, axis=1) - weights @ of_label)
        expected = (special.softmax(mixed, axis=1) * answers).sum(axis=2)
        gradient = np.mean(expected - of_label, axis=1)
        return loss + np.sum((weights - 1) ** 2) / len(labels), gradient + 2 * (weights - 1) / len(labels)

    found = optimize.minimize(objective, np.ones(2), jac=True, method="L-BFGS-B", bounds=[(0.0, MOST)] * 2)
    return found.x.astype(np.float32)
