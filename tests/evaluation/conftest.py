"""Small data sets and predictions that the tests of this folder share."""

from __future__ import annotations

from typing import Callable, NamedTuple, Sequence

import numpy as np
import pytest

from gluon_lstm.data import Batch, SequenceDataset
from gluon_lstm.evaluation.predict import Predictions, softmax
from gluon_lstm.evaluation.report import Provenance


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


class Case(NamedTuple):
    """Predictions and what they are about."""

    predictions: Predictions
    class_names: Sequence[str]
    dataset: FakeDataset


@pytest.fixture
def make_dataset() -> Callable[..., FakeDataset]:
    """A function that makes a data set of random sequences."""

    def make(samples=10, steps=4, features=3, classes=3, lengths=None, kind=FakeDataset) -> FakeDataset:
        rng = np.random.default_rng(1)
        inputs = rng.uniform(0, 255, (steps, samples, features)).astype(np.float32)
        labels = rng.integers(0, classes, samples).astype(np.int32)
        return kind(inputs, labels, [f"class {index}" for index in range(classes)], lengths)

    return make


@pytest.fixture
def make_case(make_dataset) -> Callable[..., Case]:
    """A function that makes predictions with as many mistakes as ``gain`` leaves."""

    def make(class_names: Sequence[str], samples=30, gain=3.0, kind=FakeImages) -> Case:
        dataset = make_dataset(samples, steps=5, features=6, classes=len(class_names), kind=kind)
        logits = np.random.default_rng(2).normal(size=(samples, len(class_names)))
        logits[np.arange(samples), dataset.labels] += gain
        return Case(Predictions(softmax(logits), dataset.labels), class_names, dataset)

    return make


@pytest.fixture
def provenance() -> Provenance:
    """Where the numbers of a test's report come from."""
    return Provenance("run_1", 7, {"mxnet": "1.9.1", "numpy": "1.26.4"}, {"Preset": "default"})


@pytest.fixture
def log():
    """Five epochs of a log, the third of them the best."""
    return [
        {
            "epoch": epoch,
            "train_loss": 1 / epoch,
            "train_accuracy": 1 - 0.5 / epoch,
            "validation_loss": 1 / epoch + 0.1,
            "validation_accuracy": 0.9 - 0.1 * abs(epoch - 3),
            "best": epoch <= 3,
        }
        for epoch in range(1, 6)
    ]
