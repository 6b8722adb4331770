"""Risk and coverage, against a loop and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from samples import random_predictions

from gluon_lstm.evaluation.selective import area_replicates, risk_coverage


def test_the_curve_equals_a_loop_over_thresholds():
    predictions = random_predictions()
    confidence, correct = predictions.confidence, predictions.predicted == predictions.labels
    assert len(np.unique(confidence)) == len(confidence)
    curve = risk_coverage(confidence, correct)
    expected = [1 - np.mean([c for value, c in zip(confidence, correct) if value >= threshold])
                for threshold in sorted(confidence, reverse=True)]  # fmt: skip
    np.testing.assert_allclose(curve.risk, expected, atol=1e-12)
    assert curve.area == pytest.approx(np.mean(expected))
    assert curve.coverage[0] == 1 / 400 and curve.coverage[-1] == 1


def test_the_last_point_is_the_error_of_all_samples():
    predictions = random_predictions(seed=4)
    correct = predictions.predicted == predictions.labels
    assert risk_coverage(predictions.confidence, correct).risk[-1] == pytest.approx(1 - correct.mean())


def test_accuracies_of_the_most_confident_by_hand():
    correct = np.array([True] * 8 + [False, True])
    curve = risk_coverage(np.linspace(1, 0.5, 10), correct)
    assert curve.accuracies() == pytest.approx({0.8: 1.0, 0.9: 8 / 9, 0.95: 9 / 10})


def test_the_order_of_equally_confident_samples_does_not_matter(rng):
    confidence = rng.integers(1, 4, 60) / 4
    correct = rng.random(60) < 0.7
    order = rng.permutation(60)
    np.testing.assert_allclose(risk_coverage(confidence, correct).risk,
                               risk_coverage(confidence[order], correct[order]).risk, atol=1e-12)  # fmt: skip
    assert risk_coverage(np.ones(60), correct).area == pytest.approx(1 - correct.mean())


def test_one_sample():
    assert risk_coverage(np.array([0.9]), np.array([False])).accuracies() == {0.8: 0.0, 0.9: 0.0, 0.95: 0.0}


@pytest.mark.parametrize("rounded", [False, True], ids=["distinct", "tied"])
def test_replicates_equal_the_curve_of_samples_drawn_as_often(rng, rounded):
    predictions = random_predictions(samples=150, gain=1.0)
    confidence, correct = predictions.confidence, predictions.predicted == predictions.labels
    confidence = confidence.round(1) if rounded else confidence
    counts = rng.multinomial(150, np.full(150, 1 / 150), 6).T
    expected = [risk_coverage(np.repeat(confidence, drawn), np.repeat(correct, drawn)).area for drawn in counts.T]
    np.testing.assert_allclose(area_replicates(confidence, correct, counts.astype(np.float32)), expected, atol=1e-9)


def test_replicates_without_an_error_have_no_area():
    counts = np.array([[2, 0], [0, 2]], np.float32)
    areas = area_replicates(np.array([0.9, 0.8]), np.array([True, False]), counts)
    np.testing.assert_allclose(areas, [0.0, 1.0])
