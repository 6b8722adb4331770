"""The weights of network and n-gram model, against a search that shares no code with their fit."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from gluon_lstm.training.mixture import MOST, fit_mixture


def softmax(logits):
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def answers(rng, count, classes, signal, noise):
    """Returns labels, and two answers that tell of them with a signal each, in noise of their own."""
    labels = np.arange(count) % classes
    truth = np.eye(classes)[labels]
    return labels, *(s * truth + noise * rng.normal(size=truth.shape) for s in signal)


@pytest.mark.parametrize("classes", [2, 5])
def test_no_other_weights_are_likelier(rng, classes):
    labels, logits, scores = answers(rng, 400, classes, signal=(1.0, 2.0), noise=1.0)
    a, b = fit_mixture(logits, scores, labels).astype(float)

    def objective(one, other):
        loss = log_loss(labels, softmax(one * logits + other * scores), labels=range(classes))
        return loss + ((one - 1) ** 2 + (other - 1) ** 2) / len(labels)

    for near in (0.9, 0.99, 1.01, 1.1):
        assert objective(a, b) < objective(near * a, b)
        assert objective(a, b) < objective(a, near * b)


def test_of_many_texts_of_two_classes_they_are_those_of_a_logistic_regression(rng):
    labels, logits, scores = answers(rng, 50_000, 2, signal=(1.0, 0.5), noise=1.0)
    features = np.stack([logits[:, 1] - logits[:, 0], scores[:, 1] - scores[:, 0]], axis=1)
    regression = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-8).fit(features, labels)
    np.testing.assert_allclose(fit_mixture(logits, scores, labels), regression.coef_[0], rtol=1e-3)


def test_who_says_nothing_or_the_opposite_does_not_count(rng):
    labels, logits, scores = answers(rng, 2_000, 3, signal=(1.0, 0.0), noise=1.0)
    assert fit_mixture(logits, scores, labels)[1] < 0.1
    assert fit_mixture(logits, 1 - scores, labels)[0] > 0


def test_few_texts_without_a_mistake_make_nobody_sure(rng):
    labels = np.array([0, 1, 0, 1])
    perfect = 10.0 * np.eye(2)[labels]
    weights = fit_mixture(perfect, perfect, labels)
    assert ((weights > 0.5) & (weights < 3)).all()
    sure = fit_mixture(0.01 * np.eye(2)[np.arange(90_000) % 2], np.zeros((90_000, 2)), np.arange(90_000) % 2)
    assert sure[0] <= MOST and sure.dtype == np.float32
