"""Runs a network over a data set and returns its probabilities."""

from __future__ import annotations

from typing import Callable, NamedTuple, Optional, Sequence, Tuple

import mxnet as mx
import numpy as np
from tqdm import tqdm

from gluon_lstm.data.batching import draw_batch
from gluon_lstm.data.dataset import SequenceDataset
from gluon_lstm.errors import DataError, NonFiniteOutputError

BATCH_SIZE = 500
"""Samples a call, where nobody says how many."""


class Predictions(NamedTuple):
    """What a network says about each sample of a data set, in the data set's order.

    Attributes:
        probabilities: (M, K) float32, each row sums to 1.
        labels: (M,) int32, the true classes.
        logits: (M, K) float32, what the probabilities come from; ``None`` where it is not known.
    """

    probabilities: np.ndarray
    labels: np.ndarray
    logits: Optional[np.ndarray] = None

    @property
    def predicted(self) -> np.ndarray:
        """(M,) int64: the most probable class of each sample; the first of equals."""
        return self.probabilities.argmax(axis=1)

    @property
    def confidence(self) -> np.ndarray:
        """(M,) float32: the probability of the predicted class."""
        return self.probabilities.max(axis=1)


def predict(
    net: mx.gluon.HybridBlock,
    dataset: SequenceDataset,
    batch_size: int,
    device: mx.Context,
    progress: bool = False,
) -> Predictions:
    """Returns the probabilities for every sample, mixed with those of the n-gram model where the data have one.

    Arguments and errors are those of ``predict_logits``.
    """
    logits = dataset.mix(predict_logits(net, dataset, batch_size, device, progress))
    return Predictions(softmax(logits), dataset.labels, logits)


def predict_logits(
    net: mx.gluon.HybridBlock,
    dataset: SequenceDataset,
    batch_size: int,
    device: mx.Context,
    progress: bool = False,
) -> np.ndarray:
    """Returns the network's own logits (M, K) float32 for every sample, in order, without augmentation.

    Args:
        net: called with a batch's arguments, gives logits (N, K).
        dataset: what is predicted; at least one sample.
        batch_size: samples a call.
        device: where the network's parameters are.
        progress: show a progress bar on the standard error stream.

    Raises:
        DataError: the data set is empty, or holds what ``check_batch`` refuses.
        NonFiniteOutputError: an output is not finite.
    """
    if not len(dataset):
        raise DataError(f"{dataset}: has no samples to predict; choose another split or data set")
    order = _order(dataset)

    def read(places: np.ndarray) -> Sequence[np.ndarray]:
        return draw_batch(dataset, order[places]).arguments

    sorted_logits = forward_all(net, read, len(dataset), batch_size, device, progress)
    logits = np.empty_like(sorted_logits)
    logits[order] = sorted_logits
    _check_finite(logits, dataset)
    return logits


def forward_all(
    net: mx.gluon.HybridBlock,
    read: Callable[[np.ndarray], Sequence[np.ndarray]],
    num_samples: int,
    batch_size: int,
    device: mx.Context,
    progress: bool = False,
) -> np.ndarray:
    """Returns the logits (M, K) float32 of all samples, in inference mode.

    The last batch is filled up with its last sample: a hybridized network is compiled anew for every batch size it
    meets.

    Args:
        net: called with a batch's arguments, gives logits (N, K).
        read: gives the arguments of the samples at some places (N,).
        num_samples: M, at least 1.
        batch_size: samples a call.
        device: where the network's parameters are.
        progress: show a progress bar on the standard error stream.
    """
    size = min(batch_size, num_samples)
    starts = tqdm(range(0, num_samples, size), "predicting", unit="batch", leave=False, disable=not progress)
    places = (np.minimum(np.arange(start, start + size), num_samples - 1) for start in starts)
    return np.concatenate([forward(net, read(batch), device) for batch in places])[:num_samples]


def forward(net: mx.gluon.HybridBlock, arguments: Sequence[np.ndarray], device: mx.Context) -> np.ndarray:
    """Returns the (N, K) float32 logits of a batch's arguments, in inference mode."""
    return net(*(mx.nd.array(array, ctx=device, dtype=array.dtype) for array in arguments)).asnumpy()


def softmax(logits: np.ndarray) -> np.ndarray:
    """Returns the (M, K) float32 probabilities of (M, K) logits; computed in float64."""
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    exponentials = np.exp(shifted)
    return (exponentials / exponentials.sum(axis=1, keepdims=True)).astype(np.float32)


def check_compatible(
    dataset: SequenceDataset, step_shape: Tuple[Optional[int], int], class_names: Sequence[str]
) -> None:
    """Checks that a data set is one that a trained network can read.

    Args:
        dataset: what is to be predicted.
        step_shape: (T, C) of the sequences the network was trained on; T is
            ``None`` where it may vary.
        class_names: the classes the network was trained on, in its order.

    Raises:
        DataError: time steps, features or classes differ.
    """
    steps, features = dataset.step_shape
    expected_steps, expected_features = step_shape
    if features != expected_features:
        raise DataError(
            f"{dataset}: a time step has {features} features, the model reads {expected_features}; "
            f"choose the data set and view that it was trained on"
        )
    if expected_steps not in (None, steps):
        raise DataError(
            f"{dataset}: a sequence has {steps} time steps, the model reads {expected_steps}; "
            f"choose the data set and view that it was trained on"
        )
    if tuple(dataset.class_names) != tuple(class_names):
        difference = _difference(dataset.class_names, class_names)
        raise DataError(f"{dataset}: {difference}; choose data of its classes")


def _difference(found: Sequence[str], expected: Sequence[str]) -> str:
    """Returns in words how two unequal lists of class names differ."""
    if len(found) != len(expected):
        return f"has {len(found)} classes, the model knows {len(expected)}"
    position = next(i for i, pair in enumerate(zip(found, expected)) if pair[0] != pair[1])
    return f"class {position} is {found[position]!r}, the model has {expected[position]!r} there"


def _order(dataset: SequenceDataset) -> np.ndarray:
    """Returns all positions (M,) int64, sorted by length where that varies, so that batches need little padding."""
    return np.arange(len(dataset)) if dataset.lengths is None else np.argsort(dataset.lengths, kind="stable")


def _check_finite(logits: np.ndarray, dataset: SequenceDataset) -> None:
    """Raises NonFiniteOutputError at the first sample whose logits are not all finite."""
    broken = np.flatnonzero(~np.isfinite(logits).all(axis=1))
    if len(broken):
        raise NonFiniteOutputError(
            f"{dataset}: the model's output is not finite for {len(broken)} samples, first for sample "
            f"{broken[0]}; check that sample's values, and the model if it is all of them"
        )
