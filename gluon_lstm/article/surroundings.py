"""Where times were taken: without that they mean nothing."""

from __future__ import annotations

import os
import time
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

from gluon_lstm import runtime
from gluon_lstm.article.claim import Outcome, Record, Table

QUIET = 0.1
"""Processors that other work may keep busy while times are taken that are to mean something."""
DISTURBED = "the machine did other work"
"""Why a check of times is open that were taken meanwhile."""


class _Used(NamedTuple):
    """Seconds so far: of the clock, of this process and those it started, and of all; ``None`` where not known."""

    clock: float
    own: float
    all: Optional[float]


def observe(run: Callable[[], Outcome], threads: str) -> Outcome:
    """Makes a run whose times count, and adds ``surroundings`` to what it came to.

    They are the processor, its cores and threads, and how many processors other work kept busy meanwhile, on
    average; ``None`` where the system does not tell.

    Args:
        run: makes the run.
        threads: how many it has, in words.
    """
    before = _used()
    outcome = run()
    others = _others(before, _used())
    machine = {"processor": runtime.describe_processor(), "cores": runtime.physical_cores()}
    return {**outcome, "surroundings": {**machine, "threads": threads, "others": others}}


def _others(before: _Used, after: _Used) -> Optional[float]:
    """Returns how many processors other work kept busy in between, on average; ``None`` where that is not known."""
    if before.all is None or after.all is None:
        return None
    seconds = (after.all - before.all) - (after.own - before.own)
    return round(max(0.0, seconds / (after.clock - before.clock)), 2)


def _used() -> _Used:
    own = os.times()
    return _Used(time.perf_counter(), sum(own[:4]), runtime.busy_seconds())


def is_disturbed(records: Sequence[Record]) -> bool:
    """Whether other work is known to have kept the machine busy while the times of records were taken."""
    return any((record.outcome["surroundings"]["others"] or 0) > QUIET for record in records)


def surroundings_table(records: Sequence[Record]) -> Table:
    """Returns a table of where the times of records were taken, a row a machine; its title warns of other work."""
    machines: Dict[Tuple[str, str, str], List[Any]] = {}
    for record in records:
        found = record.outcome["surroundings"]
        key = tuple(str(found[name]) for name in ("processor", "cores", "threads"))
        machines.setdefault(key, []).append(found["others"])
    rows = tuple((*key, str(len(others)), _range(others)) for key, others in machines.items())
    columns = ("Processor", "Cores", "Threads", "Runs", "Processors that other work kept busy")
    title = f"Where the times were taken{f', while {DISTURBED}' * is_disturbed(records)}"
    return Table(title, columns, rows)


def _range(values: Sequence[Optional[float]]) -> str:
    """Returns the least and the greatest of values: ``0.02 to 0.10``."""
    known = [value for value in values if value is not None]
    return f"{min(known):.2f} to {max(known):.2f}" if known else "not known"
