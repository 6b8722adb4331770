"""What a report of texts adds."""

import csv

import numpy as np
import pytest
from fakes import FakeDataset

from gluon_lstm.evaluation.intervals import wilson_interval
from gluon_lstm.evaluation.measures import Temperature
from gluon_lstm.evaluation.mistakes import accuracy_by_length
from gluon_lstm.evaluation.predict import Predictions, softmax
from gluon_lstm.evaluation.report import StudyOptions, make_study, write_report
from gluon_lstm.evaluation.report.formats import EXCERPT, excerpt

FEW = StudyOptions(("mistakes", "lengths"))
NO_TEMPERATURE = Temperature(None, "Not scaled.")
HOSTILE = (
    "<script>alert('1')</script> <img src=x onerror=alert(1)>",
    "a | b | c\nnew line\r\n`code` $x$ [link](http://e.org) *bold*",
    "عربي \u202eabc\u202c 中文评论很好 😀👩‍👩‍👧",
)


class FakeTexts(FakeDataset):
    """Sequences that can be shown as texts."""

    def text(self, index: int) -> str:
        """Returns one of the hostile texts."""
        return HOSTILE[index % len(HOSTILE)]


@pytest.fixture
def texts(make_dataset):
    return make_dataset(samples=30, lengths=np.arange(30, dtype=np.int32) % 4 + 1, kind=FakeTexts)


@pytest.fixture
def predictions(texts, rng):
    return Predictions(softmax(rng.normal(size=(30, 3)) + 2 * np.eye(3)[texts.labels]), texts.labels)


@pytest.mark.parametrize("groups", [1, 3, 8, 100])
def test_every_sample_is_in_one_group_of_its_length(predictions, rng, groups):
    lengths = rng.integers(1, 20, 30)
    found = accuracy_by_length(predictions, lengths, groups)
    assert 1 <= len(found) <= groups
    assert sum(group.n for group in found) == 30
    assert all(before.high < after.low for before, after in zip(found, found[1:]))
    for group in found:
        inside = (lengths >= group.low) & (lengths <= group.high)
        right = (predictions.probabilities.argmax(axis=1) == predictions.labels)[inside]
        assert (group.n, group.accuracy) == (inside.sum(), right.mean())
        assert group.accuracy_ci95 == wilson_interval(int(right.sum()), group.n)


def test_groups_are_about_as_large_where_lengths_allow(predictions):
    sizes = [group.n for group in accuracy_by_length(predictions, np.arange(30), 5)]
    assert sizes == [6] * 5


def test_one_length_is_one_group(predictions):
    assert [(g.low, g.high, g.n) for g in accuracy_by_length(predictions, np.full(30, 7), 8)] == [(7, 7, 30)]


def test_the_report_shows_wrong_texts_and_lengths(tmp_path, predictions, texts, provenance, log):
    write_report(tmp_path, make_study(predictions, texts, provenance, NO_TEMPERATURE, log=log, options=FEW))
    report = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "| Sample | True class | Predicted | Probability | Text |" in report
    assert "![Accuracy of texts grouped" in report and (tmp_path / "accuracy_by_length.png").stat().st_size > 0
    assert "<script>" not in report and "&lt;script&gt;" in report
    assert "中文评论很好" in report and "😀" in report and "عربي" in report


def test_a_group_of_one_length_has_one_number(tmp_path, predictions, texts, provenance):
    write_report(tmp_path, make_study(predictions, texts, provenance, NO_TEMPERATURE, options=FEW))
    report = (tmp_path / "report.md").read_text(encoding="utf-8")
    table = report[report.index("Accuracy by length:") :].split("\n\n")[1].splitlines()[2:]
    assert [row.split("|")[1].strip() for row in table] == ["1", "2", "3", "4"]


def test_a_text_keeps_its_row_of_the_table(tmp_path, predictions, texts, provenance):
    write_report(tmp_path, make_study(predictions, texts, provenance, NO_TEMPERATURE, options=FEW))
    lines = (tmp_path / "report.md").read_text(encoding="utf-8").splitlines()
    start = lines.index("| Sample | True class | Predicted | Probability | Text |")
    rows = lines[start + 2 : start + 2 + int((predictions.predicted != predictions.labels).sum())]
    assert rows and all(row.replace("\\|", "").count("|") == 6 for row in rows)


def test_a_long_text_is_shown_by_its_ends():
    text = "a" * 400 + "b" * 400
    assert excerpt(text) == "a" * (EXCERPT // 2) + " … " + "b" * (EXCERPT // 2)
    assert excerpt("short") == "short"


def test_predictions_of_texts_come_back_from_the_file(tmp_path, predictions, texts, provenance):
    write_report(tmp_path, make_study(predictions, texts, provenance, NO_TEMPERATURE, options=FEW))
    with open(tmp_path / "predictions.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["predicted"] for row in rows] == [texts.class_names[index] for index in predictions.predicted]
