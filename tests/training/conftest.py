"""A small data set, and configurations to train on it."""

from __future__ import annotations

from typing import Callable

import numpy as np
import pytest

from gluon_lstm.config import Config, merge
from gluon_lstm.data import Batch, DataSplits, ImageDataset
from gluon_lstm.rundir import RunDirectory


def bars(count: int, split: str, seed: int) -> ImageDataset:
    """Returns noisy images (count, 4, 5), each with a bright row that is its class."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count, dtype=np.int32) % 4
    images = rng.integers(0, 100, (count, 4, 5)).astype(np.uint8)
    images[np.arange(count), labels] += 150
    return ImageDataset("bars", split, images, labels, tuple("abcd"))


@pytest.fixture(scope="session")
def splits() -> DataSplits:
    """Bars: 50 to train, 24 to validate, 20 to test."""
    return DataSplits(bars(50, "train", 1), bars(24, "validation", 2), bars(20, "test", 3))


@pytest.fixture(scope="session")
def make_config() -> Callable[..., Config]:
    """A function that makes a configuration of a small net from training options; ``model``, ``runtime``: of those."""

    def make(model=(), runtime=(), **training) -> Config:
        options = {"epochs": 3, "batch_size": 16, "learning_rate": 0.02, **training}
        small = {"hidden_size": 5, "dropout": 0.0, **dict(model)}
        return merge(Config(), {"model": small, "training": options, "runtime": dict(runtime)})

    return make


@pytest.fixture
def batch(splits) -> Batch:
    """Seven samples."""
    return splits.train.batch(np.arange(7))


@pytest.fixture
def run(tmp_path) -> RunDirectory:
    """A new run directory."""
    return RunDirectory.create(tmp_path / "run", Config().to_dict())


