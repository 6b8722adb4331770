"""The memory cell, written as its equations."""

from typing import Any, NamedTuple

from mxnet.gluon import HybridBlock

from gluon_lstm.nn.initializers import GATES, ForgetBias, GateOrthogonal


class CellState(NamedTuple):
    """What an LSTM carries from step to step: ``hidden`` h and ``cell`` c, both (N, H) float32."""

    hidden: Any
    cell: Any


def lstm_step(F, gates, cell, hidden_size: int, activation: str = "tanh") -> CellState:
    """Computes one step of the memory cell from its gates' sums.

    With the sums a = W x_t + U h_{t-1} + b split along their last axis::

        i_t = σ(a_i)                      input gate
        f_t = σ(a_f)                      forget gate
        g_t = φ(a_g)                      candidate
        o_t = σ(a_o)                      output gate
        c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t    cell
        h_t = o_t ⊙ φ(c_t)                 hidden state

    Hochreiter and Schmidhuber (1997), with the forget gate of Gers et al. (2000).

    Args:
        F: ``mx.nd`` or ``mx.sym``.
        gates: sums a (N, 4H), in the order i, f, g, o.
        cell: c_{t-1} (N, H), or ``None`` for zeros.
        hidden_size: H.
        activation: φ, ``tanh`` or ``relu``.

    Returns:
        The state (h_t, c_t).
    """

    def part(array, gate):
        start = GATES.index(gate) * hidden_size
        return F.slice_axis(array, axis=1, begin=start, end=start + hidden_size)

    # One sigmoid over all four parts is faster than one over each of three.
    opened = F.sigmoid(gates)
    candidate = part(opened, "input") * getattr(F, activation)(part(gates, "candidate"))
    cell = candidate if cell is None else part(opened, "forget") * cell + candidate
    return CellState(part(opened, "output") * getattr(F, activation)(cell), cell)


class LSTMCell(HybridBlock):
    """One time step of an LSTM, for loops of one's own; the equations are those of ``lstm_step``.

    Args:
        hidden_size: H.
        input_size: C.
        activation: of candidate and cell output, ``tanh`` or ``relu``.
        forget_bias: the forget gate's bias at the start.
    """

    def __init__(self, hidden_size: int, input_size: int, activation: str = "tanh", forget_bias: float = 1.0, **kwargs):
        super().__init__(**kwargs)
        self._hidden_size = hidden_size
        self._activation = activation
        rows = len(GATES) * hidden_size
        with self.name_scope():
            self.i2h_weight = self.params.get("i2h_weight", shape=(rows, input_size))
            self.h2h_weight = self.params.get("h2h_weight", shape=(rows, hidden_size), init=GateOrthogonal())
            self.bias = self.params.get("bias", shape=(rows,), init=ForgetBias(forget_bias))

    def hybrid_forward(self, F, inputs, hidden, cell, i2h_weight, h2h_weight, bias):
        """Takes inputs (N, C) and the state h, c (N, H); gives the next state (h, c)."""
        rows = len(GATES) * self._hidden_size
        sums = F.FullyConnected(inputs, i2h_weight, bias, num_hidden=rows)
        # Not linalg.gemm: with static memory, the gradient of a weight that it uses over eight times is wrong.
        sums = sums + F.FullyConnected(hidden, h2h_weight, no_bias=True, num_hidden=rows)
        return tuple(lstm_step(F, sums, cell, self._hidden_size, self._activation))
