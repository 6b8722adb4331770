"""The article's first program in Keras, its shapes put right; runs in a Python that has no gluon_lstm."""

from __future__ import annotations

import json
import sys
from typing import Any, BinaryIO, Dict, List, Sequence


def main() -> None:
    """Trains as the JSON in the first argument says, on what comes in, and prints what came of it as JSON."""
    options = json.loads(sys.argv[1])
    print(json.dumps(train(options, read_arrays(sys.stdin.buffer, options["shapes"]))))


def read_arrays(stream: BinaryIO, shapes: Sequence[Sequence[int]]) -> List[Any]:
    """Returns arrays of uint8 in these shapes, one after the other in a stream."""
    import numpy as np

    return [np.frombuffer(stream.read(int(np.prod(shape))), np.uint8).reshape(shape) for shape in shapes]


def make_model(step_shape: Sequence[int], units: int = 50, activation: str = "relu", head: int = 256) -> Any:
    """Returns the model, not compiled.

    Args:
        step_shape: (T, C).
        units: of the LSTM.
        activation: of its candidate and cell output.
        head: units of the dense layer after it.
    """
    import keras

    return keras.Sequential([
        keras.Input(tuple(step_shape)),
        keras.layers.LSTM(units, activation=activation),
        keras.layers.Dense(head, activation="relu"),
        keras.layers.Dense(10, activation="softmax"),
    ])  # fmt: skip


def train(options: Dict[str, Any], arrays: Sequence[Any]) -> Dict[str, Any]:
    """Trains a model and returns its accuracy on the test images after the last epoch.

    Args:
        options: ``units``, ``activation`` and ``head`` of ``make_model``; ``max_value``, which becomes 1; ``seed``,
            ``threads``, ``epochs``, ``batch_size``, ``learning_rate``.
        arrays: training sequences (N, T, C) and labels (N,), test sequences and labels, uint8.
    """
    import keras
    import numpy as np
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(options["threads"])
    tf.config.threading.set_inter_op_parallelism_threads(options["threads"])
    keras.utils.set_random_seed(options["seed"])
    images, labels, test_images, test_labels = arrays
    images, test_images = (array.astype("float32") / options["max_value"] for array in (images, test_images))
    model = make_model(images.shape[1:], options["units"], options["activation"], options["head"])
    optimizer = keras.optimizers.Adam(options["learning_rate"])
    model.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    fitted = model.fit(images, labels, batch_size=options["batch_size"], epochs=options["epochs"], verbose=0)
    loss, accuracy = model.evaluate(test_images, test_labels, batch_size=256, verbose=0)
    finite = bool(np.isfinite([loss, *fitted.history["loss"]]).all())
    versions = {"keras": keras.__version__, "tensorflow": tf.__version__}
    return {"test_accuracy": float(accuracy), "finite": finite, "versions": versions}
