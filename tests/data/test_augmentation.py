import numpy as np
import pytest
from scipy import ndimage

from gluon_lstm.data.augmentation import Augmentation, OversizeError, resample, shift_images
from gluon_lstm.errors import ConfigError


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture
def images(rng):
    return rng.integers(0, 256, (6, 12, 10)).astype(np.uint8)


class Extreme:
    """A stream that always gives the greatest value."""

    def uniform(self, low, high, size):
        return np.full(size, high)


def test_no_distortion_is_the_identity(images, rng):
    augmentation = Augmentation()
    assert augmentation.is_identity
    np.testing.assert_array_equal(augmentation(images, rng), images)


@pytest.mark.parametrize("options", [{"shift": 1}, {"rotate": 1.0}, {"scale": 0.1}, {"elastic": 0.5}])
def test_each_option_alone_changes_images(images, rng, options):
    augmentation = Augmentation(**options)
    assert not augmentation.is_identity
    assert (augmentation(images, rng) != images).any()


def test_shifts_equal_loops(images):
    offsets = np.array([[0, 1, -1, 3, -3, 2], [0, 0, 2, -3, 3, -1]])
    moved = shift_images(images, offsets, 3)
    assert moved.dtype == np.uint8
    for image, (down, across), result in zip(images, offsets.T, moved):
        expected = np.zeros_like(image)
        for y in range(12):
            for x in range(10):
                if 0 <= y + down < 12 and 0 <= x + across < 10:
                    expected[y, x] = image[y + down, x + across]
        np.testing.assert_array_equal(result, expected)


def test_every_whole_shift_in_both_directions_occurs_equally_often(rng):
    dots = np.zeros((25_000, 9, 9), np.uint8)
    dots[:, 4, 4] = 255
    _, rows, columns = np.nonzero(Augmentation(shift=2)(dots, rng))
    assert len(rows) == len(dots)
    counts = np.zeros((9, 9), int)
    np.add.at(counts, (rows, columns), 1)
    assert counts[2:7, 2:7].sum() == len(dots)
    np.testing.assert_allclose(counts[2:7, 2:7], 1_000, atol=160)  # five standard deviations


@pytest.mark.parametrize("others", [{}, {"scale": 1e-6}], ids=["whole pixels", "interpolated"])
def test_sideways_shifts_leave_every_row_in_its_place(rng, others):
    dots = np.zeros((500, 9, 9), np.uint8)
    dots[:, 4, 4] = 255
    moved = Augmentation(shift=2, sideways=True, **others)(dots, rng)
    across = (moved[:, 4] * np.arange(9)).sum(axis=1) / moved[:, 4].sum(axis=1)
    np.testing.assert_allclose(moved.sum(axis=(1, 2)), moved[:, 4].sum(axis=1), rtol=1e-3)
    assert across.min() < 2.2 and across.max() > 5.8


def test_resampling_equals_scipy(images, rng):
    coordinates = rng.uniform(-4, 16, (2, *images.shape)).astype(np.float32)
    resampled = resample(images, coordinates)
    assert resampled.dtype == np.float32
    for n, image in enumerate(images):
        expected = ndimage.map_coordinates(
            image.astype(np.float64), coordinates[:, n], order=1, mode="grid-constant", cval=0.0
        )
        np.testing.assert_allclose(resampled[n], expected, atol=1e-3)


def test_resampling_far_outside_is_zero_and_on_the_grid_exact(images):
    grid = np.broadcast_to(np.mgrid[:12, :10][:, np.newaxis], (2, *images.shape)).astype(np.float32)
    np.testing.assert_array_equal(resample(images, grid), images)
    assert not resample(images, grid + 1e9).any()
    assert not resample(images, grid - 1e9).any()


def test_resampling_leaves_its_arguments_alone(images):
    coordinates = np.full((2, *images.shape), 1.5, np.float32)
    resample(images, coordinates)
    assert (coordinates == 1.5).all()


def test_a_quarter_turn(images):
    square = images[:, :10]
    augmentation = Augmentation(rotate=90.0)
    turned = resample(square, augmentation.draw_coordinates(square.shape, Extreme()))
    np.testing.assert_allclose(turned, np.rot90(square, k=-1, axes=(1, 2)), atol=0.1)


def test_stretching_keeps_the_centre_and_widens():
    coordinates = Augmentation(scale=0.25).draw_coordinates((1, 11, 11), Extreme())
    np.testing.assert_allclose(coordinates[0, 0, :, 0], 5 + (np.arange(11) - 5) / 1.25, rtol=1e-6)
    np.testing.assert_allclose(coordinates[1, 0, 0], 5 + (np.arange(11) - 5) / 1.25, rtol=1e-6)


def test_elastic_field_is_smooth_of_the_asked_deviation_everywhere(rng):
    count = 4_000
    coordinates = Augmentation(elastic=1.5).draw_coordinates((count, 28, 28), rng)
    field = coordinates - np.mgrid[:28, :28][:, np.newaxis]
    np.testing.assert_allclose(field.std(axis=1), 1.5, rtol=0.06)
    np.testing.assert_allclose(field.mean(axis=1), 0, atol=0.13)
    # White noise smoothed by a Gaussian of deviation s correlates as exp(-d² / 4s²) at distance d.
    for distance in (1, 4, 8):
        measured = (field[:, :, :, :-distance] * field[:, :, :, distance:]).mean() / 1.5**2
        assert measured == pytest.approx(np.exp(-(distance**2) / (4 * 4.0**2)), abs=0.02)


@pytest.mark.parametrize("augmentation", [Augmentation(2), Augmentation(2, 10, 0.1, 1.0)])
def test_one_stream_gives_one_result_and_goes_on_to_the_next(images, augmentation):
    first, again = np.random.default_rng(3), np.random.default_rng(3)
    once = augmentation(images, first)
    np.testing.assert_array_equal(once, augmentation(images, again))
    assert (once != augmentation(images, first)).any()
    assert once.min() >= 0
    assert once.max() <= 255


@pytest.mark.parametrize("count", [1, 15, 16, 17, 40])
def test_every_image_of_a_batch_of_any_size_gets_its_own_distortion(rng, count):
    image = rng.integers(1, 256, (1, 12, 10)).astype(np.uint8)
    distorted = Augmentation(1, 10, 0.1, 1.0)(np.repeat(image, count, axis=0), rng)
    assert distorted.shape == (count, 12, 10)
    assert len({result.tobytes() for result in distorted}) == count
    assert distorted.any(axis=(1, 2)).all()


@pytest.mark.parametrize("options", [{"shift": 8}, {"elastic": 8.0}])
def test_distortions_wider_than_the_image_are_refused(options):
    with pytest.raises(OversizeError, match=r"--augment-(shift|elastic) 8: moves images of 8 x 9 pixels out") as caught:
        Augmentation(**options).check_size(8, 9)
    assert isinstance(caught.value, ConfigError)
    field = caught.value.field
    assert options == {field[len("augment_") :]: caught.value.value}
    Augmentation(**{field[len("augment_") :]: caught.value.largest}).check_size(8, 9)
