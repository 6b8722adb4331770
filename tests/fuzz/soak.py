"""Tries every reader on many mutated files and writes what came of it.

    python tests/fuzz/soak.py

writes ``docs/results/fuzz.json`` and, as a table, ``fuzz.md``; it ends with 1 where an input ended in something else
than a result or a clear error.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any, Dict

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / "benchmarks")]

from common import RESULTS, commit, write_result  # noqa: E402 - the benchmarks' way to describe a result
from harness import MEMORY, SECONDS, Outcome, fuzz  # noqa: E402
from readers import READERS  # noqa: E402

INPUTS = 20_000
FIGURES = ("inputs", "accepted", "refused", "failures", "slowest", "memory")
"""Of each reader, in the table."""


def main() -> int:
    """Tries them all; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--inputs", type=int, default=INPUTS, help="files a reader; results of fewer than 20000 are not written"
    )  # fmt: skip
    parser.add_argument("--only", nargs="*", choices=READERS, help="readers to try (default: all)")
    parser.add_argument("--keep", metavar="DIR", help="folder that keeps the files of failures (default: none is kept)")
    arguments = parser.parse_args()
    names = arguments.only or list(READERS)
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        if arguments.keep:
            Path(arguments.keep).mkdir(parents=True)
        outcomes = fuzz(names, arguments.inputs, Path(arguments.keep or folder))
    for name, found in outcomes.items():
        print(f"{name}: {summary(found)}")
        for failure in found.failures:
            print(f"  input {failure.number}: {failure.what}")
    if arguments.inputs >= INPUTS:
        write(outcomes, keep_others=bool(arguments.only))
    return 1 if any(found.failures for found in outcomes.values()) else 0


def write(outcomes: Dict[str, Outcome], keep_others: bool) -> None:
    """Writes the results, as JSON and as a table; ``keep_others``: whether those of other readers stay."""
    before = json.loads((RESULTS / "fuzz.json").read_text(encoding="utf-8"))["readers"] if keep_others else {}
    described = {**before, **{name: {**summary(found), "commit": commit()} for name, found in outcomes.items()}}
    total = {key: sum(one[key] for one in described.values()) for key in ("inputs", "accepted", "refused", "failures")}
    limits = {"most_seconds": SECONDS, "most_mib": MEMORY / 2**20}
    path = write_result("fuzz", {"readers": described, **limits, **total})
    columns = ("reader", "files", "read", "refused", "failures", "slowest, s", "most memory, MiB")
    rows = [[name, *(one[key] for key in FIGURES)] for name, one in described.items()]
    lines = [columns, ["---"] + ["---:"] * (len(columns) - 1), *rows]
    made = "Made by `python tests/fuzz/soak.py`; memory is what a process took beyond what it had before."
    table = [f"| {' | '.join(cell if isinstance(cell, str) else f'{cell:,}' for cell in line)} |" for line in lines]
    path.with_suffix(".md").write_text("\n".join(["# Damaged files", "", made, "", *table, ""]), encoding="utf-8")


def summary(found: Outcome) -> Dict[str, Any]:
    """Returns an outcome with the number of its failures, times and memory rounded."""
    rounded = {name: round(getattr(found, name), 3) for name in ("slowest", "memory", "seconds")}
    return {**found._asdict(), **rounded, "failures": len(found.failures)}


if __name__ == "__main__":
    sys.exit(main())
