"""Times ``make test``, once its environment is made, and notes how many tests pass and skip.

    python benchmarks/suite_time.py

Run it alone on the machine. What the machine lacks skips tests and makes it shorter; the result says what was there.
"""

from __future__ import annotations

import re
import shutil
from importlib.util import find_spec
from typing import Dict, List

from common import run_command, write_result

from gluon_lstm.article.peers import find_keras

COUNT = re.compile(r"(\d+) (passed|skipped)")


def main() -> None:
    """Times the suite and writes ``docs/results/suite-time.json``."""
    run_command(["make", "--silent", "venv"])
    finished = run_command(["make", "--silent", "test"])
    counts = read_counts(finished.output)
    write_result("suite-time", {"seconds": finished.seconds, **counts, "there": find_helpers()})


def find_helpers() -> List[str]:
    """Returns what some tests compare with or look with, as far as it is there."""
    there = {"PyTorch": find_spec("torch"), "Keras": find_keras(), "a browser": shutil.which("chromium")}
    return [name for name, found in there.items() if found]


def read_counts(output: str) -> Dict[str, int]:
    """Returns how many tests passed and how many skipped, of pytest's last line."""
    return {"passed": 0, "skipped": 0, **{kind: int(number) for number, kind in COUNT.findall(output.splitlines()[-1])}}


if __name__ == "__main__":
    main()
