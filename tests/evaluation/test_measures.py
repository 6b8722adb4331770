"""All numbers of ``metrics.json``, computed again from ``predictions.csv`` alone, by other means."""

from __future__ import annotations

import csv
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
from samples import random_predictions
from scipy.stats import binomtest
from sklearn import metrics as sk

from gluon_lstm.evaluation.measures import Temperature, measure
from gluon_lstm.evaluation.predict import Predictions
from gluon_lstm.evaluation.report.writing import write_json, write_predictions

NAMES = ["one", "two", "three", "four", "five", "six", "seven"]
TEMPERATURE = 1.3


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """``metrics.json`` as it comes back, and what ``predictions.csv`` holds: labels and probabilities."""
    folder = tmp_path_factory.mktemp("numbers")
    predictions = random_predictions(classes=len(NAMES), gain=1.5)
    write_json(folder / "metrics.json", measure(predictions, NAMES, Temperature(TEMPERATURE, "Given.")).to_dict())
    write_predictions(folder / "predictions.csv", predictions.probabilities, NAMES, predictions.labels)
    with open(folder / "predictions.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    labels = np.array([NAMES.index(row["label"]) for row in rows])
    probabilities = np.array([[float(row[f"p:{name}"]) for name in NAMES] for row in rows])
    return json.loads((folder / "metrics.json").read_text(encoding="utf-8")), labels, probabilities


def calibration_errors(labels, probabilities):
    """Returns expected and maximum calibration error in bins of equal width, then in bins of equal mass."""
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    numbers = np.ceil(confidence * 15).astype(int)
    gaps = {n: abs(right[numbers == n].mean() - confidence[numbers == n].mean()) for n in set(numbers)}
    expected = sum(gaps[n] * (numbers == n).sum() for n in gaps) / len(labels)
    order, n = np.argsort(confidence), len(labels)
    # The part that ends at the sample of rank ceil(n i / 15).
    parts = np.split(order, [math.ceil(n * i / 15) for i in range(1, 15)])
    masses = [abs(right[part].mean() - confidence[part].mean()) for part in parts]
    return expected, max(gaps.values()), sum(m * len(p) for m, p in zip(masses, parts)) / n, max(masses)


def risk_area(labels, probabilities):
    """Returns the mean share of errors among the most confident samples; equals in the order that they stand in."""
    order = np.argsort(-probabilities.max(axis=1), kind="stable")
    wrong = (probabilities.argmax(axis=1) != labels)[order]
    return (np.cumsum(wrong) / np.arange(1, len(wrong) + 1)).mean()


def test_numbers_of_the_predicted_classes(found):
    content, labels, probabilities = found
    predicted = probabilities.argmax(axis=1)
    expected = {
        "accuracy": sk.accuracy_score(labels, predicted),
        "balanced_accuracy": sk.balanced_accuracy_score(labels, predicted),
        "macro_f1": sk.f1_score(labels, predicted, average="macro"),
        "weighted_f1": sk.f1_score(labels, predicted, average="weighted"),
        "matthews_correlation": sk.matthews_corrcoef(labels, predicted),
    }
    assert {name: content[name] for name in expected} == pytest.approx(expected, abs=1e-6)
    np.testing.assert_array_equal(content["confusion"], sk.confusion_matrix(labels, predicted))
    assert content["n"] == len(labels) and content["version"] == 2


def test_numbers_of_the_ranking(found):
    content, labels, probabilities = found
    one_hot = np.eye(len(NAMES))[labels]
    shares = probabilities / probabilities.sum(axis=1, keepdims=True)
    assert content["roc_auc"] == pytest.approx(sk.roc_auc_score(labels, shares, multi_class="ovr"), abs=1e-6)
    expected = sk.average_precision_score(one_hot, probabilities, average="macro")
    assert content["average_precision"] == pytest.approx(expected, abs=1e-6)
    for k in (2, 3, 5):
        share = sk.top_k_accuracy_score(labels, shares, k=k)
        interval = binomtest(round(share * len(labels)), len(labels)).proportion_ci(0.95, method="wilson")
        assert content["top_k_accuracy"][str(k)] == pytest.approx(share, abs=1e-6)
        assert content["top_k_accuracy_ci95"][str(k)] == pytest.approx([interval.low, interval.high], abs=1e-6)
    for k, item in enumerate(content["per_class"]):
        assert item["roc_auc"] == pytest.approx(sk.roc_auc_score(labels == k, probabilities[:, k]), abs=1e-6)
        precision = sk.average_precision_score(labels == k, probabilities[:, k])
        assert item["average_precision"] == pytest.approx(precision, abs=1e-6)


def test_numbers_of_the_probabilities_before_and_after_scaling(found):
    content, labels, probabilities = found
    powers = probabilities ** (1 / TEMPERATURE)
    for suffix, part in (("", probabilities), ("_scaled", powers / powers.sum(axis=1, keepdims=True))):
        errors = calibration_errors(labels, part)
        one_hot = np.eye(len(NAMES))[labels]
        numbers = {
            **dict(zip(("ece", "mce", "ece_equal_mass", "mce_equal_mass"), errors)),
            "nll": -np.log(part[np.arange(len(labels)), labels]).mean(),
            "brier": np.square(part - one_hot).sum(axis=1).mean(),
        }  # fmt: skip
        for name, value in numbers.items():
            assert content[name + suffix] == pytest.approx(value, abs=1e-6), name + suffix
    assert content["temperature"] == TEMPERATURE


def test_numbers_of_selective_prediction(found):
    content, labels, probabilities = found
    wrong = (probabilities.argmax(axis=1) != labels)[np.argsort(-probabilities.max(axis=1))]
    assert content["aurc"] == pytest.approx(risk_area(labels, probabilities), abs=1e-6)
    for share in ("0.8", "0.9", "0.95"):
        kept = wrong[: math.ceil(float(share) * len(wrong))]
        assert content["accuracy_at_coverage"][share] == pytest.approx(1 - kept.mean(), abs=1e-6)


def test_each_interval_holds_its_number_and_is_about_as_wide_as_a_loop_says(found):
    content, labels, probabilities = found
    rng = np.random.default_rng(1)
    predicted = probabilities.argmax(axis=1)
    draws = [rng.integers(0, len(labels), len(labels)) for _ in range(300)]
    loops = {
        "macro_f1": [sk.f1_score(labels[d], predicted[d], average="macro") for d in draws],
        "brier": [np.square(probabilities[d] - np.eye(len(NAMES))[labels[d]]).sum(axis=1).mean() for d in draws],
        "aurc": [risk_area(labels[d], probabilities[d]) for d in draws],
        "ece": [calibration_errors(labels[d], probabilities[d])[0] for d in draws[:150]],
    }
    for name, values in loops.items():
        low, high = content[f"{name}_ci95"]
        assert high - low == pytest.approx(np.subtract(*np.percentile(values, [97.5, 2.5])), rel=0.25), name
    for name in ("accuracy", "balanced_accuracy", "macro_f1", "weighted_f1", "matthews_correlation", "nll", "brier",
                 "roc_auc", "average_precision", "aurc"):  # fmt: skip
        low, high = content[f"{name}_ci95"]
        assert low < content[name] < high, name


def test_intervals_of_each_class(found):
    content, labels, probabilities = found
    predicted, rng = probabilities.argmax(axis=1), np.random.default_rng(2)
    draws = [rng.integers(0, len(labels), len(labels)) for _ in range(300)]
    f1 = np.array([sk.f1_score(labels[d], predicted[d], average=None) for d in draws])
    for k, item in enumerate(content["per_class"]):
        hits = int(((labels == k) & (predicted == k)).sum())
        for name, n in (("recall", (labels == k).sum()), ("precision", (predicted == k).sum())):
            interval = binomtest(hits, int(n)).proportion_ci(0.95, method="wilson")
            assert item[f"{name}_ci95"] == pytest.approx([interval.low, interval.high], abs=1e-6)
        low, high = item["f1_ci95"]
        assert low < item["f1"] < high
        assert high - low == pytest.approx(np.subtract(*np.percentile(f1[:, k], [97.5, 2.5])), rel=0.25)


def test_the_same_predictions_give_the_same_numbers():
    predictions = random_predictions(samples=50)
    first, second = (measure(predictions, NAMES[:4], Temperature(1.0, "")).to_dict() for _ in range(2))
    assert first == second


def test_keys_are_those_of_the_documentation():
    content = measure(random_predictions(), NAMES[:4], Temperature(None, "None here.")).to_dict()
    page = (Path(__file__).parents[2] / "docs" / "evaluation.md").read_text(encoding="utf-8")
    table = page[page.index("## metrics.json") : page.index("`predictions.csv` has a row")]
    rows = [line.split(" | ")[:2] for line in table.splitlines() if line.startswith("| `")]
    documented = [key for names, _ in rows for key in re.findall(r"`(\w+)`", names)]
    found = [key for key in content if not key.endswith("_ci95")]
    assert sorted(documented) == sorted([*found, "robustness", "out_of_distribution"])
    classes = next(text for names, text in rows if names == "| `per_class`")
    assert re.findall(r"`(\w+)`", classes) == list(content["per_class"][0])


def test_without_a_temperature_nothing_is_scaled():
    content = measure(random_predictions(), NAMES[:4], Temperature(None, "None here.")).to_dict()
    assert content["temperature"] is None and content["notes"] == ["None here."]
    assert {content[key] for key in content if key.endswith("_scaled")} == {None}


def test_a_class_without_samples_is_null_with_a_note():
    predictions = random_predictions(classes=3)
    labels = np.where(predictions.labels == 1, 0, predictions.labels)
    content = measure(Predictions(predictions.probabilities, labels), NAMES[:3], Temperature(None, "")).to_dict()
    item = content["per_class"][1]
    assert item["recall"] is item["f1"] is item["roc_auc"] is item["average_precision"] is None
    assert "No sample is of class 'two': recall, F1 and ranking are undefined there." in content["notes"]
    json.dumps(content, allow_nan=False)


@pytest.mark.parametrize("label", [0, 1])
def test_a_single_sample_has_numbers(label):
    predictions = Predictions(np.array([[0.8, 0.2]], np.float32), np.array([label], np.int32))
    content = measure(predictions, ["a", "b"], Temperature(2.0, "")).to_dict()
    assert content["accuracy"] == 1 - label and content["ece"] == pytest.approx(abs(1 - label - 0.8))
    assert content["roc_auc"] is content["roc_auc_ci95"] is content["matthews_correlation"] is None
    json.dumps(content, allow_nan=False)
