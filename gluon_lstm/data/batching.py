"""Cutting a data set into batches."""

from __future__ import annotations

from typing import Dict, Iterator, List, NamedTuple, Optional, Tuple

import numpy as np

from gluon_lstm.data.dataset import Batch, SequenceDataset
from gluon_lstm.errors import DataError

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

    A batch depends on the seed and its own number alone, not on the batches before it. NumPy takes a seed for
    the same with a zero at its end, so the order and the first batch's augmentation are drawn from the same bits.

    Args:
        dataset: where the samples come from.
        batch_size: samples a batch; the last batch holds what is left.
        seed: whole numbers that order and augmentation are drawn from; ``None``
            for the data set's order and samples as they are.
        augment: whether samples are augmented, where ``seed`` is given.
        first: number of the batch to start with, from 0.

    Raises:
        DataError: as of ``check_batch``.
    """
    batches = _cut(dataset, batch_size, seed)
    for number, indices in enumerate(batches[first:], first):
        yield draw_batch(dataset, indices, np.random.default_rng([*seed, number]) if seed and augment else None)


def _cut(dataset: SequenceDataset, batch_size: int, seed: Optional[Tuple[int, ...]]) -> List[np.ndarray]:
    """Returns the samples of each batch, in the order of the batches."""
    rng = np.random.default_rng(seed) if seed else None
    order = rng.permutation(len(dataset)) if rng else np.arange(len(dataset))
    starts = np.arange(0, len(order), batch_size)
    if rng and dataset.lengths is not None:
        order = _sort_within_pools(order, dataset.lengths, POOL * batch_size)
        starts = rng.permutation(starts)
    return [order[start : start + batch_size] for start in starts]


def draw_batch(dataset: SequenceDataset, indices: np.ndarray, rng: Optional[np.random.Generator] = None) -> Batch:
    """Returns the samples at ``indices`` as ``dataset.batch`` gives them, once ``check_batch`` has seen them.

    Raises:
        DataError: as of ``check_batch``.
    """
    batch = dataset.batch(indices, rng)
    check_batch(batch, dataset)
    return batch


def check_batch(batch: Batch, dataset: SequenceDataset) -> None:
    """Checks what MXNet does not: it clips symbols and labels, learns from NaN, and crashes on lengths out of range.

    Args:
        batch: what is about to be computed with.
        dataset: what it was drawn from, which says how many features, symbols and classes there are.

    Raises:
        DataError: a type, shape or value that a ``Batch`` of this data set cannot have; the line names the sample.
    """
    for name, form in _forms(batch, dataset).items():
        array = getattr(batch, name)
        if array is None and name == "lengths":
            continue
        if array.dtype != form.dtype or array.shape != form.shape or not array.size:
            needed = f"{np.dtype(form.dtype)} {form.shape}, not empty"
            raise DataError(f"{dataset}: {name} of a batch are {array.dtype} {array.shape}; needs {needed}")
        if form.high is None:
            wrong = None if np.isfinite(array).all() else ~np.isfinite(array)
        else:
            in_range = array.min() >= form.low and array.max() <= form.high
            wrong = None if in_range else (array < form.low) | (array > form.high)
        if wrong is not None:
            place = np.argwhere(wrong)[0][1 if name == "inputs" else 0]
            needed = "finite" if form.high is None else f"from {form.low} to {form.high}"
            raise DataError(f"{dataset}: sample {batch.indices[place]}: {name} are not all {needed}; check its values")


class _Form(NamedTuple):
    """What an array of a batch must be: type, shape, least and greatest value; finite where there is no greatest."""

    dtype: type
    shape: Tuple[int, ...]
    low: int = 0
    high: Optional[int] = None


def _forms(batch: Batch, dataset: SequenceDataset) -> Dict[str, _Form]:
    """Returns what each array of a batch must be, of which the inputs say how many steps and samples there are."""
    steps, size = (*batch.inputs.shape, 0, 0)[:2]
    features = dataset.step_shape[1]
    symbols, values = _Form(np.int32, (steps, size), 0, features - 1), _Form(np.float32, (steps, size, features))
    return {
        "inputs": symbols if dataset.symbols else values,
        "lengths": _Form(np.int32, (size,), 1, steps),
        "labels": _Form(np.int32, (size,), 0, len(dataset.class_names) - 1),
    }


def _sort_within_pools(order: np.ndarray, lengths: np.ndarray, pool: int) -> np.ndarray:
    """Returns the order with each pool of successive samples sorted by length, so that batches need little padding.

    Each epoch has other pools, and so other batches.
    """
    starts = range(0, len(order), pool)
    pools = (order[start : start + pool] for start in starts)
    return np.concatenate([part[np.argsort(lengths[part], kind="stable")] for part in pools])
