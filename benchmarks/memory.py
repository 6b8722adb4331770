"""Watches the memory of a process that trains on sequences of random lengths.

    python benchmarks/memory.py

Each step has a number of time steps and a batch size of its own. After every fiftieth of
the steps freed memory goes back to the system, as after an epoch of ``train``. The mean resident
size over the second fifth of the steps, when MXNet's memory pool has seen most shapes,
is compared with that over the last fifth.
"""

from __future__ import annotations

import argparse
import os
import statistics
from typing import TYPE_CHECKING, Dict, List, NamedTuple, Sequence

import numpy as np
from common import write_result

import gluon_lstm.runtime as runtime

if TYPE_CHECKING:
    from gluon_lstm.data import Batch

FEATURES, HIDDEN, CLASSES = 16, 32, 4
MOST_STEPS, MOST_SEQUENCES = 100, 32


class Size(NamedTuple):
    """The process in MiB: as it was, and once freed memory had gone back to the system."""

    resident: float
    trimmed: float


def main() -> None:
    """Takes the steps and writes ``docs/results/memory-IMPLEMENTATION.json``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=5_000, help="training steps (default: 5000)")
    parser.add_argument("--implementation", choices=("fused", "cell"), default="fused", help="(default: fused)")
    arguments = parser.parse_args()
    runtime.prepare()
    sizes = watch(arguments.steps, arguments.implementation)
    series = {"untrimmed_": [size.resident for size in sizes], "": [size.trimmed for size in sizes]}
    grown = {f"{prefix}{key}": value for prefix, of in series.items() for key, value in growth(of).items()}
    write_result(
        f"memory-{arguments.implementation}",
        {**{f"{prefix}resident_mib": values for prefix, values in series.items()}, **grown},
    )
    print(grown)


def growth(sizes: Sequence[float]) -> Dict[str, float]:
    """Returns the mean size in the second fifth and in the last, and by what share it grew."""
    fifth = len(sizes) // 5
    settled, end = statistics.fmean(sizes[fifth : 2 * fifth]), statistics.fmean(sizes[-fifth:])
    return {"settled_mib": settled, "end_mib": end, "growth": end / settled - 1}


def watch(steps: int, implementation: str) -> List[Size]:
    """Returns the resident size at fifty moments of a training over batches of random shapes."""
    import mxnet as mx

    from gluon_lstm import SequenceClassifier
    from gluon_lstm.config import TrainingConfig
    from gluon_lstm.training import Stepper

    runtime.seed_everything(0)
    net = SequenceClassifier(
        CLASSES, FEATURES, HIDDEN, bidirectional=True, pooling="mean+max", implementation=implementation
    )
    net.initialize()
    net.hybridize(static_alloc=True, static_shape=True)
    stepper, rng, sizes = Stepper(net, TrainingConfig(), [mx.cpu()]), np.random.default_rng(0), []
    for step in range(1, steps + 1):
        stepper.step(random_batch(rng), 1e-3)
        if step % (steps // 50) == 0:
            mx.nd.waitall()
            resident = resident_mib()
            runtime.trim_memory()
            sizes.append(Size(resident, resident_mib()))
    return sizes


def random_batch(rng: np.random.Generator) -> Batch:
    """Returns a batch of 1 to 32 sequences of 1 to 100 steps."""
    from gluon_lstm.data import Batch

    count, longest = rng.integers(1, MOST_SEQUENCES + 1), rng.integers(1, MOST_STEPS + 1)
    return Batch(
        rng.standard_normal((longest, count, FEATURES), dtype=np.float32),
        rng.integers(1, longest + 1, count).astype(np.int32),
        rng.integers(0, CLASSES, count).astype(np.int32),
        np.arange(count),
    )


def resident_mib() -> float:
    """Returns the process's resident size in MiB."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


if __name__ == "__main__":
    main()
