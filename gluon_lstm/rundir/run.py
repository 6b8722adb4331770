"""The run directory: the one interface between the commands.

::

    RUN/
      config.json          settings, versions, and the data's checksums
      log.jsonl            one line an epoch
      events/              the same for TensorBoard
      checkpoints/         states that a training can go on from
      model/               the best parameters so far, with what is needed to use them
      evaluation/SPLIT/    reports, one folder a split
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple, Union

from gluon_lstm.atomic import check_fillable, replacing_directory, replacing_file, surviving_directory
from gluon_lstm.config import Config, merge, read_config_file
from gluon_lstm.errors import ConfigError, RunError, quoted
from gluon_lstm.rundir.checkpoints import Checkpoint, Checkpoints
from gluon_lstm.rundir.events import EventLog
from gluon_lstm.rundir.files import explained, parse_record, read_json, read_log_lines, write_json
from gluon_lstm.rundir.layout import REPORT, find_foreign, holds_runs
from gluon_lstm.rundir.model import SavedModel, read_model, write_model
from gluon_lstm.rundir.report_folder import ReportFolder

_READINGS = 3
"""Times that a model which another process replaces meanwhile is read."""


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
        with explained(run.path, "choose another folder with --output"):
            run._clear(force)
            write_json(run.path / "config.json", record)
        return run

    @classmethod
    def open(cls, path: Union[str, Path]) -> RunDirectory:
        """Opens the directory of an earlier run.

        Raises:
            RunError: there is none.
        """
        run = cls(path)
        if os.path.isfile(run.path):
            raise RunError(f"{path}: is a file, not a folder; name the run directory that train made")
        if not os.path.isdir(run.path):
            raise RunError(f"{path}: no such run directory; train one with: gluon-lstm train --output {quoted(path)}")
        if holds_runs(run.path):
            inside = sorted(entry.name for entry in run.path.iterdir() if (entry / "config.json").is_file())
            raise RunError(f"{path}: holds several runs; name one of them: {', '.join(inside) or '(none has begun)'}")
        if not run.has_record():
            raise RunError(f"{path}: not a run directory (it has no config.json)")
        return run

    @classmethod
    def check_free(cls, path: Union[str, Path], force: bool = False) -> None:
        """Raises RunError where ``create`` would: the folder is in use, or cannot be written; makes nothing."""
        with explained(Path(path), "choose another folder with --output"):
            check_fillable(Path(path))
            if os.path.isdir(path):
                cls(path)._check_entries(force)

    def delete(self) -> None:
        """Deletes an earlier run, or raises RunError where the folder holds anything else."""
        with explained(self.path):
            self._clear(force=True)
            self.path.rmdir()

    def _clear(self, force: bool) -> None:
        """Makes the folder empty and ready, or raises RunError."""
        self.path.mkdir(parents=True, exist_ok=True)
        for name in self._check_entries(force):
            _delete(self.path / name)

    def _check_entries(self, force: bool) -> List[str]:
        """Returns the names in the folder, or raises RunError where they may not be deleted."""
        entries = sorted(entry.name for entry in self.path.iterdir())
        if entries and not force:
            raise RunError(f"{self.path}: is not empty; choose another folder with --output, or overwrite with --force")
        foreign = find_foreign(self.path)
        if foreign:
            name = foreign.relative_to(self.path).as_posix()
            raise RunError(f"{self.path}: --force deletes runs alone, and {name!r} is not part of one; use another")
        return entries

    def read_config(self) -> Config:
        """Returns the configuration that the run was trained with.

        Raises:
            RunError: ``config.json`` is damaged.
        """
        path = self.path / "config.json"
        try:
            return merge(Config(), read_config_file(path, str(path)), str(path))
        except ConfigError as error:
            raise RunError(f"{error}; restore a copy or train again") from error

    def read_record(self) -> Dict[str, Any]:
        """Returns the whole content of ``config.json``, the versions and checksums included."""
        return read_json(self.path / "config.json")

    def recorded_checksum(self, split: str) -> Optional[str]:
        """Returns the SHA-256 of a split that the training had; ``None`` where none is recorded."""
        return self._recorded(split, "sha256")

    def had_split(self, split: str, checksum: str) -> bool:
        """Whether a checksum is that of the split that the training had, as far as that is recorded."""
        return self.recorded_checksum(split) in (None, checksum)

    def recorded_samples(self, split: str) -> Optional[int]:
        """Returns how many samples a split of the training had; ``None`` where that is not recorded."""
        return self._recorded(split, "samples")

    def recorded_columns(self) -> Tuple[Optional[str], Optional[str]]:
        """Returns the names of the columns of texts and labels that the training read, as far as they are recorded."""
        dataset = self.read_record().get("dataset")
        columns = dataset.get("columns") if isinstance(dataset, dict) else None
        is_pair = isinstance(columns, list) and len(columns) == 2 and all(isinstance(name, str) for name in columns)
        return tuple(columns) if is_pair else (None, None)

    def _recorded(self, split: str, what: str) -> Any:
        """Returns what the record says of a split; ``None`` where it does not."""
        value: Any = self.read_record()
        for name in ("dataset", "splits", split, what):
            value = value.get(name) if isinstance(value, dict) else None
        return value

    def has_record(self) -> bool:
        """Whether ``config.json`` is there."""
        return os.path.isfile(self.path / "config.json")

    def write_record(self, record: Mapping[str, Any]) -> None:
        """Writes ``config.json``.

        Raises:
            RunError: it cannot be written.
        """
        path = self.path / "config.json"
        with explained(path):
            write_json(path, record)

    def write_log(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Replaces ``log.jsonl`` by the records of the epochs so far, oldest first.

        Raises:
            RunError: it cannot be written; the log before it stays.
        """
        path = self.path / "log.jsonl"
        lines = "".join(json.dumps(record, allow_nan=False) + "\n" for record in records)
        with explained(path), replacing_file(path) as temporary:
            temporary.write_text(lines, encoding="utf-8")

    def read_log(self) -> List[Dict[str, Any]]:
        """Returns the epochs' records, oldest first.

        Raises:
            RunError: a line is not valid JSON.
        """
        path = self.path / "log.jsonl"
        if not path.exists():
            return []
        try:
            lines = read_log_lines(path)
        except (OSError, ValueError) as error:
            raise RunError(f"{path}: cannot be read ({error}); delete it or train again") from error
        records = []
        for number, line in enumerate(lines, 1):
            try:
                records.append(parse_record(line))
            except ValueError as error:
                reason = f"line {number} is not valid JSON of a record"
                raise RunError(f"{path}: {reason}; delete the line or train again") from error
        return records

    @property
    def events(self) -> EventLog:
        """The log once more, for TensorBoard."""
        return EventLog(self.path / "events")

    def clear_leftovers(self) -> None:
        """Deletes what killed trainings left half-written, once a model that had stepped aside is back in its place.

        Only a process that has the run locked may call this.
        """
        model = self.path / "model"
        with suppress(OSError):
            survivor = surviving_directory(model)
            if survivor != model:
                os.replace(survivor, model)
            for name in ("config.json", "log.jsonl", "model"):
                for leftover in self.path.glob(f".{name}.*"):
                    _delete(leftover)

    @property
    def checkpoints(self) -> Checkpoints:
        """The states that the run's training can go on from."""
        return Checkpoints(self.path / "checkpoints")

    def save_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Adds a checkpoint.

        Raises:
            RunError: it cannot be written; the others stay.
        """
        with explained(self.path / "checkpoints"):
            self.checkpoints.save(checkpoint)

    def save_model(self, model: SavedModel) -> None:
        """Replaces ``model/`` by this one, as a whole.

        Raises:
            RunError: it cannot be written; the model before it stays.
        """
        target = self.path / "model"
        with explained(target), replacing_directory(target) as folder:
            write_model(folder, model)

    def load_model(self) -> SavedModel:
        """Reads ``model/``, or the one before it where a kill came as it was being replaced, and checks it.

        Raises:
            RunError: there is none yet, it is damaged, or of an unknown version.
        """
        for attempt in range(1, _READINGS + 1):
            folder = surviving_directory(self.path / "model")
            if not os.path.isdir(folder):
                raise RunError(
                    f"{self.path}: holds no model; its training ended before the first one was saved, or its folder "
                    f"model was deleted; go on with: gluon-lstm train --resume {quoted(self.path)}; or, where it "
                    "diverged, train anew with a lower --learning-rate"
                )
            found = _identity(folder)
            try:
                return read_model(folder)
            except RunError:
                # A training that is at work may have put its next model in the place of the one being read.
                if attempt == _READINGS or _identity(surviving_directory(self.path / "model")) == found:
                    raise

    def evaluation(self, split: str) -> ReportFolder:
        """Returns where the report on a split goes: ``evaluation/SPLIT/``."""
        return ReportFolder(self.path / "evaluation" / split, REPORT, inside=self.path)


def _identity(folder: Path) -> Optional[Tuple[int, int]]:
    """Returns what tells a folder from the one that takes its place; ``None`` where there is none."""
    try:
        status = os.stat(folder)
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns


def _delete(entry: Path) -> None:
    """Deletes a file, a link, or a folder with all that is in it."""
    shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
