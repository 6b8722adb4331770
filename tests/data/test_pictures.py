"""Pictures of one's own: by value what the model reads, whatever the file's kind of pixels."""

import gzip
import struct

import numpy as np
import pytest
from PIL import Image

from gluon_lstm.data.formats import ImageFormat
from gluon_lstm.data.pictures import read_pictures
from gluon_lstm.errors import DataError

BYTES = ImageFormat(2, 3, 255, "rows")
DIGITS = ImageFormat(2, 3, 16, "rows")
GREY = np.array([[0, 1, 127], [128, 254, 255]], np.uint8)


@pytest.fixture
def png(tmp_path):
    """A function that writes an array as a PNG file and returns its path."""

    def write(array, mode=None, **options):
        image = Image.fromarray(array)
        image = image if mode is None else image.convert(mode)
        image.save(tmp_path / "picture", format="PNG", **options)
        return tmp_path / "picture"

    return write


def idx(array):
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def test_a_grey_png_is_read_as_it_is(png):
    found = read_pictures(png(GREY), BYTES)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, GREY[np.newaxis])


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "P"])
def test_grey_in_other_kinds_of_pixels(png, mode):
    np.testing.assert_array_equal(read_pictures(png(GREY, mode), BYTES)[0], GREY)


def test_black_and_white(png):
    np.testing.assert_array_equal(read_pictures(png(GREY > 100), BYTES)[0], np.where(GREY > 100, 255, 0))


def test_sixteen_bits(png):
    np.testing.assert_array_equal(read_pictures(png(GREY.astype(np.uint16) * 257), BYTES)[0], GREY)


def test_colours_become_grey_by_their_luminance(png):
    colours = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]] * 2, np.uint8)
    np.testing.assert_array_equal(read_pictures(png(colours), BYTES)[0, 0], [76, 150, 29])  # ITU-R 601-2


def test_values_are_scaled_to_those_of_the_training(png):
    values = np.array([[0, 1, 8], [15, 16, 3]], np.uint8)
    found = read_pictures(png(np.rint(values * (255 / 16)).astype(np.uint8)), DIGITS)
    np.testing.assert_array_equal(found[0], values)


def test_dark_on_white(png):
    np.testing.assert_array_equal(read_pictures(png(GREY), BYTES, invert=True)[0], 255 - GREY)
    np.testing.assert_array_equal(read_pictures(png(GREY), DIGITS, invert=True)[0], [[16, 16, 8], [8, 0, 0]])


def test_what_is_transparent_is_background(png):
    pixels = np.zeros((2, 3, 4), np.uint8)
    pixels[0, 0] = [0, 0, 0, 255]
    pixels[0, 1] = [255, 255, 255, 255]
    np.testing.assert_array_equal(read_pictures(png(pixels), BYTES)[0], [[0, 255, 0], [0, 0, 0]])
    np.testing.assert_array_equal(read_pictures(png(pixels), BYTES, invert=True)[0], [[255, 0, 0], [0, 0, 0]])


def test_a_transparent_shade_is_background(png):
    values = np.array([[9, 5, 5], [5, 7, 5]], np.uint8)
    np.testing.assert_array_equal(read_pictures(png(values, transparency=5), BYTES)[0], [[9, 0, 0], [0, 7, 0]])


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_idx_files_hold_the_values_of_the_training(tmp_path, pack):
    images = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    (tmp_path / "images").write_bytes(pack(idx(images)))
    np.testing.assert_array_equal(read_pictures(tmp_path / "images", DIGITS), images)
    np.testing.assert_array_equal(read_pictures(tmp_path / "images", DIGITS, invert=True), 16 - images)


@pytest.mark.parametrize(
    "content, message",
    [
        (idx(np.zeros((2, 3, 2), np.uint8)), r"has 3 x 2 pixels \(height x width\), the model reads 2 x 3; scale it"),
        (idx(np.full((1, 2, 3), 17, np.uint8)), "has values up to 17, the model reads 0 to 16"),
        (idx(np.zeros((0, 2, 3), np.uint8)), "holds no images"),
        (idx(np.zeros((2, 3), np.uint8)), "holds a 2-dimensional array, not a 3-dimensional one"),
        (b"a text", "is neither a PNG picture nor an IDX file"),
        (b"", "is neither a PNG picture nor an IDX file"),
        (b"\x89PNG\r\n\x1a\n", r"is damaged \(it ends within its header\)"),
    ],
)
def test_other_files(tmp_path, content, message):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(DataError, match=f"file: {message}"):
        read_pictures(tmp_path / "file", DIGITS)


def test_a_png_of_another_size_is_not_unpacked(png):
    path = png(GREY)
    content = bytearray(path.read_bytes())
    content[16:24] = struct.pack(">II", 100_000, 90_000)  # Pillow would warn of so many pixels
    path.write_bytes(content)
    with pytest.raises(DataError, match="has 90000 x 100000 pixels .height x width., the model reads 2 x 3"):
        read_pictures(path, BYTES)


@pytest.mark.parametrize("change", ["cut", "flip"])
def test_a_damaged_png(png, change):
    path = png(GREY)
    content = bytearray(path.read_bytes())
    start = content.index(b"IDAT") + 4
    if change == "flip":
        content[start : start + 8] = bytes(8)
    path.write_bytes(content[:start] if change == "cut" else content)
    with pytest.raises(DataError, match="is damaged"):
        read_pictures(path, BYTES)


def test_what_cannot_be_read(tmp_path):
    with pytest.raises(DataError, match="cannot be read .Is a directory"):
        read_pictures(tmp_path, BYTES)
