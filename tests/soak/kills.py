"""Kills trainings at random moments, goes on with them, and compares them with trainings that were never stopped.

    python tests/soak/kills.py --kills 100

Every kill is a SIGKILL. After each, every checkpoint there is must be whole; in the end
parameters, log (but for seconds) and predictions must be the same bytes.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Sequence

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from gluon_lstm.rundir import RunDirectory  # noqa: E402 - the checkout's own, from any folder

SMALL = ("--hidden-size", "6", "--dropout", "0.3", "--batch-size", "10", "--epochs", "5", "--checkpoint-every", "7")
TASKS = {
    "images": ("--dataset", "digits", "--limit-train", "300", "--optimizer", "adamw", "--ema-decay", "0.9", *SMALL),
    "texts": ("--dataset", "sentences", "--preset", "text", "--limit-train", "300", "--character-ngrams", "0", *SMALL),
}
TIMES = ("seconds", "samples_per_second")
AT_WORK = (" parameters\n", ": going on after ")
"""What a process says last before its first step."""


class Outcome(NamedTuple):
    """How a training that was killed and gone on with ended.

    Attributes:
        kills: SIGKILLs that met it at work.
        in_training: those of them that came after its first checkpoint.
        at_work: those of them that met a process which had said that it trains, or goes on.
        checkpoints: checkpoints that were read between kills, all of them whole.
        same: whether it ended in the bytes of the training that was never stopped.
    """

    kills: int
    in_training: int
    at_work: int
    checkpoints: int
    same: bool


def main() -> None:
    """Kills trainings of every task, prints what came out, and writes ``docs/results/kills.json``."""
    from common import write_result

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100, help="kills, over all tasks (default: 100)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the moments (default: 0)")
    arguments = parser.parse_args()
    outcomes: Dict[str, Any] = {}
    for number, task in enumerate(TASKS):
        rng = random.Random(arguments.seed + number)
        kills = arguments.kills // len(TASKS) + (number < arguments.kills % len(TASKS))
        with tempfile.TemporaryDirectory() as folder:
            outcomes[task] = [outcome._asdict() for outcome in kill_until(task, Path(folder), kills, rng)]
        print(task, json.dumps(outcomes[task]), flush=True)
    write_result("kills", {"kills": arguments.kills, "outcomes": outcomes})
    if not all(outcome["same"] for task in outcomes.values() for outcome in task):
        raise SystemExit("a training that was killed ended otherwise than the one that was not")


def kill_until(task: str, folder: Path, kills: int, rng: random.Random) -> List[Outcome]:
    """Kills trainings of one task, one after another, until there were so many kills; returns how each ended."""
    start = time.monotonic()
    run_to_end(["train", *TASKS[task], "--output", str(folder / "whole")])
    seconds = time.monotonic() - start
    whole, outcomes = read_outcome(folder / "whole"), []
    while sum(outcome.kills for outcome in outcomes) < kills:
        path = folder / f"killed-{len(outcomes)}"
        most = kills - sum(outcome.kills for outcome in outcomes)
        outcomes.append(kill_one(task, path, whole, most, seconds, rng))
    return outcomes


def kill_one(task: str, path: Path, whole: Any, most: int, seconds: float, rng: random.Random) -> Outcome:
    """Starts a training and kills it, each time after a random share of what a whole one takes, until it is done."""
    kills = in_training = at_work = checkpoints = 0
    said = path.with_name(f"{path.name}.txt")
    while kills < most:
        command = ["train", "--resume", str(path)]
        if not (path / "config.json").is_file():
            command = ["train", *TASKS[task], "--output", str(path), "--force"]
        with said.open("wb") as file:
            process = subprocess.Popen([sys.executable, str(ROOT / "train.py"), *command[1:]],
                                       stdout=subprocess.DEVNULL, stderr=file)  # fmt: skip
        try:
            code = process.wait(timeout=rng.uniform(0, seconds))
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        if code == 0:
            break
        if code > 0:
            raise SystemExit(f"{' '.join(command)}: ended with code {code}")
        kills += 1
        entries = RunDirectory(path).checkpoints.entries()
        in_training += bool(entries)
        at_work += any(words in said.read_text(encoding="utf-8") for words in AT_WORK)
        for entry in entries:
            RunDirectory(path).checkpoints.read(entry)  # raises where it is not whole
        checkpoints += len(entries)
    if not (path / "config.json").is_file():
        run_to_end(["train", *TASKS[task], "--output", str(path), "--force"])
    run_to_end(["train", "--resume", str(path)])
    return Outcome(kills, in_training, at_work, checkpoints, read_outcome(path) == whole)


def run_to_end(arguments: Sequence[str]) -> None:
    """Runs a command of the project, which must succeed."""
    code = "import sys; from gluon_lstm.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); {code}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)}: ended with code {done.returncode}\n{done.stderr}")


def read_outcome(path: Path) -> Dict[str, Any]:
    """Returns all that a run must leave: parameters, log without times, and predictions on the test split."""
    run_to_end(["evaluate", str(path), "--quick"])
    files = [path / "evaluation" / "test" / "predictions.csv", *sorted((path / "model").iterdir())]
    log = [{k: v for k, v in record.items() if k not in TIMES} for record in RunDirectory(path).read_log()]
    return {"log": log, **{file.name: file.read_bytes() for file in files}}


if __name__ == "__main__":
    main()
