"""Recurrent classifiers in float64, written from the equations, forward alone; ``tape`` finds the gradients.

It shares no code with ``gluon_lstm`` but the names of ``gluon_lstm.nn.get_arrays``, off
which it reads how many groups, layers and directions there are. Axes: time T, batch N,
features C, units H, hidden state P (H without a projection), encoder outputs D, classes K.
Nothing here knows of lengths: ``each_alone`` runs a sequence by itself, cut where it ends.
"""

from __future__ import annotations

from typing import Callable, Dict, List, Mapping, Sequence, Tuple

import numpy as np
import tape
from tape import Var

Parameters = Mapping[str, Var]

ACTIVATIONS = {
    "tanh": tape.tanh, "relu": tape.relu, "sigmoid": tape.sigmoid, "hard_sigmoid": tape.hard_sigmoid,
}  # fmt: skip


def affine(x: Var, p: Parameters, source: str) -> Var:
    """W x + b of the gates' sums from one source, ``i2h`` or ``h2h``."""
    return x @ p[f"{source}_weight"].T + p[f"{source}_bias"]


def normalize(x: Var, scale: Var, shift: Var) -> Var:
    """Layer normalization (Ba et al. 2016), with the small number that every library puts under the root."""
    centred = x - tape.mean(x, axis=-1)
    return centred / tape.sqrt(tape.mean(centred * centred, axis=-1) + 1e-5) * scale + shift


def lstm_step(
    x: Var, h: Var, c: Var, p: Parameters, activation="tanh", recurrent_activation="sigmoid", peephole=False,
    coupled=False, layer_norm=False, projection_size=0,
) -> Tuple[Var, ...]:  # fmt: skip
    """One step of the memory cell: x (N, C), h (N, P), c (N, H) → the next h and c, then the gates i, f, g, o."""
    phi, sigma, size = ACTIVATIONS[activation], ACTIVATIONS[recurrent_activation], c.shape[1]
    if layer_norm:
        sums = normalize(x @ p["i2h_weight"].T, p["i2h_scale"], p["i2h_bias"])
        sums = sums + normalize(h @ p["h2h_weight"].T, p["h2h_scale"], p["h2h_bias"])
    else:
        sums = affine(x, p, "i2h") + affine(h, p, "h2h")
    order = "fgo" if coupled else "ifgo"
    a = {gate: sums[:, number * size : (number + 1) * size] for number, gate in enumerate(order)}
    assert sums.shape[1] == len(order) * size

    def watch(gate: str, cell: Var):
        return p[f"{gate}_peephole"] * cell if peephole else 0.0

    f = sigma(a["f"] + watch("forget", c))
    i = 1 - f if coupled else sigma(a["i"] + watch("input", c))
    g = phi(a["g"])
    c_next = f * c + i * g
    o = sigma(a["o"] + watch("output", c_next))
    h_next = o * phi(normalize(c_next, p["cell_scale"], p["cell_shift"]) if layer_norm else c_next)
    if projection_size:
        h_next = h_next @ p["h2r_weight"].T
    return h_next, c_next, i, f, g, o


def gru_step(x: Var, h: Var, p: Parameters) -> Tuple[Var]:
    """One step of the gated recurrent unit, reset after the product: x (N, C), h (N, H) → the next h."""
    size = h.shape[1]
    r_x, z_x, n_x = (affine(x, p, "i2h")[:, k * size : (k + 1) * size] for k in range(3))
    r_h, z_h, n_h = (affine(h, p, "h2h")[:, k * size : (k + 1) * size] for k in range(3))
    r, z = tape.sigmoid(r_x + r_h), tape.sigmoid(z_x + z_h)
    n = tape.tanh(n_x + r * n_h)
    return ((1 - z) * n + z * h,)


def rnn_step(x: Var, h: Var, p: Parameters, activation="tanh") -> Tuple[Var]:
    """One step of the plain recurrent network: x (N, C), h (N, H) → the next h."""
    return (ACTIVATIONS[activation](affine(x, p, "i2h") + affine(h, p, "h2h")),)


STEPS = {"lstm": lstm_step, "gru": gru_step, "rnn": rnn_step}


def loop(inputs: Var, state: Sequence[Var], p: Parameters, cell: str, **options) -> Var:
    """A loop over a cell: inputs (T, N, C), the first h, and c of an LSTM → outputs (T, N, P)."""
    outputs = []
    for t in range(len(inputs.value)):
        state = STEPS[cell](inputs[t], *state, p, **options)[: len(state)]
        outputs.append(state[0])
    return tape.stack(outputs)


def direction(inputs: Var, p: Parameters, cell: str, backward: bool, **options) -> Var:
    """A loop from a state of zeros, from the end if ``backward``: inputs (T, N, C) → outputs (T, N, P)."""
    hidden = p["h2h_weight"].shape[1]
    sizes = [hidden, p["h2r_weight"].shape[1] if "h2r_weight" in p else hidden]
    zeros = [Var(np.zeros((inputs.shape[1], size))) for size in sizes[: 1 + (cell == "lstm")]]
    stride = slice(None, None, -1 if backward else 1)
    return loop(inputs[stride], zeros, p, cell, **options)[stride]


def layer(inputs: Var, arrays: Parameters, cell: str = "lstm", **options) -> Var:
    """One layer: inputs (T, N, C) → outputs (T, N, D), in the directions that ``arrays`` has."""
    coupled = "coupled_" * options.get("coupled", False)
    parts = {name: part for name in ("forward", "backward") if (part := under(arrays, f"{name}_{coupled}"))}
    outputs = [direction(inputs, p, cell, name == "backward", **options) for name, p in parts.items()]
    return tape.concat(outputs, axis=2)


