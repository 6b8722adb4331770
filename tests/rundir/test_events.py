"""TensorBoard's events: each record is on the disk at once, and none of their failures ends a training."""

import errno
import os
import struct
import subprocess
import sys
import textwrap

import pytest
from tensorboardX.proto.event_pb2 import Event

from gluon_lstm.rundir.events import EventLog

RECORD = {"epoch": 3, "train_loss": 0.5, "best": True, "gradient_norm": None, "learning_rate": 0.125}


def events(path):
    """Returns the events in a file: each stands between its length, with a checksum of that, and its own checksum."""
    content, place, found = path.read_bytes(), 0, []
    while place < len(content):
        (size,) = struct.unpack_from("<Q", content, place)
        found.append(Event.FromString(content[place + 12 : place + 12 + size]))
        place += 12 + size + 4
    return found


def test_numbers_are_there_at_once_as_tensorboard_reads_them(tmp_path):
    with EventLog(tmp_path / "events") as log:
        log.add(RECORD)
        (path,) = (tmp_path / "events").iterdir()
        start, *numbers = events(path)
    assert path.name.startswith("events.out.tfevents.")
    assert start.file_version == "brain.Event:2"
    assert [(event.step, event.summary.value[0].tag, event.summary.value[0].simple_value) for event in numbers] == [
        (3, "train_loss", 0.5), (3, "learning_rate", 0.125),
    ]  # fmt: skip


def test_without_a_record_nothing_is_made(tmp_path):
    with EventLog(tmp_path / "events"):
        pass
    assert not (tmp_path / "events").exists()


def test_parts_of_a_run_that_begin_in_one_second_have_files_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setattr("time.time", lambda: 1234567890.5)
    for _ in range(3):
        with EventLog(tmp_path / "events") as log:
            log.add(RECORD)
    assert [len(events(path)) for path in sorted((tmp_path / "events").iterdir())] == [3, 3, 3]


@pytest.mark.timeout(20)
def test_a_full_disk_costs_the_events_and_no_more(tmp_path, monkeypatch, capsys):
    def full(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with EventLog(tmp_path / "events") as log:
        for epoch in range(1, 31):
            log.add({**RECORD, "epoch": epoch})
    assert capsys.readouterr().err == (
        f"warning: no TensorBoard events from here on, {tmp_path / 'events'} cannot be written "
        "(No space left on device)\n"
    )


def test_a_file_in_the_folders_place_is_such_a_failure(tmp_path, capsys):
    (tmp_path / "events").touch()
    with EventLog(tmp_path / "events") as log:
        log.add(RECORD)
    assert "cannot be written (File exists)" in capsys.readouterr().err


def test_pytorch_is_not_imported_for_events_and_can_be_afterwards(tmp_path):
    """It takes seconds, and may be broken; so this one is."""
    (tmp_path / "torch.py").write_text("raise OSError('libtorch.so: no such file')")
    code = f"""
        import sys
        sys.path.insert(0, {str(tmp_path)!r})
        from pathlib import Path
        from gluon_lstm.rundir.events import EventLog
        with EventLog(Path({str(tmp_path / "events")!r})) as log:
            log.add({RECORD!r})
        import torch
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=60)
    assert done.stderr.endswith("OSError: libtorch.so: no such file\n") and "warning" not in done.stderr
    assert len(events(next((tmp_path / "events").iterdir()))) == 3


def test_without_tensorboardx_there_are_none(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "tensorboardX.summary", None)
    with EventLog(tmp_path / "events") as log:
        log.add(RECORD)
        log.add(RECORD)
    line = capsys.readouterr().err
    assert line.startswith("warning: no TensorBoard events from here on, tensorboardX cannot be imported (")
    assert line.count("\n") == 1
    assert not (tmp_path / "events").exists()
