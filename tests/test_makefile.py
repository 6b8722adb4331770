"""The Makefile takes the Pythons that MXNet runs on, and pins what was tested with 3.11."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PIP = 'echo "$*, pinned by $PIP_CONSTRAINT, when built by $PIP_BUILD_CONSTRAINT."'
"""What the new environment's Python does in place of installing."""
PYTHON = """#!/bin/sh
if [ "$2" = venv ]; then
    mkdir -p "$3/bin"
    printf '%s\\n' '#!/bin/sh' '{pip}' > "$3/bin/python"
    chmod +x "$3/bin/python"
else
    exec '{python}' -c "import sys
sys.version_info, sys.version = {numbers}, '{version} (main)'
exec(sys.argv[2])" "$@"
fi
"""

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="needs make on the path")


def make_venv(folder: Path, version: str) -> subprocess.CompletedProcess:
    """Runs ``make venv`` in a copy of the Makefile, with a Python that says it is of another version."""
    for name in ("Makefile", "setup.cfg", "constraints.txt"):
        shutil.copyfile(ROOT / name, folder / name)
    numbers = tuple(map(int, version.split(".")))
    python = folder / "python"
    python.write_text(PYTHON.format(pip=PIP, python=sys.executable, numbers=numbers, version=version))
    python.chmod(0o755)
    command = ["make", f"PYTHON={python}", "venv"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("version", ["3.8.18", "3.13.0"])
def test_a_python_that_mxnet_does_not_run_on_is_named_before_anything_is_made(tmp_path, version):
    done = make_venv(tmp_path, version)
    line, *rest = done.stderr.splitlines()
    assert done.returncode == 2
    assert line == (f"needs Python 3.9 to 3.12, and {tmp_path / 'python'} is {version}; name another, "
                    "as in make PYTHON=python3.11 venv")  # fmt: skip
    assert all(text.startswith("make") for text in rest)
    assert not (tmp_path / ".venv").exists()


def test_an_environment_is_made_once_for_all_that_need_it(tmp_path):
    assert make_venv(tmp_path, "3.11.7").returncode == 0
    commands = {}
    for target in ("venv", "demo", "test"):
        command = ["make", "--dry-run", f"PYTHON={tmp_path / 'python'}", target]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
        lines = done.stdout.splitlines()
        commands[target] = [line for line in lines if line.startswith((".venv", "OMP", "/", "python"))]
    assert commands["venv"] == []
    assert [line.split()[1] for line in commands["demo"]] == ["train.py", "evaluate.py"]
    assert len(commands["test"]) == 2 and "pytest" in commands["test"][1]
    (tmp_path / "setup.cfg").touch()  # of another release, say, which may need other packages
    done = subprocess.run(["make", "--dry-run", f"PYTHON={tmp_path / 'python'}", "demo"], cwd=tmp_path,
                          capture_output=True, text=True, timeout=60)  # fmt: skip
    assert "pip install" in done.stdout


@pytest.mark.parametrize("version, pins", [("3.11.7", "constraints.txt"), ("3.12.1", "")])
def test_what_is_installed_and_built_is_pinned_with_the_python_that_was_tested(tmp_path, version, pins):
    done = make_venv(tmp_path, version)
    assert done.returncode == 0, done.stderr
    assert f".[test], pinned by {pins}, when built by {pins}." in done.stdout
    assert (tmp_path / ".venv" / "installed").exists()
