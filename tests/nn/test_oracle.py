"""The oracle itself: a step by hand, and its gradients against differences of its own outputs."""

from __future__ import annotations

import math

import numpy as np
import oracle
import pytest
from numerics import as_tuple

from gluon_lstm.nn import SequenceClassifier, get_arrays


def logistic(x):
    """The sigmoid as every book has it."""
    return 1 / (1 + math.exp(-x))


def test_step_of_a_single_unit_by_hand():
    p = {
        "i2h_weight": np.array([[0.1], [0.2], [0.3], [0.4]]),
        "h2h_weight": np.array([[0.5], [0.6], [0.7], [0.8]]),
        "i2h_bias": np.array([0.01, 0.02, 0.03, 0.04]),
        "h2h_bias": np.array([0.1, 0.1, 0.1, 0.1]),
    }
    x, h, c = 2.0, -1.0, 0.5
    i = logistic(0.1 * x + 0.5 * h + 0.11)
    f = logistic(0.2 * x + 0.6 * h + 0.12)
    g = math.tanh(0.3 * x + 0.7 * h + 0.13)
    o = logistic(0.4 * x + 0.8 * h + 0.14)
    c_next = f * c + i * g
    value = oracle.lstm_step(*(np.array([[v]]) for v in (x, h, c)), p).value
    np.testing.assert_allclose(np.ravel(value), [o * math.tanh(c_next), c_next], rtol=1e-14)


def loss(trace, arrays, weights):
    """The sum of all that ``trace`` computes, weighted."""
    return sum((value * weight).sum() for value, weight in zip(as_tuple(trace(arrays).value), weights))


def check_gradients(trace, arrays, rng, step=1e-6):
    """Compares the gradient of every array, along a random direction, with a central difference.

    Args:
        trace: takes the parameters, ``inputs`` among them, and gives a ``Traced``.
        arrays: parameters by name.
        rng: random stream.
        step: how far to go to either side.
    """
    traced = trace(arrays)
    weights = [rng.normal(size=value.shape) for value in as_tuple(traced.value)]
    d_inputs, gradients = traced.backward(*weights)
    gradients = {"inputs": d_inputs, **gradients}
    assert set(gradients) == set(arrays)
    for name, gradient in gradients.items():
        direction = rng.normal(size=gradient.shape)
        sides = [loss(trace, {**arrays, name: arrays[name] + sign * step * direction}, weights) for sign in (1, -1)]
        assert (sides[0] - sides[1]) / (2 * step) == pytest.approx((gradient * direction).sum(), rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("pooling", ["last", "mean", "max", "mean+max"])
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_gradients_are_central_differences(rng, activation, pooling, groups, bidirectional):
    net = SequenceClassifier(
        3, input_size=4, hidden_size=3, num_layers=2, bidirectional=bidirectional, groups=groups, pooling=pooling,
        head_size=5,
    )  # fmt: skip
    net.initialize()
    arrays = {name: rng.normal(0, 0.5, array.shape) for name, array in get_arrays(net).items()}

    def trace(arrays):
        return oracle.classifier(arrays["inputs"], arrays, activation, pooling)

    check_gradients(trace, {"inputs": rng.normal(size=(5, 2, 4)), **arrays}, rng)
