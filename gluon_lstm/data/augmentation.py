"""Random distortions of whole batches of images."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Tuple

import numpy as np

from gluon_lstm.config import flag
from gluon_lstm.errors import ConfigError

SMOOTHNESS = 4 / 28
"""Standard deviation of the elastic distortion's smoothing, as a share of the image's side."""

_BLOCK = 16
"""Images distorted at once: temporary arrays this small stay in cache, and the allocator reuses their memory."""


class OversizeError(ConfigError):
    """A distortion that could move images out of the frame.

    Attributes:
        field: name of the option's field.
        value: what it was.
        height, width: pixels of the images.
        largest: greatest whole value that they allow.
    """

    def __init__(self, field: str, value: float, height: int, width: int) -> None:
        self.field, self.value, self.height, self.width = field, value, height, width
        self.largest = min(height, width) - 1
        super().__init__(
            f"{flag(field)} {value:g}: moves images of {height} x {width} pixels out of the frame; "
            f"use less than {min(height, width)}"
        )


@dataclass(frozen=True)
class Augmentation:
    """Random shifts, rotations, stretches and elastic distortions, drawn for each image.

    The result at pixel p is the image at A(p - c) + c + shift + elastic · f(p),
    where c is the image's centre, A rotates and stretches, and f is white noise
    smoothed by a Gaussian, of unit variance; zero outside of the image, and
    interpolated linearly between pixels. With ``shift`` alone, images move by
    whole pixels and nothing is interpolated.

    Attributes:
        shift: greatest shift along each axis, in pixels, uniform in both directions.
        rotate: greatest rotation, in degrees, uniform in both directions.
        scale: greatest stretch of height and of width, as a share, uniform in both directions.
        elastic: standard deviation of the elastic distortion, in pixels.
        sideways: whether images shift left and right alone.
    """

    shift: int = 0
    rotate: float = 0.0
    scale: float = 0.0
    elastic: float = 0.0
    sideways: bool = False

    @property
    def is_identity(self) -> bool:
        """Whether images stay as they are."""
        return not (self.shift or self.interpolates)

    @property
    def interpolates(self) -> bool:
        """Whether pixels move by other than whole pixels."""
        return bool(self.rotate or self.scale or self.elastic)

    def check_size(self, height: int, width: int) -> None:
        """Raises OversizeError where images of this size could leave the frame whole."""
        for field, pixels in (("augment_shift", self.shift), ("augment_elastic", self.elastic)):
            if pixels >= min(height, width):
                raise OversizeError(field, pixels, height, width)

    def __call__(self, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Returns distorted images on the scale of ``images``.

        Args:
            images: (N, H, W) uint8.
            rng: stream that every distortion is drawn from.

        Returns:
            (N, H, W) float32 where pixels are interpolated, else uint8.
        """
        if self.interpolates:
            result = np.empty(images.shape, np.float32)
            for start in range(0, len(images), _BLOCK):
                block = images[start : start + _BLOCK]
                result[start : start + _BLOCK] = resample(block, self.draw_coordinates(block.shape, rng))
            return result
        if self.shift:
            offsets = rng.integers(-self.shift, self.shift + 1, size=(2, len(images)))
            offsets[0] *= not self.sideways
            return shift_images(images, offsets, self.shift)
        return images

    def draw_coordinates(self, shape: Tuple[int, int, int], rng: np.random.Generator) -> np.ndarray:
        """Draws where in its image each pixel of the result comes from.

        Args:
            shape: (N, H, W) of the images.
            rng: stream that the distortions are drawn from.

        Returns:
            (2, N, H, W) float32: row and column, fractions of a pixel included.
        """
        count, height, width = shape
        transforms = self._draw_transforms(count, height, width, rng)
        coordinates = (transforms.reshape(2 * count, 3) @ _grid(height, width)).reshape(2, count, height, width)
        if self.elastic:
            down, across = _smoothing(height), _smoothing(width)
            noise = rng.standard_normal((2, count, down.shape[1], across.shape[1]), dtype=np.float32)
            coordinates += (np.float32(self.elastic) * down) @ (noise @ across.T)
        return coordinates

    def _draw_transforms(self, count: int, height: int, width: int, rng: np.random.Generator) -> np.ndarray:
        """Draws (2, N, 3) float32: coefficients of (row, column, 1), both from the centre."""
        angle = np.deg2rad(rng.uniform(-self.rotate, self.rotate, count))
        stretch = 1 + rng.uniform(-self.scale, self.scale, (2, count))
        move = rng.uniform(-self.shift, self.shift, (2, count))
        move[0] *= not self.sideways
        sine, cosine = np.sin(angle), np.cos(angle)
        row = [cosine / stretch[0], -sine / stretch[0], move[0] + (height - 1) / 2]
        column = [sine / stretch[1], cosine / stretch[1], move[1] + (width - 1) / 2]
        return np.array([row, column], dtype=np.float32).transpose(0, 2, 1)


