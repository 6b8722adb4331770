"""What the first sentences of a report say, of predictions whose numbers are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from fakes import FakeDataset

from gluon_lstm.evaluation.measures import Temperature
from gluon_lstm.evaluation.predict import Predictions
from gluon_lstm.evaluation.report import Studying, make_study
from gluon_lstm.evaluation.report.narrative import summarize

UNSCALED = Temperature(None, "Not scaled.")
CANCELLING = [(100, 0.95, 75), (100, 0.55, 75)]
"""Too sure of one half and not sure enough of the other: 75 % on average, and 75 % are right."""
TOO_SURE, JUST_RIGHT, TOO_UNSURE = [(200, 0.99, 150)], [(200, 0.75, 150)], [(200, 0.55, 150)]


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
                                    studying=Studying(())))  # fmt: skip

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
    worries = summary_of(JUST_RIGHT, Temperature(0.2, "Given.")).worries
    assert sum(worry.startswith("After temperature scaling the expected calibration error, ") for worry in worries) == 1
    assert not [worry for worry in worries if worry.startswith("The expected calibration error, ")]


def test_accuracy_that_the_most_frequent_class_has_too_is_a_worry(summary_of):
    found = [worry for worry in summary_of(JUST_RIGHT, is_balanced=False).worries if "most frequent class" in worry]
    (worry,) = found
    assert worry.startswith("The accuracy, 75.00 % (") and worry.endswith("with the most frequent class, yes.")
    assert "is not clearly above the 75.00 % of" in worry
    assert not [worry for worry in summary_of(JUST_RIGHT).worries if "most frequent class" in worry]


def test_a_good_model_gives_no_reason_to_worry(summary_of):
    assert summary_of([(2_000, 0.97, 1_940)]).worries == []
