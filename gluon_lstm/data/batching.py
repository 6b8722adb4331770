"""Cutting a data set into batches."""

from __future__ import annotations

from typing import Iterator, List, Optional, Tuple

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
    seed: Optional[Tuple[int, ...]] = None,
    augment: bool = True,
    first: int = 0,
) -> Iterator[Batch]:
    """Yields every sample of ``dataset`` once, ``batch_size`` at a time.

    A batch depends on the seed and its own number alone, not on the batches before it.

    Args:
        dataset: where the samples come from.
        batch_size: samples a batch; the last batch holds what is left.
        seed: whole numbers that order and augmentation are drawn from; ``None``
            for the data set's order and samples as they are.
        augment: whether samples are augmented, where ``seed`` is given.
        first: number of the batch to start with, from 0.
    """
    batches = _cut(dataset, batch_size, seed)
    for number, indices in enumerate(batches[first:], first):
        yield dataset.batch(indices, np.random.default_rng([*seed, number]) if seed and augment else None)


def _cut(dataset: SequenceDataset, batch_size: int, seed: Optional[Tuple[int, ...]]) -> List[np.ndarray]:
    """Returns the samples of each batch, in the order of the batches."""
    rng = np.random.default_rng(seed) if seed else None
    order = rng.permutation(len(dataset)) if rng else np.arange(len(dataset))
    starts = np.arange(0, len(order), batch_size)
    if rng and dataset.lengths is not None:
        order = _sort_within_pools(order, dataset.lengths, POOL * batch_size)
        starts = rng.permutation(starts)
    return [order[start : start + batch_size] for start in starts]


def _sort_within_pools(order: np.ndarray, lengths: np.ndarray, pool: int) -> np.ndarray:
    """Returns the order with each pool of successive samples sorted by length, so that batches need little padding.

    Each epoch has other pools, and so other batches.
    """
    starts = range(0, len(order), pool)
    pools = (order[start : start + pool] for start in starts)
    return np.concatenate([part[np.argsort(lengths[part], kind="stable")] for part in pools])