def encoder(
    inputs: Var, arrays: Parameters, cell="lstm", bidirectional=False, residual=False, layer_norm=False,
    cell_layer_norm=False, **options,
) -> Tuple[Var, Var]:  # fmt: skip
    """A stack of layers: inputs (T, N, C) → outputs (T, N, D) and last (N, D)."""
    if cell_layer_norm:
        options["layer_norm"] = True
    outputs = inputs
    for number, prefix in enumerate(children(arrays, "layers.")):
        before, outputs = outputs, layer(outputs, under(arrays, prefix), cell, **options)
        if residual and before.shape == outputs.shape:
            outputs = outputs + before
        if layer_norm:
            outputs = normalize(outputs, arrays[f"norms.{number}.gamma"], arrays[f"norms.{number}.beta"])
    size = outputs.shape[2] // (1 + bidirectional)
    return outputs, tape.concat([outputs[-1][:, :size], outputs[0][:, size:]], axis=1)


def grouped_encoder(inputs: Var, arrays: Parameters, **options) -> Tuple[Var, Var]:
    """An encoder for each group of features: inputs (T, N, C) → outputs (T, N, D) and last (N, D)."""
    runs, end = [], 0
    for prefix in children(arrays, "group"):
        group = under(arrays, prefix)
        start, end = end, end + group["layers.0.forward_i2h_weight"].shape[1]
        runs.append(encoder(inputs[:, :, start:end], group, **options))
    assert end == inputs.shape[2]
    return tuple(tape.concat(joined, axis=-1) for joined in zip(*runs))


def attention(outputs: Var, arrays: Parameters) -> Var:
    """Attention (Yang et al. 2016, equations 5 to 7): outputs (T, N, D) → one vector a sequence (N, D)."""
    steps = [outputs[t] for t in range(len(outputs.value))]
    hidden = [tape.tanh(h @ arrays["attention_weight"].T + arrays["attention_bias"]) for h in steps]
    weights = tape.exp(tape.stack([u @ arrays["attention_vector"].T for u in hidden]))
    return tape.sum(outputs * weights / tape.sum(weights, axis=0), axis=0)[0]


def pooling(outputs: Var, last: Var, mode: str, arrays: Parameters) -> Var:
    """Outputs (T, N, D) and last (N, D) → one vector a sequence (N, D·modes)."""
    pool: Dict[str, Callable[[], Var]] = {
        "last": lambda: last,
        "mean": lambda: tape.mean(outputs, axis=0)[0],
        "max": lambda: tape.max(outputs, axis=0)[0],
        "attention": lambda: attention(outputs, arrays),
    }
    return tape.concat([pool[name]() for name in mode.split("+")], axis=1)


def head(x: Var, arrays: Parameters) -> Var:
    """Dense layers, relu after each but the last: x (N, D) → logits (N, K)."""
    *hidden, last = (under(arrays, prefix) for prefix in children(arrays, ""))
    for p in hidden:
        x = tape.relu(x @ p["weight"].T + p["bias"])
    return x @ last["weight"].T + last["bias"]


def classifier(inputs: Var, arrays: Parameters, mode: str = "last", **options) -> Var:
    """Encoder or groups of them, pooling, head: inputs (T, N, C) → logits (N, K)."""
    encoder_arrays = under(arrays, "encoder.")
    encode = grouped_encoder if any(name.startswith("group") for name in encoder_arrays) else encoder
    outputs, last = encode(inputs, encoder_arrays, **options)
    return head(pooling(outputs, last, mode, under(arrays, "pooling.")), under(arrays, "head."))


def each_alone(model: Callable, lengths: Sequence[int], inputs: Var) -> Tuple[Var, ...]:
    """Runs each sequence by itself, without padding, and puts zeros after its end where an output has steps.

    Args:
        model: takes inputs (T, 1, C); gives one variable or several, (T, 1, …) or (1, …).
        lengths: steps of each sequence.
        inputs: (T, N, C).
    """
    rows = [as_tuple(model(inputs[:length, n : n + 1])) for n, length in enumerate(lengths)]
    steps = len(inputs.value)
    return tuple(
        tape.concat([padded(value, steps) for value in values], 1) if values[0].value.ndim == 3
        else tape.concat(values, 0)
        for values in zip(*rows)
    )  # fmt: skip


def padded(sequence: Var, steps: int) -> Var:
    """Puts zeros after a sequence (T, 1, D) up to ``steps``."""
    length, *others = sequence.shape
    return tape.concat([sequence, Var(np.zeros((steps - length, *others)))], axis=0)


def as_tuple(value) -> tuple:
    """Returns one value or several as a tuple."""
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def under(arrays: Mapping, prefix: str) -> Dict:
    """Returns the arrays whose names start with ``prefix``, without it."""
    return {name[len(prefix) :]: array for name, array in arrays.items() if name.startswith(prefix)}


def prefixed(prefix: str, arrays: Mapping) -> Dict:
    """Returns the arrays with ``prefix`` before their names."""
    return {prefix + name: array for name, array in arrays.items()}


def children(arrays: Mapping, prefix: str) -> List[str]:
    """Returns the prefixes ``prefix0.``, ``prefix1.``… that occur, in the order of their numbers."""
    return [f"{prefix}{number}." for number in sorted({int(name.split(".")[0]) for name in under(arrays, prefix)})]
