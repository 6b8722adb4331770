import csv
import json
import shutil

import numpy as np
import pytest
from recomputed import assert_recomputed, read_rows
from sklearn.datasets import load_digits

import gluon_lstm
from gluon_lstm.config import Config, DataConfig
from gluon_lstm.data import load_splits
from gluon_lstm.errors import DataError, RunError
from gluon_lstm.rundir import RunDirectory

FILES = [
    "calibration.png",
    "confidence.png",
    "confusion_matrix.png",
    "gates_layer1_backward.png",
    "gates_layer1_forward.png",
    "important_steps.png",
    "learning_curves.png",
    "metrics.json",
    "most_confident_errors.png",
    "precision_recall.png",
    "predictions.csv",
    "report.html",
    "report.md",
    "risk_coverage.png",
    "robustness.png",
    "roc.png",
    "speed.json",
]


def read_predictions(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="session")
def predictions(trained):
    """The rows of the test split's predictions.csv."""
    return read_predictions(trained / "evaluation" / "test" / "predictions.csv")


@pytest.fixture(scope="session")
def held_out():
    return load_splits(Config(data=DataConfig())).test


@pytest.fixture(scope="session")
def predictor(trained):
    return gluon_lstm.load(trained)


def test_the_report_is_complete(cli, trained, tmp_path):
    copy = shutil.copytree(trained, tmp_path / "copy")
    assert cli("evaluate", copy, "--sample", 7).code == 0
    folder = copy / "evaluation" / "test"
    assert sorted(path.name for path in folder.iterdir()) == FILES
    assert all(path.stat().st_size > 0 for path in folder.iterdir())
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in folder.glob("*.png"))
    assert "Sample 7, of class" in (folder / "report.md").read_text(encoding="utf-8")
    assert json.loads((folder / "speed.json").read_text())["samples_per_second"] > 0
    robustness = json.loads((folder / "metrics.json").read_text())["robustness"]
    assert robustness["n"] == 360 and len(robustness["perturbations"]["shifted"]["levels"]) == 3


def test_every_number_follows_from_the_predictions(trained):
    folder = trained / "evaluation" / "test"
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    temperature = json.loads((trained / "evaluation" / "temperature.json").read_text(encoding="utf-8"))
    assert metrics["temperature"] == temperature["temperature"]
    assert_recomputed(metrics, read_rows(folder / "predictions.csv"))


def test_metrics_follow_from_the_predictions(trained, predictions):
    metrics = json.loads((trained / "evaluation" / "test" / "metrics.json").read_text())
    assert {"accuracy", "accuracy_ci95", "macro_f1", "nll", "n", "per_class"} <= set(metrics)
    right = np.mean([row["label"] == row["predicted"] for row in predictions])
    assert metrics["n"] == len(predictions) == 360
    assert metrics["accuracy"] == pytest.approx(right)
    low, high = metrics["accuracy_ci95"]
    assert low < right < high
    nll = -np.mean([np.log(float(row[f"p:{row['label']}"])) for row in predictions])
    assert metrics["nll"] == pytest.approx(nll, abs=1e-6)


def test_predictions_have_a_row_a_sample(predictions, held_out):
    assert list(predictions[0]) == ["index", "label", "predicted", *(f"p:{digit}" for digit in range(10))]
    assert [int(row["index"]) for row in predictions] == list(range(360))
    assert [row["label"] for row in predictions] == [str(label) for label in held_out.labels]
    for row in predictions:
        shares = {digit: float(row[f"p:{digit}"]) for digit in range(10)}
        assert sum(shares.values()) == pytest.approx(1, abs=1e-5)
        assert shares[int(row["predicted"])] == max(shares.values())


def test_validation_is_a_split_of_its_own(cli, tmp_path):
    run = tmp_path / "run"
    options = ("--hidden-size", 4, "--limit-train", 20, "--epochs", 1)
    assert cli("train", "--output", run, *options).code == 0
    outcome = cli("evaluate", run, "--split", "validation", "--quick")
    assert outcome.code == 0
    assert f"report: {run / 'evaluation' / 'validation' / 'report.md'}\n" in outcome.out
    assert sorted(path.name for path in (run / "evaluation").iterdir()) == ["temperature.json", "validation"]
    metrics = json.loads((run / "evaluation" / "validation" / "metrics.json").read_text())
    logged = json.loads((run / "log.jsonl").read_text())
    assert metrics["accuracy"] == logged["validation_accuracy"]
    assert metrics["nll"] == pytest.approx(logged["validation_loss"], rel=1e-5)


def test_the_table_shows_the_numbers_of_the_file(cli, trained, tmp_path):
    before = json.loads((trained / "evaluation" / "test" / "metrics.json").read_text())
    copy = shutil.copytree(trained, tmp_path / "copy")
    outcome = cli("evaluate", copy, "--quick")
    assert outcome.code == 0
    shares = {"Accuracy": [before["accuracy"]], "95 % interval": before["accuracy_ci95"]}
    shares["Macro F1"] = [before["macro_f1"]]
    for name, values in shares.items():
        (row,) = (line for line in outcome.out.splitlines() if name in line)
        assert all(f"{100 * value:.2f} %" in row for value in values), row
    (row,) = (line for line in outcome.out.splitlines() if "egative log-likelihood" in line)
    assert f"{before['nll']:.4f}" in row
    for item in before["per_class"]:
        shares = [item[name] for name in ("precision", "recall", "f1")]
        row = ["–" if share is None else f"{100 * share:.2f} %" for share in shares]
        assert any(all(cell in line for cell in row) for line in outcome.out.splitlines()), item
    assert json.loads((copy / "evaluation" / "test" / "metrics.json").read_text()) == before
    assert not list((copy / "evaluation" / "test").glob("*.png"))


