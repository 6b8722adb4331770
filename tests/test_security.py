"""SECURITY.md and docs/reliability.md say what the code does and what was measured."""

import json
import re
from pathlib import Path

from gluon_lstm import bounded
from gluon_lstm.data.downloads import DEFAULT_LIMITS

ROOT = Path(__file__).parents[1]
SECURITY = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
RELIABILITY = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
UNITS = {"": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


def result(name):
    return json.loads((ROOT / "docs" / "results" / f"{name}.json").read_text(encoding="utf-8"))


def test_the_limits_are_those_of_the_code():
    rows = re.findall(r"^\| .* \| ([\d,]+) ?(\w*) \| `(\w+)` \|$", SECURITY, re.MULTILINE)
    told = {name: int(number.replace(",", "")) * UNITS[unit] for number, unit, name in rows}
    known = {name: value for name, value in vars(bounded).items() if name.isupper() and isinstance(value, int)}
    assert told == {name: value for name, value in known.items() if name != "MIB" and not name.startswith("_")}


def test_the_limits_of_downloads_are_those_of_the_code():
    found = re.search(r"at most (\d+) GiB, (\d+) s without an answer and (\d+) s in all", SECURITY)
    gibibytes, silence, total = map(int, found.groups())
    assert (gibibytes * 2**30, silence, total) == DEFAULT_LIMITS


def test_the_cost_of_the_checks_is_as_measured_and_within_its_limit():
    shares = result("guards")["check_to_step"]
    assert all(f"{share * 100:.2f} %" in RELIABILITY for share in shares.values())
    assert max(shares.values()) <= result("guards")["most"] == 0.02


def test_fuzzing_has_tried_what_is_promised():
    found = result("fuzz")
    assert found["failures"] == 0
    assert {name for name, one in found["readers"].items() if one["inputs"] < 20_000 or one["failures"]} == set()
    assert max(one["slowest"] for one in found["readers"].values()) < found["most_seconds"] == 5
    assert max(one["memory"] for one in found["readers"].values()) < found["most_mib"] == 1024
