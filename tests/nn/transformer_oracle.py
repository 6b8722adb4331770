"""A Transformer encoder in float64 NumPy, forward and backward, written from the equations.

It shares no code with ``gluon_lstm`` but the names of ``gluon_lstm.nn.get_arrays``,
off which it reads how many layers there are and whether the positions are learned.
Axes: time T (of queries i, of keys j), batch N, features C, units H, heads a of d
units each; ``d_x`` is the gradient with respect to ``x``.
"""

from __future__ import annotations

import numpy as np
from oracle import Arrays, Traced, children, prefixed, under

EPSILON = 1e-5
"""What layer normalization adds to a variance, in MXNet as in PyTorch."""


def dense(x, p: Arrays) -> Traced:
    """W x + b along the last axis, or W x where ``p`` has no bias: x (T, N, C) → (T, N, H)."""

    def backward(d_y):
        d_p = {"weight": np.einsum("tnh,tnc->hc", d_y, x), "bias": d_y.sum(axis=(0, 1))}
        return d_y @ p["weight"], {name: d_p[name] for name in p}

    return Traced(x @ p["weight"].T + p.get("bias", 0.0), backward)


def layer_norm(x, p: Arrays) -> Traced:
    """γ (x - mean) / √(variance + ε) + β along the last axis (Ba et al. 2016): (T, N, H) → (T, N, H)."""
    deviation = np.sqrt(x.var(axis=-1, keepdims=True) + EPSILON)
    normal = (x - x.mean(axis=-1, keepdims=True)) / deviation

    def backward(d_y):
        d_p = {"gamma": (d_y * normal).sum(axis=(0, 1)), "beta": d_y.sum(axis=(0, 1))}
        d_normal = d_y * p["gamma"]
        along = normal * (d_normal * normal).mean(axis=-1, keepdims=True)
        return (d_normal - d_normal.mean(axis=-1, keepdims=True) - along) / deviation, d_p

    return Traced(normal * p["gamma"] + p["beta"], backward)


def softmax(scores) -> Traced:
    """exp(s_j) / Σ exp(s_j') along the last axis; a score of -inf has the weight 0."""
    exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights = exponentials / exponentials.sum(axis=-1, keepdims=True)

    def backward(d_weights):
        return weights * (d_weights - (d_weights * weights).sum(axis=-1, keepdims=True)), {}

    return Traced(weights, backward)


def attention(x, p: Arrays, num_heads: int, valid) -> Traced:
    """Multi-head self-attention to the valid steps: x (T, N, H), valid (T, N) → (T, N, H)."""
    by_head = (*x.shape[:2], num_heads, -1)
    parts = {name: dense(x, under(p, f"{name}.")) for name in ("query", "key", "value")}
    q, k, v = (part.value.reshape(by_head) for part in parts.values())
    scale = 1 / np.sqrt(q.shape[-1])
    scores = np.einsum("inad,jnad->naij", q, k) * scale
    weights = softmax(np.where(valid.T[:, None, None, :], scores, -np.inf))
    context = np.einsum("naij,jnad->inad", weights.value, v)
    output = dense(context.reshape(x.shape), under(p, "output."))

    def backward(d_y):
        d_context, d_output = output.backward(d_y)
        d_context, d_p = d_context.reshape(by_head), prefixed("output.", d_output)
        d_scores, _ = weights.backward(np.einsum("inad,jnad->naij", d_context, v))
        d_parts = {
            "query": np.einsum("naij,jnad->inad", d_scores, k) * scale,
            "key": np.einsum("naij,inad->jnad", d_scores, q) * scale,
            "value": np.einsum("naij,inad->jnad", weights.value, d_context),
        }
        d_x = np.zeros_like(x)
        for name, d_part in d_parts.items():
            d_from, d_dense = parts[name].backward(d_part.reshape(x.shape))
            d_x += d_from
            d_p.update(prefixed(f"{name}.", d_dense))
        return d_x, d_p

    return Traced(output.value, backward)


