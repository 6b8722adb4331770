"""Times ``make test``, once its environment is made, and notes how many tests pass and skip.

    python benchmarks/suite_time.py

Run it alone on the machine. What the machine lacks, such as a browser, skips tests and makes it shorter.
"""

from __future__ import annotations

import re
from typing import Dict

from common import run_command, write_result

COUNT = re.compile(r"(\d+) (passed|skipped)")


def main() -> None:
    """Times the suite and writes ``docs/results/suite-time.json``."""
    run_command(["make", "--silent", "venv"])
    finished = run_command(["make", "--silent", "test"])
    write_result("suite-time", {"seconds": finished.seconds, **read_counts(finished.output)})


def read_counts(output: str) -> Dict[str, int]:
    """Returns how many tests passed and how many skipped, of pytest's last line."""
    return {"passed": 0, "skipped": 0, **{kind: int(number) for number, kind in COUNT.findall(output.splitlines()[-1])}}


if __name__ == "__main__":
    main()
