"""The equations of the recurrent cells: what one step makes of an input and the state before it.

Each class holds a cell's options and knows its parameters; cells for loops of
one's own (``nn.cell``) and layers over whole sequences (``nn.layer``) both run
on them. Notation: inputs x_t (N, C), hidden state h_t (N, H), time step t,
W the ``i2h_weight``, U the ``h2h_weight``, b and b' their biases, σ the
recurrent activation, φ the activation, ⊙ the product element by element.
"""

from dataclasses import dataclass
from typing import Any, Dict, Mapping, NamedTuple, Optional, Tuple

import mxnet as mx

from gluon_lstm.config import CELL_ACTIVATIONS, INPUT_INITIALIZERS, RECURRENT_INITIALIZERS
from gluon_lstm.nn.checks import check_choice, check_finite, check_flags, check_sizes
from gluon_lstm.nn.initializers import ChronoBias, GateOrthogonal, PartialBias

CLOSED = 1e30
"""A gate's sum of this size, or of its negative, makes it exactly 1 or 0 in float32, whatever is added."""


class CellState(NamedTuple):
    """What an LSTM carries from step to step: ``hidden`` h (N, H or P) and ``cell`` c (N, H)."""

    hidden: Any
    cell: Any


class HiddenState(NamedTuple):
    """What GRU and plain RNN carry from step to step: ``hidden`` h (N, H)."""

    hidden: Any


class Gates(NamedTuple):
    """An LSTM's activations at one step, each (N, H): between 0 and 1 but for the candidate."""

    input: Any
    forget: Any
    candidate: Any
    output: Any


class Declaration(NamedTuple):
    """A parameter to be made: its shape, and what it starts as."""

    shape: Tuple[int, ...]
    init: Any


def activate(F, name: str, values):
    """Applies an activation; ``hard_sigmoid`` is min(max(x / 6 + 1/2, 0), 1), as in Keras 3 and PyTorch."""
    if name == "hard_sigmoid":
        return F.hard_sigmoid(values, alpha=1 / 6, beta=0.5)
    # By oneDNN, which computes many numbers at once, where MXNet's own operators take one after the other; but its
    # relu makes a NaN 0.
    return F.relu(values) if name == "relu" else F.Activation(values, act_type=name)


def add(F, one, other):
    """Returns the sum of arrays of one shape; those of a cell are small, and ``+`` takes longer for them."""
    return F.add_n(one, other)


