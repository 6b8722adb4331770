"""Times an epoch of training on texts, from token numbers in memory to updated weights, beside PyTorch and Keras.

    GLUON_LSTM_DATA=DIR python benchmarks/text_throughput.py --peers .venv-peers/bin/python

2,000 reviews of IMDB, at most 400 tokens, 20,000 words, embedding 128, one
bidirectional LSTM of 128, maximum over time, Adam, batches of 64. In turn, medians over the rounds:

* ``ours``: the loop of ``gluon-lstm train``: buckets of similar length drawn anew each epoch, exact lengths;
* ``torch``: the same buckets, padded, with lengths ignored, in PyTorch; in a process of its own;
* ``keras``: ``fit`` on texts padded to 400, without a mask; in a process of its own, with the Python of ``--peers``.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Callable, Dict, List

import numpy as np
from common import plain_environment, summarize, write_result

import gluon_lstm.runtime as runtime
from gluon_lstm.config import Config, merge
from gluon_lstm.data import SequenceDataset, iterate_batches, load_splits

REVIEWS, BATCH_SIZE, MOST_TOKENS, WORDS, SIZE = 2_000, 64, 400, 20_000, 128
RATE = 1e-3
CONFIG = {
    "data": {"dataset": "imdb", "limit_train": REVIEWS},
    "text": {"max_length": MOST_TOKENS, "vocabulary_size": WORDS},
    "model": {"embedding_size": SIZE, "embedding_dropout": 0.0, "hidden_size": SIZE, "dropout": 0.0, "pooling": "max"},
    "training": {"batch_size": BATCH_SIZE, "clip_norm": 0.0},
}


def main() -> None:
    """Measures all that is installed and writes ``docs/results/text-throughput.json``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="rounds, of which the median counts (default: 3)")
    parser.add_argument("--peers", help="Python that has Keras (default: Keras is left out)")
    arguments = parser.parse_args()
    runtime.prepare()
    dataset = load_splits(merge(Config(), CONFIG)).train
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "texts.npz"
        np.savez(file, inputs=padded(dataset), lengths=dataset.lengths, labels=dataset.labels, words=WORDS, size=SIZE)
        pythons = {"torch": sys.executable, **({"keras": arguments.peers} if arguments.peers else {})}
        epochs = {"ours": our_epoch(dataset), **{name: Peer(name, pythons[name], file) for name in pythons}}
        seconds = measure(epochs, arguments.rounds)
    tokens = int(dataset.lengths.sum())
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    write_result(
        "text-throughput",
        {
            "seconds": {name: summarize(values) for name, values in seconds.items()},
            "tokens": tokens,
            "tokens_per_second": {name: tokens / value for name, value in medians.items()},
            "ours_to": {name: medians[name] / medians["ours"] for name in pythons},
            **runtime.describe(),
        },
    )
    print({name: f"{tokens / value:,.0f} tokens/s" for name, value in medians.items()})


def measure(epochs: Dict[str, Callable[[], float]], rounds: int) -> Dict[str, List[float]]:
    """Returns the seconds of each epoch in each round, after a round that does not count."""
    seconds: Dict[str, List[float]] = {name: [] for name in epochs}
    for number in range(rounds + 1):
        for name, epoch in epochs.items():
            taken = epoch()
            if number:
                seconds[name].append(taken)
    return seconds


def padded(dataset: SequenceDataset) -> np.ndarray:
    """Returns the token numbers of all texts (M, 400) int32, padded at their ends."""
    inputs = dataset.batch(np.arange(len(dataset))).inputs.T
    return np.pad(inputs, ((0, 0), (0, MOST_TOKENS - inputs.shape[1])))


def our_epoch(dataset: SequenceDataset) -> Callable[[], float]:
    """Returns a function that trains for an epoch as ``gluon-lstm train`` does, and returns its seconds."""
    from gluon_lstm.training import prepare_training
    from gluon_lstm.training.epoch import Tally, train_epoch

    runtime.seed_everything(0)
    config = merge(Config(), CONFIG)
    stepper = prepare_training(config, dataset, runtime.devices("cpu")).stepper
    number = iter(range(1, 1_000))

    def epoch() -> float:
        start, tally = time.perf_counter(), Tally()
        batches = iterate_batches(dataset, BATCH_SIZE, (0, next(number)))
        train_epoch(batches, stepper.step, lambda step: RATE, 0, tally, lambda: False)
        tally.read_all()
        return time.perf_counter() - start

    return epoch


class Peer:
    """An epoch in another process, which computes only while it is called; returns its seconds.

    Args:
        name: ``torch`` or ``keras``.
        python: its Python.
        file: NumPy archive of the texts.
    """

    def __init__(self, name: str, python: str, file: Path) -> None:
        command = [python, str(Path(__file__).with_name("text_throughput_peers.py")), name, str(file)]
        environment = {**plain_environment(), "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment)

    def __call__(self) -> float:
        self._process.stdin.write("epoch\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


if __name__ == "__main__":
    main()
