"""One library of the comparison, in a process of its own: ``python side_by_side_worker.py LIBRARY THREADS``.

Driven by ``side_by_side.py``: a request is a line of JSON on standard input, its
answer a line on standard output, and in between the process waits in a read.

Each library computes the same classifier, an LSTM with a dense layer on its last
output, trained by Adam on the softmax cross entropy, from the same arrays, which
lie in memory in the library's own form. A library may have several ways to run a
step or a pass; the driver checks them all and takes the fastest.
"""

from __future__ import annotations

import json
import os
import sys
import time
from types import SimpleNamespace
from typing import Any, Callable, Dict, List

import numpy as np

RATE, BETA1, BETA2, EPSILON = 1e-3, 0.9, 0.999, 1e-8
"""Of Adam, for all."""
UNROLLED_UP_TO = 50
"""Most steps for which Keras's unrolled form is tried; its graph grows with them."""


class Peer:
    """A classifier in one library.

    Attributes:
        trainers: per way, a function that takes a training step and gives its mean loss, maybe still being computed.
        predictors: per way, a function that gives the logits (N, K), computed.
    """

    trainers: Dict[str, Callable[[], Any]]
    predictors: Dict[str, Callable[[], Any]]

    def reset(self) -> None:
        """Puts the given weights back and makes Adam forget."""
        raise NotImplementedError

    def wait(self, result: Any) -> None:
        """Waits until a result, and all that was asked before it, is computed."""


class GluonLSTM(Peer):
    """Ours: ``SequenceClassifier``, hybridized, and ``Stepper``."""

    def __init__(self, shape: SimpleNamespace, arrays: Dict[str, np.ndarray]) -> None:
        from gluon_lstm import runtime

        runtime.prepare()
        import mxnet as mx

        from gluon_lstm.data import Batch
        from gluon_lstm.nn import SequenceClassifier

        self._arrays = {name[len("ours/") :]: array for name, array in arrays.items() if name.startswith("ours/")}
        self._net = SequenceClassifier(
            num_classes=arrays["ours/head.0.bias"].size,
            input_size=shape.input_size,
            hidden_size=shape.hidden_size,
            num_layers=shape.num_layers,
            bidirectional=shape.bidirectional,
            num_steps=shape.num_steps,
        )
        self._net.initialize()
        self._net.hybridize(static_alloc=True, static_shape=True)
        labels = arrays["labels"]
        self._batch = Batch(arrays["inputs"], None, labels, np.arange(len(labels)))
        self._inputs = mx.nd.array(arrays["inputs"])
        self.trainers = {"hybridized": self._train}
        self.predictors = {"hybridized": self._predict}
        self.reset()

    def reset(self) -> None:
        import mxnet as mx

        from gluon_lstm.config import TrainingConfig
        from gluon_lstm.nn import set_arrays
        from gluon_lstm.training import Stepper

        set_arrays(self._net, self._arrays, "arrays")
        self._stepper = Stepper(self._net, TrainingConfig(optimizer="adam", clip_norm=0), [mx.cpu()])

    def wait(self, result: Any) -> None:
        import mxnet as mx

        mx.nd.waitall()

    def _train(self) -> Any:
        return self._stepper.step(self._batch, RATE).losses[0]

    def _predict(self) -> Any:
        logits = self._net(self._inputs)
        logits.wait_to_read()
        return logits


