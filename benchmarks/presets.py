"""Trains a preset over several seeds, evaluates each run on the test split, and writes what came out.

    python benchmarks/presets.py mnist best --seeds 3

The epoch is picked by the validation split alone; the test split is read once a
seed, at the end. Run it alone on the machine. A seed that is finished is kept in
``runs/benchmark``, and not run again with the same options at the same commit.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Any, Dict, List

from common import CHANGED, RESULTS, ROOT, commit, run_command, summarize, write_result

from gluon_lstm.rundir import RunDirectory

PICTURES = ("confusion_matrix.png", "learning_curves.png", "most_confident_errors.png")


def main() -> None:
    """Runs all seeds and writes ``docs/results/DATASET-PRESET.json``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset")
    parser.add_argument("preset")
    parser.add_argument("--seeds", type=int, default=3, help="seeds 0 to N - 1 (default: 3)")
    parser.add_argument("--only", type=int, metavar="SEED", help="run this seed and write no result yet")
    parser.add_argument("--options", default="", help="further options of train, in one string")
    parser.add_argument("--name", help="name of the result (default: DATASET-PRESET)")
    arguments = parser.parse_args()
    name = arguments.name or f"{arguments.dataset}-{arguments.preset}"
    options = ["--dataset", arguments.dataset, "--preset", arguments.preset, *arguments.options.split()]
    if arguments.only is not None:
        run_seed(arguments.only, name, options)
        return
    runs = [run_seed(seed, name, options) for seed in range(arguments.seeds)]
    write_result(
        name,
        {
            "train": " ".join(["gluon-lstm train", *options, "--seed", "SEED"]),
            "runs": runs,
            "test_accuracy": summarize([run["test_accuracy"] for run in runs]),
            "train_seconds": summarize([run["train_seconds"] for run in runs]),
            "peak_mib": max(run["peak_mib"] for run in runs),
        },
    )
    copy_pictures(name)


def copy_pictures(name: str) -> None:
    """Keeps those plots of seed 0's report that pages show in ``docs/results/NAME``."""
    target = RESULTS / name
    target.mkdir(exist_ok=True)
    for picture in PICTURES:
        shutil.copyfile(ROOT / run_folder(name, 0) / "evaluation" / "test" / picture, target / picture)


def run_folder(name: str, seed: int) -> Path:
    """Returns the run directory of one seed, from the project's root."""
    return Path("runs") / "benchmark" / f"{name}-{seed}"


def run_seed(seed: int, name: str, options: List[str]) -> Dict[str, Any]:
    """Trains and evaluates one seed in processes of their own; returns its figures, kept ones where it is finished."""
    folder = run_folder(name, seed)
    finished = ROOT / folder.with_suffix(".json")
    before = json.loads(finished.read_text(encoding="utf-8")) if finished.exists() else {}
    # The same options are another training where a preset has changed since, or may have: two states with changed files
    # have one name.
    if (before.get("options"), before.get("commit")) == (options, commit()) and not commit().endswith(CHANGED):
        return before
    trained = run_command(
        [sys.executable, "train.py", *options, "--seed", str(seed), "--output", str(folder), "--force"]
    )
    evaluated = run_command([sys.executable, "evaluate.py", str(folder)])
    metrics = json.loads((ROOT / folder / "evaluation" / "test" / "metrics.json").read_text(encoding="utf-8"))
    run = RunDirectory.open(ROOT / folder)
    model, log, record = run.load_model(), run.read_log(), run.read_record()
    figures = {
        "seed": seed,
        "options": options,
        "commit": commit(),
        "test_accuracy": metrics["accuracy"],
        "validation_accuracy": model.validation_accuracy,
        "epoch": model.epoch,
        "epochs": len(log),
        "epoch_seconds": sum(record["seconds"] for record in log) / len(log),
        "each_epoch_seconds": [record["seconds"] for record in log],
        "train_seconds": trained.seconds,
        "evaluate_seconds": evaluated.seconds,
        "peak_mib": max(trained.peak_mib, evaluated.peak_mib),
        "sha256": {name: split["sha256"] for name, split in record["dataset"]["splits"].items()},
        **record["environment"],
    }
    finished.write_text(json.dumps(figures) + "\n", encoding="utf-8")
    print(json.dumps(figures), flush=True)
    return figures


if __name__ == "__main__":
    main()
