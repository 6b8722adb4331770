"""Which files of a run directory are the program's own, and so may be replaced or deleted.

Whoever writes a further file into a run directory adds its name here.
"""

from __future__ import annotations

import os
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Iterable, Mapping, Optional

from gluon_lstm.errors import RunError

REPORT = dict.fromkeys(
    (
        "metrics.json",
        "samples.json",  # of data without labels
        "speed.json",
        "predictions.csv",
        "report.md",
        "report.html",
        "accuracy_by_length.png",
        "calibration.png",
        "confidence.png",
        "confusion_matrix.png",
        "gates.png",  # of reports that showed one layer alone
        "gates_*layer[1-9]*ward.png",
        "important_steps.png",
        "learning_curves.png",
        "most_confident_errors.png",
        "out_of_distribution.png",
        "precision_recall.png",
        "risk_coverage.png",
        "robustness.png",
        "roc.png",
    )
)
"""Files of ``evaluation/SPLIT/``, in the form of ``LAYOUT``."""

CHECKPOINT = {"manifest.json": None, "state.json": None, "arrays.safetensors": None}
"""Files of a checkpoint, likewise."""

COMPARISON = dict.fromkeys(
    (
        "comparison.json",
        "report.md",
        "report.html",
        "accuracies.png",
        "calibration.png",
        "learning_curves.png",
        "risk_coverage.png",
    )
)
"""Files of a folder that compares runs, likewise."""

LAYOUT: Mapping[str, Any] = {
    "config.json": None,
    "log.jsonl": None,
    "events": {"events.out.tfevents.*": None},
    "checkpoints": {"[0-9]*-step-*": CHECKPOINT, "damaged-[0-9]*-step-*": CHECKPOINT},
    "model": {"model.json": None, "parameters.safetensors": None, "vocabulary.json": None},
    "evaluation": {"temperature.json": None, "test": REPORT, "validation": REPORT, "data": REPORT},
}
"""Name or pattern → what a folder holds, in the same form, or ``None`` for a file."""

PLAN = "plan.json"
"""What a folder of several runs has, and a run has not."""


def holds_runs(folder: Path) -> bool:
    """Whether a folder is one of several runs."""
    return os.path.isfile(folder / PLAN)  # of a name that is too long, too


def find_foreign(folder: Path, layout: Mapping[str, Any] = LAYOUT) -> Optional[Path]:
    """Returns the first entry of a folder, or of the folders in it, that the program has not written.

    Args:
        folder: an existing folder. Links are not followed: with one, no more than the link is ever deleted.
        layout: what the program writes there.
    """
    for entry in sorted(folder.iterdir()):
        if _is_leftover(entry.name, layout):
            continue
        name = next((name for name in layout if fnmatchcase(entry.name, name)), None)
        inside = layout.get(name)
        if name is None or (entry.is_dir() != (inside is not None) and not entry.is_symlink()):
            return entry
        foreign = find_foreign(entry, inside) if inside and not entry.is_symlink() else None
        if foreign:
            return foreign
    return None


def check_inside(folder: Path, inside: Path) -> None:
    """Raises RunError where there is a link between ``folder`` and a path in it: it may lead anywhere."""
    for path in (inside, *inside.parents):
        if path == folder:
            return
        if path.is_symlink():
            raise RunError(f"{path}: is a link, through which nothing is written; put a folder in its place")


def check_no_links(folder: Path) -> None:
    """Raises RunError where anything of a run directory that a training writes to is a link."""
    for name in LAYOUT:
        check_inside(folder, folder / name)


def _is_leftover(name: str, layout: Iterable[str]) -> bool:
    """Whether a killed process left this entry while it wrote one of the program's own."""
    return any(fnmatchcase(name, f".{own}.*") for own in layout)
