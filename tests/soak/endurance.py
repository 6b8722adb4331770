"""Trains and evaluates in one process, with shapes at random, and watches the process's memory.

    python tests/soak/endurance.py --minutes 120

A round trains a small net of options at random with ``train``, evaluates it with all
plots and pages, and takes steps with one long-lived net on batches of random sizes.
The mean resident size over the last five minutes is compared with that over the five
that follow the first ten.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple, Sequence

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import numpy as np  # noqa: E402 - the checkout's own modules, from any folder
from memory import CLASSES, FEATURES, random_batch, resident_mib  # noqa: E402

from gluon_lstm import runtime  # noqa: E402

MOST_GROWTH = 0.05
SETTLING, WINDOW = 10.0, 5.0
"""Minutes after which the first size is taken, and those over which a mean is."""
STEPS_A_ROUND = 200


class Sample(NamedTuple):
    """The process after a round: minutes since its start, and resident size in MiB."""

    minutes: float
    resident_mib: float


def main() -> None:
    """Watches the memory for as long as asked, prints what came out, and writes ``docs/results/endurance.json``."""
    from common import write_result

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=120.0, help="(default: 120)")
    parser.add_argument("--seed", type=int, default=0, help="seed of options and shapes (default: 0)")
    arguments = parser.parse_args()
    if arguments.minutes < SETTLING + 2 * WINDOW:
        parser.error(f"--minutes {arguments.minutes:g}: must be at least {SETTLING + 2 * WINDOW:g}")
    runtime.prepare()
    start, samples = time.monotonic(), []
    for _ in rounds(random.Random(arguments.seed)):
        samples.append(Sample((time.monotonic() - start) / 60, resident_mib()))
        print(f"{samples[-1].minutes:6.1f} min  {samples[-1].resident_mib:7.0f} MiB", flush=True)
        if samples[-1].minutes >= arguments.minutes:
            break
    figures = {**growth(samples), "rounds": len(samples), "steps_on_random_shapes": STEPS_A_ROUND * len(samples)}
    print(figures)
    write_result("endurance", {**figures, "samples": [sample._asdict() for sample in samples]})
    if figures["growth"] > MOST_GROWTH:
        raise SystemExit(f"memory grew by {figures['growth']:.1%}, more than {MOST_GROWTH:.0%}")


def growth(samples: Sequence[Sample]) -> Dict[str, float]:
    """Returns the mean sizes after the first minutes and in the last, and by what share they grew."""
    end = samples[-1].minutes
    settled = statistics.fmean(s.resident_mib for s in samples if SETTLING <= s.minutes < SETTLING + WINDOW)
    last = statistics.fmean(s.resident_mib for s in samples if s.minutes >= end - WINDOW)
    return {"minutes": end, "settled_mib": settled, "end_mib": last, "growth": last / settled - 1}


def rounds(rng: random.Random) -> Iterator[None]:
    """Takes one round after the other, without an end."""
    steps = steps_on_random_shapes(np.random.default_rng(rng.getrandbits(32)))
    while True:
        with tempfile.TemporaryDirectory() as folder:
            run = str(Path(folder) / "run")
            run_command(["train", *random_options(rng), "--output", run])
            run_command(["evaluate", run])
        next(steps)
        runtime.free_memory()
        yield


def random_options(rng: random.Random) -> List[str]:
    """Returns options of a training of a few seconds, on images or texts."""
    data = rng.choice((["digits", "--view", rng.choice(("rows", "columns", "pixels"))], ["sentences"]))
    options = {
        "--limit-train": rng.randint(100, 400),
        "--epochs": rng.randint(1, 2),
        "--hidden-size": rng.randint(4, 48),
        "--num-layers": rng.randint(1, 2),
        "--batch-size": rng.randint(8, 64),
        "--dropout": rng.choice((0.0, 0.3)),
        "--seed": rng.randrange(1000),
    }
    return ["--dataset", *data, *(str(part) for pair in options.items() for part in pair)]


def run_command(arguments: Sequence[str]) -> None:
    """Runs a command of the project in this process, which must succeed; what it prints is shown where not."""
    from gluon_lstm.cli import main as command

    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = command(list(arguments))
    if code:
        raise SystemExit(f"{' '.join(arguments)}: ended with code {code}\n{said.getvalue()}")


def steps_on_random_shapes(rng: np.random.Generator) -> Iterator[None]:
    """Trains one net of two bidirectional layers, each turn on a number of batches of random lengths and sizes."""
    import mxnet as mx

    from gluon_lstm import SequenceClassifier
    from gluon_lstm.config import TrainingConfig
    from gluon_lstm.training import Stepper

    net = SequenceClassifier(CLASSES, FEATURES, 32, num_layers=2, dropout=0.2, bidirectional=True, pooling="mean+max")
    net.initialize()
    net.hybridize(static_alloc=True, static_shape=True)
    stepper = Stepper(net, TrainingConfig(), [mx.cpu()])
    while True:
        for _ in range(STEPS_A_ROUND):
            stepper.step(random_batch(rng), 1e-3)
        mx.nd.waitall()
        yield


if __name__ == "__main__":
    main()
