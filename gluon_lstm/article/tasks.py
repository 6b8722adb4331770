"""Generated sequences on which memory is measured, as their papers define them."""

from __future__ import annotations

import math
from typing import Callable, Dict, NamedTuple

import numpy as np

SYMBOLS, RECALLED = 8, 10
"""Of the copying task: symbols to be recalled, and how many of them."""
BLANK, DELIMITER = SYMBOLS, SYMBOLS + 1


class Sequences(NamedTuple):
    """Sequences and what is to be said of them.

    Attributes:
        inputs: (T, N, C) float32.
        targets: (N,) float32 numbers to be said after the last step, or (T, N) int32 symbols, one a step.
    """

    inputs: np.ndarray
    targets: np.ndarray


class Task(NamedTuple):
    """A kind of sequences.

    Attributes:
        make: (stream, sequences, T) → sequences.
        inputs: C.
        outputs: numbers that a net gives a step.
        baseline: T → the loss of the best answer that remembers nothing.
        tells_symbols: whether a symbol is told at every step, and the loss is the mean cross-entropy of a step in
            nats; else a number after the last, and the loss is the squared error.
    """

    make: Callable[[np.random.Generator, int, int], Sequences]
    inputs: int
    outputs: int
    baseline: Callable[[int], float]
    tells_symbols: bool


def make_adding(rng: np.random.Generator, number: int, steps: int) -> Sequences:
    """Returns sequences of the adding problem: the sum of two marked numbers is to be told at the end.

    The task is Hochreiter and Schmidhuber's (1997, section 5.4), in the form of Arjovsky et al. (2016,
    section 4.2): the first feature is uniform in [0, 1), the second is 1 at one step of the first half and
    one of the second, else 0. Always to say 1 has a mean squared error of 1/6.

    Args:
        rng: what they are drawn from.
        number: N.
        steps: T, at least 2.
    """
    inputs = np.zeros((steps, number, 2), np.float32)
    inputs[:, :, 0] = rng.random((steps, number), np.float32)
    half, columns = steps // 2, np.arange(number)
    for low, high in ((0, half), (half, steps)):
        inputs[rng.integers(low, high, number), columns, 1] = 1
    return Sequences(inputs, (inputs[:, :, 0] * inputs[:, :, 1]).sum(axis=0))


def make_copying(rng: np.random.Generator, number: int, steps: int) -> Sequences:
    """Returns sequences of the copying memory task (Arjovsky et al. 2016, section 4.1).

    Ten symbols out of eight come first, then T - 1 blanks, a delimiter, and ten blanks, T + 20 steps in all; to be
    told are T + 10 blanks and the ten symbols. A model that
    remembers none has a mean cross-entropy of 10 ln 8 / (T + 20).

    Args:
        rng: what they are drawn from.
        number: N.
        steps: T, the delay.
    """
    symbols = rng.integers(0, SYMBOLS, (RECALLED, number))
    shown = np.full((steps + 2 * RECALLED, number), BLANK)
    shown[:RECALLED] = symbols
    shown[RECALLED + steps - 1] = DELIMITER
    targets = np.full(shown.shape, BLANK, np.int32)
    targets[-RECALLED:] = symbols
    return Sequences(np.eye(SYMBOLS + 2, dtype=np.float32)[shown], targets)


def make_recall(rng: np.random.Generator, number: int, steps: int) -> Sequences:
    """Returns sequences whose first number, 1 or -1, is to be told at the end; the others are standard normal noise.

    Args:
        rng: what they are drawn from.
        number: N.
        steps: T.
    """
    inputs = rng.standard_normal((steps, number, 1), np.float32)
    inputs[0, :, 0] = rng.choice(np.array([-1, 1], np.float32), number)
    return Sequences(inputs, inputs[0, :, 0].copy())


TASKS: Dict[str, Task] = {
    "adding": Task(make_adding, 2, 1, lambda steps: 1 / 6, tells_symbols=False),
    "copying": Task(make_copying, SYMBOLS + 2, SYMBOLS + 1,
                    lambda steps: RECALLED * math.log(SYMBOLS) / (steps + 2 * RECALLED), tells_symbols=True),
    "recall": Task(make_recall, 1, 1, lambda steps: 1.0, tells_symbols=False),
}  # fmt: skip
