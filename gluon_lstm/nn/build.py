"""From a configuration to a net that is ready to run."""

from typing import Sequence, Tuple

import mxnet as mx

from gluon_lstm.config import ModelConfig
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
        bidirectional=config.bidirectional,
        groups=config.groups,
        dropout=config.dropout,
        pooling=config.pooling,
        head_size=config.head_size,
        activation=config.cell_activation,
        forget_bias=config.forget_bias,
        recurrent_initializer=config.recurrent_initializer,
        implementation=config.implementation,
    )
    net.initialize(ctx=list(devices))
    net.hybridize(static_alloc=True, static_shape=True)
    return net
