"""Encoders: a sequence in, its outputs at every step and one last state out."""

import warnings
from itertools import accumulate
from typing import Any, List, NamedTuple, Tuple

from mxnet import nd
from mxnet.gluon import nn

from gluon_lstm.errors import NoEffectWarning
from gluon_lstm.nn.checks import check_flags, check_options, check_shares, check_sizes, parameter_names
from gluon_lstm.nn.graphs import SequenceBlock, join_features
from gluon_lstm.nn.layer import LayerTrace, RecurrentLayer
from gluon_lstm.nn.recurrences import GRU, LSTM, RNN, Recurrence


class EncoderOutput(NamedTuple):
    """What every encoder returns.

    Attributes:
        outputs: (T, N, D) of the parameters' type, the last layer's output at each step; 0 after a sequence's end.
        last: (N, D) likewise, the forward output at the last valid step joined with the backward output at the first.
    """

    outputs: Any
    last: Any


class Encoder(SequenceBlock):
    """A block called as ``encoder(inputs (T, N, C), lengths (N,) or None)`` that gives an ``EncoderOutput``."""

    def __call__(self, inputs, lengths=None) -> EncoderOutput:
        """Runs the encoder; Gluon alone would give a tuple, or hybridized a list."""
        return EncoderOutput(*super().__call__(inputs, lengths=lengths))

    @classmethod
    def option_names(cls) -> List[str]:
        """Returns the names of all options that the encoder may be made with."""
        return parameter_names(*(c.__init__ for c in cls.__mro__ if issubclass(c, Encoder)))


