"""What ``evaluate`` does with files of texts, on a run that an earlier release trained."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from commands import ROOT, idx

import gluon_lstm
from gluon_lstm.data import load_splits
from gluon_lstm.evaluation import predict
from gluon_lstm.rundir import RunDirectory

CONTRACT = ROOT / "tests" / "data" / "contract"
TEXTS = ("I would say that the film was brilliant.", "Nobody agrees that the concert was dull.")


@pytest.fixture
def run(tmp_path):
    """A copy of a run on sentences."""
    return shutil.copytree(CONTRACT / "sentences" / "run", tmp_path / "work" / "run")


def metrics_of(run, split="data"):
    return json.loads((run / "evaluation" / split / "metrics.json").read_text(encoding="utf-8"))


def write(name, content, encoding="utf-8"):
    """Writes a file into the folder that the test is in."""
    Path(name).write_text(content, encoding=encoding)
    return name


def test_columns_and_encoding_are_those_given(cli, run):
    rows = f"review;stars;text;label\n{TEXTS[0]} Café;positive;x;y\n{TEXTS[1]};negative;x;y\n".replace(";", ",")
    name = write("mine.csv", rows, "latin-1")
    options = ("--text-column", "review", "--label-column", "stars", "--encoding", "latin-1")
    outcome = cli("evaluate", run, "--data", name, "--quick", *options)
    assert outcome.code == 0, outcome.err
    assert "texts from column 'review', labels from 'stars'" in outcome.err and "warning: --" not in outcome.err
    with (run / "evaluation" / "data" / "predictions.csv").open(newline="", encoding="utf-8") as file:
        found = list(csv.DictReader(file))
    assert [row["label"] for row in found] == ["positive", "negative"]
    expected = gluon_lstm.load(run).predict_proba([f"{TEXTS[0]} Café", TEXTS[1]])
    written = [[float(row[f"p:{name}"]) for name in ("negative", "positive")] for row in found]
    np.testing.assert_allclose(written, expected, atol=1e-6)


def test_texts_that_the_model_was_trained_on_are_told(cli, run):
    known = load_splits(RunDirectory.open(run).read_config()).train.texts[0]
    name = write("mine.csv", f"text,label\n{known},positive\n{known} Indeed.,negative\n")
    outcome = cli("evaluate", run, "--data", name, "--quick")
    told = "1 of 2 texts are training texts too, so that these figures flatter the model"
    assert f"warning: {told}\n" in outcome.err and f"{told}." in metrics_of(run)["notes"]


def test_without_the_training_texts_it_is_told_that_they_are_not_known(cli, run):
    record = json.loads((run / "config.json").read_text(encoding="utf-8"))
    record["data"]["dataset"] = "gone.csv"
    (run / "config.json").write_text(json.dumps(record), encoding="utf-8")
    outcome = cli("evaluate", run, "--data", write("mine.csv", f"text,label\n{TEXTS[0]},positive\n"), "--quick")
    assert outcome.code == 0
    told = "whether the model was trained on any of these samples cannot be told (--dataset gone.csv: no such file or "
    assert f"note: {told}" in outcome.err


def test_rows_of_the_predictions_are_found_again_in_the_file(cli, run):
    name = write("mine.csv", f"text,label\n{TEXTS[0]},positive\n ,negative\n{TEXTS[0]},odd\n{TEXTS[1]},negative\n")
    outcome = cli("evaluate", run, "--data", name, "--quick", "--ignore-unknown-labels")
    assert outcome.code == 0, outcome.err
    folder = run / "evaluation" / "data"
    with (folder / "predictions.csv").open(newline="", encoding="utf-8") as file:
        assert [(row["index"], row["line"]) for row in csv.DictReader(file)] == [("0", "2"), ("1", "5")]
    source, notes = (folder / "report.md").read_text(encoding="utf-8"), metrics_of(run)["notes"]
    for start in ("1 blank text left out (line 3).", "1 of 3 labels are unknown to the model: 'odd' (1); left out."):
        told = f"mine.csv: {start}"
        assert told in source[: source.index("## ")] and told in notes
    assert "with its line in mine.csv, counted from 1." in source


@pytest.mark.parametrize(
    "content, options, message",
    [
        ("", [], "mine.csv: "),
        ("text,label\n", [], "mine.csv: has no rows; give a file with texts"),
        ("text,label\n ,positive\n", [], "texts of column 'text' are blank"),
        ("text,label\na film,positive\nb film,\n", [], "1 text has no label in 'label' (line 3); give it one"),
        (
            "text,label\na film,positive\n",
            ["--text-column", "review"],
            "has no column 'review'; name another by --text-column",
        ),
        (
            "text,label\na film,positive\n",
            ["--label-column", "stars"],
            "has no column 'stars'; name another by --label-column",
        ),
        ("text,label\na film,positive\n", ["--encoding", "klingon"], "klingon"),
        ("text,label\na film,gut\n", [], "1 of 1 labels are unknown to the model: 'gut'"),
    ],
    ids=["empty", "no rows", "blank", "no label", "no text column", "no label column", "encoding", "unknown"],
)
def test_files_that_cannot_be_used(refuses, run, content, options, message):
    write("mine.csv", content)
    assert message in refuses("evaluate", run, "--data", "mine.csv", *options)
    assert not (run / "evaluation").exists()


def test_quotation_marks_of_json_lines_are_their_own(cli, run):
    name = write("mine.jsonl", "".join(json.dumps({"text": text, "label": "positive"}) + "\n" for text in TEXTS))
    outcome = cli("evaluate", run, "--data", name, "--quick", "--no-quotes")
    assert outcome.code == 0 and metrics_of(run)["n"] == 2
    assert "warning: --quotes has no effect: JSON Lines have quotation marks of their own" in outcome.err


def test_one_single_text_has_every_section(cli, run):
    outcome = cli("evaluate", run, "--data", write("mine.csv", f"text,label\n{TEXTS[0]},negative\n"))
    assert outcome.code == 0, outcome.err
    numbers, folder = metrics_of(run), run / "evaluation" / "data"
    assert numbers["n"] == numbers["robustness"]["n"] == 1 and numbers["accuracy_ci95"][0] == 0.0
    assert {"robustness.png", "important_steps.png", "accuracy_by_length.png", "speed.json"} <= {
        path.name for path in folder.iterdir()
    }
    assert 0 < json.loads((folder / "speed.json").read_text())["latency_ms"]


def test_other_texts_are_told_apart_and_pictures_refused(cli, refuses, run):
    texts = write("other.csv", "text\n" + "".join(f"The film{' was' * n} zebra.\n" for n in range(30)))
    Path("pictures").write_bytes(idx(np.zeros((3, 8, 8), np.uint8)))
    assert "the run reads texts; give a file that ends in .csv" in refuses("evaluate", run, "--ood", "pictures")
    message = refuses("evaluate", run, "--ood", "digits")
    assert "--ood digits: the run reads texts; name a data set or file of texts" in message
    assert cli("evaluate", run, "--ood", texts, "--quick").code == 0
    found = metrics_of(run, "test")["out_of_distribution"]
    assert (found["dataset"], found["n"]) == ("other.csv", 30) and 0 <= found["auroc_confidence"] <= 1
    low, high = found["auroc_confidence_ci95"]
    assert low < found["auroc_confidence"] < high
    assert found["auroc_energy"] == 1.0 and found["auroc_energy_ci95"] is None
    notes = metrics_of(run, "test")["notes"]
    assert any(note.startswith("No 95 % interval of auroc_energy: the scores of both") for note in notes)


def test_runs_of_texts_and_pictures_are_not_compared_and_neither_predicts(refuses, run, monkeypatch):
    pictures = shutil.copytree(CONTRACT / "digits" / "run", "digits")
    monkeypatch.setattr("gluon_lstm.evaluation.predict", lambda *arguments: 1 / 0)
    assert predict is not gluon_lstm.evaluation.predict
    message = refuses("evaluate", pictures, run)
    assert "run: reads texts, digits pictures; compare runs of the same task" in message
    assert "digits: reads pictures, run texts" in refuses("evaluate", run, pictures)


def test_speed_is_of_the_whole_way_from_the_text(run, cli, monkeypatch):
    from gluon_lstm.evaluation import Predictor

    seen, predict_proba = [], Predictor.predict_proba

    def noted(self, samples, size):
        seen.append((samples, size))
        return predict_proba(self, samples, size)

    monkeypatch.setattr(Predictor, "predict_proba", noted)
    assert cli("evaluate", run, "--sections", "speed").code == 0
    singles = [samples for samples, size in seen if size == 1]
    assert len(singles) >= 30 and all(len(samples) == 1 and " " in samples[0] for samples in singles)


def test_the_report_says_what_model_it_is_about(run, cli):
    from gluon_lstm.nn import count_parameters

    assert cli("evaluate", run, "--quick").code == 0
    source = (run / "evaluation" / "test" / "report.md").read_text(encoding="utf-8")
    config, count = json.loads((run / "config.json").read_text()), count_parameters(gluon_lstm.load(run).net)
    summary = source[: source.index("## ")]
    assert f"The model, with {count:,} parameters, is a GRU of 1 layer with 8 units in each direction, mixed" in summary
    assert f"of at most {config['training']['epochs']}, where " in summary
    assert f"| Parameters | {count:,} |" in source and "| Encoder | gru |" in source and "| Pooling | " in source
