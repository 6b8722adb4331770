"""The folder ``model/``: parameters, and what is needed to use them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Mapping, Tuple

import numpy as np

from gluon_lstm.arrays import pack_arrays, read_arrays
from gluon_lstm.errors import RunError
from gluon_lstm.rundir.files import read_json, sha256, write_json

MODEL_VERSION = 1
_DESCRIPTION, _WEIGHTS = "model.json", "parameters.safetensors"
_ADVICE = "train again or restore a copy"


@dataclass(frozen=True)
class SavedModel:
    """Parameters, and what is needed to use them.

    Attributes:
        parameters: structural name → array.
        class_names: name of each class, in the order of the logits.
        step_shape: (T, C) of the sequences it was trained on.
        input_format: what a sample of the user's own must look like, as plain values.
        epoch: the epoch, from 1, after which it was saved.
        validation_accuracy: accuracy on the validation split, 0 to 1.
        validation_loss: mean negative log-likelihood there, in nats.
    """

    parameters: Mapping[str, np.ndarray]
    class_names: Tuple[str, ...]
    step_shape: Tuple[int, int]
    input_format: Mapping[str, Any]
    epoch: int
    validation_accuracy: float
    validation_loss: float


def write_model(folder: Path, model: SavedModel) -> None:
    """Writes a model's files into an empty folder."""
    (folder / _WEIGHTS).write_bytes(pack_arrays(model.parameters))
    described = asdict(model)
    described.pop("parameters")
    write_json(folder / _DESCRIPTION, {"version": MODEL_VERSION, "sha256": sha256(folder / _WEIGHTS), **described})


def read_model(folder: Path) -> SavedModel:
    """Reads a model and checks it: version, form, and the parameters' checksum.

    Raises:
        RunError: a file is missing, damaged, or of an unknown version.
    """
    path = folder / _DESCRIPTION
    described = read_json(path)
    version, checksum = described.pop("version", None), described.pop("sha256", None)
    if version != MODEL_VERSION:
        raise RunError(f"{path}: format version {version!r} is unknown; this release reads {MODEL_VERSION}")
    _check_sum(folder / _WEIGHTS, checksum)
    parameters = read_arrays(folder / _WEIGHTS, _ADVICE)
    if not _is_description(described):
        raise RunError(f"{path}: does not describe a model; {_ADVICE}")
    described.update(class_names=tuple(described["class_names"]), step_shape=tuple(described["step_shape"]))
    return SavedModel(parameters, **described)


def _check_sum(path: Path, checksum: Any) -> None:
    """Raises RunError unless a file is there and has the checksum that was recorded."""
    try:
        found = sha256(path)
    except OSError as error:
        raise RunError(f"{path}: cannot be read ({error}); {_ADVICE}") from error
    if found != checksum:
        raise RunError(f"{path}: damaged, its checksum is not the recorded one; {_ADVICE}")


def _is_description(described: Mapping[str, Any]) -> bool:
    """Whether a file's values are those of a ``SavedModel`` without its parameters."""
    number = (int, float)
    forms = {
        "class_names": lambda value: isinstance(value, list) and all(isinstance(name, str) for name in value),
        "step_shape": lambda value: isinstance(value, list) and [type(size) for size in value] == [int, int],
        "input_format": lambda value: isinstance(value, dict),
        "epoch": lambda value: isinstance(value, int),
        "validation_accuracy": lambda value: isinstance(value, number),
        "validation_loss": lambda value: isinstance(value, number),
    }
    return set(described) == set(forms) and all(is_valid(described[name]) for name, is_valid in forms.items())
