"""The classifier: encoder, pooling, dense head."""

from typing import Optional

from mxnet.gluon import HybridBlock, nn

from gluon_lstm.nn.encoder import EncoderOutput, GroupedEncoder, LSTMEncoder
from gluon_lstm.nn.pooling import Pooling


class SequenceClassifier(HybridBlock):
    """Classifies sequences: LSTM encoder, pooling, optional hidden layer, one output a class.

    Args:
        num_classes: K.
        input_size: C, features of a time step.
        hidden_size: H, units of each LSTM layer and direction.
        num_layers: LSTM layers.
        bidirectional: whether each layer reads in both directions.
        groups: groups of features, each with an encoder of its own.
        dropout: share of units dropped between layers and before the head.
        pooling: ``last``, ``mean``, ``max`` or ``mean+max``.
        head_size: units of the dense relu layer before the output; 0 for none.
        cell_activation: of candidate and cell output, ``tanh`` or ``relu``.
        forget_bias: the forget gate's bias at the start.
        recurrent_initializer: ``orthogonal`` or ``xavier``.
        implementation: ``auto``, ``fused`` or ``cell``.
        num_steps: T, where it is always the same: an unrolled cell needs it to be hybridized, and
            the maximum over time is faster with it.

    Example:
        >>> import mxnet as mx
        >>> net = SequenceClassifier(num_classes=10, input_size=28, hidden_size=64)
        >>> net.initialize()
        >>> net.hybridize(static_alloc=True, static_shape=True)
        >>> net(mx.nd.zeros((28, 32, 28))).shape
        (32, 10)
    """

    def __init__(
        self,
        num_classes: int,
        input_size: int,
        hidden_size: int = 128,
        num_layers: int = 1,
        bidirectional: bool = False,
        groups: int = 1,
        dropout: float = 0.0,
        pooling: str = "last",
        head_size: int = 0,
        cell_activation: str = "tanh",
        forget_bias: float = 1.0,
        recurrent_initializer: str = "orthogonal",
        implementation: str = "auto",
        num_steps: Optional[int] = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if input_size % groups:
            raise ValueError(f"input_size {input_size} cannot be split into {groups} equal groups")
        self.input_size, self.num_classes = input_size, num_classes

        def encoder() -> LSTMEncoder:
            return LSTMEncoder(
                hidden_size,
                input_size // groups,
                num_layers,
                bidirectional,
                dropout,
                activation=cell_activation,
                forget_bias=forget_bias,
                recurrent_initializer=recurrent_initializer,
                implementation=implementation,
                num_steps=num_steps,
            )

        with self.name_scope():
            self.encoder = encoder() if groups == 1 else GroupedEncoder(*(encoder() for _ in range(groups)))
            self.pooling = Pooling(pooling, num_steps)
            self.head = _head(self.pooling.output_size(self.encoder.output_size), head_size, num_classes, dropout)

    def hybrid_forward(self, F, inputs):
        """Takes inputs (T, N, C) float32; gives logits (N, K) float32."""
        return self.head(self.pooling(*EncoderOutput(*self.encoder(inputs))))


def _head(input_size: int, head_size: int, num_classes: int, dropout: float) -> nn.HybridSequential:
    """Returns the dense layers between the pooled vector and the logits."""
    head = nn.HybridSequential()
    if dropout:
        head.add(nn.Dropout(dropout))
    if head_size:
        head.add(nn.Dense(head_size, activation="relu", in_units=input_size, weight_initializer="xavier"))
    head.add(nn.Dense(num_classes, in_units=head_size or input_size, weight_initializer="xavier"))
    return head
