"""The classifier: encoder, pooling, dense head."""

from typing import Any, Optional

from mxnet.gluon import nn

from gluon_lstm.config import ENCODERS
from gluon_lstm.nn.checks import check_choice, check_options, check_shares, check_sizes, parameter_names
from gluon_lstm.nn.encoder import Encoder, GroupedEncoder, GRUEncoder, LSTMEncoder, RNNEncoder
from gluon_lstm.nn.graphs import SequenceBlock
from gluon_lstm.nn.pooling import Pooling
from gluon_lstm.nn.transformer import TransformerEncoder

ENCODER_CLASSES = {"lstm": LSTMEncoder, "gru": GRUEncoder, "rnn": RNNEncoder, "transformer": TransformerEncoder}


class SequenceClassifier(SequenceBlock):
    """Classifies sequences: encoder, pooling, optional hidden layer, one output a class.

    Called as ``net(inputs (T, N, C))``, or ``net(inputs, lengths (N,))`` where the sequences
    of a batch are padded.

    Args:
        num_classes: K.
        input_size: C, features of a time step.
        hidden_size: H, units of each layer and direction.
        num_layers: layers of the encoder.
        bidirectional: whether each recurrent layer reads in both directions.
        encoder: one of ``config.ENCODERS``.
        groups: groups of features, each with an encoder of its own.
        dropout: share of units dropped between layers and before the head.
        pooling: ``last``, ``mean``, ``max``, ``mean+max`` or ``attention``.
        head_size: units of the dense relu layer before the output; 0 for none.
        num_steps: T, where it is always the same: pooling by maximum is faster with it, and then reads no other;
            an unrolled layer needs it inside of a hybridized block that is no ``SequenceBlock``.
        prefix: as in Gluon.
        params: as in Gluon.
        **encoder_options: further options of the encoder.

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
        *,
        encoder: str = "lstm",
        groups: int = 1,
        dropout: float = 0.0,
        pooling: str = "last",
        head_size: int = 0,
        num_steps: Optional[int] = None,
        prefix=None,
        params=None,
        **encoder_options: Any,
    ):
        super().__init__(prefix=prefix, params=params)
        check_choice("encoder", encoder, ENCODERS)
        check_options(f"SequenceClassifier with encoder {encoder!r}", encoder_options, [
            *parameter_names(SequenceClassifier.__init__), *ENCODER_CLASSES[encoder].option_names(),
        ])  # fmt: skip
        check_sizes(num_classes=num_classes, least=2)
        check_sizes(input_size=input_size, hidden_size=hidden_size, num_layers=num_layers, groups=groups)
        check_sizes(head_size=head_size, least=0)
        check_shares(dropout=dropout)
        if bidirectional and encoder == "transformer":
            raise ValueError("bidirectional: a Transformer sees all steps at once; leave it out")
        if input_size % groups:
            raise ValueError(f"input_size {input_size} cannot be split into {groups} equal groups")
        self.input_size, self.num_classes = input_size, num_classes

        def make_encoder() -> Encoder:
            sizes = (hidden_size, input_size // groups, num_layers)
            if encoder == "transformer":
                return TransformerEncoder(*sizes, dropout=dropout, **encoder_options)
            between = dropout if num_layers > 1 else 0.0  # a single layer's only acts before the head
            return ENCODER_CLASSES[encoder](
                *sizes, bidirectional, dropout=between, num_steps=num_steps, **encoder_options
            )

        with self.name_scope():
            self.encoder = make_encoder() if groups == 1 else GroupedEncoder(*(make_encoder() for _ in range(groups)))
            self.pooling = Pooling(pooling, self.encoder.output_size, num_steps)
            self.num_steps = self.pooling.num_steps
            self.head = _head(self.pooling.output_size(self.encoder.output_size), head_size, num_classes, dropout)

    def hybrid_forward(self, F, inputs, lengths=None):
        """Takes inputs (T, N, C) float32, lengths (N,) or None; gives logits (N, K) float32."""
        encoded = self.encoder(inputs, lengths)
        return self.head(self.pooling(encoded.outputs, lengths, encoded.last))


def _head(input_size: int, head_size: int, num_classes: int, dropout: float) -> nn.HybridSequential:
    """Returns the dense layers between the pooled vector and the logits."""
    head = nn.HybridSequential()
    if dropout:
        head.add(nn.Dropout(dropout))
    if head_size:
        head.add(nn.Dense(head_size, activation="relu", in_units=input_size, weight_initializer="xavier"))
    head.add(nn.Dense(num_classes, in_units=head_size or input_size, weight_initializer="xavier"))
    return head
