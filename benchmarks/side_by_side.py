"""Times our classifier beside the same one in PyTorch and Keras, from the same weights.

    python benchmarks/side_by_side.py                   # all shapes, as `make bench` does
    python benchmarks/side_by_side.py --shapes 0,3      # the first and the fourth
    python benchmarks/side_by_side.py --quick           # does it run? its times mean nothing

Every library first has to compute the same logits and loss, and its loss has to
fall as far in its first training steps; if one does not, nothing is written. Then
each in turn runs as many training steps, and as many forward passes, as fill about
0.3 s, round after round. Each library is a process of its own; while one is measured
the others are stopped, so that not even their waiting threads take part. Run it alone
on the machine.
"""

from __future__ import annotations

import argparse
import json
import math
import signal
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Sequence, Tuple

import numpy as np
from common import RESULTS, ROOT, plain_environment, write_result
from side_by_side_report import write_chart, write_table

from gluon_lstm.nn.exchange import to_keras, to_torch

OURS, *PEERS = LIBRARIES = ("gluon-lstm", "PyTorch", "Keras")
TASKS = ("train", "predict")
CLASSES = 10
LOGITS_TOLERANCE, LOSS_STEPS = 1e-4, 4
"""Largest difference of a logit, and of the first loss; steps after which the losses are compared."""
FALL_TOLERANCE = {"PyTorch": 0.01, "Keras": 0.15}
"""Largest relative difference of the fall of the loss.

Keras's cannot be equal: it has one bias where the others have two, of which Adam
moves both, so that their sum changes twice as fast.
"""


class Shape(NamedTuple):
    """What is computed: T steps of C features to H units, for N sequences at once."""

    num_steps: int
    input_size: int
    hidden_size: int
    batch_size: int
    num_layers: int = 1
    bidirectional: bool = False

    def __str__(self) -> str:
        kind = f"{', 2 layers' * (self.num_layers == 2)}{', bidirectional' * self.bidirectional}"
        return f"{self.num_steps} × {self.input_size} → {self.hidden_size}{kind}, batch {self.batch_size}"


SHAPES = (
    Shape(28, 28, 128, 128),
    Shape(784, 1, 50, 128),
    Shape(200, 128, 128, 64),
    Shape(50, 300, 150, 64, bidirectional=True),
    Shape(50, 100, 100, 64, num_layers=2, bidirectional=True),
    Shape(28, 28, 128, 1),
)


class Failure(Exception):
    """A library that computes other numbers than ours, or ends; the message is one line."""


