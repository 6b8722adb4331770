"""The folder ``checkpoints/``: states that a training can go on from.

::

    RUN/checkpoints/
      000007-step-00001234/            the seventh one, after so many training steps
        manifest.json                  version, and the SHA-256 of the other two
        state.json                     counters, settings, and the log so far
        arrays.safetensors             parameters, moments of the optimizer, averages
      damaged-000008-step-00001300/    what was found damaged, and set aside

Each has a name of its own, so none ever takes another's place while it is written.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Callable, Iterable, List, Mapping, NamedTuple, Optional, Tuple

import numpy as np

from gluon_lstm.arrays import pack_arrays, read_arrays
from gluon_lstm.atomic import replacing_directory
from gluon_lstm.bounded import LOG_BYTES
from gluon_lstm.errors import RunError, shown
from gluon_lstm.rundir.files import CURVES, is_drawable, read_json, sha256, write_json

CHECKPOINT_VERSION = 1
_NAME, _DAMAGED = re.compile(r"([0-9]+)-step-([0-9]+)"), "damaged-"
_MANIFEST, _STATE, _ARRAYS = "manifest.json", "state.json", "arrays.safetensors"
_ADVICE = "go on from another checkpoint"
_MOST_COUNT = 2**53
"""Of anything that is counted, so that a float holds it."""


class UnknownVersionError(RunError):
    """A checkpoint that another release wrote: whole perhaps, so nothing is done about it."""


@dataclass(frozen=True)
class Counts:
    """What a part of an epoch came to.

    Attributes:
        samples: samples that were trained on.
        loss: sum of their losses, in nats.
        correct: samples classified rightly.
        norms: sum of the steps' gradient norms.
        normed: steps whose gradient norm was measured.
        skipped: batches left out because their loss or gradient was not finite.
        seconds: duration.
    """

    samples: int = 0
    loss: float = 0.0
    correct: int = 0
    norms: float = 0.0
    normed: int = 0
    skipped: int = 0
    seconds: float = 0.0

    @property
    def mean_loss(self) -> float:
        """Mean loss over the samples, in nats, each as its step saw it."""
        return self.loss / max(self.samples, 1)

    @property
    def accuracy(self) -> float:
        """Share of the samples classified rightly, likewise."""
        return self.correct / max(self.samples, 1)

    @property
    def mean_norm(self) -> Optional[float]:
        """Mean gradient norm over the steps; ``None`` where it was not measured."""
        return self.norms / self.normed if self.normed else None


@dataclass(frozen=True)
class Checkpoint:
    """The state of a training between two steps.

    Attributes:
        step: steps taken, over all epochs.
        epoch: the epoch in progress, from 1.
        epoch_step: steps of it that were taken; 0 where the one before has just been closed.
        counts: what those steps came to.
        updates: updates that the optimizer has made.
        averaged: steps that the moving average of the weights has seen.
        rollbacks: how often the training went back to an earlier checkpoint.
        log: the records of the epochs closed, oldest first.
        arrays: name → array.
        settings: what the steps follow from, by section; empty where a release before recorded none.
    """

    step: int
    epoch: int
    epoch_step: int
    counts: Counts
    updates: int
    averaged: int
    rollbacks: int
    log: Tuple[Mapping[str, Any], ...]
    arrays: Mapping[str, np.ndarray]
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


class Entry(NamedTuple):
    """One of a run's checkpoints.

    Attributes:
        serial: its number, in the order in which they were written.
        step: training steps taken.
    """

    serial: int
    step: int

    @property
    def name(self) -> str:
        """The name of its folder."""
        return f"{self.serial:06d}-step-{self.step:08d}"


class Checkpoints:
    """The checkpoints of one run.

    Args:
        folder: where they are; it need not exist.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(self, checkpoint: Checkpoint) -> None:
        """Writes a checkpoint, which appears as a whole or not at all.

        Raises:
            OSError: it cannot be written.
        """
        serial = max((entry.serial for entry in self._entries(_DAMAGED) + self.entries()), default=0) + 1
        with replacing_directory(self._folder / Entry(serial, checkpoint.step).name) as folder:
            described = {item.name: getattr(checkpoint, item.name) for item in fields(checkpoint)}
            (folder / _ARRAYS).write_bytes(pack_arrays(described.pop("arrays")))
            write_json(folder / _STATE, {**described, "counts": asdict(checkpoint.counts)})
            sums = {name: sha256(folder / name) for name in (_ARRAYS, _STATE)}
            write_json(folder / _MANIFEST, {"version": CHECKPOINT_VERSION, "sha256": sums})

    def entries(self) -> List[Entry]:
        """Returns the checkpoints there are, oldest first.

        Raises:
            RunError: the folder cannot be read.
        """
        return self._entries("")

    def _entries(self, prefix: str) -> List[Entry]:
        try:
            names = os.listdir(self._folder) if self._folder.is_dir() else []
        except OSError as error:
            raise RunError(f"{self._folder}: cannot be read ({error.strerror})") from error
        matches = (_NAME.fullmatch(name[len(prefix) :]) for name in names if name.startswith(prefix))
        found = ((match.group(), Entry(*map(int, match.groups()))) for match in matches if match)
        return sorted(entry for name, entry in found if name == entry.name)

    def keep(self, newest: int, others: Iterable[int]) -> None:
        """Deletes all checkpoints but some, and what killed processes left.

        Args:
            newest: how many of the newest stay.
            others: steps whose newest checkpoint stays too.
        """
        entries = self.entries()
        latest = {entry.step: entry for entry in entries}
        kept = {*entries[-newest:], *(latest.get(step) for step in others)}
        for entry in set(entries) - kept:
            # First out of the way as a whole: a kill while files are deleted must not leave half a checkpoint.
            with suppress(OSError):
                os.replace(self._folder / entry.name, self._folder / f".{entry.name}.old")
        for leftover in self._folder.glob(".*-step-*"):
            shutil.rmtree(leftover, ignore_errors=True)

    def read_step(self, step: int) -> Checkpoint:
        """Reads the newest checkpoint of a step.

        Raises:
            RunError: it is missing, damaged, or of an unknown version.
        """
        entry = next((entry for entry in reversed(self.entries()) if entry.step == step), None)
        if entry is None:
            raise RunError(f"{self._folder}: holds no checkpoint of step {step:,}")
        return self.read(entry)

    def read(self, entry: Entry) -> Checkpoint:
        """Reads one checkpoint.

        Raises:
            RunError: it is damaged, or of an unknown version.
        """
        folder = self._folder / entry.name
        manifest = read_json(folder / _MANIFEST, advice=_ADVICE)
        version, sums = manifest.get("version"), manifest.get("sha256")
        if version != CHECKPOINT_VERSION:
            known = f"this release reads {CHECKPOINT_VERSION}; use the release that wrote it, or delete it"
            raise UnknownVersionError(f"{folder}: format version {shown(version)} is unknown, {known}")
        arrays_sum, state_sum = (str(sums.get(name) if isinstance(sums, dict) else None) for name in (_ARRAYS, _STATE))
        state = read_json(folder / _STATE, state_sum, _ADVICE, LOG_BYTES)
        if not _is_state(state) or state["step"] != entry.step:
            raise RunError(f"{folder / _STATE}: does not describe the state of a training; {_ADVICE}")
        state.update(counts=Counts(**state["counts"]), log=tuple(state["log"]))
        return Checkpoint(**state, arrays=read_arrays(folder / _ARRAYS, _ADVICE, arrays_sum))

    def newest(self, accept: Callable[[Checkpoint], None]) -> Optional[Checkpoint]:
        """Returns the newest checkpoint that is whole; sets those aside that are damaged, and says so.

        Args:
            accept: takes a checkpoint, or raises RunError where it is not of this training.

        Returns:
            The checkpoint, or ``None`` where there is none.

        Raises:
            RunError: the newest is whole, but of another training or release. An older one, or none,
                would have the run lose what it has.
        """
        for entry in reversed(self.entries()):
            try:
                checkpoint = self.read(entry)
            except UnknownVersionError:
                raise
            except RunError as error:
                self._set_aside(entry, error)
                continue
            try:
                accept(checkpoint)
            except RunError as error:
                advice = "bring back the config.json that it was written with, or delete it"
                raise RunError(f"{self._folder / entry.name}: {error}; {advice}") from error
            return checkpoint
        return None

    def _set_aside(self, entry: Entry, error: RunError) -> None:
        """Renames a checkpoint that cannot be used, so that it is not tried again."""
        print(f"warning: {error}; {entry.name} is set aside as {_DAMAGED}{entry.name}", file=sys.stderr)
        path = self._folder / entry.name
        try:
            os.replace(path, self._folder / (_DAMAGED + entry.name))
        except OSError as reason:
            raise RunError(f"{path}: cannot be set aside ({reason.strerror}); delete it") from reason


