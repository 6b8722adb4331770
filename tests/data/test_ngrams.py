"""Scores of n-grams, against sets of token tuples and scikit-learn's logistic regression on them."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from gluon_lstm.data import ngrams
from gluon_lstm.data.ngrams import NgramModel, fit_ngrams


def random_texts(rng, count=60, classes=3, words=12, shortest=1, longest=9):
    """Returns texts of token numbers, in which one word is likelier in each class, and their labels."""
    labels = (np.arange(count) % classes).astype(np.int32)
    texts = [
        np.where(rng.random(length) < 0.3, label, rng.integers(0, words, length)).tolist()
        for label, length in zip(labels, rng.integers(shortest, longest + 1, count))
    ]
    return texts, labels


def grams(text, order):
    """Returns the set of a text's n-grams of 1 to ``order`` tokens."""
    return {tuple(text[start : start + size]) for size in range(1, order + 1) for start in range(len(text) - size + 1)}


def oracle(texts, labels, classes, order, asked):
    """Returns the scores (len(asked), classes) of a model of ``texts``, from the formulas and plain Python alone."""
    features = [grams(text, order) for text in texts]
    every = sorted({gram for feature in features for gram in feature})
    often = [gram for gram in every if sum(gram in feature for feature in features) > 1] or every
    table = np.array([[gram in feature for gram in often] for feature in features], float)
    table_asked = np.array([[gram in grams(text, order) for gram in often] for text in asked], float)

    def score(is_class):
        if is_class.all() or not is_class.any():
            return np.zeros(len(asked))
        inside, outside = 1 + table[is_class].sum(axis=0), 1 + table[~is_class].sum(axis=0)
        ratio = np.log((inside / inside.sum()) / (outside / outside.sum()))
        model = LogisticRegression(C=0.3, solver="liblinear", dual=True, tol=1e-2, max_iter=1000, random_state=0)
        return model.fit(table * ratio, is_class).decision_function(table_asked * ratio)

    if classes == 2:
        positive = score(labels == 1)
        return np.stack([-positive, positive], axis=1)
    return np.stack([score(labels == label) for label in range(classes)], axis=1)


@pytest.mark.parametrize("classes", [2, 3, 5])
@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_scores_are_those_of_plain_python(as_sequences, rng, order, classes):
    texts, labels = random_texts(rng, classes=classes)
    asked = [*random_texts(rng, count=20, words=15)[0], [99], [0], [0, 1]]
    model = fit_ngrams((as_sequences(texts),), labels, classes, (order,))
    scores = model.scores((as_sequences(asked),))
    expected = oracle(texts, labels, classes, order, asked)
    assert (scores.shape, scores.dtype) == ((len(asked), classes), np.float32)
    assert np.abs(expected).max() > 0.5
    # The solver stops within its tolerance of 1e-2, at a point that depends on rounding.
    np.testing.assert_allclose(scores, expected, atol=2e-3)


@pytest.mark.parametrize("order", range(1, 6))
@pytest.mark.parametrize("asked", [[[3]], [[3, 4]], [[3, 4, 5]], [[3], [4]], [[1, 2, 3, 4, 5, 6]]], ids=str)
def test_texts_shorter_than_the_order(as_sequences, rng, order, asked):
    texts, labels = random_texts(rng)
    model = fit_ngrams((as_sequences(texts),), labels, 3, (order,))
    among_others = model.scores((as_sequences([*texts, *asked]),))[-len(asked) :]
    np.testing.assert_array_equal(model.scores((as_sequences(asked),)), among_others)


def test_ngrams_of_two_streams_are_told_apart(as_sequences, rng):
    texts, labels = random_texts(rng)
    characters = [[symbol % 4 for symbol in text] for text in texts]
    streams = (as_sequences(texts), as_sequences(characters))
    keys = [fit_ngrams((stream,), labels, 3, (order,)).keys for stream, order in zip(streams, (2, 3))]
    both = fit_ngrams(streams, labels, 3, (2, 3))
    assert len(both.keys) == len(keys[0]) + len(keys[1])
    assert set(keys[0]) < set(both.keys)  # the first stream has the keys that it has alone
    for orders, (stream, order) in (((2, 0), (streams[0], 2)), ((2,), (streams[0], 2))):
        alone = fit_ngrams((stream,), labels, 3, (order,)).scores((stream,))
        np.testing.assert_array_equal(fit_ngrams(streams, labels, 3, orders).scores(streams), alone)


