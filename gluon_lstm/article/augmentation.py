"""Section 5.1: shifted training images generalize better."""

from __future__ import annotations

from dataclasses import replace
from statistics import fmean
from typing import Dict, List, Optional, Sequence, Tuple

import numpy as np

from gluon_lstm.article.claim import Claim, Findings, Options, Outcome, Picture, Record, Settings
from gluon_lstm.article.comparison import by_variant, compare_accuracies, numbers, plan_variants, summary_table
from gluon_lstm.data import DataSplits, ImageDataset
from gluon_lstm.data.augmentation import shift_images

SHIFTS = {"digits": 1, "mnist": 2}
"""Data set → most pixels that training images are moved by, and as many as test images are."""


def _sizes(settings: Settings) -> Tuple[int, ...]:
    return (200, 800) if settings.quick else (1_000, 10_000, 60_000)


def _plan(settings: Settings) -> List[Options]:
    dataset = "digits" if settings.quick else "mnist"
    base = {
        "data": {"dataset": dataset},
        "model": {"hidden_size": 32 if settings.quick else 64, "bidirectional": False, "dropout": 0.0,
                  "pooling": "last"},
        "training": {"batch_size": 32 if settings.quick else 128, "learning_rate": 0.005, "warmup_epochs": 0.0},
    }  # fmt: skip
    updates = 500 if settings.quick else 5_000
    variants = {}
    for size in _sizes(settings):
        epochs = max(1, round(updates * base["training"]["batch_size"] / size))
        epochs = settings.steps(epochs, epochs)
        for pixels in (0, SHIFTS[dataset]):
            data = {"limit_train": size, "augment_shift": pixels, "augment_sideways": bool(pixels)}
            name = f"{size} images, {'shifted' if pixels else 'as they are'}"
            variants[name] = {"data": data, "training": {"epochs": epochs}}
    return plan_variants(settings, base, variants)


def shift_columns(images: np.ndarray, pixels: int) -> np.ndarray:
    """Returns images (M, H, W) moved to the right, or to the left where ``pixels`` is below 0; what comes in is 0."""
    across = np.full(len(images), -pixels)
    return shift_images(images, np.stack([np.zeros_like(across), across]), abs(pixels))


def _measure(options: Options, data_dir: Optional[str]) -> Outcome:
    from gluon_lstm.article.learning import read_options, score, train

    config, splits = read_options(options, data_dir)
    splits = splits._replace(train=_training_images(config.data.limit_train, splits))
    net, test = train(config, splits).net, splits.test
    pixels = SHIFTS[config.data.dataset]
    sides = [replace(test, images=shift_columns(test.images, side * pixels)) for side in (-1, 1)]
    shifted = fmean(score(net, side).accuracy for side in sides)
    return {"test_accuracy": score(net, test).accuracy, "shifted_accuracy": shifted}


def _training_images(size: int, splits: DataSplits) -> ImageDataset:
    """Returns the training split; where more is asked for, with the validation split, by which nothing is chosen."""
    parts = (splits.train, splits.validation) if size > len(splits.train) else (splits.train,)
    images, labels = (np.concatenate([getattr(part, name) for part in parts]) for name in ("images", "labels"))
    return replace(splits.train, images=images, labels=labels)


def _pairs(records: Sequence[Record]) -> Dict[int, Tuple[List[Record], List[Record]]]:
    """Returns the records without and with shifts of each number of training images."""
    groups = by_variant(records)
    sizes = dict.fromkeys(record.options["config"]["data"]["limit_train"] for record in records)
    return {size: (groups[f"{size} images, as they are"], groups[f"{size} images, shifted"]) for size in sizes}


def _judge(records: Sequence[Record]) -> Findings:
    checks = []
    for size, (plain, shifted) in _pairs(records).items():
        measures = (("test_accuracy", "as they are", 0.5), ("shifted_accuracy", "shifted sideways", 2.0))
        for name, words, least in measures:
            says = f"Trained on {size:,} images, shifts raise the accuracy on test images {words}"
            checks.append(compare_accuracies(says, numbers(shifted, name), numbers(plain, name), least))
    columns = {
        "Accuracy, test images as they are": lambda record: record.outcome["test_accuracy"],
        "Accuracy, test images shifted": lambda record: record.outcome["shifted_accuracy"],
    }
    return Findings(tuple(checks), (summary_table("With and without shifts", by_variant(records), columns, ".3f"),))


def _draw(records: Sequence[Record]) -> List[Picture]:
    from gluon_lstm.article.figures import Panel, curve_panels

    pairs = _pairs(records)
    panels = []
    titles = {"test_accuracy": "Test images as they are", "shifted_accuracy": "Test images shifted sideways"}
    for name, title in titles.items():
        curves = {
            words: np.array([numbers(pair[index], name) for pair in pairs.values()]).T
            for index, words in enumerate(("trained on images as they are", "trained on shifted images"))
        }
        panels.append(Panel(title, "training images", "accuracy", list(pairs), curves, "x"))
    caption = "Accuracy against the number of training images: median over the seeds, and the range of all"
    return [Picture("sizes", caption, curve_panels(panels))]


CLAIM = Claim(
    id="augmentation",
    title="Shifted training images generalize better",
    says="moving the training data to the left or right makes the model generalize better",
    section="5.1",
    experiment=(
        "One LSTM layer is trained on few and on more images, either as they are or moved to the left or right, "
        "each time anew, by up to one pixel (digits of 8 × 8) or two (MNIST). No epoch is chosen, so that the full "
        "form can train on all 60,000 images. All runs take about the same number of steps. They are scored on the "
        "test images as they are, and on the same images moved sideways as far."
    ),
    remark=(
        "It can hold for images, whose class a shift leaves as it is. The article says it of data in general; of "
        "texts or of measured series, a shift to the left is no such thing."
    ),
    plan=_plan,
    measure=_measure,
    judge=_judge,
    draw=_draw,
)
