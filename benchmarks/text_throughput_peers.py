"""An epoch over texts in PyTorch or Keras, for ``text_throughput.py``, which starts this in an environment of its own.

    python benchmarks/text_throughput_peers.py torch|keras TEXTS.npz
"""

from __future__ import annotations

import sys
import time
from typing import Callable

import numpy as np

BATCH_SIZE, RATE = 64, 1e-3


def serve(peer: str, file: str) -> None:
    """Trains for an epoch and prints its seconds, each time a line comes in."""
    data = np.load(file)
    arrays, sizes = (data[name] for name in ("inputs", "lengths", "labels")), (int(data["words"]), int(data["size"]))
    epoch = {"torch": torch_epoch, "keras": keras_epoch}[peer](*arrays, *sizes)
    for number, _ in enumerate(sys.stdin):
        start = time.perf_counter()
        epoch(number)
        print(time.perf_counter() - start, flush=True)


def torch_epoch(
    inputs: np.ndarray, lengths: np.ndarray, labels: np.ndarray, words: int, size: int
) -> Callable[[int], None]:
    """Returns an epoch in PyTorch: pools of 50 batches, each sorted by length, padded to the longest of a batch."""
    import torch

    torch.manual_seed(0)
    embedding = torch.nn.Embedding(words + 2, size)
    lstm = torch.nn.LSTM(size, size, bidirectional=True)
    head = torch.nn.Linear(2 * size, 2)
    optimizer = torch.optim.Adam([*embedding.parameters(), *lstm.parameters(), *head.parameters()], lr=RATE)
    texts, targets = torch.tensor(inputs), torch.tensor(labels).long()

    def epoch(number: int) -> None:
        rng = np.random.default_rng(number)
        pools = np.array_split(rng.permutation(len(labels)), range(50 * BATCH_SIZE, len(labels), 50 * BATCH_SIZE))
        order = np.concatenate([pool[np.argsort(lengths[pool], kind="stable")] for pool in pools])
        for start in rng.permutation(range(0, len(order), BATCH_SIZE)):
            batch = order[start : start + BATCH_SIZE]
            tokens = texts[batch, : lengths[batch].max()].T
            optimizer.zero_grad()
            logits = head(lstm(embedding(tokens))[0].amax(dim=0))
            torch.nn.functional.cross_entropy(logits, targets[batch]).backward()
            optimizer.step()

    return epoch


def keras_epoch(
    inputs: np.ndarray, lengths: np.ndarray, labels: np.ndarray, words: int, size: int
) -> Callable[[int], None]:
    """Returns an epoch in Keras, of texts padded to one length."""
    import keras

    keras.utils.set_random_seed(0)
    layers = [
        keras.Input((inputs.shape[1],)),
        keras.layers.Embedding(words + 2, size),
        keras.layers.Bidirectional(keras.layers.LSTM(size, return_sequences=True)),
        keras.layers.GlobalMaxPooling1D(),
        keras.layers.Dense(2),
    ]
    model = keras.Sequential(layers)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(RATE), loss=loss)
    return lambda number: model.fit(inputs, labels, batch_size=BATCH_SIZE, epochs=1, verbose=0)


if __name__ == "__main__":
    serve(*sys.argv[1:])
