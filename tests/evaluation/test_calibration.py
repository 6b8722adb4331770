"""Calibration, against loops over bins, roots of slopes, exact distributions and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from samples import random_predictions
from scipy.optimize import brentq
from scipy.stats import binom
from sklearn.metrics import brier_score_loss

from gluon_lstm.evaluation.calibration import (
    BINS,
    TEMPERATURES,
    brier_scores,
    calibrate,
    equal_mass_edges,
    equal_width_edges,
    error_replicates,
    errors_by_chance,
    fill_bins,
    fit_temperature,
    scale,
)
from gluon_lstm.evaluation.metrics import negative_log_likelihood
from gluon_lstm.evaluation.predict import Predictions, softmax


def loop_over_bins(confidence, correct, edges):
    """Returns expected and maximum calibration error, a bin at a time (Guo et al. 2017, equations 2 to 4)."""
    expected, greatest = 0.0, 0.0
    for low, high in zip(edges, edges[1:]):
        inside = [i for i, value in enumerate(confidence) if low < value <= high]
        if inside:
            gap = abs(np.mean([correct[i] for i in inside]) - np.mean([confidence[i] for i in inside]))
            expected += gap * len(inside) / len(confidence)
            greatest = max(greatest, gap)
    return expected, greatest


@pytest.mark.parametrize("seed, gain", [(0, 2.0), (1, 0.0), (2, 6.0)])
def test_errors_equal_a_loop_over_bins(seed, gain):
    predictions = random_predictions(gain=gain, seed=seed)
    confidence, correct = predictions.confidence.astype(float), predictions.predicted == predictions.labels
    bins = calibrate(predictions).equal_width
    expected = loop_over_bins(confidence, correct, [index / BINS for index in range(BINS + 1)])
    assert (bins.ece, bins.mce) == pytest.approx(expected, abs=1e-12)
    assert bins.count.sum() == len(confidence)


def test_equal_mass_bins_equal_sorted_parts():
    predictions = random_predictions(samples=15 * 20, seed=3)
    confidence, correct = predictions.confidence.astype(float), predictions.predicted == predictions.labels
    order = np.argsort(confidence)
    assert len(np.unique(confidence)) == len(confidence)
    gaps = [abs(correct[part].mean() - confidence[part].mean()) for part in np.split(order, 15)]
    bins = calibrate(predictions).equal_mass
    assert bins.count.tolist() == [20] * 15
    assert (bins.ece, bins.mce) == pytest.approx((np.mean(gaps), max(gaps)), abs=1e-12)


def test_equally_confident_samples_share_a_bin():
    confidence = np.array([1.0] * 90 + list(np.linspace(0.5, 0.9, 10)))
    bins = fill_bins(confidence, np.ones(100, bool), equal_mass_edges(confidence))
    assert bins.low[-1] < 1 == bins.high[-1] and bins.count[-1] >= 90
    assert bins.count.sum() == 100 and (bins.count > 0).all()


def test_a_value_on_an_edge_belongs_to_the_bin_below_and_zero_to_the_first():
    bins = fill_bins(np.array([0.0, 0.5, 0.5001, 1.0]), np.array([True, False, True, True]), np.array([0.0, 0.5, 1.0]))
    assert bins.count.tolist() == [2, 2]
    assert bins.accuracy.tolist() == [0.5, 1.0]


def test_empty_bins_are_undefined_and_count_for_nothing():
    bins = fill_bins(np.array([0.9, 0.9]), np.array([True, False]), np.linspace(0, 1, 5))
    assert np.isnan(bins.accuracy[:3]).all() and bins.count.tolist() == [0, 0, 0, 2]
    assert bins.ece == pytest.approx(0.4) and bins.mce == pytest.approx(0.4)


@pytest.mark.parametrize("classes", [2, 5])
def test_brier_scores_equal_scikit_learn(classes):
    predictions = random_predictions(classes=classes)
    probabilities = predictions.probabilities.astype(float)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    # Brier's sum over the classes, each against the rest: scikit-learn has it for several at once from 1.7 on alone.
    expected = sum(brier_score_loss(predictions.labels == k, probabilities[:, k]) for k in range(classes))
    assert brier_scores(probabilities, predictions.labels).mean() == pytest.approx(expected, abs=1e-9)


def test_brier_scores_by_hand():
    probabilities = np.array([[1.0, 0.0], [0.0, 1.0], [0.7, 0.3]])
    assert brier_scores(probabilities, np.array([0, 0, 0])) == pytest.approx([0.0, 2.0, 0.18])


@pytest.mark.parametrize("true", [0.5, 1.0, 2.5])
def test_the_temperature_of_labels_drawn_with_one_is_found(rng, true):
    logits = 3 * rng.normal(size=(20_000, 3))
    cumulative = softmax(logits / true).cumsum(axis=1)
    labels = (rng.random((20_000, 1)) > cumulative[:, :2]).sum(axis=1).astype(np.int32)
    assert fit_temperature(Predictions(softmax(logits), labels)) == pytest.approx(true, rel=0.05)


def test_the_temperature_is_where_the_likelihoods_slope_is_zero():
    predictions = random_predictions(gain=1.0)
    logits = predictions.logits.astype(float)
    true = logits[np.arange(len(logits)), predictions.labels]

    def slope(inverse):
        # Of the mean negative log-likelihood by 1 / T: the expected logit less the true class's.
        return ((softmax(inverse * logits) * logits).sum(axis=1) - true).mean()

    assert fit_temperature(predictions) == pytest.approx(1 / brentq(slope, 0.05, 20), rel=1e-4)


def test_without_mistakes_the_temperature_stays_within_its_bounds():
    predictions = random_predictions(gain=60.0)
    assert TEMPERATURES[0] <= fit_temperature(predictions) < 0.5


def test_scaling_divides_the_logits_and_keeps_the_order():
    predictions = random_predictions()
    scaled = scale(predictions, 1.7)
    np.testing.assert_allclose(scaled.probabilities, softmax(predictions.logits / 1.7), atol=1e-6)
    np.testing.assert_array_equal(scaled.predicted, predictions.predicted)


def test_mistakes_beyond_the_losss_floor_do_not_fit_a_greater_loss(rng):
    logits = rng.normal(size=(2000, 2)) + np.eye(2)[0] * 2
    logits[:8] = [-90.0, 0.0]
    predictions = Predictions(softmax(logits), np.zeros(2000, np.int32))
    scaled = scale(predictions, fit_temperature(predictions))
    before, after = (negative_log_likelihood(part.probabilities, part.labels) for part in (predictions, scaled))
    assert after <= before
    np.testing.assert_allclose(softmax(scaled.logits), scaled.probabilities, atol=1e-6)


def test_an_underflow_stays_finite():
    predictions = Predictions(np.array([[1.0, 0.0]] * 3 + [[0.2, 0.8]], np.float32), np.array([1, 0, 0, 1], np.int32))
    scaled = scale(predictions, fit_temperature(predictions))
    assert np.isfinite(scaled.probabilities).all()


@pytest.mark.parametrize("n, share", [(40, 0.7), (500, 0.9)])
def test_the_error_by_chance_is_that_of_a_binomial(rng, n, share):
    # All samples are in one bin, whose gap is that of the successes' share and their chance.
    errors = errors_by_chance(np.full(n, share, np.float32), rng, 20_000)
    gaps, chances = np.abs(np.arange(n + 1) / n - share), binom.pmf(np.arange(n + 1), n, share)
    assert errors.mean() == pytest.approx((gaps * chances).sum(), rel=0.03)
    assert chances[gaps <= np.percentile(errors, 95) + 1e-6].sum() == pytest.approx(0.95, abs=0.06)


def test_labels_drawn_with_the_models_probabilities_have_the_error_of_chance(rng):
    probabilities = softmax(2 * rng.normal(size=(300, 3)))
    cumulative = probabilities.cumsum(axis=1)
    drawn = [(rng.random((300, 1)) > cumulative[:, :2]).sum(axis=1) for _ in range(400)]
    errors = [calibrate(Predictions(probabilities, labels)).equal_width.ece for labels in drawn]
    by_chance = errors_by_chance(probabilities.max(axis=1), rng, 400)
    assert by_chance.mean() == pytest.approx(np.mean(errors), rel=0.06)
    assert np.percentile(by_chance, 95) == pytest.approx(np.percentile(errors, 95), rel=0.12)


def test_many_samples_are_drawn_in_parts(rng, monkeypatch):
    monkeypatch.setattr("gluon_lstm.evaluation.intervals.MOST_COUNTS", 7 * 30)
    assert errors_by_chance(np.full(30, 0.5, np.float32), rng, 20).shape == (20,)


@pytest.mark.parametrize("edges", [equal_width_edges(), np.array([0.0, 0.4, 0.41, 0.9, 1.0])], ids=["equal", "given"])
def test_errors_of_replicates_are_those_of_the_samples_drawn(rng, edges):
    predictions = random_predictions(samples=150)
    confidence, correct = predictions.confidence, predictions.predicted == predictions.labels
    counts = rng.multinomial(150, np.full(150, 1 / 150), 6).T.astype(np.float32)
    found = error_replicates(confidence, correct, edges, counts)
    for r in range(6):
        drawn = np.repeat(np.arange(150), counts[:, r].astype(int))
        expected = loop_over_bins(confidence[drawn], correct[drawn], edges)
        assert (found.ece[r], found.mce[r]) == pytest.approx(expected, abs=1e-5)
