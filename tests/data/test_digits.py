import numpy as np
import pytest
from sklearn.datasets import load_digits

from gluon_lstm.config import Config, DataConfig
from gluon_lstm.data.registry import load_splits
from gluon_lstm.errors import ConfigError


def keys(dataset):
    return {image.tobytes() for image in dataset.images}


def test_splits_are_whole_disjoint_and_stratified():
    splits = load_splits(Config(data=DataConfig()))
    assert [len(split) for split in splits] == [1257, 180, 360]
    assert [split.split for split in splits] == ["train", "validation", "test"]
    source = load_digits()
    assert sorted(np.concatenate([split.images for split in splits]).tolist()) == sorted(source.images.tolist())
    for split in splits:
        shares = np.bincount(split.labels) / len(split)
        np.testing.assert_allclose(shares, np.bincount(source.target) / 1797, atol=1 / len(split))


def test_samples_keep_their_labels():
    source = load_digits()
    labels = {image.astype(np.uint8).tobytes(): label for image, label in zip(source.images, source.target)}
    for split in load_splits(Config(data=DataConfig())):
        assert [labels[image.tobytes()] for image in split.images] == split.labels.tolist()


def test_test_samples_never_change():
    first = load_splits(Config(data=DataConfig()))
    for options in ({"split_seed": 9}, {"validation_size": 50}, {"limit_train": 100}, {"view": "columns"}):
        assert load_splits(Config(data=DataConfig(**options))).test.fingerprint == first.test.fingerprint
    assert first.test.fingerprint == "311451222d6f77adbf9083bab75a0d02d027f82fe131d77f16b91bfbedd3828b"


def test_options_are_honoured():
    config = DataConfig(view="rows+columns", validation_size=100, limit_train=30, augment_shift=1, split_seed=3)
    train, validation, _ = load_splits(Config(data=config))
    assert (len(train), len(validation)) == (30, 100)
    assert train.step_shape == (8, 16)
    np.testing.assert_array_equal(np.bincount(train.labels), [3] * 10)
    assert train.augmentation.shift == 1
    assert train.class_names == tuple("0123456789")
    assert train.batch(np.arange(30)).inputs.max() == 1
    assert keys(validation) != keys(load_splits(Config(data=DataConfig(validation_size=100))).validation)


def test_validation_size_too_large():
    with pytest.raises(ConfigError, match="--validation-size 1428: digits has 1437 samples"):
        load_splits(Config(data=DataConfig(validation_size=1428)))
