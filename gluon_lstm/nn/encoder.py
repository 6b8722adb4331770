"""Encoders: a sequence in, its outputs at every step and one last state out."""

from typing import Any, NamedTuple

from mxnet.gluon import HybridBlock, nn

from gluon_lstm.nn.layer import LSTMLayer


class EncoderOutput(NamedTuple):
    """What every encoder returns.

    Attributes:
        outputs: (T, N, D) float32, the last layer's output at each step.
        last: (N, D) float32, the forward state at the last step joined with the backward state at the first.
    """

    outputs: Any
    last: Any


class LSTMEncoder(HybridBlock):
    """A stack of LSTM layers, with dropout that acts between them.

    Args:
        hidden_size: H, units of each layer and direction.
        input_size: C, features of a time step.
        num_layers: layers.
        bidirectional: whether each layer reads in both directions.
        dropout: share of the units dropped between layers.
        **layer_options: further options of ``LSTMLayer``.
    """

    def __init__(
        self,
        hidden_size: int,
        input_size: int,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        *,
        prefix=None,
        params=None,
        **layer_options,
    ):
        super().__init__(prefix=prefix, params=params)
        self._hidden_size = hidden_size
        self._bidirectional = bidirectional
        self.output_size = hidden_size * (1 + bidirectional)
        with self.name_scope():
            # MXNet's own multi-layer operator drops nothing between its layers on a CPU.
            self.layers = nn.HybridSequential()
            for index in range(num_layers):
                if index and dropout:
                    self.layers.add(nn.Dropout(dropout))
                size = self.output_size if index else input_size
                self.layers.add(LSTMLayer(hidden_size, size, bidirectional, **layer_options))

    def hybrid_forward(self, F, inputs):
        """Takes inputs (T, N, C); gives outputs (T, N, H·directions) and last (N, H·directions)."""
        outputs = self.layers(inputs)
        final = F.squeeze(F.slice_axis(outputs, axis=0, begin=-1, end=None), axis=0)
        if not self._bidirectional:
            return tuple(EncoderOutput(outputs, final))
        first = F.squeeze(F.slice_axis(outputs, axis=0, begin=0, end=1), axis=0)
        forward = F.slice_axis(final, axis=1, begin=0, end=self._hidden_size)
        backward = F.slice_axis(first, axis=1, begin=self._hidden_size, end=None)
        return tuple(EncoderOutput(outputs, F.concat(forward, backward, dim=1)))


class GroupedEncoder(HybridBlock):
    """Reads equal groups of the features with an encoder each, and joins what they give.

    With rows and columns of an image side by side as the features of a step, two
    bidirectional groups read it in four directions (compare ReNet, Visin et al. 2015).

    Args:
        encoders: one encoder a group, each of input size C / groups.
    """

    def __init__(self, *encoders: LSTMEncoder, **kwargs):
        super().__init__(**kwargs)
        self.output_size = sum(encoder.output_size for encoder in encoders)
        self._groups = len(encoders)
        for index, encoder in enumerate(encoders):
            self.register_child(encoder, f"group{index}")

    def hybrid_forward(self, F, inputs):
        """Takes inputs (T, N, C); gives outputs (T, N, D) and last (N, D), D summed over the groups."""
        parts = F.split(inputs, num_outputs=self._groups, axis=2)
        encoded = [EncoderOutput(*encoder(part)) for encoder, part in zip(self._children.values(), parts)]
        outputs = F.concat(*(e.outputs for e in encoded), dim=2)
        return tuple(EncoderOutput(outputs, F.concat(*(e.last for e in encoded), dim=1)))