def feedforward(x, p: Arrays) -> Traced:
    """W_2 relu(W_1 x + b_1) + b_2: (T, N, H) → (T, N, H)."""
    first = dense(x, under(p, "feedforward_in."))
    second = dense(np.maximum(first.value, 0), under(p, "feedforward_out."))

    def backward(d_y):
        d_hidden, d_out = second.backward(d_y)
        d_x, d_in = first.backward(d_hidden * (first.value > 0))
        return d_x, {**prefixed("feedforward_in.", d_in), **prefixed("feedforward_out.", d_out)}

    return Traced(second.value, backward)


def layer(x, p: Arrays, num_heads: int, valid) -> Traced:
    """y = x + attention(LN(x)); z = y + feedforward(LN(y)): x (T, N, H), valid (T, N) → z (T, N, H)."""
    first_norm = layer_norm(x, under(p, "attention_norm."))
    attended = attention(first_norm.value, under(p, "attention."), num_heads, valid)
    y = x + attended.value
    second_norm = layer_norm(y, under(p, "feedforward_norm."))
    fed = feedforward(second_norm.value, p)

    def backward(d_z):
        d_second, d_feedforward = fed.backward(d_z)
        d_y, d_second_norm = second_norm.backward(d_second)
        d_y = d_y + d_z
        d_first, d_attention = attended.backward(d_y)
        d_x, d_first_norm = first_norm.backward(d_first)
        return d_x + d_y, {
            **prefixed("attention_norm.", d_first_norm),
            **prefixed("attention.", d_attention),
            **prefixed("feedforward_norm.", d_second_norm),
            **d_feedforward,
        }

    return Traced(y + fed.value, backward)


def sinusoids(num_steps: int, hidden_size: int) -> np.ndarray:
    """Returns the positions (T, H) of Vaswani et al. (2017), section 3.5."""
    unit = np.arange(hidden_size)
    angles = np.arange(num_steps)[:, None] / 10000.0 ** (2 * (unit // 2) / hidden_size)
    return np.where(unit % 2 == 0, np.sin(angles), np.cos(angles))


def embedding(inputs, arrays: Arrays) -> Traced:
    """√H (W x + b) + p: inputs (T, N, C) → (T, N, H)."""
    projected = dense(inputs, under(arrays, "projection."))
    num_steps, hidden_size = len(inputs), projected.value.shape[-1]
    table = arrays.get("positions.table")
    positions = sinusoids(num_steps, hidden_size) if table is None else table[:num_steps]

    def backward(d_x):
        d_inputs, d_projection = projected.backward(d_x * np.sqrt(hidden_size))
        d_arrays = prefixed("projection.", d_projection)
        if table is not None:
            d_arrays["positions.table"] = np.zeros_like(table)
            d_arrays["positions.table"][:num_steps] = d_x.sum(axis=1)
        return d_inputs, d_arrays

    return Traced(projected.value * np.sqrt(hidden_size) + positions[:, None], backward)


def encoder(inputs, arrays: Arrays, num_heads: int, lengths=None) -> Traced:
    """Inputs (T, N, C), lengths (N,) or ``None`` → outputs (T, N, H), 0 at padded steps, and last (N, H)."""
    num_steps, batch_size = inputs.shape[:2]
    ends = np.full(batch_size, num_steps) if lengths is None else lengths.astype(int)
    valid = np.arange(num_steps)[:, None] < ends
    at_last = (ends - 1, np.arange(batch_size))
    embedded = embedding(inputs, arrays)
    runs, x = {}, embedded.value
    for prefix in children(arrays, "layers."):
        runs[prefix] = layer(x, under(arrays, prefix), num_heads, valid)
        x = runs[prefix].value
    normal = layer_norm(x, under(arrays, "norm."))
    outputs = normal.value * valid[:, :, None]

    def backward(d_outputs, d_last):
        d_outputs = d_outputs * valid[:, :, None]
        d_outputs[at_last] += d_last
        d_x, d_norm = normal.backward(d_outputs)
        d_arrays = prefixed("norm.", d_norm)
        for prefix, run in reversed(list(runs.items())):
            d_x, d_layer = run.backward(d_x)
            d_arrays.update(prefixed(prefix, d_layer))
        d_inputs, d_embedding = embedded.backward(d_x)
        return d_inputs, {**d_arrays, **d_embedding}

    return Traced((outputs, outputs[at_last]), backward)
