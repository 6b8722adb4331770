"""Times ``evaluate.py`` as a user runs it, the imports included, whole and in parts.

    GLUON_LSTM_DATA=DIR python benchmarks/evaluation_time.py mnist-default RUN

Each form is a process of its own, one after the other in every round; the first round
warms the file cache up and does not count.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Dict, List

from common import run_command, summarize, write_result

from gluon_lstm.config import REPORT_SECTIONS

FORMS = {
    "whole": (),
    "without_robustness": ("--sections", ",".join(name for name in REPORT_SECTIONS if name != "robustness")),
    "quick": ("--quick",),
}
"""Form → what is asked for."""


def main() -> None:
    """Times all forms and writes ``docs/results/evaluation-time-NAME.json``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", help="DATASET-PRESET")
    parser.add_argument("run", type=Path, help="run directory")
    parser.add_argument("--rounds", type=int, default=5, help="rounds that count (default: 5)")
    arguments = parser.parse_args()
    seconds: Dict[str, List[float]] = {name: [] for name in FORMS}
    peaks: Dict[str, float] = dict.fromkeys(FORMS, 0.0)
    for _ in range(arguments.rounds + 1):
        for name, options in FORMS.items():
            finished = run_command([sys.executable, "evaluate.py", str(arguments.run), *options])
            seconds[name].append(finished.seconds)
            peaks[name] = max(peaks[name], finished.peak_mib)
    counted = {name: summarize(values[1:]) for name, values in seconds.items()}
    write_result(f"evaluation-time-{arguments.name}", {"seconds": counted, "peak_mib": peaks})
    print({name: f"{values['mean']:.1f} ± {values['sd']:.1f} s" for name, values in counted.items()})


if __name__ == "__main__":
    main()