@dataclass(frozen=True)
class Recurrence:
    """Options that all cells share.

    Attributes:
        hidden_size: H.
        recurrent_initializer: how U starts, ``orthogonal`` (each gate's square block) or ``xavier``.
        input_initializer: how W starts, ``xavier`` (Glorot and Bengio 2010: variance 2 / (C + rows)) or ``lecun``
            (LeCun et al. 1998, Efficient BackProp: variance 1 / C, whatever H is). With a feature or two at a step,
            ``xavier`` starts so small that the net hardly hears its inputs.
    """

    hidden_size: int
    recurrent_initializer: str = "orthogonal"
    input_initializer: str = "xavier"

    state_type = HiddenState
    closed_output_is_zero = False
    """Whether ``closing`` makes the hidden state 0 from any state before, and not from zeros alone."""

    def __post_init__(self) -> None:
        check_sizes(hidden_size=self.hidden_size)
        check_choice("recurrent_initializer", self.recurrent_initializer, RECURRENT_INITIALIZERS)
        check_choice("input_initializer", self.input_initializer, INPUT_INITIALIZERS)

    @property
    def gates(self) -> Tuple[str, ...]:
        """Names of the gates, in their order along the first axis of every parameter."""
        raise NotImplementedError

    @property
    def output_size(self) -> int:
        """Length of the hidden state that goes out and comes back: H, or P of a projection."""
        return self.hidden_size

    @property
    def prefix(self) -> str:
        """What the names of a layer's parameters start with where their gates are others than the kind's own."""
        return ""

    @property
    def state_sizes(self) -> Tuple[int, ...]:
        """Length of each array of the state."""
        return (self.output_size,)

    @property
    def fused_mode(self) -> Optional[str]:
        """MXNet's name for this cell in its fused operator, or ``None`` where the operator cannot compute it."""
        raise NotImplementedError

    @property
    def closing(self) -> Optional[Mapping[str, float]]:
        """Sums that, added to the named gates', hold a state of zeros at zero exactly; ``None`` where none do.

        At such a step the gradients of weights, biases and inputs are 0 as well.
        """
        raise NotImplementedError

    def declare(self, input_size: int) -> Dict[str, Declaration]:
        """Returns the parameters of one direction by name."""
        rows = len(self.gates) * self.hidden_size
        recurrent = GateOrthogonal() if self.recurrent_initializer == "orthogonal" else "xavier"
        inputs = mx.init.Xavier(factor_type="in") if self.input_initializer == "lecun" else "xavier"
        return {
            "i2h_weight": Declaration((rows, input_size), inputs),
            "h2h_weight": Declaration((rows, self.output_size), recurrent),
            "i2h_bias": Declaration((rows,), "zeros"),
            "h2h_bias": Declaration((rows,), "zeros"),
        }

    def project(self, F, inputs, p: Mapping[str, Any]):
        """Returns what the inputs (…, C) of all steps, and the biases, add to the gates' sums, (…, G·H)."""
        rows = len(self.gates) * self.hidden_size
        # One bias for both: added to all steps at once, it costs less than at each. Not by +, whose gradient a graph
        # copies from one bias to the other with all that it held before, where gradients add up over passes.
        bias = F.broadcast_add(p["i2h_bias"], p["h2h_bias"])
        return F.FullyConnected(inputs, p["i2h_weight"], bias, num_hidden=rows, flatten=False)

    def step(self, F, projected, state, p: Mapping[str, Any]):
        """Returns the next state from ``project``'s part of this step (N, G·H) and the state before it."""
        raise NotImplementedError

    def recur(self, F, hidden, p: Mapping[str, Any]):
        """Returns what the hidden state adds to the gates' sums, (N, G·H)."""
        # Not linalg.gemm: with static memory, the gradient of a weight that it uses over eight times is wrong.
        rows = len(self.gates) * self.hidden_size
        return F.FullyConnected(hidden, p["h2h_weight"], no_bias=True, num_hidden=rows)

    def part(self, F, array, *gates: str):
        """Returns the columns (N, H) of one gate of an array (N, G·H), or (N, K·H) of K that follow each other."""
        start = self.gates.index(gates[0]) * self.hidden_size
        return F.slice_axis(array, axis=-1, begin=start, end=start + len(gates) * self.hidden_size)


