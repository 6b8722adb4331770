"""Trains a preset on a text corpus over several seeds, or over the folds of one without a test split.

    GLUON_LSTM_DATA=DIR python benchmarks/corpora.py trec text --seeds 5
    GLUON_LSTM_DATA=DIR python benchmarks/corpora.py mr text --folds 10

The validation split picks the epoch; the test split, or the fold left out, is read once a run, at the end.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from common import ROOT, run_command, summarize, write_result

from gluon_lstm.rundir import RunDirectory


def main() -> None:
    """Runs all and writes ``docs/results/CORPUS-PRESET.json``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus")
    parser.add_argument("preset")
    parser.add_argument("--seeds", type=int, default=1, help="seeds 0 to N - 1, of each fold (default: 1)")
    parser.add_argument("--folds", type=int, default=0, help="folds, of a corpus without a test split (default: none)")
    parser.add_argument("--options", default="", help="further options of train, in one string")
    parser.add_argument("--resume", action="store_true", help="go on with runs that are there, and test all again")
    parser.add_argument("--name", help="name of the result (default: CORPUS-PRESET)")
    arguments = parser.parse_args()
    name = arguments.name or f"{arguments.corpus}-{arguments.preset}"
    folder = Path("runs") / "benchmark" / name
    options = ["--dataset", arguments.corpus, "--preset", arguments.preset, *arguments.options.split()]
    repeats = ["--seeds", str(arguments.seeds), *(["--folds", str(arguments.folds)] if arguments.folds else [])]
    start = ["--resume", str(folder)] if arguments.resume else [*options, *repeats, "--output", str(folder), "--force"]
    done = run_command([sys.executable, "train.py", *start])
    print(done.output)
    runs = json.loads((ROOT / folder / "summary.json").read_text(encoding="utf-8"))["runs"]
    write_result(
        name,
        {
            "train": " ".join(["gluon-lstm train", *options, *repeats]),
            "runs": runs,
            "test_accuracy": summarize([run["accuracy"] for run in runs]),
            "validation_accuracy": summarize([run["validation_accuracy"] for run in runs]),
            "minutes_a_run": sum(training_seconds(ROOT / folder / run["run"]) for run in runs) / 60 / len(runs),
            "peak_mib": done.peak_mib,
        },
    )


def training_seconds(run: Path) -> float:
    """Returns how long a run's epochs took, without what is read, fitted and validated between."""
    return sum(record["seconds"] for record in RunDirectory.open(run).read_log())


if __name__ == "__main__":
    main()
