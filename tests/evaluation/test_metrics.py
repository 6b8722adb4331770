"""The numbers, against hand-computed values, scikit-learn and SciPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import balanced_accuracy_score, f1_score, log_loss, matthews_corrcoef

from gluon_lstm.errors import DataError
from gluon_lstm.evaluation.intervals import wilson_interval
from gluon_lstm.evaluation.metrics import NLL_FLOOR, evaluate, negative_log_likelihood, row_shares
from gluon_lstm.evaluation.mistakes import confident_errors, frequent_confusions
from gluon_lstm.evaluation.predict import Predictions, softmax


def predictions_of(labels, predicted, classes, confidence=0.9) -> Predictions:
    """Returns predictions of the given classes, each with the same confidence."""
    probabilities = np.full((len(labels), classes), (1 - confidence) / (classes - 1), np.float32)
    probabilities[np.arange(len(labels)), predicted] = confidence
    return Predictions(probabilities, np.array(labels, np.int32))


@st.composite
def random_predictions(draw) -> Predictions:
    """Draws predictions of up to 40 samples of up to 6 classes, some classes without samples."""
    classes = draw(st.integers(2, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    samples = draw(st.integers(1, 40))
    labels = rng.integers(0, draw(st.integers(1, classes)), samples).astype(np.int32)
    return Predictions(softmax(3 * rng.normal(size=(samples, classes))), labels)


def test_numbers_computed_by_hand():
    evaluation = evaluate(predictions_of([0, 0, 0, 1, 1, 2], [0, 0, 1, 1, 2, 2], 3), ["a", "b", "c"])
    assert (evaluation.n, evaluation.correct, evaluation.accuracy) == (6, 4, 4 / 6)
    assert evaluation.confusion.tolist() == [[2, 1, 0], [0, 1, 1], [0, 0, 1]]
    assert [item.precision for item in evaluation.per_class] == [1, 1 / 2, 1 / 2]
    assert [item.recall for item in evaluation.per_class] == pytest.approx([2 / 3, 1 / 2, 1])
    assert [item.f1 for item in evaluation.per_class] == pytest.approx([0.8, 0.5, 2 / 3])
    assert [item.support for item in evaluation.per_class] == [3, 2, 1]
    assert evaluation.balanced_accuracy == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)
    assert evaluation.macro_f1 == pytest.approx((0.8 + 0.5 + 2 / 3) / 3)
    assert evaluation.nll == pytest.approx(-(4 * math.log(0.9) + 2 * math.log(0.05)) / 6, rel=1e-6)
    assert evaluation.class_names == ("a", "b", "c")


def test_undefined_numbers_are_none_and_left_out_of_the_means():
    evaluation = evaluate(predictions_of([0, 0, 1, 1], [0, 3, 0, 0], 4), list("abcd"))
    found, missed, absent, invented = evaluation.per_class
    assert (found.precision, found.recall, found.f1) == pytest.approx((1 / 3, 1 / 2, 0.4))
    assert (missed.precision, missed.recall, missed.f1) == (None, 0, 0)
    assert (absent.precision, absent.recall, absent.f1, absent.support) == (None, None, None, 0)
    assert (invented.precision, invented.recall, invented.f1) == (0, None, None)
    assert evaluation.macro_f1 == pytest.approx(0.2)
    assert evaluation.balanced_accuracy == pytest.approx(0.25)


@settings(max_examples=60)
@given(random_predictions())
def test_numbers_equal_scikit_learn_and_stay_in_bounds(predictions):
    classes = predictions.probabilities.shape[1]
    evaluation = evaluate(predictions, [str(index) for index in range(classes)])
    labels, predicted, present = predictions.labels, predictions.predicted, np.unique(predictions.labels)
    assert evaluation.macro_f1 == pytest.approx(
        f1_score(labels, predicted, labels=present, average="macro", zero_division=0)
    )
    shares = predictions.probabilities / predictions.probabilities.sum(axis=1, keepdims=True, dtype=np.float64)
    # A row of float32 sums to 1 within 1e-6 or less, and so much, absolutely, its logarithms differ from the shares'.
    assert evaluation.nll == pytest.approx(log_loss(labels, shares, labels=range(classes)), abs=1e-6)
    if set(predicted) <= set(present) and len(present) > 1:  # scikit-learn warns of anything else
        assert evaluation.balanced_accuracy == pytest.approx(balanced_accuracy_score(labels, predicted))
    low, high = evaluation.accuracy_ci95
    assert 0 <= low <= evaluation.accuracy <= high <= 1
    assert evaluation.confusion.sum() == sum(item.support for item in evaluation.per_class) == evaluation.n
    weighted = f1_score(labels, predicted, labels=present, average="weighted", zero_division=0)
    assert evaluation.weighted_f1 == pytest.approx(weighted)
    if len(present) > 1 and len(set(predicted)) > 1:
        assert evaluation.matthews_correlation == pytest.approx(matthews_corrcoef(labels, predicted))
    else:
        assert evaluation.matthews_correlation is None


@settings(max_examples=30)
@given(random_predictions(), st.randoms(use_true_random=False))
def test_order_of_the_samples_does_not_matter(predictions, random):
    names = [str(index) for index in range(predictions.probabilities.shape[1])]
    order = random.sample(range(len(predictions.labels)), len(predictions.labels))
    shuffled = evaluate(Predictions(predictions.probabilities[order], predictions.labels[order]), names)
    original = evaluate(predictions, names)
    assert shuffled.nll == pytest.approx(original.nll)
    np.testing.assert_array_equal(shuffled.confusion, original.confusion)
    assert (shuffled.per_class, shuffled.accuracy_ci95) == (original.per_class, original.accuracy_ci95)


@pytest.mark.parametrize("successes, n", [(0, 1), (1, 1), (0, 50), (50, 50), (1, 3), (97, 100), (9950, 10000)])
def test_wilson_interval_equals_scipy(successes, n):
    expected = binomtest(successes, n).proportion_ci(0.95, method="wilson")
    assert wilson_interval(successes, n) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_wilson_interval_of_a_worked_example():
    # 8 of 10: (0.8 + 1.96²/20 ± 1.96 √(0.016 + 1.96²/400)) / (1 + 1.96²/10)
    assert wilson_interval(8, 10) == pytest.approx((0.4902, 0.9433), abs=5e-5)


def test_sure_mistake_costs_a_finite_likelihood():
    value = negative_log_likelihood(np.array([[1, 0], [0, 1]], np.float32), np.array([1, 1]))
    assert value == pytest.approx(-math.log(NLL_FLOOR) / 2)


def test_row_shares_leave_classes_without_samples_undefined():
    shares = row_shares(np.array([[3, 1], [0, 0]]))
    assert shares[0].tolist() == [0.75, 0.25]
    assert np.isnan(shares[1]).all()


def test_frequent_confusions_come_first_and_leave_out_the_diagonal():
    evaluation = evaluate(predictions_of([0, 0, 0, 1, 2, 2], [1, 1, 0, 1, 0, 2], 3), list("abc"))
    assert frequent_confusions(evaluation, 5) == [("a", "b", 2, 2 / 3), ("c", "a", 1, 1 / 2)]
    assert frequent_confusions(evaluation, 1) == [("a", "b", 2, 2 / 3)]


def test_confident_errors_come_in_order_of_confidence():
    probabilities = np.array([[0.6, 0.4], [0.9, 0.1], [0.2, 0.8], [0.3, 0.7]], np.float32)
    predictions = Predictions(probabilities, np.array([1, 0, 0, 0], np.int32))
    assert confident_errors(predictions, 10).tolist() == [2, 3, 0]
    assert confident_errors(predictions, 2).tolist() == [2, 3]


@pytest.mark.parametrize(
    "probabilities, labels, message",
    [
        (np.zeros((0, 2)), [], "no samples"),
        (np.full((2, 3), 1 / 3), [0, 1], "do not fit"),
        (np.full((2, 2), 0.5), [0, 2], "labels 0 to 2"),
        (np.full((2, 2), 0.5), [-1, 0], "labels -1 to 0"),
        (np.array([[0.5, np.nan]]), [0], "not all finite"),
    ],
)
def test_predictions_that_do_not_fit_are_refused(probabilities, labels, message):
    with pytest.raises(DataError, match=message) as caught:
        evaluate(Predictions(probabilities.astype(np.float32), np.array(labels, np.int32)), ["a", "b"])
    assert "\n" not in str(caught.value)
