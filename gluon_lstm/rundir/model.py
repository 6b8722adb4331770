"""The folder ``model/``: parameters, and what is needed to use them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, List, Mapping, Optional, Tuple

import numpy as np

from gluon_lstm.arrays import pack_arrays, read_arrays
from gluon_lstm.data.ngrams import NgramModel
from gluon_lstm.errors import RunError
from gluon_lstm.rundir.files import check_sum, read_json, sha256, write_json

MODEL_VERSION = 1
_DESCRIPTION, _WEIGHTS, _VOCABULARY = "model.json", "parameters.safetensors", "vocabulary.json"
_NGRAMS = "ngrams."
"""What the names of the n-gram model's arrays start with, among the parameters."""
_ADVICE = "train again or restore a copy"


@dataclass(frozen=True)
class SavedModel:
    """Parameters, and what is needed to use them.

    Attributes:
        parameters: structural name → array.
        class_names: name of each class, in the order of the logits.
        step_shape: (T, C) of the sequences it was trained on; T is ``None`` where it varies.
        input_format: what a sample of the user's own must look like, as plain values.
        epoch: the epoch, from 1, after which it was saved.
        validation_accuracy: accuracy on the validation split, 0 to 1.
        validation_loss: mean negative log-likelihood there, in nats.
        ngrams: the n-gram model that it is mixed with; ``None`` without one.
    """

    parameters: Mapping[str, np.ndarray]
    class_names: Tuple[str, ...]
    step_shape: Tuple[Optional[int], int]
    input_format: Mapping[str, Any]
    epoch: int
    validation_accuracy: float
    validation_loss: float
    ngrams: Optional[NgramModel] = None


def write_model(folder: Path, model: SavedModel) -> None:
    """Writes a model's files into an empty folder."""
    arrays = dict(model.parameters)
    if model.ngrams is not None:
        arrays.update({_NGRAMS + name: array for name, array in model.ngrams.to_arrays().items()})
    (folder / _WEIGHTS).write_bytes(pack_arrays(arrays))
    described = {item.name: getattr(model, item.name) for item in fields(model)}
    for name in ("parameters", "ngrams"):
        del described[name]
    checksums = {"sha256": sha256(folder / _WEIGHTS)}
    if "vocabulary" in model.input_format:
        described["input_format"] = {**model.input_format}
        write_json(folder / _VOCABULARY, {"tokens": described["input_format"].pop("vocabulary")})
        checksums["vocabulary_sha256"] = sha256(folder / _VOCABULARY)
    write_json(folder / _DESCRIPTION, {"version": MODEL_VERSION, **checksums, **described})


def read_model(folder: Path) -> SavedModel:
    """Reads a model and checks it: version, form, and the parameters' checksum.

    Raises:
        RunError: a file is missing, damaged, or of an unknown version.
    """
    path = folder / _DESCRIPTION
    described = read_json(path)
    version, checksum = described.pop("version", None), described.pop("sha256", None)
    vocabulary_checksum = described.pop("vocabulary_sha256", None)
    if version != MODEL_VERSION:
        raise RunError(f"{path}: format version {version!r} is unknown; this release reads {MODEL_VERSION}")
    check_sum(folder / _WEIGHTS, checksum, _ADVICE)
    parameters = read_arrays(folder / _WEIGHTS, _ADVICE)
    if not _is_description(described):
        raise RunError(f"{path}: does not describe a model; {_ADVICE}")
    if vocabulary_checksum is not None:
        check_sum(folder / _VOCABULARY, vocabulary_checksum, _ADVICE)
        described["input_format"]["vocabulary"] = read_json(folder / _VOCABULARY).get("tokens")
    described.update(class_names=tuple(described["class_names"]), step_shape=tuple(described["step_shape"]))
    ngrams = {name: parameters.pop(name) for name in list(parameters) if name.startswith(_NGRAMS)}
    return SavedModel(
        parameters, ngrams=_read_ngrams(ngrams, len(described["class_names"]), folder / _WEIGHTS), **described
    )


def _read_ngrams(arrays: Mapping[str, np.ndarray], num_classes: int, path: Path) -> Optional[NgramModel]:
    """Returns the n-gram model among a file's arrays, if there is one."""
    if not arrays:
        return None
    model = NgramModel.from_arrays({name.removeprefix(_NGRAMS): a for name, a in arrays.items()}, num_classes)
    if model is None:
        raise RunError(f"{path}: holds n-grams of another form; {_ADVICE}")
    return model


def _is_description(described: Mapping[str, Any]) -> bool:
    """Whether a file's values are those of a ``SavedModel`` without its parameters."""
    number = (int, float)
    forms = {
        "class_names": lambda value: isinstance(value, list) and all(isinstance(name, str) for name in value),
        "step_shape": lambda value: isinstance(value, list) and _is_step_shape(value),
        "input_format": lambda value: isinstance(value, dict),
        "epoch": lambda value: isinstance(value, int),
        "validation_accuracy": lambda value: isinstance(value, number),
        "validation_loss": lambda value: isinstance(value, number),
    }
    return set(described) == set(forms) and all(is_valid(described[name]) for name, is_valid in forms.items())


def _is_step_shape(value: List[Any]) -> bool:
    """Whether a list is (T or nothing, C)."""
    return len(value) == 2 and (value[0] is None or type(value[0]) is int) and type(value[1]) is int
