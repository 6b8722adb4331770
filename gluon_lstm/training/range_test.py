"""The learning-rate range test (Smith 2017)."""

from __future__ import annotations

import math
from typing import Iterable, List, NamedTuple, Optional, Tuple

import numpy as np

from gluon_lstm.data import Batch
from gluon_lstm.errors import DivergenceError
from gluon_lstm.training.step import Stepper, StepResult


class RangeTest(NamedTuple):
    """What a range test found.

    Attributes:
        rates: learning rate of each step, rising by a constant factor.
        losses: smoothed loss at each, in nats.
        suggestion: the rate at which the smoothed loss fell fastest; ``None`` where it fell at none.
        is_at_an_end: whether no rate below it, or none above it, could have been suggested.
    """

    rates: List[float]
    losses: List[float]
    suggestion: Optional[float]
    is_at_an_end: bool = False


def range_test(
    stepper: Stepper, batches: Iterable[Batch], low: float, high: float, steps: int, smoothing: float = 0.9
) -> RangeTest:
    """Trains while the learning rate rises from ``low`` to ``high``, until the loss runs away.

    Args:
        stepper: takes the steps; its net is changed.
        batches: at least ``steps`` of them.
        low: first rate.
        high: last rate.
        steps: number of steps.
        smoothing: decay of the loss's moving average.

    Returns:
        Rates, losses and the suggested rate, if there is one.

    Raises:
        DivergenceError: the first loss is not finite.
    """
    rates, losses, average = [], [], 0.0
    for index, batch in zip(range(steps), batches):
        rate = low * (high / low) ** (index / max(steps - 1, 1))
        average = smoothing * average + (1 - smoothing) * _mean_loss(stepper.step(batch, rate))
        smooth = average / (1 - smoothing ** (index + 1))
        if not math.isfinite(smooth) or (losses and smooth > 4 * min(losses)):
            break
        rates.append(rate)
        losses.append(smooth)
    if not rates:
        raise DivergenceError(f"the loss is not finite at learning rate {low:.3g}; try a smaller --low")
    return RangeTest(rates, losses, *_steepest(rates, losses, smoothing))


def _mean_loss(result: StepResult) -> float:
    """Returns the mean loss of a step; NaN of one that was skipped, whose loss or gradient was not finite."""
    return math.nan if result.skipped else float(np.concatenate([part.asnumpy() for part in result.losses]).mean())


def _steepest(rates: List[float], losses: List[float], smoothing: float) -> Tuple[Optional[float], bool]:
    """Returns the rate at which the loss falls fastest against its logarithm, and whether it is at an end of those.

    A fall is that between points as far apart as the moving average remembers, to either
    side, so that noise from one step to the next is none. The first losses, averages of
    too few, do not count.
    """
    memory = round(smoothing / (1 - smoothing))
    reach = max(1, min(memory, len(rates) // 4))
    first = min(memory, len(rates) // 4)
    falls = np.subtract(losses[2 * reach :], losses[: -2 * reach])[first:]
    if not len(falls) or falls.min() >= 0:
        return None, True
    place = int(np.argmin(falls))
    return rates[first + reach + place], place in (0, len(falls) - 1)
