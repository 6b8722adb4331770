"""The commands, code and figures of README and pages are what the project does."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pages import FEW_SECTIONS, PAGES, ROOT, Outcome, blocks_of, run_command
from PIL import Image

from gluon_lstm.data.idx import read_labelled_images
from gluon_lstm.data.mnist import CHECKSUMS

README = PAGES["README.md"]
ALONE = [text for name, text in PAGES.items() if re.fullmatch(r"(docs/)?(?!index|tutorial|README\.zh)[^/]+\.md", name)]
"""Pages whose Python runs block by block; `test_docs` has the others, and those in Chinese have the same code."""


def blocks(language, text=README):
    """Returns the code blocks of one language in a page."""
    return [block.code for block in blocks_of(text) if block.language == language]


LINES = [line.partition(" #")[0].strip() for block in blocks("sh") for line in block.splitlines()]
COMMANDS = [line for line in LINES if "gluon-lstm " in line and not line.startswith(("make", "."))]
SMALLER = {
    "train": "--epochs 1 --warmup-epochs 0 --limit-train 60 --hidden-size 4".split(),
    "evaluate": FEW_SECTIONS,
    "reproduce": "--seeds 2 --share 0.01".split(),
    "find-lr": "--steps 40 --limit-train 60 --hidden-size 4".split(),
}
"""What makes a command quick, beside what the README says; a run that repeats another is as small as that."""


def carry_out(command: str) -> Outcome:
    """Runs a line of the README, as small as ``SMALLER`` makes it."""
    arguments = shlex.split(command.rpartition("|")[2])[1:]
    compares = arguments[0] == "evaluate" and len(arguments) > 2 and not arguments[2].startswith("-")
    is_small = compares or not {"--config", "--help", "--limit-train"}.isdisjoint(arguments)
    return run_command(command, () if is_small else SMALLER.get(arguments[0], ()))


def write_what_the_readme_takes_for_given(folder: Path) -> None:
    """Puts the files and the run that its commands name into the folder that they are run in."""
    rng, (code,) = np.random.default_rng(0), (block for block in blocks("python") if "def write_idx" in block)
    exec(code, names := {})
    for place in (folder / "DIR", folder / "data" / "mnist"):
        place.mkdir(parents=True)
        for name in CHECKSUMS:
            count = 120 if name.startswith("train") else 20
            images = rng.integers(0, 256, (count, 10, 10)).astype(np.uint8)
            names["write_idx"](place / name, images if "images" in name else np.arange(count, dtype=np.uint8) % 4)
    rows = [f"the {noun} was {word},{label}" for noun in "abcdefghijklmnopqrstuvwxy"
            for word, label in (("fine", "good"), ("poor", "bad"), ("warm", "good"), ("dull", "bad"))]  # fmt: skip
    (folder / "reviews.csv").write_text("text,label\n" + "\n".join(rows))
    (folder / "later.csv").write_text("text,label\nthe z was fine,good\nthe z was dull,bad\n")
    for number in range(60):
        (folder / "pictures" / "cd"[number % 2]).mkdir(parents=True, exist_ok=True)
        picture = Image.fromarray(rng.integers(0, 256, (8, 8)).astype(np.uint8))
        picture.save(folder / "pictures" / "cd"[number % 2] / f"{number}.png")
    (folder / "texts.csv").write_text("text\nThe film was dull.\nThe novel was warm.\n")
    (folder / "lines.txt").write_text("The film was dull.\nThe novel was warm.\n")
    Image.fromarray(rng.integers(0, 256, (8, 8)).astype(np.uint8)).save(folder / "two.png")
    assert carry_out("gluon-lstm train --output runs/digits").code == 0


@pytest.fixture(scope="module")
def carried_out(tmp_path_factory):
    """All commands of the README, run in turn in one folder: how each ended, and the folder."""
    folder = tmp_path_factory.mktemp("readme")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("GLUON_LSTM_DATA", str(folder / "data"))
        write_what_the_readme_takes_for_given(folder)
        return {command: carry_out(command) for command in COMMANDS}, folder


def test_there_are_commands_and_code():
    assert len(COMMANDS) >= 14 and blocks("python")
    assert "TODO" not in README


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_do_their_work_in_silence(carried_out, command):
    outcome = carried_out[0][command]
    assert outcome.code == 0, outcome.err
    assert not [line for line in outcome.err.splitlines() if line.startswith("warning")]


def test_an_answer_looks_as_it_is_shown(carried_out):
    (shown,) = (block for block in blocks("") if "%" in block)
    (text,) = [line for line in COMMANDS if shlex.split(line)[-1] == shown.splitlines()[0]]

    def form(answer):
        return re.sub("positive|negative", "CLASS", re.sub(r"\d+\.\d\d%", "N%", answer))

    assert form(carried_out[0][text].out) == form(shown)


def test_answers_have_the_columns_that_are_named(carried_out):
    outcomes, folder = carried_out
    header, *rows = (folder / "answers.csv").read_text().splitlines()
    assert (header, len(rows)) == ("index,predicted,probability,p:negative,p:positive", 2)
    assert "`--format csv`: `index,predicted,probability`, with `--probabilities` a column `p:CLASS` each" in README
    (piped,) = (outcome for command, outcome in outcomes.items() if "--format jsonl" in command)
    assert [list(json.loads(line)) for line in piped.out.splitlines()] == 2 * [["index", "predicted", "probability"]]


def test_a_run_directory_holds_what_is_shown(carried_out):
    (tree,) = (block for block in blocks("") if block.startswith("RUN/"))
    shown = {name.replace("SPLIT", "test").rstrip("/") for name in re.findall(r"^  ([\w./]+)  ", tree, re.MULTILINE)}
    run = carried_out[1] / "runs" / "reviews"
    assert {path.relative_to(run).parts[0] for path in run.iterdir()} == {name.split("/")[0] for name in shown}
    (files,) = re.findall("evaluation/SPLIT/ +(.*)", tree)
    assert all(list((run / "evaluation" / "test").glob(name)) for name in files.split(", "))


def test_the_same_again_is_the_same_to_the_byte(carried_out):
    first, again = (carried_out[1] / "runs" / name / "model" / "parameters.safetensors" for name in ("try", "again"))
    assert first.read_bytes() == again.read_bytes()


@pytest.mark.parametrize("code", [code for text in ALONE for code in blocks("python", text)])
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