@dataclass(frozen=True)
class LSTM(Recurrence):
    """The memory cell.

    In the order of the code::

        a_t = W x_t + b + U h_{t-1} + b'                 sums of all gates
              LN(W x_t; γ, b) + LN(U h_{t-1}; γ', b')    with layer_norm
        f_t = σ(a_f + p_f ⊙ c_{t-1})                     forget gate; p with peepholes alone
        i_t = σ(a_i + p_i ⊙ c_{t-1})                     input gate
              1 - f_t                                    with coupled gates
        g_t = φ(a_g)                                     candidate
        c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t                  memory cell
        o_t = σ(a_o + p_o ⊙ c_t)                         output gate
        h_t = o_t ⊙ φ(c_t)                               hidden state; φ(LN(c_t)) with layer_norm
        h_t = R h_t                                      with a projection

    Cell, input and output gate: Hochreiter and Schmidhuber (1997). Forget gate:
    Gers et al. (2000); its bias of 1 at the start: ibid. and Jozefowicz et al. (2015).
    Peepholes: Gers et al. (2002). Coupled gates: Greff et al. (2017). Layer
    normalization: Ba et al. (2016), equations 20 to 22. Projection: Sak et al. (2014).

    Attributes:
        activation: φ, one of ``config.CELL_ACTIVATIONS``.
        recurrent_activation: σ, likewise.
        forget_bias: forget gate's part of b at the start.
        chrono_steps: T; forget and input gate's parts of b start for memories of up to so many steps (Tallec and
            Ollivier 2018, see ``ChronoBias``), whatever ``forget_bias`` says; 0 for none.
        peephole: whether the gates see the cell.
        coupled: whether the input gate is 1 - f; the parameters then hold the gates f, g, o.
        layer_norm: whether sums and cell are normalized.
        projection_size: P; 0 for none.
    """

    activation: str = "tanh"
    recurrent_activation: str = "sigmoid"
    forget_bias: float = 1.0
    chrono_steps: int = 0
    peephole: bool = False
    coupled: bool = False
    layer_norm: bool = False
    projection_size: int = 0

    state_type = CellState
    closed_output_is_zero = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("activation", self.activation, CELL_ACTIVATIONS)
        check_choice("recurrent_activation", self.recurrent_activation, CELL_ACTIVATIONS)
        check_finite(forget_bias=self.forget_bias)
        check_sizes(0, projection_size=self.projection_size, chrono_steps=self.chrono_steps)
        if self.chrono_steps == 1:
            raise ValueError("chrono_steps 1: must be at least 2, or 0 for none")
        check_flags(peephole=self.peephole, coupled=self.coupled, layer_norm=self.layer_norm)
        if self.projection_size >= self.hidden_size:
            raise ValueError(f"projection_size {self.projection_size}: must be less than hidden_size, or 0 for none")

    @property
    def gates(self) -> Tuple[str, ...]:
        """``input``, ``forget``, ``candidate``, ``output``: the order of MXNet and PyTorch; no input if coupled."""
        return ("forget", "candidate", "output") if self.coupled else Gates._fields

    @property
    def prefix(self) -> str:
        """``coupled_`` for coupled gates: three of them could be taken for a GRU's."""
        return "coupled_" * self.coupled

    @property
    def output_size(self) -> int:
        """H, or P where there is a projection."""
        return self.projection_size or self.hidden_size

    @property
    def state_sizes(self) -> Tuple[int, ...]:
        """Lengths of h and c."""
        return (self.output_size, self.hidden_size)

    @property
    def fused_mode(self) -> Optional[str]:
        """``lstm`` where every option is the classic one."""
        plain = (self.activation, self.recurrent_activation) == ("tanh", "sigmoid")
        extended = self.peephole or self.coupled or self.layer_norm or self.projection_size
        return "lstm" if plain and not extended else None

    @property
    def closing(self) -> Mapping[str, float]:
        """A closed input gate keeps c at 0; the closed output gate makes h 0 wherever the cell is not."""
        return {"input": -CLOSED, "output": -CLOSED}

    def declare(self, input_size: int) -> Dict[str, Declaration]:
        """Returns the parameters of one direction by name."""
        declared, size = super().declare(input_size), self.hidden_size
        if self.projection_size:
            rows = len(self.gates) * size
            # Its gates' blocks are not square, so orthogonal has no meaning here.
            declared["h2h_weight"] = Declaration((rows, self.projection_size), "xavier")
            declared["h2r_weight"] = Declaration((self.projection_size, size), "xavier")
        declared["i2h_bias"] = declared["i2h_bias"]._replace(init=self._initial_bias())
        if self.peephole:
            watching = [gate for gate in self.gates if gate != "candidate"]
            declared.update({f"{gate}_peephole": Declaration((size,), "zeros") for gate in watching})
        if self.layer_norm:
            rows = declared["i2h_bias"].shape
            scales = {"i2h_scale": rows, "h2h_scale": rows, "cell_scale": (size,)}
            declared.update({name: Declaration(shape, "ones") for name, shape in scales.items()})
            declared["cell_shift"] = Declaration((size,), "zeros")
        return declared

    def _initial_bias(self):
        """Returns what b starts as."""
        forget, number = self.gates.index("forget"), len(self.gates)
        if not self.chrono_steps:
            return PartialBias(self.forget_bias, forget, number)
        return ChronoBias(self.chrono_steps, forget, None if self.coupled else self.gates.index("input"), number)

    def project(self, F, inputs, p: Mapping[str, Any]):
        """Returns what the inputs add to the sums; see ``Recurrence.project``."""
        return self._sums(F, inputs, p, "i2h") if self.layer_norm else super().project(F, inputs, p)

    def recur(self, F, hidden, p: Mapping[str, Any]):
        """Returns what the hidden state adds to the sums; see ``Recurrence.recur``."""
        return self._sums(F, hidden, p, "h2h") if self.layer_norm else super().recur(F, hidden, p)

    def _sums(self, F, values, p: Mapping[str, Any], source: str):
        """Returns the normalized sums of one source, ``i2h`` or ``h2h``."""
        rows = len(self.gates) * self.hidden_size
        sums = F.FullyConnected(values, p[f"{source}_weight"], no_bias=True, num_hidden=rows, flatten=False)
        return F.LayerNorm(sums, p[f"{source}_scale"], p[f"{source}_bias"], axis=-1)

    def step(self, F, projected, state: CellState, p: Mapping[str, Any]) -> CellState:
        """Returns h_t and c_t; see ``Recurrence.step``."""
        return self.step_with_gates(F, projected, state, p)[0]

    def step_with_gates(self, F, projected, state: CellState, p: Mapping[str, Any]) -> Tuple[CellState, Gates]:
        """Returns h_t and c_t, and the gates that made them."""
        sums = add(F, projected, self.recur(F, state.hidden, p))
        # One call over all gates is faster than one for each, where no gate waits for the cell.
        opened = None if self.peephole else activate(F, self.recurrent_activation, sums)

        def gate(name: str, cell):
            if opened is not None:
                return self.part(F, opened, name)
            watched = F.broadcast_mul(cell, F.expand_dims(p[f"{name}_peephole"], axis=0))
            return activate(F, self.recurrent_activation, self.part(F, sums, name) + watched)

        forget = gate("forget", state.cell)
        entry = 1 - forget if self.coupled else gate("input", state.cell)
        candidate = activate(F, self.activation, self.part(F, sums, "candidate"))
        cell = add(F, forget * state.cell, entry * candidate)
        output = gate("output", cell)
        hidden = output * activate(F, self.activation, self._normalized(F, cell, p))
        if self.projection_size:
            hidden = F.FullyConnected(hidden, p["h2r_weight"], no_bias=True, num_hidden=self.projection_size)
        return CellState(hidden, cell), Gates(entry, forget, candidate, output)

    def _normalized(self, F, cell, p: Mapping[str, Any]):
        """Returns the cell as the hidden state sees it."""
        return F.LayerNorm(cell, p["cell_scale"], p["cell_shift"], axis=-1) if self.layer_norm else cell


