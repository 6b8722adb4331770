"""Images read as sequences: what one time step is."""

from __future__ import annotations

from functools import cache
from typing import Tuple

import numpy as np

from gluon_lstm.config import VIEWS
from gluon_lstm.errors import ConfigError

PERMUTATION_SEED = 92_916
"""Seed of the one order in which ``permuted`` reads pixels; models depend on it."""


def view_shape(height: int, width: int, view: str) -> Tuple[int, int]:
    """Returns (T, C), the steps and features that a view makes of an image.

    Raises:
        ConfigError: no such view, or one that needs square images.
    """
    shapes = {
        "rows": (height, width),
        "columns": (width, height),
        "pixels": (height * width, 1),
        "permuted": (height * width, 1),
        "rows+columns": (height, width + height),
    }
    if view not in shapes:
        raise ConfigError(f"--view {view}: choose from {', '.join(VIEWS)}")
    if view == "rows+columns" and height != width:
        raise ConfigError(f"--view {view}: needs square images, not {height} x {width}; use rows or columns")
    return shapes[view]


def as_sequence(images: np.ndarray, view: str) -> np.ndarray:
    """Returns images as sequences.

    ====================  =============================================================
    ``rows``              step t is row t, from the top
    ``columns``           step t is column t, from the left
    ``pixels``            step t is one pixel, row after row
    ``permuted``          step t is one pixel, in one random order that never changes
    ``rows+columns``      step t is row t, then column t; square images only
    ====================  =============================================================

    Args:
        images: (N, H, W) of any dtype.
        view: one of ``config.VIEWS``.

    Returns:
        (T, N, C), C-contiguous, of the same dtype.

    Raises:
        ConfigError: as ``view_shape``.
    """
    count, height, width = images.shape
    view_shape(height, width, view)
    rows, columns = images.transpose(1, 0, 2), images.transpose(2, 0, 1)
    if view == "rows+columns":
        joined = np.empty((height, count, width + height), images.dtype)  # else concatenate keeps (N, T, C) in memory
        return np.concatenate([rows, columns], axis=2, out=joined)
    if view in ("rows", "columns"):
        return np.ascontiguousarray(rows if view == "rows" else columns)
    pixels = images.reshape(count, height * width).T
    if view == "permuted":
        pixels = pixels[pixel_order(height * width)]
    return np.ascontiguousarray(pixels)[:, :, np.newaxis]


@cache
def pixel_order(num_pixels: int) -> np.ndarray:
    """Returns the order in which ``permuted`` reads pixels, (num_pixels,) int64, read-only."""
    order = np.random.default_rng(PERMUTATION_SEED).permutation(num_pixels)
    order.flags.writeable = False
    return order
