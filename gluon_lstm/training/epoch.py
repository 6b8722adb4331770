"""One pass over the training set."""

from __future__ import annotations

import math
import time
from collections import deque
from typing import Callable, Deque, Iterable, Optional, Tuple

import numpy as np

from gluon_lstm.data import Batch
from gluon_lstm.errors import DivergenceError
from gluon_lstm.rundir import Counts
from gluon_lstm.training.step import StepResult

LAG = 8
"""Steps whose results are read together: each reading costs the device a pause."""


class Tally:
    """Adds up what steps leave behind, and stops where a loss, gradient or weight is not finite.

    Results are read ``LAG`` at a time and at least as many steps late, so that the
    device never waits for Python.

    Args:
        counts: what steps of the same epoch came to before; none where ``None``.
    """

    def __init__(self, counts: Optional[Counts] = None) -> None:
        counts = counts or Counts()
        self._seconds, self._start = counts.seconds, None
        self._pending: Deque[Tuple[StepResult, int, float]] = deque()
        self.samples = counts.samples
        self._loss, self._correct = counts.loss, counts.correct
        self._norms, self._normed, self._skipped = counts.norms, counts.normed, counts.skipped

    def start(self) -> None:
        """Starts to measure the time."""
        self._start = time.perf_counter()

    def add(self, result: StepResult, step: int, rate: float) -> None:
        """Takes note of a step.

        Args:
            result: what it left behind.
            step: its number, from 0 over all epochs.
            rate: its learning rate.

        Raises:
            DivergenceError: the loss, gradient or weights of this step, or of one that was added before, are not
                finite.
        """
        self._pending.append((result, step, rate))
        if len(self._pending) == 2 * LAG:
            self._read(LAG)

    def read_all(self) -> Counts:
        """Waits for all steps added, and returns what they and those before came to; raises as ``add`` does."""
        self._read(len(self._pending))
        seconds = self._seconds + (0.0 if self._start is None else time.perf_counter() - self._start)
        return Counts(self.samples, self._loss, self._correct, self._norms, self._normed, self._skipped, seconds)

    @property
    def loss(self) -> float:
        """Mean loss over the samples read so far."""
        return self._loss / max(self.samples, 1)

    def _read(self, number: int) -> None:
        """Waits for the oldest steps and adds them."""
        for _ in range(number):
            self._read_one(*self._pending.popleft())

    def _read_one(self, result: StepResult, step: int, rate: float) -> None:
        if result.skipped:
            self._skipped += 1
            return
        loss = sum(float(part.asnumpy().sum(dtype=np.float64)) for part in result.losses)
        norm = None if result.gradient_norm is None else result.gradient_norm.asscalar().item()
        finite = {
            "loss is": math.isfinite(loss),
            "gradient is": norm is None or math.isfinite(norm),
            "weights are": result.weight_squares is None or np.isfinite(result.weight_squares.asnumpy()).all(),
        }
        for what, is_finite in finite.items():
            if not is_finite:
                raise diverged(step, what, rate, clips=norm is not None)
        predicted = np.concatenate([part.asnumpy().argmax(axis=1) for part in result.logits])
        self._loss += loss
        self._correct += int((predicted == result.labels).sum())
        self.samples += len(result.labels)
        if norm is not None:
            self._norms += norm
            self._normed += 1


def diverged(step: int, what: str, rate: float, clips: bool) -> DivergenceError:
    """Returns the error that says at which step and rate something was not finite, and what to try.

    Args:
        step: number of the step, from 0; told from 1, as ``--resume`` counts the steps taken.
        what: what was not finite, with its verb: ``loss is``.
        rate: learning rate of the step.
        clips: whether the gradient is clipped already.
    """
    return DivergenceError(
        f"step {step + 1:,}: the {what} not finite at learning rate {rate:.3g}; "
        f"try a lower --learning-rate or {'a lower --clip-norm' if clips else '--clip-norm 1'}"
    )


def train_epoch(
    batches: Iterable[Batch],
    take_step: Callable[[Batch, float], StepResult],
    rate_at: Callable[[int], float],
    first_step: int,
    tally: Tally,
    on_step: Callable[[], bool],
) -> None:
    """Takes a step a batch.

    Args:
        batches: the epoch's batches.
        take_step: takes a batch and a learning rate.
        rate_at: step number, from 0 over all epochs → learning rate.
        first_step: number of the first step.
        tally: told of each step.
        on_step: called after each step; ``True`` ends the epoch early.

    Raises:
        DivergenceError: a loss, a gradient or weights were not finite.
    """
    tally.start()
    for step, batch in enumerate(batches, first_step):
        rate = rate_at(step)
        tally.add(take_step(batch, rate), step, rate)
        if on_step():
            break