def _is_state(state: Mapping[str, Any]) -> bool:
    """Whether a file's values are those of a ``Checkpoint`` without its arrays."""
    counted = [item.name for item in fields(Checkpoint) if item.name not in ("counts", "log", "arrays", "settings")]
    return (
        set(state) - {"settings"} == {*counted, "counts", "log"}
        and all(_is_count(state[name]) for name in counted)
        and _are_counts(state["counts"])
        and _are_settings(state.get("settings", {}))
        and isinstance(state["log"], list)
        and all(_is_record(record, number) for number, record in enumerate(state["log"], 1))
        and all(record["best"] for record in state["log"][:1])
    )


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= _MOST_COUNT


def _are_counts(value: Any) -> bool:
    """Whether a value holds the numbers of ``Counts``."""
    whole = {item.name: isinstance(item.default, int) for item in fields(Counts)}
    return (
        isinstance(value, dict)
        and set(value) == set(whole)
        and all(_is_count(value[name]) if is_whole else _is_sum(value[name]) for name, is_whole in whole.items())
    )


def _are_settings(value: Any) -> bool:
    """Whether a value holds sections of settings."""
    return isinstance(value, dict) and all(isinstance(section, dict) for section in value.values())


def _is_sum(value: Any) -> bool:
    """Whether a value is a number that is not negative, and that a float can be."""
    return type(value) in (int, float) and 0 <= value <= sys.float_info.max


def _is_record(value: Any, epoch: int) -> bool:
    """Whether a value is a log's record of an epoch, as a training that goes on and a report read it."""
    return (
        isinstance(value, dict)
        and type(value.get("epoch")) is int
        and value["epoch"] == epoch
        and isinstance(value.get("best"), bool)
        and all(type(value.get(name)) in (int, float) for name in ("validation_accuracy", "validation_loss"))
        and 0 <= value["validation_accuracy"] <= 1
        # Logs of releases that had none are read.
        and type(value.get("validation_macro_f1", 0)) in (int, float)
        and all(is_drawable(value.get(name)) for name in CURVES)
    )
