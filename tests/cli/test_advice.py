"""Notes to a training that will learn little, and to one that did, against scikit-learn's most frequent class."""

import numpy as np
import pytest
from commands import TINY
from scipy.stats import binomtest
from sklearn.dummy import DummyClassifier

from gluon_lstm.cli.advice import learning_note, reading_note
from gluon_lstm.config import ModelConfig, preset

NAMES = ("cat", "dog", "\x1b[31mred")
LABELS = np.repeat([0, 1, 2], [20, 60, 20])


def test_few_steps_are_told_first():
    note = learning_note(1, 0.1, 1.0, LABELS, NAMES)
    assert note == "note: 1 step is too few to learn much; try a smaller --batch-size or more --epochs"
    assert learning_note(49, 0.99, 1.0, LABELS, NAMES).startswith("note: 49 steps are too few to learn much; ")
    assert learning_note(50, 0.99, 1.0, LABELS, NAMES) is None


@pytest.mark.parametrize("accuracy, loss, told", [(0.6, 4.4, True), (0.6, 4.3, False), (0.8, 4.4, False)])
def test_steps_that_were_too_large_are_told_first(accuracy, loss, told):
    """By hand: guessing among three classes has a loss of ln 3, four times which is 4.394."""
    note = learning_note(20, accuracy, loss, LABELS, NAMES)
    assert note.startswith("note: the training loss, 4.4, is far above that of guessing, 1.1: ") == told
    assert note.startswith("note: 20 steps are too few") != told


def test_who_makes_no_mistake_is_told_nothing():
    assert learning_note(1, 1.0, 1.0, LABELS, NAMES) is None


@pytest.mark.parametrize("accuracy, learned", [(0.2, False), (0.6, False), (0.69, False), (0.70, True), (1.0, True)])
def test_the_interval_of_an_accuracy_must_be_above_the_most_frequent_class(accuracy, learned):
    share = DummyClassifier(strategy="most_frequent").fit(LABELS[:, None], LABELS).score(LABELS[:, None], LABELS)
    interval = binomtest(round(100 * accuracy), 100).proportion_ci(method="wilson")
    assert (interval.low > share) == learned
    note = learning_note(50, accuracy, 1.0, LABELS, NAMES)
    assert (note is None) == learned
    if not learned:
        assert note == (
            f"note: {accuracy:.2%} is hardly better than always answering 'dog', which is right for {share:.2%}; "
            f"try more --epochs, or the --learning-rate that gluon-lstm find-lr suggests"
        )


def test_a_class_that_is_nearly_all_leaves_room_for_a_perfect_accuracy():
    labels = np.repeat([0, 2], [1, 19])
    assert learning_note(50, 1.0, 1.0, labels, NAMES) is None
    assert "always answering '\\x1b[31mred', which is right for 95.00%" in learning_note(50, 0.95, 1.0, labels, NAMES)


def test_a_run_that_took_steps_enough_and_learned_is_told_nothing(cli, tmp_path):
    options = ("--hidden-size", 16, "--limit-train", 200, "--batch-size", 8, "--epochs", 3, "--learning-rate", 0.02)
    outcome = cli("train", "--output", tmp_path / "run", *options)
    assert (outcome.code, "note: " in outcome.err) == (0, False)
    idle = cli("train", "--output", tmp_path / "idle", *options, "--learning-rate", 1e-9)
    assert (idle.code, idle.out.count("\n")) == (0, 2)
    assert "is hardly better than always answering " in idle.err.splitlines()[-1]
    again = cli("train", "--resume", tmp_path / "idle")
    assert (again.code, "note: " in again.err) == (0, False)


@pytest.mark.parametrize("features, model, is_told", [
    (1, ModelConfig(), True),
    (1, ModelConfig(encoder="gru"), True),
    (2, ModelConfig(), False),
    (1, ModelConfig(encoder="transformer"), False),
    (1, ModelConfig(input_initializer="lecun"), False),
    (1, preset("sequential").model, False),
])  # fmt: skip
def test_one_number_a_step_asks_for_greater_weights(features, model, is_told):
    note = reading_note(features, model)
    assert note is None if not is_told else note.startswith("note: a step has one number, ")


def test_the_note_comes_before_the_training(cli, tmp_path):
    lines = cli("train", *TINY, "--view", "pixels", "--epochs", 1, "--output", tmp_path / "run").err.splitlines()
    (place,) = (number for number, line in enumerate(lines) if "--input-initializer lecun learns sooner" in line)
    assert lines[place - 1].endswith(" parameters") and lines[place + 1].startswith("epoch ")
