"""Section 5.3: dropout makes the model safer."""

from __future__ import annotations

from dataclasses import replace
from statistics import fmean
from typing import Iterator, List, Mapping, Optional, Sequence

import numpy as np

from gluon_lstm.article.claim import Claim, Findings, Options, Outcome, Picture, Record, Settings
from gluon_lstm.article.comparison import by_variant, compare, compare_accuracies, numbers, plan_variants, summary_table
from gluon_lstm.data import ImageDataset

SHARES = (0.0, 0.25, 0.5)
DROPPED = "share of units dropped"
NOISE = 0.2
"""Standard deviation of the noise on test images, as a share of the greatest pixel value."""
BY_HEART = 0.001
"""Nats: of training images with a loss below, there is nothing left to learn."""


def _plan(settings: Settings) -> List[Options]:
    base = {
        "data": {"dataset": "digits" if settings.quick else "mnist", "augment_shift": 0,
                 "limit_train": 300 if settings.quick else 5_000},
        "model": {"hidden_size": 48 if settings.quick else 128, "bidirectional": False, "pooling": "last"},
        "training": {"epochs": settings.steps(40, 30), "batch_size": 32, "learning_rate": 0.005,
                     "warmup_epochs": 0.0},
    }  # fmt: skip
    variants = {f"dropout {share:g}": {"model": {"dropout": share}} for share in SHARES}
    return plan_variants(settings, base, variants)


def _measure(options: Options, data_dir: Optional[str]) -> Outcome:
    from gluon_lstm.article.learning import answers, read_options, score, train
    from gluon_lstm.evaluation.calibration import calibrate

    config, splits = read_options(options, data_dir)
    net, test = train(config, splits).net, splits.test
    noisy = add_noise(test, np.random.default_rng(options["seed"]))
    clean, training = score(net, test), score(net, splits.train)
    return {
        "train_nll": training.nll,
        "test_nll": clean.nll,
        "test_accuracy": clean.accuracy,
        "noisy_accuracy": score(net, noisy).accuracy,
        "calibration_error": calibrate(answers(net, test)).equal_width.ece,
    }


def add_noise(dataset: ImageDataset, rng: np.random.Generator) -> ImageDataset:
    """Returns images with Gaussian noise, cut off at black and white."""
    noise = rng.normal(0, NOISE * dataset.max_value, dataset.images.shape)
    images = np.clip(np.rint(dataset.images + noise), 0, dataset.max_value)
    return replace(dataset, images=images.astype(np.uint8))


def _gaps(records: Sequence[Record]) -> List[float]:
    return [record.outcome["test_nll"] - record.outcome["train_nll"] for record in records]


def _judge(records: Sequence[Record]) -> Findings:
    groups = by_variant(records)
    without, strong = groups[f"dropout {SHARES[0]:g}"], groups[f"dropout {SHARES[-1]:g}"]
    checks = (
        compare("Half of the units dropped narrows the gap between test and training loss", _gaps(without),
                _gaps(strong), 0.01, "nats", room=fmean(_gaps(without))),
        compare_accuracies("It raises the test accuracy", numbers(strong, "test_accuracy"),
                           numbers(without, "test_accuracy"), 0.5),
        compare("It lowers the calibration error", numbers(without, "calibration_error"),
                numbers(strong, "calibration_error"), 0.5, "points", 100),
        compare_accuracies("It raises the accuracy on noisy images", numbers(strong, "noisy_accuracy"),
                           numbers(without, "noisy_accuracy"), 1.0),
    )  # fmt: skip
    columns = {
        "Test − training loss (nats)": lambda record: record.outcome["test_nll"] - record.outcome["train_nll"],
        "Training loss (nats)": lambda record: record.outcome["train_nll"],
        "Test loss (nats)": lambda record: record.outcome["test_nll"],
        "Test accuracy": lambda record: record.outcome["test_accuracy"],
        "Accuracy with noise": lambda record: record.outcome["noisy_accuracy"],
        "Calibration error": lambda record: record.outcome["calibration_error"],
    }
    tables = (summary_table("By share of units dropped", groups, columns, ".4f"),)
    return Findings(checks, tables, notes=tuple(_notes(groups)))


def _notes(groups: Mapping[str, Sequence[Record]]) -> Iterator[str]:
    """Yields a sentence where every net has learnt its training images by heart, so that the gap says little."""
    losses = [fmean(numbers(group, "train_nll")) for group in groups.values()]
    if max(losses) < BY_HEART:
        yield (f"With every share the training loss is below {BY_HEART:g} nats: all nets have learnt their training "
               "images by heart, and the gap is the test loss, nothing more.")  # fmt: skip


def _draw(records: Sequence[Record]) -> List[Picture]:
    from gluon_lstm.article.figures import Group, point_panels

    groups = {name.replace("dropout ", ""): group for name, group in by_variant(records).items()}
    panels = [
        Group("Gap between test and training loss", "test − training loss (nats)",
              {name: _gaps(group) for name, group in groups.items()}, DROPPED),
        Group("Calibration error on test images", "expected calibration error",
              {name: numbers(group, "calibration_error") for name, group in groups.items()}, DROPPED, is_share=True),
        Group("Accuracy on test images", "accuracy",
              {name: numbers(group, "test_accuracy") for name, group in groups.items()}, DROPPED, is_share=True),
        Group("Accuracy on noisy test images", "accuracy",
              {name: numbers(group, "noisy_accuracy") for name, group in groups.items()}, DROPPED, is_share=True),
    ]  # fmt: skip
    caption = "Each seed, and the mean with its 95 % interval, against the share of units dropped"
    return [Picture("shares", caption, point_panels(panels))]


CLAIM = Claim(
    id="dropout",
    title="Dropout makes the model safer",
    says="regularization such as dropout makes the model safer",
    section="5.3",
    experiment=(
        "One LSTM layer is trained on few images, with no, a quarter or half of the units dropped before the dense "
        "layer; half is judged, a quarter is in table and figure. Overfitting is the test loss less the training "
        "loss, both without dropout; calibration is the expected calibration error over 15 bins of equal width "
        "(Naeini et al. 2015); robustness is the accuracy "
        f"on test images with Gaussian noise of standard deviation {NOISE:g} of the greatest pixel value."
    ),
    remark=(
        "Dropout is a remedy against overfitting (Srivastava et al. 2014). Security, which is the section's "
        "heading, is another matter: against inputs that somebody made to mislead, or data that leak, dropout is no "
        "dependable defence, and nothing here measures those. What can be asked is whether it narrows the gap between "
        "training and test, makes probabilities honest, and predictions robust."
    ),
    plan=_plan,
    measure=_measure,
    judge=_judge,
    draw=_draw,
)
