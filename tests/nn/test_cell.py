"""Single steps of the cells, and loops over them."""

from __future__ import annotations

import numpy as np
import oracle
import pytest
from kinds import UNITS, each_cell
from mxnet.gluon import HybridBlock
from numerics import check_against, check_close, prepare, run, trace_with

from gluon_lstm.nn import LSTM, Gates, GRUCell, LSTMCell, LSTMStep, RecurrentLayer, RNNCell, get_arrays, set_arrays

FAR = 50.0
"""A sum of this size, or of its negative, opens or closes a gate as far as float32 can tell."""

N, C = 3, 4


def states(options, batch_size=N, size=UNITS):
    """Returns random h and c for the cell's options."""
    sizes = (options.get("projection_size") or size, size)
    return [np.random.normal(size=(batch_size, size)) for size in sizes]


@each_cell
@pytest.mark.parametrize("return_gates", [False, True], ids=["state", "gates"])
def test_step_gates_and_gradients(rng, hybridized, options, return_gates):
    cell = prepare(LSTMCell(UNITS, C, return_gates, **options), hybridized)

    def trace(*arguments):
        return oracle.lstm_step(*arguments, **options)[: 6 if return_gates else 2]

    check_against(trace, cell, rng.normal(size=(N, C)), *states(options))


@pytest.mark.parametrize("make, function, options", [
    (GRUCell, oracle.gru_step, {}),
    (RNNCell, oracle.rnn_step, {"activation": "tanh"}),
    (RNNCell, oracle.rnn_step, {"activation": "relu"}),
], ids=["gru", "rnn tanh", "rnn relu"])  # fmt: skip
def test_step_of_the_other_cells(rng, hybridized, make, function, options):
    cell = prepare(make(UNITS, C, **options), hybridized)
    for batch_size in (3, 1, 5):
        inputs = rng.normal(size=(batch_size, C)), rng.normal(size=(batch_size, UNITS))
        check_against(trace_with(function, **options), cell, *inputs)


def test_every_batch_size_after_hybridizing(rng):
    cell = prepare(LSTMCell(UNITS, C), hybridized=True)
    for batch_size in (3, 1, 8, 3):
        check_against(trace_with(step_alone), cell, rng.normal(size=(batch_size, C)), *states({}, batch_size))


def step_alone(*arguments):
    """The oracle's h and c without the gates."""
    return oracle.lstm_step(*arguments)[:2]


def test_gates_have_names(rng, hybridized):
    cell = prepare(LSTMCell(2, C, return_gates=True), hybridized)
    zeros = {name: np.zeros_like(array) for name, array in get_arrays(cell).items()}
    set_arrays(cell, {**zeros, "i2h_bias": np.repeat([1.0, 2.0, 3.0, 4.0], 2)}, "test")
    step = LSTMStep(*run_nested(cell, rng.normal(size=(N, C)), np.zeros((N, 2)), np.ones((N, 2))))
    gates = Gates(*step.gates)
    for name, number in (("input", 1), ("forget", 2), ("output", 4)):
        np.testing.assert_allclose(getattr(gates, name), np.full((N, 2), 1 / (1 + np.exp(-number))), rtol=1e-6)
    np.testing.assert_allclose(gates.candidate, np.full((N, 2), np.tanh(3)), rtol=1e-6)
    np.testing.assert_allclose(step.cell, gates.forget + gates.input * gates.candidate, rtol=1e-6)
    np.testing.assert_allclose(step.hidden, gates.output * np.tanh(step.cell), rtol=1e-6)


def run_nested(cell, *inputs):
    """Returns what a cell with gates gives: h, c, and the gates among themselves."""
    hidden, content, *gates = run(cell, *inputs)
    return hidden, content, gates


class Loop(HybridBlock):
    """A loop over a cell as a user writes it."""

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


def trace_loop(inputs, hidden, content, arrays, **options):
    """The oracle of ``Loop``."""
    return oracle.loop(inputs, (hidden, content), oracle.under(arrays, "cell."), "lstm", **options)


@each_cell
def test_loop(rng, hybridized, options):
    """Long enough that MXNet sums the weights' gradients in the way it has for more than eight uses."""
    loop = prepare(Loop(LSTMCell(UNITS, C, **options), 15), hybridized)
    check_against(trace_with(trace_loop, **options), loop, rng.normal(size=(15, N, C)), *states(options))


def test_loop_of_a_hundred_steps(rng, hybridized):
    loop = prepare(Loop(LSTMCell(UNITS, C), 100), hybridized)
    check_against(trace_loop, loop, rng.normal(size=(100, N, C)), *states({}))


@each_cell
def test_loop_from_zeros_is_the_layer(rng, hybridized, options):
    layer = prepare(RecurrentLayer(LSTM(UNITS, **options), C), hybridized)
    loop = prepare(Loop(LSTMCell(UNITS, C, **options), 6), hybridized)
    arrays = oracle.under(get_arrays(layer), f"forward_{layer.recurrence.prefix}")
    set_arrays(loop, oracle.prefixed("cell.", arrays), "layer")
    inputs, zeros = rng.normal(size=(6, 2, C)), [np.zeros_like(array) for array in states(options, 2)]
    check_close(run(loop, inputs, *zeros), run(layer, inputs))


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
    set_arrays(cell, {**zeros, "i2h_bias": np.repeat(sums, 2)}, "test")
    state = run(cell, np.ones((4, 3)), np.ones((4, 2)), np.full((4, 2), 3.0))
    np.testing.assert_allclose(state, [np.full((4, 2), hidden), np.full((4, 2), kept)], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("gate, hidden, kept", [
    (None, np.tanh(3.0), 3.0),  # forget gate open: all is kept, and so nothing comes in
    (0, np.tanh(0.5), 0.5),  # forget gate closed: the candidate 0.5 takes the content's place
    (2, 0.0, 3.0),  # output gate closed: nothing is shown
])  # fmt: skip
def test_coupled_gates_come_in_the_order_forget_candidate_output(hybridized, gate, hidden, kept):
    cell = prepare(LSTMCell(2, 3, coupled=True), hybridized)
    sums = np.array([FAR, np.arctanh(0.5), FAR])
    if gate is not None:
        sums[gate] = -FAR
    zeros = {name: np.zeros_like(array) for name, array in get_arrays(cell).items()}
    set_arrays(cell, {**zeros, "i2h_bias": np.repeat(sums, 2)}, "test")
    state = run(cell, np.ones((4, 3)), np.ones((4, 2)), np.full((4, 2), 3.0))
    np.testing.assert_allclose(state, [np.full((4, 2), hidden), np.full((4, 2), kept)], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("cell", [LSTMCell, GRUCell, RNNCell])
def test_it_prints_its_sizes(cell):
    assert repr(cell(5, 4)) == f"{cell.__name__}(4 -> 5)"
