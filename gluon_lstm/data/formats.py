"""What a sample of the user's own must look like, and how it becomes a sequence."""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple, Union

import numpy as np

from gluon_lstm.data.encoding import TextFormat
from gluon_lstm.data.views import as_sequence
from gluon_lstm.errors import DataError


def read_format(description: Mapping[str, Any], source: str) -> Union[ImageFormat, TextFormat]:
    """Returns the format that ``SequenceDataset.input_format`` describes.

    Args:
        description: plain values, ``kind`` among them.
        source: where they are from, for the error's line.

    Raises:
        DataError: they describe none that this release knows.
    """
    values = dict(description)
    kind = values.pop("kind", None)
    if kind == "image" and set(values) == set(ImageFormat._fields):
        return ImageFormat(**values)
    text = TextFormat.from_dict(values) if kind == "text" else None
    if text is None:
        raise DataError(f"{source}: describes samples of a kind that this release does not know; train again")
    return text


class ImageFormat(NamedTuple):
    """Grey images of one size, read through one view.

    Attributes:
        height: rows of pixels.
        width: columns of pixels.
        max_value: the value that becomes 1.0; 0 stays 0.
        view: what a time step is, one of ``config.VIEWS``.
    """

    height: int
    width: int
    max_value: int
    view: str

    @property
    def symbols(self) -> bool:
        """Whether inputs are numbers that stand for something; these are measured values."""
        return False

    def encode(self, images: np.ndarray) -> np.ndarray:
        """Returns images as a net reads them.

        Args:
            images: (N, height, width), or one image (height, width); numbers from 0 to ``max_value``.

        Returns:
            (T, N, C) float32.

        Raises:
            DataError: another shape, or values that are not finite, out of range, or scaled to 0 to 1.
        """
        images = np.asarray(images)
        if images.ndim == 2:
            images = images[np.newaxis]
        if images.shape[1:] != (self.height, self.width) or not len(images):
            raise DataError(f"images of shape {images.shape}: the model reads (N, {self.height}, {self.width})")
        if images.dtype.kind not in "uifb":
            raise DataError(f"images of type {images.dtype}: the model reads numbers from 0 to {self.max_value}")
        if not (images.min() >= 0 and images.max() <= self.max_value):  # also where a value is NaN
            raise DataError(
                f"images with values outside 0 to {self.max_value}, or not finite: the model reads that range"
            )
        if self._is_scaled(images):
            raise DataError(
                f"images scaled to 0 to 1: the model reads values from 0 to {self.max_value}; "
                f"give them as they were, or multiply them by {self.max_value}"
            )
        return as_sequence(images.astype(np.float32) / np.float32(self.max_value), self.view)

    def _is_scaled(self, images: np.ndarray) -> bool:
        """Whether images look as if somebody had divided them: fractions, and nothing above 1."""
        return self.max_value > 1 and images.max() <= 1 and bool((images % 1 != 0).any())
