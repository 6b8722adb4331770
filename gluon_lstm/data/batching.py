"""Cutting a data set into batches."""

from __future__ import annotations

from typing import Iterator, Optional

import numpy as np

from gluon_lstm.data.dataset import Batch, SequenceDataset


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
    for start in range(0, len(order), batch_size):
        yield dataset.batch(order[start : start + batch_size], rng if augment else None)
