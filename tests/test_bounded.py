"""Reading within limits: what is no ordinary file, too large, out of proportion, or no JSON."""

import gzip
import json
import os
import threading
import tracemalloc

import pytest

from gluon_lstm import bounded
from gluon_lstm.bounded import RepeatedNameError, open_file, parse_json, read_file, read_unpacked


def test_what_is_there_is_read(tmp_path):
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "empty").touch()
    assert read_file(tmp_path / "file", 7) == read_file(tmp_path / "link", 7) == b"content"
    assert read_file(tmp_path / "empty", 0) == b""


def test_what_is_too_large_is_not_read(tmp_path):
    with open(tmp_path / "sparse", "wb") as file:
        file.truncate(10**10)
    tracemalloc.start()
    with pytest.raises(ValueError, match="^larger than 1,000 bytes$"):
        read_file(tmp_path / "sparse", 1_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20


def test_a_pipe_is_refused_at_once_and_one_that_writes_is_left_alone(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="not an ordinary file"):
        open_file(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(tmp_path / "pipe", os.O_WRONLY)
    os.write(writer, b"something")
    with pytest.raises(OSError, match="not an ordinary file"):
        read_file(tmp_path / "pipe", 100)
    assert os.read(reader, 100) == b"something"
    os.close(reader)
    os.close(writer)


@pytest.mark.parametrize(
    "target, error", [("/dev/zero", OSError), (".", IsADirectoryError), ("loop", OSError), ("none", FileNotFoundError)]
)
def test_links_to_what_is_no_file(tmp_path, target, error):
    (tmp_path / "loop").symlink_to(target)
    with pytest.raises(error):
        read_file(tmp_path / "loop", 100)


def test_no_handle_stays_open(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        with pytest.raises(OSError, match="not an ordinary file"):
            open_file(tmp_path / "pipe")
    assert len(os.listdir("/proc/self/fd")) == before


def test_gzip_files_unpack(tmp_path):
    content = bytes(range(256)) * 1_000
    (tmp_path / "file").write_bytes(gzip.compress(content))
    assert read_unpacked(tmp_path / "file", len(content)) == content
    with pytest.raises(ValueError, match="unpacks to more than 255,999 bytes"):
        read_unpacked(tmp_path / "file", len(content) - 1)


def test_a_gzip_bomb_takes_little_memory(tmp_path):
    with gzip.open(tmp_path / "bomb", "wb", compresslevel=9) as file:
        for _ in range(100):
            file.write(bytes(2**20))
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"unpacks to more than [\d,]+ bytes"):
        read_unpacked(tmp_path / "bomb", 2**40)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * bounded.UNPACKED_BYTES


@pytest.mark.parametrize(
    "text",
    ['{"a": 1, "b": [true, null, -1.5e3]}', '"\\ud83d\\ude80 \\u0000"', "1e-400", b"[1, 2]", "[]", " 12 "],
)
def test_json_as_the_standard_has_it(text):
    assert parse_json(text) == json.loads(text)


@pytest.mark.parametrize(
    "text, message",
    [
        ("[" * 100_000 + "]" * 100_000, "nested too deeply"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "nested too deeply"),
        ("NaN", "NaN' is no finite number"),
        ("[-Infinity]", "no finite number"),
        ('{"a": 1e999}', "'1e999' is no finite number"),
        ("9" * 10_000, "integer string conversion"),
        ("[" + "[]," * bounded.JSON_CONTAINERS + "[]]", "more than 1,048,576 lists and objects"),
        ("", "Expecting value"),
        ("{} {}", "Extra data"),
        (b'"\xff"', "utf-8"),
        ("\ufeff{}", "Expecting value"),
    ],
    ids=["lists", "objects", "NaN", "infinity", "overflow", "digits", "many", "nothing", "two", "bytes", "mark"],
)
def test_what_is_no_json(text, message):
    with pytest.raises(ValueError, match=message) as caught:
        parse_json(text)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("text", ['{"a": 1, "b": 2, "a": 3}', '[{"x": {"a": 1, "a": 1}}]'])
def test_a_name_that_comes_twice(text):
    with pytest.raises(RepeatedNameError, match="^'a' occurs twice in one section; leave one of them out$"):
        parse_json(text)


def test_deep_json_in_a_thread_with_a_small_stack():
    found = []

    def parse():
        try:
            parse_json("[" * 100_000)
        except ValueError as error:
            found.append(str(error))

    before = threading.stack_size(2**18)
    thread = threading.Thread(target=parse)
    thread.start()
    thread.join()
    threading.stack_size(before)
    assert found == ["lists and objects are nested too deeply"]
