"""Evaluates finished runs on their test split and records how well their probabilities are calibrated.

    GLUON_LSTM_DATA=DIR python benchmarks/calibration.py sst2-text runs/benchmark/sst2-text/seed-*

The temperature is fitted on each run's validation split. What chance alone brings
about is computed from each run's own confidences, see docs/evaluation.md.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any, Dict

from common import ROOT, run_command, summarize, write_result

from gluon_lstm.rundir import RunDirectory

KEYS = ("n", "accuracy", "nll", "nll_scaled", "temperature", "ece", "ece_ci95", "ece_scaled", "ece_by_chance_scaled",
        "ece_by_chance_p95_scaled", "ece_equal_mass", "ece_equal_mass_scaled", "mce", "mce_scaled")  # fmt: skip
"""Of ``metrics.json``."""
SUMMARIZED = ("accuracy", "ece", "ece_scaled", "ece_by_chance_scaled", "ece_by_chance_p95_scaled")


def main() -> None:
    """Evaluates all runs and writes ``docs/results/calibration-NAME.json``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", help="DATASET-PRESET")
    parser.add_argument("run", nargs="+", type=Path, help="run directories, which differ in the seed alone")
    arguments = parser.parse_args()
    runs = [measure(path) for path in arguments.run]
    summaries = {key: summarize([run[key] for run in runs]) for key in SUMMARIZED}
    write_result(f"calibration-{arguments.name}", {"runs": runs, **summaries})


def measure(path: Path) -> Dict[str, Any]:
    """Evaluates a run in a process of its own and returns its numbers."""
    run_command([sys.executable, "evaluate.py", str(path), "--quick"])
    metrics = json.loads((ROOT / path / "evaluation" / "test" / "metrics.json").read_text(encoding="utf-8"))
    return {"seed": RunDirectory.open(ROOT / path).read_config().runtime.seed, **{key: metrics[key] for key in KEYS}}


if __name__ == "__main__":
    main()
