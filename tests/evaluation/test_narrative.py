"""What the first sentences of a report say, of predictions whose numbers are known."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from fakes import FakeDataset

from gluon_lstm.evaluation.measures import Temperature
from gluon_lstm.evaluation.predict import Predictions
from gluon_lstm.evaluation.report import StudyOptions, make_study
from gluon_lstm.evaluation.report.narrative import summarize

UNSCALED = Temperature(None, "Not scaled.")
CANCELLING = [(100, 0.95, 75), (100, 0.55, 75)]
"""Too sure of one half and not sure enough of the other: 75 % on average, and 75 % are right."""
TOO_SURE, JUST_RIGHT, TOO_UNSURE = [(200, 0.99, 150)], [(600, 0.75, 450)], [(200, 0.55, 150)]


@pytest.fixture
def summary_of(provenance):
    """A function that makes the summary of two classes' samples from (count, confidence, how many are right) each."""

    def make(groups, temperature=UNSCALED, is_balanced=True):
        labels = np.arange(sum(count for count, _, _ in groups)) % 2
        right = np.concatenate([np.arange(count) < hits for count, _, hits in groups])
        confidence = np.repeat([share for _, share, _ in groups], [count for count, _, _ in groups])
        if not is_balanced:  # the same class is always predicted
            labels = (~right).astype(int)
        predicted = np.where(right, labels, 1 - labels)
        probabilities = np.where(predicted[:, np.newaxis] == np.arange(2), confidence[:, np.newaxis],
                                 1 - confidence[:, np.newaxis]).astype(np.float32)  # fmt: skip
        labels = labels.astype(np.int32)
        dataset = FakeDataset(np.zeros((2, len(labels), 1), np.float32), labels, ("yes", "no"))
        return summarize(make_study(Predictions(probabilities, labels), dataset, provenance, temperature,
                                    options=StudyOptions(())))  # fmt: skip

    return make


@pytest.mark.parametrize(
    "groups, verdict",
    [
        (CANCELLING, "too high for some samples and too low for others"),
        (TOO_SURE, "too high"),
        (TOO_UNSURE, "too low"),
        (JUST_RIGHT, "about right"),
    ],
    ids=["cancelling", "too sure", "too unsure", "right"],
)
def test_the_verdict_on_confidence_follows_from_the_bins(summary_of, groups, verdict):
    assert summary_of(groups).how_sure[0].startswith(f"The model's confidence is {verdict}: ")


@pytest.mark.parametrize("groups, error", [(CANCELLING, "20.00 %"), (TOO_SURE, "24.00 %"), (JUST_RIGHT, None)])
def test_an_error_that_chance_does_not_explain_is_a_worry(summary_of, groups, error):
    worries = [worry for worry in summary_of(groups).worries if "calibration error" in worry]
    if error is None:
        assert worries == []
    else:
        (worry,) = worries
        assert worry.startswith(f"The expected calibration error, {error}, is greater than chance makes it")


@pytest.mark.parametrize(
    "groups, temperature, still",
    [(TOO_SURE, math.log(99) / math.log(3), False), (TOO_SURE, 1.0, True), (CANCELLING, 1.0, True)],
    ids=["mended", "as it was", "cancelling"],
)
def test_an_error_that_scaling_leaves_is_a_worry_of_its_own(summary_of, groups, temperature, still):
    worries = summary_of(groups, Temperature(temperature, "Given.")).worries
    assert sum(worry.startswith("The expected calibration error, ") for worry in worries) == 1
    assert sum(worry.startswith("Temperature scaling does not mend that: afterwards") for worry in worries) == still


def test_an_error_that_scaling_brought_about_is_a_worry(summary_of):
    (worry,) = [w for w in summary_of(JUST_RIGHT, Temperature(0.2, "Given.")).worries if "calibration error" in w]
    start = "Temperature scaling made the calibration on these samples, which was 0.00 % off, worse: afterwards the "
    assert worry.startswith(f"{start}expected calibration error, 24.59 %, is greater than chance makes it in 95 % ")


@pytest.mark.parametrize("groups, temperature", [([(40, 0.75, 34)], 1.1), ([(600, 0.76, 450)], 0.95)])
def test_an_error_that_scaling_left_within_chance_is_no_worry(summary_of, groups, temperature):
    summary = summary_of(groups, Temperature(temperature, "Given."))
    assert not [worry for worry in summary.worries if "caling" in worry or "calibration error" in worry]


def test_an_error_that_scaling_made_greater_is_one_worry_more(summary_of):
    first, second = (worry for worry in summary_of(TOO_SURE, Temperature(0.3, "Given.")).worries if "error" in worry)
    assert first.startswith("The expected calibration error, 24.00 %, is greater than chance makes it")
    assert second.startswith("Temperature scaling does not mend that: afterwards"), "25 % is within the interval of 24"
    worries = summary_of(TOO_UNSURE, Temperature(30.0, "Given.")).worries
    assert sum("scaling" in worry for worry in worries) == 1


