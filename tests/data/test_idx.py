import gzip
import os
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gluon_lstm.data.idx import read_idx, read_labelled_images
from gluon_lstm.errors import DataError


def encode(array, kind=8):
    """Returns an array of bytes as the content of an IDX file."""
    return struct.pack(f">HBB{array.ndim}I", 0, kind, array.ndim, *array.shape) + array.tobytes()


@pytest.fixture
def write(tmp_path):
    def write(content, name="images"):
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


IMAGES = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)


@settings(max_examples=50)
@given(
    array=hnp.arrays(np.uint8, hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=6)),
    compressed=st.booleans(),
)
def test_round_trip(write, array, compressed):
    content = encode(array)
    path = write(gzip.compress(content) if compressed else content)
    np.testing.assert_array_equal(read_idx(path, array.ndim), array)


@settings(max_examples=200)
@given(data=st.data())
def test_mutations_give_the_array_or_a_clear_error(write, data):
    content = bytearray(gzip.compress(encode(IMAGES), mtime=0) if data.draw(st.booleans()) else encode(IMAGES))
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(0, len(content) - 1))
        content[position : position + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
        content = content or bytearray(b"\0")
    path = write(bytes(content))
    try:
        assert read_idx(path, 3).ndim == 3
    except DataError as error:
        assert str(error).startswith(str(path))
        assert "\n" not in str(error)


BAD = {
    "empty": (b"", "starts with nothing"),
    "labels for images": (encode(IMAGES[0, 0]), r"a 1-dimensional array, not .*; are images and labels exchanged\?$"),
    "colours": (encode(IMAGES[..., None]), "a 4-dimensional array, not a 3-dimensional one; turn colours into grey"),
    "floats": (encode(IMAGES, kind=0x0D), "starts with 00000d03, not 00000803"),
    "text": (b"hello, world", "not an IDX file"),
    "a header cut short": (encode(IMAGES)[:9], "truncated within its header"),
    "values cut short": (encode(IMAGES)[:-1], r"truncated: 23 of 24 bytes \(2 x 3 x 4\)"),
    "more values": (encode(IMAGES) + b"\0", "goes on after the 24 bytes"),
    "a huge claim": (struct.pack(">4B3I", 0, 0, 8, 3, 2**32 - 1, 2**32 - 1, 9) + b"\0" * 9, "its header claims"),
    "a large claim": (struct.pack(">4B3I", 0, 0, 8, 3, 2**11, 2**10, 2**10) + b"\0" * 9, "9 of 2,147,483,648"),
    "gzip cut short": (gzip.compress(encode(IMAGES))[:-5], "damaged gzip file"),
    "gzip with a wrong checksum": (gzip.compress(encode(IMAGES))[:-8] + b"\0" * 8, "damaged gzip file"),
    "gzip with noise inside": (gzip.compress(encode(IMAGES))[:10] + b"\xff" * 30, "damaged gzip file"),
    "gzip with noise after": (gzip.compress(encode(IMAGES)) + b"noise", "damaged gzip file"),
    "gzip of more values": (gzip.compress(encode(IMAGES) + b"\0"), "goes on after the 24 bytes"),
    "gzip of nothing": (gzip.compress(b""), "starts with nothing"),
}


@pytest.mark.parametrize("content, message", BAD.values(), ids=BAD.keys())
def test_bad_files(write, content, message):
    path = write(content)
    with pytest.raises(DataError, match=message) as caught:
        read_idx(path, 3)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_memory_follows_the_content_and_not_the_header(write):
    claim = write(BAD["a large claim"][0], "claim")
    bomb = write(gzip.compress(encode(IMAGES) + bytes(50_000_000)), "bomb")
    tracemalloc.start()
    try:
        for path in (claim, bomb):
            with pytest.raises(DataError):
                read_idx(path, 3)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_what_is_not_a_file(tmp_path):
    with pytest.raises(DataError, match="missing: cannot be read: No such file"):
        read_idx(tmp_path / "missing", 3)
    with pytest.raises(DataError, match="must be a file"):
        read_idx(tmp_path, 3)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="pipe: must be a file"):
        read_idx(tmp_path / "pipe", 3)


def test_images_with_their_labels(write):
    images = write(encode(IMAGES), "images")
    labels = write(gzip.compress(encode(np.array([3, 255], np.uint8))), "labels")
    both = read_labelled_images(images, labels)
    np.testing.assert_array_equal(both.images, IMAGES)
    np.testing.assert_array_equal(both.labels, [3, 255])
    assert both.labels.dtype == np.int32


def test_different_counts_name_both_files(write):
    images, labels = write(encode(IMAGES), "images"), write(encode(np.zeros(5, np.uint8)), "labels")
    with pytest.raises(DataError, match=r"images holds 2 images but .*labels 5 labels"):
        read_labelled_images(images, labels)


@pytest.mark.parametrize("shape", [(0, 28, 28), (2, 0, 28)])
def test_no_images(write, shape):
    images = write(encode(np.zeros(shape, np.uint8)), "images")
    labels = write(encode(np.zeros(shape[0], np.uint8)), "labels")
    with pytest.raises(DataError, match=f"{Path(images).name}: holds no images"):
        read_labelled_images(images, labels)


def test_a_bomb_is_not_unpacked(tmp_path):
    header = struct.pack(">4B3I", 0, 0, 8, 3, 100, 1_000, 1_000)
    (tmp_path / "images").write_bytes(gzip.compress(header + bytes(10**8), 9))
    with pytest.raises(DataError, match=r"images: damaged gzip file \(unpacks to more than [\d,]+ bytes\)"):
        read_idx(tmp_path / "images", 3)
