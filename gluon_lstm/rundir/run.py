"""The run directory: the one interface between the commands.

::

    RUN/
      config.json          settings, versions, and the data's checksums
      log.jsonl            one line an epoch
      events/              the same for TensorBoard
      model/               the best parameters so far, with what is needed to use them
      evaluation/SPLIT/    reports, one folder a split
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, Tuple, Union

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from gluon_lstm.atomic import replacing_directory, replacing_file
from gluon_lstm.config import Config, merge, read_config_file
from gluon_lstm.errors import ConfigError, RunError

MODEL_VERSION = 1
_ENTRIES = ("config.json", "log.jsonl", "events", "model", "evaluation")
_MODEL_KEYS = {
    "version",
    "sha256",
    "class_names",
    "step_shape",
    "input_format",
    "epoch",
    "validation_accuracy",
    "validation_loss",
}


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


class RunDirectory:
    """A folder that holds all of one training run.

    Args:
        path: the folder; use ``create`` or ``open`` to have it checked.
    """

    def __init__(self, path: Union[str, Path]) -> None:
        self.path = Path(path)

    @classmethod
    def create(cls, path: Union[str, Path], record: Mapping[str, Any], force: bool = False) -> RunDirectory:
        """Makes a new run directory.

        Args:
            path: the folder; it may exist if it is empty.
            record: the content of ``config.json``.
            force: whether an earlier run there is deleted.

        Raises:
            RunError: the folder holds files, or cannot be written.
        """
        run = cls(path)
        try:
            run._clear(force)
            _write_json(run.path / "config.json", record)
        except OSError as error:
            reason = f"cannot be written ({error.strerror})"
            raise RunError(f"{run.path}: {reason}; choose another folder with --output") from error
        return run

    @classmethod
    def open(cls, path: Union[str, Path]) -> RunDirectory:
        """Opens the directory of an earlier run.

        Raises:
            RunError: there is none.
        """
        run = cls(path)
        if not run.path.is_dir():
            raise RunError(f"{path}: no such run directory; train one with: gluon-lstm train --output {path}")
        if not (run.path / "config.json").is_file():
            raise RunError(f"{path}: not a run directory (it has no config.json)")
        return run

    def _clear(self, force: bool) -> None:
        """Makes the folder empty and ready, or raises RunError."""
        self.path.mkdir(parents=True, exist_ok=True)
        entries = {entry.name for entry in self.path.iterdir()}
        if entries and not force:
            raise RunError(f"{self.path}: is not empty; choose another folder with --output, or overwrite with --force")
        if entries - set(_ENTRIES):
            odd = sorted(entries - set(_ENTRIES))[0]
            raise RunError(f"{self.path}: --force deletes runs alone, and {odd!r} is not part of one; use another")
        for name in sorted(entries):
            entry = self.path / name
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()

    def read_config(self) -> Config:
        """Returns the configuration that the run was trained with.

        Raises:
            RunError: ``config.json`` is damaged.
        """
        path = self.path / "config.json"
        try:
            return merge(Config(), read_config_file(path), str(path))
        except ConfigError as error:
            raise RunError(f"{path}: damaged; {error}") from error

    def read_record(self) -> Dict[str, Any]:
        """Returns the whole content of ``config.json``, the versions and checksums included."""
        return _read_json(self.path / "config.json")

    def append_log(self, record: Mapping[str, Any]) -> None:
        """Adds one epoch's line to ``log.jsonl``."""
        with open(self.path / "log.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(record, allow_nan=False) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def read_log(self) -> List[Dict[str, Any]]:
        """Returns the epochs' records, oldest first.

        Raises:
            RunError: a line is not valid JSON.
        """
        path = self.path / "log.jsonl"
        if not path.exists():
            return []
        records = []
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            try:
                records.append(json.loads(line))
            except ValueError as error:
                raise RunError(f"{path}: line {number} is not valid JSON; delete the line or train again") from error
        return records

    @contextmanager
    def event_writer(self) -> Iterator[Callable[[Mapping[str, Any]], None]]:
        """Gives a function that adds an epoch's record to the TensorBoard events."""
        from tensorboardX import SummaryWriter

        with SummaryWriter(str(self.path / "events")) as writer:

            def write(record: Mapping[str, Any]) -> None:
                for name, value in record.items():
                    if isinstance(value, float):
                        writer.add_scalar(name, value, record["epoch"])

            yield write

    def save_model(self, model: SavedModel) -> None:
        """Replaces ``model/`` by this one, as a whole."""
        with replacing_directory(self.path / "model") as folder:
            weights = folder / "parameters.safetensors"
            safetensors.numpy.save_file(dict(model.parameters), weights)
            described = asdict(model)
            described.pop("parameters")
            _write_json(folder / "model.json", {"version": MODEL_VERSION, "sha256": _sha256(weights), **described})

    def load_model(self) -> SavedModel:
        """Reads ``model/`` and checks it against its checksum.

        Raises:
            RunError: there is none yet, it is damaged, or of an unknown version.
        """
        folder = self.path / "model"
        weights = folder / "parameters.safetensors"
        if not folder.is_dir():
            raise RunError(f"{self.path}: holds no model yet; its training ended before the first one was saved")
        described = _read_json(folder / "model.json")
        if described.get("version") != MODEL_VERSION:
            raise RunError(
                f"{folder / 'model.json'}: format version {described.get('version')!r} is unknown; "
                f"this release reads {MODEL_VERSION}"
            )
        if set(described) != _MODEL_KEYS:
            raise RunError(f"{folder / 'model.json'}: must hold exactly {', '.join(sorted(_MODEL_KEYS))}")
        try:
            if _sha256(weights) != described.pop("sha256"):
                raise RunError(f"{weights}: damaged, its checksum is not the recorded one; train again or use a copy")
            parameters = safetensors.numpy.load_file(weights)
        except (OSError, SafetensorError) as error:
            raise RunError(f"{weights}: cannot be read ({error}); train again or restore a copy") from error
        described.pop("version")
        described.update(class_names=tuple(described["class_names"]), step_shape=tuple(described["step_shape"]))
        return SavedModel(parameters, **described)

    @contextmanager
    def replace_evaluation(self, split: str) -> Iterator[Path]:
        """Gives a folder to fill, which becomes ``evaluation/SPLIT/`` once the block ends without an error.

        Raises:
            RunError: the run directory cannot be written.
        """
        target = self.path / "evaluation" / split
        try:
            with replacing_directory(target) as folder:
                yield folder
        except OSError as error:
            raise RunError(f"{target}: cannot be written ({error.strerror})") from error


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Writes a JSON file as a whole, readable by people."""
    with replacing_file(path) as temporary:
        text = json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False)
        temporary.write_text(text + "\n", encoding="utf-8")


def _read_json(path: Path) -> Dict[str, Any]:
    """Returns the object in a JSON file, or raises RunError."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f"{path}: cannot be read ({error}); train again or restore a copy") from error
    if not isinstance(content, dict):
        raise RunError(f"{path}: must hold a JSON object")
    return content


def _sha256(path: Path) -> str:
    """Returns the SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
