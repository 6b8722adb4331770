"""The benchmarks see that what they time computes the same before they time it, and say what their figures come to."""

from __future__ import annotations

import gzip
import importlib
import json
import os
import shlex
from pathlib import Path

import numpy as np
import pytest

from gluon_lstm import runtime
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
    assert told["name"] == "run"
    assert (told["epochs"], told["epochs_done"], told["seed"]) == (2, 2, 7)
    assert told["hours"] == pytest.approx(sum(record["seconds"] for record in log) / 3600)
    assert (told["best_epoch"], told["validation_accuracy"]) == (best["epoch"], best["validation_accuracy"])
    assert told["test_accuracy"] is None
    assert main(["evaluate", run, "--quick"]) == 0
    metrics = json.loads((tmp_path / "run" / "evaluation" / "test" / "metrics.json").read_text(encoding="utf-8"))
    assert pixel_by_pixel.describe(RunDirectory.open(run))["test_accuracy"] == metrics["accuracy"]
    capsys.readouterr()


def test_a_run_keeps_where_it_was_first_read(pixel_by_pixel, monkeypatch):
    monkeypatch.setattr(pixel_by_pixel, "describe_origin", lambda: {"date": "today", "machine": "here"})
    known, longer = {"train": "a", "hours": 1.0}, {"train": "a", "hours": 2.0}
    before = {"date": "then", "machine": "there", "runs": [known, {"train": "b", "hours": 1.0, "machine": "afar"}]}
    assert pixel_by_pixel.first_read(known, before) == {"date": "then", "machine": "there"}
    assert pixel_by_pixel.first_read({"train": "b", "hours": 1.0}, before) == {"date": "then", "machine": "afar"}
    assert pixel_by_pixel.first_read(longer, before) == {"date": "today", "machine": "here"}
    recorded = {**longer, "versions": {"processor": "A CPU", "machine": "Linux, 1 core"}}
    assert pixel_by_pixel.first_read(recorded, before) == {"date": "today", "machine": "A CPU, Linux, 1 core"}


