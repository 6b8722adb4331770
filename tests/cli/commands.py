"""Values and functions that the tests of the commands share."""

from __future__ import annotations

import importlib.util
import struct
import subprocess
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np

from gluon_lstm.data import mnist

ROOT = Path(__file__).parents[2]
TINY = ("--hidden-size", "5", "--limit-train", "60", "--batch-size", "25", "--epochs", "2", "--learning-rate", "0.02")


class Outcome(NamedTuple):
    """How a command ended: exit code, and what it wrote."""

    code: int
    out: str
    err: str


def listing(folder: Path):
    """Returns every file below a folder, with when it was changed."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def load_soak(name: str) -> ModuleType:
    """Returns a script of ``tests/soak`` as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "tests" / "soak" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def finish(process: subprocess.Popen) -> Outcome:
    """Waits for a script and returns how it ended."""
    out, err = process.communicate(timeout=60)
    return Outcome(process.returncode, out, err)


def idx(array: np.ndarray) -> bytes:
    """Returns an array of bytes as the content of an IDX file."""
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def idx_contents(height: int = 5, width: int = 6, classes: int = 4):
    """Returns the content of each of the four files of a small data set, by name."""
    rng = np.random.default_rng(0)
    arrays = []
    for count in (80, 20):
        arrays.append(rng.integers(0, 256, (count, height, width)).astype(np.uint8))
        arrays.append((np.arange(count) % classes).astype(np.uint8))
    return dict(zip(mnist.CHECKSUMS, map(idx, arrays)))
