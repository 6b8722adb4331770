"""How the weights of an LSTM start."""

from typing import Optional

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


@mx.init.register
class ChronoBias(mx.init.Initializer):
    """Sets a bias so that an LSTM's cells start with memories of many lengths (Tallec and Ollivier 2018, chrono
    initialization).

    For each unit, with T steps the longest that is to be remembered::

        b_forget ~ log(U(1, T - 1))
        b_input  = -b_forget

    and 0 for the other gates. A forget gate of σ(log t) keeps a share of 1 - 1 / (t + 1) at a step, a memory of
    about t steps. Draws from NumPy's global stream.

    Args:
        steps: T, at least 2.
        forget: number of the forget gate, from 0.
        input_gate: that of the input gate; ``None`` where that is one minus the forget gate, as in the paper.
        num_gates: gates that share the bias.
    """

    def __init__(self, steps: int, forget: int, input_gate: Optional[int], num_gates: int) -> None:
        super().__init__(steps=steps, forget=forget, input_gate=input_gate, num_gates=num_gates)
        self.steps, self.forget, self.input_gate, self.num_gates = steps, forget, input_gate, num_gates

    def _init_bias(self, name, bias):
        parts = np.zeros((self.num_gates, bias.shape[0] // self.num_gates))
        parts[self.forget] = np.log(np.random.uniform(1, self.steps - 1, parts.shape[1]))
        if self.input_gate is not None:
            parts[self.input_gate] = -parts[self.forget]
        bias[:] = parts.reshape(-1)

    # As of PartialBias.
    _init_weight = _init_bias
