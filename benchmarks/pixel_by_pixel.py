"""Writes down how trainings on MNIST pixel by pixel went, what an epoch takes, and what each setting brings.

    python benchmarks/pixel_by_pixel.py time                                  # a short piece → hours an epoch
    python benchmarks/pixel_by_pixel.py trials pixels                         # short trainings, a change in each
    python benchmarks/pixel_by_pixel.py report runs/pixels runs/permuted      # logs of runs, finished or not

``report`` reads run directories and changes nothing in them; it may be called while they are trained.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import tempfile
from dataclasses import fields
from pathlib import Path
from typing import Any, Dict, List, Mapping

from common import RESULTS, describe_origin, run_command, write_result

from gluon_lstm.config import SECTIONS, Config, flag, preset
from gluon_lstm.evaluation import plots
from gluon_lstm.rundir import RunDirectory

PRESET = "sequential"
TRAINING_IMAGES = 55_000
PIECES = (128, 768)
"""Training images of the two short trainings that are timed."""
TRIAL = "--limit-train 10000 --validation-size 1000 --epochs 2 --warmup-epochs 0.5 --ema-decay 0.98"
"""What makes a training short enough to compare settings; warm-up and average are shorter, as it is."""
CHANGES = ("", "--input-initializer xavier", "--chrono-steps 0", "--chrono-steps 784", "--learning-rate 0.001")
"""What each trial changes of the preset."""


def main() -> None:
    """Times a piece, or reads the runs named, and writes ``docs/results``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    timing = commands.add_parser("time", help="train a short piece and say what an epoch takes")
    timing.add_argument("--options", default="", help="further options of train, in one string")
    trials = commands.add_parser("trials", help="compare settings by short trainings and their validation images")
    trials.add_argument("view", choices=("pixels", "permuted"), help="order of the pixels")
    report = commands.add_parser("report", help="read runs, and write table and curves")
    report.add_argument("runs", nargs="*", metavar="RUN", help="run directories; none where nothing was trained yet")
    arguments = parser.parse_args()
    if arguments.command == "time":
        write_result("pixel-time", time_piece(arguments.options.split()))
    elif arguments.command == "trials":
        write_result(f"{arguments.view}-trials", try_settings(arguments.view))
    else:
        write_report([RunDirectory.open(path) for path in arguments.runs])


def time_piece(options: List[str]) -> Dict[str, Any]:
    """Trains an epoch of few images and one of more, and returns what the difference says of an epoch of all.

    It is the processor's time, which other work on the machine hardly changes; start and validation cancel out.
    """
    few, more = (train_piece(count, options) for count in PIECES)
    seconds = (more["cpu_seconds"] - few["cpu_seconds"]) / (PIECES[1] - PIECES[0])
    return {
        "train": more["train"],
        "threads": 1,
        "batch_size": more["batch_size"],
        "pieces": PIECES,
        "step_seconds": seconds * more["batch_size"],
        "epoch_hours": seconds * TRAINING_IMAGES / 3600,
        "epochs": preset(PRESET).training.epochs,
    }


def train_piece(count: int, options: List[str]) -> Dict[str, Any]:
    """Trains an epoch of so many images with one thread; returns its command, batch size and processor's time."""
    words = ["--preset", PRESET, "--dataset", "mnist", "--epochs", "1", "--validation-size", "64"]
    words += ["--limit-train", str(count), *options]
    with tempfile.TemporaryDirectory() as folder:
        run = str(Path(folder) / "piece")
        finished = run_command([sys.executable, "train.py", *words, "--threads", "1", "--output", run])
        batch_size = RunDirectory.open(run).read_config().training.batch_size
    return {"train": shlex.join(["gluon-lstm", "train", *words]), "batch_size": batch_size,
            "cpu_seconds": finished.cpu_seconds}  # fmt: skip


def try_settings(view: str) -> Dict[str, Any]:
    """Trains briefly with each change of the preset, and returns the accuracy on validation images by change."""
    base = ["--preset", PRESET, "--dataset", "mnist", "--view", view, *TRIAL.split()]
    accuracies = {}
    for change in CHANGES:
        with tempfile.TemporaryDirectory() as folder:
            run = str(Path(folder) / "trial")
            run_command([sys.executable, "train.py", *base, *change.split(), "--output", run])
            accuracies[change] = RunDirectory.open(run).read_log()[-1]["validation_accuracy"]
    return {"train": shlex.join(["gluon-lstm", "train", *base]), "validation_accuracy": accuracies}


def write_report(runs: List[RunDirectory]) -> None:
    """Writes how far runs got, and their curves where there is an epoch of them."""
    path = RESULTS / "pixel-by-pixel.json"
    before = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"runs": []}
    described = [{**one, **first_read(one, before)} for one in map(describe, runs)]
    write_result("pixel-by-pixel", {"runs": described})
    for view in sorted({one["view"] for one in described if one["epochs_done"]}):
        logs = [(run.read_log(), one["name"]) for one, run in zip(described, runs) if one["view"] == view]
        curves = plots.validation_curves(*zip(*((records, name) for records, name in logs if records)))
        plots.save(curves, RESULTS / f"pixel-by-pixel-{view}.png")


def first_read(run: Mapping[str, Any], before: Mapping[str, Any]) -> Dict[str, str]:
    """Returns when and where a run was first read as far as it got: on the machine that trained it, soon after.

    The machine is that of the run's own record where that has its processor, as those of earlier releases have not.

    Args:
        run: as ``describe`` has it.
        before: content of the file of before.
    """
    same = [old for old in before["runs"] if (old["train"], old["hours"]) == (run["train"], run["hours"])]
    now = describe_origin()
    kept = {**{name: before.get(name, now[name]) for name in ("date", "machine")}, **same[0]} if same else now
    recorded = run.get("versions", {})
    machine = f"{recorded['processor']}, {recorded['machine']}" if "processor" in recorded else kept["machine"]
    return {"date": kept["date"], "machine": machine}


def describe(run: RunDirectory) -> Dict[str, Any]:
    """Returns how far a run got: its command, epochs, hours, best epoch, and test accuracy where that is known."""
    config, records = run.read_config(), run.read_log()
    best = next((record for record in reversed(records) if record["best"]), {})
    metrics = run.path / "evaluation" / "test" / "metrics.json"
    tested = json.loads(metrics.read_text(encoding="utf-8")) if metrics.exists() else {}
    return {
        "name": run.path.name,
        "view": config.data.view,
        "seed": config.runtime.seed,
        "train": command_of(config),
        "epochs": config.training.epochs,
        "epochs_done": len(records),
        "hours": sum(record["seconds"] for record in records) / 3600,
        "best_epoch": best.get("epoch"),
        "validation_accuracy": best.get("validation_accuracy"),
        "test_accuracy": tested.get("accuracy"),
        "versions": run.read_record()["environment"],
    }


def command_of(config: Config) -> str:
    """Returns the command that trains as a run was trained, without the folders of this machine."""
    usual, words = preset(config.preset), ["gluon-lstm", "train", "--preset", config.preset]
    for section in SECTIONS:
        ours, theirs = getattr(config, section), getattr(usual, section)
        for item in fields(ours):
            value = getattr(ours, item.name)
            if value == getattr(theirs, item.name) or item.name == "data_dir":
                continue
            name = flag(item.name)
            words += [name, str(value)] if not isinstance(value, bool) else [name if value else f"--no-{name[2:]}"]
    return shlex.join(words)


if __name__ == "__main__":
    main()
