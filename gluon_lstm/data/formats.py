"""What a sample of the user's own must look like, and how it becomes a sequence."""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple, Optional, Tuple, Union

import numpy as np

from gluon_lstm.bounded import IMAGE_PIXELS
from gluon_lstm.config import VIEWS
from gluon_lstm.data.encoding import TextFormat
from gluon_lstm.data.views import as_sequence, view_shape
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
    readers = {"image": ImageFormat.from_dict, "text": TextFormat.from_dict}
    found = readers[kind](values) if isinstance(kind, str) and kind in readers else None
    if found is None:
        raise DataError(f"{source}: describes samples of a kind that this release does not know; train again")
    return found


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

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Optional[ImageFormat]:
        """Returns the format that ``_asdict`` wrote; ``None`` where the values are not such."""
        sizes = [values.get(name) for name in ("height", "width", "max_value")]
        if set(values) != set(cls._fields) or not all(type(size) is int and size > 0 for size in sizes):
            return None
        found = cls(**values)
        known = isinstance(found.view, str) and found.view in VIEWS
        square = found.view != "rows+columns" or found.height == found.width
        return found if known and square and found.height * found.width <= IMAGE_PIXELS and sizes[2] <= 255 else None

    @property
    def step_shape(self) -> Tuple[int, int]:
        """(T, C) of the sequence that an image becomes."""
        return view_shape(self.height, self.width, self.view)

    @property
    def symbols(self) -> bool:
        """Whether inputs are numbers that stand for something; these are measured values."""
        return False

    def encode(self, images: np.ndarray) -> np.ndarray:
        """Returns images as a net reads them.

        Args:
            images: (N, height, width), N also 0, or one image (height, width), of NumPy or MXNet; numbers from 0 to
                ``max_value``.

        Returns:
            (T, N, C) float32.

        Raises:
            DataError: another shape, or values that are not finite, out of range, or from 0 to 1 alone.
        """
        # An array of MXNet's, of which NumPy would make an object for each number.
        images = np.asarray(images.asnumpy() if hasattr(images, "asnumpy") else images)
        if images.ndim == 2 and images.shape == (self.height, self.width):
            images = images[np.newaxis]
        if images.shape[1:] != (self.height, self.width):
            raise DataError(f"images of shape {images.shape}: the model reads (N, {self.height}, {self.width})")
        if images.dtype.kind not in "uifb":
            raise DataError(f"images of type {images.dtype}: the model reads numbers from 0 to {self.max_value}")
        if len(images):
            self._check_values(images)
        return as_sequence(images.astype(np.float32) / np.float32(self.max_value), self.view)

    def _check_values(self, images: np.ndarray) -> None:
        """Raises DataError where images, one at least, hold values that those of the training did not."""
        if not (images.min() >= 0 and images.max() <= self.max_value):  # also where a value is NaN
            raise DataError(
                f"images with values outside 0 to {self.max_value}, or not finite: the model reads that range"
            )
        if self._is_scaled(images):
            raise DataError(
                f"images with values from 0 to 1 alone: the model reads values from 0 to {self.max_value}; "
                f"give them as they were, or multiply them by {self.max_value}"
            )

    def _is_scaled(self, images: np.ndarray) -> bool:
        """Whether images look as if somebody had divided them: a value that is not 0, and nothing above 1."""
        return self.max_value > 1 and 0 < images.max() <= 1
