"""All numbers of ``metrics.json``, computed again from ``predictions.csv`` alone, by other means."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fakes import FakeDataset
from recomputed import assert_recomputed, calibration, read_rows, tied_errors
from samples import random_predictions
from scipy.stats import binomtest
from sklearn import metrics as sk

from gluon_lstm.evaluation.comparison import MEASURES
from gluon_lstm.evaluation.intervals import Interval
from gluon_lstm.evaluation.measures import BY_SAMPLE, SCALED, Temperature, measure
from gluon_lstm.evaluation.outliers import detect_outliers
from gluon_lstm.evaluation.predict import Predictions, softmax
from gluon_lstm.evaluation.report import StudyOptions, compare_studies, make_study, write_comparison
from gluon_lstm.evaluation.report.writing import write_predictions
from gluon_lstm.evaluation.robustness import Curve, Level, Robustness
from gluon_lstm.evaluation.speed import Speed
from gluon_lstm.rundir import FittedTemperature
from gluon_lstm.rundir.files import write_json

NAMES = ["one", "two", "three", "four", "five", "six", "seven"]
TEMPERATURE = 1.3


def written(folder, predictions, names, temperature):
    """Returns ``metrics.json`` as it comes back, and what ``predictions.csv`` holds."""
    write_json(folder / "metrics.json", measure(predictions, names, temperature).to_dict())
    dataset = FakeDataset(np.zeros((1, len(predictions.labels), 1), np.float32), predictions.labels, names)
    write_predictions(folder, predictions.probabilities, dataset, predictions.labels)
    return json.loads((folder / "metrics.json").read_text(encoding="utf-8")), read_rows(folder / "predictions.csv")


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """The numbers of random predictions, their labels and their probabilities."""
    predictions = random_predictions(classes=len(NAMES), gain=1.5)
    content, rows = written(tmp_path_factory.mktemp("numbers"), predictions, NAMES, Temperature(TEMPERATURE, "Given."))
    return content, rows.labels, rows.probabilities


def saturated() -> Predictions:
    """Returns predictions of which many are as sure as float32 can be, right and wrong, and many more are equal."""
    predictions = random_predictions(samples=300, classes=3, gain=1.0)
    logits = np.rint(predictions.logits)
    logits[:150] *= 60
    return Predictions(softmax(logits), predictions.labels, logits)


CASES = {
    "random": (lambda: random_predictions(classes=7, gain=1.5), Temperature(TEMPERATURE, "Given.")),
    "without a temperature": (lambda: random_predictions(samples=90), Temperature(None, "None here.")),
    "saturated and tied": (saturated, Temperature(2.5, "Given.")),
    "sharpened": (saturated, Temperature(0.4, "Given.")),
    "one sample": (lambda: random_predictions(samples=1, classes=3), Temperature(1.5, "Given.")),
    "one class": (lambda: random_predictions(classes=3)._replace(labels=np.zeros(400, np.int32)),
                  Temperature(1.5, "Given.")),
}  # fmt: skip


@pytest.mark.parametrize("make, temperature", CASES.values(), ids=CASES)
def test_every_number_follows_from_the_predictions(tmp_path, make, temperature):
    predictions = make()
    content, rows = written(tmp_path, predictions, NAMES[: predictions.probabilities.shape[1]], temperature)
    np.testing.assert_array_equal(rows.probabilities, predictions.probabilities)
    assert content["version"] == 2
    assert_recomputed(content, rows)


def test_the_saturated_case_is_one():
    predictions = saturated()
    wrong = predictions.predicted != predictions.labels
    assert (predictions.confidence == 1).sum() > 50 and wrong[predictions.confidence == 1].sum() > 10
    assert len(np.unique(predictions.confidence)) < 100 and (predictions.probabilities == 0).any()


def risk_area(labels, probabilities):
    """Returns the mean share of errors among the most confident samples."""
    errors = tied_errors(probabilities.max(axis=1), probabilities.argmax(axis=1) == labels)
    return (np.cumsum(errors) / np.arange(1, len(errors) + 1)).mean()


def test_each_interval_holds_its_number_and_is_about_as_wide_as_a_loop_says(found):
    content, labels, probabilities = found
    rng = np.random.default_rng(1)
    predicted = probabilities.argmax(axis=1)
    draws = [rng.integers(0, len(labels), len(labels)) for _ in range(300)]
    drawn = [calibration(labels[d], probabilities[d]) for d in draws]
    loops = {
        "macro_f1": [sk.f1_score(labels[d], predicted[d], average="macro") for d in draws],
        "brier": [np.square(probabilities[d] - np.eye(len(NAMES))[labels[d]]).sum(axis=1).mean() for d in draws],
        "aurc": [risk_area(labels[d], probabilities[d]) for d in draws],
        **{name: [numbers[name] for numbers in drawn] for name in ("ece", "mce", "nll")},
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


FREE = {
    "top_k_accuracy", "top_k_accuracy_ci95", "accuracy_at_coverage", "accuracy_at_coverage_ci95",
    "robustness.perturbations", "groups", "groups.*", "group_pairs[].measures",
}  # fmt: skip
"""Objects whose keys are names of the data's, or numbers."""


