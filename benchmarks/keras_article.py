"""Trains the article's model in Keras on the rows of MNIST.

Run by ``article_vs_keras.py`` in an environment of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "gluon_lstm" / "article" / "peers"))

from keras_program import make_model  # noqa: E402 - this Python has no gluon_lstm


def main() -> None:
    """Trains one seed and prints its figures as one line of JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data", help="NumPy archive with train and test images and labels")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    os.environ.update(KERAS_BACKEND="tensorflow", TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="")
    print(json.dumps(train(arguments)))


def train(arguments: argparse.Namespace) -> dict:
    """Returns the accuracy on the test images and the seconds of each epoch."""
    import keras
    import numpy as np
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
    tf.config.threading.set_inter_op_parallelism_threads(arguments.threads)
    keras.utils.set_random_seed(arguments.seed)
    data = np.load(arguments.data)
    images, validation_images, test_images = (
        data[f"{split}_images"].astype("float32") / 255 for split in ("train", "validation", "test")
    )
    model = make_model((28, 28))
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    seconds, starts, kept = [], [], {"accuracy": -1.0, "weights": None}

    def validate(epoch, logs):
        seconds.append(time.perf_counter() - starts.pop())
        accuracy = model.evaluate(validation_images, data["validation_labels"], verbose=0)[1]
        if accuracy > kept["accuracy"]:
            kept.update(accuracy=accuracy, weights=model.get_weights())

    watch = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: starts.append(time.perf_counter()), on_epoch_end=validate
    )
    options = {"epochs": arguments.epochs, "batch_size": 32, "verbose": 0, "callbacks": [watch]}
    model.fit(images, data["train_labels"], **options)
    model.set_weights(kept["weights"])
    _, accuracy = model.evaluate(test_images, data["test_labels"], verbose=0)
    versions = {"keras": keras.__version__, "tensorflow": tf.__version__}
    return {"test_accuracy": float(accuracy), "epoch_seconds": seconds, "versions": versions}


if __name__ == "__main__":
    main()
