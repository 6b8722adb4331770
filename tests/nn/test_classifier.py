"""The classifier from inputs to logits, by value."""

from __future__ import annotations

import doctest

import mxnet as mx
import numpy as np
import oracle
import pytest
from numerics import check_against, check_close, prepare, run

import gluon_lstm
from gluon_lstm.nn import SequenceClassifier, classifier, get_arrays, set_arrays

KINDS = [("fused", "tanh"), ("cell", "tanh"), ("cell", "relu")]
"""Implementations with the activations they have."""

DROPPED = 0.25
"""Share that the dropout of the tests drops."""


def make(kind=("auto", "tanh"), hybridized=False, num_steps=6, **options):
    """Returns a classifier with random parameters."""
    implementation, activation = kind
    options = {"num_classes": 3, "input_size": 4, "hidden_size": 5, **options}
    net = SequenceClassifier(
        **options, num_steps=num_steps, implementation=implementation, cell_activation=activation
    )  # fmt: skip
    return prepare(net, hybridized)


def trace(activation="tanh", pooling="last"):
    """Returns the oracle's classifier."""
    return lambda inputs, arrays: oracle.classifier(inputs, arrays, activation, pooling)


@pytest.mark.parametrize("kind", KINDS, ids="-".join)
@pytest.mark.parametrize("pooling", ["last", "mean", "max", "mean+max"])
@pytest.mark.parametrize("head_size", [0, 7])
@pytest.mark.parametrize("groups", [1, 2])
def test_logits_and_gradients(rng, hybridized, kind, pooling, head_size, groups):
    net = make(kind, hybridized, pooling=pooling, head_size=head_size, groups=groups, num_layers=2, bidirectional=True)
    check_against(trace(kind[1], pooling), net, rng.normal(size=(6, 3, 4)))


@pytest.mark.parametrize("shape", [(1, 1, 4), (1, 3, 4), (2, 1, 4), (100, 3, 4)])
@pytest.mark.parametrize("kind", KINDS, ids="-".join)
def test_extreme_shapes(rng, hybridized, kind, shape):
    net = make(kind, hybridized, num_steps=shape[0], pooling="mean+max", bidirectional=True)
    check_against(trace(kind[1], "mean+max"), net, rng.normal(size=shape))


@pytest.mark.parametrize("static", [False, True])
@pytest.mark.parametrize("kind", KINDS, ids="-".join)
def test_every_batch_size_after_hybridizing(rng, kind, static):
    net = make(kind, pooling="mean+max", bidirectional=True)
    net.hybridize(static_alloc=static, static_shape=static)
    for batch_size in (3, 1, 8, 3):
        check_against(trace(kind[1], "mean+max"), net, rng.normal(size=(6, batch_size, 4)))


@pytest.mark.parametrize("pooling", ["last", "mean", "max", "mean+max"])
def test_any_length_without_num_steps(rng, hybridized, pooling):
    net = make(hybridized=hybridized, num_steps=None, pooling=pooling, bidirectional=True)
    for steps in (5, 1, 8):
        check_against(trace(pooling=pooling), net, rng.normal(size=(steps, 3, 4)))


@pytest.mark.parametrize("kind", KINDS, ids="-".join)
@pytest.mark.parametrize("options", [
    {"num_layers": 2, "bidirectional": True, "pooling": "mean+max", "head_size": 7, "dropout": DROPPED},
    {"groups": 2},
], ids=["stack", "groups"])  # fmt: skip
def test_export_gives_the_same_logits_at_every_batch_size(rng, tmp_path, kind, options):
    net = make(kind, hybridized=True, **options)
    run(net, rng.normal(size=(6, 3, 4)))
    net.export(str(tmp_path / "net"))
    files = [str(tmp_path / name) for name in ("net-symbol.json", "net-0000.params")]
    imported = mx.gluon.SymbolBlock.imports(files[0], ["data"], files[1])
    for batch_size in (3, 2, 8):
        inputs = rng.normal(size=(6, batch_size, 4))
        np.testing.assert_array_equal(run(imported, inputs)[0], run(net, inputs)[0])
    # The last bit of a product with a single row depends on where its arrays lie in memory, even between equal nets.
    alone = rng.normal(size=(6, 1, 4))
    check_close(run(imported, alone), run(net, alone))


