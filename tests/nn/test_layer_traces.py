"""What LSTM layers tell of their gates and cells, against the layers' own outputs and the cell."""

from __future__ import annotations

import numpy as np
import pytest
from kinds import UNITS, both_directions, each_cell
from mxnet import nd
from numerics import prepare

from gluon_lstm.nn import GRU, LSTM, LSTMCell, LSTMEncoder, RecurrentLayer

T, N, C = 5, 3, 4


@each_cell
@both_directions
def test_the_traces_outputs_are_the_layers(rng, hybridized, options, bidirectional):
    layer = prepare(RecurrentLayer(LSTM(UNITS, **options), C, bidirectional), hybridized)
    inputs = nd.array(rng.normal(size=(T, N, C)))
    traces = layer.trace(inputs)
    assert [trace.direction for trace in traces] == ["forward", "backward"][: 1 + bidirectional]
    outputs = np.concatenate([trace.hidden.asnumpy() for trace in traces], axis=2)
    np.testing.assert_allclose(outputs, layer(inputs).asnumpy(), atol=1e-6)


@pytest.mark.parametrize("zoneout, zoneout_cell", [(0.3, 0.0), (0.2, 0.4)])
def test_zoneout_keeps_its_share_in_the_trace_too(rng, zoneout, zoneout_cell):
    layer = prepare(RecurrentLayer(LSTM(UNITS), C, zoneout=zoneout, zoneout_cell=zoneout_cell), hybridized=False)
    inputs = nd.array(rng.normal(size=(T, N, C)))
    (trace,) = layer.trace(inputs)
    np.testing.assert_allclose(trace.hidden.asnumpy(), layer(inputs).asnumpy(), atol=1e-6)
    entry, forget, candidate, _ = (gate.asnumpy() for gate in trace.gates)
    before, cell = np.zeros((N, UNITS)), trace.cell.asnumpy()
    for t in range(T):
        new = forget[t] * before + entry[t] * candidate[t]
        before = new + zoneout_cell * (before - new)
        np.testing.assert_allclose(cell[t], before, atol=1e-6)


def test_gates_are_those_of_the_cell(rng):
    layer = prepare(RecurrentLayer(LSTM(UNITS), C), hybridized=False)
    cell = LSTMCell(UNITS, C, return_gates=True)
    cell.initialize()
    for name in ("i2h_weight", "h2h_weight", "i2h_bias", "h2h_bias"):
        getattr(cell, name).set_data(getattr(layer, f"forward_{name}").data())
    inputs, state = nd.array(rng.normal(size=(T, N, C))), [nd.zeros((N, UNITS))] * 2
    (trace,) = layer.trace(inputs)
    for t in range(T):
        hidden, memory, gates = cell(inputs[t], *state)
        state = [hidden, memory]
        for found, expected in zip((*trace.gates, trace.cell, trace.hidden), (*gates, memory, hidden)):
            np.testing.assert_allclose(found[t].asnumpy(), expected.asnumpy(), atol=1e-6)


def test_each_layer_reads_what_the_one_before_gives(rng, hybridized):
    options = {"bidirectional": True, "residual": True, "layer_norm": True, "dropout": 0.5, "input_dropout": 0.5}
    encoder = prepare(LSTMEncoder(UNITS, 2 * UNITS, num_layers=3, **options), hybridized)
    inputs = nd.array(rng.normal(size=(T, N, 2 * UNITS)))
    read = inputs
    for traces, norm in zip(encoder.trace(inputs), encoder.norms):
        read = norm(read + nd.concat(*(trace.hidden for trace in traces), dim=2))
    np.testing.assert_allclose(read.asnumpy(), encoder(inputs).outputs.asnumpy(), atol=1e-5)


def test_other_layers_have_no_such_gates():
    with pytest.raises(TypeError, match=r"GRU\(4 -> 5\): only an LSTM has such gates"):
        RecurrentLayer(GRU(5), C).trace(nd.zeros((T, N, C)))
