"""The memory cell: a single step, and loops over it."""

from __future__ import annotations

import mxnet as mx
import numpy as np
import oracle
import pytest
from numerics import check_against, check_close, double, prepare, run

from gluon_lstm.nn import LSTMCell, LSTMLayer, get_arrays, lstm_step, set_arrays

FAR = 50.0
"""A sum of this size, or of its negative, opens or closes a gate as far as float32 can tell."""


def trace(activation):
    """Returns the oracle's step for a cell, whose one bias is the sum of the layer's two."""

    def step(x, h, c, arrays):
        bias = arrays["bias"]
        p = {**arrays, "i2h_bias": bias, "h2h_bias": np.zeros_like(bias)}
        traced = oracle.lstm_step(x, h, c, p, activation)

        def backward(*gradients):
            d_inputs, d_p = traced.backward(*gradients)
            return d_inputs, {"bias": d_p["i2h_bias"], **{name: d_p[name] for name in arrays if name != "bias"}}

        return oracle.Traced(traced.value, backward)

    return step


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("batch_size, input_size, hidden_size", [(1, 1, 1), (3, 4, 5), (2, 7, 3)])
def test_step_and_its_gradients(rng, hybridized, activation, batch_size, input_size, hidden_size):
    cell = prepare(LSTMCell(hidden_size, input_size, activation), hybridized)
    shapes = [(batch_size, size) for size in (input_size, hidden_size, hidden_size)]
    check_against(trace(activation), cell, *(rng.normal(size=shape) for shape in shapes))


@pytest.mark.parametrize("gate, hidden, kept", [
    (None, np.tanh(3.5), 3.5),  # all open: the candidate 0.5 is added to the content 3
    (0, np.tanh(3.0), 3.0),  # input gate closed: nothing comes in
    (1, np.tanh(0.5), 0.5),  # forget gate closed: the content is gone
    (3, 0.0, 3.5),  # output gate closed: nothing is shown
])  # fmt: skip
def test_gates_come_in_the_order_input_forget_candidate_output(hybridized, gate, hidden, kept):
    cell = prepare(LSTMCell(2, 3), hybridized)
    sums = np.array([FAR, FAR, np.arctanh(0.5), FAR])
    if gate is not None:
        sums[gate] = -FAR
    zeros = {name: np.zeros_like(array) for name, array in get_arrays(cell).items()}
    set_arrays(cell, {**zeros, "bias": np.repeat(sums, 2)}, "test")
    state = run(cell, np.ones((4, 3)), np.ones((4, 2)), np.full((4, 2), 3.0))
    np.testing.assert_allclose(state, [np.full((4, 2), hidden), np.full((4, 2), kept)], rtol=1e-6)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_loop_over_the_cell_is_the_layer(rng, hybridized, activation):
    layer = prepare(LSTMLayer(5, 3, activation=activation, num_steps=6), hybridized)
    arrays = oracle.under(get_arrays(layer), "forward_")
    bias = arrays.pop("i2h_bias") + arrays.pop("h2h_bias")
    cell = prepare(LSTMCell(5, 3, activation), hybridized)
    set_arrays(cell, {**arrays, "bias": bias}, "layer")
    inputs, state, outputs = rng.normal(size=(6, 2, 3)), (np.zeros((2, 5)),) * 2, []
    for step in inputs:
        state = run(cell, step, *state)
        outputs.append(state[0])
    check_close(np.stack(outputs), run(layer, inputs)[0])


def test_no_content_is_content_of_zeros(rng):
    sums = mx.nd.array(rng.normal(size=(2, 12)))
    for absent, zeros in zip(lstm_step(mx.nd, sums, None, 3), lstm_step(mx.nd, sums, mx.nd.zeros((2, 3)), 3)):
        np.testing.assert_array_equal(absent.asnumpy(), zeros.asnumpy())


def test_state_of_a_step_is_named(rng):
    sums = double(rng.normal(size=(2, 12)))
    state = lstm_step(mx.nd, mx.nd.array(sums), None, 3)
    i, _, g, o = np.split(sums, 4, axis=1)
    cell = oracle.sigmoid(i) * np.tanh(g)
    check_close((state.hidden.asnumpy(), state.cell.asnumpy()), (oracle.sigmoid(o) * np.tanh(cell), cell))
