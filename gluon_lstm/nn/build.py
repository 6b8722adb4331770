"""From a configuration to a net that is ready to run."""

from typing import Any, Dict, Optional, Sequence, Tuple, Union

import mxnet as mx

from gluon_lstm.config import TRANSFORMER_HEADS, ModelConfig
from gluon_lstm.nn.classifier import SequenceClassifier
from gluon_lstm.nn.text import TextClassifier


def build_net(
    config: ModelConfig,
    step_shape: Tuple[Optional[int], int],
    num_classes: int,
    devices: Sequence[mx.Context],
    symbols: bool = False,
) -> Union[SequenceClassifier, TextClassifier]:
    """Returns the classifier of ``make_net``, initialized; ``devices``: where its parameters are put."""
    net = make_net(config, step_shape, num_classes, symbols)
    net.initialize(ctx=list(devices))
    return net


def make_net(
    config: ModelConfig, step_shape: Tuple[Optional[int], int], num_classes: int, symbols: bool = False
) -> Union[SequenceClassifier, TextClassifier]:
    """Returns a hybridized classifier, whose parameters take no memory before it is initialized.

    Args:
        config: the model's options.
        step_shape: (T, C) of the sequences it will read; T is ``None`` where it varies.
        num_classes: K.
        symbols: whether a step is the number of one of C symbols, which the net embeds.
    """
    num_steps, features = step_shape
    options = {
        "num_classes": num_classes,
        "hidden_size": config.hidden_size,
        "num_layers": config.num_layers,
        "bidirectional": config.bidirectional and config.encoder != "transformer",
        "encoder": config.encoder,
        "groups": config.groups,
        "dropout": config.dropout,
        "pooling": config.pooling,
        "head_size": config.head_size,
        **_encoder_options(config),
    }
    if symbols:
        net = TextClassifier(
            vocabulary_size=features,
            embedding_size=config.embedding_size,
            embedding_dropout=config.embedding_dropout,
            **options,
        )
    else:
        net = SequenceClassifier(input_size=features, num_steps=num_steps, **options)
    net.hybridize(static_alloc=True, static_shape=True)
    return net


def _encoder_options(config: ModelConfig) -> Dict[str, Any]:
    """Returns the options that the configuration's encoder has beside those of all."""
    if config.encoder == "transformer":
        return {"num_heads": TRANSFORMER_HEADS}
    options = {
        "locked_dropout": config.locked_dropout,
        "weight_dropout": config.weight_dropout,
        "zoneout": config.zoneout,
        "residual": config.residual,
        "layer_norm": config.layer_norm,
        "recurrent_initializer": config.recurrent_initializer,
        "input_initializer": config.input_initializer,
        "implementation": config.implementation,
    }
    own = {"lstm": {"activation": config.cell_activation, "forget_bias": config.forget_bias,
                    "chrono_steps": config.chrono_steps},
           "rnn": {"activation": config.cell_activation}}  # fmt: skip
    return {**options, **own.get(config.encoder, {})}
