import dataclasses

import mxnet as mx
import numpy as np
import pytest

from gluon_lstm.config import VIEWS, DataConfig
from gluon_lstm.data.augmentation import Augmentation
from gluon_lstm.data.formats import read_format
from gluon_lstm.data.images import ImageDataset, image_options
from gluon_lstm.data.views import as_sequence, view_shape
from gluon_lstm.errors import ConfigError, DataError


@pytest.fixture
def dataset():
    rng = np.random.default_rng(5)
    return ImageDataset(
        name="noise",
        split="train",
        images=rng.integers(0, 256, (20, 6, 6)).astype(np.uint8),
        labels=(np.arange(20) % 3).astype(np.int32),
        class_names=("a", "b", "c"),
    )


@pytest.mark.parametrize("view", VIEWS)
def test_batch_by_value(dataset, view):
    dataset = dataclasses.replace(dataset, view=view)
    batch = dataset.batch([3, 0, 3])
    expected = as_sequence(dataset.images[[3, 0, 3]].astype(np.float64) / 255, view)
    np.testing.assert_allclose(batch.inputs, expected, rtol=1e-6)
    assert batch.inputs.shape == (dataset.step_shape[0], 3, dataset.step_shape[1])
    assert dataset.step_shape == view_shape(6, 6, view)
    assert batch.lengths is None
    np.testing.assert_array_equal(batch.labels, [0, 0, 0])
    np.testing.assert_array_equal(batch.indices, [3, 0, 3])
    assert (batch.inputs.dtype, batch.labels.dtype, batch.indices.dtype) == (np.float32, np.int32, np.int64)
    assert all(array.flags.c_contiguous for array in (batch.inputs, batch.labels, batch.indices))


@pytest.mark.parametrize("view", VIEWS)
def test_input_format_reads_images_to_the_same_bytes(dataset, view):
    dataset = dataclasses.replace(dataset, view=view)
    encoded = read_format(dataset.input_format, "model").encode(dataset.images)
    assert encoded.tobytes() == dataset.batch(np.arange(20)).inputs.tobytes()


@pytest.mark.parametrize("max_value", [16, 255])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_images_scaled_to_one_are_refused(dataset, max_value, dtype):
    images = np.minimum(dataset.images, max_value)
    encode = read_format(dataclasses.replace(dataset, max_value=max_value).input_format, "model").encode
    with pytest.raises(DataError, match=f"from 0 to 1 alone: .* 0 to {max_value}; .* multiply them by {max_value}"):
        encode(images.astype(dtype) / max_value)
    for small in (np.full((6, 6), 0.5), np.eye(6), np.eye(6, dtype=bool), np.eye(6, dtype=np.uint8)):
        with pytest.raises(DataError, match="from 0 to 1 alone"):
            encode(small)


@pytest.mark.parametrize(
    "images",
    [
        pytest.param(np.zeros((6, 6)), id="black"),
        pytest.param(np.eye(6) * 1.5, id="fractions of which one exceeds 1"),
    ],
)
def test_small_values_that_nobody_scaled_are_read(dataset, images):
    encoded = read_format(dataset.input_format, "model").encode(images)
    np.testing.assert_allclose(encoded[:, 0], images / 255.0, rtol=1e-6)


def test_images_of_zeros_and_ones_are_told(dataset):
    masks = dataclasses.replace(dataset, images=(dataset.images > 99).astype(np.uint8))
    (note,) = masks.notes
    assert note == ("warning: noise: no pixel of the train split is above 1, where 255 is the greatest value; if 1 is, "
                    "multiply all by 255")  # fmt: skip
    assert dataset.notes == dataclasses.replace(masks, max_value=1).notes == masks.subset([]).notes == ()


def test_arrays_of_mxnet_are_read_too(dataset):
    encode = read_format(dataset.input_format, "model").encode
    np.testing.assert_array_equal(encode(mx.nd.array(dataset.images)), encode(dataset.images))


def test_images_that_are_laid_out_flat_are_refused_as_they_are(dataset):
    with pytest.raises(DataError, match=r"images of shape \(20, 36\): the model reads \(N, 6, 6\)"):
        read_format(dataset.input_format, "model").encode(dataset.images.reshape(20, 36))


def test_a_model_of_values_to_one_reads_fractions(dataset):
    encode = read_format({**dataset.input_format, "max_value": 1}, "model").encode
    assert (encode(np.full((6, 6), 0.5)) == 0.5).all()


