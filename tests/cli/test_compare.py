"""Several runs on one page."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from commands import TINY

from gluon_lstm.cli import main
from gluon_lstm.cli.compare import NamedRun, named_apart, seed_groups
from gluon_lstm.config import Config, merge


@pytest.fixture(scope="module")
def runs(trained, tmp_path_factory):
    """Three runs on the digits: two seeds of one configuration in a folder, and another configuration."""
    folder = tmp_path_factory.mktemp("compared")
    assert main(["train", "--seeds", "2", "--seed", "3", "--output", str(folder / "seeds"), *TINY]) == 0
    shutil.copytree(trained, folder / "other")
    assert main(["train", "--output", str(folder / "gru"), "--encoder", "gru", *TINY, "--epochs", "1"]) == 0
    return folder


def test_a_folder_of_seeds_becomes_mean_and_deviation(cli, runs, tmp_path):
    outcome = cli("evaluate", runs / "seeds", runs / "gru", "--output", tmp_path / "page")
    assert outcome.code == 0 and f"page: {tmp_path / 'page' / 'report.html'}\n" in outcome.out
    content = json.loads((tmp_path / "page" / "comparison.json").read_text(encoding="utf-8"))
    assert [run["run"] for run in content["runs"]] == ["seed-3", "seed-4", "gru"]
    metrics = [json.loads((runs / "seeds" / f"seed-{seed}" / "evaluation" / "test" / "metrics.json").read_text())
               for seed in (3, 4)]  # fmt: skip
    assert [run["accuracy"] for run in content["runs"][:2]] == [numbers["accuracy"] for numbers in metrics]
    (group,) = content["groups"].values()
    summary = json.loads((runs / "seeds" / "summary.json").read_text())
    assert group["accuracy"] == pytest.approx(summary["accuracy"])
    assert len(content["pairs"]) == 3
    for run in content["runs"]:
        row = next(line for line in outcome.out.splitlines() if line.startswith(f"│ {run['run']} "))
        cells = [cell.strip() for cell in row.strip("│").split("│")]
        assert cells[1:3] == [str(run["seed"]), f"{100 * run['accuracy']:.2f} %"]


def test_flags_may_stand_between_the_runs_and_the_page_is_made_anew(cli, runs):
    Path("comparison").mkdir()
    Path("comparison/report.md").touch()
    assert cli("evaluate", runs / "other", "--split", "validation", runs / "gru").code == 0
    assert "2 runs on digits (validation)" in Path("comparison/report.md").read_text(encoding="utf-8")
    assert not list(Path().glob(".comparison*"))


def test_runs_of_another_task_or_other_samples(refuses, runs, tmp_path):
    record = json.loads((runs / "gru" / "config.json").read_text())
    shutil.copytree(runs / "gru", tmp_path / "fewer")
    record["data"]["split_seed"] = 99
    (tmp_path / "fewer" / "config.json").write_text(json.dumps(record))
    message = refuses("evaluate", runs / "gru", tmp_path / "fewer", "--split", "validation")
    assert "fewer: is tested on other samples than gru" in message
    model = tmp_path / "fewer" / "model" / "model.json"
    described = json.loads(model.read_text())
    model.write_text(json.dumps({**described, "class_names": [f"digit {k}" for k in range(10)]}))
    assert "its classes are not those of gru; compare runs of the same task" in refuses(
        "evaluate", runs / "gru", tmp_path / "fewer"
    )


def test_what_cannot_be_compared(refuses, runs, tmp_path):
    pair = (runs / "other", runs / "gru")
    assert "--data: is for one run; leave it out" in refuses("evaluate", *pair, "--data", "x")
    assert "--quick: is for one run; leave it out" in refuses("evaluate", *pair, "--quick")
    assert "gru: is named twice; name each run once" in refuses("evaluate", *pair, runs / "gru")
    assert "none: no such run directory" in refuses("evaluate", runs / "gru", "none")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    assert "notes.txt: is of no such report" in refuses("evaluate", *pair, "--output", tmp_path / "mine")
    assert "mine/notes.txt: is a file; choose another folder" in refuses(
        "evaluate", *pair, "--output", tmp_path / "mine" / "notes.txt"
    )


def test_runs_of_one_name_are_told_apart():
    named = [NamedRun(path, None, None) for path in ("a/seed-0", "b/seed-0", "b/seed-1")]
    assert [run.name for run in named_apart(named)] == ["a/seed-0", "b/seed-0", "b/seed-1"]
    assert [run.name for run in named_apart(named[1:])] == ["seed-0", "seed-1"]


def test_a_run_made_twice_counts_once_among_the_seeds(cli, runs, tmp_path):
    shutil.copytree(runs / "seeds" / "seed-3", tmp_path / "again")
    named = [runs / "seeds" / "seed-3", tmp_path / "again"]
    assert cli("evaluate", *named, "--output", tmp_path / "page").code == 0
    assert json.loads((tmp_path / "page" / "comparison.json").read_text(encoding="utf-8"))["groups"] == {}
    configs = [merge(Config(), {"runtime": {"seed": seed}}) for seed in (7, 7, 8, 8, 9)]
    assert seed_groups([NamedRun(str(place), None, config) for place, config in enumerate(configs)]) == {
        "0 and 2 more": [0, 2, 4]
    }


def test_a_folder_of_one_run_so_far_says_how_to_go_on(refuses, runs, tmp_path):
    shutil.copytree(runs / "seeds", tmp_path / "seeds")
    shutil.rmtree(tmp_path / "seeds" / "seed-4")
    told = "fewer than two runs; name a run directory in it, or go on with all runs: gluon-lstm train --resume "
    assert told + str(tmp_path) in refuses("evaluate", tmp_path / "seeds")
