"""The folder of several runs of one configuration.

::

    OUTPUT/
      seed-0/, fold-3/, fold-3-seed-0/, …   a run directory each, with its report on the test split
      summary.json                          each run's numbers, mean and standard deviation
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, Mapping, Union

from gluon_lstm.errors import RunError
from gluon_lstm.rundir.files import write_json
from gluon_lstm.rundir.run import RunDirectory, explained

SUMMARY = "summary.json"
_RUN = re.compile(r"(fold-\d+)?-?(seed-\d+)?")


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
        with explained(directory.path, "choose another folder with --output"):
            directory.path.mkdir(parents=True, exist_ok=True)
            for entry in sorted(directory.path.iterdir()):
                RunDirectory(entry).delete() if entry.is_dir() else entry.unlink()
        return directory

    @classmethod
    def check_free(cls, path: Union[str, Path], force: bool = False) -> None:
        """Raises RunError where ``create`` would refuse the folder for what is in it; writes nothing."""
        directory = cls(path)
        if os.path.isdir(path):
            with explained(directory.path, "choose another folder with --output"):
                for entry in sorted(directory.path.iterdir()):
                    directory._check(entry, force)

    def _check(self, entry: Path, force: bool) -> None:
        """Raises RunError where an entry of the folder may not be deleted."""
        if not force:
            raise RunError(f"{self.path}: is not empty; choose another folder with --output, or overwrite with --force")
        if entry.is_dir() and not entry.is_symlink() and _RUN.fullmatch(entry.name):
            RunDirectory.check_free(entry, force)
        elif entry.name != SUMMARY or not entry.is_file():
            raise RunError(
                f"{self.path}: --force deletes runs alone, and {entry.name!r} is not part of them; use another folder"
            )

    def run(self, name: str) -> RunDirectory:
        """Opens one of the runs."""
        return RunDirectory.open(self.path / name)

    def write_summary(self, summary: Mapping[str, Any]) -> None:
        """Writes what the runs came to.

        Raises:
            RunError: it cannot be written.
        """
        with explained(self.path):
            write_json(self.path / SUMMARY, summary)
