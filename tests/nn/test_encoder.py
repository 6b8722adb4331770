"""Stacks of layers, and groups of stacks: outputs at every step and the last state, by value."""

from __future__ import annotations

import mxnet as mx
import numpy as np
import oracle
import pytest
from numerics import check_against, check_close, measure, prepare, run

from gluon_lstm.nn import GroupedEncoder, LSTMEncoder, get_arrays, set_arrays

KINDS = [("fused", "tanh"), ("cell", "tanh"), ("cell", "relu")]
"""Implementations with the activations they have."""

DROPPED = 0.25
"""Share that the dropout of the tests drops."""


def trace(activation, function=oracle.encoder):
    """Returns the oracle's encoder."""
    return lambda inputs, arrays: function(inputs, arrays, activation)


def make(kind, layers=1, bidirectional=False, steps=None, input_size=4, hidden_size=5, dropout=0.0):
    """Returns an encoder that is not yet initialized."""
    implementation, activation = kind
    options = {"implementation": implementation, "activation": activation, "num_steps": steps}
    return LSTMEncoder(hidden_size, input_size, layers, bidirectional, dropout, **options)


@pytest.mark.parametrize("kind", KINDS, ids="-".join)
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("steps", [1, 2, 7])
def test_outputs_last_and_gradients(rng, hybridized, kind, bidirectional, layers, steps):
    encoder = prepare(make(kind, layers, bidirectional, steps), hybridized)
    check_against(trace(kind[1]), encoder, rng.normal(size=(steps, 3, 4)))


@pytest.mark.parametrize("kind", KINDS, ids="-".join)
def test_hundred_steps(rng, kind):
    encoder = prepare(make(kind, layers=2, bidirectional=True, steps=100), hybridized=True)
    check_against(trace(kind[1]), encoder, rng.normal(size=(100, 3, 4)))


@pytest.mark.parametrize("kind", KINDS, ids="-".join)
def test_every_batch_size_after_hybridizing(rng, kind):
    encoder = prepare(make(kind, layers=2, bidirectional=True, steps=4), hybridized=True)
    for batch_size in (3, 1, 8, 3):
        check_against(trace(kind[1]), encoder, rng.normal(size=(4, batch_size, 4)))


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("layers", [1, 2, 3])
def test_fused_equals_cell(rng, hybridized, bidirectional, layers):
    fused, cell = (prepare(make((name, "tanh"), layers, bidirectional, 6), hybridized) for name in ("fused", "cell"))
    set_arrays(cell, get_arrays(fused), "fused")
    inputs = rng.normal(size=(6, 3, 4))
    weights = [rng.normal(size=output.shape) for output in run(fused, inputs)]
    a, b = measure(fused, [inputs], weights), measure(cell, [inputs], weights)
    check_close((*a.outputs, *a.inputs), (*b.outputs, *b.inputs))
    check_close(list(a.parameters.values()), list(b.parameters.values()))


@pytest.mark.parametrize("bidirectional", [False, True])
def test_last_joins_forward_at_the_last_step_and_backward_at_the_first(rng, hybridized, bidirectional):
    encoder = prepare(make(("fused", "tanh"), layers=2, bidirectional=bidirectional), hybridized)
    outputs, last = run(encoder, rng.normal(size=(6, 3, 4)))
    np.testing.assert_array_equal(last[:, :5], outputs[-1, :, :5])
    np.testing.assert_array_equal(last[:, 5:], outputs[0, :, 5:])
    assert last.shape == (3, encoder.output_size)


@pytest.mark.parametrize("kind", KINDS, ids="-".join)
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("groups", [2, 3])
def test_groups(rng, hybridized, kind, bidirectional, groups):
    encoders = [make(kind, 2, bidirectional, steps=4, input_size=2) for _ in range(groups)]
    encoder = prepare(GroupedEncoder(*encoders), hybridized)
    check_against(trace(kind[1], oracle.grouped_encoder), encoder, rng.normal(size=(4, 3, 2 * groups)))
    assert encoder.output_size == groups * 5 * (1 + bidirectional)