def test_a_text_of_unknown_tokens_alone_has_the_biases(as_sequences, rng):
    texts, labels = random_texts(rng)
    model = fit_ngrams((as_sequences(texts),), labels, 3, (2,))
    np.testing.assert_array_equal(model.scores((as_sequences([[77, 78]]),)), [model.biases])


def test_neighbours_change_nothing(as_sequences, rng):
    texts, labels = random_texts(rng)
    model = fit_ngrams((as_sequences(texts),), labels, 3, (3,))
    together = model.scores((as_sequences(texts),))
    np.testing.assert_allclose(together, [model.scores((as_sequences([text]),))[0] for text in texts], atol=1e-6)


def test_training_is_repeatable(as_sequences, rng):
    texts, labels = random_texts(rng)
    one, other = (fit_ngrams((as_sequences(texts),), labels, 3, (2,)) for _ in range(2))
    for name, array in one.to_arrays().items():
        np.testing.assert_array_equal(array, other.to_arrays()[name])


def test_a_class_without_texts_has_no_say(as_sequences, rng):
    texts, labels = random_texts(rng, classes=2)
    scores = fit_ngrams((as_sequences(texts),), labels, 3, (2,)).scores((as_sequences(texts),))
    np.testing.assert_array_equal(scores[:, 2], 0)
    assert np.abs(scores[:, :2]).min() > 0


def test_different_ngrams_have_different_keys(as_sequences, rng):
    texts = rng.integers(0, 30_000, (2_000, 40)).tolist()
    texts += [[number] for number in range(2_000)] + [[number, 0] for number in range(200)] + [[0, 0, 0], [0, 0], [0]]
    _, keys = ngrams._ngrams((as_sequences(texts),), (5,))
    assert len(np.unique(keys)) == len(set().union(*(grams(text, 5) for text in texts)))


def test_arrays_come_back(as_sequences, rng):
    texts, labels = random_texts(rng)
    model = fit_ngrams((as_sequences(texts),), labels, 3, (3,))
    again = NgramModel.from_arrays(model.to_arrays(), 3)
    assert again.orders == (3,)
    np.testing.assert_array_equal(again.scores((as_sequences(texts),)), model.scores((as_sequences(texts),)))


@pytest.mark.parametrize(
    "change",
    [
        {"keys": None},
        {"orders": None},
        {"more": np.zeros(3)},
        {"orders": np.array([[1, 2]])},
        {"orders": np.array([1.5])},
        {"orders": np.array([0, 0])},
        {"orders": np.array([-1, 2])},
        {"orders": np.array([10**12])},
        {"orders": np.array([2, 9])},
        {"orders": np.array([2, 0, 1])},
        {"orders": np.array(2)},
        {"keys": np.array(1, np.uint64)},
        {"keys": np.array([3, 2], np.uint64), "weights": np.zeros((2, 3), np.float32)},
        {"keys": np.array([1], np.uint64), "weights": np.full((1, 3), np.nan, np.float32)},
        {"biases": np.array([0, np.inf, 0], np.float32)},
        {"biases": np.zeros(3)},
        {"keys": np.zeros((2, 2), np.uint64)},
        {"keys": np.zeros(0, np.uint64), "weights": np.zeros((0, 3), np.float32)},
        {"keys": np.zeros(4, np.int64), "weights": np.zeros((4, 3), np.float32)},
        {"weights": np.zeros((4, 3), np.float32)},
        {"biases": np.zeros(4, np.float32)},
    ],
)
def test_arrays_of_another_form(as_sequences, rng, change):
    texts, labels = random_texts(rng)
    arrays = {**fit_ngrams((as_sequences(texts),), labels, 3, (2,)).to_arrays(), **change}
    assert NgramModel.from_arrays({name: array for name, array in arrays.items() if array is not None}, 3) is None
    assert NgramModel.from_arrays(fit_ngrams((as_sequences(texts),), labels, 3, (2,)).to_arrays(), 4) is None
