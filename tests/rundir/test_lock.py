"""One process at a time trains into a run directory."""

import errno
import fcntl
import os
import signal
import subprocess
import sys

import pytest

from gluon_lstm.errors import RunError
from gluon_lstm.rundir import locked

HOLD = """
import sys, pathlib
from gluon_lstm.rundir.lock import locked
with locked(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the folder."""
    command = [sys.executable, "-c", HOLD, str(tmp_path / "run")]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_held_folder_is_refused_and_a_crash_leaves_no_lock(holder, tmp_path):
    run = tmp_path / "run"
    with pytest.raises(RunError, match="run: another process trains into it; wait for it, or choose another folder"):
        with locked(run):
            pass
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with locked(run):
        assert list(run.iterdir()) == []


def test_a_lock_ends_with_its_block(tmp_path):
    with pytest.raises(KeyError), locked(tmp_path / "run"):
        raise KeyError
    with locked(tmp_path / "run"):
        pass


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(RunError, match="cannot be written .*; choose another folder with --output"):
            with locked(path):
                pass


def test_a_file_system_without_locks_is_told(tmp_path, monkeypatch, capsys):
    def unsupported(*_):
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))

    monkeypatch.setattr(fcntl, "flock", unsupported)
    with locked(tmp_path / "run"):
        pass
    assert capsys.readouterr().err == (
        f"warning: {tmp_path / 'run'} cannot be locked (Bad file descriptor); let no other process train into it\n"
    )
