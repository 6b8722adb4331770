"""What the tests of the commands share: a way to run them, a trained run, and small data."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Callable

import pytest
from commands import ROOT, TINY, Outcome, idx_contents, listing

from gluon_lstm.cli import main
from gluon_lstm.data import mnist, texts, tokenizers


@pytest.fixture(autouse=True)
def offline(tmp_path, monkeypatch):
    """Puts each test into an empty folder, without data of the user's and without a network."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.delenv("GLUON_LSTM_DATA", raising=False)
    for module in (mnist, texts, tokenizers):
        monkeypatch.setattr(module, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setattr(mnist, "MIRRORS", ())


@pytest.fixture
def cli(capsys) -> Callable[..., Outcome]:
    """A function that runs a command in this process."""

    def run(*arguments) -> Outcome:
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as end:
            code = end.code
        return Outcome(code, *capsys.readouterr())

    return run


@pytest.fixture
def refuses(cli) -> Callable[..., str]:
    """A function that runs a command that must fail with one line, which it returns, and leave nothing behind."""

    def run(*arguments) -> str:
        before = listing(Path.cwd())
        outcome = cli(*arguments)
        assert (outcome.code, outcome.out) == (2, "")
        assert outcome.err.startswith("gluon-lstm")
        assert outcome.err.endswith("\n")
        assert len(outcome.err.splitlines()) == 1
        assert listing(Path.cwd()) == before
        return outcome.err

    return run


@pytest.fixture(scope="session")
def trained(tmp_path_factory) -> Path:
    """A run on the digits, evaluated on the test split; tests leave it as it is."""
    run = tmp_path_factory.mktemp("trained") / "run"
    assert main(["train", "--output", str(run), *TINY]) == 0
    assert main(["evaluate", str(run), "--sections", "mistakes,training"]) == 0
    return run


@pytest.fixture
def numbers_alone(monkeypatch) -> None:
    """Leaves pictures, which take most of the time and are tested elsewhere, out of the reports of several runs."""
    monkeypatch.setattr("gluon_lstm.evaluation.report.BRIEF", ())


@pytest.fixture
def script() -> Callable[..., subprocess.Popen]:
    """A function that starts a script of the project in a process of its own, which is ended with the test."""
    processes = []

    def start(name: str, *arguments, **environment) -> subprocess.Popen:
        command = [sys.executable, str(ROOT / name), *map(str, arguments)]
        variables = {**os.environ, **environment}
        pipe = subprocess.PIPE
        processes.append(subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=variables))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture
def write_idx(tmp_path) -> Callable[..., Path]:
    """A function that writes the four files, some of them changed, and returns their folder."""

    def write(name="data", changes=None, **sizes) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        for file, content in {**idx_contents(**sizes), **(changes or {})}.items():
            if content is not None:
                (folder / file).write_bytes(content)
        return folder

    return write
