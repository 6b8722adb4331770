"""IDX files, the form in which MNIST is published.

A file is two zero bytes, a byte for the type (8: unsigned bytes), a byte for
the number of dimensions, each dimension as a big-endian 32-bit number, and the
values. It may be gzipped.
"""

from __future__ import annotations

import gzip
import math
import os
import struct
import zlib
from pathlib import Path
from typing import BinaryIO, NamedTuple, Tuple, Union

import numpy as np

from gluon_lstm.bounded import IDX_BYTES, open_file, read_up_to, unpacked
from gluon_lstm.errors import DataError

_UNSIGNED_BYTE = 8
_GZIP_MAGIC = b"\x1f\x8b"


class LabelledImages(NamedTuple):
    """Images (M, H, W) uint8 and their labels (M,) int32."""

    images: np.ndarray
    labels: np.ndarray


def read_labelled_images(images_path: Union[str, Path], labels_path: Union[str, Path]) -> LabelledImages:
    """Reads a file of images and the file of their labels.

    Raises:
        DataError: either file is bad, there are no images, or the counts differ.
    """
    images, labels = read_idx(images_path, 3), read_idx(labels_path, 1)
    if not images.size:
        raise DataError(f"{images_path}: holds no images (its shape is {_times(images.shape)}); write them into it")
    if len(images) != len(labels):
        raise DataError(
            f"{images_path} holds {len(images)} images but {labels_path} {len(labels)} labels; give as many"
        )
    return LabelledImages(images, labels.astype(np.int32))


def read_idx(path: Union[str, Path], ndim: int) -> np.ndarray:
    """Reads an IDX file of unsigned bytes, gzipped or not, whatever its name.

    Args:
        path: the file.
        ndim: how many dimensions it must have.

    Returns:
        uint8 array of the shape that the header gives.

    Raises:
        DataError: the file is missing, cannot be read, is damaged or of another form.
    """
    path = Path(path)
    if os.path.exists(path) and not os.path.isfile(path):
        raise DataError(f"{path}: must be a file")
    try:
        with open_file(path) as raw:
            compressed = raw.read(2) == _GZIP_MAGIC
            raw.seek(0)
            return _parse(unpacked(raw, IDX_BYTES) if compressed else raw, path, ndim)
    except (EOFError, ValueError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path}: damaged gzip file ({error}); replace or delete it") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error


def _parse(stream: BinaryIO, path: Path, ndim: int) -> np.ndarray:
    """Returns the array that ``stream`` holds; reads at most a byte more than its header claims."""
    shape = _read_shape(stream, path, ndim)
    claimed = math.prod(shape)
    if claimed > IDX_BYTES:
        raise DataError(f"{path}: its header claims {claimed:,} bytes; at most {IDX_BYTES:,} are read")
    content = read_up_to(stream, claimed + 1)
    if len(content) < claimed:
        raise DataError(
            f"{path}: truncated: {len(content):,} of {claimed:,} bytes ({_times(shape)}); replace or delete it"
        )
    if len(content) > claimed:
        raise DataError(
            f"{path}: goes on after the {claimed:,} bytes that its header claims ({_times(shape)}); write it anew"
        )
    return np.frombuffer(content, dtype=np.uint8).reshape(shape)


def _read_shape(stream: BinaryIO, path: Path, ndim: int) -> Tuple[int, ...]:
    """Reads the header and returns the shape."""
    expected = struct.pack(">HBB", 0, _UNSIGNED_BYTE, ndim)
    magic = stream.read(4)
    if magic != expected:
        if len(magic) == len(expected) and magic[:-1] == expected[:-1]:
            hint = {
                (4, 3): "; turn colours into grey",
                (1, 3): "; are images and labels exchanged?",
                (3, 1): "; are images and labels exchanged?",
            }.get((magic[-1], ndim), "")
            raise DataError(f"{path}: holds a {magic[-1]}-dimensional array, not a {ndim}-dimensional one{hint}")
        raise DataError(
            f"{path}: not an IDX file of unsigned bytes with {ndim} dimension{'s' * (ndim > 1)} "
            f"(starts with {magic.hex() or 'nothing'}, not {expected.hex()}); write it with numbers of type uint8"
        )
    sizes = stream.read(4 * ndim)
    if len(sizes) < 4 * ndim:
        raise DataError(f"{path}: truncated within its header; replace or delete it")
    return struct.unpack(f">{ndim}I", sizes)


def _times(shape: Tuple[int, ...]) -> str:
    """Returns a shape as text: ``60000 x 28 x 28``."""
    return " x ".join(map(str, shape))
