"""Cutting samples into splits that keep the shares of the classes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gluon_lstm.config import DataConfig
from gluon_lstm.data.dataset import DataSplits, SequenceDataset
from gluon_lstm.errors import ConfigError

MOST_VALIDATION = 5_000
"""Validation samples where no size is asked for; more would say little more of a model."""
TENTH = 10
"""What a split takes of the samples where nobody has drawn one: one in ten."""
_LIMIT_STREAM = 1  # sets the draw of --limit-train apart from that of the validation split


class Partition(NamedTuple):
    """Positions of the samples that were drawn, and of the rest; both (…,) int64, ascending."""

    drawn: np.ndarray
    rest: np.ndarray


def usual_validation_size(size: int, share: int) -> int:
    """Returns one sample in ``share`` of ``size``, at least one and at most ``MOST_VALIDATION``."""
    return min(MOST_VALIDATION, max(1, size // share))


def apportion(counts: np.ndarray, size: int, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Shares ``size`` among classes in proportion to ``counts``.

    Args:
        counts: (K,) int64, samples of each class.
        size: how many to share out, between the sums of ``low`` and ``high``.
        low: (K,) int64, the least that each class gets.
        high: (K,) int64, the most.

    Returns:
        (K,) int64 that sum to ``size``; within 1 of the exact share wherever the bounds allow.
    """
    exact = size * counts / counts.sum()
    shares = np.clip(np.floor(exact).astype(np.int64), low, high)
    while shares.sum() < size:
        shares[np.argmax(np.where(shares < high, exact - shares, -np.inf))] += 1
    while shares.sum() > size:
        shares[np.argmax(np.where(shares > low, shares - exact, -np.inf))] -= 1
    return shares


def draw_stratified(labels: np.ndarray, shares: np.ndarray, rng: np.random.Generator) -> Partition:
    """Draws ``shares[k]`` samples of each class k.

    Args:
        labels: (M,) int32.
        shares: (K,) int64, at most the class's samples.
        rng: stream that the samples are drawn from.
    """
    drawn = np.zeros(len(labels), dtype=bool)
    for label, share in enumerate(shares):
        drawn[rng.permutation(np.flatnonzero(labels == label))[:share]] = True
    return Partition(np.flatnonzero(drawn), np.flatnonzero(~drawn))


def split_off(labels: np.ndarray, size: int, rng: np.random.Generator) -> Partition:
    """Draws ``size`` samples by class and leaves at least one of each class.

    Args:
        labels: (M,) int32.
        size: at most M less the number of classes.
        rng: stream that the samples are drawn from.
    """
    counts = np.bincount(labels)
    shares = apportion(counts, size, low=np.zeros_like(counts), high=np.maximum(counts - 1, 0))
    return draw_stratified(labels, shares, rng)


def check_folds(config: DataConfig) -> None:
    """Raises ConfigError where folds are none."""
    if config.folds == 1:
        raise ConfigError("--folds 1: needs two or more, or 0 for none")
    if config.fold is not None and config.fold >= config.folds:
        raise ConfigError(f"--fold {config.fold}: needs a greater --folds; they count from 0")


def make_splits(
    pool: SequenceDataset, test: SequenceDataset, config: DataConfig, default_validation_size: int
) -> DataSplits:
    """Cuts ``pool`` into training and validation samples as the configuration asks.

    Args:
        pool: all samples that are not for testing.
        test: left as it is.
        config: ``validation_size``, ``split_seed`` and ``limit_train``.
        default_validation_size: used where ``validation_size`` is ``None``.

    Raises:
        ConfigError: a split would lack samples of a class to train on.
    """
    parts = split_indices(pool.labels, config, default_validation_size, pool.name)
    return DataSplits(pool.subset(parts.rest, "train"), pool.subset(parts.drawn, "validation"), test)


def split_indices(labels: np.ndarray, config: DataConfig, default_size: int, name: str) -> Partition:
    """Returns the positions of the samples to validate on, and as the rest those to train on.

    Args:
        labels: (M,) int32, of all samples that are not for testing.
        config: ``validation_size``, ``split_seed`` and ``limit_train``.
        default_size: used where ``validation_size`` is ``None``.
        name: of the data set, for the error's line.

    Raises:
        ConfigError: a split would lack samples of a class to train on.
    """
    num_classes = np.count_nonzero(np.bincount(labels))
    size = default_size if config.validation_size is None else config.validation_size
    most = len(labels) - num_classes
    if size > most and (most < 1 or config.validation_size is None):
        raise ConfigError(
            f"{name}: {len(labels)} samples of {num_classes} classes are too few to train and validate on; give more"
        )
    if size > most:
        raise ConfigError(
            f"--validation-size {size}: {name} has {len(labels)} samples of {num_classes} classes to train on; "
            f"use at most {most}"
        )
    parts = split_off(labels, size, np.random.default_rng(config.split_seed))
    return Partition(parts.drawn, parts.rest[limited(labels[parts.rest], config, name)])


def limited(labels: np.ndarray, config: DataConfig, name: str) -> np.ndarray:
    """Returns the positions of ``limit_train`` samples, at least one of each class; all where it is ``None`` or more.

    Args:
        labels: (M,) int32, of the training samples.
        config: ``limit_train`` and ``split_seed``.
        name: of the data set, for the error's line.

    Raises:
        ConfigError: fewer samples asked for than there are classes.
    """
    size = config.limit_train
    if size is None or size >= len(labels):
        return np.arange(len(labels))
    counts = np.bincount(labels)
    num_classes = np.count_nonzero(counts)
    if size < num_classes:
        raise ConfigError(f"--limit-train {size}: {name} has {num_classes} classes; use at least {num_classes}")
    shares = apportion(counts, size, low=np.minimum(counts, 1), high=counts)
    rng = np.random.default_rng([config.split_seed, _LIMIT_STREAM])
    return draw_stratified(labels, shares, rng).drawn


def fold_numbers(labels: np.ndarray, folds: int, rng: np.random.Generator) -> np.ndarray:
    """Returns the fold (M,) int64 of each sample, 0 to ``folds - 1``: equal shares of every class, drawn at random.

    Args:
        labels: (M,) integers.
        folds: number of folds.
        rng: stream that the samples are drawn from.
    """
    order = rng.permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    numbers = np.empty(len(labels), np.int64)
    numbers[order] = np.arange(len(labels)) % folds
    return numbers
