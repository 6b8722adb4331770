"""One recurrent layer over a sequence: on the fused operator, or on the cell step by step."""

from typing import Any, List, Mapping, NamedTuple, Optional, Tuple

from mxnet import nd

from gluon_lstm.config import IMPLEMENTATIONS
from gluon_lstm.nn.checks import check_choice, check_flags, check_options, check_shares, check_sizes, parameter_names
from gluon_lstm.nn.graphs import SequenceBlock, count_steps, join_features, split_steps
from gluon_lstm.nn.recurrences import LSTM, Gates, Recurrence

_WIDEST_MARK = 16
"""Features that mark the padding, at most: more cost the operator time."""


class LayerTrace(NamedTuple):
    """What one direction of an LSTM layer did at each step, in the order of its inputs.

    Attributes:
        direction: ``forward`` or ``backward``.
        gates: each (T, N, H).
        cell: (T, N, H), the memory cell after each step.
        hidden: (T, N, H or P), what goes out.
    """

    direction: str
    gates: Gates
    cell: Any
    hidden: Any


class RecurrentLayer(SequenceBlock):
    """A single recurrent layer, in one or both directions.

    MXNet's fused operator computes the layer where the cell's options allow it.
    Where they do not, or where ``implementation="cell"`` asks for it, the layer
    is unrolled: one matrix product projects the inputs of all steps, and only
    the recurrent part runs step by step. Both give the same numbers from the
    same parameters.

    The fused operator ignores lengths, so further input features mark the steps
    after a sequence's end, and constant weights close the gates there
    (``Recurrence.closing``): the backward direction then arrives at the last valid
    step with a state of exactly 0, as if it started there. What the padding holds is
    never read. One feature would do; there are as many as the largest number up to 16
    that divides C, because inputs and mark then join faster.

    Args:
        recurrence: the cell.
        input_size: C.
        bidirectional: whether a second cell reads the sequence backwards.
        implementation: ``fused``, ``cell``, or ``auto`` for the fused operator where it can.
        zoneout: share of the hidden state that keeps its value at a step (Krueger et al. 2017).
        zoneout_cell: likewise of an LSTM's cell.
        weight_dropout: share of the recurrent weights U dropped, the same at every step (Merity et al. 2018).
        num_steps: T; the unrolled form needs it inside of a hybridized block that is no ``SequenceBlock``.
    """

    def __init__(
        self,
        recurrence: Recurrence,
        input_size: int,
        bidirectional: bool = False,
        *,
        implementation: str = "auto",
        zoneout: float = 0.0,
        zoneout_cell: float = 0.0,
        weight_dropout: float = 0.0,
        num_steps: Optional[int] = None,
        **kwargs,
    ):
        check_options(type(self).__name__, kwargs, parameter_names(RecurrentLayer.__init__))
        super().__init__(**kwargs)
        check_choice("implementation", implementation, IMPLEMENTATIONS)
        check_sizes(input_size=input_size)
        check_flags(bidirectional=bidirectional)
        if num_steps is not None:
            check_sizes(num_steps=num_steps)
        check_shares(zoneout=zoneout, zoneout_cell=zoneout_cell, weight_dropout=weight_dropout)
        if zoneout_cell and len(recurrence.state_sizes) == 1:
            raise ValueError(f"zoneout_cell {zoneout_cell}: only an LSTM has a cell; use zoneout")
        self._zoneout = (zoneout, zoneout_cell)[: len(recurrence.state_sizes)]
        fusible = recurrence.fused_mode is not None and not any(self._zoneout)
        if implementation == "fused" and not fusible:
            raise ValueError("the fused operator cannot compute this cell's options; use implementation='auto'")
        self.recurrence = recurrence
        self.output_size = recurrence.output_size * (1 + bidirectional)
        self.needs_steps = implementation == "cell" or not fusible
        self._ends_in_zeros = not self.needs_steps and recurrence.closed_output_is_zero
        self._weight_dropout = weight_dropout
        self._num_steps = num_steps
        self.input_size = input_size
        self._directions = ("forward", "backward") if bidirectional else ("forward",)
        self._names = tuple(recurrence.declare(input_size))
        with self.name_scope():
            for direction in self._directions:
                for name, (shape, init) in recurrence.declare(input_size).items():
                    full = f"{direction}_{recurrence.prefix}{name}"
                    setattr(self, full, self.params.get(full, shape=shape, init=init))

    def __repr__(self) -> str:
        cell, directions = type(self.recurrence).__name__, ", bidirectional" * (len(self._directions) > 1)
        return f"{cell}({self.input_size} -> {self.recurrence.hidden_size}{directions})"

    def hybrid_forward(self, F, inputs, lengths=None, **parameters):
        """Takes inputs (T, N, C), lengths (N,) or None; gives outputs (T, N, D), 0 after a sequence's end."""
        weights = [self._weights_of(F, direction, parameters) for direction in self._directions]
        if lengths is not None:
            # A great number in the padding would open closed gates again, or overflow: 0 · inf is no gradient of 0.
            inputs = F.SequenceMask(inputs, lengths, use_sequence_length=True)
        if self.needs_steps:
            outputs = [self._unroll(F, inputs, lengths, p, backward=d > 0) for d, p in enumerate(weights)]
            outputs = join_features(F, *outputs, axis=2)
        elif lengths is None:
            outputs = self._run_fused(F, inputs, weights)
        elif self.recurrence.closing is None:
            outputs = self._run_reversed(F, inputs, lengths, weights)
        else:
            outputs = self._run_closed(F, inputs, lengths, weights)
        if lengths is None or self._ends_in_zeros:
            return outputs
        return F.SequenceMask(outputs, lengths, use_sequence_length=True)

    def _weights_of(self, F, direction: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        """Returns one direction's parameters by name, with recurrent weights dropped in training."""
        p = {name: parameters[f"{direction}_{self.recurrence.prefix}{name}"] for name in self._names}
        if self._weight_dropout:
            p["h2h_weight"] = F.Dropout(p["h2h_weight"], p=self._weight_dropout)
        return p

    def _run_fused(self, F, inputs, weights):
        """Runs MXNet's fused operator, whose one parameter vector holds all weights, then all biases."""
        flat = [F.reshape(array, shape=(-1,)) for p in weights for array in (p["i2h_weight"], p["h2h_weight"])]
        flat += [array for p in weights for array in (p["i2h_bias"], p["h2h_bias"])]
        batch_size = inputs.shape[1] if hasattr(inputs, "shape") else 0  # of a symbol, MXNet infers it
        zeros = F.zeros(shape=(len(weights), batch_size, self.recurrence.hidden_size), dtype=self.input_type)
        return F.RNN(
            inputs,
            F._internal._rnn_param_concat(*flat, dim=0),
            *[zeros] * len(self.recurrence.state_sizes),
            state_size=self.recurrence.hidden_size,
            num_layers=1,
            bidirectional=len(weights) > 1,
            mode=self.recurrence.fused_mode,
            state_outputs=False,
        )

    def _run_closed(self, F, inputs, lengths, weights):
        """Runs the fused operator with the gates closed after each sequence's end."""
        # Inputs and mark are joined in blocks of this width, the wider, the faster; where no such number
        # divides C, as of a prime, a mark of one feature is left.
        width = max(d for d in range(1, _WIDEST_MARK + 1) if self.input_size % d == 0)
        widths = (self.input_size, width)
        marked = join_features(F, inputs, _padding(F, inputs, lengths, width), axis=2, widths=widths)
        columns = self._closing_columns(F, weights[0], width)
        widened = [
            {**p, "i2h_weight": join_features(F, p["i2h_weight"], columns, axis=1, widths=widths)} for p in weights
        ]
        return self._run_fused(F, marked, widened)

    def _closing_columns(self, F, p, width: int):
        """Returns the weights (G·H, width) of the features that mark the steps after a sequence's end."""
        zeros = F.zeros_like(p["i2h_bias"])
        parts = [
            self.recurrence.part(F, zeros, gate) + self.recurrence.closing.get(gate, 0.0)
            for gate in self.recurrence.gates
        ]
        column = F.expand_dims(F.concat(*parts, dim=0), axis=1)
        return F.BlockGrad(F.broadcast_axis(column, axis=1, size=width))

    def _run_reversed(self, F, inputs, lengths, weights):
        """Runs each direction on its own, the backward one over sequences turned around within their lengths."""

        def turned(sequence):
            return F.SequenceReverse(sequence, lengths, use_sequence_length=True)

        outputs = [self._run_fused(F, inputs, weights[:1])]
        outputs += [turned(self._run_fused(F, turned(inputs), [p])) for p in weights[1:]]
        return join_features(F, *outputs, axis=2)

    def _unroll(self, F, inputs, lengths, p: Mapping[str, Any], backward: bool):
        """Returns one direction's outputs (T, N, H), in the order of the inputs."""
        steps = count_steps(inputs, self._num_steps)
        if steps is None:
            raise ValueError(
                "an unrolled layer inside of a hybridized block that is no SequenceBlock needs num_steps, the number "
                "of time steps"
            )
        projected = split_steps(F, self.recurrence.project(F, inputs, p), steps)
        state = self._zero_state(F, projected[0])
        outputs: List[Any] = [None] * steps
        for t in reversed(range(steps)) if backward else range(steps):
            after = self._keep(F, state, self.recurrence.step(F, projected[t], state, p))
            if lengths is not None:
                # After a sequence's end its state stays as it is: backward, as it started, of zeros; forward, where
                # a relu's could grow without end.
                after = type(state)(*(F.where(lengths > t, new, old) for new, old in zip(after, state)))
            state, outputs[t] = after, after.hidden
        return F.stack(*outputs, axis=0)

    def trace(self, inputs) -> Tuple[LayerTrace, ...]:
        """Returns what each direction of an LSTM does with whole sequences, arrays (T, N, C), outside of training.

        Raises:
            TypeError: the layer is no LSTM's.
        """
        if not isinstance(self.recurrence, LSTM):
            raise TypeError(f"{self!r}: only an LSTM has such gates")
        parameters = {name: parameter.data(inputs.context) for name, parameter in self._reg_params.items()}
        return tuple(self._trace(inputs, direction, parameters) for direction in self._directions)

    def _trace(self, inputs, direction: str, parameters: Mapping[str, Any]) -> LayerTrace:
        """Returns what one direction does, step by step as in ``_unroll``."""
        p = self._weights_of(nd, direction, parameters)
        projected = self.recurrence.project(nd, inputs, p)
        state, steps = self._zero_state(nd, projected[0]), []
        for step in projected[::-1] if direction == "backward" else projected:
            after, gates = self.recurrence.step_with_gates(nd, step, state, p)
            state = self._keep(nd, state, after)
            steps.append((*gates, state.cell, state.hidden))
        in_order = steps[::-1] if direction == "backward" else steps
        *gates, cell, hidden = (nd.stack(*column, axis=0) for column in zip(*in_order))
        return LayerTrace(direction, Gates(*gates), cell, hidden)

    def _zero_state(self, F, projected):
        """Returns a state of zeros for a batch like ``projected`` (N, G·H)."""
        sizes = self.recurrence.state_sizes
        columns = (F.slice_axis(projected, axis=1, begin=0, end=size) for size in sizes)
        return self.recurrence.state_type(*map(F.zeros_like, columns))

    def _keep(self, F, before, after):
        """Applies zoneout: in training some units keep their value, in prediction all keep a share of it."""
        if not any(self._zoneout):
            return after
        zoned = [
            # Dropout scales what it lets through by 1 / (1 - z).
            old + (1 - z) * F.Dropout(new - old, p=z) if z else new
            for z, old, new in zip(self._zoneout, before, after)
        ]
        return type(after)(*zoned)


def _padding(F, inputs, lengths, width: int):
    """Returns (T, N, width): 1 at the steps after a sequence's end, 0 before."""
    ones = F.ones_like(F.slice_axis(inputs, axis=2, begin=0, end=width))
    return F.BlockGrad(1 - F.SequenceMask(ones, lengths, use_sequence_length=True))
