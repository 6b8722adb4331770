"""What the pages say of MXNet's own layers on a CPU holds of the one that is installed, so that a change is noticed."""

from __future__ import annotations

import mxnet as mx
import numpy as np
import pytest
from mxnet.gluon import rnn

T, N, C, H = 6, 3, 4, 5

each_layer = pytest.mark.parametrize("layer", [rnn.LSTM, rnn.GRU, rnn.RNN])


def make(layer, **options):
    """Returns one of Gluon's layers of two layers in both directions, with random parameters."""
    made = layer(H, 2, bidirectional=True, input_size=C, **options)
    made.initialize(mx.init.Normal(0.3))
    return made


def outputs_of(layer, inputs, lengths=None) -> np.ndarray:
    """Returns a layer's outputs (T, N, D) in training."""
    more = [] if lengths is None else [layer.begin_state(N), mx.nd.array(lengths)]
    with mx.autograd.record():
        outputs = layer(mx.nd.array(inputs), *more)
    return (outputs if lengths is None else outputs[0]).asnumpy()


@each_layer
def test_dropout_between_their_layers_drops_nothing(rng, hybridized, layer):
    layer, inputs = make(layer, dropout=0.9), rng.normal(size=(T, N, C))
    layer.hybridize(hybridized)
    np.testing.assert_array_equal(outputs_of(layer, inputs), outputs_of(layer, inputs))
    np.testing.assert_array_equal(outputs_of(layer, inputs), layer(mx.nd.array(inputs)).asnumpy())


@pytest.mark.parametrize("layer, hybrid", [(rnn.LSTM, False), (rnn.LSTM, True), (rnn.GRU, False), (rnn.RNN, False)])
def test_lengths_change_nothing(rng, layer, hybrid):
    """Hybridized, GRU and RNN with lengths raise an error of MXNet's own."""
    layer, inputs = make(layer, use_sequence_length=True), rng.normal(size=(T, N, C))
    layer.hybridize(hybrid)
    short, whole = (outputs_of(layer, inputs, lengths) for lengths in ([1, 2, 3], [T, T, T]))
    np.testing.assert_array_equal(short, whole)
    assert whole[3:].any(axis=2).all(), "outputs after every sequence's end"


def test_the_forget_gates_bias_starts_at_zero():
    layer = rnn.LSTM(H, input_size=C)
    layer.initialize()
    biases = [p.data().asnumpy() for name, p in layer.collect_params().items() if name.endswith("bias")]
    assert len(biases) == 2
    assert not any(bias.any() for bias in biases)
