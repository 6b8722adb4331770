"""One layer: the fused operator and the unrolled cell, by value."""

from __future__ import annotations

import numpy as np
import oracle
import pytest
from mxnet.base import MXNetError
from numerics import check_against, check_close, measure, prepare, run

from gluon_lstm.nn import LSTMLayer, get_arrays, set_arrays

KINDS = [("fused", "tanh"), ("cell", "tanh"), ("cell", "relu")]
"""Implementations with the activations they have."""

FAR = 50.0
"""A sum of this size, or of its negative, opens or closes a gate as far as float32 can tell."""


def trace(activation):
    """Returns the oracle's layer."""
    return lambda inputs, arrays: oracle.layer(inputs, arrays, activation)


def make(kind, hybridized, bidirectional=False, steps=None, hidden_size=5, input_size=4):
    """Returns a layer with random parameters."""
    implementation, activation = kind
    layer = LSTMLayer(
        hidden_size, input_size, bidirectional, activation, implementation=implementation, num_steps=steps
    )  # fmt: skip
    return prepare(layer, hybridized)


@pytest.mark.parametrize("kind", KINDS, ids="-".join)
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("shape", [(1, 1, 4), (1, 3, 4), (2, 1, 6), (7, 3, 4)])
def test_outputs_and_gradients(rng, hybridized, kind, bidirectional, shape):
    layer = make(kind, hybridized, bidirectional, steps=shape[0], input_size=shape[2])
    check_against(trace(kind[1]), layer, rng.normal(size=shape))


@pytest.mark.parametrize("kind", KINDS, ids="-".join)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_hundred_steps(rng, kind, bidirectional):
    layer = make(kind, True, bidirectional, steps=100)
    check_against(trace(kind[1]), layer, rng.normal(size=(100, 3, 4)))


@pytest.mark.parametrize("kind", KINDS, ids="-".join)
def test_every_batch_size_after_hybridizing(rng, kind):
    layer = make(kind, True, bidirectional=True, steps=4)
    for batch_size in (3, 1, 8, 3):
        check_against(trace(kind[1]), layer, rng.normal(size=(4, batch_size, 4)))


@pytest.mark.parametrize("bidirectional", [False, True])
def test_fused_equals_cell(rng, hybridized, bidirectional):
    fused, cell = (make((name, "tanh"), hybridized, bidirectional, steps=6) for name in ("fused", "cell"))
    set_arrays(cell, get_arrays(fused), "fused")
    inputs, weights = rng.normal(size=(6, 3, 4)), rng.normal(size=(6, 3, 5 * (1 + bidirectional)))
    a, b = measure(fused, [inputs], [weights]), measure(cell, [inputs], [weights])
    check_close((*a.outputs, *a.inputs), (*b.outputs, *b.inputs))
    check_close(list(a.parameters.values()), list(b.parameters.values()))


@pytest.mark.parametrize("kind", KINDS, ids="-".join)
def test_backward_direction_reads_from_the_end(rng, hybridized, kind):
    both = make(kind, hybridized, bidirectional=True, steps=6)
    alone = make(kind, hybridized, steps=6)
    set_arrays(alone, oracle.prefixed("forward_", oracle.under(get_arrays(both), "backward_")), "both")
    inputs = rng.normal(size=(6, 3, 4))
    check_close(run(both, inputs)[0][:, :, 5:], run(alone, inputs[::-1])[0][::-1])


@pytest.mark.parametrize("implementation", ["fused", "cell"])
@pytest.mark.parametrize("gate, contents", [
    (None, [0.5, 1.0, 1.5, 2.0]),  # all open: the candidate 0.5 is added at each step
    (0, [0.0, 0.0, 0.0, 0.0]),  # input gate closed: nothing comes in
    (1, [0.5, 0.5, 0.5, 0.5]),  # forget gate closed: only the newest candidate is there
    (3, [0.0, 0.0, 0.0, 0.0]),  # output gate closed: nothing is shown
])  # fmt: skip
def test_gates_come_in_the_order_input_forget_candidate_output(hybridized, implementation, gate, contents):
    layer = make((implementation, "tanh"), hybridized, steps=4)
    sums = np.array([FAR, FAR, np.arctanh(0.5), FAR])
    if gate is not None:
        sums[gate] = -FAR
    zeros = {name: np.zeros_like(array) for name, array in get_arrays(layer).items()}
    set_arrays(layer, {**zeros, "forward_h2h_bias": np.repeat(sums, 5)}, "test")
    outputs = run(layer, np.ones((4, 3, 4)))[0]
    np.testing.assert_allclose(outputs, np.broadcast_to(np.tanh(contents)[:, None, None], (4, 3, 5)), atol=1e-6)


@pytest.mark.parametrize("implementation", ["fused", "cell"])
def test_open_forget_gate_keeps_the_content(rng, hybridized, implementation):
    layer = LSTMLayer(3, 4, forget_bias=1e4, implementation=implementation, num_steps=30)
    layer.initialize()
    arrays = get_arrays(layer)
    # Inputs reach the candidate alone, and the state nothing: the content grows by the first step's candidate only.
    arrays["forward_i2h_weight"][[*range(0, 6), *range(9, 12)]] = 0
    arrays["forward_h2h_weight"][:] = 0
    set_arrays(layer, arrays, "test")
    layer.hybridize(hybridized)
    inputs = np.concatenate([rng.normal(size=(1, 2, 4)), np.zeros((29, 2, 4))])
    outputs = run(layer, inputs)[0]
    assert np.abs(outputs[0]).min() > 0
    np.testing.assert_array_equal(outputs, np.broadcast_to(outputs[0], outputs.shape))


@pytest.mark.parametrize("activation, fused", [("tanh", True), ("relu", False)])
def test_auto_takes_the_fused_operator_where_it_can(rng, activation, fused):
    layer = make(("auto", activation), hybridized=True)
    if fused:
        check_against(trace(activation), layer, rng.normal(size=(3, 2, 4)))
    else:
        with pytest.raises(ValueError, match="unrolled over its cell needs num_steps to be hybridized"):
            run(layer, rng.normal(size=(3, 2, 4)))


@pytest.mark.parametrize("kind", KINDS, ids="-".join)
def test_eager_layer_reads_any_length(rng, kind):
    layer = make(kind, hybridized=False, steps=5)
    for steps in (5, 3, 8):
        check_against(trace(kind[1]), layer, rng.normal(size=(steps, 2, 4)))


def test_hybridized_fused_layer_reads_any_length(rng):
    layer = make(("fused", "tanh"), hybridized=True, bidirectional=True)
    for steps in (5, 3, 8):
        check_against(trace("tanh"), layer, rng.normal(size=(steps, 2, 4)))


@pytest.mark.parametrize("steps", [3, 8])
def test_hybridized_cell_refuses_another_length(rng, steps):
    layer = make(("cell", "tanh"), hybridized=True, steps=4)
    with pytest.raises(MXNetError):
        run(layer, rng.normal(size=(steps, 2, 4)))


@pytest.mark.parametrize("options, message", [
    ({"implementation": "fused", "activation": "relu"}, "the fused operator has no activation 'relu'; use .*'auto'"),
    ({"implementation": "fussed"}, "implementation 'fussed': use one of auto, fused, cell"),
    ({"activation": "sigmoid"}, "activation 'sigmoid': use one of tanh, relu"),
    ({"recurrent_initializer": "ones"}, "recurrent_initializer 'ones': use one of orthogonal, xavier"),
])  # fmt: skip
def test_options_it_does_not_have_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        LSTMLayer(5, 4, **options)
