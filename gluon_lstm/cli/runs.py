"""Starting a run, and going on with one."""

from __future__ import annotations

import sys
from itertools import chain
from pathlib import Path
from typing import Any, Dict, Mapping, Optional

from gluon_lstm import runtime
from gluon_lstm.cli.advice import learning_note, reading_note
from gluon_lstm.cli.output import visible
from gluon_lstm.config import Config
from gluon_lstm.data import DataSplits
from gluon_lstm.errors import DataError, quoted
from gluon_lstm.rundir import RunDirectory, locked
from gluon_lstm.rundir.layout import check_no_links


def start_run(config: Config, splits: DataSplits, output: Path, force: bool = False, is_kept: bool = True) -> int:
    """Trains into ``output``, says what came out, and returns the exit code.

    Args:
        config: what to train.
        splits: on what.
        output: run directory, which is made.
        force: whether an earlier run there is deleted.
        is_kept: whether the user will find it there.
    """
    from gluon_lstm.nn import count_parameters

    fitting = _make_fit(config, splits)
    with locked(output):
        directory = RunDirectory.create(output, _record(config, splits), force)
        for note in splits.train.notes:
            print(visible(note), file=sys.stderr)
        for warning in chain.from_iterable(split.warnings for split in splits):
            print(f"warning: {warning}", file=sys.stderr)
        sizes = ", ".join(f"{len(split):,} {split.split}" for split in splits)
        print(f"{config.data.dataset}: {sizes}; {len(splits.train.class_names)} classes", file=sys.stderr)
        print(f"{config.preset}: {count_parameters(fitting.net):,} parameters", file=sys.stderr)
        note = reading_note(splits.train.step_shape[1], config.model)
        if note:
            print(note, file=sys.stderr)
        return _run(fitting, directory, splits, is_kept)


def go_on(config: Config, splits: DataSplits, path: Path) -> int:
    """Goes on with a run, or starts it where it was not begun; says what came out, and returns the exit code.

    Args:
        config: its configuration.
        splits: the data that this reads.
        path: its directory.
    """
    if not (path / "config.json").is_file():
        return start_run(config, splits, path, force=True)
    directory = RunDirectory.open(path)
    with locked(path):
        check_no_links(path)
        directory.clear_leftovers()
        _check_data(directory, splits)
        fitting = _make_fit(config, splits)
        remade = "" if (path / "model").is_dir() else "; its model, which was missing, is made again"
        fitting.resume(directory)
        if fitting.is_done:
            print(f"{path}: is trained to its end; there is nothing to go on with{remade}", file=sys.stderr)
        else:
            print(f"{path}: going on after {fitting.steps:,} steps", file=sys.stderr)
        return _run(fitting, directory, splits)


def recorded_threads(record: Mapping[str, Any]) -> Optional[int]:
    """Returns the thread count that a run was begun with, on which the last bits of its numbers depend.

    Args:
        record: the content of its ``config.json``; where another file has none of it, or none that can be, ``None``.
    """
    environment = record.get("environment")
    threads = str(environment.get("threads", "")) if isinstance(environment, dict) else ""
    is_number = threads.isdecimal() and len(threads) <= len(str(runtime.MOST_THREADS))
    return int(threads) if is_number and 1 <= int(threads) <= runtime.MOST_THREADS else None


def _check_data(directory: RunDirectory, splits: DataSplits) -> None:
    """Raises DataError unless the data are those that a run was begun with."""
    for split in splits:
        if directory.recorded_checksum(split.split) != split.fingerprint:
            raise DataError(f"{splits.train.name}: the {split.split} split is not the one that {directory.path} was "
                            f"begun with; bring it back, or train anew")  # fmt: skip


def _make_fit(config: Config, splits: DataSplits):
    """Returns the training of a configuration, not begun."""
    from gluon_lstm.training import Fit, Progress

    return Fit(config, splits, runtime.devices(config.runtime.device), Progress(config.training.epochs))


def _run(fitting, directory: RunDirectory, splits: DataSplits, is_kept: bool = True) -> int:
    """Trains, says what came out, and where, if that is kept, and returns the exit code."""
    was_done = fitting.is_done
    try:
        result = fitting.run(directory)
    except KeyboardInterrupt:  # before the first step, or a second time
        if is_kept:
            print(_tell_resume(directory.path), file=sys.stderr)
        raise
    if result.best:
        print(_tell_best(result.best, fitting.monitor))
    if result.best and is_kept:
        print(f"model in {directory.path}; evaluate it with: gluon-lstm evaluate {quoted(directory.path)}")
    if not fitting.is_done and is_kept:
        print(f"interrupted; {_tell_resume(directory.path)}", file=sys.stderr)
    if fitting.is_done and not was_done and is_kept:
        _advise(fitting.steps, result.best, splits)
    return 128 + result.stopped_by if result.stopped_by else 0


def _tell_resume(path: Path) -> str:
    """Returns how to go on with a run that was ended."""
    return f"go on with: gluon-lstm train --resume {quoted(path)}"


def _tell_best(best: Mapping[str, Any], monitor: str) -> str:
    """Returns the line on the epoch whose model is kept: its accuracy, and what else it was chosen by."""
    line = f"best epoch {best['epoch']}: validation accuracy {best['validation_accuracy']:.2%}"
    if monitor == "macro-f1" and "validation_macro_f1" in best:  # logs of earlier releases have none
        line += f", macro F1 {best['validation_macro_f1']:.2%}"
    return line if monitor != "loss" else f"{line}, loss {best['validation_loss']:.4f}"


def _advise(steps: int, best: Mapping[str, Any], splits: DataSplits) -> None:
    """Says what to try where a training that is done learned little."""
    accuracy, loss = best["validation_accuracy"], best.get("train_loss") or 0.0  # which a log that is read may lack
    note = learning_note(steps, accuracy, loss, splits.validation.labels, splits.validation.class_names)
    if note:
        print(note, file=sys.stderr)


def _record(config: Config, splits: DataSplits) -> Dict[str, Any]:
    """Returns the content of ``config.json``: the settings, and what they ran on."""
    origin = splits.train.origin
    return {
        **config.to_dict(),
        "dataset": {
            "class_names": splits.train.class_names,
            "step_shape": splits.train.step_shape,
            **({"columns": list(origin.columns)} if origin is not None and origin.columns else {}),
            "splits": {split.split: {"samples": len(split), "sha256": split.fingerprint} for split in splits},
        },
        "environment": runtime.describe(),
    }
