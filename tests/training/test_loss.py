"""The loss, against NumPy, scikit-learn and PyTorch."""

import mxnet as mx
import numpy as np
import pytest
from scipy.special import log_softmax
from sklearn.metrics import log_loss
from sklearn.utils.class_weight import compute_class_weight

from gluon_lstm.training.loss import ClassificationLoss, balanced_weights

WEIGHTS = np.array([0.5, 2.0, 1.0, 0.25], np.float32)


@pytest.fixture
def make(hybridized):
    """A function that makes a loss and returns it as a function of NumPy arrays, of losses and gradient."""

    def build(smoothing=0.0, weights=None):
        loss = ClassificationLoss(smoothing, weights)
        loss.initialize()
        if hybridized:
            loss.hybridize(static_alloc=True)

        def run(logits, labels):
            inputs = mx.nd.array(logits)
            inputs.attach_grad()
            with mx.autograd.record():
                losses = loss(inputs, mx.nd.array(labels, dtype="int32"))
            losses.backward()
            return losses.asnumpy(), inputs.grad.asnumpy()

        return run

    return build


@pytest.fixture
def logits(rng):
    return rng.normal(0, 3, (12, 4)).astype(np.float32)


@pytest.fixture
def labels():
    return np.arange(12) % 4


def expected(logits, labels, smoothing=0.0, weights=None):
    """Returns the formula of the docstring in float64."""
    logs = log_softmax(logits.astype(np.float64), axis=1)
    picked = logs[np.arange(len(labels)), labels]
    losses = -(1 - smoothing) * picked - smoothing / logits.shape[1] * logs.sum(axis=1)
    return losses if weights is None else losses * weights[labels]


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["", "weighted"])
def test_losses_are_those_of_the_formula(make, logits, labels, smoothing, weights):
    losses, _ = make(smoothing, weights)(logits, labels)
    # MXNet's logarithm of the softmax is within 1e-5, not within the rounding of a small loss.
    np.testing.assert_allclose(losses, expected(logits, labels, smoothing, weights), rtol=1e-5, atol=1e-5)
    assert losses.dtype == np.float32


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["", "weighted"])
def test_gradients_are_slopes(make, logits, labels, smoothing, weights):
    _, gradient = make(smoothing, weights)(logits, labels)
    for column in range(4):
        step = np.eye(4)[column] * 1e-5
        high, low = (expected(logits + sign * step, labels, smoothing, weights) for sign in (1, -1))
        np.testing.assert_allclose(gradient[:, column], (high - low) / 2e-5, atol=2e-3)


def test_the_mean_is_scikit_learns_log_loss(make, logits, labels):
    losses, _ = make()(logits, labels)
    probabilities = np.exp(log_softmax(logits.astype(np.float64), axis=1))
    assert losses.mean() == pytest.approx(log_loss(labels, probabilities, labels=range(4)), rel=1e-5)
    weighted, _ = make(weights=WEIGHTS)(logits, labels)
    mean = log_loss(labels, probabilities, labels=range(4), sample_weight=WEIGHTS[labels])
    assert weighted.sum() / WEIGHTS[labels].sum() == pytest.approx(mean, rel=1e-5)


@pytest.mark.parametrize("smoothing, weights", [(0.0, None), (0.1, None), (0.9, None), (0.0, WEIGHTS)])
def test_losses_and_gradients_are_pytorchs(make, logits, labels, smoothing, weights):
    torch = pytest.importorskip("torch")
    inputs = torch.tensor(logits, requires_grad=True)
    losses = torch.nn.functional.cross_entropy(
        inputs,
        torch.tensor(labels),
        weight=None if weights is None else torch.tensor(weights),
        label_smoothing=smoothing,
        reduction="none",
    )
    losses.sum().backward()
    found, gradient = make(smoothing, weights)(logits, labels)
    np.testing.assert_allclose(found, losses.detach().numpy(), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(gradient, inputs.grad.numpy(), atol=1e-5)


def test_great_logits_give_finite_losses(make):
    losses, gradient = make(0.1)(np.array([[1e4, -1e4, 0], [-1e4, 1e4, 0]], np.float32), np.array([0, 0]))
    assert np.isfinite(losses).all()
    assert np.isfinite(gradient).all()


def test_weights_are_not_trained():
    loss = ClassificationLoss(0.0, WEIGHTS)
    loss.initialize()
    assert [parameter.grad_req for parameter in loss.collect_params().values()] == ["null"]
    assert not ClassificationLoss(0.1).collect_params().keys()


@pytest.mark.parametrize("counts", [[5, 5], [90, 10], [1, 2, 3, 400]])
def test_balanced_weights_are_scikit_learns(counts):
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(len(counts)), counts)).astype(np.int32)
    weights = balanced_weights(labels, len(counts))
    theirs = compute_class_weight("balanced", classes=np.unique(labels), y=labels)
    np.testing.assert_allclose(weights, theirs, rtol=1e-6)
    assert weights.dtype == np.float32
    assert weights[labels].mean() == pytest.approx(1, rel=1e-5)


def test_a_class_without_samples_takes_nothing_from_the_others():
    labels = np.array([0, 0, 0, 2])
    weights = balanced_weights(labels, 4)
    np.testing.assert_allclose(weights[[0, 2]], [4 / 6, 2.0])
    assert np.isfinite(weights).all()
