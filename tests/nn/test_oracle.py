"""The oracle itself: steps by hand, in plain Python numbers."""

from __future__ import annotations

import math

import numpy as np
import oracle
import pytest
from tape import Var

X, H, C = 2.0, -1.0, 0.5
"""Input, hidden state and cell of a single unit."""


def logistic(x):
    """The sigmoid as every book has it."""
    return 1 / (1 + math.exp(-x))


def column(*numbers):
    """Returns numbers as a weight (rows, 1)."""
    return Var(np.array(numbers)[:, None])


def parameters(gates, **others):
    """Returns weights of a single unit, different for each gate."""
    numbers = np.arange(1, gates + 1) / 10
    weights = {"i2h_weight": column(*numbers), "h2h_weight": column(*(numbers + 0.4))}
    return {**weights, "i2h_bias": Var(numbers / 10), "h2h_bias": Var(np.full(gates, 0.1)), **others}


def step(function, p, *state, **options):
    """Runs a step of a single unit."""
    return [value.value.item() for value in function(*(Var([[number]]) for number in (X, *state)), p, **options)]


def test_lstm_by_hand():
    i = logistic(0.1 * X + 0.5 * H + 0.11)
    f = logistic(0.2 * X + 0.6 * H + 0.12)
    g = math.tanh(0.3 * X + 0.7 * H + 0.13)
    o = logistic(0.4 * X + 0.8 * H + 0.14)
    c = f * C + i * g
    expected = [o * math.tanh(c), c, i, f, g, o]
    assert step(oracle.lstm_step, parameters(4), H, C) == pytest.approx(expected, rel=1e-14)


def test_lstm_with_peepholes_coupled_gates_and_projection_by_hand():
    p = parameters(3, forget_peephole=Var([0.3]), output_peephole=Var([-0.7]), h2r_weight=Var([[0.25]]))
    f = logistic(0.1 * X + 0.5 * H + 0.11 + 0.3 * C)
    g = max(0.2 * X + 0.6 * H + 0.12, 0)
    c = f * C + (1 - f) * g
    o = logistic(0.3 * X + 0.7 * H + 0.13 - 0.7 * c)
    options = {"peephole": True, "coupled": True, "projection_size": 1, "activation": "relu"}
    assert step(oracle.lstm_step, p, H, C, **options)[:2] == pytest.approx([0.25 * o * max(c, 0), c], rel=1e-14)


def test_gru_by_hand():
    r = logistic(0.1 * X + 0.01 + 0.5 * H + 0.1)
    z = logistic(0.2 * X + 0.02 + 0.6 * H + 0.1)
    n = math.tanh(0.3 * X + 0.03 + r * (0.7 * H + 0.1))
    assert step(oracle.gru_step, parameters(3), H) == pytest.approx([(1 - z) * n + z * H], rel=1e-14)


def test_rnn_by_hand():
    assert step(oracle.rnn_step, parameters(1), H) == pytest.approx([math.tanh(0.1 * X + 0.5 * H + 0.11)], rel=1e-14)


def test_normalization_by_hand():
    value = oracle.normalize(Var([[1.0, 3.0]]), Var([2.0, 5.0]), Var([0.1, 0.2])).value
    np.testing.assert_allclose(value, [[-2 / math.sqrt(1 + 1e-5) + 0.1, 5 / math.sqrt(1 + 1e-5) + 0.2]], rtol=1e-14)


def test_attention_by_hand():
    arrays = {"attention_weight": Var([[0.5]]), "attention_bias": Var([0.1]), "attention_vector": Var([[2.0]])}
    weights = [math.exp(2 * math.tanh(0.5 * h + 0.1)) for h in (1.0, 3.0)]
    expected = (weights[0] + 3 * weights[1]) / sum(weights)
    assert oracle.attention(Var([[[1.0]], [[3.0]]]), arrays).value.item() == pytest.approx(expected, rel=1e-14)


def test_each_sequence_is_cut_where_it_ends():
    inputs = Var(np.arange(1.0, 7).reshape(3, 2, 1))
    outputs, first = oracle.each_alone(lambda x: (x * 10, x[0]), [3, 1], inputs)
    np.testing.assert_array_equal(outputs.value[..., 0], [[10, 20], [30, 0], [50, 0]])
    np.testing.assert_array_equal(first.value, [[1], [2]])
