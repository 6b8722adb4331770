"""Event files are those of tensorboardX, byte for byte."""

import os

import pytest
from tensorboardX.proto.event_pb2 import Event
from tensorboardX.proto.summary_pb2 import Summary
from tensorboardX.record_writer import RecordWriter

from gluon_lstm.rundir import events
from gluon_lstm.rundir.events import EventFile

NOW = 1_700_000_000.25


def by_tensorboardx(path, steps):
    """Returns the bytes that tensorboardX writes for (step, name → value) pairs."""
    writer = RecordWriter(str(path))
    writer.write(Event(wall_time=NOW, file_version="brain.Event:2").SerializeToString())
    for step, values in steps:
        summary = Summary(value=[Summary.Value(tag=name, simple_value=value) for name, value in values.items()])
        writer.write(Event(wall_time=NOW, step=step, summary=summary).SerializeToString())
    writer.close()
    return path.read_bytes()


@pytest.mark.parametrize(
    "steps",
    [
        [],
        [(1, {"train_loss": 0.1})],
        [(127, {"a": -1.5, "b": 3e38}), (128, {"x" * 200: 1e-40, "é": 0.25}), (2**40, {"a": 7.0})],
    ],
)
def test_a_file_is_that_of_tensorboardx(tmp_path, monkeypatch, steps):
    monkeypatch.setattr(events.time, "time", lambda: NOW)
    file = EventFile(tmp_path / "new" / "events")
    for step, values in steps:
        file.add(values, step)
    (path,) = (tmp_path / "new" / "events").iterdir()
    assert path.name.startswith("events.out.tfevents.1700000000.")
    found = path.read_bytes()  # all is there before the file is closed
    file.close()
    assert found == path.read_bytes() == by_tensorboardx(tmp_path / "theirs", steps)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_a_full_disk_is_an_error_at_once_and_not_once_more_at_the_end(tmp_path):
    file = EventFile(tmp_path)
    file.close()
    file._file = open("/dev/full", "ab")
    with pytest.raises(OSError, match="No space left"):
        file.add({"a": 1.0}, 1)
    file.close()
