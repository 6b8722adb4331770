"""Cutting a data set into batches."""

from __future__ import annotations

from typing import Iterator, Optional

import numpy as np

from gluon_lstm.data.dataset import Batch, SequenceDataset

POOL = 50
"""Batches whose samples are drawn together and then sorted by length."""


def num_batches(num_samples: int, batch_size: int) -> int:
    """Returns how many batches hold ``num_samples``, the last partial one included."""
    return -(-num_samples // batch_size)


def iterate_batches(
    dataset: SequenceDataset,
    batch_size: int,
    rng: Optional[np.random.Generator] = None,
    augment: bool = True,
) -> Iterator[Batch]:
    """Yields every sample of ``dataset`` once, ``batch_size`` at a time.

    Args:
        dataset: where the samples come from.
        batch_size: samples a batch; the last batch holds what is left.
        rng: stream that order and augmentation are drawn from; ``None`` for
            the data set's order and samples as they are.
        augment: whether samples are augmented, where ``rng`` is given.
    """
    order = np.arange(len(dataset)) if rng is None else rng.permutation(len(dataset))
    starts = np.arange(0, len(order), batch_size)
    if rng is not None and dataset.lengths is not None:
        order = _sort_within_pools(order, dataset.lengths, POOL * batch_size)
        starts = rng.permutation(starts)
    for start in starts:
        yield dataset.batch(order[start : start + batch_size], rng if augment else None)


def _sort_within_pools(order: np.ndarray, lengths: np.ndarray, pool: int) -> np.ndarray:
    """Returns the order with each pool of successive samples sorted by length, so that batches need little padding.

    Each epoch has other pools, and so other batches.
    """
    starts = range(0, len(order), pool)
    pools = (order[start : start + pool] for start in starts)
    return np.concatenate([part[np.argsort(lengths[part], kind="stable")] for part in pools])