@pytest.mark.parametrize("max_value", [16, 255])
def test_the_greatest_value_becomes_one(dataset, max_value):
    images = np.full_like(dataset.images, max_value)
    assert (dataclasses.replace(dataset, images=images, max_value=max_value).batch([0]).inputs == 1).all()


@pytest.mark.parametrize("augmentation", [Augmentation(), Augmentation(2), Augmentation(2, 10, 0.1, 1.0)])
@pytest.mark.parametrize("view", VIEWS)
def test_batches_leave_the_images_alone(dataset, augmentation, view):
    dataset = dataclasses.replace(dataset, augmentation=augmentation, view=view)
    before = dataset.images.copy()
    for indices in ([4], np.arange(20)):
        batch = dataset.batch(indices, np.random.default_rng(0))
        assert batch.inputs.flags.c_contiguous
        assert batch.inputs.dtype == np.float32
        assert 0 <= batch.inputs.min() <= batch.inputs.max() <= 1
        batch.inputs[:] = -1
    np.testing.assert_array_equal(dataset.images, before)


def test_every_option_of_images_is_passed_on():
    config = DataConfig(view="columns", augment_shift=3, augment_sideways=True, augment_rotate=4.0, augment_scale=0.5,
                        augment_elastic=0.6)  # fmt: skip
    augmentation = Augmentation(shift=3, sideways=True, rotate=4.0, scale=0.5, elastic=0.6)
    assert image_options(config) == {"view": "columns", "augmentation": augmentation}


def test_augmentation_acts_only_with_a_stream(dataset):
    augmented = dataclasses.replace(dataset, augmentation=Augmentation(shift=2))
    plain = dataset.batch(np.arange(20)).inputs
    np.testing.assert_array_equal(augmented.batch(np.arange(20)).inputs, plain)
    rng = np.random.default_rng(1)
    first, second = (augmented.batch(np.arange(20), rng).inputs for _ in range(2))
    assert (first != plain).any()
    assert (first != second).any()


def test_subset(dataset):
    part = dataset.subset([5, 2], "validation")
    assert (len(part), part.split, part.name) == (2, "validation", "noise")
    np.testing.assert_array_equal(part.images, dataset.images[[5, 2]])
    np.testing.assert_array_equal(part.labels, dataset.labels[[5, 2]])
    assert dataset.subset([1]).split == "train"


def test_fingerprint_follows_samples_and_labels_alone(dataset):
    assert len(dataset.fingerprint) == 64
    assert dataclasses.replace(dataset, view="columns", split="test").fingerprint == dataset.fingerprint
    others = [
        dataset.subset(np.arange(19)),
        dataset.subset(np.arange(20)[::-1]),
        dataclasses.replace(dataset, images=dataset.images.reshape(20, 4, 9)),
        dataclasses.replace(dataset, labels=2 - dataset.labels),
    ]
    assert len({dataset.fingerprint, *(other.fingerprint for other in others)}) == 5


@pytest.mark.parametrize(
    "changes",
    [
        {"labels": np.zeros(19, np.int32)},
        {"labels": np.full(20, 3, np.int32)},
        {"labels": np.full(20, -1, np.int32)},
        {"images": np.zeros((20, 6, 6), np.float32)},
        {"images": np.zeros((20, 36), np.uint8)},
    ],
)
def test_arrays_that_do_not_fit(dataset, changes):
    with pytest.raises(DataError, match="noise: "):
        dataclasses.replace(dataset, **changes)


def test_options_that_do_not_fit(dataset):
    with pytest.raises(ConfigError, match="--augment-shift 6"):
        dataclasses.replace(dataset, augmentation=Augmentation(shift=6))
    with pytest.raises(ConfigError, match="square"):
        dataclasses.replace(dataset, images=np.zeros((20, 4, 9), np.uint8), view="rows+columns")


@pytest.mark.parametrize("description", [{}, {"kind": "text"}, {"kind": "image", "height": 3}])
def test_a_format_that_is_not_known_is_refused(description):
    with pytest.raises(DataError, match="model: describes samples of a kind that this release does not know"):
        read_format(description, "model")


def test_images_too_large_to_be_read_back_are_refused():
    with pytest.raises(DataError, match="images of 16,781,312 pixels; at most 16,777,216 are read"):
        ImageDataset("large", "train", np.zeros((1, 4_096, 4_097), np.uint8), np.zeros(1, np.int32), ("a", "b"))
