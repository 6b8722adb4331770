import hashlib
from dataclasses import fields

import numpy as np
import pytest

from gluon_lstm.config import VIEWS, DataConfig
from gluon_lstm.data.views import as_sequence, pixel_order, view_shape
from gluon_lstm.errors import ConfigError


@pytest.fixture
def images():
    return np.random.default_rng(0).random((3, 4, 4), dtype=np.float32)


def by_hand(images, view):
    """Builds each step of each image in plain loops."""
    height, width = images.shape[1:]
    order = [int(k) for k in pixel_order(height * width)]
    sequences = []
    for image in images:
        rows = [[image[y, x] for x in range(width)] for y in range(height)]
        columns = [[image[y, x] for y in range(height)] for x in range(width)]
        pixels = [[value] for row in rows for value in row]
        sequences.append(
            {
                "rows": rows,
                "columns": columns,
                "pixels": pixels,
                "permuted": [pixels[k] for k in order],
                "rows+columns": [row + column for row, column in zip(rows, columns)],
            }[view]
        )
    return np.array(sequences, dtype=images.dtype).transpose(1, 0, 2)


@pytest.mark.parametrize("view", VIEWS)
def test_views_equal_loops(images, view):
    sequences = as_sequence(images, view)
    np.testing.assert_array_equal(sequences, by_hand(images, view))
    assert sequences.flags.c_contiguous
    assert sequences.dtype == images.dtype
    assert view_shape(4, 4, view) == (len(sequences), sequences.shape[2])


@pytest.mark.parametrize("view", [view for view in VIEWS if view != "rows+columns"])
def test_views_of_images_that_are_not_square(view):
    images = np.arange(2 * 3 * 5, dtype=np.uint8).reshape(2, 3, 5)
    sequences = as_sequence(images, view)
    np.testing.assert_array_equal(sequences[:, 1], by_hand(images[1:], view)[:, 0])
    assert (len(sequences), sequences.shape[2]) == view_shape(3, 5, view)


def test_permutation_is_one_and_never_changes():
    order = pixel_order(784)
    assert sorted(order) == list(range(784))
    assert hashlib.sha256(order.astype("<i8").tobytes()).hexdigest() == (
        "754208fc8a42264a37bf0a6664be3604c8cd55fecb2607377186b77d1bff6fd8"
    )


def test_rows_and_columns_need_square_images():
    with pytest.raises(ConfigError, match=r"--view rows\+columns: needs square images, not 3 x 5"):
        as_sequence(np.zeros((1, 3, 5)), "rows+columns")


def test_unknown_view_lists_the_known_ones():
    with pytest.raises(ConfigError, match="--view diagonal: choose from rows, columns, pixels"):
        view_shape(4, 4, "diagonal")


def test_every_view_that_the_option_offers_is_known():
    (field,) = (item for item in fields(DataConfig) if item.name == "view")
    assert field.metadata["choices"] is VIEWS
    assert all(view_shape(4, 4, view) for view in VIEWS)
