"""Several runs of one configuration, from the command line."""

import csv
import gc
import json
import statistics
import weakref

import pytest
from commands import TINY, listing

from gluon_lstm import runtime
from gluon_lstm.nn import build_net
from gluon_lstm.rundir import RunDirectory
from gluon_lstm.training import preparation


@pytest.fixture
def table(tmp_path):
    """A CSV file of 60 short texts in three classes, which a word tells apart."""
    path = tmp_path / "texts.csv"
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        writer.writerows([[f"this is number {n} of kind {'abc'[n % 3]}", "abc"[n % 3]] for n in range(60)])
    return path


def summary_of(folder):
    return json.loads((folder / "summary.json").read_text(encoding="utf-8"))


def test_seeds_are_the_runs_that_each_seed_makes_alone(cli, tmp_path):
    outcome = cli("train", "--seeds", 2, "--seed", 5, "--output", tmp_path / "all", *TINY)
    assert outcome.code == 0
    assert cli("train", "--seed", 6, "--output", tmp_path / "alone", *TINY).code == 0
    cli("evaluate", tmp_path / "alone", "--quick")
    for file in ("model/parameters.safetensors", "evaluation/test/predictions.csv"):
        assert (tmp_path / "all" / "seed-6" / file).read_bytes() == (tmp_path / "alone" / file).read_bytes()


@pytest.mark.usefixtures("numbers_alone")
def test_a_model_that_is_mixed_with_ngrams_is_tested_with_the_mixture_that_it_keeps(cli, tmp_path, table):
    options = ("--dataset", table, "--ngrams", 2, "--epochs", 2, "--seeds", 2)
    assert cli("train", *options, "--output", tmp_path / "all").code == 0
    run = tmp_path / "all" / "seed-1"
    assert (RunDirectory.open(run).load_model().ngrams.mixture != 1).all()
    predictions = (run / "evaluation" / "test" / "predictions.csv").read_bytes()
    assert cli("evaluate", run, "--quick").code == 0
    assert (run / "evaluation" / "test" / "predictions.csv").read_bytes() == predictions


@pytest.mark.usefixtures("numbers_alone")
def test_the_summary_is_of_the_runs_reports(cli, tmp_path):
    assert cli("train", "--seeds", 3, "--output", tmp_path / "all", *TINY).code == 0
    summary = summary_of(tmp_path / "all")
    reports = [tmp_path / "all" / f"seed-{seed}" / "evaluation" / "test" / "metrics.json" for seed in range(3)]
    values = [json.loads(path.read_text(encoding="utf-8"))["accuracy"] for path in reports]
    assert [run["accuracy"] for run in summary["runs"]] == values
    assert summary["accuracy"] == {"mean": statistics.fmean(values), "sd": statistics.stdev(values)}


@pytest.mark.usefixtures("numbers_alone")
def test_a_run_leaves_no_net_in_memory(cli, tmp_path, monkeypatch):
    nets, alive = [], []

    def build(*arguments):
        alive.append(sum(net() is not None for net in nets))
        net = build_net(*arguments)
        nets.append(weakref.ref(net))
        return net

    monkeypatch.setattr(preparation, "build_net", build)
    gc.disable()  # which would come by chance
    try:
        assert cli("train", "--seeds", 3, "--output", tmp_path / "all", *TINY).code == 0
    finally:
        gc.enable()
    assert alive == [0, 0, 0]


@pytest.mark.usefixtures("numbers_alone")
def test_freed_memory_goes_back_after_every_run(cli, tmp_path, monkeypatch):
    trimmed = []
    monkeypatch.setattr(runtime, "trim_memory", lambda: trimmed.append(len(list((tmp_path / "all").glob("seed-*")))))
    assert cli("train", "--seeds", 2, "--output", tmp_path / "all", *TINY).code == 0
    assert trimmed == [1, 2]


