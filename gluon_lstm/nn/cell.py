"""Single time steps, for loops of one's own."""

from typing import Any, NamedTuple

import numpy as np
from mxnet import nd
from mxnet.gluon import HybridBlock

from gluon_lstm.nn.checks import check_options, check_sizes, parameter_names
from gluon_lstm.nn.graphs import check_is_array, check_type
from gluon_lstm.nn.recurrences import GRU, LSTM, RNN, CellState, Gates, HiddenState, Recurrence


class LSTMStep(NamedTuple):
    """What an ``LSTMCell`` with ``return_gates`` gives: the next state, and how it came about."""

    hidden: Any
    cell: Any
    gates: Gates


class _Cell(HybridBlock):
    """A block that holds the parameters of one recurrence."""

    def __init__(self, recurrence: Recurrence, input_size: int, **kwargs):
        check_options(type(self).__name__, kwargs, parameter_names(type(self).__init__))
        check_sizes(input_size=input_size)
        super().__init__(**kwargs)
        self.recurrence = recurrence
        self._widths = {"inputs": input_size, **dict(zip(recurrence.state_type._fields, recurrence.state_sizes))}
        with self.name_scope():
            for name, (shape, init) in recurrence.declare(input_size).items():
                setattr(self, name, self.params.get(name, shape=shape, init=init))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._widths['inputs']} -> {self.recurrence.hidden_size})"

    def __call__(self, *args):
        """Takes a step, once arrays that do not fit are refused.

        Raises:
            TypeError: inputs and state are not all given, or one is no array of MXNet's, or not of the weights' type.
            ValueError: an array is not (N, its number of features).
        """
        if len(args) != len(self._widths):
            raise TypeError(f"{type(self).__name__} needs {', '.join(self._widths)}: {len(args)} arrays given")
        for (name, width), array in zip(self._widths.items(), args):
            check_is_array(name, array)
            if isinstance(array, nd.NDArray):
                if array.ndim != 2 or array.shape[1] != width:
                    raise ValueError(f"{name} of shape {array.shape}: needs (batch, {width} features)")
                check_type(name, array, np.dtype(self.i2h_weight.dtype).name)
        return super().__call__(*args)


class LSTMCell(_Cell):
    """One time step of an LSTM; the equations, in the order of the code, are those of ``nn.recurrences.LSTM``.

    Args:
        hidden_size: H.
        input_size: C.
        return_gates: whether each call also gives the activations of all gates.
        prefix: as in Gluon.
        params: as in Gluon.
        **options: further options of ``nn.recurrences.LSTM``: activations, peepholes, coupled gates, layer
            normalization, projection, forget bias.
    """

    def __init__(self, hidden_size: int, input_size: int, return_gates: bool = False, *, prefix=None, params=None,
                 **options):  # fmt: skip
        check_options("LSTMCell", options, parameter_names(LSTMCell.__init__, LSTM))
        super().__init__(LSTM(hidden_size, **options), input_size, prefix=prefix, params=params)
        self._return_gates = return_gates

    def __call__(self, *args):
        """Takes a step; Gluon alone would give tuples, or hybridized a list."""
        outputs = super().__call__(*args)
        if not self._return_gates:
            return CellState(*outputs)
        hidden, cell, gates = outputs
        return LSTMStep(hidden, cell, Gates(*gates))

    def hybrid_forward(self, F, inputs, hidden, cell, **parameters):
        """Takes inputs (N, C) and the state h (N, H or P), c (N, H); gives h and c, and with gates also those."""
        projected = self.recurrence.project(F, inputs, parameters)
        state, gates = self.recurrence.step_with_gates(F, projected, CellState(hidden, cell), parameters)
        return tuple(LSTMStep(*state, tuple(gates))) if self._return_gates else tuple(state)


class GRUCell(_Cell):
    """One time step of a GRU; see ``nn.recurrences.GRU``.

    Args:
        hidden_size: H.
        input_size: C.
        **kwargs: of ``HybridBlock``.
    """

    def __init__(self, hidden_size: int, input_size: int, **kwargs):
        super().__init__(GRU(hidden_size), input_size, **kwargs)

    def hybrid_forward(self, F, inputs, hidden, **parameters):
        """Takes inputs (N, C) and the state h (N, H); gives the next h."""
        return _hidden_step(F, self.recurrence, inputs, hidden, parameters)


class RNNCell(_Cell):
    """One time step of a plain RNN; see ``nn.recurrences.RNN``.

    Args:
        hidden_size: H.
        input_size: C.
        activation: ``tanh`` or ``relu``.
        **kwargs: of ``HybridBlock``.
    """

    def __init__(self, hidden_size: int, input_size: int, activation: str = "tanh", **kwargs):
        super().__init__(RNN(hidden_size, activation=activation), input_size, **kwargs)

    def hybrid_forward(self, F, inputs, hidden, **parameters):
        """Takes inputs (N, C) and the state h (N, H); gives the next h."""
        return _hidden_step(F, self.recurrence, inputs, hidden, parameters)


def _hidden_step(F, recurrence: Recurrence, inputs, hidden, parameters):
    """Returns the next hidden state (N, H) of a recurrence that carries nothing else."""
    return recurrence.step(F, recurrence.project(F, inputs, parameters), HiddenState(hidden), parameters).hidden
