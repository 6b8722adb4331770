"""Times ``make test``, once its environment is made, and notes how many tests pass and skip, and where the time goes.

    python benchmarks/suite_time.py

Run it alone on the machine. What the machine lacks skips tests and makes it shorter; the result says what was there.
"""

from __future__ import annotations

import re
import shutil
from collections import Counter
from importlib.util import find_spec
from typing import Any, Dict, List

from common import run_command, write_result

from gluon_lstm.article.peers import find_keras

COUNT = re.compile(r"(\d+) (passed|skipped)")
DURATION = re.compile(r"^([\d.]+)s (?:setup|call|teardown) +(\S+?)::", re.MULTILINE)
LEAST_SECONDS = 0.3
"""Of a test whose time is noted."""
NAMED_FILES = 5
"""Files of tests that are named, those that take the longest."""


def main() -> None:
    """Times the suite and writes ``docs/results/suite-time.json``."""
    run_command(["make", "--silent", "venv"])
    options = f"--quiet --durations=0 --durations-min={LEAST_SECONDS}"
    finished = run_command(["make", "--silent", "test"], {"PYTEST_ADDOPTS": options})
    counts, slow = read_counts(finished.output), read_durations(finished.output)
    write_result("suite-time", {"seconds": finished.seconds, **counts, "there": find_helpers(), "slow": slow})


def find_helpers() -> List[str]:
    """Returns what some tests compare with or look with, as far as it is there."""
    there = {"PyTorch": find_spec("torch"), "Keras": find_keras(), "a browser": shutil.which("chromium")}
    return [name for name, found in there.items() if found]


def read_durations(output: str) -> Dict[str, Any]:
    """Returns the seconds of all tests that take ``LEAST_SECONDS`` or more, and of the files that have most of them."""
    seconds: Counter = Counter()
    for duration, file in DURATION.findall(output):
        seconds[file] += float(duration)
    files = {file: round(total, 1) for file, total in seconds.most_common(NAMED_FILES)}
    return {"least_seconds": LEAST_SECONDS, "seconds": round(sum(seconds.values()), 1), "files": files}


def read_counts(output: str) -> Dict[str, int]:
    """Returns how many tests passed and how many skipped, of pytest's last line."""
    return {"passed": 0, "skipped": 0, **{kind: int(number) for number, kind in COUNT.findall(output.splitlines()[-1])}}


if __name__ == "__main__":
    main()