def test_configuration_and_model_are_read_once(cli, trained, monkeypatch, tmp_path):
    copy = shutil.copytree(trained, tmp_path / "copy")
    calls = []
    for name in ("read_config", "load_model"):
        method = getattr(RunDirectory, name)
        monkeypatch.setattr(RunDirectory, name, lambda run, m=method: calls.append(m.__name__) or m(run))
    assert cli("evaluate", copy, "--quick").code == 0
    assert calls == ["read_config", "load_model"]


def test_a_loaded_run_predicts_what_the_report_says(predictor, predictions, held_out):
    probabilities = predictor.predict_proba(held_out.images)
    written = [[float(row[f"p:{digit}"]) for digit in range(10)] for row in predictions]
    assert (probabilities.shape, probabilities.dtype) == ((360, 10), np.float32)
    np.testing.assert_allclose(probabilities, written, atol=1e-6)
    assert predictor.predict(held_out.images) == [row["predicted"] for row in predictions]


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float16, np.float32, np.float64])
def test_the_type_of_the_numbers_plays_no_part(predictor, held_out, dtype):
    expected = predictor.predict_proba(held_out.images[:5])
    np.testing.assert_array_equal(predictor.predict_proba(held_out.images[:5].astype(dtype)), expected)


@pytest.mark.parametrize("batch_size", [1, 7, 300])
def test_the_batch_size_plays_no_part(predictor, held_out, batch_size):
    images = held_out.images[:20]
    expected = predictor.predict_proba(images)
    np.testing.assert_allclose(predictor.predict_proba(images, batch_size), expected, atol=1e-6)


def test_one_image_and_plain_lists(predictor, held_out):
    image = held_out.images[0]
    expected = predictor.predict(held_out.images[:1])
    assert predictor.predict(image) == predictor.predict(image.tolist()) == expected


def test_scikit_learns_own_arrays_can_be_read(predictor):
    assert len(predictor.predict(load_digits().images[:3])) == 3


def test_no_images_have_no_labels(predictor):
    none = np.zeros((0, 8, 8))
    assert predictor.predict(none) == []
    assert (predictor.predict_proba(none).shape, predictor.predict_proba(none).dtype) == ((0, 10), np.float32)


IMAGE = np.zeros((8, 8))


@pytest.mark.parametrize(
    "images, message",
    [
        pytest.param(np.zeros((2, 8, 7)), r"shape \(2, 8, 7\): the model reads \(N, 8, 8\)", id="another size"),
        pytest.param(np.zeros((2, 64)), "the model reads", id="flattened"),
        pytest.param(np.zeros((2, 8, 8, 1)), "the model reads", id="a channel"),
        pytest.param(np.zeros((0, 8, 7)), r"shape \(0, 8, 7\): the model reads", id="no image of another size"),
        pytest.param(np.zeros((0, 8, 8), str), "images of type <U", id="no image, as text"),
        pytest.param(3, r"shape \(\): the model reads", id="a number"),
        pytest.param(IMAGE - 1, "outside 0 to 16", id="negative"),
        pytest.param(IMAGE + 16.1, "outside 0 to 16", id="too large"),
        pytest.param(IMAGE + 1e300, "outside 0 to 16", id="huge"),
        pytest.param(IMAGE + np.nan, "or not finite", id="NaN"),
        pytest.param(IMAGE + np.inf, "or not finite", id="infinite"),
        pytest.param(IMAGE.astype(complex), "images of type complex128", id="complex"),
        pytest.param(IMAGE.astype(str), "images of type <U", id="text"),
        pytest.param(IMAGE.astype(object), "images of type object", id="objects"),
    ],
)
def test_arrays_that_cannot_be_read(predictor, images, message):
    with pytest.raises(DataError, match=message) as caught:
        predictor.predict(images)
    assert "\n" not in str(caught.value)


def test_what_cannot_be_loaded(tmp_path):
    with pytest.raises(RunError, match="no such run directory"):
        gluon_lstm.load(tmp_path / "none")


def test_a_damaged_model_is_not_loaded(trained, tmp_path):
    copy = shutil.copytree(trained, tmp_path / "copy")
    path = copy / "model" / "parameters.safetensors"
    path.write_bytes(path.read_bytes()[:-4] + b"\0\0\0\0")
    with pytest.raises(RunError, match="damaged, its checksum is not the recorded one"):
        gluon_lstm.load(copy)


def test_a_model_of_another_configuration_is_not_loaded(trained, tmp_path):
    copy = shutil.copytree(trained, tmp_path / "copy")
    config = json.loads((copy / "config.json").read_text())
    config["model"]["hidden_size"] = 6
    (copy / "config.json").write_text(json.dumps(config))
    with pytest.raises(RunError, match="has shape .* the model needs"):
        gluon_lstm.load(copy)