@dataclass(frozen=True)
class GRU(Recurrence):
    """The gated recurrent unit (Cho et al. 2014), in the form of cuDNN, MXNet and PyTorch.

    In the order of the code::

        r_t = σ(W_r x_t + b_r + U_r h_{t-1} + b'_r)                reset gate
        z_t = σ(W_z x_t + b_z + U_z h_{t-1} + b'_z)                update gate
        n_t = tanh(W_n x_t + b_n + r_t ⊙ (U_n h_{t-1} + b'_n))     candidate
        h_t = (1 - z_t) ⊙ n_t + z_t ⊙ h_{t-1}                      hidden state
    """

    gates = ("reset", "update", "candidate")
    fused_mode = "gru"

    @property
    def closing(self) -> Mapping[str, float]:
        """With z at 1, h stays as it is."""
        return {"update": CLOSED}

    def project(self, F, inputs, p: Mapping[str, Any]):
        """Returns what the inputs add to the sums, without b', which the reset gate scales."""
        rows = len(self.gates) * self.hidden_size
        return F.FullyConnected(inputs, p["i2h_weight"], p["i2h_bias"], num_hidden=rows, flatten=False)

    def recur(self, F, hidden, p: Mapping[str, Any]):
        """Returns what the hidden state adds to the sums, b' included."""
        rows = len(self.gates) * self.hidden_size
        return F.FullyConnected(hidden, p["h2h_weight"], p["h2h_bias"], num_hidden=rows)

    def step(self, F, projected, state: HiddenState, p: Mapping[str, Any]) -> HiddenState:
        """Returns h_t; see ``Recurrence.step``."""
        recurrent, both = self.recur(F, state.hidden, p), ("reset", "update")
        opened = activate(F, "sigmoid", add(F, self.part(F, projected, *both), self.part(F, recurrent, *both)))
        reset, update = (self.part(F, opened, gate) for gate in both)
        recalled = reset * self.part(F, recurrent, "candidate")
        candidate = activate(F, "tanh", add(F, self.part(F, projected, "candidate"), recalled))
        return HiddenState(add(F, (1 - update) * candidate, update * state.hidden))


@dataclass(frozen=True)
class RNN(Recurrence):
    """The plain recurrent network (Elman 1990): h_t = φ(W x_t + b + U h_{t-1} + b').

    Attributes:
        activation: φ, ``tanh`` or ``relu``.
    """

    activation: str = "tanh"

    gates = ("hidden",)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("activation", self.activation, ("tanh", "relu"))

    @property
    def fused_mode(self) -> str:
        """``rnn_tanh`` or ``rnn_relu``."""
        return f"rnn_{self.activation}"

    @property
    def closed_output_is_zero(self) -> bool:
        """A relu's is."""
        return self.activation == "relu"

    @property
    def closing(self) -> Optional[Mapping[str, float]]:
        """Relu is 0 below 0; nothing added to its sum makes a tanh 0."""
        return {"hidden": -CLOSED} if self.activation == "relu" else None

    def step(self, F, projected, state: HiddenState, p: Mapping[str, Any]) -> HiddenState:
        """Returns h_t; see ``Recurrence.step``."""
        return HiddenState(activate(F, self.activation, add(F, projected, self.recur(F, state.hidden, p))))

