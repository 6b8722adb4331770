"""Times the checks of a batch against the training step that follows them.

    python benchmarks/guards.py

For the preset ``default`` on images of MNIST's size, and for ``text`` on made-up texts as long as TREC's questions and
as IMDB's reviews. In one process, in turn, medians over the rounds:

* ``check``: ``check_batch`` over batches as ``train`` draws them;
* ``step``: drawing, checking and learning from these batches, as ``train`` does.
"""

from __future__ import annotations

import argparse
import statistics
import time
from functools import partial
from itertools import islice
from typing import Callable, Dict, List

import numpy as np
from common import summarize, write_result
from step_time import made_up_images

import gluon_lstm.runtime as runtime
from gluon_lstm.config import Config, preset
from gluon_lstm.data import SequenceDataset, TextDataset, TextReader, check_batch, iterate_batches
from gluon_lstm.data.encoding import TextFormat, Tokenization, TokenSequences

STEPS = 12
TEXTS, WORDS = 2_000, 30_000
QUESTION, REVIEW = 10, 200
"""Median tokens of made-up texts; half of all lie between two thirds and one and a half of it."""
SPREAD = 0.6
CHECKS = 50
"""Times that each batch is checked, so that a check is long enough to be timed."""
MOST_SHARE = 0.02
"""Of a step that the check of its batch may take."""


def main() -> None:
    """Measures both presets and writes ``docs/results/guards.json``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7, help="rounds, of which the median counts (default: 7)")
    arguments = parser.parse_args()
    runtime.prepare()
    figures = {name: measure(preset(name.partition(" ")[0]), make, arguments.rounds) for name, make in DATASETS.items()}
    shares = {name: values["median_check"] / values["median_step"] for name, values in figures.items()}
    write_result(
        "guards", {"milliseconds": figures, "check_to_step": shares, "most": MOST_SHARE, **runtime.describe()}
    )
    print({name: f"{share:.2%}" for name, share in shares.items()})
    if max(shares.values()) > MOST_SHARE:
        raise SystemExit(f"a check takes more than {MOST_SHARE:.0%} of a step")


def measure(config: Config, make: Callable[[Config], SequenceDataset], rounds: int) -> Dict[str, object]:
    """Returns the milliseconds a batch of check and step in each round, after two rounds that do not count."""
    functions = timers(config, make(config))
    figures: Dict[str, List[float]] = {name: [] for name in functions}
    for number in range(rounds + 2):
        for name, function in functions.items():
            start = time.perf_counter()
            count = function()
            if number >= 2:
                figures[name].append((time.perf_counter() - start) / count * 1000)
    medians = {f"median_{name}": statistics.median(values) for name, values in figures.items()}
    return {**{name: summarize(values) for name, values in figures.items()}, **medians}


def timers(config: Config, dataset: SequenceDataset) -> Dict[str, Callable[[], int]]:
    """Returns the functions to time; each says how many batches it went through."""
    import mxnet as mx

    from gluon_lstm.training import prepare_training
    from gluon_lstm.training.epoch import Tally, train_epoch

    runtime.seed_everything(0)
    stepper = prepare_training(config, dataset, [mx.cpu()]).stepper

    def drawn():
        return islice(iterate_batches(dataset, config.training.batch_size, (0,)), STEPS)

    batches = list(drawn())

    def check() -> int:
        for batch in batches:
            for _ in range(CHECKS):
                check_batch(batch, dataset)
        return CHECKS * len(batches)

    def step() -> int:
        train_epoch(drawn(), stepper.step, lambda number: 1e-3, 0, Tally(), lambda: False)
        mx.nd.waitall()
        return len(batches)

    return {"check": check, "step": step}


def made_up_texts(config: Config, median: int) -> TextDataset:
    """Returns texts of random tokens and labels, some tokens long."""
    rng = np.random.default_rng(0)
    lengths = rng.lognormal(np.log(median), SPREAD, TEXTS).astype(np.int64).clip(1, config.text.max_length)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    tokenization = Tokenization.from_config(config.text)
    reader = TextReader(TextFormat(tokenization, ("<unk>", "<pad>", *map(str, range(2, WORDS)))))
    return TextDataset(
        name="made-up",
        split="train",
        texts=[""] * TEXTS,
        sequences=TokenSequences(rng.integers(2, WORDS, offsets[-1]).astype(np.int32), offsets),
        scores=None,
        labels=rng.integers(0, 2, TEXTS).astype(np.int32),
        class_names=("negative", "positive"),
        reader=reader,
        word_dropout=config.text.word_dropout,
    )


DATASETS: Dict[str, Callable[[Config], SequenceDataset]] = {
    "default": made_up_images,
    "text on questions": partial(made_up_texts, median=QUESTION),
    "text on reviews": partial(made_up_texts, median=REVIEW),
}


if __name__ == "__main__":
    main()
