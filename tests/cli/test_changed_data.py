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


SIZES = ("--epochs", "1", "--hidden-size", "4", "--embedding-size", "4")


def test_a_test_file_is_never_divided_whatever_becomes_of_the_other(cli, texts):
    """Rows are added to both files: what tests are other samples, and none of the training."""
    write(texts / "test.csv", 20)
    files = ("--dataset", texts / "mine.csv", "--test-file", texts / "test.csv")
    assert cli("train", *files, *SIZES, "--output", texts / "split").code == 0
    write(texts / "mine.csv", 140)
    write(texts / "test.csv", 30)
    outcome = cli("evaluate", texts / "split", "--quick")
    assert outcome.code == 0 and "is not the one that" in outcome.err, outcome.err
    told = cli("evaluate", texts / "split", "--split", "validation", "--quick")
    assert told.code == 2 and "its validation split may hold training samples" in told.err


def test_the_file_of_the_training_is_read_as_it_was_for_the_training(cli, texts):
    """Of two columns, one is that of labels whatever it is called; and that is kept."""
    outcome = cli("evaluate", texts / "run", "--data", texts / "mine.csv", "--quick")
    assert outcome.code == 0 and "texts from column 'sentence', labels from 'polarity'" in outcome.err, outcome.err
    record = json.loads((texts / "run" / "config.json").read_text(encoding="utf-8"))
    assert record["dataset"]["columns"] == ["sentence", "polarity"]
    others = write(texts / "others.csv", 10, header="sentence,remark")
    outcome = cli("evaluate", texts / "run", "--data", others, "--quick", "--output", "others")
    assert outcome.code == 0 and "texts from column 'sentence', no labels" in outcome.err


def test_labels_that_are_missing_or_unknown_are_told_in_a_column_known_from_the_training(cli, texts):
    others = write(texts / "others.csv", 10)
    content = others.read_text(encoding="utf-8")
    for wrong, told in ((",plsu", "1 of 10 labels are unknown to the model: 'plsu' (1)"), (",", "has no label")):
        others.write_text(content.replace(",plus", wrong, 1), encoding="utf-8")
        outcome = cli("evaluate", texts / "run", "--data", others)
        assert outcome.code == 2 and told in outcome.err


def test_columns_that_were_named_are_taken_where_there_are_any(cli, texts):
    wide = texts / "wide.csv"
    wide.write_text("review,said,mark\n" + "".join(f"{n},{text},{label}\n" for n, (text, label) in enumerate(rows(60))),
                    encoding="utf-8")  # fmt: skip
    named = ("--text-column", "said", "--label-column", "mark", "--output", texts / "wide")
    assert cli("train", "--dataset", wide, *named, *SIZES).code == 0
    outcome = cli("evaluate", texts / "wide", "--data", wide, "--quick", "--output", "wide")
    assert outcome.code == 0 and "texts from column 'said', labels from 'mark'" in outcome.err
    bare = texts / "bare.csv"
    bare.write_text("text\na fine film\n", encoding="utf-8")
    outcome = cli("evaluate", texts / "wide", "--data", bare, "--output", "bare")
    assert outcome.code == 0 and "texts from column 'text', no labels" in outcome.err
    bare.write_text("a fine film,plus\na dull film,minus\n", encoding="utf-8")
    numbered = ("--text-column", "1", "--label-column", "2")
    outcome = cli("evaluate", texts / "wide", "--data", bare, *numbered, "--quick", "--output", "numbered")
    assert outcome.code == 0 and "texts from column '1', labels from '2'" in outcome.err, outcome.err


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


def test_texts_of_another_kind_have_columns_as_trained_as_named_or_as_guessed(cli, texts):
    odd = write(texts / "odd.csv", 60, "said,text")
    named = ("--text-column", "said", "--label-column", "text", "--output", texts / "odd")
    assert cli("train", "--dataset", odd, *named, *SIZES).code == 0
    write(texts / "known.csv", 10, "said,text")
    write(texts / "named.csv", 11, "a,b")
    write(texts / "guessed.csv", 12, "text,b")
    cases = (("known.csv", ()), ("named.csv", ("--text-column", "a")), ("guessed.csv", ()),
             ("named.csv", ("--text-column", "a", "--encoding", "latin-1")))  # fmt: skip
    for place, (name, flags) in enumerate(cases):
        outcome = cli("evaluate", texts / "odd", "--ood", texts / name, "--quick", *flags, "--output", f"page{place}")
        assert outcome.code == 0, outcome.err
        metrics = json.loads(Path(f"page{place}", "metrics.json").read_text(encoding="utf-8"))
        assert metrics["out_of_distribution"]["n"] == {"known.csv": 10, "named.csv": 11, "guessed.csv": 12}[name]


def test_flags_of_columns_are_those_of_the_data_where_both_are_given(cli, texts):
    data, other = write(texts / "data.csv", 10, "satz,polarity"), write(texts / "other.csv", 12)
    flags = ("--data", data, "--text-column", "satz", "--ood", other, "--quick")
    outcome = cli("evaluate", texts / "run", *flags)
    assert outcome.code == 0 and "texts from column 'satz', labels from 'polarity'" in outcome.err, outcome.err
    outcome = cli("evaluate", texts / "run", "--ood", "sentences", "--text-column", "zzz", "--quick")
    assert "warning: --text-column has no effect: --ood names no file of texts" in outcome.err


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


@pytest.mark.parametrize("flag", ["--data", "--ood"])
def test_data_whose_path_is_no_utf_8_are_refused(refuses, texts, flag):
    odd = Path(os.fsdecode(os.fsencode(texts) + b"/caf\xe9.csv"))
    shutil.copy(texts / "mine.csv", odd)
    assert "is no UTF-8; rename it" in refuses("evaluate", texts / "run", flag, odd)


def test_runs_whose_folders_are_no_utf_8_are_compared(cli, texts):
    odd = [Path(os.fsdecode(os.fsencode(texts) + name)) for name in (b"/r\xe9a", b"/r\xe9b")]
    for place in odd:
        shutil.copytree(texts / "run", place)
    assert cli("evaluate", *odd, "--output", "compared").code == 0
    assert "\\udce9" in Path("compared", "comparison.json").read_text(encoding="utf-8")


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
