import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gluon_lstm.config import DataConfig
from gluon_lstm.data.images import ImageDataset
from gluon_lstm.data.splits import (
    apportion,
    fold_numbers,
    limited,
    make_splits,
    split_indices,
    split_off,
    usual_validation_size,
)
from gluon_lstm.errors import ConfigError

COUNTS = np.array([50, 5, 0, 20, 25])


@pytest.fixture
def pool():
    """Image n holds n, so that samples can be told apart."""
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(5), COUNTS)).astype(np.int32)
    images = np.arange(100, dtype=np.uint8)[:, np.newaxis, np.newaxis]
    return ImageDataset("toy", "train", images, labels, tuple("abcde"))


def splits(pool, **options):
    return make_splits(pool, pool, DataConfig(**options), default_validation_size=20)


def members(dataset):
    return set(dataset.images.ravel().tolist())


@pytest.mark.parametrize("size, share, expected", [
    (60_000, 12, 5_000), (60_011, 12, 5_000), (59_999, 12, 4_999), (1_000_000, 10, 5_000), (120, 12, 10), (3, 10, 1),
])  # fmt: skip
def test_the_usual_validation_split_is_a_share_with_its_bounds(size, share, expected):
    assert usual_validation_size(size, share) == expected


@given(st.lists(st.integers(0, 60), min_size=1, max_size=8).filter(any), st.data())
def test_shares_are_in_proportion_within_their_bounds(counts, data):
    counts = np.array(counts)
    size = data.draw(st.integers(0, int(counts.sum())))
    shares = apportion(counts, size, low=np.zeros_like(counts), high=counts)
    assert shares.sum() == size
    assert (np.abs(shares - size * counts / counts.sum()) < 1).all()
    at_least = min(size, np.count_nonzero(counts)) == np.count_nonzero(counts)
    spread = apportion(counts, size, low=np.minimum(counts, 1) * at_least, high=counts)
    assert spread.sum() == size
    assert (spread <= counts).all()
    assert not at_least or (spread[counts > 0] > 0).all()


def test_splits_are_disjoint_complete_and_stratified(pool):
    train, validation, test = splits(pool)
    assert (train.split, validation.split, test) == ("train", "validation", pool)
    assert not members(train) & members(validation)
    assert members(train) | members(validation) == members(pool)
    np.testing.assert_array_equal(np.bincount(validation.labels), COUNTS / 5)
    np.testing.assert_array_equal(np.bincount(train.labels), COUNTS * 4 / 5)


def test_the_seed_draws_the_validation_split(pool):
    first, again, other = splits(pool), splits(pool), splits(pool, split_seed=1)
    assert members(first.validation) == members(again.validation) != members(other.validation)
    assert first.train.fingerprint == again.train.fingerprint != other.train.fingerprint


def test_validation_leaves_one_sample_of_each_class(pool):
    train = splits(pool, validation_size=96).train
    np.testing.assert_array_equal(np.bincount(train.labels), np.minimum(COUNTS, 1))
    with pytest.raises(ConfigError, match="--validation-size 97: toy has 100 samples of 4 classes.*at most 96"):
        splits(pool, validation_size=97)


@pytest.mark.parametrize("size", [4, 5, 40, 79])
def test_limit_train_spreads_over_the_classes(pool, size):
    whole = splits(pool)
    limited = splits(pool, limit_train=size)
    assert len(limited.train) == size
    assert members(limited.train) < members(whole.train)
    assert members(limited.validation) == members(whole.validation)
    counts = np.bincount(limited.train.labels, minlength=5)
    assert (counts[COUNTS > 0] > 0).all()
    assert members(limited.train) == members(splits(pool, limit_train=size).train)


def test_limit_train_beyond_the_samples_takes_all(pool):
    assert members(splits(pool, limit_train=1_000).train) == members(splits(pool).train)


def test_limit_train_below_the_classes(pool):
    with pytest.raises(ConfigError, match="--limit-train 3: toy has 4 classes"):
        splits(pool, limit_train=3)


def test_split_off_keeps_the_order(pool):
    parts = split_off(pool.labels, 20, np.random.default_rng(0))
    for part in parts:
        assert (np.diff(part) > 0).all()


@given(st.lists(st.integers(0, 3), min_size=2, max_size=60), st.integers(2, 10), st.integers(0, 99))
def test_folds_have_equal_shares_of_every_class(labels, folds, seed):
    labels = np.array(labels)
    numbers = fold_numbers(labels, folds, np.random.default_rng(seed))
    assert set(numbers) <= set(range(folds))
    for chosen in (np.ones(len(labels), bool), *(labels == label for label in np.unique(labels))):
        counts = np.bincount(numbers[chosen], minlength=folds)
        assert counts.max() - counts.min() <= 1
    np.testing.assert_array_equal(numbers, fold_numbers(labels, folds, np.random.default_rng(seed)))


def test_the_stream_draws_the_folds():
    labels = np.repeat([0, 1], 20)
    one, other = (fold_numbers(labels, 5, np.random.default_rng(seed)) for seed in (0, 1))
    assert (one != other).any()


def test_indices_are_those_of_the_splits(pool):
    config = DataConfig(validation_size=12, limit_train=30)
    parts, made = split_indices(pool.labels, config, 20, "toy"), splits(pool, validation_size=12, limit_train=30)
    assert members(pool.subset(parts.drawn)) == members(made.validation)
    assert members(pool.subset(parts.rest)) == members(made.train)
    assert limited(pool.labels, DataConfig(), "toy").tolist() == list(range(100))
