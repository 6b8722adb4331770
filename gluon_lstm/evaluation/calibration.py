"""Whether probabilities mean what they say: of the samples predicted with 80 %, are 80 % right?

Confidence is the probability of the predicted class. Expected and maximum calibration
error: Naeini et al. (2015); temperature scaling: Guo et al. (2017), equation 9.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import optimize

from gluon_lstm.evaluation.intervals import REPLICATES, split_replicates
from gluon_lstm.evaluation.metrics import NLL_FLOOR
from gluon_lstm.evaluation.predict import Predictions, softmax

BINS = 15
TEMPERATURES = (0.05, 20.0)
"""Between these a temperature is looked for."""


class Bins(NamedTuple):
    """Samples grouped by confidence; each array is (B,), the lowest confidence first.

    Attributes:
        low: lower edge, float64; the samples lie above it.
        high: upper edge; the samples lie at or below it.
        count: samples, int64.
        confidence: their mean confidence; NaN of none.
        accuracy: share that is correct; NaN of none.
    """

    low: np.ndarray
    high: np.ndarray
    count: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray

    @property
    def ece(self) -> float:
        """Expected calibration error: the mean over all samples of their bin's gap."""
        return float(np.nansum(self.count * self.gaps) / self.count.sum())

    @property
    def mce(self) -> float:
        """Maximum calibration error: the greatest gap of a bin."""
        return float(np.nanmax(self.gaps))

    @property
    def gaps(self) -> np.ndarray:
        """(B,) distance of accuracy and confidence; NaN of an empty bin."""
        return np.abs(self.accuracy - self.confidence)


class Calibration(NamedTuple):
    """The bins of one set of probabilities.

    Attributes:
        equal_width: bins between edges at equal distances from 0 to 1.
        equal_mass: bins of about as many samples each; fewer where many samples are equally confident.
    """

    equal_width: Bins
    equal_mass: Bins


def calibrate(predictions: Predictions) -> Calibration:
    """Returns the calibration of predictions."""
    confidence = predictions.confidence.astype(np.float64)
    correct = predictions.predicted == predictions.labels
    edges = (equal_width_edges(), equal_mass_edges(confidence))
    return Calibration(*(fill_bins(confidence, correct, edge) for edge in edges))


def equal_width_edges() -> np.ndarray:
    """Returns ``BINS`` + 1 edges from 0 to 1."""
    return np.linspace(0, 1, BINS + 1)


def equal_mass_edges(confidence: np.ndarray) -> np.ndarray:
    """Returns at most ``BINS`` + 1 edges between which about as many samples lie; equal ones stay together."""
    uppers = np.unique(np.quantile(confidence, np.arange(1, BINS + 1) / BINS, method="inverted_cdf"))
    return np.concatenate([[0.0], uppers])


def bin_numbers(confidence: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Returns the bin (M,) int64 of each sample, which lies above its lower and at or below its upper edge."""
    return np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, len(edges) - 2)


def fill_bins(confidence: np.ndarray, correct: np.ndarray, edges: np.ndarray) -> Bins:
    """Returns the samples in bins.

    Args:
        confidence: (M,) float64.
        correct: (M,) bool.
        edges: (B + 1,) float64, rising.
    """
    numbers, size = bin_numbers(confidence, edges), len(edges) - 1
    count = np.bincount(numbers, minlength=size)
    sums = [np.bincount(numbers, values, size) for values in (confidence, correct)]
    means = [np.divide(total, count, out=np.full(size, np.nan), where=count > 0) for total in sums]
    return Bins(edges[:-1], edges[1:], count, *means)


def errors_by_chance(confidence: np.ndarray, rng: np.random.Generator, replicates: int = REPLICATES) -> np.ndarray:
    """Returns expected calibration errors (R,), in bins of equal width, of a model whose confidence is exactly right.

    Whether a sample is right is drawn with its confidence as the chance (Bröcker and Smith 2007), so that these errors
    are what the number of samples alone brings about.

    Args:
        confidence: (M,) float32.
        rng: stream to draw from.
        replicates: R.
    """
    edges, n = equal_width_edges(), len(confidence)
    inside = np.zeros((n, BINS), np.float32)
    inside[np.arange(n), bin_numbers(confidence, edges)] = 1
    errors = []
    for count in split_replicates(n, replicates):
        gaps = (rng.random((count, n), np.float32) < confidence) - confidence
        errors.append(np.abs(gaps @ inside).sum(axis=1) / n)
    return np.concatenate(errors)


class ErrorReplicates(NamedTuple):
    """Calibration errors (R,) of bootstrap replicates."""

    ece: np.ndarray
    mce: np.ndarray


def error_replicates(
    confidence: np.ndarray, correct: np.ndarray, edges: np.ndarray, counts: np.ndarray
) -> ErrorReplicates:
    """Returns the calibration errors of bootstrap replicates, all in the same bins.

    Args:
        confidence: (M,).
        correct: (M,) bool.
        edges: (B + 1,) float64, rising.
        counts: (M, R) float32, how often each sample is in each replicate.
    """
    places = np.arange(len(confidence))
    inside = np.zeros((2, len(edges) - 1, len(places)), np.float32)
    gaps = correct - confidence.astype(np.float64)
    inside[:, bin_numbers(confidence, edges), places] = np.stack([gaps, np.ones(len(places))])
    sums, sizes = inside @ counts
    errors = np.abs(sums)
    means = np.divide(errors, sizes, out=np.zeros_like(errors), where=sizes > 0)
    return ErrorReplicates(errors.sum(axis=0) / len(places), means.max(axis=0))


def brier_scores(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Returns each sample's squared distance (M,) from certainty of its class, 0 to 2 (Brier 1950)."""
    distances = probabilities.astype(np.float64)
    distances[np.arange(len(labels)), labels] -= 1
    return np.square(distances).sum(axis=1)


def fit_temperature(predictions: Predictions) -> float:
    """Returns the temperature with which predictions are most likely; it lies within ``TEMPERATURES``.

    Where all are right, it is small, and says nothing: only mistakes tell how sure one may be.
    """
    logs = _logarithms(predictions.probabilities)
    places = (np.arange(len(logs)), predictions.labels)

    def loss(log_temperature: float) -> float:
        scaled = logs / np.exp(log_temperature)
        scaled -= scaled.max(axis=1, keepdims=True)
        return float(np.mean(np.log(np.exp(scaled).sum(axis=1)) - scaled[places]))

    # In 1/T the loss is convex, so in ln T it has one valley.
    found = optimize.minimize_scalar(loss, bounds=np.log(TEMPERATURES), method="bounded", options={"xatol": 1e-5})
    return float(np.exp(found.x))


def scale(predictions: Predictions, temperature: float) -> Predictions:
    """Returns predictions whose logits are divided by a temperature; the order of the classes stays."""
    logits = _logarithms(predictions.probabilities) / temperature
    return predictions._replace(probabilities=softmax(logits), logits=logits.astype(np.float32))


def _logarithms(probabilities: np.ndarray) -> np.ndarray:
    """Returns (M, K) float64 logits that give the probabilities.

    Those below ``NLL_FLOOR`` count as that, as in the loss that is reported: with another floor, a temperature could
    be fitted with which that loss is greater.
    """
    return np.log(np.maximum(probabilities.astype(np.float64), NLL_FLOOR))
