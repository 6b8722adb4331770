"""An LSTM classifier in float64 NumPy, forward and backward, written from the equations.

It shares no code with ``gluon_lstm`` but the names of ``gluon_lstm.nn.get_arrays``,
off which it reads how many groups, layers and directions there are. Axes: time T,
batch N, features C, units H, encoder outputs D, classes K; ``d_x`` is the gradient
with respect to ``x``.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping, NamedTuple, Tuple

import numpy as np

Arrays = Mapping[str, np.ndarray]

ACTIVATIONS = {
    "tanh": (np.tanh, lambda x: 1 - np.tanh(x) ** 2),
    "relu": (lambda x: np.maximum(x, 0), lambda x: (x > 0) * 1.0),
}
"""Activation functions and their derivatives."""

STRIDES = {"forward": 1, "backward": -1}
"""How each direction walks along the time axis."""


class Traced(NamedTuple):
    """A value, and the way back from it.

    Attributes:
        value: an array, or a tuple of them.
        backward: takes one gradient for each array of ``value``; gives those of the
            inputs, in the form of the inputs, and those of the parameters by name.
    """

    value: Any
    backward: Callable[..., Tuple[Any, Dict[str, np.ndarray]]]


def sigmoid(x):
    """1 / (1 + exp(-x)), in a form that cannot overflow."""
    return 0.5 * (1 + np.tanh(0.5 * x))


def lstm_step(x, h, c, p: Arrays, activation: str = "tanh") -> Traced:
    """One step of the memory cell: x (N, C), h and c (N, H) → the next h and c.

    The parameters ``p`` of a direction hold the gates in the order i, f, g, o.
    """
    phi, slope = ACTIVATIONS[activation]
    sums = x @ p["i2h_weight"].T + p["i2h_bias"] + h @ p["h2h_weight"].T + p["h2h_bias"]
    a_i, a_f, a_g, a_o = np.split(sums, 4, axis=1)
    i, f, g, o = sigmoid(a_i), sigmoid(a_f), phi(a_g), sigmoid(a_o)
    c_next = f * c + i * g
    h_next = o * phi(c_next)

    def backward(d_h, d_c):
        d_c = d_c + d_h * o * slope(c_next)
        d_i, d_f, d_g, d_o = d_c * g, d_c * c, d_c * i, d_h * phi(c_next)
        d_sums = np.concatenate([d_i * i * (1 - i), d_f * f * (1 - f), d_g * slope(a_g), d_o * o * (1 - o)], axis=1)
        d_bias = d_sums.sum(axis=0)
        d_p = {"i2h_weight": d_sums.T @ x, "h2h_weight": d_sums.T @ h, "i2h_bias": d_bias, "h2h_bias": d_bias}
        return (d_sums @ p["i2h_weight"], d_sums @ p["h2h_weight"], d_c * f), d_p

    return Traced((h_next, c_next), backward)


def lstm(inputs, h, c, p: Arrays, activation: str = "tanh") -> Traced:
    """One direction: inputs (T, N, C), first h and c (N, H) → outputs (T, N, H)."""
    steps, state = [], (h, c)
    for x in inputs:
        steps.append(lstm_step(x, *state, p, activation))
        state = steps[-1].value

    def backward(d_outputs):
        d_inputs, d_p = np.empty_like(inputs), {name: 0.0 for name in p}
        d_h, d_c = np.zeros_like(h), np.zeros_like(c)
        for t in reversed(range(len(steps))):
            (d_inputs[t], d_h, d_c), d_step = steps[t].backward(d_outputs[t] + d_h, d_c)
            d_p = {name: d_p[name] + d_step[name] for name in p}
        return (d_inputs, d_h, d_c), d_p

    return Traced(np.stack([step.value[0] for step in steps]), backward)


def layer(inputs, arrays: Arrays, activation: str = "tanh") -> Traced:
    """One layer from states of zeros: inputs (T, N, C) → outputs (T, N, H·directions), as ``arrays`` has them."""
    parts = {name: part for name in STRIDES if (part := under(arrays, f"{name}_"))}
    zeros = np.zeros((inputs.shape[1], parts["forward"]["h2h_weight"].shape[1]))
    runs = {name: lstm(inputs[:: STRIDES[name]], zeros, zeros, part, activation) for name, part in parts.items()}

    def backward(d_outputs):
        d_inputs, d_arrays = np.zeros_like(inputs), {}
        for (name, run), d_part in zip(runs.items(), np.split(d_outputs, len(runs), axis=2)):
            (d_run, _, _), d_p = run.backward(d_part[:: STRIDES[name]])
            d_inputs += d_run[:: STRIDES[name]]
            d_arrays.update(prefixed(f"{name}_", d_p))
        return d_inputs, d_arrays

    return Traced(np.concatenate([run.value[:: STRIDES[name]] for name, run in runs.items()], axis=2), backward)


def encoder(inputs, arrays: Arrays, activation: str = "tanh") -> Traced:
    """A stack of layers: inputs (T, N, C) → outputs (T, N, D) and last (N, D)."""
    runs, outputs = {}, inputs
    for prefix in children(arrays, "layers."):
        runs[prefix] = layer(outputs, under(arrays, prefix), activation)
        outputs = runs[prefix].value
    hidden_size = arrays[f"{prefix}forward_h2h_weight"].shape[1]
    last = np.concatenate([outputs[-1, :, :hidden_size], outputs[0, :, hidden_size:]], axis=1)

    def backward(d_outputs, d_last):
        d_outputs, d_arrays = d_outputs.copy(), {}
        d_outputs[-1, :, :hidden_size] += d_last[:, :hidden_size]
        d_outputs[0, :, hidden_size:] += d_last[:, hidden_size:]
        for prefix, run in reversed(list(runs.items())):
            d_outputs, d_layer = run.backward(d_outputs)
            d_arrays.update(prefixed(prefix, d_layer))
        return d_outputs, d_arrays

    return Traced((outputs, last), backward)


def grouped_encoder(inputs, arrays: Arrays, activation: str = "tanh") -> Traced:
    """An encoder for each equal group of features: inputs (T, N, C) → outputs (T, N, D) and last (N, D)."""
    prefixes = children(arrays, "group")
    parts = np.split(inputs, len(prefixes), axis=2)
    runs = {prefix: encoder(part, under(arrays, prefix), activation) for prefix, part in zip(prefixes, parts)}

    def backward(d_outputs, d_last):
        d_inputs, d_arrays = [], {}
        d_parts = zip(*(np.split(d, len(runs), axis=-1) for d in (d_outputs, d_last)))
        for (prefix, run), d_part in zip(runs.items(), d_parts):
            d_group, d_encoder = run.backward(*d_part)
            d_inputs.append(d_group)
            d_arrays.update(prefixed(prefix, d_encoder))
        return np.concatenate(d_inputs, axis=2), d_arrays

    return Traced(tuple(np.concatenate(part, axis=-1) for part in zip(*(run.value for run in runs.values()))), backward)


def pooling(outputs, last, mode: str) -> Traced:
    """Outputs (T, N, D) and last (N, D) → one vector a sequence (N, D·modes)."""
    steps = len(outputs)
    highest = np.arange(steps)[:, None, None] == outputs.argmax(axis=0)
    values = {"last": last, "mean": outputs.mean(axis=0), "max": outputs.max(axis=0)}
    shares = {"last": 0.0, "mean": 1 / steps, "max": highest}
    modes = mode.split("+")

    def backward(d_pooled):
        d_parts = dict(zip(modes, np.split(d_pooled, len(modes), axis=1)))
        d_outputs = sum(d_part * shares[name] * np.ones_like(outputs) for name, d_part in d_parts.items())
        return (d_outputs, d_parts.get("last", np.zeros_like(last))), {}

    return Traced(np.concatenate([values[name] for name in modes], axis=1), backward)


def head(x, arrays: Arrays) -> Traced:
    """Dense layers, relu after each but the last: x (N, D) → logits (N, K)."""
    layers = [under(arrays, prefix) for prefix in children(arrays, "")]
    values = [x]
    for index, p in enumerate(layers):
        sums = values[-1] @ p["weight"].T + p["bias"]
        values.append(sums if index + 1 == len(layers) else np.maximum(sums, 0))

    def backward(d_value):
        d_arrays = {}
        for prefix, p, value in reversed(list(zip(children(arrays, ""), layers, values))):
            d_arrays.update({f"{prefix}weight": d_value.T @ value, f"{prefix}bias": d_value.sum(axis=0)})
            # Where a relu was 0 nothing flows back; the encoder's own values have none to pass.
            d_value = (d_value @ p["weight"]) * (1.0 if value is x else value > 0)
        return d_value, d_arrays

    return Traced(values[-1], backward)


def classifier(inputs, arrays: Arrays, activation: str = "tanh", pooling_mode: str = "last") -> Traced:
    """Encoder or groups of them, pooling, head: inputs (T, N, C) → logits (N, K)."""
    encoder_arrays = under(arrays, "encoder.")
    encode = grouped_encoder if any(name.startswith("group") for name in encoder_arrays) else encoder
    encoded = encode(inputs, encoder_arrays, activation)
    pooled = pooling(*encoded.value, pooling_mode)
    logits = head(pooled.value, under(arrays, "head."))

    def backward(d_logits):
        d_pooled, d_head = logits.backward(d_logits)
        d_encoded, _ = pooled.backward(d_pooled)
        d_inputs, d_encoder = encoded.backward(*d_encoded)
        return d_inputs, {**prefixed("encoder.", d_encoder), **prefixed("head.", d_head)}

    return Traced(logits.value, backward)


def under(arrays: Arrays, prefix: str) -> Dict[str, np.ndarray]:
    """Returns the arrays whose names start with ``prefix``, without it."""
    return {name[len(prefix) :]: array for name, array in arrays.items() if name.startswith(prefix)}


def prefixed(prefix: str, arrays: Arrays) -> Dict[str, np.ndarray]:
    """Returns the arrays with ``prefix`` before their names."""
    return {prefix + name: array for name, array in arrays.items()}


def children(arrays: Arrays, prefix: str):
    """Returns the prefixes ``prefix0.``, ``prefix1.``… that occur, in the order of their numbers."""
    return [f"{prefix}{number}." for number in sorted({int(name.split(".")[0]) for name in under(arrays, prefix)})]