def shift_images(images: np.ndarray, offsets: np.ndarray, limit: int) -> np.ndarray:
    """Returns images moved by whole pixels, zeros moving in.

    Args:
        images: (N, H, W) of any dtype.
        offsets: (2, N) whole numbers within ±limit; result[y, x] = image[y + down, x + across].
        limit: greatest offset there may be.

    Returns:
        (N, H, W) of the same dtype.
    """
    count, height, width = images.shape
    padded = np.zeros((count, height + 2 * limit, width + 2 * limit), images.dtype)
    padded[:, limit : limit + height, limit : limit + width] = images
    windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width), axis=(1, 2))
    return windows[np.arange(count), offsets[0] + limit, offsets[1] + limit]


def resample(images: np.ndarray, coordinates: np.ndarray) -> np.ndarray:
    """Returns images read at other places, interpolated linearly, zero outside.

    Args:
        images: (N, H, W) uint8.
        coordinates: (2, N, H, W) float32: row and column of each pixel of the result.

    Returns:
        (N, H, W) float32.
    """
    count, height, width = images.shape
    # One line of zeros before and two after: a place outside is moved onto them, never past them.
    padded = np.zeros((count, height + 3, width + 3), np.float32)
    padded[:, 1 : height + 1, 1 : width + 1] = images
    pixels, stride = padded.reshape(-1), width + 3
    row, down = _whole_and_rest(coordinates[0], height)
    corner, across = _whole_and_rest(coordinates[1], width)
    row *= stride
    corner += row
    corner += (np.arange(count) * padded[0].size)[:, np.newaxis, np.newaxis]
    # No index is out of bounds; "clip" only spares the check.
    corners = [pixels[start:].take(corner, mode="clip") for start in (0, 1, stride, stride + 1)]
    return _mix(_mix(*corners[:2], across), _mix(*corners[2:], across), down)


def _whole_and_rest(places: np.ndarray, size: int) -> Tuple[np.ndarray, np.ndarray]:
    """Returns places along one axis as positions in the padded image, int64, and float32 rests in [0, 1)."""
    rest = places + 1
    np.clip(rest, 0, size + 1, out=rest)
    whole = rest.astype(np.int64)
    rest -= whole
    return whole, rest


def _mix(start: np.ndarray, end: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Returns start + share · (end - start), in the memory of ``end``."""
    end -= start
    end *= share
    end += start
    return end


@cache
def _grid(height: int, width: int) -> np.ndarray:
    """Returns (3, H · W) float32: row and column of each pixel from the centre, and 1."""
    rows, columns = np.mgrid[:height, :width]
    centred = [rows - (height - 1) / 2, columns - (width - 1) / 2, np.ones_like(rows)]
    return np.array(centred, dtype=np.float32).reshape(3, height * width)


@cache
def _smoothing(size: int) -> np.ndarray:
    """Returns the (size, K) float32 matrix that turns K independent normal values into a smooth line.

    The values lie one standard deviation of the Gaussian apart, from two of
    them before the line to two after it: the sum is then as smooth as with a
    value at every pixel, for a fraction of the draws. Each row has norm 1, so
    that the variance is 1 everywhere.
    """
    deviation = SMOOTHNESS * size
    knots = np.arange(-2 * deviation, size - 1 + 2.5 * deviation, deviation)
    weights = np.exp(-0.5 * ((np.arange(size)[:, np.newaxis] - knots) / deviation) ** 2)
    return (weights / np.linalg.norm(weights, axis=1, keepdims=True)).astype(np.float32)
