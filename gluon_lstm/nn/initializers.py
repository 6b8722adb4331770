"""How the weights of an LSTM start."""

import mxnet as mx
import numpy as np

GATES = ("input", "forget", "candidate", "output")
"""Order of the gates along the first axis of every LSTM parameter, as in MXNet's and PyTorch's fused operators."""


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
class ForgetBias(mx.init.Initializer):
    """Sets a bias to 0, and its forget gate's part to ``value`` (Gers et al. 2000; Jozefowicz et al. 2015).

    Args:
        value: bias of the forget gate; 1 lets the cell keep its content at the start.
    """

    def __init__(self, value: float = 1.0) -> None:
        super().__init__(value=value)
        self.value = value

    def _init_bias(self, name, bias):
        hidden_size = bias.shape[0] // len(GATES)
        start = GATES.index("forget") * hidden_size
        bias[:] = 0.0
        bias[start : start + hidden_size] = self.value

    # A parameter's own initializer is asked for a weight, whatever its name says.
    _init_weight = _init_bias
