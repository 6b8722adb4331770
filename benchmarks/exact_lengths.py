"""Times an epoch over padded texts: lengths handled exactly, against forms that ignore them.

    GLUON_LSTM_DATA=DIR python benchmarks/exact_lengths.py

2,000 reviews of IMDB, at most 400 tokens, 20,000 words, embedding 128, one
bidirectional LSTM of 128, maximum over time, Adam, batches of 64 reviews of
nearly equal length. In one process, in turn, medians over the rounds:

* ``ours``: ``LSTMEncoder`` with lengths: padding changes nothing;
* ``fused``: the same with Gluon's bidirectional LSTM, which ignores lengths: padding changes the results;
* ``per_direction``: the same with one Gluon LSTM a direction, the backward one between two ``SequenceReverse``: exact;
* ``two_operators``: the same with one Gluon LSTM a direction and nothing reversed: no form with an operator a
  direction, such as one that reverses the words' numbers before the embedding, can be faster;
* ``operator``: Gluon's bidirectional LSTM alone, forward and backward, on made-up inputs of the batches' shapes;
* ``gluon``: as one writes it with Gluon alone: bidirectional LSTM, ``max``, ``Trainer`` with Adam; lengths ignored.

The first four share pooling and step. With PyTorch installed beside, as a result needs it: ``torch`` (lengths ignored)
and ``torch_packed`` (exact). Before anything is timed, the exact forms must compute the same outputs from the
same weights on a padded batch, and those that ignore lengths must not.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import re
import statistics
import time
from collections import Counter
from pathlib import Path
from typing import Callable, Dict, List

import numpy as np
from common import summarize, write_result

import gluon_lstm.runtime as runtime
from gluon_lstm.config import TrainingConfig
from gluon_lstm.data import Batch

REVIEWS, WORDS, MOST_TOKENS, BATCH_SIZE = 2_000, 20_000, 400, 64
EMBEDDING, HIDDEN = 128, 128
RATE = 1e-3
ONCE = ("torch_packed",)
"""Forms so slow that one epoch, in the last round, has to do."""
EXACT = ("ours", "per_direction", "torch_packed")
"""Forms whose outputs at a sequence's steps do not depend on its padding."""
SAME = 1e-4
"""Largest difference between outputs of forms that compute the same."""


def main() -> None:
    """Measures every form and writes ``docs/results/exact-lengths.json``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--data-dir", default=os.environ.get("GLUON_LSTM_DATA", "."),
        help="folder that holds imdb/train.jsonl.gz (default: $GLUON_LSTM_DATA)",
    )  # fmt: skip
    parser.add_argument("--rounds", type=int, default=3, help="rounds, of which the median counts (default: 3)")
    parser.add_argument("--only", nargs="*", help="forms to time (default: all)")
    arguments = parser.parse_args()
    runtime.prepare()
    if not arguments.only and "torch" not in forms():
        parser.error("a result needs PyTorch beside; install it, or name forms with --only")
    batches = read_batches(Path(arguments.data_dir) / "imdb" / "train.jsonl.gz")
    check_forms(max((batch.lengths for batch in batches), key=np.std), HIDDEN, EMBEDDING)
    epochs = {name: make for name, make in forms().items() if not arguments.only or name in arguments.only}
    seconds = measure({name: make() for name, make in epochs.items()}, batches, arguments.rounds)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    print({name: round(value, 2) for name, value in medians.items()})
    if not arguments.only:
        write_result(
            "exact-lengths",
            {
                "seconds": {name: summarize(values) for name, values in seconds.items()},
                "median_seconds": medians,
                "ours_to_fused": medians["ours"] / medians["fused"],
                "ours_to_per_direction": medians["ours"] / medians["per_direction"],
                "padding_share": 1 - sum(b.lengths.sum() for b in batches) / sum(b.inputs.size for b in batches),
                **runtime.describe(),
            },
        )


def check_forms(lengths: np.ndarray, hidden: int, embedding: int) -> Dict[str, float]:
    """Returns how far each form's outputs are from ours on a batch of random numbers with some lengths.

    Raises:
        SystemExit: an exact form computes other numbers, or one that ignores lengths computes the same.
    """
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((lengths.max(), len(lengths), embedding), dtype=np.float32)
    outputs = outputs_of_forms(inputs, lengths, hidden)
    valid = np.arange(len(inputs))[:, None] < lengths
    apart = {name: float(np.abs(found - outputs["ours"])[valid].max()) for name, found in outputs.items()}
    for name, difference in apart.items():
        print(f"{name}: {'exact' if name in EXACT else 'ignores lengths'}, differs from ours by {difference:.1e}")
        if (name in EXACT) != (difference <= SAME):
            raise SystemExit(f"{name} does not compute what it is said to, so its time would not compare")
    return apart


def outputs_of_forms(inputs: np.ndarray, lengths: np.ndarray, hidden: int) -> Dict[str, np.ndarray]:
    """Returns the outputs (T, N, 2·H) of each form with the same weights for embedded inputs (T, N, C)."""
    import mxnet as mx

    from gluon_lstm.nn import get_arrays, set_arrays
    from gluon_lstm.nn.exchange import to_torch

    runtime.seed_everything(0)
    blocks = {name: make(hidden, inputs.shape[2]) for name, make in encoders().items()}
    for block in blocks.values():
        block.initialize()
    weights = get_arrays(blocks["ours"])
    for name, block in blocks.items():
        # All of them have the same parameters in the same order, under other names.
        set_arrays(block, dict(zip(get_arrays(block), weights.values())), name)
    arguments = mx.nd.array(inputs), mx.nd.array(lengths)
    outputs = {name: block(*arguments).asnumpy() for name, block in blocks.items()}
    if "torch" in forms():
        outputs.update(outputs_of_torch(inputs, lengths, to_torch(weights, "encoder.")))
    return outputs


def outputs_of_torch(inputs: np.ndarray, lengths: np.ndarray, state: Dict[str, np.ndarray]) -> Dict[str, np.ndarray]:
    """Returns the outputs (T, N, 2·H) of PyTorch's two forms with some weights."""
    import torch

    lstm = torch.nn.LSTM(inputs.shape[2], state["weight_hh_l0"].shape[1], bidirectional=True)
    lstm.load_state_dict({name: torch.from_numpy(array) for name, array in state.items()})
    with torch.inference_mode():
        return {
            name: run_torch(lstm, torch.from_numpy(inputs), lengths, packed).numpy()
            for name, packed in (("torch", False), ("torch_packed", True))
        }


