"""One pass over the training set."""

from __future__ import annotations

import math
import time
from collections import deque
from typing import Callable, Iterable, List, NamedTuple, Optional

import numpy as np

from gluon_lstm.data import Batch
from gluon_lstm.errors import DivergenceError
from gluon_lstm.training.step import StepResult

LAG = 8
"""Steps whose results are read together: each reading costs the device a pause."""


class EpochSummary(NamedTuple):
    """What an epoch came to.

    Attributes:
        loss: mean over the samples, in nats, each as its step saw it.
        accuracy: share classified rightly, likewise.
        gradient_norm: mean over the steps; ``None`` without clipping.
        rate: learning rate of the last step.
        seconds: duration.
        samples: number of samples.
    """

    loss: float
    accuracy: float
    gradient_norm: Optional[float]
    rate: float
    seconds: float
    samples: int


class Tally:
    """Adds up what steps leave behind, and stops at a loss that is not finite."""

    def __init__(self) -> None:
        self.samples = 0
        self._loss = 0.0
        self._correct = 0
        self._norms: List[float] = []

    def add(self, result: StepResult, step: int, rate: float) -> None:
        """Waits for a step and adds it.

        Raises:
            DivergenceError: its loss or gradient is not finite.
        """
        loss = sum(float(part.asnumpy().sum(dtype=np.float64)) for part in result.losses)
        norm = None if result.gradient_norm is None else result.gradient_norm.asscalar().item()
        if not math.isfinite(loss) or (norm is not None and not math.isfinite(norm)):
            raise diverged(step, "gradient" if math.isfinite(loss) else "loss", rate, clips=norm is not None)
        predicted = np.concatenate([part.asnumpy().argmax(axis=1) for part in result.logits])
        self._loss += loss
        self._correct += int((predicted == result.labels).sum())
        self.samples += len(result.labels)
        if norm is not None:
            self._norms.append(norm)

    @property
    def loss(self) -> float:
        """Mean loss over the samples so far."""
        return self._loss / max(self.samples, 1)

    def summary(self, rate: float, seconds: float) -> EpochSummary:
        """Returns the means over the samples added."""
        norm = float(np.mean(self._norms)) if self._norms else None
        return EpochSummary(self.loss, self._correct / max(self.samples, 1), norm, rate, seconds, self.samples)


def diverged(step: int, what: str, rate: float, clips: bool) -> DivergenceError:
    """Returns the error that says at which step and rate something was not finite, and what to try.

    Args:
        step: number of the step.
        what: what was not finite.
        rate: learning rate of the step.
        clips: whether the gradient is clipped already.
    """
    return DivergenceError(
        f"step {step}: the {what} is not finite at learning rate {rate:.3g}; "
        f"try a lower --learning-rate or {'a lower --clip-norm' if clips else '--clip-norm 1'}"
    )


def train_epoch(
    batches: Iterable[Batch],
    take_step: Callable[[Batch, float], StepResult],
    rate_at: Callable[[int], float],
    first_step: int,
    on_step: Callable[[Tally], bool],
) -> EpochSummary:
    """Takes a step a batch.

    Results are read ``LAG`` at a time and at least as many steps late, so that the
    device never waits for Python.

    Args:
        batches: the epoch's batches.
        take_step: takes a batch and a learning rate.
        rate_at: step number, from 0 over all epochs → learning rate.
        first_step: number of the first step.
        on_step: called after each step; ``True`` ends the epoch early.

    Raises:
        DivergenceError: a loss or gradient was not finite.
    """
    start = time.perf_counter()
    tally, pending = Tally(), deque()
    rate = rate_at(first_step)
    for step, batch in enumerate(batches, first_step):
        rate = rate_at(step)
        pending.append((take_step(batch, rate), step, rate))
        if len(pending) == 2 * LAG:
            for _ in range(LAG):
                tally.add(*pending.popleft())
        if on_step(tally):
            break
    for result in pending:
        tally.add(*result)
    return tally.summary(rate, time.perf_counter() - start)
