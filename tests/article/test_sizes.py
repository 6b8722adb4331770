"""Nets of equal size, counted in the nets."""

from dataclasses import replace

import mxnet as mx
import pytest

from gluon_lstm.article.sizes import count_weights, equal_units
from gluon_lstm.config import ModelConfig
from gluon_lstm.nn import SequenceClassifier, count_parameters

PLAIN = ModelConfig(bidirectional=False, dropout=0.0, pooling="last")
ENCODERS = ("lstm", "gru", "rnn", "transformer")


@pytest.mark.parametrize("encoder", ENCODERS)
def test_weights_are_counted_as_a_net_has_them(encoder):
    net = SequenceClassifier(num_classes=10, input_size=8, hidden_size=12, num_layers=3, encoder=encoder)
    net.initialize()
    net(mx.nd.zeros((2, 1, 8)))
    assert count_weights(replace(PLAIN, encoder=encoder, hidden_size=12, num_layers=3), 8, 10) == count_parameters(net)


def test_an_lstms_weights_by_hand():
    """Four gates of 5 units read 8 numbers and 5 states, with two biases each; ten classes read 5 units and a bias."""
    assert count_weights(replace(PLAIN, hidden_size=5), 8, 10) == 4 * 5 * (8 + 5 + 2) + 10 * (5 + 1)


@pytest.mark.parametrize("target", [1, 700, 14_321])
@pytest.mark.parametrize("encoder", ENCODERS)
def test_no_other_width_is_nearer(encoder, target):
    config, step = replace(PLAIN, encoder=encoder), 4 if encoder == "transformer" else 1
    units = equal_units(config, 6, 3, target)
    away = {n: abs(count_weights(replace(config, hidden_size=n), 6, 3) - target)
            for n in (units - step, units, units + step) if n > 0}  # fmt: skip
    assert min(away, key=away.get) == units
    assert units % step == 0


def test_a_net_of_its_own_size_keeps_its_units():
    assert equal_units(PLAIN, 28, 10, count_weights(replace(PLAIN, hidden_size=128), 28, 10)) == 128
