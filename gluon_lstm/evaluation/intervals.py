"""How sure a number is: Wilson's interval of a share, and bootstrap intervals of everything else.

A bootstrap draws as many samples as there are, with replacement, many times over, and
takes the middle 95 % of what the number then is (Efron and Tibshirani 1993, chapter 13);
of the expected calibration error, see ``error_interval``.
Drawn are counts: how often each sample, or each cell of a confusion matrix, is in a
replicate. So each number of all replicates is a few products of arrays.
"""

from __future__ import annotations

import math
from typing import Iterator, NamedTuple, Optional

import numpy as np

REPLICATES = 1_000
SEED = 20_240_607
"""Of every bootstrap, so that an evaluation gives the same numbers each time."""
MOST_COUNTS = 20_000_000
"""Counts of samples in replicates that are held at a time, 4 bytes each; what is computed with them takes several times
that."""
Z95 = 1.959963984540054
"""The 97.5 % point of the standard normal distribution."""
ROUNDING = 1e-5
"""Relative difference of float32 sums below which replicates are the same number."""


class Interval(NamedTuple):
    """A confidence interval."""

    low: float
    high: float


def wilson_interval(successes: float, n: int) -> Interval:
    """Returns the 95 % Wilson score interval of a share of ``n`` ≥ 1 trials.

    It stays inside [0, 1], and says something at 0 and ``n`` successes too. Of equally confident samples at an edge a
    part may count, so successes need not be whole.
    """
    share, z2 = successes / n, Z95**2
    center = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 * math.sqrt(share * (1 - share) / n + z2 / (4 * n**2)) / (1 + z2 / n)
    return Interval(0.0 if successes == 0 else center - half, 1.0 if successes == n else center + half)


def percentile_interval(replicates: np.ndarray) -> Optional[Interval]:
    """Returns the middle 95 % of a number's replicates (R,), without those in which it is undefined (NaN).

    ``None`` where it is undefined in more than half of them, and where those in the middle are all the same: of samples
    that are all right no replicate has a mistake, which does not mean that there are none to be made.
    """
    defined = replicates[~np.isnan(replicates)]
    if 2 * len(defined) <= len(replicates):
        return None
    low, high = map(float, np.percentile(defined, [2.5, 97.5]))
    return Interval(low, high) if high - low > ROUNDING * max(abs(low), abs(high)) else None


def error_interval(error: float, replicates: np.ndarray) -> Optional[Interval]:
    """Returns the basic bootstrap interval of an expected calibration error from its replicates (R,).

    Chance adds to the error of finite samples, and once more to that of each replicate. The basic interval takes off
    what the replicates lie above the error, where the percentiles would add it (Davison and Hinkley 1997, section 5.2).
    Where that leaves nothing, it goes from 0 to the error. It is none where ``percentile_interval`` is.
    """
    middle = percentile_interval(replicates)
    if middle is None:
        return None
    low, high = max(0.0, 2 * error - middle.high), min(1.0, 2 * error - middle.low)
    return Interval(low, high if high > 0 else error)


def resampled_confusions(counts: np.ndarray, rng: np.random.Generator, replicates: int = REPLICATES) -> np.ndarray:
    """Returns confusion matrices of replicates.

    Args:
        counts: (K, K) integers.
        rng: stream to draw from.
        replicates: R.

    Returns:
        (R, K, K) int64, each with the sum of ``counts``.
    """
    cells = np.flatnonzero(counts)
    total = int(counts.sum())
    drawn = np.zeros((replicates, counts.size), np.int64)
    drawn[:, cells] = rng.multinomial(total, counts.flat[cells] / total, size=replicates)
    return drawn.reshape(replicates, *counts.shape)


def split_replicates(n: int, replicates: int) -> Iterator[int]:
    """Yields how many replicates of ``n`` samples are made at a time, ``replicates`` in all."""
    most = max(1, MOST_COUNTS // n)
    for start in range(0, replicates, most):
        yield min(most, replicates - start)


def resampled_samples(n: int, rng: np.random.Generator, replicates: int = REPLICATES) -> Iterator[np.ndarray]:
    """Yields how often each of ``n`` samples is in each replicate, as many replicates at a time as memory allows.

    Args:
        n: samples.
        rng: stream to draw from.
        replicates: R in all.

    Yields:
        (n, r) float32; each column sums to ``n``.
    """
    for count in split_replicates(n, replicates):
        drawn = rng.integers(0, n, (count, n)) + n * np.arange(count)[:, np.newaxis]
        counts = np.bincount(drawn.ravel(), minlength=count * n).reshape(count, n)
        yield np.ascontiguousarray(counts.T, dtype=np.float32)
