"""Data sets that stand in for real ones."""

from __future__ import annotations

import numpy as np

from gluon_lstm.data import Batch, SequenceDataset


class FakeDataset(SequenceDataset):
    """Sequences kept as one array.

    Args:
        inputs: (T, M, C) float32.
        labels: (M,) int32.
        class_names: one name a class.
        lengths: (M,) int32 or ``None``.
    """

    name, split, fingerprint = "fake", "test", "0" * 64

    def __init__(self, inputs, labels, class_names, lengths=None) -> None:
        self.inputs, self.labels, self.class_names, self.lengths = inputs, labels, tuple(class_names), lengths
        self.batch_sizes = []

    def batch(self, indices, rng=None):
        self.batch_sizes.append(len(indices))
        lengths = None if self.lengths is None else self.lengths[indices]
        return Batch(np.ascontiguousarray(self.inputs[:, indices]), lengths, self.labels[indices], indices)

    def subset(self, indices, split=None):
        return FakeDataset(self.inputs[:, indices], self.labels[indices], self.class_names)

    @property
    def step_shape(self):
        return self.inputs.shape[0], self.inputs.shape[2]

    @property
    def input_format(self):
        return {}


class FakeImages(FakeDataset):
    """The same, with samples that can be shown."""

    def image(self, index: int) -> np.ndarray:
        """Returns the sample at ``index`` as (T, C) uint8."""
        return self.inputs[:, index].astype(np.uint8)