def test_a_report_has_all_runs_and_a_figure_for_each_order(pixel_by_pixel, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(pixel_by_pixel, "RESULTS", tmp_path)
    monkeypatch.setattr(pixel_by_pixel, "write_result", lambda name, content: written.update(content))
    written, drawn = {}, []
    draw = pixel_by_pixel.plots.validation_curves
    monkeypatch.setattr(pixel_by_pixel.plots, "validation_curves", lambda *given: drawn.append(given) or draw(*given))
    options = "--preset sequential --limit-train 40 --epochs 1 --hidden-size 3".split()
    views = {"a/seed-0": "permuted", "b/seed-0": "permuted", "one": "pixels"}
    for name, view in views.items():
        assert main(["train", *options, "--view", view, "--output", str(tmp_path / name)]) == 0
    pixel_by_pixel.write_report([RunDirectory.open(tmp_path / name) for name in views])
    assert [(run["name"], run["view"]) for run in written["runs"]] == [
        ("seed-0", "permuted"), ("seed-0", "permuted"), ("one", "pixels")]  # fmt: skip
    assert [names for _, names in drawn] == [("seed-0", "seed-0"), ("one",)]
    assert [len(log) for logs, _ in drawn for log in logs] == [1, 1, 1]
    assert all((tmp_path / f"pixel-by-pixel-{view}.png").is_file() for view in ("permuted", "pixels"))
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


@pytest.mark.parametrize("difference, said", [
    (0.0030, []), (-0.0030, []),
    (0.0032, ["That is 0.02 points outside of the aim, on the side that is better for us, and less than the standard"]),
    (-0.0080, ["That is 0.50 points outside of the aim, on the side that is worse for us, and more than the standard"]),
])  # fmt: skip
def test_a_gap_beyond_the_aim_is_explained(monkeypatch, difference, said):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    tables = importlib.import_module("tables")
    sides = {side: {"test_accuracy": {"sd": 0.003}} for side in ("ours", "keras")}
    told = tables.beyond_aim({**sides, "accuracy_difference": difference, "runs": 5 * [None]})
    assert [text.replace(" error.", "") for text in told] == said


def test_tables_say_what_a_result_has_kept_and_where_it_has_not(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    tables = importlib.import_module("tables")
    old = {"keras_threads": 2, "runs": [{"ours": {}, "keras": {}}]}
    new = {"keras_threads": 2, "runs": [{"ours": {"threads": "1", "peak_mib": 512}, "keras": {"threads": "2"}}]}
    assert [tables.article_threads(old, side) for side in ("ours", "keras")] == ["not recorded", "2"]
    assert [tables.article_threads(new, side) for side in ("ours", "keras")] == ["1", "2"]
    assert [tables.article_memory(new, side) for side in ("ours", "keras")] == ["0.50", "not recorded"]


def test_presets_of_one_origin_are_told_together(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    tables = importlib.import_module("tables")
    day = {"date": "2026-11-24", "machine": "A, 2 cores"}
    results = {
        "one": {**day, "runs": [{}, {"threads": "1"}]},
        "two": {**day, "date": "2026-11-28", "runs": [{"threads": "1"}, {"threads": "2"}]},
        "three": {**day, "runs": [{}]},
    }
    assert tables.origins(results) == [
        "`one`, `three`: measured by 2026-11-24 on A, 2 cores.",
        "`two`: measured by 2026-11-28 on A, 2 cores; threads: 1/2.",
    ]


def test_checks_beyond_a_verdict_stand_below_it(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    tables = importlib.import_module("tables")
    check = {"says": "It runs", "unit": "points", "mean": 1.0, "low": 1.0, "high": 1.0, "least": 2.0, "answer": "no"}
    result = {"settings": {"quick": True, "seeds": 3}, "verdict": "not supported", "checks": [check],
              "further": [{**check, "says": "It learns", "low": -1.0, "high": 3.0}]}  # fmt: skip
    (tmp_path / "mnist.json").write_text(json.dumps(result), encoding="utf-8")
    monkeypatch.setattr(tables, "ARTICLE", tmp_path)
    monkeypatch.setattr(tables, "ARTICLE_FULL", tmp_path / "none")
    header = "| True where the article is right | Effect | 95 % interval | Least that matters | Answer |"
    assert tables.claim_table("mnist", tables.translator_into("en")).splitlines() == [
        header, "| --- | --- | --- | --- | --- |", "| It runs | 1 point | no spread | 2 | no: less than matters |", "",
        "Verdict: not supported (quick form, 3 seeds).", "", "Mended, beyond the verdict:", "",
        header, "| --- | --- | --- | --- | --- |", "| It learns | 1 point | -1 to 3 | 2 | no |",
    ]  # fmt: skip
    chinese = tables.claim_table("mnist", tables.translator_into("zh"))
    assert "结论：未获支持（快速版，3 个随机种子）。" in chinese and "修正之后的结果，不计入结论：" in chinese


def test_no_space_follows_a_full_width_stop(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    tables = importlib.import_module("tables")
    monkeypatch.setitem(tables.TABLES, "made", lambda t: "一。 二。")
    filled = tables.fill("<!-- made -->\n<!-- end -->", tables.translator_into("zh"))
    assert filled == "<!-- made -->\n一。二。\n<!-- end -->"


@pytest.mark.parametrize("kept, told", [("1 cores", "1 core"), ("1 core", "1 core"), ("11 cores", "11 cores")])
def test_one_core_is_told_as_one(monkeypatch, kept, told):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    tables = importlib.import_module("tables")
    result = {"date": "2026-11-24", "commit": "c", "machine": f"A, {kept}, 24 GiB", "runs": [{}]}
    assert tables.origins({"one": result}) == [f"`one`: measured by 2026-11-24 on A, {told}, 24 GiB."]
    assert tables.origin(result, tables.translator_into("en")).endswith(f" on A, {told}, 24 GiB.")


def test_keras_gets_the_threads_that_are_faster_once_its_graph_is_compiled(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    trials = {1: {"epoch_seconds": [9.0, 8.0]}, 2: {"epoch_seconds": [12.0, 7.0]}}
    assert importlib.import_module("article_vs_keras").faster(trials) == 2


def test_another_librarys_threads_wait_as_they_would_without_ours(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    for name, value in runtime.WAITING.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GOMP_SPINCOUNT", "7")
    environment = importlib.import_module("common").plain_environment()
    assert "OMP_WAIT_POLICY" not in environment
    assert (environment["GOMP_SPINCOUNT"], environment["PATH"]) == ("7", os.environ["PATH"])


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


def test_a_timed_step_of_training_is_one_of_the_trainings_own(monkeypatch, tmp_path):
    from gluon_lstm.training import fit

    monkeypatch.syspath_prepend(str(BENCHMARKS))
    step_time = importlib.import_module("step_time")
    monkeypatch.setattr(step_time, "STEPS", 60)
    monkeypatch.setattr(step_time, "SAMPLES", 1000)
    small = {"model": {"hidden_size": 2}, "training": {"batch_size": 8, "checkpoint_every": "50"}}
    step = step_time.timers(merge(preset("default"), small), str(tmp_path))["step"]
    seeds, seed = [], fit.seed_everything
    monkeypatch.setattr(fit, "seed_everything", lambda value: (seeds.append(value), seed(value)))
    for _ in range(4):
        step()
    taken = [entry.step for entry in RunDirectory(tmp_path).checkpoints.entries()]
    assert len(seeds) == 2  # after 100 and 200 of the 240 steps
    assert max(taken) == 200


def test_tokens_are_counted_and_come_from_the_cache_the_second_time(monkeypatch, tmp_path):
    from gluon_lstm.data import texts

    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.setenv("GLUON_LSTM_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(texts, "CACHED_FROM", 1)
    tokenizing = importlib.import_module("tokenizing")
    (tmp_path / "imdb").mkdir()
    lines = [json.dumps({"text": text, "label": text}) for text in ("Good film .", "bad")]
    for name in ("train", "test"):
        (tmp_path / "imdb" / f"{name}.jsonl.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    first = tokenizing.measure("imdb")
    assert (first["texts"], first["tokens"]) == (2, 4)
    assert min(first[name] for name in ("read_seconds", "seconds", "cpu_seconds")) > 0
    monkeypatch.setattr(texts.Tokenization, "tokenize", None)
    assert tokenizing.measure("imdb")["tokens"] == 4
    runs = [{**first, "peak_mib": size} for size in (1.0, 3.0, 2.0)]
    told = tokenizing.describe(runs)
    assert (told["peak_mib"], told["texts"], len(told["seconds"]["values"])) == (3.0, 2, 3)


def test_the_suites_time_counts_what_passed_and_what_skipped(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    read_counts = importlib.import_module("suite_time").read_counts
    last = "==== 8548 passed, 14 skipped in 321.05s (0:05:21) ===="
    assert read_counts(f"..\n{last}\n") == {"passed": 8548, "skipped": 14}
    assert read_counts("3 passed in 1.00s") == {"passed": 3, "skipped": 0}


def test_the_suites_time_tells_the_files_that_take_the_longest(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    lines = ["2.50s call     tests/a.py::test_one[x y]", "0.40s setup    tests/b.py::test_two",
             "1.30s call     tests/a.py::test_three", "9 passed in 4.00s"]  # fmt: skip
    found = importlib.import_module("suite_time").read_durations("\n".join(lines))
    assert found == {"least_seconds": 0.3, "seconds": 4.2, "files": {"tests/a.py": 3.8, "tests/b.py": 0.4}}


def test_the_quick_forms_time_is_told_claim_by_claim(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    runs = [{"seconds": 1.25}, {"seconds": 2.5}]
    path = tmp_path / "cell.json"
    path.write_text(json.dumps({"settings": {"seeds": 3}, "runs": runs}), encoding="utf-8")
    assert importlib.import_module("quick_time").read_claim(path) == {"seeds": 3, "runs": 2, "seconds": 3.8}


def test_a_finished_seed_counts_for_the_same_options_at_the_same_commit_alone(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    presets = importlib.import_module("presets")
    monkeypatch.setattr(presets, "ROOT", tmp_path)
    monkeypatch.setattr(presets, "commit", lambda: "now")
    monkeypatch.setattr(presets, "run_command", lambda *_: pytest.fail("it trains"))
    kept = tmp_path / presets.run_folder("x", 0).with_suffix(".json")
    kept.parent.mkdir(parents=True)
    kept.write_text(json.dumps({"options": ["--epochs", "1"], "commit": "now"}), encoding="utf-8")
    assert presets.run_seed(0, "x", ["--epochs", "1"])["commit"] == "now"
    with pytest.raises(pytest.fail.Exception, match="it trains"):
        presets.run_seed(0, "x", ["--epochs", "2"])
    monkeypatch.setattr(presets, "commit", lambda: "later")
    with pytest.raises(pytest.fail.Exception, match="it trains"):
        presets.run_seed(0, "x", ["--epochs", "1"])
    monkeypatch.setattr(presets, "commit", lambda: "now-dirty")
    kept.write_text(json.dumps({"options": ["--epochs", "1"], "commit": "now-dirty"}), encoding="utf-8")
    with pytest.raises(pytest.fail.Exception, match="it trains"):
        presets.run_seed(0, "x", ["--epochs", "1"])
