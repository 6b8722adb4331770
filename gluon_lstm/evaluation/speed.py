"""How fast a network answers."""

from __future__ import annotations

import statistics
from time import perf_counter
from typing import Any, Callable, Dict, NamedTuple, Sequence, Union

import numpy as np

SINGLE_CALLS = 30
"""Samples that are predicted one by one, once each of them has made the network ready."""
BATCHES = 2
"""Batches that the throughput is measured on, after one that makes the network ready."""


class Speed(NamedTuple):
    """How fast a model answers, from pictures and texts as they come: with scaling, cutting into tokens, n-grams.

    Attributes:
        samples_per_second: with batches of ``batch_size``.
        batch_size: samples a batch.
        latency_ms: median milliseconds of a single sample.
        latency_p95_ms: that within which 95 % of them are answered.
    """

    samples_per_second: float
    batch_size: int
    latency_ms: float
    latency_p95_ms: float

    def to_dict(self) -> Dict[str, Any]:
        """Returns the content of ``speed.json``."""
        return {"version": 1, **self._asdict()}


Samples = Union[np.ndarray, Sequence[str]]
"""Pictures (N, H, W), or N texts."""
Predict = Callable[[Samples, int], np.ndarray]
"""(samples, batch size) → (N, K) probabilities."""


def measure_speed(samples: Samples, predict: Predict, batch_size: int) -> Speed:
    """Returns how fast samples are predicted.

    Args:
        samples: at least one; the first ones are taken.
        predict: a predictor's ``predict_proba``.
        batch_size: samples a batch; fewer where there are fewer.
    """
    size = min(batch_size, len(samples))
    many = samples[: min(len(samples), BATCHES * size) // size * size]
    _seconds(predict, many, size)
    throughput = len(many) / min(_seconds(predict, many, size) for _ in range(2))
    places = [index % len(samples) for index in range(SINGLE_CALLS)]
    ones = [samples[place : place + 1] for place in places]
    for one in ones:  # texts have a length each, and the network is made ready for each
        _seconds(predict, one, 1)
    times = sorted(1000 * _seconds(predict, one, 1) for one in ones)
    return Speed(throughput, size, statistics.median(times), float(np.percentile(times, 95)))


def _seconds(predict: Predict, samples: Samples, size: int) -> float:
    """Returns how long a prediction takes."""
    start = perf_counter()
    predict(samples, size)
    return perf_counter() - start
