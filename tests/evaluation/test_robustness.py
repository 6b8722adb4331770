"""Robustness, outliers and speed on models whose answers are known."""

from __future__ import annotations

import json
from functools import partial

import numpy as np
import pytest
from samples import random_predictions
from sklearn.metrics import roc_auc_score

from gluon_lstm.config import TextConfig
from gluon_lstm.data import ImageDataset, TextDataset, TextReader
from gluon_lstm.data.encoding import Tokenization, build_format
from gluon_lstm.evaluation import robustness
from gluon_lstm.evaluation.outliers import detect_outliers
from gluon_lstm.evaluation.perturbations import IMAGE_PERTURBATIONS, TEXT_PERTURBATIONS, Perturbation
from gluon_lstm.evaluation.predict import Predictions
from gluon_lstm.evaluation.robustness import measure_robustness, perturb
from gluon_lstm.evaluation.speed import measure_speed


@pytest.fixture
def dataset():
    """Pictures with a dot in their upper half, class 0, or in the lower one, class 1."""
    rows = np.arange(200) % 12
    images = np.zeros((200, 12, 9), np.uint8)
    images[np.arange(200), rows, 4] = 255
    return ImageDataset("dots", "test", images, (rows >= 6).astype(np.int32), ("upper", "lower"))


def say_where_the_dot_is(dataset):
    """Returns predictions with a confidence of 0.9 in the half that is brighter, the lower one of equals."""
    lower = dataset.images[:, 6:].sum(axis=(1, 2)) >= dataset.images[:, :6].sum(axis=(1, 2))
    probabilities = np.where(lower[:, np.newaxis] == np.array([False, True]), 0.9, 0.1)
    return Predictions(probabilities.astype(np.float32), dataset.labels)


def test_each_level_is_what_the_model_says_about_the_changed_samples(dataset):
    found = measure_robustness(dataset, say_where_the_dot_is)
    assert [curve.name for curve in found.curves] == [item.name for item in IMAGE_PERTURBATIONS] and found.n == 200
    for curve, perturbation in zip(found.curves, robustness.perturbations_of(dataset)):
        assert [level.strength for level in curve.levels] == [0, *perturbation.strengths]
        assert curve.levels[0].accuracy == 1.0 and curve.levels[0].ece == pytest.approx(0.1, abs=1e-6)
        for level in curve.levels[1:]:
            again = say_where_the_dot_is(perturb(dataset, perturbation, level.strength))
            accuracy = (again.predicted == dataset.labels).mean()
            assert level.accuracy == accuracy and level.ece == pytest.approx(abs(0.9 - accuracy), abs=1e-6)
            assert level.accuracy_ci95.low <= accuracy <= level.accuracy_ci95.high
    assert found.curves[0].levels[-1].accuracy < 0.95


def test_calibration_errors_have_intervals_of_a_bootstrap(dataset):
    shifted = measure_robustness(dataset, say_where_the_dot_is).curves[0].levels[-1]
    drawn = np.random.default_rng(1).binomial(200, shifted.accuracy, 10_000) / 200
    low, high = np.percentile(np.abs(0.9 - drawn), [2.5, 97.5])
    expected = np.maximum(0, [2 * shifted.ece - high, 2 * shifted.ece - low])
    np.testing.assert_allclose(shifted.ece_ci95, expected, atol=0.015)


def test_without_an_interval_there_is_a_note(dataset):
    found = measure_robustness(dataset, say_where_the_dot_is)
    assert found.curves[0].levels[0].ece_ci95 is None, "all are right"
    (note,) = found.notes
    assert note.startswith("No 95 % interval of ece of some samples that were shifted, ece of")
    level = found.curves[0].levels[-1]
    assert robustness.Robustness(200, (robustness.Curve("shifted", "", (level,)),)).notes == ()