class RecurrentEncoder(Encoder):
    """A stack of recurrent layers, with options that act between them; every recurrent encoder is one.

    Called as ``encoder(inputs (T, N, C), lengths (N,) or None)``, it gives outputs
    (T, N, D) and last (N, D), an ``EncoderOutput``. What it gives for a sequence does
    not depend on how much that was padded, nor on its neighbours in the batch.

    Args:
        recurrence: the cell of every layer.
        input_size: C, features of a time step.
        num_layers: layers.
        bidirectional: whether each layer reads in both directions.
        dropout: share of the features dropped between layers in training; with one layer it has no effect, and warns.
        input_dropout: share of the features dropped before the first layer.
        locked_dropout: whether a sequence's dropped features stay the same at all steps. These are the masks of a
            layer's inputs of Gal and Ghahramani (2016); of theirs on the recurrent state there is none, which
            ``weight_dropout`` stands in for, nor on whole words.
        residual: whether a layer's inputs, as they were before dropout, are added to its outputs where both have the
            same size (He et al. 2016).
        layer_norm: whether each layer's outputs, the sum if there is one, are normalized (Ba et al. 2016).
        prefix: as in Gluon.
        params: as in Gluon.
        **layer_options: further options of ``RecurrentLayer``: implementation, zoneout, weight dropout.
    """

    def __init__(
        self,
        recurrence: Recurrence,
        input_size: int,
        num_layers: int = 1,
        bidirectional: bool = False,
        *,
        dropout: float = 0.0,
        input_dropout: float = 0.0,
        locked_dropout: bool = False,
        residual: bool = False,
        layer_norm: bool = False,
        prefix=None,
        params=None,
        **layer_options: Any,
    ):
        super().__init__(prefix=prefix, params=params)
        check_options(type(self).__name__, layer_options, self.option_names())
        check_sizes(num_layers=num_layers)
        check_flags(bidirectional=bidirectional, locked_dropout=locked_dropout)
        check_flags(residual=residual, layer_norm=layer_norm)
        check_shares(dropout=dropout, input_dropout=input_dropout)
        self.output_size = recurrence.output_size * (1 + bidirectional)
        self._bidirectional = bidirectional
        self._dropouts = [input_dropout] + [dropout] * (num_layers - 1)
        self._dropout_axes = (0,) if locked_dropout else ()
        if dropout and num_layers == 1:
            text = f"dropout {dropout} acts between layers, and there is 1: use input_dropout"
            warnings.warn(text, NoEffectWarning, stacklevel=3)
        if locked_dropout and not any(self._dropouts):
            text = "locked_dropout has no effect without dropout between layers or input_dropout"
            warnings.warn(text, NoEffectWarning, stacklevel=3)
        self.input_size = input_size
        sizes = [input_size] + [self.output_size] * (num_layers - 1)
        self._residual = [residual and size == self.output_size for size in sizes]
        if residual and not any(self._residual):
            raise ValueError(f"residual: one layer of input size {input_size} gives {self.output_size}; nothing to add")
        with self.name_scope():
            # MXNet's own multi-layer operator drops nothing between its layers on a CPU.
            self.layers, self.norms = nn.HybridSequential(), nn.HybridSequential()
            self.layers.add(*(RecurrentLayer(recurrence, size, bidirectional, **layer_options) for size in sizes))
            self.norms.add(*(nn.LayerNorm(in_channels=self.output_size) for _ in sizes if layer_norm))

    @classmethod
    def option_names(cls) -> List[str]:
        """Returns the names of all options that the encoder may be made with, those of its layers too."""
        names = dict.fromkeys([*super().option_names(), *parameter_names(RecurrentLayer.__init__)])
        return [name for name in names if name != "recurrence"]

    def hybrid_forward(self, F, inputs, lengths=None):
        """Takes inputs (T, N, C), lengths (N,) or None; gives outputs (T, N, D) and last (N, D)."""
        outputs = inputs
        if lengths is not None and self._residual[0]:
            # What the padding holds must not reach the sum.
            outputs = F.SequenceMask(inputs, lengths, use_sequence_length=True)
        for index in range(len(self.layers)):
            outputs = self._run_layer(F, index, outputs, lengths)
        if lengths is not None and (len(self.norms) or self._residual[-1]):
            outputs = F.SequenceMask(outputs, lengths, use_sequence_length=True)
        return tuple(EncoderOutput(outputs, self._last(F, outputs, lengths)))

    def _run_layer(self, F, index: int, before, lengths):
        """Returns what one layer makes of what comes before it (T, N, C), with all that acts around it, (T, N, D)."""
        dropped = before
        if self._dropouts[index]:
            dropped = F.Dropout(before, p=self._dropouts[index], axes=self._dropout_axes)
        outputs = self.layers[index](dropped, lengths)
        if self._residual[index]:
            outputs = outputs + before
        return self.norms[index](outputs) if len(self.norms) else outputs

    def trace(self, inputs) -> List[Tuple[LayerTrace, ...]]:
        """Returns what each layer of LSTMs does with whole sequences, arrays (T, N, C), outside of training.

        Raises:
            TypeError: the layers are no LSTMs.
        """
        traces, outputs = [], inputs
        for index, layer in enumerate(self.layers):
            traces.append(layer.trace(outputs))
            outputs = self._run_layer(nd, index, outputs, None)
        return traces

    def _last(self, F, outputs, lengths):
        """Returns the forward outputs at the last valid step and the backward ones at the first, (N, D)."""
        if lengths is None:
            final = F.squeeze(F.slice_axis(outputs, axis=0, begin=-1, end=None), axis=0)
        else:
            final = F.SequenceLast(outputs, lengths, use_sequence_length=True)
        if not self._bidirectional:
            return final
        first = F.squeeze(F.slice_axis(outputs, axis=0, begin=0, end=1), axis=0)
        size = self.output_size // 2
        forward = F.slice_axis(final, axis=1, begin=0, end=size)
        return join_features(F, forward, F.slice_axis(first, axis=1, begin=size, end=None), axis=1)


class LSTMEncoder(RecurrentEncoder):
    """A stack of LSTM layers; the memory cell is ``nn.recurrences.LSTM``.

    Args:
        hidden_size: H, units of each layer and direction.
        input_size: C, features of a time step.
        num_layers: layers.
        bidirectional: whether each layer reads in both directions.
        dropout: share of the features dropped between layers in training.
        activation: of candidate and cell output: ``tanh``, ``relu``, ``sigmoid``, ``hard_sigmoid``.
        recurrent_activation: of the gates, likewise.
        forget_bias: the forget gate's bias at the start.
        chrono_steps: forget and input gate's biases start for memories of up to so many steps; 0 for ``forget_bias``.
        recurrent_initializer: ``orthogonal`` or ``xavier``.
        input_initializer: ``xavier`` or ``lecun``; see ``Recurrence``.
        peephole: whether the gates see the cell.
        coupled: whether the input gate is one minus the forget gate.
        cell_layer_norm: whether the sums and the cell are normalized inside of the cell.
        projection_size: size of the hidden state, less than H; 0 for H.
        **options: further options of ``RecurrentEncoder`` and ``RecurrentLayer``.
    """

    def __init__(
        self,
        hidden_size: int,
        input_size: int,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        *,
        activation: str = "tanh",
        recurrent_activation: str = "sigmoid",
        forget_bias: float = 1.0,
        chrono_steps: int = 0,
        recurrent_initializer: str = "orthogonal",
        input_initializer: str = "xavier",
        peephole: bool = False,
        coupled: bool = False,
        cell_layer_norm: bool = False,
        projection_size: int = 0,
        **options: Any,
    ):
        recurrence = LSTM(
            hidden_size,
            recurrent_initializer,
            input_initializer,
            activation=activation,
            recurrent_activation=recurrent_activation,
            forget_bias=forget_bias,
            chrono_steps=chrono_steps,
            peephole=peephole,
            coupled=coupled,
            layer_norm=cell_layer_norm,
            projection_size=projection_size,
        )
        super().__init__(recurrence, input_size, num_layers, bidirectional, dropout=dropout, **options)