def paths_of(value, path=""):
    """Returns the keys of a file, those of objects inside of it after a dot, ``[]`` for each item of a list."""
    if isinstance(value, dict) and value:
        keys = {key: "*" if path in FREE else key for key in value}
        return {p for key, part in value.items() for p in paths_of(part, f"{path}.{keys[key]}".lstrip("."))}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return {p for part in value for p in paths_of(part, f"{path}[]")}
    return {path}


def documented(file):
    """Returns the keys of a file that docs/evaluation.md has, with those of their intervals."""
    page = (Path(__file__).parents[2] / "docs" / "evaluation.md").read_text(encoding="utf-8")
    head = "| Key | Interval |" if file == "metrics.json" else f"| Key of `{file}` | Interval |"
    lines = page[page.index(head) :].split("\n\n")[0].splitlines()[2:]
    keys = set()
    for line in lines:
        names, interval = [cell.strip() for cell in line.split("|")[1:3]]
        found = re.findall(r"`([^`]+)`", names)
        keys |= set(found)
        keys |= {re.sub(r"(\.\*)?$", r"_ci95\1", key, count=1) for key in found} if interval else set()
    return keys


@pytest.fixture
def study(make_dataset, provenance):
    """A study of pictures with whatever ``metrics.json`` and ``speed.json`` can hold."""
    predictions = random_predictions(classes=4)
    level = Level(0.1, 0.9, Interval(0.8, 0.95), 0.1, Interval(0.05, 0.2))
    dataset = FakeDataset(np.zeros((2, 400, 1), np.float32), predictions.labels, NAMES[:4])
    return replace(
        make_study(predictions, dataset, provenance, Temperature(TEMPERATURE, "Given."), options=StudyOptions(())),
        robustness=Robustness(400, (Curve("shifted", "pixels", (level,)),)),
        outliers=detect_outliers(predictions, random_predictions(classes=4, gain=0.0, seed=3), "others"),
        speed=Speed(1000.0, 500, 1.5, 2.5),
    )


def test_keys_of_metrics_are_those_of_the_documentation(study):
    assert paths_of(study.metrics()) == documented("metrics.json")


def test_keys_of_speed_and_temperature_are_those_of_the_documentation(study, tmp_path):
    assert paths_of(study.speed.to_dict()) == documented("speed.json")
    assert {"version", *FittedTemperature._fields} == documented("temperature.json")


def test_keys_of_a_comparison_are_those_of_the_documentation(study, tmp_path):
    studies = []
    for seed in range(4):
        predictions = random_predictions(seed=seed)._replace(labels=study.predictions.labels)
        other = make_study(predictions, study.dataset, study.provenance, study.measures.temperature,
                           options=StudyOptions(()))  # fmt: skip
        studies.append(other)
    write_comparison(tmp_path, compare_studies(studies, {"a": [0, 1], "b": [2, 3]}))
    content = json.loads((tmp_path / "comparison.json").read_text(encoding="utf-8"))
    assert paths_of(content) == documented("comparison.json")
    assert set(content["groups"]["a"]) == set(content["group_pairs"][0]["measures"]) == set(MEASURES)


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
    expected = "No sample is of class 'two': recall, F1, ROC-AUC and average precision are undefined there."
    assert expected in content["notes"]
    json.dumps(content, allow_nan=False)


@pytest.mark.parametrize("label", [0, 1])
def test_a_single_sample_has_numbers(label):
    predictions = Predictions(np.array([[0.8, 0.2]], np.float32), np.array([label], np.int32))
    content = measure(predictions, ["a", "b"], Temperature(2.0, "")).to_dict()
    assert content["accuracy"] == 1 - label and content["ece"] == pytest.approx(abs(1 - label - 0.8))
    assert content["roc_auc"] is content["roc_auc_ci95"] is content["matthews_correlation"] is None
    json.dumps(content, allow_nan=False)