def test_group_does_not_see_the_features_of_another(rng, hybridized):
    encoder = prepare(GroupedEncoder(*(make(("fused", "tanh"), input_size=2) for _ in range(2))), hybridized)
    inputs = rng.normal(size=(4, 3, 4))
    before = run(encoder, inputs)
    inputs[:, :, 2:] += 1
    for old, new in zip(before, run(encoder, inputs)):
        np.testing.assert_array_equal(old[..., :5], new[..., :5])
        assert (old[..., 5:] != new[..., 5:]).all()


def pass_through(encoder) -> None:
    """Sets an encoder's parameters so that a unit's output is 0 exactly where its input is, relu or not.

    Input and output gates are open, the forget gate is closed, and the candidate is
    the activation of the input: a relu layer hands positive inputs on unchanged.
    """
    arrays = {name: np.zeros_like(array) for name, array in get_arrays(encoder).items()}
    for name, array in arrays.items():
        size = len(array) // 4
        if name.endswith("i2h_weight"):
            array[2 * size : 3 * size] = np.eye(size)
        elif name.endswith("i2h_bias"):
            array[:] = np.repeat([50, -200, 0, 50], size)
    set_arrays(encoder, arrays, "pass_through")


@pytest.mark.parametrize("kind", KINDS, ids="-".join)
@pytest.mark.parametrize("layers", [1, 2, 3])
def test_dropout_acts_once_in_each_gap_between_layers(rng, hybridized, kind, layers):
    encoder = prepare(make(kind, layers, steps=20, input_size=16, hidden_size=16, dropout=DROPPED), hybridized)
    pass_through(encoder)
    inputs = rng.uniform(0.5, 1, size=(20, 50, 16)).astype(np.float32)
    assert (run(encoder, inputs)[0] != 0).all(), "nothing is dropped in prediction"
    with mx.autograd.record():
        outputs = run(encoder, inputs)[0]
    kept = (1 - DROPPED) ** (layers - 1)
    assert np.mean(outputs != 0) == pytest.approx(kept, abs=5 * np.sqrt(kept * (1 - kept) / outputs.size))
    if kind[1] == "relu":
        np.testing.assert_allclose(outputs[outputs != 0], (inputs / kept)[outputs != 0], rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS, ids="-".join)
@pytest.mark.parametrize("layers, acts", [(1, False), (2, True), (3, True)])
def test_dropout_is_drawn_anew_in_training_and_absent_in_prediction(rng, hybridized, kind, layers, acts):
    encoder = prepare(make(kind, layers, True, steps=4, dropout=DROPPED), hybridized)
    inputs = rng.normal(size=(4, 3, 4))
    check_close(run(encoder, inputs), run(encoder, inputs))
    with mx.autograd.record():
        first, second = run(encoder, inputs)[0], run(encoder, inputs)[0]
    assert (first != second).any() == acts


def test_gradient_in_training_is_that_of_the_units_kept(rng, hybridized):
    encoder = make(("cell", "relu"), layers=2, steps=5, input_size=8, hidden_size=8, dropout=DROPPED)
    prepare(encoder, hybridized)
    pass_through(encoder)
    weights = [np.ones((5, 6, 8)), np.zeros((6, 8))]
    measured = measure(encoder, [rng.uniform(0.5, 1, size=(5, 6, 8))], weights)
    kept = measured.outputs[0] != 0
    assert 0 < kept.mean() < 1
    np.testing.assert_allclose(measured.inputs[0], kept / (1 - DROPPED), rtol=1e-5)


def test_one_seed_drops_the_same_units(rng, hybridized):
    encoder = prepare(make(("fused", "tanh"), layers=2, dropout=DROPPED), hybridized)
    inputs, drawn = rng.normal(size=(4, 3, 4)), []
    for _ in range(2):
        mx.random.seed(3)
        with mx.autograd.record():
            drawn.append(run(encoder, inputs)[0])
    np.testing.assert_array_equal(*drawn)