class GRUEncoder(RecurrentEncoder):
    """A stack of GRU layers; the cell is ``nn.recurrences.GRU``.

    Arguments as of ``LSTMEncoder``, without those of its cell, from ``activation`` to ``chrono_steps`` and from
    ``peephole`` to ``projection_size``.
    """

    def __init__(
        self,
        hidden_size: int,
        input_size: int,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        *,
        recurrent_initializer: str = "orthogonal",
        input_initializer: str = "xavier",
        **options: Any,
    ):
        recurrence = GRU(hidden_size, recurrent_initializer, input_initializer)
        super().__init__(recurrence, input_size, num_layers, bidirectional, dropout=dropout, **options)


class RNNEncoder(RecurrentEncoder):
    """A stack of plain recurrent layers; the cell is ``nn.recurrences.RNN``.

    Arguments as of ``GRUEncoder``, and ``activation``, that of the hidden state: ``tanh`` or ``relu``.
    """

    def __init__(
        self,
        hidden_size: int,
        input_size: int,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        *,
        activation: str = "tanh",
        recurrent_initializer: str = "orthogonal",
        input_initializer: str = "xavier",
        **options: Any,
    ):
        recurrence = RNN(hidden_size, recurrent_initializer, input_initializer, activation=activation)
        super().__init__(recurrence, input_size, num_layers, bidirectional, dropout=dropout, **options)


class GroupedEncoder(Encoder):
    """Reads groups of the features with an encoder each, and joins what they give.

    With rows and columns of an image side by side as the features of a step, two
    bidirectional groups read it in four directions (compare ReNet, Visin et al. 2015).

    Args:
        *encoders: one encoder a group, the first for the features that come first; each reads as many as its input
            size, C of them all together.
        **kwargs: of ``HybridBlock``.

    Raises:
        TypeError: one is no encoder.
        ValueError: there is none.
    """

    def __init__(self, *encoders: Encoder, **kwargs):
        super().__init__(**kwargs)
        _check_encoders(encoders)
        self._input_sizes = tuple(encoder.input_size for encoder in encoders)
        self.input_size = sum(self._input_sizes)
        self._output_sizes = tuple(encoder.output_size for encoder in encoders)
        self.output_size = sum(self._output_sizes)
        for index, encoder in enumerate(encoders):
            setattr(self, f"group{index}", encoder)  # registers it, and unlike register_child prints it

    def hybrid_forward(self, F, inputs, lengths=None):
        """Takes inputs (T, N, C), lengths (N,) or None; gives outputs (T, N, D) and last (N, D), D over all groups."""
        encoded = [encoder(part, lengths) for encoder, part in self.split(F, inputs)]
        outputs = join_features(F, *(e.outputs for e in encoded), axis=2, widths=self._output_sizes)
        last = join_features(F, *(e.last for e in encoded), axis=1, widths=self._output_sizes)
        return tuple(EncoderOutput(outputs, last))

    def split(self, F, inputs) -> List[Tuple[Encoder, Any]]:
        """Returns each encoder, and its group (T, N, its input size) of the features of inputs (T, N, C)."""
        ends = list(accumulate(self._input_sizes))
        # Slices, with their gradient, take less time than MXNet's split.
        parts = [F.slice_axis(inputs, axis=2, begin=begin, end=end) for begin, end in zip([0, *ends], ends)]
        return list(zip(self._children.values(), parts))


def _check_encoders(encoders: Tuple[Any, ...]) -> None:
    """Raises TypeError if one is no encoder, ValueError if there is none."""
    for encoder in encoders:
        if not isinstance(encoder, Encoder):
            raise TypeError(f"a group's encoder of type {type(encoder).__name__}: give encoders, such as LSTMEncoder")
    if not encoders:
        raise ValueError("GroupedEncoder without encoders: give one for each group of features")
