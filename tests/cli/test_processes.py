"""The scripts as a person starts them, each in a process of its own."""

import configparser
import os
import shlex
import shutil
import signal
import subprocess
import sys
from importlib import import_module

import numpy as np
import pytest
from commands import ROOT, TINY, finish

import gluon_lstm
from gluon_lstm.cli import main


def test_another_process_writes_the_same_bytes(script, trained, tmp_path):
    # Sets and dicts of this process are hashed with another seed.
    first = finish(script("train.py", "--output", tmp_path / "run", *TINY, PYTHONHASHSEED="12345"))
    assert first.code == 0
    assert finish(script("evaluate.py", tmp_path / "run", "--quick", PYTHONHASHSEED="54321")).code == 0
    for name in ("config.json", "model/parameters.safetensors", "model/model.json", "evaluation/test/predictions.csv"):
        assert (tmp_path / "run" / name).read_bytes() == (trained / name).read_bytes(), name


def test_two_threads_write_the_same_bytes_each_time(script, tmp_path):
    # 32 units, so that the products are large enough to be shared out.
    options = (*TINY, "--hidden-size", 32, "--epochs", 1, "--threads", 2)
    for name in ("first", "again"):
        assert finish(script("train.py", "--output", tmp_path / name, *options)).code == 0
    assert '"threads": "2"' in (tmp_path / "first" / "config.json").read_text()
    for name in ("config.json", "model/parameters.safetensors", "model/model.json"):
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "again" / name).read_bytes(), name


@pytest.mark.parametrize(
    "name, arguments, message",
    [
        ("train.py", ["--epochs", "0"], "gluon-lstm train: --epochs 0: must be at least 1\n"),
        ("evaluate.py", ["--split", "all"], "gluon-lstm evaluate: argument --split: invalid choice: 'all'"),
        ("evaluate.py", ["none"], "gluon-lstm evaluate: none: no such run directory"),
    ],
)
def test_a_mistake_ends_with_one_line_and_code_2(script, name, arguments, message):
    outcome = finish(script(name, *arguments))
    assert (outcome.code, outcome.out, len(outcome.err.splitlines())) == (2, "", 1)
    assert outcome.err.startswith(message)


def test_the_package_runs_as_a_module():
    told = subprocess.run([sys.executable, "-m", "gluon_lstm", "--version"], cwd=ROOT, capture_output=True, text=True)
    assert (told.returncode, told.stdout) == (0, f"gluon-lstm {gluon_lstm.__version__}\n")


@pytest.mark.parametrize("name, arguments", [("train.py", ["--dry-run"]), ("evaluate.py", ["RUN", "--quick"])])
def test_a_thread_variable_that_is_no_number_is_such_a_mistake(script, trained, name, arguments):
    given = [trained if argument == "RUN" else argument for argument in arguments]
    outcome = finish(script(name, *given, OMP_NUM_THREADS="abc"))
    assert (outcome.code, outcome.out, len(outcome.err.splitlines())) == (2, "", 1)
    assert outcome.err.startswith(f"gluon-lstm {name[:-3]}: OMP_NUM_THREADS=abc: must be a whole number from 1 to ")
    assert finish(script(name, "--help", OMP_NUM_THREADS="abc")).code == 0


@pytest.mark.parametrize("how", ["command", "module"])
def test_the_installed_command_and_the_module_know_themselves_too(tmp_path, how):
    command = tmp_path / "gluon-lstm"
    command.write_text("import sys\nfrom gluon_lstm.cli import main\nsys.exit(main())\n")
    environment = {**os.environ, "OMP_NUM_THREADS": "abc", "PYTHONPATH": str(ROOT)}
    started = [str(command)] if how == "command" else ["-m", "gluon_lstm"]
    command = [sys.executable, *started, "train", "--dry-run"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert done.stderr.startswith("gluon-lstm train: OMP_NUM_THREADS=abc: must be")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_training_with_its_code_and_a_model(script, tmp_path, number):
    run = tmp_path / "run"
    process = script("train.py", "--output", run, *TINY, "--epochs", 100_000)
    for line in process.stderr:
        if line.startswith("epoch   3/"):
            break
    process.send_signal(number)
    outcome = finish(process)
    assert outcome.code == 128 + number
    assert "Traceback" not in outcome.err
    assert "best epoch " in outcome.out
    assert gluon_lstm.load(run).predict_proba(np.zeros((1, 8, 8))).shape == (1, 10)
    names = ["checkpoints", "config.json", "events", "log.jsonl", "model"]
    assert sorted(path.name for path in run.iterdir()) == names


FULL = "gluon-lstm: standard output cannot be written (No space left on device); free space or redirect it\n"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
@pytest.mark.parametrize(
    "name, arguments, variables",
    [
        ("train.py", ["--help"], {}),
        ("train.py", ["--help"], {"PYTHONUNBUFFERED": "1"}),
        ("train.py", ["--output", "run", *TINY, "--epochs", "1"], {}),
        ("evaluate.py", ["copy", "--quick"], {"PYTHONUNBUFFERED": "1"}),
    ],
    ids=["help", "help, unbuffered", "train", "evaluate, unbuffered"],
)
def test_a_full_standard_output_is_one_line(trained, tmp_path, name, arguments, variables):
    shutil.copytree(trained, tmp_path / "work" / "copy")
    with open("/dev/full", "w") as full:
        command = [sys.executable, str(ROOT / name), *arguments]
        environment = {**os.environ, **variables}
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, env=environment, timeout=60)
    assert done.returncode == 2
    assert [line for line in done.stderr.splitlines(True) if not line.startswith(("epoch ", "d"))] == [FULL]


@pytest.mark.parametrize("environment", [{}, {"PYTHONUNBUFFERED": "1"}], ids=["buffered", "unbuffered"])
def test_a_reader_that_leaves_ends_the_command_without_a_word(environment):
    command = [sys.executable, str(ROOT / "train.py"), "--help"]
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment})
    os.close(write)
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, "")


def test_a_closed_standard_output_is_nobodys_mistake():
    command = f"exec {shlex.quote(sys.executable)} {shlex.quote(str(ROOT / 'train.py'))} --epochs 0 >&-"
    done = subprocess.run(["sh", "-c", command], stderr=subprocess.PIPE, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (2, "gluon-lstm train: --epochs 0: must be at least 1\n")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
@pytest.mark.parametrize("errors", ["2>&-", "2>/dev/full"], ids=["closed", "full"])
def test_a_mistake_that_cannot_be_told_has_its_code_and_nothing_on_standard_output(errors):
    command = f"exec {shlex.quote(sys.executable)} {shlex.quote(str(ROOT / 'train.py'))} --epochs 0 {errors}"
    done = subprocess.run(["sh", "-c", command], stdout=subprocess.PIPE, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")


def test_the_installed_command_is_the_same():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    name, _, target = setup["options.entry_points"]["console_scripts"].strip().partition(" = ")
    module, _, function = target.partition(":")
    assert name == "gluon-lstm"
    assert getattr(import_module(module), function) is main
