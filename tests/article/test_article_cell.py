"""The article's steps, to the letter."""

import math

import numpy as np
import pytest

from gluon_lstm.article import cell


def test_rounds_follow_the_steps(monkeypatch):
    """One unit, by hand: output and unit of the first three rounds."""
    monkeypatch.setattr(cell, "MOST_ROUNDS", 3)
    weights = cell.UnitWeights(np.array([[2.0]]), np.array([[-3.0]]), np.array([[1.5]]))
    unit = 0.25
    for _ in range(3):
        output = 1 / (1 + math.exp(-(0.5 * 2 - 3 * unit)))
        unit = 1 / (1 + math.exp(-(1.5 * output - 3 * unit)))
    settled = cell.settle(weights, np.array([[0.5]]), np.array([[0.25]]))
    assert settled.rounds == 3
    assert settled.output.item() == pytest.approx(output) and settled.unit.item() == pytest.approx(unit)


def test_small_weights_forget_the_unit_before(rng):
    weights, inputs = cell.make_weights(rng, 1, 6, 0.5), rng.standard_normal((10, 1))
    ends = [cell.settle(weights, inputs, np.full((10, 6), start)) for start in (0.0, 1.0)]
    assert all(end.still.all() and end.rounds < cell.MOST_ROUNDS for end in ends)
    np.testing.assert_allclose(ends[0].unit, ends[1].unit, atol=1e-5)
    again = cell.sigmoid(ends[0].output @ weights.output + ends[0].unit @ weights.unit)
    np.testing.assert_allclose(ends[0].unit, again, atol=1e-5, err_msg="the end is a fixed point")


def test_a_unit_that_swings_does_not_settle():
    """A great negative weight on itself: 0 → 1 → 0 → …"""
    weights = cell.UnitWeights(np.array([[0.0]]), np.array([[-100.0]]), np.array([[50.0]]))
    settled = cell.settle(weights, np.zeros((1, 1)), np.zeros((1, 1)))
    assert settled.rounds == cell.MOST_ROUNDS and not settled.still.any()


def test_sequences_are_read_step_by_step_from_zero(rng):
    weights, inputs = cell.make_weights(rng, 1, 4, 2.0), rng.standard_normal((3, 5, 1))
    steps = cell.read(weights, inputs)
    first = cell.settle(weights, inputs[0], np.zeros((5, 4)))
    np.testing.assert_array_equal(steps[0].unit, first.unit)
    np.testing.assert_array_equal(steps[1].unit, cell.settle(weights, inputs[1], first.unit).unit)
    assert len(steps) == 3


def test_sigmoid_has_its_values_and_does_not_overflow():
    np.testing.assert_allclose(cell.sigmoid(np.array([-1e4, 0.0, 1.0, 1e4])), [0, 0.5, 1 / (1 + math.exp(-1)), 1])
