import numpy as np
import pytest

from gluon_lstm.data.augmentation import Augmentation
from gluon_lstm.data.batching import iterate_batches, num_batches
from gluon_lstm.data.images import ImageDataset


@pytest.fixture
def dataset():
    images = np.random.default_rng(0).integers(0, 256, (10, 4, 4)).astype(np.uint8)
    return ImageDataset("noise", "train", images, np.arange(10, dtype=np.int32), tuple("abcdefghij"))


@pytest.mark.parametrize("samples, size, expected", [(10, 3, 4), (10, 5, 2), (10, 10, 1), (10, 99, 1), (0, 3, 0)])
def test_num_batches(samples, size, expected):
    assert num_batches(samples, size) == expected


@pytest.mark.parametrize("size", [1, 3, 5, 10, 99])
@pytest.mark.parametrize("seed", [None, 4])
def test_every_sample_comes_once_with_its_own_label(dataset, size, seed):
    rng = None if seed is None else np.random.default_rng(seed)
    batches = list(iterate_batches(dataset, size, rng))
    assert len(batches) == num_batches(10, size)
    assert [len(batch.labels) for batch in batches[:-1]] == [size] * (len(batches) - 1)
    indices = np.concatenate([batch.indices for batch in batches])
    assert sorted(indices) == list(range(10))
    assert (indices == range(10)).all() == (seed is None)
    for batch in batches:
        plain = dataset.batch(batch.indices)
        np.testing.assert_array_equal(batch.inputs, plain.inputs)
        np.testing.assert_array_equal(batch.labels, plain.labels)


def test_order_and_augmentation_follow_the_stream(dataset):
    augmented = ImageDataset(**{**vars(dataset), "augmentation": Augmentation(shift=1)})

    def epoch(rng, augment=True):
        return np.concatenate([batch.inputs for batch in iterate_batches(augmented, 4, rng, augment)], axis=1)

    rng = np.random.default_rng(2)
    first, second = epoch(rng), epoch(rng)
    np.testing.assert_array_equal(first, epoch(np.random.default_rng(2)))
    assert (first != second).any()
    order = np.random.default_rng(2).permutation(10)
    np.testing.assert_array_equal(epoch(np.random.default_rng(2), augment=False), dataset.batch(order).inputs)
    np.testing.assert_array_equal(epoch(None), dataset.batch(np.arange(10)).inputs)