class PyTorch(Peer):
    """PyTorch: ``nn.LSTM`` and ``nn.Linear``, eager; Adam's fused form; passes in inference mode."""

    def __init__(self, shape: SimpleNamespace, arrays: Dict[str, np.ndarray]) -> None:
        import torch

        torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
        self._state = {
            name[len("torch/") :]: torch.from_numpy(array)
            for name, array in arrays.items()
            if name.startswith("torch/")
        }
        classes = len(arrays["torch/head.bias"])
        self._model = torch.nn.Module()
        self._model.encoder = torch.nn.LSTM(
            shape.input_size, shape.hidden_size, shape.num_layers, bidirectional=shape.bidirectional
        )
        self._model.head = torch.nn.Linear(shape.hidden_size * (1 + shape.bidirectional), classes)
        self._directions = 1 + shape.bidirectional
        self._inputs, self._labels = torch.from_numpy(arrays["inputs"]), torch.from_numpy(arrays["labels"]).long()
        self.trainers = {"eager": self._train}
        self.predictors = {"eager": self._predict}
        self.reset()

    def reset(self) -> None:
        import torch

        self._model.load_state_dict(self._state)
        self._optimizer = torch.optim.Adam(
            self._model.parameters(), lr=RATE, betas=(BETA1, BETA2), eps=EPSILON, fused=True
        )

    def _logits(self) -> Any:
        import torch

        _, (hidden, _) = self._model.encoder(self._inputs)
        last = hidden[-1] if self._directions == 1 else torch.cat([hidden[-2], hidden[-1]], dim=1)
        return self._model.head(last)

    def _train(self) -> Any:
        import torch

        self._optimizer.zero_grad(set_to_none=True)
        loss = torch.nn.functional.cross_entropy(self._logits(), self._labels)
        loss.backward()
        self._optimizer.step()
        return loss.detach()

    def _predict(self) -> Any:
        import torch

        with torch.inference_mode():
            return self._logits()


class Keras(Peer):
    """Keras on TensorFlow: compiled functions, plain, by XLA, and where there are few steps unrolled."""

    def __init__(self, shape: SimpleNamespace, arrays: Dict[str, np.ndarray]) -> None:
        os.environ.update(KERAS_BACKEND="tensorflow", TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="")
        import keras
        import tensorflow as tf

        set_threads(tf, int(os.environ["OMP_NUM_THREADS"]))
        # It warns of one function traced again and again, where each shape and way has one of its own.
        tf.get_logger().setLevel("ERROR")
        keras.backend.clear_session()
        self._inputs = tf.constant(arrays["inputs"].swapaxes(0, 1).copy())
        self._labels = tf.constant(arrays["labels"])
        count = sum(name.startswith("keras/") for name in arrays)
        self._weights = [arrays[f"keras/{index}"] for index in range(count)]
        self._models, self._optimizers = {}, {}
        for unroll in (False, True)[: 1 + (shape.num_steps <= UNROLLED_UP_TO)]:
            self._models[unroll] = keras_model(shape, len(self._weights[-1]), unroll)
            optimizer = keras.optimizers.Adam(RATE, BETA1, BETA2, EPSILON)
            optimizer.build(self._models[unroll].trainable_variables)
            self._optimizers[unroll] = optimizer
        self._begun = [variable.numpy() for variable in self._optimizers[False].variables]
        ways = {"tf.function": (False, False), "tf.function by XLA": (False, True)}
        if True in self._models:
            ways["tf.function, unrolled"] = (True, False)
        self.trainers = {name: self._trainer(*way) for name, way in ways.items()}
        self.predictors = {name: self._predictor(*way) for name, way in ways.items()}
        self.reset()

    def reset(self) -> None:
        for model in self._models.values():
            model.set_weights(self._weights)
        for optimizer in self._optimizers.values():
            for variable, value in zip(optimizer.variables, self._begun):
                variable.assign(value)

    def wait(self, result: Any) -> None:
        result.numpy()

    def _trainer(self, unroll: bool, xla: bool) -> Callable[[], Any]:
        import tensorflow as tf

        model, optimizer = self._models[unroll], self._optimizers[unroll]

        @tf.function(jit_compile=xla)
        def step(inputs, labels):
            with tf.GradientTape() as tape:
                logits = model(inputs, training=True)
                losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
                loss = tf.reduce_mean(losses)
            optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
            return loss

        return lambda: step(self._inputs, self._labels)

    def _predictor(self, unroll: bool, xla: bool) -> Callable[[], Any]:
        import tensorflow as tf

        model = self._models[unroll]

        @tf.function(jit_compile=xla)
        def predict(inputs):
            return model(inputs, training=False)

        return lambda: predict(self._inputs)


def set_threads(tf: Any, threads: int) -> None:
    """Sets TensorFlow's thread counts, which it takes before its first operation only."""
    if tf.config.threading.get_intra_op_parallelism_threads() != threads:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)


