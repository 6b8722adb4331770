"""The rule that turns numbers into verdicts.

An *effect* is a mean over seeds, most often of differences between two runs that
share a seed, counted so that it is above 0 where the article is right. Its 95 %
interval is Student's. It is held against the least effect that matters, which a claim states, and says so where it was
changed once results had been seen:

* yes: the interval lies above 0, and the effect is at least the least that matters;
* no: the interval lies below the least effect that matters;
* open: neither, and more seeds may tell; or the runs cannot tell, for a reason that is stated, such as that
  the other side leaves no room for the least effect that matters, and the article's is not worse by as much.

From the answers follows the verdict:

* supported: every answer is yes;
* partly: some are, and others are not;
* not supported: none is yes, and at least one is no; whatever the open ones turned into, it could be partly at most;
* undecided: every answer is open.

Intervals are not adjusted for the number of checks.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from enum import Enum
from typing import Any, Dict, NamedTuple, Optional, Sequence

import numpy as np

CONFIDENCE = 0.95
NO_ROOM = "no room for more"
"""Why a check is open whose least effect could not have been seen, however right the article is."""


class Verdict(str, Enum):
    """What is said of a claim."""

    SUPPORTED = "supported"
    PARTLY = "partly"
    NOT_SUPPORTED = "not supported"
    UNDECIDED = "undecided"


class MeanInterval(NamedTuple):
    """A mean with its 95 % interval."""

    mean: float
    low: float
    high: float


def mean_interval(values: Sequence[float]) -> MeanInterval:
    """Returns the mean of at least two values and Student's 95 % interval of it.

    Raises:
        ValueError: fewer than two values, or one that is not finite.
    """
    from scipy import stats

    array = np.asarray(values, dtype=float)
    if len(array) < 2 or not np.isfinite(array).all():
        raise ValueError(f"an interval needs two finite values or more, not {list(values)}")
    half = stats.t.ppf((1 + CONFIDENCE) / 2, len(array) - 1) * array.std(ddof=1) / math.sqrt(len(array))
    return MeanInterval(float(array.mean()), float(array.mean() - half), float(array.mean() + half))


@dataclass(frozen=True)
class Check:
    """One effect, and what follows from it.

    Attributes:
        says: the sentence that is examined, true where the article is right.
        unit: of the effect.
        mean: the effect.
        low: lower end of its 95 % interval.
        high: upper end.
        least: the least effect that matters, in the same unit.
        n: seeds; 0 where nothing could be measured.
        open_because: why the runs cannot tell; empty where they can.
    """

    says: str
    unit: str
    mean: float
    low: float
    high: float
    least: float
    n: int
    open_because: str = ""

    @property
    def answer(self) -> str:
        """``yes``, ``no`` or ``open``."""
        if self.open_because:
            return "open"
        if self.low > 0 and self.mean >= self.least:
            return "yes"
        return "no" if self.high < self.least else "open"

    def to_dict(self) -> Dict[str, Any]:
        """Returns the fields and the answer as plain values."""
        return {**asdict(self), "answer": self.answer}


def effect(
    says: str, values: Sequence[float], least: float, unit: str, room: Optional[float] = None, open_because: str = ""
) -> Check:
    """Returns the check of an effect.

    Args:
        says: the sentence examined.
        values: one a seed.
        least: the least effect that matters, in ``unit``.
        unit: of the effect.
        room: greatest effect that could have been seen, in ``unit``; ``None`` for one without a bound. With less than
            ``least``, the check is ``without_room``.
        open_because: why the runs cannot tell, where they cannot.
    """
    check = Check(says, unit, *mean_interval(values), least=least, n=len(values), open_because=open_because)
    return without_room(check) if room is not None and room < least else check


def without_room(check: Check) -> Check:
    """Returns a check whose effect could not have been seen as open, unless the article's side is worse by as much."""
    return check if check.high < -check.least else replace(check, open_because=NO_ROOM)


def decide(checks: Sequence[Check]) -> Verdict:
    """Returns the verdict that follows from at least one check."""
    answers = {check.answer for check in checks}
    if "yes" in answers:
        return Verdict.SUPPORTED if answers == {"yes"} else Verdict.PARTLY
    return Verdict.NOT_SUPPORTED if "no" in answers else Verdict.UNDECIDED
