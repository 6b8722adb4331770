"""What a run leaves on the disk, also where that is full for a while."""

from __future__ import annotations

import sys
import time
from typing import Any, Callable, Dict, List, Mapping

from gluon_lstm.config import CheckpointInterval
from gluon_lstm.errors import RunError
from gluon_lstm.rundir import Checkpoint, RunDirectory, SavedModel

_CHECKPOINT, _CONFIG = "checkpoint", "config.json"


class Keeper:
    """Writes log, models and checkpoints; what cannot be written is told once, and tried again each time.

    Args:
        directory: where they go.
        newest: how many of the newest checkpoints are kept.
    """

    def __init__(self, directory: RunDirectory, newest: int) -> None:
        self._directory, self._newest = directory, newest
        self._record = directory.read_record() if directory.has_record() else None
        self._unwritten: Dict[str, Callable[[], None]] = {}
        self._kept: Dict[str, Callable[[], None]] = {}
        self._reasons: Dict[str, RunError] = {}

    def log(self, records: List[Mapping[str, Any]]) -> None:
        """Replaces the log by the records of the epochs so far."""
        self._keep("log", lambda: self._directory.write_log(records))

    def model(self, model: SavedModel) -> None:
        """Replaces the model."""
        self._keep("model", lambda: self._directory.save_model(model))

    def checkpoint(self, checkpoint: Checkpoint, steps_per_epoch: int) -> None:
        """Adds a checkpoint, and deletes those that are needed no more."""
        best = [record["epoch"] for record in checkpoint.log if record["best"]][-1:]
        epochs = (*best, len(checkpoint.log))

        def write() -> None:
            self._directory.save_checkpoint(checkpoint)
            self._directory.checkpoints.keep(self._newest, [epoch * steps_per_epoch for epoch in epochs])

        self._write(_CHECKPOINT, write)

    def finish(self, is_done: bool) -> None:
        """Raises RunError where anything is still not written that counts.

        Args:
            is_done: whether the training has come to its end, and needs its checkpoint no more.
        """
        self._write_all()
        if is_done:
            self._unwritten.pop(_CHECKPOINT, None)
        if self._unwritten:
            reason = self._reasons[next(iter(self._unwritten))]
            raise RunError(f"{' and '.join(self._unwritten)} of this run not saved: {reason}")

    def _keep(self, what: str, write: Callable[[], None]) -> None:
        """Writes what a run has one of, and takes note of how that is done."""
        self._kept[what] = write
        self._write(what, write)

    def _begin_anew(self) -> None:
        """Has all of the run written once more where its folder was moved or deleted, or the rest would be no run."""
        record = self._record
        if record is None or self._directory.has_record():
            return
        if _CONFIG not in self._unwritten:
            print(f"warning: {self._directory.path}: was moved or deleted during the training; it is made anew",
                  file=sys.stderr, flush=True)  # fmt: skip
        config = {_CONFIG: lambda: self._directory.write_record(record)}
        self._unwritten = {**config, **self._kept, **self._unwritten}

    def _write(self, what: str, write: Callable[[], None]) -> None:
        self._begin_anew()
        # Files are written in the order in which they were last asked for.
        self._unwritten.pop(what, None)
        self._unwritten[what] = write
        self._write_all()

    def _write_all(self) -> None:
        """Writes what is still to be written, in order, as far as that can be done."""
        for what, write in list(self._unwritten.items()):
            try:
                write()
                del self._unwritten[what]
            except RunError as error:
                if not self._reasons:
                    print(f"warning: {error}; training goes on, and it is tried again", file=sys.stderr, flush=True)
                self._reasons[what] = error


class Clock:
    """Says when the next checkpoint within an epoch is due.

    Args:
        interval: time between two of them.
    """

    def __init__(self, interval: CheckpointInterval) -> None:
        self._interval = interval
        self.reset()

    def reset(self) -> None:
        """Takes note that there is a checkpoint now."""
        self._steps, self._start = 0, time.monotonic()

    def is_due(self) -> bool:
        """Takes note of a step; returns whether a checkpoint is due after it."""
        self._steps += 1
        steps, seconds = self._interval
        return bool(steps and self._steps >= steps) or bool(seconds and time.monotonic() - self._start >= seconds)
