"""One layer: the fused operator and the unrolled cell, by value."""

from __future__ import annotations

import json

import numpy as np
import oracle
import pytest
from kinds import UNITS, both_directions, each_cell, each_implementation, each_kind, make_recurrence, with_lengths
from mxnet.gluon import nn
from numerics import check_against, check_close, prepare, run, some_lengths, trace_with

from gluon_lstm.nn import GRU, LSTM, RecurrentLayer, get_arrays, set_arrays

FAR = 50.0
"""A sum of this size, or of its negative, opens or closes a gate as far as float32 can tell."""

T, N, C = 5, 3, 4


@each_cell
@both_directions
@with_lengths
def test_outputs_and_gradients_of_every_option(rng, hybridized, options, bidirectional, padded):
    layer = prepare(RecurrentLayer(LSTM(UNITS, **options), C, bidirectional), hybridized)
    lengths = some_lengths(T, N) if padded else None
    check_against(trace_with(oracle.layer, **options), layer, rng.normal(size=(T, N, C)), lengths=lengths)


@each_cell
def test_hundred_steps(rng, options):
    layer = prepare(RecurrentLayer(LSTM(UNITS, **options), C), hybridized=True)
    check_against(trace_with(oracle.layer, **options), layer, rng.normal(size=(100, 2, C)), lengths=[100, 33])


@each_kind
@with_lengths
@each_implementation
def test_backward_direction_reads_from_the_end(rng, hybridized, kind, padded, implementation):
    both, alone = (
        prepare(RecurrentLayer(make_recurrence(kind, 5), C, two, implementation=implementation), hybridized)
        for two in (True, False)
    )
    set_arrays(alone, oracle.prefixed("forward_", oracle.under(get_arrays(both), "backward_")), "both")
    inputs, lengths = rng.normal(size=(T, N, C)), some_lengths(T, N) if padded else np.full(N, T)
    outputs = run(both, inputs, lengths=lengths if padded else None)[0][..., 5:]
    for n, length in enumerate(lengths):
        turned = run(alone, inputs[:length, [n]][::-1])[0][::-1]
        check_close(outputs[:length, [n]], turned)


@each_implementation
@pytest.mark.parametrize("gate, contents", [
    (None, [0.5, 1.0, 1.5, 2.0]),  # all open: the candidate 0.5 is added at each step
    (0, [0.0, 0.0, 0.0, 0.0]),  # input gate closed: nothing comes in
    (1, [0.5, 0.5, 0.5, 0.5]),  # forget gate closed: only the newest candidate is there
    (3, [0.0, 0.0, 0.0, 0.0]),  # output gate closed: nothing is shown
])  # fmt: skip
def test_gates_come_in_the_order_input_forget_candidate_output(hybridized, implementation, gate, contents):
    layer = prepare(RecurrentLayer(LSTM(5), C, implementation=implementation), hybridized)
    sums = np.array([FAR, FAR, np.arctanh(0.5), FAR])
    if gate is not None:
        sums[gate] = -FAR
    zeros = {name: np.zeros_like(array) for name, array in get_arrays(layer).items()}
    set_arrays(layer, {**zeros, "forward_h2h_bias": np.repeat(sums, 5)}, "test")
    outputs = run(layer, np.ones((4, 3, C)))[0]
    np.testing.assert_allclose(outputs, np.broadcast_to(np.tanh(contents)[:, None, None], (4, 3, 5)), atol=1e-6)


@each_implementation
def test_open_forget_gate_keeps_the_content(rng, hybridized, implementation):
    layer = RecurrentLayer(LSTM(3, forget_bias=1e4), C, implementation=implementation)
    layer.initialize()
    arrays = get_arrays(layer)
    # Inputs reach the candidate alone, and the state nothing: the content grows by the first step's candidate only.
    arrays["forward_i2h_weight"][[*range(0, 6), *range(9, 12)]] = 0
    arrays["forward_h2h_weight"][:] = 0
    set_arrays(layer, arrays, "test")
    layer.hybridize(hybridized)
    inputs = np.concatenate([rng.normal(size=(1, 2, C)), np.zeros((29, 2, C))])
    outputs = run(layer, inputs)[0]
    assert np.abs(outputs[0]).min() > 0
    np.testing.assert_array_equal(outputs, np.broadcast_to(outputs[0], outputs.shape))


@pytest.mark.parametrize("recurrence, options, steps_matter", [
    (LSTM(5), {}, False),
    (GRU(5), {}, False),
    (LSTM(5), {"weight_dropout": 0.5}, False),
    (LSTM(5), {"implementation": "cell"}, True),
    (LSTM(5), {"zoneout": 0.1}, True),
    (LSTM(5), {"zoneout_cell": 0.1}, True),
    (LSTM(5, activation="relu"), {}, True),
    (LSTM(5, recurrent_activation="tanh"), {}, True),
    (LSTM(5, peephole=True), {}, True),
    (LSTM(5, coupled=True), {}, True),
    (LSTM(5, layer_norm=True), {}, True),
    (LSTM(5, projection_size=2), {}, True),
])  # fmt: skip
def test_auto_takes_the_fused_operator_where_it_can(rng, recurrence, options, steps_matter):
    layer = prepare(RecurrentLayer(recurrence, C, **options), hybridized=True)
    for steps in (3, 5):
        run(layer, rng.normal(size=(steps, 2, C)))
    names = [node["op"] for node in _nodes(layer)]
    assert ("RNN" in names) != steps_matter
    assert len(layer._graphs) == 1 + steps_matter, "a graph for each T only where the steps are unrolled"


def _nodes(layer):
    """Returns the operators of the layer's newest graph."""
    return json.loads(layer._cached_graph[1].tojson())["nodes"]


class Around(nn.HybridSequential):
    """A hybridized block that is no ``SequenceBlock``, and so does not tell T to the blocks inside."""


def test_unrolled_layer_inside_of_another_block_needs_num_steps(rng):
    blind = Around()
    blind.add(RecurrentLayer(LSTM(5), C, implementation="cell"))
    with pytest.raises(ValueError, match="needs num_steps, the number of time steps"):
        run(prepare(blind, hybridized=True), rng.normal(size=(T, 2, C)))


def test_unrolled_layer_inside_of_another_block_works_with_num_steps(rng):
    told = Around()
    told.add(RecurrentLayer(LSTM(5), C, True, implementation="cell", num_steps=T))
    check_against(
        lambda inputs, arrays: oracle.layer(inputs, oracle.under(arrays, "0.")),
        prepare(told, hybridized=True),
        rng.normal(size=(T, 2, C)),
    )
