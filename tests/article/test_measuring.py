"""What claims measure is measured of the right samples: nothing is fitted on what is scored."""

from types import SimpleNamespace

import numpy as np
import pytest

from gluon_lstm.article import augmentation, cell, comparison, dropout, gradients, learning, text
from gluon_lstm.article.tasks import TASKS
from gluon_lstm.data import DataSplits, ImageDataset


@pytest.fixture
def splits(rng):
    """Five, four and three images of two classes."""

    def make(split, count):
        images = rng.integers(0, 256, (count, 4, 5)).astype(np.uint8)
        return ImageDataset("images", split, images, np.arange(count, dtype=np.int32) % 2, ("a", "b"))

    return DataSplits(make("train", 5), make("validation", 4), make("test", 3))


@pytest.fixture
def scored(splits, monkeypatch):
    """The images of every data set that is scored; nothing is trained, and a score tells how many there were."""
    seen = []

    def score(net, dataset):
        seen.append(dataset.images)
        return SimpleNamespace(accuracy=len(dataset), nll=-len(dataset))

    trained = learning.Trained(SimpleNamespace(), [{"train_loss": 0.5, "seconds": 2.0}])
    config = SimpleNamespace(data=SimpleNamespace(limit_train=5, dataset="digits"))
    monkeypatch.setattr(learning, "read_options", lambda options, data_dir: (config, splits))
    monkeypatch.setattr(learning, "train", lambda config, splits, watch=None: trained)
    monkeypatch.setattr(learning, "score", score)
    return seen


def test_a_training_is_scored_on_its_own_splits(scored):
    outcome = comparison.measure_training({}, None)
    assert (outcome["train_losses"], outcome["seconds"]) == ([0.5], [2.0])
    assert (outcome["train_nll"], outcome["train_accuracy"]) == (-5, 5)
    assert (outcome["test_nll"], outcome["test_accuracy"]) == (-3, 3)


def test_shifted_test_images_are_those_to_the_left_and_to_the_right(scored, splits):
    outcome = augmentation._measure({}, None)
    assert outcome == {"test_accuracy": 3, "shifted_accuracy": 3} and len(scored) == 3
    left, right = scored[:2]
    np.testing.assert_array_equal(left[:, :, :-1], splits.test.images[:, :, 1:])
    np.testing.assert_array_equal(right[:, :, 1:], splits.test.images[:, :, :-1])
    assert not left[:, :, -1].any() and not right[:, :, 0].any()


def test_noise_has_its_size_and_stays_in_range(rng):
    grey = ImageDataset("grey", "test", np.full((50, 20, 20), 100, np.uint8), np.zeros(50, np.int32), ("a", "b"), 200)
    noisy = dropout.add_noise(grey, rng).images.astype(float)
    assert noisy.mean() == pytest.approx(100, abs=2) and noisy.max() <= 200
    assert noisy.std() == pytest.approx(dropout.NOISE * 200, rel=0.03)


def test_the_bag_of_words_is_fitted_on_the_training_texts():
    """By hand: the test texts have the labels turned around, so that all answers are wrong."""
    words, labels = ["good", "bad"] * 4, np.array([1, 0] * 4)
    train, test = SimpleNamespace(texts=words, labels=labels), SimpleNamespace(texts=words, labels=1 - labels)
    correct, further = text._bag(SimpleNamespace(train=train, validation=train, test=test), (0.1, 1.0))
    assert not correct.any() and further == {"validation_accuracy": 1.0, "penalty": 0.1}


def test_the_penalty_of_the_bag_of_words_is_chosen_on_the_validation_split():
    """By hand: four texts of one class and one of the other, which a great penalty gives up."""
    train = SimpleNamespace(texts=["good"] * 4 + ["bad"], labels=np.array([1] * 4 + [0]))
    words = (("bad", 0), ("good", 1))
    rare, frequent = (SimpleNamespace(texts=[word], labels=np.array([label])) for word, label in words)
    chosen = [text._bag(SimpleNamespace(train=train, validation=held_out, test=frequent), (1e-4, 100.0))[1]
              for held_out in (rare, frequent)]  # fmt: skip
    assert [further["penalty"] for further in chosen] == [100.0, 1e-4]


@pytest.mark.parametrize("steps, low, high", [(1, 0.95, 1.0), (20, 0.3, 0.7)])
def test_the_unit_is_read_after_its_last_input(steps, low, high):
    """After one input a unit tells it; after twenty small weights have forgotten the first."""
    outcome = cell._measure_unit({"seed": 0, "gain": 1.0, "hidden_size": 8, "steps": steps})
    assert low <= outcome["accuracy"] <= high


@pytest.mark.parametrize("claim, name, options", [
    (gradients, "adding", {"task": "adding", "encoder": "lstm", "gain": 1.0}), (cell, "recall", {"kind": "lstm"}),
], ids=["gradients", "cell"])  # fmt: skip
def test_sequences_that_are_scored_are_none_of_the_training(claim, name, options, monkeypatch):
    """Each is drawn from a stream of its own, which its increment tells."""
    drawn, task = [], TASKS[name]

    def make(rng, number, steps):
        drawn.append(rng.bit_generator.state["state"]["inc"])
        return task.make(rng, number, steps)

    monkeypatch.setitem(TASKS, name, task._replace(make=make))
    shared = {"seed": 0, "steps": 4, "hidden_size": 3, "updates": 1, "batch_size": 2, "learning_rate": 0.01}
    claim.CLAIM.measure({**options, **shared}, None)
    assert len(drawn) == len(set(drawn)) > 1
