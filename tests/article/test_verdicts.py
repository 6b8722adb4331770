"""The rule, by hand-made numbers."""

import math

import pytest

from gluon_lstm.article.comparison import compare, compare_accuracies
from gluon_lstm.article.verdicts import Check, Verdict, decide, effect, mean_interval

T_2 = 4.302652729911275
"""The 97.5 % point of Student's distribution with two degrees of freedom, from tables."""


def answered(mean, low, high, least=1.0):
    return Check("…", "points", mean, low, high, least, 3)


YES, NO, OPEN = answered(2, 1, 3), answered(0, -0.5, 0.5), answered(2, -1, 5)


def test_the_interval_is_students():
    mean, low, high = mean_interval([1.0, 2.0, 3.0])
    assert mean == 2
    assert (low, high) == pytest.approx((2 - T_2 / math.sqrt(3), 2 + T_2 / math.sqrt(3)))


def test_equal_values_have_an_interval_of_no_width():
    assert mean_interval([0.25, 0.25]) == (0.25, 0.25, 0.25)


@pytest.mark.parametrize("values", [[], [1.0], [1.0, math.nan], [1.0, math.inf]], ids=["none", "one", "nan", "inf"])
def test_what_has_no_interval_is_refused(values):
    with pytest.raises(ValueError, match="two finite values"):
        mean_interval(values)


@pytest.mark.parametrize(
    "mean, low, high, answer",
    [
        (2, 0.1, 4, "yes"),
        (1, 0.1, 2, "yes"),
        (0.9, 0.1, 1.7, "open"),
        (2, 0, 4, "open"),
        (2, -1, 5, "open"),
        (0.5, 0.1, 0.99, "no"),
        (0.5, 0.1, 1.0, "open"),
        (-3, -5, -1, "no"),
    ],
)
def test_answers_at_a_least_effect_of_one(mean, low, high, answer):
    assert answered(mean, low, high).answer == answer


@pytest.mark.parametrize("room, answer", [(None, "no"), (1.0, "no"), (0.9, "open")])
def test_what_could_not_have_been_seen_is_open(room, answer):
    found = effect("…", [0.0, 0.1], 1.0, "points", room)
    assert found.answer == answer and found.open_because == ("no room for more" if answer == "open" else "")


@pytest.mark.parametrize("values, answer", [([-1.2, -1.2], "no"), ([-0.9, -0.9], "open"), ([-9.0, 9.0], "open")])
def test_without_room_to_be_better_one_can_be_worse_by_what_matters(values, answer):
    assert effect("…", values, 1.0, "points", room=0.0).answer == answer


def test_accuracies_far_below_others_that_leave_no_room_are_none_of_a_better_net():
    check = compare_accuracies("…", [0.50, 0.51, 0.49], [1.0, 1.0, 1.0], 5.0)
    assert (check.answer, check.open_because) == ("no", "")


def test_what_the_runs_cannot_tell_is_open_whatever_came_of_them():
    assert effect("…", [3.0, 3.1], 1.0, "points", open_because="far from fitted").answer == "open"


@pytest.mark.parametrize("worse, answer", [([0.9, 0.9], "no"), ([0.9991, 0.9993], "open")], ids=["below", "at the top"])
def test_accuracies_near_one_leave_no_room(worse, answer):
    """By hand: the second half is 0.08 points below all right, less than a tenth of the point that matters."""
    assert compare_accuracies("…", worse, worse, 1.0).answer == answer


@pytest.mark.parametrize("worse, least, answer", [(0.8, 1.0, "no"), (0.95, 0.5, "yes"), (0.99, 0.1, "yes")])
def test_a_tenth_of_the_errors_matters(worse, least, answer):
    """By hand: 0.6 points more are 3, 12 and 60 % of the errors."""
    better = [worse + 0.006, worse + 0.006]
    check = compare_accuracies("…", better, [worse, worse], 1.0)
    assert (check.least, check.answer) == (pytest.approx(least), answer) and check.mean == pytest.approx(0.6)


def test_sides_of_unequal_length_are_no_comparison():
    with pytest.raises(ValueError, match="2 numbers on one side, 3 on the other"):
        compare("…", [1.0, 2.0], [1.0, 2.0, 3.0], 1.0, "points")


@pytest.mark.parametrize("mean, answer", [(0.01, "yes"), (-0.01, "no")])
def test_without_a_least_effect_the_sign_decides(mean, answer):
    assert effect("…", [mean, mean], 0.0, "points").answer == answer


@pytest.mark.parametrize(
    "checks, verdict",
    [
        ([YES, YES], Verdict.SUPPORTED),
        ([YES, OPEN], Verdict.PARTLY),
        ([NO, YES], Verdict.PARTLY),
        ([NO, YES, OPEN], Verdict.PARTLY),
        ([NO, NO], Verdict.NOT_SUPPORTED),
        ([OPEN, NO, OPEN], Verdict.NOT_SUPPORTED),
        ([OPEN, OPEN], Verdict.UNDECIDED),
    ],
    ids=["all", "one open", "one no", "one of each", "all no", "none yes, one no", "all open"],
)
def test_a_verdict_follows_from_the_answers(checks, verdict):
    assert decide(checks) is verdict


def test_a_check_as_plain_values_has_its_answer():
    assert YES.to_dict() == {
        "says": "…", "unit": "points", "mean": 2, "low": 1, "high": 3, "least": 1.0, "n": 3, "open_because": "",
        "answer": "yes",
    }  # fmt: skip
