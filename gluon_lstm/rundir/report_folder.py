"""The folder of a report, in a run or where the user says: replaced as a whole, and only by a newer one of its kind."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator, Mapping, Optional

from gluon_lstm.atomic import check_fillable, replacing_directory
from gluon_lstm.errors import RunError
from gluon_lstm.rundir.files import explained, read_json
from gluon_lstm.rundir.layout import check_inside, find_foreign

ADVICE = "choose another folder with --output"
METRICS, SAMPLES, SAMPLES_CHECKSUM = "metrics.json", "samples.json", "samples_sha256"
"""The file of a report, that of predictions alone, and their key that tells which samples they are on."""


@dataclass(frozen=True)
class ReportFolder:
    """Where a report goes.

    Attributes:
        path: the folder; it need not exist.
        layout: what the program writes there, of ``rundir.layout``.
        inside: the run directory that it lies in, within which no link is followed; ``None`` for a folder of its own.
    """

    path: Path
    layout: Mapping[str, Any]
    inside: Optional[Path] = None

    def check(self) -> None:
        """Raises RunError where a report could not be written, or would replace a file that no report has."""
        if self.inside is not None:
            check_inside(self.inside, self.path)
        if os.path.lexists(self.path) and not self.path.is_dir():
            raise RunError(f"{self.path}: is a file; {ADVICE}")
        with explained(self.path, ADVICE):
            check_fillable(self.path)
            foreign = find_foreign(self.path, self.layout) if self.path.is_dir() else None
        if foreign:
            raise RunError(f"{foreign}: is of no such report, and a new one replaces its folder; {ADVICE}")

    def check_samples(self, checksum: str) -> None:
        """Raises RunError where the folder has a report on other samples than those of a checksum."""
        for name in (METRICS, SAMPLES):
            try:
                before = read_json(self.path / name).get(SAMPLES_CHECKSUM)
            except RunError:  # none, or none that could be lost
                continue
            if before not in (None, checksum):
                raise RunError(
                    f"{self.path}: holds the report on other samples; keep it and {ADVICE}, or replace it with --force"
                )

    @contextmanager
    def replace(self) -> Iterator[Path]:
        """Gives a folder to fill, which takes the place of this one once the block ends without an error.

        Raises:
            RunError: as of ``check``.
        """
        self.check()
        with explained(self.path, f"free space or {ADVICE}"), replacing_directory(self.path) as folder:
            yield folder
            unlisted = find_foreign(folder, self.layout)
            if unlisted:
                raise ValueError(f"{unlisted.name}: a file of every report must be listed in rundir.layout")
