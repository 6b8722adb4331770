"""Faults of the article's programs, each shown by a few lines of our own that make the same mistake."""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path
from typing import Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

from gluon_lstm.article.claim import Listing, Options, Outcome, Record, Table
from gluon_lstm.article.peers import ask, find_keras

MOST_CHARACTERS = 160
ABSENT = "not tried: Keras was not found"
RUN_FILES = """
import json, runpy, sys, warnings
warnings.simplefilter("ignore")
told = []
for path in sys.argv[1:]:
    try:
        told.append(f"result: {runpy.run_path(path).get('result')}")
    except Exception as error:
        told.append(f"{type(error).__name__}: {error}")
versions = {name: sys.modules[name].__version__ for name in ("keras", "tensorflow") if name in sys.modules}
print(json.dumps({"told": told, "versions": versions}))
"""
"""A program that runs files one by one, each with names of its own; it says what each came to, and the Keras it met."""


class Fault(NamedTuple):
    """Something that keeps a program from being what is meant.

    Attributes:
        lines: where, in lines of the article's listing, from 1.
        wrong: what is wrong there.
        meant: what is meant, or would be right.
        snippet: lines of our own that make the same mistake, and leave a ``result`` where nothing is raised.
        shows: what is found in what they come to, an exception's name and message or ``result: …``, so that no other
            exception is taken for it.
        keras: whether they need Keras; else they need NumPy at most.
    """

    lines: str
    wrong: str
    meant: str
    snippet: str
    shows: str
    keras: bool = False


def plan_faults(faults: Sequence[Fault]) -> List[Options]:
    """Returns the options of the runs that show a program's faults: those without Keras, and those with it."""
    kinds = {keras: [fault.snippet for fault in faults if fault.keras == keras] for keras in (False, True)}
    return [
        {"variant": f"faults{', Keras' * keras}", "keras": keras, "snippets": snippets}
        for keras, snippets in kinds.items()
        if snippets
    ]


def is_of_faults(options: Options) -> bool:
    """Whether a run's options are of ``plan_faults``."""
    return "snippets" in options


def measure_faults(options: Options) -> Outcome:
    """Runs the snippets and returns what each came to; ``found`` says whether there was a Python to run them."""
    python = find_keras() if options["keras"] else sys.executable
    if python is None:
        return {"found": False, "told": []}
    return {"found": True, **run_snippets(python, options["snippets"])}


def run_snippets(python: str, snippets: Sequence[str]) -> Outcome:
    """Returns what each snippet comes to, its exception's name and message or its ``result``; and versions of Keras.

    Raises:
        RunError: the Python cannot be run.
    """
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for number, snippet in enumerate(snippets):
            paths.append(Path(folder) / f"snippet{number}.py")
            paths[-1].write_text(snippet, encoding="utf-8")
        answer = ask(python, RUN_FILES, *map(str, paths))
    return {**answer, "told": [_shorten(text) for text in answer["told"]]}


def _shorten(text: str) -> str:
    """Returns a message as one line without a terminal's commands, cut where it is long."""
    line = " ".join(re.sub("\x1b\\[[0-9;]*m", "", text).split())
    return line if len(line) <= MOST_CHARACTERS else f"{line[: MOST_CHARACTERS - 1]}…"


def collect_told(records: Sequence[Record]) -> Dict[str, Optional[str]]:
    """Returns for each snippet in runs of ``plan_faults`` what it came to; ``None`` where no Python could run it."""
    told: Dict[str, Optional[str]] = {}
    for record in records:
        if is_of_faults(record.options):
            outcome, snippets = record.outcome, record.options["snippets"]
            told.update(zip(snippets, outcome["told"] if outcome["found"] else [None] * len(snippets)))
    return told


def tabulate_faults(faults: Sequence[Fault], records: Sequence[Record]) -> Table:
    """Returns the table of faults: where, what, what is meant, and what our own lines came to."""
    told = collect_told(records)
    rows = tuple((fault.lines, fault.wrong, fault.meant, _describe(fault, told[fault.snippet])) for fault in faults)
    columns = ("Line of the listing", "What is wrong", "What is meant", "What the same mistake of ours comes to")
    title = "What keeps it from running, and from being what is meant"
    return Table(title + tell_versions(record for record in records if is_of_faults(record.options)), columns, rows)


def tell_versions(records: Iterable[Record]) -> str:
    """Returns the versions of Keras and what it ran on, in brackets; nothing where no run tells them."""
    for record in records:
        versions = record.outcome.get("versions", {})
        if "keras" in versions:
            return f" (Keras {versions['keras']} on TensorFlow {versions['tensorflow']})"
    return ""


def list_snippets(faults: Sequence[Fault]) -> Tuple[Listing, ...]:
    """Returns our own lines that make the mistakes, in the order of the table."""
    return tuple(
        Listing(f"{'Line' if fault.lines.isdigit() else 'Lines'} {fault.lines}: {fault.wrong}", fault.snippet.strip())
        for fault in faults
    )


def _describe(fault: Fault, text: Optional[str]) -> str:
    """Returns what a snippet came to, and says so where that is not what the fault is about."""
    if text is None:
        return ABSENT
    return text if fault.shows in text else f"{text} (not what was expected: {fault.shows})"
