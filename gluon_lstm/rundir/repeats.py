"""The folder of several runs of one configuration.

::

    OUTPUT/
      plan.json                             the runs to be made
      seed-0/, fold-3/, fold-3-seed-0/, …   a run directory each, with its report on the test split
      summary.json                          each run's numbers, mean and standard deviation
"""

from __future__ import annotations

import os
import re
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Mapping, NamedTuple, Tuple, Union

from gluon_lstm.atomic import check_fillable
from gluon_lstm.config import Config, merge
from gluon_lstm.errors import ConfigError, RunError, shown
from gluon_lstm.rundir.files import explained, read_json, write_json
from gluon_lstm.rundir.layout import PLAN, holds_runs
from gluon_lstm.rundir.lock import locked
from gluon_lstm.rundir.run import RunDirectory
from gluon_lstm.runtime import MOST_THREADS

SUMMARY = "summary.json"
PLAN_VERSION = 1
_RUN = re.compile("(fold-[0-9]+-)?seed-[0-9]+|fold-[0-9]+")


class Repeat(NamedTuple):
    """One run of several.

    Attributes:
        name: its folder, such as ``fold-3-seed-0``.
        config: its configuration.
    """

    name: str
    config: Config


class Plan(NamedTuple):
    """The runs to be made.

    Attributes:
        repeats: the runs, those of one fold after each other.
        threads: CPU threads that they were begun with.
    """

    repeats: Tuple[Repeat, ...]
    threads: int


class RepeatsDirectory:
    """A folder that holds several runs and their summary.

    Args:
        path: the folder; use ``create`` to have it made and checked.
    """

    def __init__(self, path: Union[str, Path]) -> None:
        self.path = Path(path)

    @classmethod
    def create(cls, path: Union[str, Path], force: bool = False) -> RepeatsDirectory:
        """Makes a new folder.

        Args:
            path: the folder; it may exist if it is empty.
            force: whether earlier runs and their summary there are deleted.

        Raises:
            RunError: the folder holds other files, or cannot be written.
        """
        directory = cls(path)
        cls.check_free(path, force)
        with explained(directory.path, "choose another folder with --output"), ExitStack() as stack:
            directory.path.mkdir(parents=True, exist_ok=True)
            entries = sorted(directory.path.iterdir())
            for entry in entries:
                if entry.is_dir():
                    stack.enter_context(locked(entry))
            for entry in entries:
                RunDirectory(entry).delete() if entry.is_dir() else entry.unlink()
        return directory

    @classmethod
    def check_free(cls, path: Union[str, Path], force: bool = False) -> None:
        """Raises RunError where ``create`` would: the folder is in use, or cannot be written; makes nothing."""
        directory = cls(path)
        with explained(directory.path, "choose another folder with --output"):
            check_fillable(directory.path)
            if os.path.isdir(path):
                for entry in sorted(directory.path.iterdir()):
                    directory._check(entry, force)

    def _check(self, entry: Path, force: bool) -> None:
        """Raises RunError where an entry of the folder may not be deleted."""
        if not force:
            raise RunError(f"{self.path}: is not empty; choose another folder with --output, or overwrite with --force")
        if entry.is_dir() and not entry.is_symlink() and _RUN.fullmatch(entry.name):
            RunDirectory.check_free(entry, force)
        elif not _is_own_file(entry):
            raise RunError(
                f"{self.path}: --force deletes runs alone, and {entry.name!r} is not part of them; use another folder"
            )

    def run(self, name: str) -> RunDirectory:
        """Opens one of the runs."""
        return RunDirectory.open(self.path / name)

    @staticmethod
    def is_one(path: Path) -> bool:
        """Whether a folder is one of several runs."""
        return holds_runs(path)

    def write_plan(self, plan: Plan) -> None:
        """Writes which runs are to be made.

        Raises:
            RunError: it cannot be written.
        """
        runs = {repeat.name: repeat.config.to_dict() for repeat in plan.repeats}
        with explained(self.path):
            write_json(self.path / PLAN, {"version": PLAN_VERSION, "threads": plan.threads, "runs": runs})

    def read_plan(self) -> Plan:
        """Returns the runs to be made.

        Raises:
            RunError: the plan is damaged or of an unknown version.
        """
        path = self.path / PLAN
        content = read_json(path)
        if content.get("version") != PLAN_VERSION:
            raise RunError(f"{path}: format version {shown(content.get('version'))} is unknown, this release reads "
                           f"{PLAN_VERSION}; use the release that wrote it, or train again")  # fmt: skip
        runs, threads = content.get("runs"), content.get("threads")
        if not (_are_runs(runs) and type(threads) is int and 1 <= threads <= MOST_THREADS):
            raise RunError(f"{path}: does not name runs; train again")
        try:
            return Plan(tuple(Repeat(name, merge(Config(), runs[name], str(path))) for name in runs), threads)
        except (ConfigError, TypeError) as error:
            raise RunError(f"{path}: run {next(iter(runs))}: {error}; train again") from error

    def write_summary(self, summary: Mapping[str, Any]) -> None:
        """Writes what the runs came to.

        Raises:
            RunError: it cannot be written.
        """
        with explained(self.path):
            write_json(self.path / SUMMARY, summary)


def _are_runs(value: Any) -> bool:
    """Whether a value holds the configurations of runs by their names."""
    return (
        isinstance(value, dict)
        and len(value) > 1
        and all(_RUN.fullmatch(name) and isinstance(config, dict) for name, config in value.items())
    )


def _is_own_file(entry: Path) -> bool:
    """Whether an entry is the plan or the summary, or what a killed process left of writing one."""
    return entry.is_file() and any(entry.name == name or entry.name.startswith(f".{name}.") for name in (PLAN, SUMMARY))
