"""How accuracy and calibration hold as samples are changed more and more."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, Dict, List, NamedTuple, Tuple

import numpy as np
from tqdm import tqdm

from gluon_lstm.data import ImageDataset, SequenceDataset, TextDataset
from gluon_lstm.evaluation.calibration import calibrate
from gluon_lstm.evaluation.intervals import SEED, Interval, wilson_interval
from gluon_lstm.evaluation.perturbations import IMAGE_PERTURBATIONS, TEXT_PERTURBATIONS, Perturbation
from gluon_lstm.evaluation.predict import Predictions

MOST_STEPS = 140_000
"""Time steps in all samples that are changed; of more, samples are drawn: 5,000 images of 28 rows."""


class Level(NamedTuple):
    """One strength of a perturbation.

    Attributes:
        strength: 0 for samples as they are.
        accuracy: share classified correctly.
        accuracy_ci95: its 95 % Wilson interval.
        ece: expected calibration error, in bins of equal width.
    """

    strength: float
    accuracy: float
    accuracy_ci95: Interval
    ece: float


class Curve(NamedTuple):
    """All strengths of a perturbation, from 0 on."""

    name: str
    unit: str
    levels: Tuple[Level, ...]


class Robustness(NamedTuple):
    """What perturbations do to a model.

    Attributes:
        n: samples that were changed.
        curves: one a perturbation.
    """

    n: int
    curves: Tuple[Curve, ...]

    def to_dict(self) -> Dict[str, Any]:
        """Returns the content of ``robustness`` in ``metrics.json``."""
        curves = {
            curve.name: {
                "unit": curve.unit,
                "levels": [{**level._asdict(), "accuracy_ci95": list(level.accuracy_ci95)} for level in curve.levels],
            }
            for curve in self.curves
        }
        return {"n": self.n, "perturbations": curves}


def perturbations_of(dataset: SequenceDataset) -> Tuple[Perturbation, ...]:
    """Returns what can be done to a data set's samples; nothing to those of another kind than images and texts."""
    if isinstance(dataset, ImageDataset):
        smallest = min(dataset.images.shape[1:])
        (move, *others) = IMAGE_PERTURBATIONS
        return (move._replace(strengths=tuple(s for s in move.strengths if s < smallest)), *others)
    return TEXT_PERTURBATIONS if isinstance(dataset, TextDataset) else ()


def measure_robustness(
    dataset: SequenceDataset, predict: Callable[[SequenceDataset], Predictions], progress: bool = False
) -> Robustness:
    """Returns accuracy and calibration of a model on changed samples.

    Args:
        dataset: images or texts.
        predict: what the model says about a data set.
        progress: show a progress bar on the standard error stream.
    """
    part = _few(dataset)
    before = _level(0.0, predict(part))
    perturbations = perturbations_of(part)
    total = sum(len(perturbation.strengths) for perturbation in perturbations)
    with tqdm(total=total, desc="robustness", unit="pass", leave=False, disable=not progress) as bar:
        curves = []
        for perturbation in perturbations:
            levels = [before]
            for strength in perturbation.strengths:
                levels.append(_level(strength, predict(perturb(part, perturbation, strength))))
                bar.update()
            curves.append(Curve(perturbation.name, perturbation.unit, tuple(levels)))
    return Robustness(len(part), tuple(curves))


def perturb(dataset: SequenceDataset, perturbation: Perturbation, strength: float) -> SequenceDataset:
    """Returns a data set of images or texts with each sample changed; the same ones each time."""
    rng = np.random.default_rng(SEED)
    if isinstance(dataset, ImageDataset):
        return replace(dataset, images=perturbation.apply(dataset.images, strength, rng))
    return dataset.rewritten(perturbation.apply(dataset.texts, strength, rng))


def _few(dataset: SequenceDataset) -> SequenceDataset:
    """Returns a data set, or as many of its samples, drawn at random, as have ``MOST_STEPS`` time steps."""
    lengths = np.full(len(dataset), dataset.step_shape[0]) if dataset.lengths is None else dataset.lengths
    if lengths.sum() <= MOST_STEPS:
        return dataset
    order = np.random.default_rng(SEED).permutation(len(dataset))
    count = max(1, int(np.searchsorted(np.cumsum(lengths[order]), MOST_STEPS, side="right")))
    return dataset.subset(np.sort(order[:count]))


def _level(strength: float, predictions: Predictions) -> Level:
    """Returns the numbers of one strength."""
    right, n = int((predictions.predicted == predictions.labels).sum()), len(predictions.labels)
    return Level(strength, right / n, wilson_interval(right, n), calibrate(predictions).equal_width.ece)


def worst(robustness: Robustness) -> List[Tuple[str, Level]]:
    """Returns each perturbation's name and strongest level, the least accurate first."""
    ends = [(curve.name, curve.levels[-1]) for curve in robustness.curves]
    return sorted(ends, key=lambda end: end[1].accuracy)
