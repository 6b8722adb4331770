"""One process at a time trains into a run directory."""

from __future__ import annotations

import errno
import fcntl
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

from gluon_lstm.errors import RunError

_TAKEN = (errno.EWOULDBLOCK, errno.EACCES)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds the folder ``path``, which is made if it is missing, for this process alone.

    The lock is the kernel's and leaves no file: it ends with the process, however that ends.

    Raises:
        RunError: another process holds it, or the folder cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDONLY)
    except OSError as error:
        reason = f"cannot be written ({error.strerror}); choose another folder with --output"
        raise RunError(f"{path}: {reason}") from error
    try:
        _lock(handle, path)
        yield
    finally:
        os.close(handle)


def _lock(handle: int, path: Path) -> None:
    """Locks an open folder, or raises RunError where another process has."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _TAKEN:
            raise RunError(f"{path}: another process trains into it; wait for it, or choose another folder") from error
        # Some network file systems lock no folders.
        print(f"warning: {path} cannot be locked ({error.strerror}); let no other process train into it",
              file=sys.stderr)  # fmt: skip
