"""Standard output that may fail: a full disk, or a reader that has left."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, redirect_stdout, suppress
from typing import Any, Iterator, TextIO


class OutputError(Exception):
    """Standard output could not be written; the cause is the system's error."""


class _Checked:
    """A text stream whose failures are told apart from those of all other files.

    Args:
        stream: what is written to.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Writes, as the stream does, or raises OutputError."""
        with _raising_output_error():
            return self._stream.write(text)

    def flush(self) -> None:
        """Flushes, as the stream does, or raises OutputError."""
        with _raising_output_error():
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def _raising_output_error() -> Iterator[None]:
    """Gives a failure of the system, met in the block, its name."""
    try:
        yield
    except OSError as error:
        raise OutputError(error.strerror) from error


@contextmanager
def checked_output() -> Iterator[None]:
    """Makes writing to standard output raise OutputError where it fails, at the latest when the block ends."""
    if sys.stdout is None:  # closed by whoever started the process
        yield
        return
    with redirect_stdout(_Checked(sys.stdout)) as checked:
        try:
            yield
        finally:
            checked.flush()


def discard_output() -> None:
    """Sends what is left to nowhere, or Python would complain about it once more at exit."""
    with suppress(OSError):  # not every stream that stands in for standard output is a file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
