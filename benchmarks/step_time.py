"""Times a training step of a preset as ``train`` takes it, against the same net with nothing around it.

    python benchmarks/step_time.py default

Six figures from one process, in turn, medians over the rounds, on MNIST's
shapes with made-up images:

* ``operator``: forward and backward of Gluon's own fused LSTM, no more;
* ``encoder``: forward and backward of our ``LSTMEncoder``'s outputs at all steps;
* ``bare``: Gluon's LSTM, its last output into a dense layer, the loss and Gluon's Adam, on one fixed batch;
* ``net``: forward and backward of the whole classifier on one fixed batch;
* ``update``: that and our optimizer, the gradient clipped;
* ``step``: what ``train`` does, by its own loop: draw and augment each batch, step, read loss and accuracy,
  show the progress, seed the random streams anew every hundred steps, and see whether a checkpoint is due.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from typing import Callable, Dict, List

import numpy as np
from common import summarize, write_result

import gluon_lstm.runtime as runtime
from gluon_lstm.config import Config, preset

STEPS = 30
SAMPLES = 20_000


def main() -> None:
    """Measures all figures and writes ``docs/results/step-time-PRESET.json``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("preset")
    parser.add_argument("--rounds", type=int, default=11, help="rounds, of which the median counts (default: 11)")
    arguments = parser.parse_args()
    config = preset(arguments.preset)
    runtime.prepare(config.runtime.threads)
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(timers(config, folder), arguments.rounds)
    medians = {name: statistics.median(values) for name, values in figures.items()}
    write_result(
        f"step-time-{arguments.preset}",
        {
            "milliseconds": {name: summarize(values) for name, values in figures.items()},
            "median_milliseconds": medians,
            "steps_a_round": STEPS,
            **runtime.describe(),
        },
    )
    print({name: round(value, 2) for name, value in medians.items()})


def measure(functions: Dict[str, Callable[[], None]], rounds: int) -> Dict[str, List[float]]:
    """Returns the milliseconds a step of each function in each round, the first two rounds left out."""
    figures: Dict[str, List[float]] = {name: [] for name in functions}
    for _ in range(rounds + 2):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            figures[name].append((time.perf_counter() - start) / STEPS * 1000)
    return {name: values[2:] for name, values in figures.items()}


def timers(config: Config, folder: str) -> Dict[str, Callable[[], None]]:
    """Returns the functions to time; each takes ``STEPS`` steps and waits for them.

    Args:
        config: what is trained.
        folder: where checkpoints go, if the configuration has any within an epoch.
    """
    import mxnet as mx

    from gluon_lstm.nn import build_net
    from gluon_lstm.training import Stepper

    runtime.seed_everything(0)
    dataset = made_up_images(config)
    net = build_net(config.model, dataset.step_shape, len(dataset.class_names), [mx.cpu()])
    stepper = Stepper(net, config.training, [mx.cpu()])
    batch = dataset.batch(np.arange(config.training.batch_size))
    inputs, labels = mx.nd.array(batch.inputs), mx.nd.array(batch.labels)
    loss = mx.gluon.loss.SoftmaxCrossEntropyLoss()
    loss.hybridize(static_alloc=True)

    def net_alone() -> None:
        for _ in range(STEPS):
            with mx.autograd.record():
                losses = loss(net(inputs), labels)
            losses.backward()
        mx.nd.waitall()

    def updates() -> None:
        for _ in range(STEPS):
            stepper.step(batch, 1e-3)
        mx.nd.waitall()

    operator = gluon_lstm_layer(config, inputs.shape[2])
    operator.initialize()
    return {
        "operator": forward_and_backward(operator, inputs),
        "encoder": forward_and_backward(outputs_alone(net.encoder), inputs),
        "bare": bare_timer(config, inputs, labels),
        "net": net_alone,
        "update": updates,
        "step": loop_timer(config, dataset, folder),
    }


def gluon_lstm_layer(config: Config, input_size: int):
    """Returns Gluon's own LSTM, of as many layers and directions as the model has."""
    import mxnet as mx

    model = config.model
    return mx.gluon.rnn.LSTM(
        model.hidden_size, model.num_layers, bidirectional=model.bidirectional, input_size=input_size
    )


def outputs_alone(encoder):
    """Returns a block that gives an encoder's outputs at all steps, so that its graph leaves out the last one."""
    from gluon_lstm.nn import SequenceBlock

    class Outputs(SequenceBlock):
        def __init__(self):
            super().__init__()
            self.encoder = encoder

        def hybrid_forward(self, F, inputs):
            return self.encoder(inputs)[0]

    return Outputs()


def forward_and_backward(block, inputs) -> Callable[[], None]:
    """Returns a function that runs a block forward and backward on fixed inputs, from the gradient of its outputs."""
    import mxnet as mx

    block.hybridize(static_alloc=True, static_shape=True)

    def run() -> None:
        for _ in range(STEPS):
            with mx.autograd.record():
                outputs = block(inputs)
            outputs.backward()
        mx.nd.waitall()

    return run


def bare_timer(config: Config, inputs, labels) -> Callable[[], None]:
    """Returns a function that trains the least there is around the fused operator, on a fixed batch."""
    import mxnet as mx

    net = mx.gluon.nn.HybridSequential()
    net.add(gluon_lstm_layer(config, inputs.shape[2]))
    net.add(mx.gluon.nn.HybridLambda(lambda F, x: F.squeeze(F.slice_axis(x, axis=0, begin=-1, end=None), axis=0)))
    net.add(mx.gluon.nn.Dense(10))
    net.initialize()
    net.hybridize(static_alloc=True, static_shape=True)
    trainer = mx.gluon.Trainer(net.collect_params(), "adam")
    loss = mx.gluon.loss.SoftmaxCrossEntropyLoss()
    loss.hybridize(static_alloc=True)

    def run() -> None:
        for _ in range(STEPS):
            with mx.autograd.record():
                losses = loss(net(inputs), labels)
            losses.backward()
            trainer.step(len(labels))
        mx.nd.waitall()

    return run


def loop_timer(config: Config, dataset, folder: str) -> Callable[[], None]:
    """Returns a function that takes the next ``STEPS`` steps of a training, as ``train`` takes them."""
    from itertools import islice

    import mxnet as mx

    from gluon_lstm.data import DataSplits, iterate_batches
    from gluon_lstm.rundir import RunDirectory
    from gluon_lstm.training import Fit, Progress
    from gluon_lstm.training.keeping import Keeper

    fitting = Fit(config, DataSplits(dataset, dataset, dataset), [mx.cpu()], Progress(config.training.epochs))
    keeper = Keeper(RunDirectory(folder), config.training.keep_checkpoints)

    def run() -> None:
        batches = iterate_batches(dataset, config.training.batch_size, (config.runtime.seed, 1))
        fitting.take_steps(islice(batches, STEPS), keeper)
        mx.nd.waitall()

    return run


def made_up_images(config: Config):
    """Returns random images of MNIST's shape, read and augmented as the configuration says."""
    from gluon_lstm.data.images import ImageDataset, image_options

    rng = np.random.default_rng(0)
    return ImageDataset(
        name="made-up",
        split="train",
        images=rng.integers(0, 256, (SAMPLES, 28, 28), dtype=np.uint8),
        labels=rng.integers(0, 10, SAMPLES).astype(np.int32),
        class_names=tuple("0123456789"),
        **image_options(config.data),
    )


if __name__ == "__main__":
    main()
