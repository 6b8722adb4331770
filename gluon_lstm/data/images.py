"""Images as a sequence data set."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Dict, Optional, Tuple

import numpy as np

from gluon_lstm.bounded import IMAGE_PIXELS
from gluon_lstm.config import DataConfig
from gluon_lstm.data.augmentation import Augmentation
from gluon_lstm.data.dataset import Batch, Origin, SequenceDataset
from gluon_lstm.data.formats import ImageFormat
from gluon_lstm.data.views import as_sequence, view_shape
from gluon_lstm.errors import DataError

NO_AUGMENTATION = Augmentation()


@dataclass(frozen=True, eq=False)
class ImageDataset(SequenceDataset):
    """Grey images, kept as bytes, each read as a sequence.

    Attributes:
        name: name of the data set.
        split: ``train``, ``validation`` or ``test``.
        images: (M, H, W) uint8.
        labels: (M,) int32.
        class_names: one name a class.
        max_value: the value that becomes 1.0; 0 stays 0.
        view: what a time step is, one of ``config.VIEWS``.
        augmentation: what is done to images in a batch drawn with a random stream.
        warnings: clauses on what makes figures on these images look better than they are.
        origin: where they are in the user's own files; ``None`` where they are not of such.
        is_drawn: whether they were drawn from the images to train on.
    """

    name: str
    split: str
    images: np.ndarray
    labels: np.ndarray
    class_names: Tuple[str, ...]
    max_value: int = 255
    view: str = "rows"
    augmentation: Augmentation = NO_AUGMENTATION
    warnings: Tuple[str, ...] = ()
    origin: Optional[Origin] = None
    is_drawn: bool = False

    def __post_init__(self) -> None:
        if self.images.ndim != 3 or self.images.dtype != np.uint8:
            raise DataError(f"{self.name}: images must be (M, H, W) uint8, not {self.images.shape} {self.images.dtype}")
        if self.images[:1].size > IMAGE_PIXELS:
            raise DataError(f"{self.name}: images of {self.images[0].size:,} pixels; at most {IMAGE_PIXELS:,} are read")
        if self.labels.shape != self.images.shape[:1]:
            raise DataError(f"{self.name}: {len(self.images)} images but labels of shape {self.labels.shape}")
        if len(self) and not 0 <= self.labels.min() <= self.labels.max() < len(self.class_names):
            raise DataError(f"{self.name}: labels must lie in 0 to {len(self.class_names) - 1}")
        view_shape(*self.images.shape[1:], self.view)
        self.augmentation.check_size(*self.images.shape[1:])

    @property
    def notes(self) -> Tuple[str, ...]:
        """A line where the pixels seem to be from 0 to 1, of which a net would see next to nothing."""
        if self.max_value == 1 or not len(self) or self.images.max() > 1:
            return ()
        return (f"warning: {self.name}: no pixel of the {self.split} split is above 1, where {self.max_value} is the "
                f"greatest value; if 1 is, multiply all by {self.max_value}",)  # fmt: skip

    @property
    def step_shape(self) -> Tuple[int, int]:
        """(T, C) of each sequence."""
        return view_shape(*self.images.shape[1:], self.view)

    @property
    def input_format(self) -> Dict[str, Any]:
        """Kind and fields of the ``ImageFormat`` that reads images as this data set does."""
        height, width = self.images.shape[1:]
        return {"kind": "image", **ImageFormat(height, width, self.max_value, self.view)._asdict()}

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256, in hexadecimal, over shape, images and labels."""
        digest = hashlib.sha256(repr(self.images.shape).encode())
        digest.update(np.ascontiguousarray(self.images))
        digest.update(np.ascontiguousarray(self.labels, dtype="<i4"))
        return digest.hexdigest()

    def batch(self, indices: np.ndarray, rng: Optional[np.random.Generator] = None) -> Batch:
        """Returns the samples at ``indices``; with ``rng``, augmented. See ``SequenceDataset``."""
        indices = np.asarray(indices, dtype=np.int64)
        images = self.images[indices]
        if rng is not None:
            images = self.augmentation(images, rng)
        # Turned around as bytes where that is possible, since bytes move faster than floats.
        inputs = as_sequence(images, self.view).astype(np.float32, copy=False)
        inputs /= np.float32(self.max_value)
        return Batch(inputs, None, self.labels[indices], indices)

    def image(self, index: int) -> np.ndarray:
        """Returns one image (H, W) uint8, for reports to show."""
        return self.images[index]

    def subset(self, indices: np.ndarray, split: Optional[str] = None) -> ImageDataset:
        """Returns a copy of the samples at ``indices``. See ``SequenceDataset``."""
        images, labels = self.images[indices], self.labels[indices]
        origin = None if self.origin is None else self.origin.take(indices)
        is_drawn = self.is_drawn or split not in (None, self.split)
        return replace(self, images=images, labels=labels, split=split or self.split, is_drawn=is_drawn, warnings=(),
                       origin=origin)  # fmt: skip


def image_options(config: DataConfig) -> dict:
    """Returns the fields of ``ImageDataset`` that follow from the configuration alone."""
    augmentation = Augmentation(
        shift=config.augment_shift,
        sideways=config.augment_sideways,
        rotate=config.augment_rotate,
        scale=config.augment_scale,
        elastic=config.augment_elastic,
    )
    return {"view": config.view, "augmentation": augmentation}
