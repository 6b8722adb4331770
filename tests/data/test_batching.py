import numpy as np
import pytest

from gluon_lstm.data.augmentation import Augmentation
from gluon_lstm.data.batching import iterate_batches, num_batches
from gluon_lstm.data.dataset import Batch, SequenceDataset
from gluon_lstm.data.images import ImageDataset
from gluon_lstm.errors import DataError


@pytest.fixture
def dataset():
    images = np.random.default_rng(0).integers(0, 256, (10, 4, 4)).astype(np.uint8)
    return ImageDataset("noise", "train", images, np.arange(10, dtype=np.int32), tuple("abcdefghij"))


@pytest.mark.parametrize("samples, size, expected", [(10, 3, 4), (10, 5, 2), (10, 10, 1), (10, 99, 1), (0, 3, 0)])
def test_num_batches(samples, size, expected):
    assert num_batches(samples, size) == expected


@pytest.mark.parametrize("size", [1, 3, 5, 10, 99])
@pytest.mark.parametrize("seed", [None, (4,)])
def test_every_sample_comes_once_with_its_own_label(dataset, size, seed):
    batches = list(iterate_batches(dataset, size, seed))
    assert len(batches) == num_batches(10, size)
    assert [len(batch.labels) for batch in batches[:-1]] == [size] * (len(batches) - 1)
    indices = np.concatenate([batch.indices for batch in batches])
    assert sorted(indices) == list(range(10))
    assert (indices == range(10)).all() == (seed is None)
    for batch in batches:
        plain = dataset.batch(batch.indices)
        np.testing.assert_array_equal(batch.inputs, plain.inputs)
        np.testing.assert_array_equal(batch.labels, plain.labels)


@pytest.fixture
def augmented(dataset):
    return ImageDataset(**{**vars(dataset), "augmentation": Augmentation(shift=1)})


def test_order_and_augmentation_follow_the_seed(dataset, augmented):
    def epoch(seed, augment=True):
        return np.concatenate([batch.inputs for batch in iterate_batches(augmented, 4, seed, augment)], axis=1)

    first = epoch((7, 2))
    np.testing.assert_array_equal(first, epoch((7, 2)))
    for other in ((7, 3), (8, 2)):
        assert (first != epoch(other)).any()
    order = np.random.default_rng((7, 2)).permutation(10)
    np.testing.assert_array_equal(epoch((7, 2), augment=False), dataset.batch(order).inputs)
    np.testing.assert_array_equal(epoch(None), dataset.batch(np.arange(10)).inputs)


@pytest.mark.parametrize("seed", [None, (7, 2)])
@pytest.mark.parametrize("first", [0, 1, 3, 4])
def test_an_epoch_can_be_begun_at_any_batch(augmented, seed, first):
    whole = list(iterate_batches(augmented, 3, seed))
    rest = list(iterate_batches(augmented, 3, seed, first=first))
    assert len(rest) == 4 - first
    for one, other in zip(whole[first:], rest):
        np.testing.assert_array_equal(one.inputs, other.inputs)
        np.testing.assert_array_equal(one.indices, other.indices)


class Lengths(SequenceDataset):
    """Sequences of ones, of which the lengths alone matter."""

    name, split, class_names, step_shape, input_format, fingerprint = "lengths", "train", ("a",), (None, 9), {}, ""
    symbols = True

    def __init__(self, lengths):
        self.lengths, self.labels = lengths, np.zeros(len(lengths), np.int32)

    def batch(self, indices, rng=None):
        lengths = self.lengths[indices].astype(np.int32)
        inputs = (np.arange(lengths.max())[:, np.newaxis] < lengths).astype(np.int32)
        return Batch(inputs, lengths, self.labels[indices], indices)

    def subset(self, indices, split=None):
        return Lengths(self.lengths[indices])


@pytest.fixture
def texts():
    """As many lengths as IMDB's are spread: a few hundred, and some four times as much."""
    return Lengths(np.random.default_rng(0).lognormal(5, 0.6, 5_003).astype(np.int64).clip(1, 800))


def drawn(dataset, seed, size=32):
    return [batch.indices for batch in iterate_batches(dataset, size, (seed,))]


@pytest.mark.parametrize("size", [1, 32, 5_002, 5_003, 9_999])
def test_sequences_of_many_lengths_come_once_an_epoch(texts, size):
    batches = drawn(texts, 1, size)
    assert sorted(np.concatenate(batches)) == list(range(5_003))
    assert sorted(map(len, batches), reverse=True)[:-1] == [size] * (len(batches) - 1)


def test_batches_of_many_lengths_need_little_padding(texts):
    def padding(batches):
        return 1 - sum(batch.inputs.sum() for batch in batches) / sum(batch.inputs.size for batch in batches)

    sorted_share = padding(list(iterate_batches(texts, 32, (1,))))
    random_share = padding([texts.batch(part) for part in np.split(np.arange(4_992), 156)])
    assert sorted_share < 0.06 < 0.4 < random_share


