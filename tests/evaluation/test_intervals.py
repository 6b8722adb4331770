"""Bootstrap intervals, against loops over replicates and formulas for means."""

from __future__ import annotations

import numpy as np
import pytest

from gluon_lstm.evaluation.calibration import equal_width_edges, error_replicates, fill_bins
from gluon_lstm.evaluation.intervals import (
    error_interval,
    percentile_interval,
    resampled_confusions,
    resampled_samples,
    wilson_interval,
)


def test_each_replicate_draws_as_many_samples_as_there_are(rng, monkeypatch):
    monkeypatch.setattr("gluon_lstm.evaluation.intervals.MOST_COUNTS", 7 * 30)
    parts = list(resampled_samples(30, rng, 20))
    counts = np.concatenate(parts, axis=1)
    assert [part.shape[1] for part in parts] == [7, 7, 6] and counts.dtype == np.float32
    np.testing.assert_array_equal(counts.sum(axis=0), np.full(20, 30))
    assert len(np.unique(counts, axis=1).T) == 20


def test_the_interval_of_a_mean_is_that_of_its_standard_error(rng):
    values = rng.exponential(size=2_000)
    means = np.concatenate([values.astype(np.float32) @ counts for counts in resampled_samples(2_000, rng)]) / 2_000
    error = values.std() / np.sqrt(2_000)
    assert means.std() == pytest.approx(error, rel=0.1)
    low, high = percentile_interval(means)
    assert (high - low) / 2 == pytest.approx(1.96 * error, rel=0.12)
    assert low < values.mean() < high


def test_confusions_are_drawn_cell_by_cell(rng):
    counts = np.array([[50, 3, 0], [10, 40, 0], [0, 0, 7]])
    drawn = resampled_confusions(counts, rng, 4_000)
    assert drawn.shape == (4_000, 3, 3) and (drawn.sum(axis=(1, 2)) == counts.sum()).all()
    assert (drawn[:, counts == 0] == 0).all()
    np.testing.assert_allclose(drawn.mean(axis=0), counts, atol=0.4)
    share = counts[0, 0] / counts.sum()
    assert drawn[:, 0, 0].var() == pytest.approx(counts.sum() * share * (1 - share), rel=0.1)


def test_percentiles_leave_out_what_is_undefined():
    values = np.arange(101.0)
    assert percentile_interval(values) == (2.5, 97.5)
    assert percentile_interval(np.concatenate([values, np.full(100, np.nan)])) == (2.5, 97.5)
    assert percentile_interval(np.concatenate([values, np.full(101, np.nan)])) is None


@pytest.mark.parametrize("values", [np.ones(1_000), np.zeros(1_000), 0.7 + 1e-7 * np.arange(1_000) / 1_000])
def test_replicates_that_are_all_the_same_say_nothing(values):
    assert percentile_interval(values) is None


def test_a_few_other_replicates_do_not_make_an_interval_of_one_number():
    assert percentile_interval(np.append(np.full(980, 0.5), np.zeros(20))) is None
    assert percentile_interval(np.append(np.full(960, 0.5), np.zeros(40))) == (0.0, 0.5)


def test_a_part_of_a_success_lies_between():
    intervals = [wilson_interval(successes, 10) for successes in (6, 6.5, 7)]
    assert intervals[0].low < intervals[1].low < intervals[2].low
    assert intervals[0].high < intervals[1].high < intervals[2].high


def test_the_interval_of_a_calibration_error_takes_off_what_chance_adds():
    """By hand: replicates that lie 0.02 above the error; an error is from 0 to 1."""
    replicates = np.linspace(0.05, 0.07, 1_001) + 0.02
    assert error_interval(0.06, replicates) == pytest.approx((0.0305, 0.0495))
    assert error_interval(0.04, replicates) == pytest.approx((0.0, 0.0095))
    assert error_interval(0.9, np.linspace(0.5, 0.9, 1_001)) == pytest.approx((0.91, 1.0))
    assert error_interval(0.03, replicates) == (0.0, 0.03), "chance explains all of it"
    assert error_interval(0.03, np.full(100, 0.05)) is None


def test_most_intervals_of_a_calibration_error_hold_the_true_one():
    """Confidences that are 3 points too high: the percentiles miss the true error six times as often."""
    rng, edges, true = np.random.default_rng(0), equal_width_edges(), 0.03
    held = {"basic": 0, "percentiles": 0}
    for _ in range(100):
        confidence = rng.uniform(0.6, 1.0, 400)
        correct = rng.random(400) < confidence - true
        (counts,) = resampled_samples(400, rng, 300)
        found = error_replicates(confidence, correct, edges, counts).ece
        intervals = {"basic": error_interval(fill_bins(confidence, correct, edges).ece, found),
                     "percentiles": percentile_interval(found)}  # fmt: skip
        for name, (low, high) in intervals.items():
            held[name] += low <= true <= high
    assert held["basic"] > 90 and held["percentiles"] < 70, held
