"""Generated sequences, by value, as their papers define them."""

import math

import numpy as np
import pytest

from gluon_lstm.article.tasks import BLANK, DELIMITER, TASKS, make_adding, make_copying, make_recall


@pytest.mark.parametrize("steps", [2, 3, 50])
def test_adding_marks_one_number_of_each_half(rng, steps):
    inputs, targets = make_adding(rng, 500, steps)
    assert inputs.shape == (steps, 500, 2) and inputs.dtype == np.float32
    numbers, marks = inputs[:, :, 0], inputs[:, :, 1]
    assert 0 <= numbers.min() and numbers.max() < 1
    half = steps // 2
    assert (marks[:half] == 1).sum(axis=0).tolist() == (marks[half:] == 1).sum(axis=0).tolist() == [1] * 500
    assert ((marks == 0) | (marks == 1)).all()
    for n in range(5):
        first, second = np.flatnonzero(marks[:, n])
        assert targets[n] == pytest.approx(numbers[first, n] + numbers[second, n], rel=1e-6)


def test_every_place_of_a_half_is_marked_somewhere(rng):
    marks = make_adding(rng, 2_000, 10).inputs[:, :, 1].sum(axis=1)
    np.testing.assert_allclose(marks, 400, atol=100)


def test_adding_has_the_papers_baseline(rng):
    targets = make_adding(rng, 100_000, 4).targets
    assert np.mean((targets - 1) ** 2) == pytest.approx(TASKS["adding"].baseline(4), abs=0.003)
    assert TASKS["adding"].baseline(750) == pytest.approx(0.167, abs=5e-4)


@pytest.mark.parametrize("delay", [1, 7])
def test_copying_shows_symbols_blanks_delimiter_and_blanks(rng, delay):
    inputs, targets = make_copying(rng, 300, delay)
    assert inputs.shape == (delay + 20, 300, 10) and targets.shape == (delay + 20, 300)
    assert (inputs.sum(axis=2) == 1).all()
    shown = inputs.argmax(axis=2)
    assert sorted(np.unique(shown[:10])) == list(range(8))
    assert (shown[10 : 10 + delay - 1] == BLANK).all()
    assert (shown[10 + delay - 1] == DELIMITER).all()
    assert (shown[10 + delay :] == BLANK).all()
    assert (targets[: delay + 10] == BLANK).all()
    np.testing.assert_array_equal(targets[-10:], shown[:10])


def test_copying_has_the_papers_baseline():
    """Blanks are told for sure, and each symbol as any of eight."""
    delay = 100
    losses = [0.0] * (delay + 10) + [-math.log(1 / 8)] * 10
    assert TASKS["copying"].baseline(delay) == pytest.approx(np.mean(losses))


def test_recall_asks_for_the_first_number(rng):
    inputs, targets = make_recall(rng, 4_000, 6)
    np.testing.assert_array_equal(targets, inputs[0, :, 0])
    assert set(targets) == {-1, 1} and abs(targets.mean()) < 0.1
    assert inputs[1:].std() == pytest.approx(1, abs=0.05)
    assert np.mean((0 - targets) ** 2) == TASKS["recall"].baseline(6)


@pytest.mark.parametrize("task", TASKS)
def test_a_stream_gives_the_same_sequences(task):
    first, second = (TASKS[task].make(np.random.default_rng(3), 8, 6) for _ in range(2))
    np.testing.assert_array_equal(first.inputs, second.inputs)
    np.testing.assert_array_equal(first.targets, second.targets)
    assert first.inputs.shape[2] == TASKS[task].inputs
