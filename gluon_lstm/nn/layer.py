"""One LSTM layer over a sequence: on the fused operator, or on the cell step by step."""

from typing import Any, Iterable, NamedTuple, Optional

from mxnet.gluon import HybridBlock

from gluon_lstm.nn.cell import lstm_step
from gluon_lstm.nn.initializers import GATES, ForgetBias, GateOrthogonal
from gluon_lstm.nn.steps import split_steps

ACTIVATIONS = ("tanh", "relu")
IMPLEMENTATIONS = ("auto", "fused", "cell")
RECURRENT_INITIALIZERS = {"orthogonal": GateOrthogonal, "xavier": lambda: "xavier"}


class Weights(NamedTuple):
    """The parameters of one direction; the first axis holds the gates in the order i, f, g, o."""

    i2h_weight: Any  # (4H, C)
    h2h_weight: Any  # (4H, H)
    i2h_bias: Any  # (4H,)
    h2h_bias: Any  # (4H,)


class LSTMLayer(HybridBlock):
    """A single LSTM layer, in one or both directions.

    MXNet's fused operator computes the layer where its activation is tanh. Where
    it is not, or where ``implementation="cell"`` asks for it, the layer is
    unrolled: one matrix product projects the inputs of all steps, and only the
    recurrent part runs step by step. Both give the same numbers from the same
    parameters.

    Args:
        hidden_size: H.
        input_size: C.
        bidirectional: whether a second LSTM reads the sequence backwards.
        activation: of candidate and cell output, ``tanh`` or ``relu``.
        forget_bias: the forget gate's bias at the start.
        recurrent_initializer: ``orthogonal`` or ``xavier``.
        implementation: ``fused``, ``cell``, or ``auto`` for the fused operator where it can.
        num_steps: T; the unrolled form needs it to be hybridized.
    """

    def __init__(
        self,
        hidden_size: int,
        input_size: int,
        bidirectional: bool = False,
        activation: str = "tanh",
        forget_bias: float = 1.0,
        recurrent_initializer: str = "orthogonal",
        implementation: str = "auto",
        num_steps: Optional[int] = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        _check_choice("activation", activation, ACTIVATIONS)
        _check_choice("implementation", implementation, IMPLEMENTATIONS)
        _check_choice("recurrent_initializer", recurrent_initializer, RECURRENT_INITIALIZERS)
        if implementation == "fused" and activation != "tanh":
            raise ValueError(f"the fused operator has no activation {activation!r}; use implementation='auto'")
        self._hidden_size = hidden_size
        self._activation = activation
        self._fused = implementation == "fused" or (implementation == "auto" and activation == "tanh")
        self._num_steps = num_steps
        self._directions = ("forward", "backward") if bidirectional else ("forward",)
        rows = len(GATES) * hidden_size
        declared = {
            "i2h_weight": ((rows, input_size), "xavier"),
            "h2h_weight": ((rows, hidden_size), RECURRENT_INITIALIZERS[recurrent_initializer]()),
            "i2h_bias": ((rows,), ForgetBias(forget_bias)),
            "h2h_bias": ((rows,), "zeros"),
        }
        with self.name_scope():
            for direction in self._directions:
                for name, (shape, init) in declared.items():
                    full = f"{direction}_{name}"
                    setattr(self, full, self.params.get(full, shape=shape, init=init))

    def hybrid_forward(self, F, inputs, **parameters):
        """Takes inputs (T, N, C); gives outputs (T, N, H·directions)."""
        weights = [Weights(*(parameters[f"{d}_{name}"] for name in Weights._fields)) for d in self._directions]
        if self._fused:
            return self._run_fused(F, inputs, weights)
        outputs = [self._unroll(F, inputs, w, reverse=d > 0) for d, w in enumerate(weights)]
        return F.concat(*outputs, dim=2) if len(outputs) > 1 else outputs[0]

    def _run_fused(self, F, inputs, weights):
        """Runs MXNet's fused operator, whose one parameter vector holds all weights, then all biases."""
        flat = [F.reshape(array, shape=(-1,)) for w in weights for array in (w.i2h_weight, w.h2h_weight)]
        flat += [array for w in weights for array in (w.i2h_bias, w.h2h_bias)]
        state = self._zero_state(F, inputs)
        return F.RNN(
            inputs,
            F._internal._rnn_param_concat(*flat, dim=0),
            state,
            state,
            state_size=self._hidden_size,
            num_layers=1,
            bidirectional=len(weights) > 1,
            mode="lstm",
            state_outputs=False,
        )

    def _zero_state(self, F, inputs):
        """Returns zeros (directions, N, H); a symbol leaves N, as 0, to shape inference."""
        batch_size = inputs.shape[1] if hasattr(inputs, "shape") else 0
        return F.zeros(shape=(len(self._directions), batch_size, self._hidden_size))

    def _unroll(self, F, inputs, weights: Weights, reverse: bool):
        """Returns one direction's outputs (T, N, H), in the order of the inputs."""
        bias = weights.i2h_bias + weights.h2h_bias
        rows = len(GATES) * self._hidden_size
        projected = F.FullyConnected(inputs, weights.i2h_weight, bias, num_hidden=rows, flatten=False)
        sums = split_steps(F, projected, self._num_steps)
        if sums is None:
            raise ValueError("an LSTM unrolled over its cell needs num_steps to be hybridized")
        outputs, hidden, cell = [], None, None
        if len(sums) == 1:
            # MXNet refuses a weight that nothing uses, so a single step multiplies it with zeros.
            hidden = F.zeros_like(F.slice_axis(sums[0], axis=1, begin=0, end=self._hidden_size))
        for gates in reversed(sums) if reverse else sums:
            if hidden is not None:
                # Not linalg.gemm: with static memory, the gradient of a weight that it uses over eight times is wrong.
                gates = gates + F.FullyConnected(hidden, weights.h2h_weight, no_bias=True, num_hidden=rows)
            hidden, cell = lstm_step(F, gates, cell, self._hidden_size, self._activation)
            outputs.append(hidden)
        return F.stack(*(reversed(outputs) if reverse else outputs), axis=0)


def _check_choice(option: str, value: str, choices: Iterable[str]) -> None:
    """Raises ValueError unless ``value`` is among ``choices``."""
    if value not in choices:
        raise ValueError(f"{option} {value!r}: use one of {', '.join(choices)}")
