"""Going on with what ``--resume`` names: one run, or several."""

from __future__ import annotations

import argparse
from pathlib import Path

from gluon_lstm import runtime
from gluon_lstm.cli.options import given_flags
from gluon_lstm.cli.repeat import resume_repeats
from gluon_lstm.cli.runs import go_on, recorded_threads
from gluon_lstm.config import flag
from gluon_lstm.data import load_stored_splits
from gluon_lstm.errors import ConfigError
from gluon_lstm.rundir import RepeatsDirectory, RunDirectory


def resume(arguments: argparse.Namespace) -> int:
    """Goes on with the run, or the runs, that ``--resume`` names; returns the exit code.

    Raises:
        UserError: other options were given, there is no such run, another process trains
            into it, or its data have changed.
    """
    _check_alone(arguments)
    path = Path(arguments.resume)
    if RepeatsDirectory.is_one(path):
        return resume_repeats(path)
    directory = RunDirectory.open(path)
    config = directory.read_config()
    runtime.prepare(config.runtime.threads or recorded_threads(directory.read_record()))
    return go_on(config, load_stored_splits(config), path)


def _check_alone(arguments: argparse.Namespace) -> None:
    """Raises ConfigError where options were given beside ``--resume``."""
    given = [name for section in given_flags(arguments).values() for name in section]
    given += [name for name in ("output", "force", "dry_run", "preset", "config") if getattr(arguments, name)]
    given += ["seeds"] if arguments.seeds != 1 else []
    if given:
        raise ConfigError(f"{flag(given[0])}: --resume goes on with the run's own options; leave this out")
