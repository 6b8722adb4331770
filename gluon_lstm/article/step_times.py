"""Times of training steps, in a process of its own: MXNet takes its number of threads when it is imported, once."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any, Callable, Dict, List, NamedTuple, Sequence

ROOT = Path(__file__).resolve().parents[2]
CODE = "from gluon_lstm.article.step_times import main; main()"
RATE = 1e-3
"""Learning rate; it is no matter for the time."""
MOST_SECONDS = 3600


class Case(NamedTuple):
    """A net whose training step is timed.

    Attributes:
        model: options of the model, as a configuration's section has them.
        steps: T.
        hybridized: whether it is compiled to a graph; else each operation is called from Python.
    """

    model: Dict[str, Any]
    steps: int
    hybridized: bool = True


class Measurement(NamedTuple):
    """How the cases are timed.

    Attributes:
        batch_size: N, sequences a step.
        features: C, numbers of a time step.
        classes: K.
        rounds: times that each case is timed, all of them in turn, in another order each round.
        updates: training steps in a round.
        seed: of weights, data and order.
    """

    batch_size: int
    features: int
    classes: int
    rounds: int
    updates: int
    seed: int


def time_in_process(cases: Sequence[Case], measurement: Measurement, threads: int) -> List[float]:
    """Returns each case's milliseconds a training step, timed in a new process with so many threads.

    Raises:
        subprocess.CalledProcessError: the process ended with an error, which it has printed.
        subprocess.TimeoutExpired: it takes more than an hour.
    """
    request = {"cases": [case._asdict() for case in cases], "measurement": measurement._asdict()}
    done = subprocess.run(
        [sys.executable, "-c", CODE], input=json.dumps(request), stdout=subprocess.PIPE, text=True, check=True,
        cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": str(threads)}, timeout=MOST_SECONDS,
    )  # fmt: skip
    return json.loads(done.stdout)


def main() -> None:
    """Reads cases from standard input and writes their times to standard output, as JSON."""
    request = json.loads(sys.stdin.readline())
    cases = [Case(**case) for case in request["cases"]]
    print(json.dumps(time_cases(cases, Measurement(**request["measurement"]))))


def time_cases(cases: Sequence[Case], measurement: Measurement) -> List[float]:
    """Returns each case's milliseconds a training step: the median over the rounds, after one that does not count."""
    from gluon_lstm import runtime

    runtime.seed_everything(measurement.seed)
    timers = [_make_timer(case, measurement) for case in cases]
    order, times = random.Random(measurement.seed), [[] for _ in cases]
    for timer in timers:
        timer()
    for _ in range(measurement.rounds):
        for place in order.sample(range(len(timers)), len(timers)):
            times[place].append(timers[place]())
    return [median(values) for values in times]


def _make_timer(case: Case, measurement: Measurement) -> Callable[[], float]:
    """Returns a function that takes some training steps on made-up sequences, and returns the milliseconds of each."""
    import mxnet as mx

    from gluon_lstm.config import Config, merge
    from gluon_lstm.nn import build_net
    from gluon_lstm.training import Stepper

    config = merge(Config(), {"model": case.model})
    shape = (case.steps, measurement.features)
    net = build_net(config.model, shape, measurement.classes, [mx.cpu()])
    if not case.hybridized:
        net.hybridize(active=False)
    stepper, batch = Stepper(net, config.training, [mx.cpu()]), _make_batch(case.steps, measurement)

    def run() -> float:
        start = time.perf_counter()
        for _ in range(measurement.updates):
            stepper.step(batch, RATE)
        mx.nd.waitall()
        return 1000 * (time.perf_counter() - start) / measurement.updates

    return run


def _make_batch(steps: int, measurement: Measurement):
    """Returns a batch of normal numbers (T, N, C), and labels drawn at random."""
    import numpy as np

    from gluon_lstm.data import Batch

    rng, number = np.random.default_rng(measurement.seed), measurement.batch_size
    inputs = rng.standard_normal((steps, number, measurement.features), np.float32)
    labels = rng.integers(0, measurement.classes, number, dtype=np.int32)
    return Batch(inputs, None, labels, np.arange(number))