@pytest.mark.parametrize("groups", [[(1, 0.774, 0)], [(40, 0.75, 34)], [(100, 0.75, 75)]])
def test_few_samples_are_said_to_tell_nothing_of_confidence(summary_of, groups):
    sentence = summary_of(groups).how_sure[0]
    assert sentence.startswith("These samples are too few to tell whether the model's confidence is right: ")
    chance = float(re.search(r"brings about up to ([\d.]+) %\.$", sentence).group(1))
    assert chance > 5


def test_accuracy_that_the_most_frequent_class_has_too_is_a_worry(summary_of):
    found = [worry for worry in summary_of(JUST_RIGHT, is_balanced=False).worries if "most frequent class" in worry]
    (worry,) = found
    assert worry.startswith("The accuracy, 75.00 % (") and worry.endswith("with the most frequent class, yes.")
    assert "is not clearly above the 75.00 % of" in worry
    assert not [worry for worry in summary_of(JUST_RIGHT).worries if "most frequent class" in worry]


@pytest.mark.parametrize("groups, place", [([(1, 0.9, 0)], "below"), ([(600, 0.9, 200)], "below"),
                                           ([(600, 0.9, 310)], "not clearly above")])  # fmt: skip
def test_an_accuracy_below_that_of_the_most_frequent_class_is_said_to_be_below(summary_of, groups, place):
    (worry,) = [w for w in summary_of(groups, is_balanced=False).worries if "always answering with" in w]
    assert f", is {place} the " in worry


@pytest.fixture
def told_of(provenance):
    """A function that gives what is said of the mistakes in pairs of true and predicted class of "abcd"."""

    def make(pairs):
        labels, predicted = np.array([["abcd".index(name) for name in pair] for pair in pairs], np.int32).T
        probabilities = np.where(predicted[:, np.newaxis] == np.arange(4), 0.7, 0.1).astype(np.float32)
        dataset = FakeDataset(np.zeros((2, len(labels), 1), np.float32), labels, "abcd")
        study = make_study(Predictions(probabilities, labels), dataset, provenance, UNSCALED, options=StudyOptions(()))
        return summarize(study).how_good[2:]

    return make


@pytest.mark.parametrize(
    "pairs, told",
    [
        ("aa bb", None),
        ("aa ab bb", "The only mistake is a taken for b."),
        ("aa ab aa ba bb bb cc",
         "Of the 2 mistakes, no two are alike; the class with the lowest recall is a (66.67 % of its 3, as low as "
         "that of 1 other class)."),
        ("aa ab ab bb",
         "Of the 2 mistakes, the most frequent is a taken for b (2 of 2); the class with the lowest recall is a (33.33 "
         "% of its 3)."),
        ("ab ab cd cd ca bb dd",
         "Of the 5 mistakes, the most frequent is a taken for b (2 of 5, as often as 1 other pair); the class with "
         "the lowest recall is c (0.00 % of its 3, as low as that of 1 other class)."),
        ("ab ba", "Of the 2 mistakes, no two are alike."),
        ("ab ca ca ca", "Of the 4 mistakes, the most frequent is c taken for a (3 of 4)."),
    ],
    ids=["none", "one", "no pair twice", "clear", "ties", "all alike", "all wrong"],
)  # fmt: skip
def test_mistakes_are_only_ranked_where_they_differ(told_of, pairs, told):
    assert told_of(pairs.split()) == ([] if told is None else [told])


def test_what_was_left_out_is_a_worry_and_a_note(provenance):
    labels = np.arange(8, dtype=np.int32) % 2
    probabilities = np.where(labels[:, np.newaxis] == np.arange(2), 0.9, 0.1).astype(np.float32)
    dataset = FakeDataset(np.zeros((2, 8, 1), np.float32), labels, ("yes", "no"))
    told = "mine.csv: 2 blank texts left out (lines 3, 8)."
    study = make_study(Predictions(probabilities, labels), dataset, provenance, UNSCALED,
                       warnings=(told,), options=StudyOptions(()))  # fmt: skip
    assert told in summarize(study).worries and study.metrics()["notes"][-1] == told


def test_samples_that_the_training_had_are_a_worry_and_a_note(provenance):
    labels = np.arange(8, dtype=np.int32) % 2
    probabilities = np.where(labels[:, np.newaxis] == np.arange(2), 0.9, 0.1).astype(np.float32)
    dataset = FakeDataset(np.zeros((2, 8, 1), np.float32), labels, ("yes", "no"))
    dataset.warnings = ("3 of 8 test texts are training texts too",)
    study = make_study(Predictions(probabilities, labels), dataset, provenance, UNSCALED, options=StudyOptions(()))
    told = "3 of 8 test texts are training texts too, so that these figures flatter the model."
    assert told in summarize(study).worries and study.metrics()["notes"][-1] == told


def test_a_good_model_gives_no_reason_to_worry(summary_of):
    assert summary_of([(2_000, 0.97, 1_940)]).worries == []
