"""Cutting samples into splits that keep the shares of the classes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gluon_lstm.config import DataConfig
from gluon_lstm.data.dataset import DataSplits, SequenceDataset
from gluon_lstm.errors import ConfigError

_LIMIT_STREAM = 1  # sets the draw of --limit-train apart from that of the validation split


class Partition(NamedTuple):
    """Positions of the samples that were drawn, and of the rest; both (…,) int64, ascending."""

    drawn: np.ndarray
    rest: np.ndarray


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
    num_classes = np.count_nonzero(np.bincount(pool.labels))
    size = default_validation_size if config.validation_size is None else config.validation_size
    if size > len(pool) - num_classes:
        raise ConfigError(
            f"--validation-size {size}: {pool.name} has {len(pool)} samples of {num_classes} classes to train on; "
            f"use at most {len(pool) - num_classes}"
        )
    parts = split_off(pool.labels, size, np.random.default_rng(config.split_seed))
    train = limit(pool.subset(parts.rest, "train"), config)
    return DataSplits(train, pool.subset(parts.drawn, "validation"), test)


def limit(train: SequenceDataset, config: DataConfig) -> SequenceDataset:
    """Returns ``limit_train`` of the training samples, at least one of each class; all where it is ``None`` or more.

    Raises:
        ConfigError: fewer samples asked for than there are classes.
    """
    size = config.limit_train
    if size is None or size >= len(train):
        return train
    counts = np.bincount(train.labels)
    num_classes = np.count_nonzero(counts)
    if size < num_classes:
        raise ConfigError(f"--limit-train {size}: {train.name} has {num_classes} classes; use at least {num_classes}")
    shares = apportion(counts, size, low=np.minimum(counts, 1), high=counts)
    rng = np.random.default_rng([config.split_seed, _LIMIT_STREAM])
    return train.subset(draw_stratified(train.labels, shares, rng).drawn)
