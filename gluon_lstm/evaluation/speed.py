"""How fast a network answers."""

from __future__ import annotations

import statistics
from time import perf_counter
from typing import Any, Callable, Dict, NamedTuple

import numpy as np

from gluon_lstm.data import SequenceDataset
from gluon_lstm.evaluation.predict import Predictions

SINGLE_CALLS = 30
"""Samples that are predicted one by one, after one that makes the network ready."""
BATCHES = 2
"""Batches that the throughput is measured on, after one that makes the network ready."""


class Speed(NamedTuple):
    """How fast a network answers, data preparation included.

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


def measure_speed(
    dataset: SequenceDataset, predict: Callable[[SequenceDataset, int], Predictions], batch_size: int
) -> Speed:
    """Returns how fast the samples of a data set are predicted.

    Args:
        dataset: its first samples are taken.
        predict: (data set, batch size) → what the network says.
        batch_size: samples a batch; fewer where there are fewer.
    """
    size = min(batch_size, len(dataset))
    many = dataset.subset(np.arange(min(len(dataset), BATCHES * size) // size * size))
    _seconds(predict, many, size)
    throughput = len(many) / min(_seconds(predict, many, size) for _ in range(2))
    ones = [dataset.subset(np.array([index % len(dataset)])) for index in range(SINGLE_CALLS)]
    for one in ones:  # texts have a length each, and the network is made ready for each
        _seconds(predict, one, 1)
    times = sorted(1000 * _seconds(predict, one, 1) for one in ones)
    return Speed(throughput, size, statistics.median(times), float(np.percentile(times, 95)))


def _seconds(predict: Callable[[SequenceDataset, int], Predictions], dataset: SequenceDataset, size: int) -> float:
    """Returns how long a prediction takes."""
    start = perf_counter()
    predict(dataset, size)
    return perf_counter() - start