def keras_model(shape: SimpleNamespace, classes: int, unroll: bool) -> Any:
    """Returns the classifier, giving logits."""
    import keras

    model = keras.Sequential([keras.Input((shape.num_steps, shape.input_size), batch_size=shape.batch_size)])
    for index in range(shape.num_layers):
        inner = index + 1 < shape.num_layers
        layer = keras.layers.LSTM(shape.hidden_size, return_sequences=inner, unroll=unroll)
        model.add(keras.layers.Bidirectional(layer) if shape.bidirectional else layer)
    model.add(keras.layers.Dense(classes))
    return model


def versions(library: str) -> Dict[str, str]:
    """Returns the versions of what the library computes with."""
    from importlib import metadata

    names = {"gluon-lstm": ["gluon-lstm", "mxnet"], "PyTorch": ["torch"], "Keras": ["keras", "tensorflow-cpu"]}[library]
    return {name: metadata.version(name) for name in [*names, "numpy"] if installed(name)}


def installed(name: str) -> bool:
    """Whether a distribution is there; TensorFlow goes by several names."""
    from importlib import metadata

    return any(True for _ in metadata.distributions(name=name))


class Server:
    """Answers requests for one library.

    Args:
        library: name, a key of ``LIBRARIES``.
    """

    def __init__(self, library: str) -> None:
        self._library = library

    def versions(self) -> Dict[str, str]:
        """Returns the versions of what the library computes with."""
        return versions(self._library)

    def prepare(self, shape: Dict[str, Any], path: str) -> None:
        """Builds the classifier from a file of arrays."""
        with np.load(path) as file:
            arrays = {name: np.ascontiguousarray(file[name]) for name in file}
        self.use(LIBRARIES[self._library](SimpleNamespace(**shape), arrays))

    def use(self, peer: Peer) -> None:
        """Takes a classifier to answer about."""
        self._peer = peer

    def logits(self) -> Dict[str, List[List[float]]]:
        """Returns the logits (N, K) that each way of prediction gives from the given weights."""
        self._peer.reset()
        return {way: as_numpy(predict()).tolist() for way, predict in self._peer.predictors.items()}

    def losses(self, steps: int) -> Dict[str, List[float]]:
        """Returns the mean losses of the first training steps that each way of training takes."""
        found = {}
        for way, train in self._peer.trainers.items():
            self._peer.reset()
            found[way] = [float(as_numpy(train()).mean()) for _ in range(steps)]
        return found

    def ways(self, task: str) -> List[str]:
        """Returns the ways that the library has to run a task."""
        return list(self._runs(task))

    def time(self, task: str, way: str, repetitions: int) -> float:
        """Returns the seconds of one repetition, after two that wake threads and caches.

        It begins from the given weights: thousands of steps on one batch would bring gradients of 0,
        and moments so near 0 that a processor multiplies them slowly.
        """
        self._peer.reset()
        run = self._runs(task)[way]
        for _ in range(2):
            self._peer.wait(run())
        start = time.perf_counter()
        for _ in range(repetitions):
            result = run()
        self._peer.wait(result)
        return (time.perf_counter() - start) / repetitions

    def _runs(self, task: str) -> Dict[str, Callable[[], Any]]:
        """Returns what runs a training step, or a forward pass, in each way."""
        return {"train": self._peer.trainers, "predict": self._peer.predictors}[task]


def as_numpy(array: Any) -> np.ndarray:
    """Returns any library's array as NumPy's."""
    return array.asnumpy() if hasattr(array, "asnumpy") else np.asarray(array)


LIBRARIES = {"gluon-lstm": GluonLSTM, "PyTorch": PyTorch, "Keras": Keras}


def main() -> None:
    """Answers requests until standard input ends."""
    library, threads = sys.argv[1:]
    os.environ["OMP_NUM_THREADS"] = threads
    # Libraries print what they like on standard output; only answers may go to the driver.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    server = Server(library)
    for line in sys.stdin:
        request = json.loads(line)
        answer = getattr(server, request.pop("call"))(**request)
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
