"""The memory cell: a single step, and loops over it."""

from __future__ import annotations

import mxnet as mx
import numpy as np
import oracle
import pytest
from mxnet.gluon import HybridBlock
from numerics import check_against, check_close, prepare, run

from gluon_lstm.nn import LSTMCell, LSTMLayer, get_arrays, lstm_step, set_arrays

FAR = 50.0
"""A sum of this size, or of its negative, opens or closes a gate as far as float32 can tell."""


def with_one_bias(trace, activation, prefix=""):
    """Returns an oracle of the cell, whose one bias stands for the sum of a layer's two.

    Args:
        trace: oracle that takes inputs, the parameters of a layer's direction, and the activation.
        activation: of candidate and cell output.
        prefix: what the names of the cell's parameters start with.
    """

    def traced(*args):
        *inputs, arrays = args
        names = {"i2h_weight": "i2h_weight", "h2h_weight": "h2h_weight", "i2h_bias": "bias"}
        renamed = {name: prefix + own for name, own in names.items()}
        p = {name: arrays[own] for name, own in renamed.items()}
        run = trace(*inputs, {**p, "h2h_bias": np.zeros_like(p["i2h_bias"])}, activation)

        def backward(*gradients):
            d_inputs, d_p = run.backward(*gradients)
            return d_inputs, {own: d_p[name] for name, own in renamed.items()}

        return oracle.Traced(run.value, backward)

    return traced


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("batch_size, input_size, hidden_size", [(1, 2, 3), (3, 4, 5), (2, 7, 3)])
def test_step_and_its_gradients(rng, hybridized, activation, batch_size, input_size, hidden_size):
    cell = prepare(LSTMCell(hidden_size, input_size, activation), hybridized)
    shapes = [(batch_size, size) for size in (input_size, hidden_size, hidden_size)]
    check_against(with_one_bias(oracle.lstm_step, activation), cell, *(rng.normal(size=shape) for shape in shapes))


class Loop(HybridBlock):
    """A loop over the cell as a user writes it."""

    def __init__(self, cell, num_steps):
        super().__init__()
        self.cell, self._num_steps = cell, num_steps

    def hybrid_forward(self, F, inputs, hidden, content):
        """Takes inputs (T, N, C) and the first h, c (N, H); gives outputs (T, N, H)."""
        outputs = []
        for step in F.split(inputs, num_outputs=self._num_steps, axis=0, squeeze_axis=True):
            hidden, content = self.cell(step, hidden, content)
            outputs.append(hidden)
        return F.stack(*outputs, axis=0)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_loop_and_its_gradients(rng, hybridized, activation):
    """Long enough that MXNet sums the weights' gradients in the way it has for more than eight uses."""
    loop = prepare(Loop(LSTMCell(5, 4, activation), 30), hybridized)
    inputs = (rng.normal(size=shape) for shape in ((30, 3, 4), (3, 5), (3, 5)))
    check_against(with_one_bias(oracle.lstm, activation, "cell."), loop, *inputs)


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
    np.testing.assert_allclose(state, [np.full((4, 2), hidden), np.full((4, 2), kept)], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_loop_is_the_layer(rng, hybridized, activation):
    layer = prepare(LSTMLayer(5, 3, activation=activation, num_steps=6), hybridized)
    arrays = oracle.under(get_arrays(layer), "forward_")
    bias = arrays.pop("i2h_bias") + arrays.pop("h2h_bias")
    loop = prepare(Loop(LSTMCell(5, 3, activation), 6), hybridized)
    set_arrays(loop, oracle.prefixed("cell.", {**arrays, "bias": bias}), "layer")
    inputs, zeros = rng.normal(size=(6, 2, 3)), np.zeros((2, 5))
    check_close(run(loop, inputs, zeros, zeros), run(layer, inputs))


def test_no_content_is_content_of_zeros(rng):
    sums = mx.nd.array(rng.normal(size=(2, 12)))
    absent, zeros = (lstm_step(mx.nd, sums, content, 3) for content in (None, mx.nd.zeros((2, 3))))
    np.testing.assert_array_equal(absent.hidden.asnumpy(), zeros.hidden.asnumpy())
    np.testing.assert_array_equal(absent.cell.asnumpy(), zeros.cell.asnumpy())
