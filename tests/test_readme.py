"""The commands, code and figures of README and pages are what the project does."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gluon_lstm.cli.main import build_parser
from gluon_lstm.cli.options import read_config
from gluon_lstm.data.idx import read_labelled_images
from gluon_lstm.data.mnist import CHECKSUMS

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = {path: path.read_text(encoding="utf-8") for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))}


def blocks(language, text=README):
    """Returns the code blocks of one language in a page."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


LINES = [line.partition(" #")[0].strip() for block in blocks("sh") for line in block.splitlines()]
COMMANDS = [line for line in LINES if line.startswith("gluon-lstm")]


def test_there_are_commands_and_code():
    assert len(COMMANDS) >= 5 and blocks("python")
    assert "TODO" not in README


@pytest.mark.parametrize("command", [command for command in COMMANDS if "--help" not in command])
def test_commands_are_understood(command):
    arguments = build_parser().parse_args(shlex.split(command)[1:])
    assert arguments.command in command
    if hasattr(arguments, "preset") and not arguments.config:
        read_config(arguments)


@pytest.mark.parametrize("code", [code for text in PAGES.values() for code in blocks("python", text)])
def test_python_runs_as_it_stands(code):
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=60)


def test_images_of_ones_own_are_written_as_the_readme_shows(tmp_path):
    (code,) = (block for block in blocks("python") if "def write_idx" in block)
    names = {}
    exec(code, names)
    images, labels = np.arange(24, dtype=np.uint8).reshape(2, 3, 4), np.array([7, 255], np.uint8)
    names["write_idx"](tmp_path / "images", images)
    names["write_idx"](tmp_path / "labels", labels)
    found = read_labelled_images(tmp_path / "images", tmp_path / "labels")
    np.testing.assert_array_equal(found.images, images)
    assert found.labels.tolist() == [7, 255]


def test_files_of_ones_own_have_the_names_that_are_looked_for():
    assert all(re.search(rf"^  {name}( |$)", README, flags=re.MULTILINE) for name in CHECKSUMS)


def test_make_targets_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = {target for block in blocks("sh") for target in re.findall(r"^make (\w+)", block, flags=re.MULTILINE)}
    assert targets and all(re.search(rf"^{target}:", makefile, flags=re.MULTILINE) for target in targets)


def test_tables_are_what_the_results_say():
    subprocess.run([sys.executable, "benchmarks/tables.py", "--check"], cwd=ROOT, check=True, timeout=60)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    targets = re.findall(r"\]\(([^)#]+?)\)", PAGES[page])
    assert targets and all((page.parent / target).exists() for target in targets if "://" not in target)
