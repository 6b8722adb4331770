"""What is computed here and in torchmetrics or PyTorch too, against them; skipped where they are not installed."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from samples import random_predictions

from gluon_lstm.evaluation.calibration import BINS, calibrate, fit_temperature
from gluon_lstm.evaluation.measures import Temperature, measure
from gluon_lstm.evaluation.perturbations import IMAGE_PERTURBATIONS
from gluon_lstm.evaluation.predict import Predictions, softmax
from gluon_lstm.evaluation.robustness import measure_robustness

CASES = [(4, 2.0, 0), (2, 0.5, 1), (10, 4.0, 2)]
CASES_IDS = ["4 classes", "2 classes", "10 classes"]


@pytest.fixture(scope="module")
def torch():
    """The module, where it is installed."""
    return pytest.importorskip("torch")


@pytest.fixture(scope="module")
def oracle(torch):
    """torchmetrics' functions for classification, where it is installed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own imports, which cannot be changed here
        pytest.importorskip("torchmetrics")
        from torchmetrics.functional import classification
    return classification


@pytest.fixture(params=CASES, ids=CASES_IDS)
def predictions(request) -> Predictions:
    """Predictions of 500 samples, more or less right."""
    classes, gain, seed = request.param
    return random_predictions(samples=500, classes=classes, gain=gain, seed=seed)


def tensors(torch, predictions):
    """Returns probabilities (M, K) and labels (M,) as tensors."""
    return torch.from_numpy(predictions.probabilities), torch.from_numpy(predictions.labels.astype(np.int64))


@pytest.mark.parametrize("norm, name", [("l1", "ece"), ("max", "mce")])
def test_calibration_errors_equal_torchmetrics(torch, oracle, predictions, norm, name):
    expected = oracle.multiclass_calibration_error(
        *tensors(torch, predictions), num_classes=predictions.probabilities.shape[1], n_bins=BINS, norm=norm
    )
    assert getattr(calibrate(predictions).equal_width, name) == pytest.approx(float(expected), abs=1e-6)


def test_calibration_error_after_scaling_equals_torchmetrics(torch, oracle, predictions):
    found = measure(predictions, [str(k) for k in range(predictions.probabilities.shape[1])], Temperature(1.7, ""))
    scaled = torch.softmax(torch.from_numpy(predictions.logits.astype(float)) / 1.7, dim=1)
    _, labels = tensors(torch, predictions)
    options = {"num_classes": scaled.shape[1], "n_bins": BINS}
    for norm, key in (("l1", "ece_scaled"), ("max", "mce_scaled")):
        expected = oracle.multiclass_calibration_error(scaled, labels, norm=norm, **options)
        assert found.to_dict()[key] == pytest.approx(float(expected), abs=1e-6)


def test_the_other_numbers_equal_torchmetrics(torch, oracle, predictions):
    classes = predictions.probabilities.shape[1]
    content = measure(predictions, [str(k) for k in range(classes)], Temperature(None, "")).to_dict()
    arguments, options = tensors(torch, predictions), {"num_classes": classes}
    expected = {
        "accuracy": oracle.multiclass_accuracy(*arguments, average="micro", **options),
        "balanced_accuracy": oracle.multiclass_accuracy(*arguments, average="macro", **options),
        "macro_f1": oracle.multiclass_f1_score(*arguments, average="macro", **options),
        "weighted_f1": oracle.multiclass_f1_score(*arguments, average="weighted", **options),
        "matthews_correlation": oracle.multiclass_matthews_corrcoef(*arguments, **options),
        "roc_auc": oracle.multiclass_auroc(*arguments, average="macro", **options),
        "average_precision": oracle.multiclass_average_precision(*arguments, average="macro", **options),
        "nll": torch.nn.functional.nll_loss(torch.log(arguments[0].double()), arguments[1]),
    }
    assert {key: content[key] for key in expected} == pytest.approx(
        {key: float(value) for key, value in expected.items()}, abs=1e-6
    )


def test_calibration_under_changes_equals_torchmetrics(torch, oracle):
    from gluon_lstm.data import ImageDataset

    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (200, 28, 27)).astype(np.uint8)  # large enough for every strength
    dataset = ImageDataset("noise", "test", images, rng.integers(0, 3, 200).astype(np.int32), ("a", "b", "c"))
    seen = []

    def predict(part):
        means = [part.images[:, 9 * k : 9 * k + 9].mean(axis=(1, 2)) / 8 for k in range(3)]
        seen.append(Predictions(softmax(np.stack(means, axis=1)), part.labels))
        return seen[-1]

    found = measure_robustness(dataset, predict)
    levels = [found.curves[0].levels[0], *(level for curve in found.curves for level in curve.levels[1:])]
    assert len(levels) == len(seen) == 1 + sum(len(item.strengths) for item in IMAGE_PERTURBATIONS)
    for level, predictions in zip(levels, seen):
        arguments = tensors(torch, predictions)
        error = oracle.multiclass_calibration_error(*arguments, num_classes=3, n_bins=BINS, norm="l1")
        accuracy = oracle.multiclass_accuracy(*arguments, num_classes=3, average="micro")
        assert (level.ece, level.accuracy) == pytest.approx((float(error), float(accuracy)), abs=1e-6)


def test_the_temperature_is_the_one_that_pytorchs_optimizer_finds(torch, predictions):
    logits, labels = torch.from_numpy(predictions.logits.astype(float)), tensors(torch, predictions)[1]
    logarithm = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([logarithm], max_iter=100, line_search_fn="strong_wolfe", tolerance_grad=1e-10)

    def closure():
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(logits / torch.exp(logarithm), labels)
        loss.backward()
        return loss

    optimizer.step(closure)
    assert fit_temperature(predictions) == pytest.approx(float(torch.exp(logarithm.detach())), rel=1e-4)
