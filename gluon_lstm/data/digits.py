"""The 1,797 handwritten digits of 8 x 8 pixels that scikit-learn carries with it."""

from __future__ import annotations

from functools import cache

import numpy as np

from gluon_lstm.config import DataConfig
from gluon_lstm.data.dataset import DataSplits
from gluon_lstm.data.images import ImageDataset, image_options
from gluon_lstm.data.splits import make_splits, split_off

TEST_SIZE = 360
TEST_SEED = 1_797  # never changes, so that accuracies compare between runs and releases
DEFAULT_VALIDATION_SIZE = 180


def load_digits(config: DataConfig) -> DataSplits:
    """Returns the splits of ``digits``: by default 1,257 to train, 180 to validate and always the same 360 to test.

    Raises:
        ConfigError: options that do not fit the data set.
    """
    source = _read()
    everything = ImageDataset(
        name="digits",
        split="train",
        images=source.images.astype(np.uint8),
        labels=source.target.astype(np.int32),
        class_names=tuple(str(name) for name in source.target_names),
        max_value=16,
        **image_options(config),
    )
    parts = split_off(everything.labels, TEST_SIZE, np.random.default_rng(TEST_SEED))
    test = everything.subset(parts.drawn, "test")
    return make_splits(everything.subset(parts.rest), test, config, DEFAULT_VALIDATION_SIZE)


@cache
def _read():
    """Returns what scikit-learn reads from its file, once: images, labels and their names, which nobody changes."""
    from sklearn import datasets

    return datasets.load_digits()
