"""The classifier from inputs to logits, by value."""

from __future__ import annotations

import doctest
import re

import mxnet as mx
import numpy as np
import oracle
import pytest
from kinds import ENCODERS, UNITS, each_implementation, each_kind, with_lengths
from mxnet.gluon import nn
from numerics import check_against, prepare, run, some_lengths, trace_with

import gluon_lstm
from gluon_lstm.nn import SequenceClassifier, classifier, get_arrays

T, N, C, H = 5, 3, 4, UNITS


def make(hybridized=False, kind="lstm", **options):
    """Returns a classifier with random parameters."""
    options = {"num_classes": 3, "input_size": C, "hidden_size": H, **ENCODERS[kind][1], **options}
    return prepare(SequenceClassifier(encoder=kind.split()[0], **options), hybridized)


def trace(kind="lstm", pooling="last", bidirectional=False, **options):
    """Returns the oracle of ``make``."""
    cell = {"cell": kind.split()[0], **ENCODERS[kind][1]}
    return trace_with(oracle.classifier, mode=pooling, bidirectional=bidirectional, **cell, **options)


@each_kind
@pytest.mark.parametrize("pooling", ["last", "mean", "max", "mean+max", "attention"])
@with_lengths
def test_logits_and_gradients(rng, hybridized, kind, pooling, padded):
    net = make(hybridized, kind, pooling=pooling, bidirectional=True)
    lengths = some_lengths(T, N) if padded else None
    check_against(trace(kind, pooling, True), net, rng.normal(size=(T, N, C)), lengths=lengths)


@pytest.mark.parametrize("pooling", ["last", "mean+max", "attention"])
@pytest.mark.parametrize("head_size, groups", [(7, 1), (0, 2), (7, 2)])
@with_lengths
def test_heads_and_groups(rng, hybridized, pooling, head_size, groups, padded):
    net = make(hybridized, pooling=pooling, head_size=head_size, groups=groups, bidirectional=True)
    lengths = some_lengths(T, N) if padded else None
    check_against(trace(pooling=pooling, bidirectional=True), net, rng.normal(size=(T, N, C)), lengths=lengths)


@each_implementation
@with_lengths
def test_a_stack_with_options(rng, hybridized, implementation, padded):
    options = {"residual": True, "layer_norm": True, "bidirectional": True, "pooling": "mean+max"}
    net = make(hybridized, num_layers=2, implementation=implementation, **options)
    lengths = some_lengths(T, N) if padded else None
    check_against(trace(**options), net, rng.normal(size=(T, N, C)), lengths=lengths)


def test_options_of_the_cell(rng, hybridized):
    options = {"activation": "relu", "recurrent_activation": "hard_sigmoid", "peephole": True, "coupled": True}
    check_against(trace(**options), make(hybridized, **options), rng.normal(size=(T, N, C)), lengths=[5, 2, 4])


@pytest.mark.parametrize("shape", [(1, 1, C), (1, 3, C), (2, 1, C), (40, 3, C)])
@each_implementation
def test_extreme_shapes(rng, hybridized, implementation, shape):
    net = make(hybridized, implementation=implementation, pooling="mean+max", bidirectional=True)
    check_against(trace(pooling="mean+max", bidirectional=True), net, rng.normal(size=shape))


@pytest.mark.parametrize("pooling", ["last", "mean", "mean+max"])
def test_every_shape_with_and_without_lengths_in_turn(rng, pooling):
    net = make(True, pooling=pooling, bidirectional=True)
    for steps, batch_size in ((5, 3), (2, 1), (5, 4), (7, 3)):
        for lengths in (some_lengths(steps, batch_size), None):
            inputs = rng.normal(size=(steps, batch_size, C))
            check_against(trace(pooling=pooling, bidirectional=True), net, inputs, lengths=lengths)


def test_logits_are_float32(hybridized):
    assert run(make(hybridized), np.zeros((T, 2, C)))[0].dtype == np.float32


def test_example_of_the_docstring_runs():
    results = doctest.testmod(classifier)
    assert results.attempted > 0
    assert results.failed == 0


def test_public_name():
    assert gluon_lstm.SequenceClassifier is SequenceClassifier


@pytest.mark.parametrize("options, message", [
    ({"input_size": 5, "groups": 2}, "input_size 5 cannot be split into 2 equal groups"),
    ({"pooling": "sum"}, r"pooling 'sum': use one of last, mean, max, mean\+max, attention"),
    ({"implementation": "fused", "activation": "relu"}, "the fused operator cannot compute this cell's options"),
    ({"activation": "softmax"}, "activation 'softmax': use one of tanh, relu, sigmoid, hard_sigmoid"),
    ({"implementation": "unrolled"}, "implementation 'unrolled': use one of auto, fused, cell"),
    ({"recurrent_initializer": "ones"}, "recurrent_initializer 'ones': use one of orthogonal, xavier"),
    ({"input_initializer": "ones"}, "input_initializer 'ones': use one of xavier, lecun"),
])  # fmt: skip
def test_options_it_does_not_have_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        make(**options)


@pytest.mark.parametrize("encoder", ["lstm", "gru", "rnn"])
def test_an_unrolled_one_works_inside_of_another_block_with_num_steps(rng, encoder):
    net = SequenceClassifier(3, C, H, encoder=encoder, implementation="cell", num_steps=7)
    outer = nn.HybridSequential()
    outer.add(net)
    inputs = mx.nd.array(rng.normal(size=(7, 2, C)))
    outer.initialize()
    expected = outer(inputs).asnumpy()
    outer.hybridize()
    np.testing.assert_array_equal(outer(inputs).asnumpy(), expected)


def test_it_prints_what_it_is_made_of():
    printed = repr(make(groups=2, pooling="mean+max"))
    assert "(pooling): Pooling(mean+max)" in printed
    assert "(group0): LSTMEncoder(" in printed and "(group1): LSTMEncoder(" in printed


def test_encoders_it_does_not_have_are_refused():
    with pytest.raises(ValueError, match="encoder 'cnn': use one of lstm, gru, rnn"):
        SequenceClassifier(3, C, encoder="cnn")


@with_lengths
@pytest.mark.parametrize("options", [
    {}, {"num_layers": 2, "bidirectional": True, "layer_norm": True, "pooling": "attention", "head_size": 5},
    {"groups": 2, "encoder": "gru"}, {"encoder": "transformer"},
])  # fmt: skip
def test_the_summary_counts_every_parameter(capsys, options, padded):
    net = prepare(SequenceClassifier(3, C, 8, **options), False)
    net.summary(mx.nd.zeros((T, N, C)), *([mx.nd.array(some_lengths(T, N))] if padded else []))
    printed = capsys.readouterr().out
    counted = sum(array.size for array in get_arrays(net).values())
    assert re.search(rf"^ +Total params: {counted}$", printed, flags=re.MULTILINE)
    assert re.search(rf"^SequenceClassifier-\d+ +\({N}, 3\) ", printed, flags=re.MULTILINE)