class Worker:
    """A library in a process of its own, stopped except while it answers.

    Args:
        library: one of ``LIBRARIES``.
        python: Python that has it.
        threads: threads it may use.
    """

    def __init__(self, library: str, python: str, threads: int) -> None:
        self.library = library
        script = str(Path(__file__).with_name("side_by_side_worker.py"))
        self._process = subprocess.Popen(
            [python, script, library, str(threads)], cwd=ROOT, env=plain_environment(), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *error: Any) -> None:
        self._process.kill()
        self._process.communicate()

    def call(self, call: str, **arguments: Any) -> Any:
        """Lets the process answer one request, and stops it again."""
        self._process.send_signal(signal.SIGCONT)
        print(json.dumps({"call": call, **arguments}), file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        if not line:
            raise Failure(f"{self.library}: ended with exit code {self._process.wait()}; its error is above")
        self._process.send_signal(signal.SIGSTOP)
        return json.loads(line)


def main() -> int:
    """Checks and times every shape, writes ``docs/results/side-by-side.*``; returns the exit code."""
    arguments = parse_arguments()
    try:
        result = run(arguments)
    except Failure as error:
        print(f"{error}; nothing was written", file=sys.stderr)
        return 1
    path = write_result("side-by-side", result, ROOT / "runs" / "quick" if arguments.quick else RESULTS)
    result = json.loads(path.read_text(encoding="utf-8"))
    write_table(result, path.with_suffix(".md"))
    write_chart(result, path.with_suffix(".png"))
    return 0


def run(arguments: argparse.Namespace) -> Dict[str, Any]:
    """Returns what was measured, each shape once all libraries were seen to compute the same in it."""
    pythons = {OURS: sys.executable, **dict.fromkeys(PEERS, arguments.peers)}
    with ExitStack() as stack:
        files = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        workers = [stack.enter_context(Worker(name, pythons[name], arguments.threads)) for name in LIBRARIES]
        versions = {worker.library: worker.call("versions") for worker in workers}
        shapes = [
            {
                **shape._asdict(),
                "name": str(shape),
                "agreement": check(workers, shape, files),
                **measure(workers, shape, arguments),
            }
            for shape in arguments.shapes
        ]
    return {
        "threads": arguments.threads,
        "instruction_sets": instruction_sets(),
        "versions": versions,
        "rounds": arguments.rounds,
        "seconds_a_round": arguments.seconds,
        "shapes": shapes,
    }


def parse_arguments() -> argparse.Namespace:
    """Returns the options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    numbered = "; ".join(f"{index}: {shape}" for index, shape in enumerate(SHAPES))
    parser.add_argument("--shapes", type=shape_list, default=SHAPES, help=f"numbers, with commas ({numbered})")
    parser.add_argument("--rounds", type=int, default=7, help="rounds, of which the median counts (default: 7)")
    parser.add_argument("--threads", type=int, default=2, help="threads that each library may use (default: 2)")
    parser.add_argument("--quick", action="store_true", help="one short round, written to runs/quick: does it run?")
    peers = ROOT / ".venv-peers" / "bin" / "python"
    parser.add_argument("--peers", default=str(peers), help="Python of the environment that make peers makes")
    arguments = parser.parse_args()
    if not Path(arguments.peers).exists():
        parser.error(f"--peers {arguments.peers}: there is no such file; run make peers")
    if arguments.rounds < 1 or arguments.threads < 1:
        parser.error("--rounds and --threads must be at least 1")
    arguments.seconds = 0.05 if arguments.quick else 0.3
    arguments.rounds = 1 if arguments.quick else arguments.rounds
    return arguments


def shape_list(text: str) -> List[Shape]:
    """Returns the shapes of an option such as ``0,3``."""
    try:
        numbers = [int(number) for number in text.split(",")]
    except ValueError:
        numbers = [-1]
    if not all(0 <= number < len(SHAPES) for number in numbers):
        raise argparse.ArgumentTypeError(f"{text!r}: give numbers from 0 to {len(SHAPES) - 1}, such as 0,3")
    return [SHAPES[number] for number in numbers]


def check(workers: Sequence[Worker], shape: Shape, files: Path) -> Dict[str, Dict[str, float]]:
    """Lets every library compute logits and first losses from the same weights, in every way that it has.

    Returns:
        Per peer, the largest difference from ours: of a logit; of the first loss; of the fall of the loss, relative.

    Raises:
        Failure: a difference is too large.
    """
    found = {}
    for worker in workers:
        prepare(worker, shape, files)
        found[worker.library] = {"logits": worker.call("logits"), "losses": worker.call("losses", steps=LOSS_STEPS)}
    differences = {name: compare_numbers(found[OURS], found[name]) for name in PEERS}
    for name, difference in differences.items():
        limits = {"logits": LOGITS_TOLERANCE, "first_loss": LOGITS_TOLERANCE, "fall_of_loss": FALL_TOLERANCE[name]}
        # A comparison with nan is false, so it is asked the right way round.
        wrong = [what for what, limit in limits.items() if not difference[what] <= limit]
        if wrong:
            shown = ", ".join(
                f"{what.replace('_', ' ')} by {difference[what]:.2g} (limit {limits[what]:g})" for what in wrong
            )
            raise Failure(f"{shape}: {name} differs from {OURS}: {shown}")
    print(f"{shape}: all compute the same", flush=True)
    return differences


def compare_numbers(ours: Dict[str, Any], theirs: Dict[str, Any]) -> Dict[str, float]:
    """Returns how far a library's numbers are from ours, the farthest of all its ways."""
    [logits], [losses] = (np.array(list(ours[what].values())) for what in ("logits", "losses"))
    other_logits, other_losses = (np.array(list(theirs[what].values())) for what in ("logits", "losses"))
    fall, other_falls = losses[0] - losses[-1], other_losses[:, 0] - other_losses[:, -1]
    return {
        "logits": float(np.abs(other_logits - logits).max()),
        "first_loss": float(np.abs(other_losses[:, 0] - losses[0]).max()),
        "fall_of_loss": float(np.abs(other_falls / fall - 1).max()),
    }


def prepare(worker: Worker, shape: Shape, files: Path) -> None:
    """Builds a library's classifier from the arrays of a shape, which are made the first time."""
    path = files / f"{SHAPES.index(shape)}.npz"
    if not path.exists():
        np.savez(path, **make_arrays(shape))
    worker.call("prepare", shape=shape._asdict(), path=str(path))


def make_arrays(shape: Shape) -> Dict[str, np.ndarray]:
    """Returns random inputs (T, N, C) and labels (N,), and one set of random weights in each library's form."""
    rng = np.random.default_rng(SHAPES.index(shape))
    encoder, head = make_weights(rng, shape)
    keras = [*sum(to_keras(encoder), []), head["weight"].T, head["bias"]]
    return {
        "inputs": rng.normal(size=(shape.num_steps, shape.batch_size, shape.input_size)).astype(np.float32),
        "labels": rng.integers(0, CLASSES, shape.batch_size, dtype=np.int32),
        **{f"ours/encoder.{name}": array for name, array in encoder.items()},
        **{f"ours/head.0.{name}": array for name, array in head.items()},
        **{f"torch/encoder.{name}": array for name, array in to_torch(encoder).items()},
        **{f"torch/head.{name}": array for name, array in head.items()},
        **{f"keras/{index}": array for index, array in enumerate(keras)},
    }


def make_weights(rng: np.random.Generator, shape: Shape) -> Tuple[Dict[str, np.ndarray], Dict[str, np.ndarray]]:
    """Returns weights of the encoder and of the dense layer by our names, uniform in ±1 / √H."""
    rows, size, outputs = 4 * shape.hidden_size, shape.hidden_size, shape.hidden_size * (1 + shape.bidirectional)

    def draw(*axes: int) -> np.ndarray:
        return rng.uniform(-(size**-0.5), size**-0.5, axes).astype(np.float32)

    encoder = {}
    for layer in range(shape.num_layers):
        for direction in ("forward", "backward")[: 1 + shape.bidirectional]:
            start = f"layers.{layer}.{direction}_"
            encoder[f"{start}i2h_weight"] = draw(rows, outputs if layer else shape.input_size)
            encoder[f"{start}h2h_weight"] = draw(rows, size)
            encoder[f"{start}i2h_bias"], encoder[f"{start}h2h_bias"] = draw(rows), draw(rows)
    return encoder, {"weight": draw(CLASSES, outputs), "bias": draw(CLASSES)}


def measure(workers: Sequence[Worker], shape: Shape, options: argparse.Namespace) -> Dict[str, Any]:
    """Times every library's training step and forward pass, of the shape last checked, in turn, round after round.

    The library that begins changes from round to round.
    """
    plans = {}
    for worker in workers:
        plans.update({(task, worker.library): plan(worker, task, options.seconds) for task in TASKS})
    values: Dict[Tuple[str, str], List[float]] = {key: [] for key in plans}
    for number in range(options.rounds):
        first = number % len(workers)
        for task in TASKS:
            for worker in [*workers[first:], *workers[:first]]:
                key = (task, worker.library)
                values[key].append(worker.call("time", task=task, **plans[key]) * 1000)
    figures = {key: describe(values[key], plans[key]) for key in plans}
    tasks = {task: compare({name: figures[task, name] for name in LIBRARIES}) for task in TASKS}
    print(f"{shape}: " + ", ".join(f"{t} {tasks[t]['times_as_fast']:.2f} times as fast" for t in TASKS), flush=True)
    return tasks


def plan(worker: Worker, task: str, seconds: float) -> Dict[str, Any]:
    """Returns the fastest of a library's ways, by a trial of each, and how many repetitions fill ``seconds``."""
    ways = worker.call("ways", task=task)
    trials = {way: worker.call("time", task=task, way=way, repetitions=3) for way in ways}
    way = min(trials, key=trials.get)
    return {"way": way, "repetitions": max(3, math.ceil(seconds / trials[way]))}


def describe(milliseconds: Sequence[float], planned: Dict[str, Any]) -> Dict[str, Any]:
    """Returns what is kept of a library's rounds."""
    return {
        "median_ms": statistics.median(milliseconds),
        "min_ms": min(milliseconds),
        "max_ms": max(milliseconds),
        "rounds_ms": list(milliseconds),
        **planned,
    }


def compare(libraries: Dict[str, Dict[str, Any]]) -> Dict[str, Any]:
    """Returns the figures of all libraries, and how ours stands beside the fastest of the others."""
    fastest = min(PEERS, key=lambda name: libraries[name]["median_ms"])
    ratio = libraries[fastest]["median_ms"] / libraries[OURS]["median_ms"]
    return {"libraries": libraries, "fastest_peer": fastest, "times_as_fast": ratio}


def instruction_sets() -> List[str]:
    """Returns which of the vector instructions that matter for speed the processor has, where Linux tells."""
    cpu = Path("/proc/cpuinfo")
    flags = set(cpu.read_text(encoding="ascii").split()) if cpu.exists() else set()
    return [name for flag, name in (("avx2", "AVX2"), ("avx512f", "AVX-512")) if flag in flags]


if __name__ == "__main__":
    sys.exit(main())
