"""A trained run, ready to predict."""

from __future__ import annotations

from pathlib import Path
from typing import List, Union

import mxnet as mx
import numpy as np

from gluon_lstm.config import Config
from gluon_lstm.data import SequenceDataset
from gluon_lstm.data.formats import read_format
from gluon_lstm.evaluation.predict import check_compatible, softmax
from gluon_lstm.nn import build_net, set_arrays
from gluon_lstm.rundir import RunDirectory, SavedModel
from gluon_lstm.runtime import devices


class Predictor:
    """A trained model that reads NumPy arrays.

    Args:
        config: the run's configuration.
        model: the run's model.
        device: where to run.
        source: the run's name, for error lines.

    Attributes:
        net: the ``SequenceClassifier``, hybridized.
        class_names: name of each class, in the order of the probabilities' columns.
        input_format: what a sample must look like.
    """

    def __init__(self, config: Config, model: SavedModel, device: mx.Context, source: str) -> None:
        self.class_names = model.class_names
        self.step_shape = model.step_shape
        self.input_format = read_format(model.input_format, source)
        self.device = device
        self.net = build_net(config.model, model.step_shape, len(model.class_names), [device])
        set_arrays(self.net, model.parameters, source)

    def check(self, dataset: SequenceDataset) -> None:
        """Raises DataError unless the model can read the data set."""
        check_compatible(dataset, self.step_shape, self.class_names)

    def predict_proba(self, images: np.ndarray, batch_size: int = 256) -> np.ndarray:
        """Returns the probability of each class.

        Args:
            images: (N, H, W) or (H, W), numbers in the range that the training data had.
            batch_size: images at a time.

        Returns:
            (N, K) float32; each row sums to 1.

        Raises:
            DataError: images of another shape, or values out of range.
        """
        inputs = self.input_format.encode(images)
        starts = range(0, inputs.shape[1], batch_size)
        parts = (np.ascontiguousarray(inputs[:, start : start + batch_size]) for start in starts)
        return np.concatenate([softmax(self.net(mx.nd.array(part, ctx=self.device)).asnumpy()) for part in parts])

    def predict(self, images: np.ndarray) -> List[str]:
        """Returns the name of each image's most probable class; see ``predict_proba``."""
        return [self.class_names[index] for index in self.predict_proba(images).argmax(axis=1)]


def load(run: Union[str, Path], device: str = "cpu") -> Predictor:
    """Loads a trained run.

    Args:
        run: the run directory.
        device: ``cpu`` or one GPU such as ``gpu:0``.

    Raises:
        RunError: it is no run directory, or a damaged one.
    """
    directory = RunDirectory.open(run)
    return Predictor(directory.read_config(), directory.load_model(), devices(device)[0], str(directory.path / "model"))