def measure(
    epochs: Dict[str, Callable[[List[Batch]], None]], batches: List[Batch], rounds: int
) -> Dict[str, List[float]]:
    """Returns the seconds an epoch of each form in each round, after a round that does not count."""
    seconds: Dict[str, List[float]] = {name: [] for name in epochs}
    for number in range(rounds + 1):
        for name, epoch in epochs.items():
            if name in ONCE and number < rounds:
                continue
            start = time.perf_counter()
            epoch(batches)
            if number:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def read_batches(path: Path) -> List[Batch]:
    """Returns the reviews as batches of word numbers (T, N) int32, sorted by length, in a random order."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    rng = np.random.default_rng(0)
    chosen = [lines[index] for index in rng.choice(len(lines), REVIEWS, replace=False)]
    texts = [re.findall(r"\w+|[^\w\s]", line["text"].lower())[-MOST_TOKENS:] for line in chosen]
    counts = Counter(word for text in texts for word in text)
    numbers = {word: number for number, (word, _) in enumerate(counts.most_common(WORDS - 2), 2)}
    order = sorted(range(REVIEWS), key=lambda index: len(texts[index]))
    names = sorted({line["label"] for line in chosen})
    starts = rng.permutation(range(0, REVIEWS, BATCH_SIZE))
    batches = []
    for start in starts:
        indices = order[start : start + BATCH_SIZE]
        lengths = np.array([len(texts[index]) for index in indices], np.int32)
        inputs = np.zeros((lengths.max(), len(indices)), np.int32)
        for column, index in enumerate(indices):
            inputs[: lengths[column], column] = [numbers.get(word, 1) for word in texts[index]]
        labels = np.array([names.index(chosen[index]["label"]) for index in indices], np.int32)
        batches.append(Batch(inputs, lengths, labels, np.array(indices)))
    return batches


def forms() -> Dict[str, Callable[[], Callable[[List[Batch]], None]]]:
    """Returns functions that make the function that trains for one epoch, by the form's name."""
    found = {name: lambda name=name: stepped(name) for name in ("ours", "fused", "per_direction", "two_operators")}
    found.update(operator=operator_alone, gluon=gluon_alone)
    try:
        import torch  # noqa: F401 - whether it is there
    except ImportError:
        return found
    return {**found, "torch": lambda: pytorch(False), "torch_packed": lambda: pytorch(True)}


def encoders() -> Dict[str, Callable]:
    """Returns what makes, of H and C, blocks that read embedded words (T, N, C), lengths (N,) and give (T, N, 2·H)."""
    from mxnet.gluon import HybridBlock, rnn

    from gluon_lstm.nn import LSTMEncoder, SequenceBlock

    class Ours(SequenceBlock):
        def __init__(self, hidden, embedding):
            super().__init__()
            self.encoder = LSTMEncoder(hidden, embedding, bidirectional=True)

        def hybrid_forward(self, F, inputs, lengths):
            return self.encoder(inputs, lengths)[0]

    class Fused(HybridBlock):
        def __init__(self, hidden, embedding):
            super().__init__()
            self.lstm = rnn.LSTM(hidden, bidirectional=True, input_size=embedding)

        def hybrid_forward(self, F, inputs, lengths):
            return self.lstm(inputs)

    class PerDirection(HybridBlock):
        def __init__(self, hidden, embedding):
            super().__init__()
            self.ahead, self.back = (rnn.LSTM(hidden, input_size=embedding) for _ in range(2))

        def hybrid_forward(self, F, inputs, lengths):
            def turned(sequence):
                return F.SequenceReverse(sequence, lengths, use_sequence_length=True)

            return F.concat(self.ahead(inputs), turned(self.back(turned(inputs))), dim=2)

    class TwoOperators(PerDirection):
        def hybrid_forward(self, F, inputs, lengths):
            return F.concat(self.ahead(inputs), self.back(inputs), dim=2)

    return {"ours": Ours, "fused": Fused, "per_direction": PerDirection, "two_operators": TwoOperators}


