"""The benchmarks see that what they time computes the same before they time it, and say what their figures come to."""

from __future__ import annotations

import importlib
import json
import shlex
from pathlib import Path

import numpy as np
import pytest

from gluon_lstm.cli.main import build_parser, main
from gluon_lstm.cli.options import read_config
from gluon_lstm.config import merge, preset
from gluon_lstm.rundir import RunDirectory

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
LENGTHS = np.array([7, 1, 4])


@pytest.fixture
def exact_lengths(monkeypatch):
    """The benchmark's module."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("exact_lengths")


def test_exact_forms_agree_and_those_that_ignore_lengths_differ(exact_lengths, capsys):
    apart = exact_lengths.check_forms(LENGTHS, hidden=6, embedding=5)
    assert {"ours", "fused", "per_direction"} <= set(apart)
    assert all((difference <= 1e-6) == (name in exact_lengths.EXACT) for name, difference in apart.items())
    assert "fused: ignores lengths, differs from ours by" in capsys.readouterr().out


@pytest.mark.parametrize("name, offset", [("per_direction", 1e-3), ("fused", 0.0)])
def test_forms_that_are_not_what_they_are_said_to_be_are_not_timed(exact_lengths, monkeypatch, name, offset):
    outputs = exact_lengths.outputs_of_forms
    monkeypatch.setattr(
        exact_lengths,
        "outputs_of_forms",
        lambda *arguments: {**outputs(*arguments), name: outputs(*arguments)["ours"] + offset},
    )
    with pytest.raises(SystemExit, match=f"^{name} does not compute what it is said to"):
        exact_lengths.check_forms(LENGTHS, hidden=6, embedding=5)


@pytest.fixture
def pixel_by_pixel(monkeypatch):
    """The benchmark's module."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("pixel_by_pixel")


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"data": {"dataset": "mnist", "view": "permuted"}, "runtime": {"seed": 3}},
        {"model": {"bidirectional": True, "residual": True, "num_layers": 2}, "training": {"clip_norm": 0.5}},
    ],
    ids=["preset", "permuted", "flags"],
)
def test_the_command_of_a_run_trains_the_same(pixel_by_pixel, changes):
    config = merge(preset("sequential"), changes)
    words = shlex.split(pixel_by_pixel.command_of(config))
    assert words[:2] == ["gluon-lstm", "train"]
    assert read_config(build_parser().parse_args(words[1:])) == config


def test_a_run_says_how_far_it_got(pixel_by_pixel, tmp_path, capsys):
    run = str(tmp_path / "run")
    options = "--preset sequential --limit-train 40 --epochs 2 --hidden-size 3 --seed 7".split()
    assert main(["train", *options, "--output", run]) == 0
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    told = pixel_by_pixel.describe(RunDirectory.open(run))
    best = max(log, key=lambda record: (record["validation_accuracy"], -record["validation_loss"]))
    assert (told["name"], told["epochs"], told["epochs_done"]) == ("pixels, seed 7", 2, 2)
    assert told["hours"] == pytest.approx(sum(record["seconds"] for record in log) / 3600)
    assert (told["best_epoch"], told["validation_accuracy"]) == (best["epoch"], best["validation_accuracy"])
    assert told["test_accuracy"] is None
    assert main(["evaluate", run, "--quick"]) == 0
    metrics = json.loads((tmp_path / "run" / "evaluation" / "test" / "metrics.json").read_text(encoding="utf-8"))
    assert pixel_by_pixel.describe(RunDirectory.open(run))["test_accuracy"] == metrics["accuracy"]
    capsys.readouterr()


@pytest.mark.parametrize("ours, keras, said", [
    ((0.974, 0.976), (0.970, 0.974), "0.30 points above Keras's, with a standard error of 0.22 "),
    ((0.970, 0.970), (0.971, 0.975), "0.30 points below Keras's, with a standard error of 0.20 "),
])  # fmt: skip
def test_the_gap_to_keras_comes_with_its_standard_error(monkeypatch, ours, keras, said):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    pairs = [{side: {"test_accuracy": accuracy, "epoch_seconds": [9.0, 1.0]} for side, accuracy in
              (("ours", our), ("keras", theirs))} for our, theirs in zip(ours, keras)]  # fmt: skip
    result = {**importlib.import_module("article_vs_keras").summary(pairs), "runs": pairs}
    assert said in importlib.import_module("tables").accuracy_gap(result)


def test_the_page_beside_the_peers_is_what_its_results_say(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    report = importlib.import_module("side_by_side_report")
    page = report.RESULTS / "side-by-side.md"
    result = json.loads(page.with_suffix(".json").read_text(encoding="utf-8"))
    report.write_table(result, tmp_path / "page.md")
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == page.read_text(encoding="utf-8")
    aims = {task: [report.aim(shape, task) for shape in result["shapes"]] for task in report.TITLES}
    assert aims["train"] == ["1.00", "1.50", "1.00", "1.00", "1.00", "none"]
    assert aims["predict"] == ["1.00", "1.00", "1.00", "1.00", "none", "none"]