def test_of_samples_that_are_all_right_the_bootstrap_gives_no_interval():
    labels = np.arange(20, dtype=np.int32) % 2
    probabilities = np.where(labels[:, np.newaxis] == np.arange(2), 0.9, 0.1).astype(np.float32)
    content = measure(Predictions(probabilities, labels), ["a", "b"], Temperature(None, "None here.")).to_dict()
    assert content["accuracy"] == content["macro_f1"] == content["roc_auc"] == 1.0
    interval = binomtest(20, 20).proportion_ci(0.95, method="wilson")
    assert content["accuracy_ci95"] == pytest.approx([interval.low, 1.0])
    assert content["accuracy_at_coverage_ci95"]["0.9"][0] < 0.85 and content["per_class"][0]["recall_ci95"][0] < 0.8
    names = ("balanced_accuracy", "macro_f1", "weighted_f1", "matthews_correlation", "roc_auc", "average_precision",
             "nll", "brier", "ece", "mce", "aurc")  # fmt: skip
    assert {content[f"{name}_ci95"] for name in names} == {None}
    (note,) = [note for note in content["notes"] if note.startswith("No 95 % interval of ")]
    assert all(name in note for name in names) and "f1 of classes 'a', 'b'" in note
    assert note.endswith("so these samples do not tell how far it may vary.")


WORDS = {"precision": "precision", "recall": "recall", "f1": "F1", "roc_auc": "ROC-AUC",
         "average_precision": "average precision"}  # fmt: skip


def explains(notes, key, name=None):
    """Whether a note says why a number is undefined: of a class, or of all."""
    if name is not None:
        return any(f"'{name}'" in note and WORDS[key] in note and "undefined" in note for note in notes)
    words = {"matthews_correlation": "Matthews correlation", "roc_auc": "their means over the classes",
             "average_precision": "their means over the classes"}  # fmt: skip
    return key == "temperature" or key.endswith("_scaled") or any(words.get(key, "?") in note for note in notes)


NULLS = {
    "one sample": (random_predictions(samples=1, classes=3), Temperature(None, "None here.")),
    "one class": (random_predictions(classes=3)._replace(labels=np.ones(400, np.int32)), Temperature(1.5, "Given.")),
    "a class without samples": (
        random_predictions(classes=4)._replace(labels=np.arange(400, dtype=np.int32) % 3), Temperature(1.5, "Given.")
    ),
    "one class is predicted": (
        Predictions(np.full((6, 3), [0.6, 0.3, 0.1], np.float32), np.arange(6, dtype=np.int32) % 3),
        Temperature(1.5, "Given."),
    ),
    "all right": (Predictions(np.eye(2, dtype=np.float32), np.arange(2, dtype=np.int32)), Temperature(1.5, "Given.")),
}  # fmt: skip


@pytest.mark.parametrize("predictions, temperature", NULLS.values(), ids=NULLS)
def test_every_null_is_explained_by_a_note(predictions, temperature):
    names = NAMES[: predictions.probabilities.shape[1]]
    content = measure(predictions, names, temperature).to_dict()
    notes, nulls = content["notes"], 0
    without = next((note for note in notes if note.startswith("No 95 % interval of ")), "")
    for item, name in [(content, None), *((item, item["class"]) for item in content["per_class"])]:
        for key in (key for key, value in item.items() if value is None):
            nulls += 1
            number = key.replace("_ci95", "")
            if item[number] is None:
                assert explains(notes, number, name), (name, key)
            else:
                assert re.search(rf"\b{number}\b", without) and (name is None or f"'{name}'" in without), (name, key)
    assert nulls and temperature.note in notes


def test_intervals_of_coverage_are_those_of_the_samples_answered(found):
    content, labels, probabilities = found
    order = np.argsort(-probabilities.max(axis=1))
    right = (probabilities.argmax(axis=1) == labels)[order]
    for share, count in (("0.8", 320), ("0.9", 360), ("0.95", 380)):
        interval = binomtest(int(right[:count].sum()), count).proportion_ci(0.95, method="wilson")
        assert content["accuracy_at_coverage_ci95"][share] == pytest.approx([interval.low, interval.high], abs=1e-6)


def test_numbers_after_scaling_have_the_intervals_of_scaled_probabilities(found):
    content, labels, probabilities = found
    powers = probabilities.astype(float) ** (1 / TEMPERATURE)
    scaled = Predictions((powers / powers.sum(axis=1, keepdims=True)).astype(np.float32), labels)
    again = measure(scaled, NAMES, Temperature(None, "")).to_dict()
    assert SCALED == tuple(f"{name}_scaled" for name in BY_SAMPLE)
    for name in BY_SAMPLE:
        assert content[f"{name}_scaled_ci95"] == pytest.approx(again[f"{name}_ci95"], abs=1e-4), name
