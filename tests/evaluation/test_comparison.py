"""Comparisons on the same samples, against SciPy and a loop; and the page that shows them."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import numpy as np
import pytest
from fakes import FakeDataset
from rich.console import Console
from samples import random_predictions
from scipy.stats import binom, ttest_ind

from gluon_lstm.errors import DataError
from gluon_lstm.evaluation.comparison import MEASURES, compare_means, compare_pair, mcnemar, pairs_of, spread
from gluon_lstm.evaluation.measures import Temperature
from gluon_lstm.evaluation.predict import Predictions, softmax
from gluon_lstm.evaluation.report import (
    StudyOptions,
    compare_studies,
    make_study,
    tables_of,
    terminal_tables,
    write_comparison,
)
from gluon_lstm.evaluation.report.formats import markdown


def another(predictions: Predictions, seed: int, noise=1.0) -> Predictions:
    """Returns what a model with other mistakes says about the same samples."""
    logits = predictions.logits + noise * np.random.default_rng(seed).normal(size=predictions.logits.shape)
    return Predictions(softmax(logits), predictions.labels, logits)


@pytest.mark.parametrize("first, second", [(0, 0), (1, 0), (3, 12), (40, 40), (90, 60)])
def test_mcnemars_test_is_exact(first, second):
    right = [[True] * first + [False] * second + [True, False], [False] * first + [True] * second + [True, False]]
    found = mcnemar(*map(np.array, right))
    n = first + second
    expected = 1.0 if n == 0 else min(1.0, 2 * binom.cdf(min(first, second), n, 0.5))
    assert found[:2] == (first, second) and found.p_value == pytest.approx(expected)


def test_mcnemar_of_a_worked_example():
    # 10 heads at most, or 10 tails, of 35: 2 · Σ C(35, i) / 2^35 for i ≤ 10 = 0.0167
    right = np.repeat([True, False], [25, 10])
    assert mcnemar(right, ~right).p_value == pytest.approx(0.0167, abs=5e-5)


def test_differences_equal_a_loop_over_replicates(rng):
    first = random_predictions(gain=1.0)
    second = another(first, 1)
    pair = compare_pair(("a", "b"), first, second)
    right = [part.predicted == part.labels for part in (first, second)]
    losses = [-np.log(part.probabilities[np.arange(400), part.labels]) for part in (first, second)]
    assert pair.accuracy_difference == pytest.approx(right[1].mean() - right[0].mean())
    assert pair.nll_difference == pytest.approx(losses[1].mean() - losses[0].mean(), abs=1e-6)
    draws = [rng.integers(0, 400, 400) for _ in range(1_000)]
    for interval, before, after in ((pair.accuracy_ci95, *right), (pair.nll_ci95, *losses)):
        values = [after[draw].mean() - before[draw].mean() for draw in draws]
        width = np.subtract(*np.percentile(values, [97.5, 2.5]))
        assert interval.high - interval.low == pytest.approx(width, rel=0.15)


def test_a_model_compared_with_itself_is_no_better():
    predictions = random_predictions()
    pair = compare_pair(("a", "a"), predictions, predictions)
    assert (pair.mcnemar.p_value, pair.accuracy_difference) == (1.0, 0.0)
    assert pair.accuracy_ci95 is pair.nll_ci95 is pair.to_dict()["accuracy_ci95"] is None, "each replicate is the same"


def test_other_labels_are_refused():
    first = random_predictions()
    with pytest.raises(DataError, match="a and b: were not tested on the same samples"):
        compare_pair(("a", "b"), first, first._replace(labels=first.labels[::-1]))


def test_mean_and_deviation():
    assert spread([0.1, 0.2, 0.3]) == pytest.approx((0.2, 0.1))
    assert spread([0.1, None]) == (None, None)


MEANS = [((0.9, 0.92), (0.95, 0.93, 0.97)), ((0.5, 0.7, 0.6, 0.65), (0.5, 0.5001, 0.5)), ((1.0, 1.2), (0.4, 0.9))]


@pytest.mark.parametrize("first, second", MEANS)
def test_means_are_compared_as_scipy_does(first, second):
    found = compare_means(first, second)
    test = ttest_ind(second, first, equal_var=False)
    interval = test.confidence_interval(0.95)
    assert found.difference == pytest.approx(np.mean(second) - np.mean(first))
    assert found.ci95 == pytest.approx((interval.low, interval.high))
    assert found.p_value == pytest.approx(test.pvalue)


def test_means_that_say_nothing_are_not_compared():
    assert compare_means((0.5, 0.5), (0.6, 0.6, 0.6)) is compare_means((0.5, None), (0.6, 0.7)) is None


def test_each_pair_or_each_with_the_best():
    assert pairs_of(3, 1, 5) == [(0, 1), (0, 2), (1, 2)]
    assert pairs_of(6, 1, 5) == [(0, 1), (2, 1), (3, 1), (4, 1), (5, 1)]


@pytest.fixture
def studies(provenance, log):
    """Studies of three models on the same samples, two of which differ in their seed alone."""
    first = random_predictions(samples=100, classes=3, gain=4.0)
    dataset = FakeDataset(np.zeros((2, 100, 1), np.float32), first.labels, ("<b>a</b>", "b", "c"))
    parts = [("one", 0, first), ("two", 1, another(first, 1)), ("</script>", 0, another(first, 2, noise=6.0))]
    return [
        make_study(predictions, dataset, replace(provenance, run_name=name, seed=seed), Temperature(None, "None."),
                   log=log, options=StudyOptions(("training",)))
        for name, seed, predictions in parts
    ]  # fmt: skip


def test_the_page_and_the_file_have_the_same_numbers(studies, tmp_path):
    write_comparison(tmp_path, compare_studies(studies, {"one and 1 more": [0, 1]}))
    content = json.loads((tmp_path / "comparison.json").read_text(encoding="utf-8"))
    page, source = ((tmp_path / f"report.{kind}").read_text(encoding="utf-8") for kind in ("html", "md"))
    assert [run["run"] for run in content["runs"]] == ["one", "two", "</script>"]
    accuracies = [study.measures.evaluation.accuracy for study in studies]
    assert [run["accuracy"] for run in content["runs"]] == accuracies
    group = content["groups"]["one and 1 more"]
    assert set(group) == set(MEASURES)
    assert group["accuracy"] == pytest.approx({"mean": np.mean(accuracies[:2]), "sd": np.std(accuracies[:2], ddof=1)})
    assert len(content["pairs"]) == 3 and content["pairs"][1]["second"] == "</script>"
    for text in (page, source):
        assert f"{100 * np.mean(accuracies[:2]):.2f} %" in text and f"{100 * max(accuracies):.2f} %" in text
        assert "3 pairs were tested" in text and "Which run is best was read from these samples" in text
    assert page.count("<script>") == 1 and "&lt;/script&gt;" in page
    assert {path.name for path in tmp_path.glob("*.png")} == {
        "accuracies.png", "calibration.png", "learning_curves.png", "risk_coverage.png",
    }  # fmt: skip


def test_on_the_validation_split_the_best_is_chosen_as_it_should_be(studies, tmp_path):
    """What the samples say less of is told of all runs once."""
    sentence = "The epoch that is kept was chosen by these samples."
    for study in studies:
        study.dataset.split = "validation"
    told = [replace(study, warnings=(sentence,)) for study in studies]
    write_comparison(tmp_path, compare_studies(told, {}))
    source = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "Which run is best was read" not in source and source.count(sentence) == 1


def test_a_clear_difference_is_told_from_chance(studies, tmp_path):
    write_comparison(tmp_path, compare_studies([studies[0], studies[2]], {}))
    source = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "one is better than chance explains (McNemar, p " in source
    write_comparison(tmp_path, compare_studies([studies[0], studies[0]], {}))
    assert "chance may explain the difference" in (tmp_path / "report.md").read_text(encoding="utf-8")


@pytest.fixture
def groups(provenance):
    """Studies of four models, two seeds of each of two configurations."""
    first = random_predictions(samples=100, classes=3, gain=4.0)
    dataset = FakeDataset(np.zeros((2, 100, 1), np.float32), first.labels, ("a", "b", "c"))
    parts = [first, another(first, 1), another(first, 2, noise=6.0), another(first, 3, noise=6.0)]
    return [
        make_study(predictions, dataset, replace(provenance, run_name=f"run-{number}"), Temperature(None, "None."),
                   options=StudyOptions(()))
        for number, predictions in enumerate(parts)
    ]  # fmt: skip


def test_groups_over_seeds_are_compared_by_their_means(groups, tmp_path):
    comparison = compare_studies(groups, {"good": [0, 1], "bad": [2, 3]})
    write_comparison(tmp_path, comparison)
    content = json.loads((tmp_path / "comparison.json").read_text(encoding="utf-8"))
    (pair,) = content["group_pairs"]
    assert (pair["first"], pair["second"]) == ("good", "bad")
    for key in MEASURES:
        values = [[study.measures.to_dict()[key] for study in part] for part in (groups[:2], groups[2:])]
        test = ttest_ind(values[1], values[0], equal_var=False)
        interval = test.confidence_interval(0.95)
        assert pair["measures"][key] == pytest.approx(
            {"difference": np.mean(values[1]) - np.mean(values[0]), "p_value": test.pvalue,
             "ci95": pytest.approx([interval.low, interval.high])}
        )  # fmt: skip
    found = pair["measures"]["accuracy"]
    shown = [f"{100 * found['difference']:+.2f}", " to ".join(f"{100 * end:+.2f}" for end in found["ci95"])]
    source = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert f"the accuracy of bad is {shown[0]} points from that of good (95 % interval {shown[1]})" in source
    table = source[source.index("Means over the seeds:") :].splitlines()
    row = next(line for line in table if line.startswith("| good"))
    assert all(f"| {text} |" in row for text in shown)
    terminal = "\n".join(printed(tables_of(comparison), 200))
    assert "Means over the seeds" in terminal and all(f" {text} " in terminal for text in shown)


def test_one_group_alone_is_compared_with_none(groups, tmp_path):
    write_comparison(tmp_path, compare_studies(groups, {"good": [0, 1]}))
    content = json.loads((tmp_path / "comparison.json").read_text(encoding="utf-8"))
    assert content["group_pairs"] == []
    assert "Means over the seeds" not in (tmp_path / "report.md").read_text(encoding="utf-8")


def test_pairs_that_the_summary_leaves_out_are_counted(groups, tmp_path):
    write_comparison(tmp_path, compare_studies(groups, {}))
    source = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert source.count("(McNemar, p ") == 3 and "The table below has 3 more pairs." in source
    write_comparison(tmp_path, compare_studies(groups[:3], {}))
    assert "more pair" not in (tmp_path / "report.md").read_text(encoding="utf-8")


def printed(tables, width):
    """Returns the lines that a terminal of some width shows."""
    stream = io.StringIO()
    Console(file=stream, width=width).print(terminal_tables(tables, width))
    return stream.getvalue().splitlines()


@pytest.mark.parametrize("width, parts", [(60, 14), (80, 7), (200, 3)])
def test_the_terminal_shows_the_tables_of_the_page(studies, tmp_path, width, parts):
    comparison = compare_studies(studies, {"one and 1 more": [0, 1]})
    tables = tables_of(comparison)
    lines = printed(tables, width)
    assert max(map(len, lines)) <= width and sum(line.startswith("┏") for line in lines) == parts
    write_comparison(tmp_path, comparison)
    source = (tmp_path / "report.md").read_text(encoding="utf-8")
    shown = "\n".join(lines)
    for table in tables:
        assert f"{table.caption}:" in source
        for cell in (cell for row in table.rows for cell, numeric in zip(row, table.numeric) if numeric):
            assert f" {cell.text} " in shown and f" {markdown(cell.text)} |" in source


def test_a_row_of_the_terminal_is_that_of_its_run(studies):
    lines = printed(tables_of(compare_studies(studies, {})), 200)
    for study, name in zip(studies, ("one", "two", "</script>")):
        metrics = study.measures.to_dict()
        shares = [f"{100 * metrics[key]:.2f} %" for key in ("accuracy", "balanced_accuracy", "macro_f1")]
        cells = [shares[0], shares[1], shares[2], *(f"{metrics[key]:.4f}" for key in ("nll", "brier")),
                 f"{100 * metrics['ece']:.2f} %", f"{metrics['roc_auc']:.4f}", f"{metrics['aurc']:.4f}"]  # fmt: skip
        row = next(line for line in lines if line.startswith(f"│ {name} "))
        assert [part.strip() for part in row.strip("│").split("│")] == [name, str(study.provenance.seed), *cells]
