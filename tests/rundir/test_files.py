"""JSON files and the log of a run: whole values of the kind that was written, or one line."""

import hashlib
import os

import pytest

from gluon_lstm.errors import RunError
from gluon_lstm.rundir.files import parse_record, read_json, sha256, write_json


@pytest.fixture
def path(tmp_path):
    write_json(tmp_path / "file.json", {"好": [1, None, {"a": 0.5}]})
    return tmp_path / "file.json"


def test_what_was_written_comes_back(path):
    assert read_json(path) == {"好": [1, None, {"a": 0.5}]}
    assert sha256(path) == hashlib.sha256(path.read_bytes()).hexdigest()
    assert read_json(path, sha256(path)) == read_json(path)


def test_lists_of_numbers_take_one_line(tmp_path):
    content = {"rows": [[1, -2], [3.5, 1e-30]], "none": [], "mixed": [1, "a"], "text": "[\n  1,\n  2\n]", "one": [7]}
    write_json(tmp_path / "file.json", content)
    assert read_json(tmp_path / "file.json") == content
    lines = (tmp_path / "file.json").read_text(encoding="utf-8").splitlines()
    assert lines[1:5] == ['  "rows": [', "    [1, -2],", "    [3.5, 1e-30]", "  ],"]
    assert lines[-2] == '  "one": [7]'


@pytest.mark.parametrize("checksum", ["0" * 64, "", 3, ["x"]])
def test_another_checksum(path, checksum):
    with pytest.raises(RunError, match="file.json: damaged, its checksum is not the recorded one; train again"):
        read_json(path, checksum)


@pytest.mark.parametrize(
    "content, message",
    [
        (b"[1]", "must hold a JSON object"), (b"{", "cannot be read"), (b"\xff", "cannot be read"),
        (b'{"a": NaN}', "no finite number"), (b'{"a": 1, "a": 2}', "'a' occurs twice"),
        (b'{"a":' + b"[" * 100_000, "nested too deeply"),
    ],
    ids=["list", "cut", "bytes", "NaN", "twice", "deep"],
)  # fmt: skip
def test_what_is_no_json_object(path, content, message):
    path.write_bytes(content)
    with pytest.raises(RunError, match=f"file.json: .*{message}"):
        read_json(path)


def test_a_file_too_large_or_a_pipe(path):
    with path.open("r+b") as file:
        file.truncate(10**10)
    with pytest.raises(RunError, match="larger than 33,554,432 bytes"):
        read_json(path)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(RunError, match="not an ordinary file"):
        read_json(path)


def test_a_record_is_what_it_was():
    line = '{"epoch": 3, "train_loss": 1, "validation_loss": null, "best": true, "note": "more", "skipped": [1]}'
    assert parse_record(line) == {
        "epoch": 3, "train_loss": 1, "validation_loss": None, "best": True, "note": "more", "skipped": [1],
    }  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        "", "1", "[]", "null", "{}", '{"epoch": "1"}', '{"epoch": true}', '{"epoch": 1.0}', '{"epoch": -1}',
        '{"epoch": 9999999999}', '{"epoch": 1, "train_loss": "x"}', '{"epoch": 1, "train_loss": 1e300}',
        '{"epoch": 1, "validation_accuracy": [1]}', '{"epoch": 1, "train_loss": true}', '{"epoch": NaN}',
    ],
)  # fmt: skip
def test_what_is_no_record(line):
    with pytest.raises(ValueError, match="."):
        parse_record(line)
