"""Records what finished runs reached on their validation split, to choose between recipes; reads no test split.

    python benchmarks/validation.py mnist-best-rows runs/choice/rows-0 runs/choice/rows-1
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, Dict

from common import summarize, write_result

from gluon_lstm.rundir import RunDirectory


def main() -> None:
    """Writes ``docs/results/NAME.json``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name")
    parser.add_argument("run", nargs="+", type=Path, help="run directories, which differ in the seed alone")
    arguments = parser.parse_args()
    runs = [read_run(path) for path in arguments.run]
    accuracy = summarize([run["validation_accuracy"] for run in runs])
    write_result(arguments.name, {"runs": runs, "validation_accuracy": accuracy})


def read_run(path: Path) -> Dict[str, Any]:
    """Returns the settings of a run and what its best epoch reached."""
    run = RunDirectory.open(path)
    record, model, log = run.read_record(), run.load_model(), run.read_log()
    return {
        "seed": record["runtime"]["seed"],
        "settings": {section: record[section] for section in ("data", "model", "training", "runtime")},
        "environment": record["environment"],
        "epoch": model.epoch,
        "epochs": len(log),
        "validation_accuracy": model.validation_accuracy,
        "validation_loss": log[model.epoch - 1]["validation_loss"],
        "epoch_seconds": sum(line["seconds"] for line in log) / len(log),
    }


if __name__ == "__main__":
    main()