@pytest.fixture
def reviews():
    """Texts with the word that tells the class among others, or two of them."""
    rng = np.random.default_rng(0)
    labels = np.arange(120, dtype=np.int32) % 2
    others = rng.choice(["the", "film", "was", "rather", "plainly"], (120, 7))
    given = [" ".join([*words[:4], ("awful", "splendid")[label], *words[4:]]) for words, label in zip(others, labels)]
    tokenization = Tokenization.from_config(TextConfig())
    text_format = build_format(tokenization, tokenization.tokenize(given), TextConfig(min_count=1))
    return TextDataset("reviews", "test", given, text_format.encode(given), None, labels, ("bad", "good"),
                       TextReader(text_format))  # fmt: skip


def say_which_word_is_there(dataset):
    """Returns predictions with 0.9 for the class whose word is read, 0.6 for the first where none is."""
    vocabulary = dataset.reader.format.vocabulary
    probabilities = np.full((len(dataset), 2), [0.6, 0.4], np.float32)
    for index in range(len(dataset)):
        read = {vocabulary[number] for number in dataset.sequences.take(np.array([index])).numbers}
        if read & {"awful", "splendid"}:
            probabilities[index] = [0.9, 0.1] if "awful" in read else [0.1, 0.9]
    return Predictions(probabilities, dataset.labels)


def test_each_level_of_texts_is_what_the_model_says_about_the_changed_texts(reviews):
    found = measure_robustness(reviews, say_which_word_is_there)
    assert [curve.name for curve in found.curves] == [item.name for item in TEXT_PERTURBATIONS] and found.n == 120
    accuracies = {}
    for curve, perturbation in zip(found.curves, TEXT_PERTURBATIONS):
        assert [level.strength for level in curve.levels] == [0, *perturbation.strengths]
        accuracies[curve.name] = [level.accuracy for level in curve.levels]
        for level in curve.levels[1:]:
            changed = perturb(reviews, perturbation, level.strength)
            assert len(changed.texts) == 120 and changed.texts != reviews.texts
            again = say_which_word_is_there(changed)
            assert level.accuracy == (again.predicted == reviews.labels).mean()
    assert set(accuracies["words swapped"]) == {1.0}, "which words there are stays"
    for name in ("words dropped", "words misspelt", "cut short"):
        assert accuracies[name][0] == 1.0 and accuracies[name][-1] < 0.9, name


def test_small_images_are_not_shifted_out_of_the_frame(dataset):
    small = ImageDataset("dots", "test", dataset.images[:, 4:8, 3:7], dataset.labels, dataset.class_names)
    assert robustness.perturbations_of(small)[0].strengths == (1,)


def test_samples_as_they_are_get_the_interval_that_is_given(dataset):
    found = measure_robustness(dataset, say_where_the_dot_is)
    other = found.with_interval((0.1, 0.3))
    for curve, before in zip(other.curves, found.curves):
        assert curve.levels == (before.levels[0]._replace(ece_ci95=(0.1, 0.3)), *before.levels[1:])
    assert other.n == found.n and len(other.curves) == len(found.curves)


def test_many_samples_are_drawn_from(dataset, monkeypatch):
    monkeypatch.setattr(robustness, "MOST_STEPS", 50 * 12)
    assert measure_robustness(dataset, say_where_the_dot_is).n == 50