@pytest.mark.usefixtures("numbers_alone")
def test_the_table_has_each_run_and_their_mean(cli, tmp_path):
    out = cli("train", "--seeds", 2, "--output", tmp_path / "all", *TINY).out
    mean = summary_of(tmp_path / "all")["accuracy"]["mean"]
    assert "seed-0" in out and "seed-1" in out
    assert f"{mean:.2%}" in next(line for line in out.splitlines() if "mean" in line)


@pytest.mark.usefixtures("numbers_alone")
def test_folds_test_each_text_once(cli, tmp_path, table):
    outcome = cli("train", "--dataset", table, "--folds", 4, "--epochs", 1, "--output", tmp_path / "all")
    assert outcome.code == 0
    summary = summary_of(tmp_path / "all")
    assert [run["fold"] for run in summary["runs"]] == [0, 1, 2, 3]
    assert sum(run["n"] for run in summary["runs"]) == 60
    records = [RunDirectory.open(tmp_path / "all" / f"fold-{fold}").read_record() for fold in range(4)]
    assert len({record["dataset"]["splits"]["test"]["sha256"] for record in records}) == 4


@pytest.mark.usefixtures("numbers_alone")
def test_one_fold_alone_is_a_run_like_any_other(cli, tmp_path, table):
    options = ("--dataset", table, "--folds", 4, "--epochs", 1)
    assert cli("train", *options, "--fold", 2, "--output", tmp_path / "one").code == 0
    assert cli("train", *options, "--output", tmp_path / "all").code == 0
    alone, among = (tmp_path / name / "model" / "parameters.safetensors" for name in ("one", "all/fold-2"))
    assert alone.read_bytes() == among.read_bytes()
    assert cli("evaluate", tmp_path / "one", "--quick").code == 0


@pytest.mark.usefixtures("numbers_alone")
def test_earlier_runs_go_only_by_force_and_other_files_never(cli, tmp_path):
    options = ("train", "--seeds", 2, "--output", tmp_path / "all", *TINY)
    assert cli(*options).code == 0
    before = listing(tmp_path / "all")
    assert cli(*options).code == 2
    (tmp_path / "all" / "seed-0" / "notes.txt").write_text("mine", encoding="utf-8")
    outcome = cli(*options, "--force")
    assert outcome.code == 2 and "notes.txt" in outcome.err and len(outcome.err.splitlines()) == 1
    assert {path: time for path, time in listing(tmp_path / "all").items() if path in before and path.is_file()} == {
        path: time for path, time in before.items() if path.is_file()
    }
    (tmp_path / "all" / "seed-0" / "notes.txt").unlink()
    assert cli(*options, "--force").code == 0


@pytest.mark.parametrize(
    "options, line",
    [
        (("--seeds", "0"), "--seeds 0: must be from 1 to 1000"),
        (("--folds", "1"), "--folds 1: needs two or more, or 0 for none"),
        (("--fold", "0"), "--fold 0: needs a greater --folds; they count from 0"),
        (("--folds", "3", "--fold", "3"), "--fold 3: needs a greater --folds; they count from 0"),
        (("--folds", "3"), "--folds 3: digits has a test split; leave it out"),
        (("--dataset", "sentences", "--folds", "3"), "--folds 3: sentences has a test split; leave it out"),
    ],
)
def test_what_cannot_be_repeated_is_told_in_a_line(cli, tmp_path, options, line):
    outcome = cli("train", *options, "--output", tmp_path / "all", *TINY)
    assert (outcome.code, outcome.err.splitlines()[-1]) == (2, f"gluon-lstm train: {line}")
    assert not (tmp_path / "all").exists()


def test_more_folds_than_texts_are_refused(cli, tmp_path, table):
    outcome = cli("train", "--dataset", table, "--folds", 61, "--output", tmp_path / "all")
    assert (outcome.code, outcome.err.strip()) == (
        2, "gluon-lstm train: --folds 61: texts.csv has 60 texts; use fewer"
    )  # fmt: skip
