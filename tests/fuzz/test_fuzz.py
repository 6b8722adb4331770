"""Mutated files end in a result or a clear error; and the harness sees what does not. ``soak.py`` tries many more."""

import json
import random
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent)]

from harness import MOST_FAILURES, fuzz  # noqa: E402 - beside this file
from mutation import CHANGES, mutate  # noqa: E402
from readers import READERS  # noqa: E402

RESULT = Path(__file__).resolve().parents[2] / "docs" / "results" / "fuzz.json"
INPUTS = 100
"""A reader, in every run of the tests."""
AGAIN = ("tsv", "csv.gz", "lines.gz", "summary")
"""Readers of what another row reads too, but for its separator, its packing or its name: a quarter of the inputs."""

BROKEN_TABLE = '''
import ctypes, time
from pathlib import Path
from gluon_lstm.errors import DataError
from readers import Reader

def seeds():
    return [b"valid"]

def break_on(action):
    return Reader("file", seeds, lambda path: action() if path.read_bytes() != b"valid" else None)

def refuse():
    raise DataError("refused")

def refuse_without_a_word():
    raise DataError("")

def forget():
    raise KeyError("forgotten")

def sleep():
    time.sleep(20)

READERS = {
    "fine": break_on(refuse),
    "silent": break_on(refuse_without_a_word),
    "forgetful": break_on(forget),
    "slow": break_on(sleep),
    "greedy": break_on(lambda: bytearray(2**31)),
    "crashing": break_on(lambda: ctypes.string_at(0)),
}
'''


def groups_of_readers():
    """Returns the readers in three groups, for as many processes: those of tables, of runs, and all others."""
    names = [name for name in READERS if name != "sentencepiece" or find_spec("sentencepiece")]
    tables = [name for name in names if name.partition(".")[0] in ("csv", "tsv", "jsonl", "lines", "vectors", "idx")]
    parts = ["model.json", "vocabulary", "parameters", "manifest", "state", "arrays", "temperature"]
    return [tables, parts, [name for name in names if name not in (*tables, *parts)]]


@pytest.mark.parametrize("names", groups_of_readers(), ids=["tables", "parts of a run", "others"])
def test_mutated_files_end_in_a_result_or_a_clear_error(tmp_path, names):
    again = [name for name in names if name in AGAIN]
    outcomes = fuzz([name for name in names if name not in AGAIN], INPUTS, tmp_path)
    outcomes.update(fuzz(again, INPUTS // 4, tmp_path) if again else {})
    assert sorted(outcomes) == sorted(names)
    assert [(name, failure.what) for name, found in outcomes.items() for failure in found.failures] == []
    for name, found in outcomes.items():
        assert found.inputs == found.accepted + found.refused == (INPUTS // 4 if name in AGAIN else INPUTS)
        assert found.accepted, f"mutations leave nothing of {name}"
        assert found.refused or name == "tokens", f"nothing of {name} is ever refused"


@pytest.fixture
def broken_table(tmp_path, monkeypatch):
    """The name of a table of readers that break."""
    (tmp_path / "table").mkdir()
    (tmp_path / "table" / "broken_readers.py").write_text(BROKEN_TABLE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "table"))
    return "broken_readers"


BREAKS = {
    "silent": "an error without a word",
    "forgetful": "KeyError: 'forgotten'",
    "slow": "Hang: took too long",
    "greedy": "MemoryError",
    "crashing": "the process ended with -11",
}


def test_the_harness_sees_what_breaks(tmp_path, broken_table):
    outcomes = fuzz([*BREAKS, "fine"], 3, tmp_path, broken_table, seconds=0.2)
    for name, what in BREAKS.items():
        found = outcomes[name]
        assert found.inputs == 3
        assert found.failures
        assert all(failure.what.startswith(what) for failure in found.failures)
        assert len(list(tmp_path.rglob(f"{name}-*/failure-*"))) == (0 if name == "crashing" else len(found.failures))
    assert outcomes["fine"].failures == []


def test_the_harness_stops_after_many_failures_and_counts_what_is_fine(tmp_path, broken_table):
    outcomes = fuzz(["forgetful", "fine"], 300, tmp_path, broken_table)
    assert len(outcomes["forgetful"].failures) == MOST_FAILURES
    assert (outcomes["fine"].inputs, outcomes["fine"].failures) == (300, [])
    assert 0 < outcomes["fine"].accepted < outcomes["fine"].refused


def test_mutations_follow_the_stream_and_each_change_changes():
    seeds = [b"one 1 content of a file, 2 of it", b"another content, 3"]
    tokens = [b"TOKEN"]
    first, again = ([mutate(seeds[0], seeds, tokens, random.Random(n)) for n in range(200)] for _ in range(2))
    assert first == again
    assert len(set(first)) > 150
    for change in CHANGES:
        rng = random.Random(0)
        assert any(change(bytearray(seeds[0]), seeds, tokens, rng) != seeds[0] for _ in range(20)), change.__name__


def test_every_reader_has_a_result_of_the_soak():
    assert set(json.loads(RESULT.read_text(encoding="utf-8"))["readers"]) == set(READERS)
