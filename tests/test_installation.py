"""What ``pip install .`` installs is whole and works away from the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import List

import pytest

ROOT = Path(__file__).resolve().parents[1]
MISSING = [name for name in ("pip", "setuptools", "wheel") if not list(metadata.distributions(name=name))]
TINY = "--dataset digits --limit-train 100 --epochs 1 --hidden-size 4".split()

pytestmark = pytest.mark.skipif(
    bool(MISSING), reason=f"to build offline takes {', '.join(MISSING)} in the environment; make venv installs them"
)


def tracked_files() -> List[str]:
    """Returns the files that git keeps, so that no leftover of an earlier build stands in for one that is missing."""
    answer = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if answer.returncode:
        pytest.skip(f"git does not say which files belong to the project: {answer.stderr.strip()}")
    return [name for name in answer.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """The folder that a copy of the project was installed into."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("installed")
    for name in tracked_files():
        if not name.startswith(("docs/", "tests/")):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, source / name)
    options = ["--no-build-isolation", "--no-deps", "--no-index", "--disable-pip-version-check", "--quiet"]
    command = [sys.executable, "-m", "pip", "install", ".", *options, "--target", str(target)]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return target


def test_every_file_of_the_package_is_installed_and_nothing_beside_it(installed):
    package = [name for name in tracked_files() if name.startswith("gluon_lstm/")]
    assert {Path(name).suffix for name in package} >= {".py", ".po", ".j2", ".css", ".js"}
    for name in package:
        assert (installed / name).read_bytes() == (ROOT / name).read_bytes(), name
    others = {path.name for path in installed.iterdir()} - {"gluon_lstm", "bin"}
    assert [name.endswith(".dist-info") for name in others] == [True]


def test_the_peers_are_an_extra(installed):
    (found,) = metadata.distributions(path=[str(installed)])
    wanted = [line for line in (found.requires or []) if 'extra == "peers"' in line]
    names = sorted(line.partition("==")[0].strip() for line in wanted)
    assert names == ["keras", "tensorflow", "tensorflow-cpu", "torch"]


def test_the_installed_command_trains_and_evaluates(installed, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(installed), "OMP_NUM_THREADS": "1"}

    def carry_out(*command: str) -> str:
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=100)
        assert done.returncode == 0, done.stderr
        return done.stdout

    found = carry_out(sys.executable, "-c", "import gluon_lstm; print(gluon_lstm.__file__)").strip()
    assert Path(found).parents[1] == installed
    command = [sys.executable, str(installed / "bin" / "gluon-lstm")]
    assert "best epoch 1: " in carry_out(*command, "train", *TINY, "--output", "run")
    assert "Accuracy" in carry_out(*command, "evaluate", "run", "--quick")
    assert (tmp_path / "run" / "evaluation" / "test" / "report.html").is_file()
