"""Pictures of the user's own, brought into the form that a model reads: PNG and IDX files."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from pathlib import Path
from typing import Tuple

import numpy as np

from gluon_lstm.bounded import PICTURE_BYTES, open_file, read_file
from gluon_lstm.data.formats import ImageFormat
from gluon_lstm.data.idx import read_idx
from gluon_lstm.errors import DataError

_PNG = b"\x89PNG\r\n\x1a\n"
_IDX_OR_GZIP = (b"\0\0", b"\x1f\x8b")
_SIZE = slice(16, 24)
"""Where a PNG file has its width and height, each a big-endian 32-bit number."""


_OF_PILLOW = (
    OSError, EOFError, SyntaxError, ValueError, LookupError, TypeError, OverflowError, struct.error, zlib.error,
)  # fmt: skip
"""What Pillow raises where a file is damaged, depending on the place."""


def read_pictures(path: Path, image_format: ImageFormat, invert: bool = False) -> np.ndarray:
    """Returns the pictures of a file: one of a PNG, all of an IDX file.

    ========  =========================================================================
    PNG       colours become grey; 0 to 255 is scaled to 0 to ``max_value`` and rounded
    IDX       the values are those of the training, 0 to ``max_value``; gzipped or not
    ========  =========================================================================

    Args:
        path: the file; what it holds counts, not its name.
        image_format: size and values of the pictures that the model reads.
        invert: whether they are dark on white. What is transparent is taken for the background.

    Returns:
        (N, H, W) uint8.

    Raises:
        DataError: the file cannot be read, is of another kind, or has pictures of another size.
    """
    start = _read_start(path)
    if start.startswith(_PNG):
        pictures = _read_png(path, start, image_format, invert)
    elif start.startswith(_IDX_OR_GZIP):
        pictures = _read_images(path, image_format)
    else:
        raise DataError(f"{path}: is neither a PNG picture nor an IDX file, which are what the run reads")
    return np.uint8(image_format.max_value) - pictures if invert else pictures


def png_size(path: Path) -> Tuple[int, int]:
    """Returns the height and width that a PNG file says it has.

    Raises:
        DataError: it cannot be read, or is no PNG file.
    """
    start = _read_start(path)
    if not start:
        raise DataError(f"{path}: is empty; copy it anew")
    if not start.startswith(_PNG):
        raise DataError(f"{path}: is no PNG picture, whatever its name; convert it")
    return _size_of(path, start)


def _read_start(path: Path) -> bytes:
    """Returns the first bytes of a file of pictures."""
    try:
        with open_file(path) as file:
            return file.read(_SIZE.stop)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error}); give a PNG or IDX file") from error


def _size_of(path: Path, start: bytes) -> Tuple[int, int]:
    """Returns height and width of a PNG file of which this is the start."""
    if len(start) < _SIZE.stop:
        raise DataError(f"{path}: is damaged (it ends within its header); copy it anew")
    width, height = struct.unpack(">II", start[_SIZE])
    return height, width


def _read_png(path: Path, start: bytes, image_format: ImageFormat, invert: bool) -> np.ndarray:
    """Returns the one picture of a PNG file."""
    from PIL import Image, UnidentifiedImageError

    # Before it is unpacked, for a small file can claim a picture that fills the memory.
    _check_size(path, _size_of(path, start), image_format)
    try:
        content = io.BytesIO(read_file(path, PICTURE_BYTES))
        with warnings.catch_warnings(), Image.open(content, formats=["PNG"]) as image:
            warnings.simplefilter("ignore")  # what Pillow warns of is an animation that is none
            grey = _grey(image, background=255 if invert else 0)
    except _OF_PILLOW as error:
        # Pillow names what it read from, an object of ours.
        reason = "" if isinstance(error, UnidentifiedImageError) else f" ({error})"
        raise DataError(f"{path}: is damaged{reason}; copy it anew") from error
    return np.rint(grey[np.newaxis] * (image_format.max_value / 255)).astype(np.uint8)


def _grey(image, background: int) -> np.ndarray:
    """Returns a picture (H, W) in grey, from 0 to 255, before a background."""
    from PIL import Image

    if image.mode.startswith("I"):  # 16 bits, which Pillow would cut off at 255
        return np.asarray(image) / 257
    if "A" in image.getbands() or "transparency" in image.info:
        ground = Image.new("RGBA", image.size, (background, background, background, 255))
        ground.alpha_composite(image.convert("RGBA"))
        image = ground
    return np.asarray(image.convert("L"))


def _read_images(path: Path, image_format: ImageFormat) -> np.ndarray:
    """Returns the pictures of an IDX file."""
    images = read_idx(path, 3)
    if not len(images):
        raise DataError(f"{path}: holds no images")
    _check_size(path, images.shape[1:], image_format)
    if images.max() > image_format.max_value:
        raise DataError(
            f"{path}: has values up to {images.max()}, the model reads 0 to {image_format.max_value}; "
            f"give values as in its training"
        )
    return images


def _check_size(path: Path, found: Tuple[int, int], image_format: ImageFormat) -> None:
    """Raises DataError unless (height, width) is that of the model's pictures."""
    if found != (image_format.height, image_format.width):
        raise DataError(
            f"{path}: has {found[0]} x {found[1]} pixels (height x width), the model reads "
            f"{image_format.height} x {image_format.width}; scale it to that size"
        )
