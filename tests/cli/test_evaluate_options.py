"""What ``evaluate`` can be asked for beside its report on a split."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import shutil
import sys
import webbrowser

import numpy as np
import pytest
from commands import idx
from sklearn.datasets import load_digits

from gluon_lstm.data import load_splits
from gluon_lstm.evaluation import scaling
from gluon_lstm.rundir import RunDirectory


@pytest.fixture
def run(trained, tmp_path):
    """A copy of the trained run, not yet evaluated."""
    copy = shutil.copytree(trained, tmp_path / "run")
    shutil.rmtree(copy / "evaluation")
    return copy


@pytest.fixture
def own(tmp_path):
    """A function that writes digits and, beside them, labels; returns the file of the images."""

    def write(labels=None, count=20, size=8):
        images = load_digits().images[:count, :size, :].astype(np.uint8)
        (tmp_path / "my-images-idx3-ubyte").write_bytes(idx(images))
        if labels is not None:
            (tmp_path / "my-labels-idx1-ubyte").write_bytes(idx(np.array(labels, np.uint8)))
        return tmp_path / "my-images-idx3-ubyte"

    return write


def metrics_of(run, split="test"):
    return json.loads((run / "evaluation" / split / "metrics.json").read_text(encoding="utf-8"))


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_sections_are_those_that_were_asked_for(cli, run):
    outcome = cli("evaluate", run, "--sections", "selective")
    assert outcome.code == 0
    folder = run / "evaluation" / "test"
    assert names_in(folder) == [
        "metrics.json", "predictions.csv", "report.html", "report.md", "risk_coverage.png",
    ]  # fmt: skip
    assert f"page: {folder / 'report.html'}\n" in outcome.out


@pytest.mark.parametrize("others", [1, 2])
def test_a_folder_that_nothing_is_looked_for_in_is_told(cli, run, tmp_path, others):
    copies = [shutil.copytree(run, tmp_path / f"copy{number}") for number in range(others)]
    told = "warning: --data-dir has no effect: the data are not looked for\n"
    options = ("--quick",) if others == 1 else ("--output", tmp_path / "comparison")
    assert told not in cli("evaluate", *copies, *options).err
    assert told in cli("evaluate", *copies, *options, "--data-dir", tmp_path).err


def test_the_temperature_is_fitted_once(cli, run, monkeypatch):
    assert cli("evaluate", run, "--quick").code == 0
    path = run / "evaluation" / "temperature.json"
    first, numbers = path.read_bytes(), metrics_of(run)
    assert numbers["temperature"] == json.loads(first)["temperature"]
    assert numbers["nll_scaled"] < numbers["nll"]
    monkeypatch.setattr("gluon_lstm.evaluation.scaling.fit_temperature", lambda predictions: 1 / 0)
    assert cli("evaluate", run, "--quick").code == 0
    assert path.read_bytes() == first and metrics_of(run) == numbers
    assert json.loads(first)["mistakes"] >= 10
    assert not any("an end of the range" in note or "too few" in note for note in numbers["notes"])
    path.write_text(json.dumps({**json.loads(first), "temperature": 0.0501, "mistakes": 9}))
    assert cli("evaluate", run, "--quick").code == 0
    for told in ("an end of the range that is searched", "They hold 9 of the model's mistakes, which are too few"):
        assert any(told in note for note in metrics_of(run)["notes"])


def test_where_no_validation_sample_is_wrong_there_is_no_temperature(cli, run, monkeypatch):
    found = scaling.predict
    monkeypatch.setattr(scaling, "predict", lambda *args: (told := found(*args))._replace(labels=told.predicted))
    assert cli("evaluate", run, "--quick").code == 0
    numbers = metrics_of(run)
    assert numbers["temperature"] is None and not (run / "evaluation" / "temperature.json").exists()
    assert any("none of the validation split's 180 samples is wrong" in note for note in numbers["notes"])


def test_a_temperature_tried_on_its_own_samples_is_told(cli, run):
    assert cli("evaluate", run, "--quick", "--split", "validation").code == 0
    assert any("better than on any others" in note for note in metrics_of(run, "validation")["notes"])


def test_data_of_ones_own(cli, run, own):
    labels = load_digits().target[:20]
    outcome = cli("evaluate", run, "--data", own(labels), "--quick")
    assert outcome.code == 0 and "labels from" in outcome.err
    assert metrics_of(run, "data")["n"] == 20
    with open(run / "evaluation" / "data" / "predictions.csv", newline="", encoding="utf-8") as file:
        assert [row["label"] for row in csv.DictReader(file)] == list(map(str, labels))


def test_pictures_that_the_model_was_trained_on_are_told(cli, run, own):
    known = {image.tobytes() for image in load_splits(RunDirectory.open(run).read_config()).train.images}
    images = load_digits().images[:200].astype(np.uint8)
    again = sum(image.tobytes() in known for image in images)
    assert 0 < again < 60 == len(known)
    outcome = cli("evaluate", run, "--data", own(load_digits().target[:200], count=200), "--quick")
    told = f"{again} of 200 images are training images too, so that these figures flatter the model"
    assert f"warning: {told}\n" in outcome.err and f"{told}." in metrics_of(run, "data")["notes"]
    assert "flatter" not in cli("evaluate", run, "--quick").err


def test_without_labels_there_are_predictions_alone(cli, run, own):
    outcome = cli("evaluate", run, "--data", own())
    folder = run / "evaluation" / "data"
    assert outcome.code == 0 and names_in(folder) == ["predictions.csv", "samples.json"]
    assert outcome.out == f"predictions: {folder / 'predictions.csv'}\n"
    with open(folder / "predictions.csv", newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    assert header == ["index", "position", "predicted", *(f"p:{digit}" for digit in range(10))] and len(rows) == 20


def test_labels_that_the_model_does_not_know(cli, refuses, run, own):
    path = own([11, 12] * 2 + [3] * 16)
    assert "4 of 20 labels are unknown to the model: '11' (2), '12' (2)" in refuses("evaluate", run, "--data", path)
    assert not (run / "evaluation").exists(), "nothing is half-written"
    outcome = cli("evaluate", run, "--data", path, "--ignore-unknown-labels", "--quick")
    assert outcome.code == 0 and "left out" in outcome.err
    assert metrics_of(run, "data")["n"] == 16
    with open(run / "evaluation" / "data" / "predictions.csv", newline="", encoding="utf-8") as file:
        assert [(row["index"], row["position"]) for row in csv.DictReader(file)] == [
            (str(index), str(index + 4)) for index in range(16)
        ]
    told = "my-labels-idx1-ubyte: 4 of 20 labels are unknown to the model: '11' (2), '12' (2); left out."
    assert told in metrics_of(run, "data")["notes"]
    assert told in (run / "evaluation" / "data" / "report.html").read_text(encoding="utf-8").replace("&#39;", "'")


def test_one_single_sample(cli, run, own):
    assert cli("evaluate", run, "--data", own([3], count=1), "--sections", "calibration,ranking").code == 0
    numbers = metrics_of(run, "data")
    assert numbers["n"] == 1 and numbers["roc_auc"] is None
    assert sum(item["recall"] is None for item in numbers["per_class"]) == 9
    assert any("No sample is of classes" in note for note in numbers["notes"])


def test_other_data_are_told_apart(cli, run, own):
    noise = np.random.default_rng(0).integers(0, 17, (30, 8, 8)).astype(np.uint8)
    path = own(count=1).with_name("noise")
    path.write_bytes(idx(noise))
    assert cli("evaluate", run, "--ood", path, "--quick").code == 0
    found = metrics_of(run)["out_of_distribution"]
    assert found["dataset"] == "noise" and found["n"] == 30 and 0 <= found["auroc_energy"] <= 1
    same = cli("evaluate", run, "--ood", "digits", "--quick")
    assert (same.code, same.out) == (2, "")
    assert "--ood: digits is what is evaluated here; name data of another kind" in same.err
    assert metrics_of(run)["out_of_distribution"] == found, "nothing is lost"


def test_the_page_is_shown_where_that_is_asked_for(cli, run, monkeypatch):
    shown = []
    monkeypatch.setattr(webbrowser, "open", shown.append)
    assert cli("evaluate", run, "--quick", "--html-open").code == 0
    assert shown == [(run / "evaluation" / "test" / "report.html").resolve().as_uri()]


@pytest.mark.parametrize(
    "options, message",
    [
        (["--sections", "pictures"], "--sections pictures: no 'pictures'; choose from mistakes,calibration,"),
        (["--sections", ""], "--sections is empty; give it a value or leave it out"),
        (["--sections", "speed", "--quick"], "not allowed with argument"),
        (["--sample", "360"], "--sample 360: there are 360 samples, from 0 on"),
        (["--sample", "-1"], "--sample -1: there are 360 samples"),
        (["--label-column", "x"], "--label-column: needs --data; leave it out"),
        (["--no-quotes"], "--quotes: needs --data; leave it out"),
        (["--ignore-unknown-labels"], "--ignore-unknown-labels: needs --data; leave it out"),
        (["--data", "none"], "none: no such file; the run reads pictures"),
        (["--data", "x" * 300], "xxx: no such file; the run reads pictures"),
        (["--data", "."], ".: is a folder without folders of pictures, one for each class; make them"),
        (["--output", "/dev/null"], "/dev/null: is a file; choose another folder with --output"),
        (["--split", "test", "--data", "none"], "--split: has no effect beside --data; leave one of them out"),
        (["--sample", "3", "--quick"], "--sample: needs the section explanation, which is not asked for; leave it out"),
        (["--sample", "3", "--sections", "mistakes,speed"], "--sample: needs the section explanation"),
        (["--ood", "cats"], "no such data set"),
        (["--ood", "sentences"], "--ood sentences: the run reads pictures; name a data set or file of pictures"),
    ],
)
def test_what_cannot_be_asked_for(refuses, trained, options, message):
    assert message in refuses("evaluate", trained, *options)


def test_flags_of_texts_on_a_run_of_pictures_are_warned_of(cli, run, own):
    path = own(load_digits().target[:20])
    idle = ("--text-column", "a", "--label-column", "b", "--encoding", "latin-1", "--no-quotes")
    outcome = cli("evaluate", run, "--data", path, "--quick", *idle)
    assert outcome.code == 0 and metrics_of(run, "data")["n"] == 20
    warnings = [line for line in outcome.err.splitlines() if line.startswith("warning: ")]
    assert warnings == [f"warning: {name} has no effect: the run reads pictures"
                        for name in ("--text-column", "--label-column", "--encoding", "--quotes")]  # fmt: skip


def test_flags_of_a_report_on_data_without_labels_are_warned_of(cli, run, own, monkeypatch):
    monkeypatch.setattr(webbrowser, "open", lambda uri: 1 / 0)
    idle = ("--sections", "explanation", "--sample", "0", "--ood", "digits", "--html-open", "--ignore-unknown-labels")
    outcome = cli("evaluate", run, "--data", own(), *idle)
    assert outcome.code == 0 and names_in(run / "evaluation" / "data") == ["predictions.csv", "samples.json"]
    reason = "has no effect: the data have no labels, so there are predictions alone"
    warnings = [line for line in outcome.err.splitlines() if line.startswith("warning: ")]
    names = ("--sections", "--sample", "--ood", "--html-open", "--ignore-unknown-labels")
    assert warnings == [f"warning: {name} {reason}" for name in names]


def test_bars_show_how_far_it_is_on_a_terminal(cli, run, terminal, monkeypatch):
    monkeypatch.setattr(sys, "stderr", terminal)
    assert cli("evaluate", run, "--sections", "robustness").code == 0
    assert "predicting: " in terminal.getvalue() and "robustness: " in terminal.getvalue()
    file = io.StringIO()
    monkeypatch.setattr(sys, "stderr", file)
    assert cli("evaluate", run, "--sections", "robustness").code == 0
    assert file.getvalue() == "360 samples predicted; next: robustness (--quick leaves them out)\n"


def test_other_data_of_another_size_are_told(refuses, run, write_idx):
    line = refuses("evaluate", run, "--ood", "mnist", "--data-dir", write_idx())
    assert "--ood mnist: has pictures of 5 x 6 pixels, the run reads 8 x 8 pixels; name such" in line


def test_one_single_sample_has_every_section(cli, run, own):
    outcome = cli("evaluate", run, "--data", own([3], count=1))
    assert outcome.code == 0, outcome.err
    numbers = metrics_of(run, "data")
    assert numbers["n"] == numbers["robustness"]["n"] == 1
    found = names_in(run / "evaluation" / "data")
    assert {"confusion_matrix.png", "risk_coverage.png", "robustness.png", "calibration.png", "speed.json",
            "important_steps.png"} <= set(found)  # fmt: skip
    source = (run / "evaluation" / "data" / "report.md").read_text(encoding="utf-8")
    assert "A single sample tells little" in source and " 1 samples" not in source and "No 95 % interval of " in source


@pytest.mark.parametrize("content, message", [
    (b"", "my-images-idx3-ubyte: is "), (idx(np.zeros((0, 8, 8), np.uint8)), "my-images-idx3-ubyte: holds no images"),
])  # fmt: skip
def test_files_without_pictures(refuses, trained, tmp_path, content, message):
    (tmp_path / "my-images-idx3-ubyte").write_bytes(content)
    assert message in refuses("evaluate", trained, "--data", tmp_path / "my-images-idx3-ubyte")
    assert message in refuses("evaluate", trained, "--ood", tmp_path / "my-images-idx3-ubyte")


def test_other_data_of_another_shape(refuses, trained, own):
    message = refuses("evaluate", trained, "--ood", own(size=6))
    assert "has 6 x 8 pixels (height x width), the model reads 8 x 8" in message


def test_data_of_another_shape(refuses, trained, own):
    message = refuses("evaluate", trained, "--data", own(size=6))
    assert "has 6 x 8 pixels (height x width), the model reads 8 x 8" in message


def test_without_its_validation_split_a_run_is_not_scaled(cli, run, monkeypatch):
    from gluon_lstm.cli import evaluate
    from gluon_lstm.errors import DataError

    from_files = evaluate.from_files

    def without_validation(config):
        def read(predictor, split):
            if split == "validation":
                raise DataError("validation.csv: no such file")
            return from_files(config)(predictor, split)

        return read

    monkeypatch.setattr(evaluate, "from_files", without_validation)
    assert cli("evaluate", run, "--quick").code == 0
    numbers = metrics_of(run)
    assert numbers["temperature"] is numbers["ece_scaled"] is None
    assert any("validation split is unavailable (validation.csv: no such file)" in note for note in numbers["notes"])


def test_the_interval_of_samples_as_they_are_is_the_same_in_every_table(cli, run):
    assert cli("evaluate", run, "--sections", "robustness").code == 0
    numbers = metrics_of(run)
    assert numbers["robustness"]["n"] == numbers["n"] and numbers["ece_ci95"]
    for found in numbers["robustness"]["perturbations"].values():
        level = found["levels"][0]
        assert (level["strength"], level["ece"]) == (0, pytest.approx(numbers["ece"], abs=1e-9))
        assert level["ece_ci95"] == numbers["ece_ci95"]


def test_characters_that_no_font_has_are_told_on_the_terminal(cli, run, monkeypatch):
    assert cli("evaluate", run, "--quick").err == ""
    monkeypatch.setattr("gluon_lstm.evaluation.plots.missing_characters", lambda names: "\U00020000")
    note = "note: the pictures show boxes for characters that no font here has: \U00020000; for Chinese, Japanese and "
    assert cli("evaluate", run, "--quick").err.startswith(note)


def test_pictures_are_read_once(cli, run, monkeypatch):
    from gluon_lstm.data import registry

    load_splits, calls = registry.load_splits, []
    monkeypatch.setattr(registry, "load_splits", lambda config: calls.append(config) or load_splits(config))
    assert cli("evaluate", run, "--quick").code == 0
    assert len(calls) == 1 and metrics_of(run)["temperature"] is not None


def test_a_temperature_is_not_fitted_on_other_data(cli, run):
    record = json.loads((run / "config.json").read_text())
    record["dataset"]["splits"]["validation"]["sha256"] = "0" * 64
    (run / "config.json").write_text(json.dumps(record))
    assert cli("evaluate", run, "--quick").code == 0
    assert metrics_of(run)["temperature"] is None and not (run / "evaluation" / "temperature.json").exists()
    told = "Not scaled by a temperature: the validation split is not the one that the run was trained beside"
    assert any(note.startswith(told) for note in metrics_of(run)["notes"])


def test_a_folder_with_a_file_of_ones_own_stays(refuses, run):
    folder = RunDirectory.open(run).path / "evaluation" / "data"
    folder.mkdir(parents=True)
    (folder / "notes.txt").write_text("mine")
    assert "notes.txt: is of no such report" in refuses("evaluate", run, "--data", "x")


def test_a_report_goes_where_the_user_says(cli, run, tmp_path):
    outcome = cli("evaluate", run, "--quick", "--output", tmp_path / "reports" / "january")
    assert outcome.code == 0 and f"page: {tmp_path / 'reports' / 'january' / 'report.html'}\n" in outcome.out
    assert not (run / "evaluation" / "test").exists()
    before = json.loads((tmp_path / "reports" / "january" / "metrics.json").read_text(encoding="utf-8"))
    record = json.loads((run / "config.json").read_text())
    assert before["samples_sha256"] == record["dataset"]["splits"]["test"]["sha256"]


def test_a_report_on_other_samples_is_not_replaced(cli, run, own):
    labels = load_digits().target[:20]
    first, second = own(labels), own(labels, count=19)
    assert first == second  # which now holds fewer pictures
    own(labels)
    assert cli("evaluate", run, "--data", first, "--quick").code == 0
    january = metrics_of(run, "data")
    assert cli("evaluate", run, "--data", own(labels), "--quick").code == 0, "the same samples once more"
    own(labels[:19], count=19)
    for options in (["--quick"], []):
        outcome = cli("evaluate", run, "--data", second, *options)
        assert (outcome.code, outcome.out) == (2, "")
        assert outcome.err.endswith("data: holds the report on other samples; keep it and choose another folder with "
                                    "--output, or replace it with --force\n")  # fmt: skip
        assert metrics_of(run, "data") == january
    assert cli("evaluate", run, "--data", second, "--quick", "--force").code == 0
    assert metrics_of(run, "data")["n"] == 19


def test_a_split_that_is_not_the_one_of_the_training_is_told(cli, run):
    record = json.loads((run / "config.json").read_text())
    record["dataset"]["splits"]["test"]["sha256"] = "0" * 64
    (run / "config.json").write_text(json.dumps(record))
    outcome = cli("evaluate", run, "--quick")
    told = f"warning: this test split of digits is not the one that {run} was trained beside"
    assert outcome.code == 0 and outcome.err == f"{told}: the numbers are of other samples\n"


def test_a_run_that_cannot_be_written_is_evaluated_elsewhere(cli, run, tmp_path, monkeypatch):
    def refuse(path, content):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr("gluon_lstm.rundir.temperature.write_json", refuse)
    assert cli("evaluate", run, "--quick", "--output", tmp_path / "report").code == 0
    numbers = json.loads((tmp_path / "report" / "metrics.json").read_text(encoding="utf-8"))
    assert numbers["temperature"] > 0 and not (run / "evaluation").exists()