def test_neighbours_in_the_batch_do_not_matter(rng, hybridized):
    net = make(hybridized=hybridized, pooling="mean+max", bidirectional=True, groups=2)
    inputs = rng.normal(size=(6, 4, 4))
    alone = [run(net, inputs[:, [index]])[0] for index in range(4)]
    np.testing.assert_allclose(run(net, inputs)[0], np.concatenate(alone), rtol=1e-5, atol=1e-6)


def test_logits_are_float32(hybridized):
    assert run(make(hybridized=hybridized), np.zeros((6, 2, 4)))[0].dtype == np.float32


@pytest.mark.parametrize("head_size", [0, 100])
def test_dropout_acts_on_the_pooled_vector_before_the_head(rng, hybridized, head_size):
    """With an identity as the head each logit is a pooled unit, dropped or not."""
    size = 100
    sizes = {"num_classes": size, "hidden_size": size, "input_size": 1, "head_size": head_size}
    net = make(hybridized=hybridized, num_steps=1, dropout=DROPPED, **sizes)
    arrays = {name: np.zeros_like(array) for name, array in get_arrays(net).items()}
    arrays["encoder.layers.0.forward_i2h_bias"][:] = rng.uniform(1, 2, 4 * size)
    for name in arrays:
        if name.startswith("head.") and name.endswith("weight"):
            arrays[name] = np.eye(size)
    set_arrays(net, arrays, "identity")
    inputs = np.ones((1, 50, 1))
    plain = run(net, inputs)[0]
    assert (plain != 0).all(), "nothing is dropped in prediction"
    with mx.autograd.record():
        dropped = run(net, inputs)[0]
    kept = dropped != 0
    assert kept.mean() == pytest.approx(1 - DROPPED, abs=5 * np.sqrt(DROPPED * (1 - DROPPED) / kept.size))
    np.testing.assert_allclose(dropped[kept], plain[kept] / (1 - DROPPED), rtol=1e-5)


@pytest.mark.parametrize("dropout", [0.0, DROPPED])
@pytest.mark.parametrize("groups", [1, 2])
def test_dropout_is_drawn_anew_in_training_and_absent_in_prediction(rng, hybridized, dropout, groups):
    net = make(hybridized=hybridized, dropout=dropout, num_layers=2, groups=groups)
    inputs = rng.normal(size=(6, 3, 4))
    np.testing.assert_array_equal(run(net, inputs), run(net, inputs))
    with mx.autograd.record():
        first, second = run(net, inputs)[0], run(net, inputs)[0]
    assert (first != second).any() == bool(dropout)


@pytest.mark.parametrize("dropout, layers, head_size, expected", [
    (0.0, 3, 7, 0), (0.3, 1, 0, 1), (0.3, 1, 7, 1), (0.3, 2, 0, 2), (0.3, 3, 7, 3),
])  # fmt: skip
def test_one_dropout_for_each_gap_and_one_for_the_head(dropout, layers, head_size, expected):
    net = make(dropout=dropout, num_layers=layers, head_size=head_size)
    found = []
    net.apply(lambda block: found.append(block) if isinstance(block, mx.gluon.nn.Dropout) else None)
    assert len(found) == expected


def test_example_of_the_docstring_runs():
    results = doctest.testmod(classifier)
    assert results.attempted > 0
    assert results.failed == 0


def test_public_name():
    assert gluon_lstm.SequenceClassifier is SequenceClassifier


@pytest.mark.parametrize("options, message", [
    ({"input_size": 5, "groups": 2}, "input_size 5 cannot be split into 2 equal groups"),
    ({"pooling": "sum"}, r"pooling 'sum': use last, mean, max or mean\+max"),
    ({"kind": ("fused", "relu")}, "the fused operator has no activation 'relu'"),
    ({"kind": ("fused", "sigmoid")}, "activation 'sigmoid': use one of tanh, relu"),
    ({"kind": ("unrolled", "tanh")}, "implementation 'unrolled': use one of auto, fused, cell"),
    ({"recurrent_initializer": "ones"}, "recurrent_initializer 'ones': use one of orthogonal, xavier"),
])  # fmt: skip
def test_options_it_does_not_have_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        make(**options)


def test_hybridized_cell_without_num_steps_is_refused(rng):
    net = make(("cell", "tanh"), hybridized=True, num_steps=None)
    with pytest.raises(ValueError, match="needs num_steps to be hybridized"):
        run(net, rng.normal(size=(6, 3, 4)))
