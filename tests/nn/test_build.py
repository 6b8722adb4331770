"""From a configuration to a net: every option reaches it."""

from __future__ import annotations

from dataclasses import asdict, fields

import mxnet as mx
import oracle
import pytest
from numerics import check_against

from gluon_lstm.config import ModelConfig
from gluon_lstm.nn import build, build_net, get_arrays

MODEL = ModelConfig(hidden_size=5, num_layers=2, bidirectional=True, dropout=0.0, pooling="mean+max", head_size=6)


@pytest.mark.parametrize("implementation, activation", [("fused", "tanh"), ("cell", "tanh"), ("auto", "relu")])
@pytest.mark.parametrize("groups", [1, 2])
def test_net_computes_what_the_configuration_says(rng, implementation, activation, groups):
    config = ModelConfig(**{
        **asdict(MODEL), "implementation": implementation, "cell_activation": activation, "groups": groups,
    })  # fmt: skip
    net = build_net(config, (12, 4), 3, [mx.cpu()])

    def trace(inputs, arrays):
        return oracle.classifier(inputs, arrays, activation, "mean+max")

    for batch_size in (3, 1):
        check_against(trace, net, rng.normal(size=(12, batch_size, 4)))


def test_every_option_is_passed_on(monkeypatch):
    passed = {}
    original = build.SequenceClassifier
    monkeypatch.setattr(build, "SequenceClassifier", lambda **options: passed.update(options) or original(**options))
    config = ModelConfig(
        hidden_size=6, num_layers=2, bidirectional=False, groups=2, dropout=0.4, pooling="max", head_size=9,
        cell_activation="relu", forget_bias=0.5, recurrent_initializer="xavier", implementation="cell",
    )  # fmt: skip
    assert all(getattr(config, item.name) != item.default for item in fields(config)), "each differs from its default"
    net = build_net(config, (7, 8), 3, [mx.cpu()])
    assert passed == {**asdict(config), "num_classes": 3, "input_size": 8, "num_steps": 7}
    assert get_arrays(net)["encoder.group1.layers.2.forward_h2h_weight"].shape == (24, 6)
