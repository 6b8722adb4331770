"""Times how training texts of a corpus become numbers: cut into tokens anew, and with the tokens from the cache.

    GLUON_LSTM_DATA=DIR python benchmarks/tokenizing.py imdb

Each form is a process of its own, one after the other in every round, with a cache that is
empty at the round's start. Seconds are those of tokenization, vocabulary and numbering, of the
clock and of the processor; the imports and the reading of the file are told apart from them.
The peak memory is that of the whole process.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from importlib import import_module
from typing import Any, Dict, List, NamedTuple

from common import run_command, summarize, write_result

FORMS = ("anew", "cached")
"""What the first process of a round does, and the second."""


class Clock(NamedTuple):
    """A moment: seconds of the clock, and of the processor in this process."""

    wall: float
    processor: float


def main() -> None:
    """Times both forms and writes ``docs/results/tokenizing-NAME.json``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", help="a corpus by name")
    parser.add_argument("--rounds", type=int, default=3, help="(default: 3)")
    parser.add_argument("--once", action="store_true", help="measure in this process and print what came of it")
    arguments = parser.parse_args()
    if arguments.once:
        print(json.dumps(measure(arguments.name)))
        return
    runs: Dict[str, List[Dict[str, Any]]] = {form: [] for form in FORMS}
    for _ in range(arguments.rounds):
        with tempfile.TemporaryDirectory() as cache:
            for form in FORMS:
                command = [sys.executable, __file__, arguments.name, "--once"]
                finished = run_command(command, {"XDG_CACHE_HOME": cache})
                runs[form].append({**json.loads(finished.output.splitlines()[-1]), "peak_mib": finished.peak_mib})
    write_result(f"tokenizing-{arguments.name}", {form: describe(of_form) for form, of_form in runs.items()})


def measure(name: str) -> Dict[str, Any]:
    """Returns how many texts and tokens the training split has, and how long it took to make numbers of them."""
    from gluon_lstm.config import TextConfig
    from gluon_lstm.data.corpora import find_corpus
    from gluon_lstm.data.encoding import Tokenization, build_format
    from gluon_lstm.data.tables import Columns, read_texts
    from gluon_lstm.data.texts import tokenize_texts

    import_module("gluonnlp")  # which takes seconds, and would count as the vocabulary's
    config = TextConfig()
    tokenization = Tokenization.from_config(config)
    start = now()
    texts = read_texts(find_corpus(name, None) / "train.jsonl.gz", Columns("text", "label")).texts
    read = now()
    tokens = tokenize_texts(tokenization, texts)
    numbers = build_format(tokenization, tokens, config).numericalize(tokens).numbers
    end = now()
    return {
        "texts": len(texts),
        "tokens": len(numbers),
        "read_seconds": read.wall - start.wall,
        "seconds": end.wall - read.wall,
        "cpu_seconds": end.processor - read.processor,
    }


def now() -> Clock:
    """Returns the present moment."""
    return Clock(time.perf_counter(), time.process_time())


def describe(runs: List[Dict[str, Any]]) -> Dict[str, Any]:
    """Returns what the runs of one form come to."""
    times = {name: summarize([run[name] for run in runs]) for name in ("read_seconds", "seconds", "cpu_seconds")}
    return {**{name: runs[0][name] for name in ("texts", "tokens")}, **times,
            "peak_mib": max(run["peak_mib"] for run in runs)}  # fmt: skip


if __name__ == "__main__":
    main()
