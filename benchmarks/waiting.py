"""Times our classifier with the waiting threads of OpenMP as they are by default, and as ``gluon_lstm`` sets them.

    python benchmarks/waiting.py

A training step and a forward pass on the six shapes of ``side_by_side.py``, each measurement
in a process of its own, in turn; medians over the rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from types import SimpleNamespace
from typing import Any, Dict, List

from common import run_command, write_result
from side_by_side import SHAPES, TASKS, make_arrays
from side_by_side_worker import LIBRARIES, Server

ENVIRONMENTS = {
    "default": {"GOMP_SPINCOUNT": "300000"},  # GNU's own count; being set, it keeps ours away
    "ours": {},
}
"""Form → environment of its process."""
REPETITIONS = 20


def main() -> None:
    """Times all shapes and writes ``docs/results/waiting.json``, or times one shape, and prints its milliseconds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="rounds, of which the median counts (default: 3)")
    parser.add_argument("--shape", type=int, help="number of the shape to time once, in this process")
    arguments = parser.parse_args()
    if arguments.shape is not None:
        print(json.dumps(milliseconds(arguments.shape)))
        return
    shapes = [{"name": str(shape), **compare(number, arguments.rounds)} for number, shape in enumerate(SHAPES)]
    write_result("waiting", {"rounds": arguments.rounds, "shapes": shapes})
    for shape in shapes:
        print(shape["name"], {task: f"{shape[task]['default'] / shape[task]['ours']:.2f}" for task in TASKS})


def compare(shape: int, rounds: int) -> Dict[str, Any]:
    """Returns task → form → median milliseconds."""
    found: Dict[str, Dict[str, List[float]]] = {task: {form: [] for form in ENVIRONMENTS} for task in TASKS}
    for _ in range(rounds):
        for form, environment in ENVIRONMENTS.items():
            command = [sys.executable, os.path.abspath(__file__), "--shape", str(shape)]
            for task, value in json.loads(run_command(command, environment).output.splitlines()[-1]).items():
                found[task][form].append(value)
    return {task: {form: statistics.median(values) for form, values in forms.items()} for task, forms in found.items()}


def milliseconds(shape: int) -> Dict[str, float]:
    """Returns what a training step and a forward pass of a shape take."""
    server = Server("gluon-lstm")
    server.use(LIBRARIES["gluon-lstm"](SimpleNamespace(**SHAPES[shape]._asdict()), make_arrays(SHAPES[shape])))
    return {task: 1000 * server.time(task, "hybridized", REPETITIONS) for task in TASKS}


if __name__ == "__main__":
    main()
