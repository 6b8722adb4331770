"""How accuracy and calibration hold as samples are changed more and more."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
from tqdm import tqdm

from gluon_lstm.data import ImageDataset, SequenceDataset, TextDataset
from gluon_lstm.evaluation.calibration import equal_width_edges, error_replicates, fill_bins
from gluon_lstm.evaluation.intervals import SEED, Interval, error_interval, resampled_samples, wilson_interval
from gluon_lstm.evaluation.measures import without_interval
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
        ece_ci95: its 95 % interval, by a bootstrap; ``None`` where the samples do not tell.
    """

    strength: float
    accuracy: float
    accuracy_ci95: Interval
    ece: float
    ece_ci95: Optional[Interval] = None

    def to_dict(self) -> Dict[str, Any]:
        """Returns plain values."""
        intervals = {"accuracy_ci95": list(self.accuracy_ci95), "ece_ci95": self.ece_ci95 and list(self.ece_ci95)}
        return {**self._asdict(), **intervals}


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
            curve.name: {"unit": curve.unit, "levels": [level.to_dict() for level in curve.levels]}
            for curve in self.curves
        }
        return {"n": self.n, "perturbations": curves}

    def with_interval(self, interval: Optional[Interval]) -> Robustness:
        """Returns the same with another interval of the calibration error of samples as they are."""
        curves = []
        for curve in self.curves:
            before, *changed = curve.levels
            curves.append(curve._replace(levels=(before._replace(ece_ci95=interval), *changed)))
        return self._replace(curves=tuple(curves))

    @property
    def without_interval(self) -> Tuple[str, ...]:
        """Names of the perturbations of which some strength's calibration error has no interval."""
        return tuple(curve.name for curve in self.curves if any(level.ece_ci95 is None for level in curve.levels))

    @property
    def notes(self) -> Tuple[str, ...]:
        """Sentences about what has no interval, and why."""
        names = [f"ece of some samples that were {name}" for name in self.without_interval]
        return (without_interval(names),) if names else ()


def perturbations_of(dataset: SequenceDataset) -> Tuple[Perturbation, ...]:
    """Returns what can be done to a data set's samples; nothing to those of another kind than images and texts.

    Of images, the strengths are those that their size allows, and that it tells apart.
    """
    if isinstance(dataset, ImageDataset):
        return tuple(perturbation.fitted(*dataset.images.shape[1:]) for perturbation in IMAGE_PERTURBATIONS)
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
    perturbations = perturbations_of(part)
    found = [_answers(predict(part))]
    total = sum(len(perturbation.strengths) for perturbation in perturbations)
    with tqdm(total=total, desc="robustness", unit="pass", leave=False, disable=not progress) as bar:
        for perturbation in perturbations:
            for strength in perturbation.strengths:
                found.append(_answers(predict(perturb(part, perturbation, strength))))
                bar.update()
    before, *levels = _levels([0.0, *(s for item in perturbations for s in item.strengths)], found)
    curves = []
    for perturbation in perturbations:
        own, levels = levels[: len(perturbation.strengths)], levels[len(perturbation.strengths) :]
        curves.append(Curve(perturbation.name, perturbation.unit, (before, *own)))
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


class _Answers(NamedTuple):
    """How sure a model is of each sample (n,), and whether it is right (n,)."""

    confidence: np.ndarray
    correct: np.ndarray


def _answers(predictions: Predictions) -> _Answers:
    """Returns what is kept of predictions."""
    return _Answers(predictions.confidence.astype(np.float64), predictions.predicted == predictions.labels)


def _levels(strengths: Sequence[float], found: Sequence[_Answers]) -> List[Level]:
    """Returns the numbers of each strength from what a model says there about the same samples, changed."""
    n, edges, replicates = len(found[0].correct), equal_width_edges(), []
    for counts in resampled_samples(n, np.random.default_rng(SEED)):  # once for all strengths: drawing takes longest
        replicates.append([error_replicates(*answers, edges, counts).ece for answers in found])
    levels = []
    for strength, answers, errors in zip(strengths, found, np.concatenate(replicates, axis=1)):
        hits, ece = int(answers.correct.sum()), fill_bins(*answers, edges).ece
        levels.append(Level(strength, hits / n, wilson_interval(hits, n), ece, error_interval(ece, errors)))
    return levels


def worst(robustness: Robustness) -> List[Tuple[str, Level]]:
    """Returns each perturbation's name and strongest level, the least accurate first."""
    ends = [(curve.name, curve.levels[-1]) for curve in robustness.curves]
    return sorted(ends, key=lambda end: end[1].accuracy)
