import errno
import os
import signal
import sys
import time

import pytest
from commands import TINY
from mxnet.base import MXNetError

from gluon_lstm.cli import loading, main
from gluon_lstm.errors import DataError, DivergenceError
from gluon_lstm.rundir import RunDirectory


@pytest.fixture
def failing(monkeypatch, cli):
    """A function that runs a training whose data cannot be loaded, for a given reason."""

    def run(error):
        def fail(_):
            raise error

        monkeypatch.setattr(loading, "load_splits", fail)
        return cli("train")

    return run


def test_a_users_error_becomes_one_line(failing):
    assert failing(DataError("a\nfile: is\rdamaged")) == (2, "", "gluon-lstm train: a file: is damaged\n")


def test_divergence_has_its_own_code(failing):
    assert failing(DivergenceError("lost")) == (3, "", "gluon-lstm train: lost\n")


def test_ctrl_c_before_training(failing):
    assert failing(KeyboardInterrupt()) == (130, "", "gluon-lstm train: interrupted\n")


def test_ctrl_c_in_a_destructor_is_not_lost(monkeypatch, cli):
    class Array:
        def __del__(self):
            os.kill(os.getpid(), signal.SIGINT)

    def load(_):
        Array()
        time.sleep(30)
        raise DataError("it was lost")

    monkeypatch.setattr(loading, "load_splits", load)
    start = time.perf_counter()
    assert cli("train") == (130, "", "gluon-lstm train: interrupted\n")
    assert time.perf_counter() - start < 15


def test_what_else_fails_in_a_destructor_is_told_as_before(monkeypatch, cli):
    told = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: told.append(str(unraisable.exc_value)))

    class Array:
        def __del__(self):
            raise ValueError("a defect")

    def load(_):
        Array()
        raise DataError("gone")

    monkeypatch.setattr(loading, "load_splits", load)
    assert cli("train") == (2, "", "gluon-lstm train: gone\n") and told == ["a defect"]


def test_a_failed_write_elsewhere_is_not_taken_for_standard_outputs(failing):
    with pytest.raises(OSError, match="No space left"):
        failing(OSError(errno.ENOSPC, "No space left"))


def test_an_internal_error_keeps_its_traceback(failing):
    with pytest.raises(RuntimeError, match="a defect"):
        failing(RuntimeError("a defect"))


@pytest.mark.parametrize(
    "error",
    [MemoryError(), MXNetError("cpu_device_storage.h:80: Failed to allocate CPU Memory"), MXNetError("std::bad_alloc")],
)
def test_memory_that_runs_out_becomes_one_line(failing, error):
    code, told, line = failing(error)
    assert (code, told, line.count("\n")) == (2, "", 1) and "smaller --batch-size" in line


@pytest.mark.parametrize("error", [MXNetError("Failed to load"), RuntimeError("out of memory")])
def test_other_errors_are_no_shortage(failing, error):
    with pytest.raises(type(error)):
        failing(error)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_what_is_told_ends_no_training_where_it_cannot_be_written(tmp_path, monkeypatch):
    with open("/dev/full", "w", buffering=1) as full:
        monkeypatch.setattr(sys, "stderr", full)
        assert main(["train", "--output", str(tmp_path / "run"), *TINY]) == 0
    assert RunDirectory.open(tmp_path / "run").load_model().epoch
    assert len(RunDirectory.open(tmp_path / "run").read_log()) == 2
