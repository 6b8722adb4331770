"""From a configuration to a net that is ready to run."""

from typing import Any, Dict, Sequence, Tuple

import mxnet as mx

from gluon_lstm.config import TRANSFORMER_HEADS, ModelConfig
from gluon_lstm.nn.classifier import SequenceClassifier


def build_net(
    config: ModelConfig, step_shape: Tuple[int, int], num_classes: int, devices: Sequence[mx.Context]
) -> SequenceClassifier:
    """Returns an initialized, hybridized classifier.

    Args:
        config: the model's options.
        step_shape: (T, C) of the sequences it will read.
        num_classes: K.
        devices: where its parameters are put.
    """
    net = SequenceClassifier(
        num_classes=num_classes,
        input_size=step_shape[1],
        num_steps=step_shape[0],
        hidden_size=config.hidden_size,
        num_layers=config.num_layers,
        bidirectional=config.bidirectional and config.encoder != "transformer",
        encoder=config.encoder,
        groups=config.groups,
        dropout=config.dropout,
        pooling=config.pooling,
        head_size=config.head_size,
        **_encoder_options(config, step_shape[0]),
    )
    net.initialize(ctx=list(devices))
    net.hybridize(static_alloc=True, static_shape=True)
    return net


def _encoder_options(config: ModelConfig, num_steps: int) -> Dict[str, Any]:
    """Returns the options that the configuration's encoder has beside those of all."""
    if config.encoder == "transformer":
        return {"num_heads": TRANSFORMER_HEADS, "max_steps": num_steps}
    options = {
        # The command line has said so where it has no effect, in words of its own.
        "locked_dropout": config.locked_dropout and config.dropout > 0 and config.num_layers > 1,
        "weight_dropout": config.weight_dropout,
        "zoneout": config.zoneout,
        "residual": config.residual,
        "layer_norm": config.layer_norm,
        "recurrent_initializer": config.recurrent_initializer,
        "implementation": config.implementation,
    }
    own = {"lstm": {"activation": config.cell_activation, "forget_bias": config.forget_bias},
           "rnn": {"activation": config.cell_activation}}  # fmt: skip
    return {**options, **own.get(config.encoder, {})}