def test_the_same_samples_are_changed_the_same_way(dataset):
    noisy = IMAGE_PERTURBATIONS[2]
    first, second = (perturb(dataset, noisy, 0.3).images for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_the_content_of_the_file(dataset):
    content = measure_robustness(dataset, say_where_the_dot_is).to_dict()
    assert content["n"] == 200
    level = content["perturbations"]["shifted"]["levels"][0]
    assert level.keys() == {"strength", "accuracy", "accuracy_ci95", "ece", "ece_ci95"}
    json.dumps(content, allow_nan=False)


def test_the_least_accurate_end_comes_first():
    def level(accuracy):
        return robustness.Level(1.0, accuracy, (0, 1), 0.0)

    curves = [robustness.Curve(str(value), "", (level(1.0), level(value))) for value in (0.7, 0.2, 0.5)]
    assert [name for name, _ in robustness.worst(robustness.Robustness(1, tuple(curves)))] == ["0.2", "0.5", "0.7"]


def test_another_perturbation_can_be_given(dataset):
    nothing = Perturbation("left alone", "", (1.0,), lambda images, strength, rng: images)
    np.testing.assert_array_equal(perturb(dataset, nothing, 1.0).images, dataset.images)


def test_outliers_equal_scikit_learn():
    known, others = random_predictions(gain=5.0), random_predictions(gain=0.0, samples=150, seed=5)
    found = detect_outliers(known, others, "others")
    is_known = np.repeat([1, 0], [400, 150])
    confidence = np.concatenate([known.probabilities.max(axis=1), others.probabilities.max(axis=1)])
    energy = np.log(np.exp(np.concatenate([known.logits, others.logits]).astype(float)).sum(axis=1))
    assert found.auroc_confidence == pytest.approx(roc_auc_score(is_known, confidence), abs=1e-12)
    assert found.auroc_energy == pytest.approx(roc_auc_score(is_known, energy), abs=1e-9)
    assert found.to_dict()["n"] == 150 and found.auroc_confidence > 0.5


@pytest.mark.parametrize("gain", [0.5, 5.0])
def test_areas_have_intervals_about_as_wide_as_those_of_a_bootstrap(rng, gain):
    known, others = random_predictions(gain=gain), random_predictions(gain=0.0, samples=150, seed=5)
    found = detect_outliers(known, others, "others")
    scores, areas = [known.probabilities.max(axis=1), others.probabilities.max(axis=1)], []
    for _ in range(500):
        drawn = [part[rng.integers(0, len(part), len(part))] for part in scores]
        areas.append(roc_auc_score(np.repeat([1, 0], [400, 150]), np.concatenate(drawn)))
    low, high = found.auroc_confidence_ci95
    assert low < found.auroc_confidence < high
    assert high - low == pytest.approx(np.subtract(*np.percentile(areas, [97.5, 2.5])), rel=0.15)
    assert found.notes == () and found.to_dict()["auroc_energy_ci95"] == list(found.auroc_energy_ci95)


@pytest.mark.parametrize("known, others", [((0.9, 0.8), (0.6, 0.7)), ((0.9,), (0.6, 0.7)), ((0.6, 0.9), (0.7,))],
                         ids=["apart", "one known", "one other"])  # fmt: skip
def test_areas_that_the_samples_say_too_little_about_have_a_note(known, others):
    parts = []
    for confidence in (known, others):
        probabilities = np.stack([confidence, 1 - np.array(confidence)], axis=1).astype(np.float32)
        parts.append(Predictions(probabilities, np.zeros(len(confidence), np.int32), np.log(probabilities)))
    found = detect_outliers(*parts, "others")
    assert found.auroc_confidence_ci95 is None
    assert found.notes[0].startswith("No 95 % interval of auroc_confidence")


def test_data_of_the_same_kind_are_no_outliers():
    known = random_predictions()
    assert detect_outliers(known, known, "itself").auroc_energy == 0.5


@pytest.mark.parametrize("samples", [1, 3, 200])
def test_speed_counts_the_samples_and_takes_single_ones(dataset, monkeypatch, samples):
    clock = iter(np.arange(10_000) * 0.002)
    monkeypatch.setattr("gluon_lstm.evaluation.speed.perf_counter", lambda: next(clock))
    sizes = []
    part = dataset.images[:samples]
    speed = measure_speed(part, lambda data, size: sizes.append((len(data), size)), 64)
    most = {1: 1, 3: 3, 200: 128}[samples]
    assert speed.samples_per_second == pytest.approx(most / 0.002)
    assert speed.latency_ms == pytest.approx(2.0) and speed.latency_p95_ms == pytest.approx(2.0)
    assert sizes[0] == (most, min(64, samples)) and sizes[-1] == (1, 1)


def test_real_time_passes(dataset):
    speed = measure_speed(dataset.images, partial(lambda data, size: sum(range(5_000))), 64)
    assert 0 < speed.latency_ms <= speed.latency_p95_ms and speed.samples_per_second > 0