def stepped(name: str) -> Callable[[List[Batch]], None]:
    """Returns an epoch of one encoder with our pooling and step."""
    import mxnet as mx
    from mxnet.gluon import nn

    from gluon_lstm.nn import Pooling, SequenceBlock
    from gluon_lstm.training import Stepper

    class Net(SequenceBlock):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(WORDS, EMBEDDING)
            self.encoder = encoders()[name](HIDDEN, EMBEDDING)
            self.pooling = Pooling("max")
            self.head = nn.Dense(2, in_units=2 * HIDDEN)

        def hybrid_forward(self, F, inputs, lengths):
            # The pooling leaves out the padding in all forms, so that only the encoders differ.
            return self.head(self.pooling(self.encoder(self.embedding(inputs), lengths), lengths, None))

    runtime.seed_everything(0)
    net = Net()
    net.initialize(mx.init.Xavier())
    net.hybridize(static_alloc=True, static_shape=True)
    stepper = Stepper(net, TrainingConfig(optimizer="adam", clip_norm=0.0), [mx.cpu()])

    def epoch(batches: List[Batch]) -> None:
        for batch in batches:
            stepper.step(batch, RATE)
        mx.nd.waitall()

    return epoch


def operator_alone() -> Callable[[List[Batch]], None]:
    """Returns an epoch of the bare operator, forward and backward; no parameter is updated."""
    import mxnet as mx
    from mxnet.gluon import rnn

    lstm = rnn.LSTM(HIDDEN, bidirectional=True, input_size=EMBEDDING)
    lstm.initialize()
    lstm.hybridize(static_alloc=True, static_shape=True)

    made: Dict[int, mx.nd.NDArray] = {}  # by a batch's number, in the round that does not count

    def epoch(batches: List[Batch]) -> None:
        for number, batch in enumerate(batches):
            if number not in made:
                made[number] = mx.nd.random.normal(shape=(*batch.inputs.shape, EMBEDDING))
                made[number].attach_grad()
            with mx.autograd.record():
                outputs = lstm(made[number])
            outputs.backward()
        mx.nd.waitall()

    return epoch


def gluon_alone() -> Callable[[List[Batch]], None]:
    """Returns an epoch of Gluon's own layers, with its own trainer."""
    import mxnet as mx
    from mxnet.gluon import nn, rnn

    runtime.seed_everything(0)
    net = nn.HybridSequential()
    net.add(nn.Embedding(WORDS, EMBEDDING), rnn.LSTM(HIDDEN, bidirectional=True, input_size=EMBEDDING))
    net.add(nn.HybridLambda(lambda F, outputs: F.max(outputs, axis=0)), nn.Dense(2, in_units=2 * HIDDEN))
    net.initialize(mx.init.Xavier())
    net.hybridize(static_alloc=True, static_shape=True)
    trainer = mx.gluon.Trainer(net.collect_params(), "adam", {"learning_rate": RATE})
    loss = mx.gluon.loss.SoftmaxCrossEntropyLoss()
    loss.hybridize(static_alloc=True)

    def epoch(batches: List[Batch]) -> None:
        for batch in batches:
            inputs, labels = (mx.nd.array(array, dtype="int32") for array in (batch.inputs, batch.labels))
            with mx.autograd.record():
                losses = loss(net(inputs), labels)
            losses.backward()
            trainer.step(len(labels))
        mx.nd.waitall()

    return epoch


def pytorch(packed: bool) -> Callable[[List[Batch]], None]:
    """Returns an epoch of PyTorch's layers: padding read as if it were text, or packed away."""
    import torch

    torch.manual_seed(0)
    embedding = torch.nn.Embedding(WORDS, EMBEDDING)
    lstm = torch.nn.LSTM(EMBEDDING, HIDDEN, bidirectional=True)
    head = torch.nn.Linear(2 * HIDDEN, 2)
    optimizer = torch.optim.Adam([*embedding.parameters(), *lstm.parameters(), *head.parameters()], lr=RATE)

    def pooled(batch: Batch):
        return run_torch(lstm, embedding(torch.tensor(batch.inputs)), batch.lengths, packed).amax(dim=0)

    def epoch(batches: List[Batch]) -> None:
        for batch in batches:
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(head(pooled(batch)), torch.tensor(batch.labels).long())
            loss.backward()
            optimizer.step()

    return epoch


def run_torch(lstm, embedded, lengths: np.ndarray, packed: bool):
    """Returns PyTorch's outputs (T, N, 2·H), which packed sequences have -1e30 after their ends."""
    import torch
    from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

    if not packed:
        return lstm(embedded)[0]
    sequences = pack_padded_sequence(embedded, torch.tensor(lengths).long(), enforce_sorted=False)
    return pad_packed_sequence(lstm(sequences)[0], padding_value=-1e30)[0]


if __name__ == "__main__":
    main()