def test_batches_of_many_lengths_follow_the_seed_and_differ_between_epochs(texts):
    first, again, second = drawn(texts, 1), drawn(texts, 1), drawn(texts, 2)
    for one, other in zip(first, again):
        np.testing.assert_array_equal(one, other)
    shared = {frozenset(batch) for batch in first} & {frozenset(batch) for batch in second}
    assert not shared
    partner = [{index: frozenset(batch) for batch in batches for index in batch} for batches in (first, second)]
    # Of the 31 that share a batch with a sequence, nearly all are others in the next epoch.
    common = [len(partner[0][index] & partner[1][index]) - 1 for index in range(0, 5_003, 10)]
    assert np.mean(common) < 8


def test_short_and_long_batches_come_in_no_order(texts):
    means = [texts.lengths[batch].mean() for batch in drawn(texts, 3)]
    assert abs(np.corrcoef(np.arange(len(means)), means)[0, 1]) < 0.25


def test_without_a_seed_sequences_keep_their_order(texts):
    batches = list(iterate_batches(texts, 32))
    np.testing.assert_array_equal(np.concatenate([batch.indices for batch in batches]), np.arange(5_003))


class Fixed(SequenceDataset):
    """Hands out one batch, whatever is asked for."""

    name, split, step_shape, input_format, fingerprint = "fixed", "test", None, {}, ""

    def __init__(self, batch, symbols, step_shape):
        self._batch, self.symbols, self.step_shape = batch, symbols, step_shape
        self.labels, self.class_names = np.zeros(4, np.int32), ("a", "b", "c")

    def batch(self, indices, rng=None):
        return self._batch

    def subset(self, indices, split=None):
        return self


def values(**changed):
    """Returns a data set of sequences (3 steps, 4 samples, 2 features), some arrays of which were changed."""
    arrays = {
        "inputs": np.full((3, 4, 2), 0.5, np.float32),
        "lengths": np.array([1, 2, 3, 3], np.int32),
        "labels": np.array([0, 1, 2, 0], np.int32),
        "indices": np.array([7, 8, 9, 6]),
    }
    return Fixed(Batch(**{**arrays, **changed}), False, (None, 2))


def tokens(inputs):
    """Returns a data set of tokens (3 steps, 4 samples), of which 5 are known."""
    batch = values(inputs=np.array(inputs, np.int32)).batch(None)
    return Fixed(batch, True, (None, 5))


def with_value(array, place, value):
    array = np.array(array)
    array[place] = value
    return array


GOOD = values().batch(None)
GOOD_TOKENS = [[0, 1, 2, 3], [4, 0, 0, 0], [1, 1, 1, 1]]
BROKEN = {
    "NaN": (values(inputs=with_value(GOOD.inputs, (1, 2, 0), np.nan)), "sample 9: inputs are not all finite"),
    "infinity": (values(inputs=with_value(GOOD.inputs, (2, 3, 1), -np.inf)), "sample 6: inputs are not all finite"),
    "doubles": (values(inputs=GOOD.inputs.astype(float)), "inputs of a batch are float64"),
    "features": (values(inputs=np.ones((3, 4, 3), np.float32)), "inputs of a batch are float32 (3, 4, 3); needs"),
    "axes": (values(inputs=np.ones(3, np.float32)), "inputs of a batch are float32 (3,)"),
    "no steps": (values(inputs=np.ones((0, 4, 2), np.float32)), "inputs of a batch are float32 (0, 4, 2)"),
    "no samples": (values(inputs=np.ones((3, 0, 2), np.float32)), "inputs of a batch are float32 (3, 0, 2)"),
    "length 0": (values(lengths=with_value(GOOD.lengths, 0, 0)), "sample 7: lengths are not all from 1 to 3"),
    "length T + 1": (values(lengths=with_value(GOOD.lengths, 3, 4)), "sample 6: lengths are not all from 1 to 3"),
    "lengths of others": (values(lengths=np.ones(3, np.int32)), "lengths of a batch are int32 (3,)"),
    "label -1": (values(labels=with_value(GOOD.labels, 1, -1)), "sample 8: labels are not all from 0 to 2"),
    "label K": (values(labels=with_value(GOOD.labels, 1, 3)), "sample 8: labels are not all from 0 to 2"),
    "long labels": (values(labels=GOOD.labels.astype(np.int64)), "labels of a batch are int64 (4,); needs int32 (4,)"),
    "token V": (tokens(with_value(GOOD_TOKENS, (1, 1), 5)), "sample 8: inputs are not all from 0 to 4"),
    "token -1": (tokens(with_value(GOOD_TOKENS, (2, 0), -1)), "sample 7: inputs are not all from 0 to 4"),
}


@pytest.mark.parametrize("dataset, message", BROKEN.values(), ids=BROKEN.keys())
def test_a_batch_that_mxnet_would_clip_or_crash_on_is_refused(dataset, message):
    with pytest.raises(DataError) as caught:
        next(iterate_batches(dataset, 4))
    assert f"fixed (test): {message}" in str(caught.value)


@pytest.mark.parametrize(
    "dataset", [values(), values(lengths=None), tokens(GOOD_TOKENS)], ids=["values", "alone", "tokens"]
)
def test_a_batch_as_it_should_be_is_handed_on_as_it_is(dataset):
    assert next(iterate_batches(dataset, 4)) is dataset.batch(None)
