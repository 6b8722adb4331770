"""The temperature of a run: read from it, or fitted on its validation split and stored there."""

from __future__ import annotations

from contextlib import suppress
from typing import Callable

from gluon_lstm.data import SequenceDataset
from gluon_lstm.errors import RunError, UserError
from gluon_lstm.evaluation.calibration import TEMPERATURES, fit_temperature, scale
from gluon_lstm.evaluation.measures import Temperature
from gluon_lstm.evaluation.metrics import negative_log_likelihood
from gluon_lstm.evaluation.predict import BATCH_SIZE, Predictions, predict
from gluon_lstm.evaluation.predictor import Predictor
from gluon_lstm.rundir import (
    FittedTemperature,
    RunDirectory,
    SavedModel,
    model_checksum,
    read_temperature,
    write_temperature,
)

SAME_SAMPLES = " They are those that it is tried on here, so the numbers after scaling are better than on any others."
AT_AN_END = " That is an end of the range that is searched: these samples do not tell how sure the model may be."
FEWEST_MISTAKES, FEW = 10, " They hold {} of the model's mistakes, which are too few to rely on it."
ALL_RIGHT = (
    "Not scaled by a temperature: none of the validation split's {:,} samples is wrong, and only mistakes tell how "
    "sure the model may be."
)
OTHER_SAMPLES = (
    "Not scaled by a temperature: the validation split is not the one that the run was trained beside, and may hold "
    "samples that it was trained on."
)
NEAR = 1.01
"""Ratio of a temperature and an end of the range below which it is called one."""


def temperature_of(
    run: RunDirectory,
    model: SavedModel,
    predictor: Predictor,
    read_validation: Callable[[], SequenceDataset],
    is_same: bool = False,
) -> Temperature:
    """Returns the temperature of a run's model.

    Args:
        run: where it is stored.
        model: what it belongs to; after more training it is fitted anew.
        predictor: the same, ready to predict.
        read_validation: gives the validation split; only called where nothing is stored.
        is_same: whether that is also what the temperature is tried on; the note then says so.

    Raises:
        RunError: the stored file is damaged.
    """
    checksum = model_checksum(model)
    fitted = read_temperature(run, checksum)
    if fitted is None:
        try:
            dataset = read_validation()
            predictor.check(dataset)
            if not run.had_split("validation", dataset.fingerprint):
                return Temperature(None, OTHER_SAMPLES)
            predictions = predict(predictor.net, dataset, BATCH_SIZE, predictor.device)
        except UserError as error:
            return Temperature(None, f"Not scaled by a temperature: the validation split is unavailable ({error}).")
        if (predictions.predicted == predictions.labels).all():
            return Temperature(None, ALL_RIGHT.format(len(dataset)))
        fitted = _fit(predictions, checksum)
        with suppress(RunError):  # in a run that nothing can be written into, it is fitted each time
            write_temperature(run, fitted)
    plural = "s" * (fitted.samples != 1)
    few = FEW.format(fitted.mistakes) if fitted.mistakes < FEWEST_MISTAKES else ""
    return Temperature(
        fitted.temperature,
        f"The temperature {fitted.temperature:.4f} was fitted on the {fitted.samples:,} sample{plural} of the "
        f"validation split.{few}{AT_AN_END * _is_at_an_end(fitted.temperature)}{SAME_SAMPLES * is_same}",
    )


def _is_at_an_end(temperature: float) -> bool:
    """Whether a temperature lies at an end of those that are searched."""
    low, high = TEMPERATURES
    return temperature < low * NEAR or temperature > high / NEAR


def _fit(predictions: Predictions, checksum: str) -> FittedTemperature:
    """Returns the temperature with which the validation split, some of which is wrong, is most likely."""
    temperature = fit_temperature(predictions)
    before, after = predictions, scale(predictions, temperature)
    losses = [negative_log_likelihood(part.probabilities, part.labels) for part in (before, after)]
    mistakes = int((predictions.predicted != predictions.labels).sum())
    return FittedTemperature(temperature, len(predictions.labels), mistakes, *losses, checksum)
