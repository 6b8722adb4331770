"""How the weights of an LSTM start."""

import mxnet as mx
import numpy as np


@mx.init.register
class GateOrthogonal(mx.init.Initializer):
    """Makes each gate's square block of a recurrent weight orthogonal.

    An orthogonal matrix keeps the length of the state it is multiplied with, so
    that neither it nor its gradient grows or fades at the start (Saxe et al. 2014).
    Draws from NumPy's global stream.
    """

    def _init_weight(self, name, weight):
        rows, size = weight.shape
        if rows % size:
            raise ValueError(f"{name}: {rows} rows are no whole number of {size} × {size} blocks")
        weight[:] = np.concatenate([_orthogonal(size) for _ in range(rows // size)])


def _orthogonal(size: int) -> np.ndarray:
    """Returns an orthogonal matrix (size, size), uniform over all of them (Mezzadri 2007)."""
    q, r = np.linalg.qr(np.random.standard_normal((size, size)))
    return q * np.sign(np.diag(r))


@mx.init.register
class PartialBias(mx.init.Initializer):
    """Sets a bias to 0, and one gate's part of it to ``value``.

    Args:
        value: bias of the gate; of a forget gate, 1 lets the cell keep its content at the start.
        gate: number of the gate, from 0.
        num_gates: gates that share the bias.
    """

    def __init__(self, value: float, gate: int, num_gates: int) -> None:
        super().__init__(value=value, gate=gate, num_gates=num_gates)
        self.value, self.gate, self.num_gates = value, gate, num_gates

    def _init_bias(self, name, bias):
        size = bias.shape[0] // self.num_gates
        bias[:] = 0.0
        bias[self.gate * size : (self.gate + 1) * size] = self.value

    # A parameter's own initializer is asked for a weight, whatever its name says.
    _init_weight = _init_bias
