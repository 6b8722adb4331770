"""From a configuration to a net: every option reaches it."""

from __future__ import annotations

from dataclasses import asdict, fields

import mxnet as mx
import numpy as np
import oracle
import pytest
from kinds import with_lengths
from numerics import check_against, some_lengths, trace_with

from gluon_lstm.config import ENCODERS, ModelConfig, TrainingConfig
from gluon_lstm.data import Batch
from gluon_lstm.nn import build, build_net, get_arrays
from gluon_lstm.training import Stepper

# So many units in the hidden layer that never all of its relus are 0.
MODEL = ModelConfig(hidden_size=8, num_layers=2, bidirectional=True, dropout=0.0, pooling="mean+max", head_size=24)


OF_TEXTS = ("embedding_size", "embedding_dropout", "embedding", "embedding_training", "ngrams", "character_ngrams")


@pytest.mark.parametrize("implementation, activation", [("fused", "tanh"), ("cell", "tanh"), ("auto", "relu")])
@pytest.mark.parametrize("groups", [1, 2])
@with_lengths
def test_net_computes_what_the_configuration_says(rng, implementation, activation, groups, padded):
    config = ModelConfig(**{
        **asdict(MODEL), "implementation": implementation, "cell_activation": activation, "groups": groups,
    })  # fmt: skip
    net = build_net(config, (5, 4), 3, [mx.cpu()])
    trace = trace_with(oracle.classifier, mode="mean+max", bidirectional=True, activation=activation)
    for batch_size in (3, 1):
        lengths = some_lengths(5, batch_size) if padded else None
        check_against(trace, net, rng.normal(size=(5, batch_size, 4)), lengths=lengths)


def test_every_option_is_passed_on(monkeypatch):
    passed = {}
    original = build.SequenceClassifier
    monkeypatch.setattr(build, "SequenceClassifier", lambda **options: passed.update(options) or original(**options))
    config = ModelConfig(
        encoder="rnn", hidden_size=6, num_layers=2, bidirectional=False, groups=2, dropout=0.4, pooling="max",
        head_size=9, cell_activation="relu", forget_bias=0.5, chrono_steps=9,
        recurrent_initializer="xavier", input_initializer="lecun", implementation="cell", locked_dropout=True,
        weight_dropout=0.1, zoneout=0.2, residual=True, layer_norm=True,
    )  # fmt: skip
    others = [item for item in fields(config) if item.name not in OF_TEXTS]
    assert all(getattr(config, item.name) != item.default for item in others), "each differs from its default"
    net = build_net(config, (7, 8), 3, [mx.cpu()])
    expected = asdict(config)
    expected["activation"] = expected.pop("cell_activation")
    for name in ("forget_bias", "chrono_steps", *OF_TEXTS):  # the first two of an LSTM alone
        del expected[name]
    assert passed == {**expected, "num_classes": 3, "input_size": 8, "num_steps": 7}
    assert get_arrays(net)["encoder.group1.layers.1.forward_h2h_weight"].shape == (6, 6)


@pytest.mark.parametrize("option, low, high", [("forget_bias", 0.5, 0.5), ("chrono_steps", 0, np.log(98))])
def test_what_the_forget_gate_starts_with_is_passed_on(option, low, high):
    value = {"forget_bias": 0.5, "chrono_steps": 99}[option]
    net = build_net(ModelConfig(hidden_size=50, **{option: value}), (7, 8), 3, [mx.cpu()])
    bias = sum(get_arrays(net)[f"encoder.layers.0.forward_{source}_bias"] for source in ("i2h", "h2h"))
    forget = bias[50:100]  # of the gates i, f, g, o
    assert low <= forget.min() <= forget.max() <= high + 1e-6
    assert option == "forget_bias" or forget.std() > 0.5


def test_every_option_of_texts_is_passed_on():
    config = ModelConfig(hidden_size=6, embedding_size=5, embedding_dropout=0.4, ngrams=2)
    net = build_net(config, (None, 9), 3, [mx.cpu()], symbols=True)
    shapes = {name: array.shape for name, array in get_arrays(net).items()}
    assert shapes["embedding.weight"] == (9, 5)
    tokens = mx.nd.ones((50, 40), dtype="int32")
    with mx.autograd.train_mode():
        assert abs((net.embedding(tokens) == 0).mean().asscalar() - 0.4) < 0.05


@pytest.mark.parametrize("encoder", ENCODERS)
def test_every_encoder_is_built_and_learns(encoder, rng):
    net = build_net(ModelConfig(encoder=encoder, hidden_size=8, num_layers=2), (5, 3), 2, [mx.cpu()])
    stepper = Stepper(net, TrainingConfig(), [mx.cpu()])
    inputs = rng.normal(size=(5, 64, 3)).astype(np.float32)
    batch = Batch(inputs, None, (inputs[0, :, 0] > 0).astype(np.int32), np.arange(64))
    losses = [np.mean(stepper.step(batch, 0.01).losses[0].asnumpy()) for _ in range(100)]
    assert losses[-1] < 0.5 * losses[0]


def test_net_is_hybridized_with_static_memory():
    net = build_net(MODEL, (7, 4), 3, [mx.cpu()])
    net(mx.nd.zeros((7, 2, 4)))
    assert len(net._graphs) == 1
    assert {("static_alloc", True), ("static_shape", True)} <= set(net._flags)
