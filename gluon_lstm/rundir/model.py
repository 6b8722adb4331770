"""The folder ``model/``: parameters, and what is needed to use them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Mapping, Optional, Tuple

import numpy as np

from gluon_lstm.arrays import pack_arrays, read_arrays
from gluon_lstm.bounded import JSON_BYTES, MOST_CLASSES
from gluon_lstm.data.ngrams import NgramModel
from gluon_lstm.errors import RunError, shown
from gluon_lstm.rundir.files import read_json, sha256, write_json

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

    @property
    def reads_texts(self) -> bool:
        """Whether its samples are texts; if not, they are pictures."""
        return self.input_format.get("kind") == "text"


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
        tokens = described["input_format"].pop("vocabulary")
        write_json(folder / _VOCABULARY, {"version": MODEL_VERSION, "tokens": tokens})
        if (folder / _VOCABULARY).stat().st_size > JSON_BYTES:
            raise RunError(f"vocabulary of {len(tokens):,} tokens: too large to be read again; use --vocabulary-size")
        checksums["vocabulary_sha256"] = sha256(folder / _VOCABULARY)
    write_json(folder / _DESCRIPTION, {"version": MODEL_VERSION, **checksums, **described})


def read_model(folder: Path) -> SavedModel:
    """Reads a model and checks it: version, form, and the parameters' checksum.

    Raises:
        RunError: a file is missing, damaged, or of an unknown version.
    """
    path = folder / _DESCRIPTION
    described = read_json(path)
    _check_version(path, described.pop("version", None))
    checksum, vocabulary_checksum = described.pop("sha256", None), described.pop("vocabulary_sha256", None)
    wrong = _wrong_field(described)
    if wrong is not None:
        raise RunError(f"{path}: does not describe a model, see {shown(wrong)} in it; {_ADVICE}")
    parameters = read_arrays(folder / _WEIGHTS, _ADVICE, str(checksum))
    if vocabulary_checksum is not None:
        described["input_format"]["vocabulary"] = _read_vocabulary(folder / _VOCABULARY, vocabulary_checksum)
    described.update(class_names=tuple(described["class_names"]), step_shape=tuple(described["step_shape"]))
    ngrams = {name: parameters.pop(name) for name in list(parameters) if name.startswith(_NGRAMS)}
    return SavedModel(
        parameters, ngrams=_read_ngrams(ngrams, len(described["class_names"]), folder / _WEIGHTS), **described
    )


def _check_version(path: Path, version: Any) -> None:
    """Raises RunError where a file is of another release's format."""
    if version != MODEL_VERSION:
        known = f"this release reads {MODEL_VERSION}; use the release that wrote it, or train again"
        raise RunError(f"{path}: format version {shown(version)} is unknown, {known}")


def _read_vocabulary(path: Path, checksum: Any) -> Any:
    """Returns the tokens in a vocabulary's file, which the input format's reader checks."""
    values = read_json(path, checksum)
    _check_version(path, values.get("version"))
    return values.get("tokens")


def _read_ngrams(arrays: Mapping[str, np.ndarray], num_classes: int, path: Path) -> Optional[NgramModel]:
    """Returns the n-gram model among a file's arrays, if there is one."""
    if not arrays:
        return None
    model = NgramModel.from_arrays({name.removeprefix(_NGRAMS): a for name, a in arrays.items()}, num_classes)
    if model is None:
        raise RunError(f"{path}: holds n-grams of another form; {_ADVICE}")
    return model


def _wrong_field(described: Mapping[str, Any]) -> Optional[str]:
    """Returns a name whose value is not that of a ``SavedModel`` without its parameters; ``None`` if all are."""
    forms = {
        "class_names": _are_class_names,
        "step_shape": _is_step_shape,
        "input_format": lambda value: isinstance(value, dict),
        "epoch": lambda value: type(value) is int and value >= 0,
        "validation_accuracy": lambda value: type(value) in (int, float) and 0 <= value <= 1,
        "validation_loss": lambda value: type(value) in (int, float),
    }
    odd = sorted(set(described) ^ set(forms))
    wrong = [name for name, is_valid in forms.items() if name in described and not is_valid(described[name])]
    return next(iter(odd + wrong), None)


def _are_class_names(value: Any) -> bool:
    """Whether a value is a list of two or more different names."""
    is_list = isinstance(value, list) and all(isinstance(name, str) for name in value)
    return is_list and 2 <= len(set(value)) == len(value) <= MOST_CLASSES


def _is_step_shape(value: Any) -> bool:
    """Whether a value is the list of (T or nothing, C)."""
    if not (isinstance(value, list) and len(value) == 2):
        return False
    return (value[0] is None or type(value[0]) is int and value[0] > 0) and type(value[1]) is int and value[1] > 0
