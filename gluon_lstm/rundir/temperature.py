"""The file ``evaluation/temperature.json``: what a run's probabilities are scaled with."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Any, NamedTuple, Optional

from gluon_lstm.errors import RunError
from gluon_lstm.rundir.files import explained, read_json, write_json
from gluon_lstm.rundir.model import SavedModel
from gluon_lstm.rundir.run import RunDirectory

TEMPERATURE_VERSION = 2
_LEAST, _MOST = 1e-3, 1e3
"""Far beyond what is ever fitted, and nothing overflows."""


class FittedTemperature(NamedTuple):
    """A temperature, fitted on the validation split.

    Attributes:
        temperature: what logits are divided by.
        samples: validation samples that it was fitted on.
        mistakes: those of them that are wrong, which alone tell how sure the model may be.
        nll: their mean negative log-likelihood before, in nats.
        nll_scaled: the same after.
        model_sha256: ``model_checksum`` of the model that it belongs to.
    """

    temperature: float
    samples: int
    mistakes: int
    nll: float
    nll_scaled: float
    model_sha256: str


def model_checksum(model: SavedModel) -> str:
    """Returns the SHA-256 of a model's parameters, those of its n-gram model included."""
    digest = hashlib.sha256()
    ngrams = {} if model.ngrams is None else model.ngrams.to_arrays()
    for name, array in [*sorted(model.parameters.items()), *sorted(ngrams.items())]:
        digest.update(f"{name} {array.dtype} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def write_temperature(run: RunDirectory, fitted: FittedTemperature) -> None:
    """Stores a run's temperature.

    Raises:
        RunError: it cannot be written.
    """
    path = _path(run)
    with explained(path):
        write_json(path, {"version": TEMPERATURE_VERSION, **fitted._asdict()})


def read_temperature(run: RunDirectory, model_sha256: str) -> Optional[FittedTemperature]:
    """Returns a run's temperature; ``None`` where there is none, or one of other parameters or of another release.

    Raises:
        RunError: the file is damaged.
    """
    path = _path(run)
    if not path.exists():
        return None
    values = read_json(path)
    if values.pop("version", None) != TEMPERATURE_VERSION or values.get("model_sha256") != model_sha256:
        return None
    forms = {"temperature": float, "samples": int, "mistakes": int, "nll": float, "nll_scaled": float,
             "model_sha256": str}  # fmt: skip
    is_form = set(values) == set(forms) and all(_is_of(form, values[name]) for name, form in forms.items())
    if not is_form or not _LEAST <= values["temperature"] <= _MOST:
        raise RunError(f"{path}: holds no temperature; delete it, it is fitted anew")
    return FittedTemperature(**values)


def _path(run: RunDirectory) -> Path:
    return run.path / "evaluation" / "temperature.json"


def _is_of(form: type, value: Any) -> bool:
    """Whether a value is of a type; a whole number is one of floating point, too, if that can hold it."""
    return type(value) is form or (form is float and type(value) is int and abs(value) <= sys.float_info.max)
