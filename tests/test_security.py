"""SECURITY.md and docs/reliability.md say what the code does and what was measured."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from gluon_lstm import bounded
from gluon_lstm.data.downloads import DEFAULT_LIMITS
from gluon_lstm.data.formats import ImageFormat
from gluon_lstm.data.pictures import read_pictures
from gluon_lstm.data.tables import Columns, read_texts
from gluon_lstm.data.tokenizers import read_sentencepiece_model
from gluon_lstm.errors import UserError
from gluon_lstm.rundir import Checkpoint, Checkpoints, Counts, RunDirectory
from gluon_lstm.rundir.files import sha256

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


def read_state(path):
    """Reads a checkpoint whose state is the file."""
    checkpoints = Checkpoints(path.parent / "checkpoints")
    checkpoints.save(Checkpoint(1, 1, 1, Counts(), 1, 0, 0, (), {"w": np.ones(1, np.float32)}))
    folder = path.parent / "checkpoints" / checkpoints.entries()[0].name
    path.replace(folder / "state.json")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["sha256"]["state.json"] = sha256(folder / "state.json")
    (folder / "manifest.json").write_text(json.dumps(manifest))
    checkpoints.read_step(1)


PNG_START = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x08\0\0\0\x08\x08\0\0\0\0"
"""Of 8 x 8 grey pixels."""
LARGE = {
    "a.png": (bounded.PICTURE_BYTES, lambda path: read_pictures(path, ImageFormat(8, 8, 16, "rows"))),
    "a.model": (bounded.SENTENCEPIECE_BYTES, lambda path: read_sentencepiece_model(str(path))),
    "a.csv": (bounded.TABLE_BYTES, lambda path: read_texts(path, Columns())),
    "a.jsonl": (bounded.TABLE_BYTES, lambda path: read_texts(path, Columns())),
    "log.jsonl": (bounded.LOG_BYTES, lambda path: RunDirectory(path.parent).read_log()),
    "state.json": (bounded.LOG_BYTES, read_state),
    "config.json": (bounded.JSON_BYTES, lambda path: RunDirectory(path.parent).read_config()),
}


@pytest.mark.parametrize("name", LARGE)
def test_a_file_beyond_its_limit_is_refused(tmp_path, name):
    most, read = LARGE[name]
    with (tmp_path / name).open("wb") as file:
        file.write(PNG_START if name == "a.png" else b"")
        file.truncate(most + 1)  # of which next to nothing is on the disk
    with pytest.raises(UserError, match=f"larger than {most:,} bytes"):
        read(tmp_path / name)


def test_the_limits_of_downloads_are_those_of_the_code():
    found = re.search(r"at most (\d+) GiB, (\d+) s without an answer and (\d+) s in all", SECURITY)
    gibibytes, silence, total = map(int, found.groups())
    assert (gibibytes * 2**30, silence, total) == DEFAULT_LIMITS


def test_the_cost_of_the_checks_is_as_measured_and_within_its_limit():
    shares = result("guards")["check_to_step"]
    assert ", ".join(f"{share:.2%}" for share in shares.values()) in RELIABILITY
    assert max(shares.values()) <= result("guards")["most"] == 0.02


def test_fuzzing_has_tried_what_is_promised():
    found = result("fuzz")
    assert found["failures"] == 0
    assert {name for name, one in found["readers"].items() if one["inputs"] < 20_000 or one["failures"]} == set()
    assert max(one["slowest"] for one in found["readers"].values()) < found["most_seconds"] == 5
    assert max(one["memory"] for one in found["readers"].values()) < found["most_mib"] == 1024
