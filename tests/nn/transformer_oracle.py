"""A Transformer encoder in float64, forward alone, written from the equations for one sequence without padding.

It shares no code with ``gluon_lstm`` but the names of ``gluon_lstm.nn.get_arrays``,
off which it reads how many layers there are and whether the positions are learned.
"""

from __future__ import annotations

from typing import Tuple

import numpy as np
import tape
from oracle import Parameters, children, normalize, under
from tape import Var


def dense(x: Var, p: Parameters) -> Var:
    """W x + b, or W x where ``p`` has no bias: x (T, C) → (T, H)."""
    return x @ p["weight"].T + p.get("bias", 0.0)


def layer_norm(x: Var, p: Parameters) -> Var:
    """γ (x - mean) / √(variance + ε) + β along the last axis (Ba et al. 2016)."""
    return normalize(x, p["gamma"], p["beta"])


def softmax(scores: Var) -> Var:
    """exp(s_j) / Σ exp(s_j') along the last axis."""
    exponentials = tape.exp(scores - scores.value.max(axis=-1, keepdims=True))
    return exponentials / tape.sum(exponentials, axis=-1)


def attention(x: Var, p: Parameters, num_heads: int) -> Var:
    """Multi-head self-attention: x (T, H) → (T, H)."""
    q, k, v = (dense(x, under(p, f"{name}.")) for name in ("query", "key", "value"))
    size = x.shape[1] // num_heads
    contexts = []
    for head in range(num_heads):
        own = np.s_[:, head * size : (head + 1) * size]
        contexts.append(softmax((q[own] @ k[own].T) / np.sqrt(size)) @ v[own])
    return dense(tape.concat(contexts, axis=1), under(p, "output."))


def layer(x: Var, p: Parameters, num_heads: int) -> Var:
    """y = x + attention(LN(x)); z = y + W_2 relu(W_1 LN(y) + b_1) + b_2: x (T, H) → z (T, H)."""
    y = x + attention(layer_norm(x, under(p, "attention_norm.")), under(p, "attention."), num_heads)
    hidden = tape.relu(dense(layer_norm(y, under(p, "feedforward_norm.")), under(p, "feedforward_in.")))
    return y + dense(hidden, under(p, "feedforward_out."))


def sinusoids(num_steps: int, hidden_size: int) -> np.ndarray:
    """Returns the positions (T, H) of Vaswani et al. (2017), section 3.5."""
    unit = np.arange(hidden_size)
    angles = np.arange(num_steps)[:, None] / 10000.0 ** (2 * (unit // 2) / hidden_size)
    return np.where(unit % 2 == 0, np.sin(angles), np.cos(angles))


def embedding(x: Var, arrays: Parameters) -> Var:
    """√H (W x + b) + p: x (T, C) → (T, H)."""
    projected = dense(x, under(arrays, "projection."))
    num_steps, hidden_size = projected.shape
    learned = arrays.get("positions.table")
    positions = sinusoids(num_steps, hidden_size) if learned is None else learned[:num_steps]
    return projected * np.sqrt(hidden_size) + positions


def encoder(inputs: Var, arrays: Parameters, num_heads: int) -> Tuple[Var, Var]:
    """Inputs (T, N, C) → outputs (T, N, H) and last (N, H)."""
    encoded = []
    for column in range(inputs.shape[1]):
        x = embedding(inputs[:, column], arrays)
        for prefix in children(arrays, "layers."):
            x = layer(x, under(arrays, prefix), num_heads)
        encoded.append(layer_norm(x, under(arrays, "norm.")))
    outputs = tape.stack(encoded, axis=1)
    return outputs, outputs[-1]
