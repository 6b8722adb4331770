"""Own texts that were changed, moved or are of another form after the training: told, and never taken for new."""

from __future__ import annotations

import csv
import json
import os
import shutil
from pathlib import Path

import pytest

from gluon_lstm.cli import main

WORDS = {"plus": ("fine", "lovely", "great"), "minus": ("poor", "dull", "weak")}


def rows(count):
    """Returns so many different texts and their classes."""
    return [(f"the {name} film number {number} is {WORDS[name][number % 3]}", name)
            for number in range(count) for name in [("plus", "minus")[number % 2]]]  # fmt: skip


def write(path, count, header="sentence,polarity"):
    Path(path).write_text(f"{header}\n" + "".join(f"{text},{label}\n" for text, label in rows(count)), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def trained_texts(tmp_path_factory):
    """A run on a file of two columns, one of which is that of labels by its content alone."""
    folder = tmp_path_factory.mktemp("texts")
    write(folder / "mine.csv", 120)
    assert main(["train", "--dataset", str(folder / "mine.csv"), "--epochs", "1", "--hidden-size", "4",
                 "--embedding-size", "4", "--output", str(folder / "run")]) == 0  # fmt: skip
    return folder


@pytest.fixture
def texts(trained_texts, tmp_path):
    """A copy of the run and of its file."""
    folder = shutil.copytree(trained_texts, tmp_path / "texts")
    record = json.loads((folder / "run" / "config.json").read_text(encoding="utf-8"))
    record["data"]["dataset"] = str(folder / "mine.csv")
    (folder / "run" / "config.json").write_text(json.dumps(record), encoding="utf-8")
    return folder


def test_a_file_that_has_grown_is_divided_anew_and_refused(refuses, texts):
    write(texts / "mine.csv", 140)
    told = "was changed after {} was trained, and is divided anew, so that its test split may hold training samples"
    assert told.format(texts / "run") in refuses("evaluate", texts / "run", "--quick")
    shutil.copytree(texts / "run", texts / "other")
    assert told.format(texts / "run") in refuses("evaluate", texts / "run", texts / "other", "--output", "compared")
    assert not (texts / "run" / "evaluation").exists()


def test_a_test_file_that_has_changed_is_told_and_evaluated(cli, texts):
    for name in ("test.csv", "more.csv"):
        write(texts / name, 20 if name == "test.csv" else 30)
    files = ("--dataset", texts / "mine.csv", "--test-file", texts / "test.csv")
    sizes = ("--epochs", "1", "--hidden-size", "4", "--embedding-size", "4")
    assert cli("train", *files, *sizes, "--output", texts / "split").code == 0
    shutil.copy(texts / "more.csv", texts / "test.csv")
    outcome = cli("evaluate", texts / "split", "--quick")
    assert outcome.code == 0 and "is not the one that" in outcome.err, outcome.err
    metrics = json.loads((texts / "split" / "evaluation" / "test" / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["n"] == 30 and "The run was trained beside another test split than this one." in metrics["notes"]


def test_a_temperature_is_fitted_on_the_validation_split_of_the_training_alone(cli, texts):
    write(texts / "test.csv", 20)
    files = ("--dataset", texts / "mine.csv", "--test-file", texts / "test.csv")
    sizes = ("--epochs", "1", "--hidden-size", "4", "--embedding-size", "4")
    assert cli("train", *files, *sizes, "--output", texts / "split").code == 0
    write(texts / "mine.csv", 140)
    assert cli("evaluate", texts / "split", "--quick").code == 0
    metrics = json.loads((texts / "split" / "evaluation" / "test" / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["temperature"] is None
    assert any(note.startswith("Not scaled by a temperature: the validation split is not") for note in metrics["notes"])


def test_the_validation_split_is_told_to_have_chosen_the_epoch(cli, texts):
    assert cli("evaluate", texts / "run", "--split", "validation", "--quick").code == 0
    folder = texts / "run" / "evaluation" / "validation"
    told = "The epoch that is kept was chosen by these samples, so that these figures flatter the model."
    assert told in json.loads((folder / "metrics.json").read_text(encoding="utf-8"))["notes"]
    assert told in (folder / "report.md").read_text(encoding="utf-8")


def test_the_file_of_the_training_is_read_as_it_was_for_the_training(cli, texts):
    """Which of two columns has the labels is known by their being classes, whatever it is called."""
    outcome = cli("evaluate", texts / "run", "--data", texts / "mine.csv", "--quick")
    assert outcome.code == 0 and "texts from column 'sentence', labels from 'polarity'" in outcome.err, outcome.err
    others = write(texts / "others.csv", 10, header="sentence,remark")
    others.write_text(others.read_text(encoding="utf-8").replace(",minus", ",as usual"), encoding="utf-8")
    outcome = cli("evaluate", texts / "run", "--data", others, "--quick", "--output", "others")
    assert outcome.code == 0 and "texts from column 'sentence', no labels" in outcome.err


def test_the_column_of_labels_that_was_named_is_taken_where_there_is_one(cli, texts):
    wide = texts / "wide.csv"
    wide.write_text("id,said,mark\n" + "".join(f"{n},{text},{label}\n" for n, (text, label) in enumerate(rows(60))),
                    encoding="utf-8")  # fmt: skip
    sizes = ("--epochs", "1", "--hidden-size", "4", "--embedding-size", "4", "--output", texts / "wide")
    assert cli("train", "--dataset", wide, "--text-column", "said", "--label-column", "mark", *sizes).code == 0
    outcome = cli("evaluate", texts / "wide", "--data", wide, "--quick", "--output", "wide")
    assert outcome.code == 0 and "labels from 'mark'" in outcome.err
    wide.write_text("id,said\n1,a fine film\n", encoding="utf-8")
    outcome = cli("evaluate", texts / "wide", "--data", wide, "--output", "bare")
    assert outcome.code == 0 and "no labels" in outcome.err


def test_predictions_of_other_texts_are_not_replaced(cli, refuses, texts):
    for name, count in (("first.csv", 3), ("second.csv", 4)):
        Path(texts / name).write_text("sentence\n" + "".join(f"{text}\n" for text, _ in rows(count)), encoding="utf-8")
    assert cli("evaluate", texts / "run", "--data", texts / "first.csv").code == 0
    predictions = texts / "run" / "evaluation" / "data" / "predictions.csv"
    before = predictions.read_bytes()
    assert cli("evaluate", texts / "run", "--data", texts / "first.csv").code == 0, "the same once more"
    outcome = cli("evaluate", texts / "run", "--data", texts / "second.csv")
    assert outcome.code == 2 and "holds the report on other samples" in outcome.err
    assert predictions.read_bytes() == before
    assert cli("evaluate", texts / "run", "--data", texts / "second.csv", "--force").code == 0
    assert len(predictions.read_text(encoding="utf-8").splitlines()) == 5


def test_texts_of_another_kind_have_columns_as_trained_or_as_named(cli, texts):
    for name, header in (("known.csv", "sentence,other"), ("named.csv", "a,b")):
        write(texts / name, 10, header)
    for name, flags in (("known.csv", ()), ("named.csv", ("--text-column", "a"))):
        outcome = cli("evaluate", texts / "run", "--ood", texts / name, "--quick", *flags, "--output", name[:-4])
        assert outcome.code == 0, outcome.err
        assert "out_of_distribution" in json.loads(Path(name[:-4], "metrics.json").read_text(encoding="utf-8"))


def test_a_label_with_a_carriage_return_stays_in_its_cell(cli, texts):
    lines = [{"text": text, "label": f"{label}\rodd"} for text, label in rows(60)]
    (texts / "odd.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    sizes = ("--epochs", "1", "--hidden-size", "4", "--embedding-size", "4", "--output", texts / "odd")
    assert cli("train", "--dataset", texts / "odd.jsonl", *sizes).code == 0
    assert cli("evaluate", texts / "odd", "--quick").code == 0
    with (texts / "odd" / "evaluation" / "test" / "predictions.csv").open(newline="", encoding="utf-8") as file:
        found = list(csv.reader(file))
    assert len({len(row) for row in found}) == 1 and {row[2] for row in found[1:]} == {"plus\rodd", "minus\rodd"}


def test_a_run_whose_folder_is_no_utf_8_is_evaluated(cli, texts):
    odd = Path(os.fsdecode(os.fsencode(texts) + b"/r\xe9"))
    shutil.move(texts / "run", odd)
    assert cli("evaluate", odd, "--quick").code == 0
    assert "r\\udce9" in (odd / "evaluation" / "test" / "report.md").read_text(encoding="utf-8").replace("\\\\", "\\")


@pytest.mark.parametrize("flag", ["--dataset", "--data-dir", "--test-file"])
def test_a_path_that_is_no_utf_8_is_refused(refuses, flag):
    name = os.fsdecode(b"caf\xe9.csv")
    assert "is no UTF-8; rename it" in refuses("train", "--dataset", "digits", flag, name, "--output", "run")


def test_names_that_standard_output_cannot_write_are_spelled_out(cli, script, texts):
    rows_of_two = "".join(f"{text},{'好' if label == 'plus' else '坏'}\n" for text, label in rows(60))
    (texts / "zh.csv").write_text(f"text,label\n{rows_of_two}", encoding="utf-8")
    sizes = ("--epochs", "1", "--hidden-size", "4", "--embedding-size", "4", "--output", texts / "zh")
    assert cli("train", "--dataset", texts / "zh.csv", *sizes).code == 0
    process = script("evaluate.py", texts / "zh", "--quick", PYTHONIOENCODING="ascii")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0 and "\\u574f" in out, err
