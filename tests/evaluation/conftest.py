"""Small data sets and predictions that the tests of this folder share."""

from __future__ import annotations

from typing import Callable, NamedTuple, Sequence

import numpy as np
import pytest
from fakes import FakeDataset, FakeImages

from gluon_lstm.evaluation.predict import Predictions, softmax
from gluon_lstm.evaluation.report import Provenance


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
