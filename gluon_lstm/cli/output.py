"""Output that may fail: a full disk, or a reader that has left; and what must not reach a terminal."""

from __future__ import annotations

import os
import sys
import unicodedata
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any, Callable, ContextManager, Iterator, Optional, TextIO

from gluon_lstm.errors import ConfigError

HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Unicode's categories of signs that do something instead of being seen: move the cursor, turn the text around, …"""
JOINERS = "\u200c\u200d"
"""Signs of these categories that Persian words and emoji are spelled with, and that do no harm."""


class OutputError(Exception):
    """Standard output could not be written; the cause is the system's error."""


class _Guarded:
    """A text stream whose failures to write are handled.

    Args:
        stream: what is written to.
        handling: makes the context that each writing is done in.
    """

    def __init__(self, stream: TextIO, handling: Callable[[], ContextManager[None]]) -> None:
        self._stream, self._handling = stream, handling

    def write(self, text: str) -> Optional[int]:
        """Writes, as the stream does; ``None`` where a failure is passed over."""
        with self._handling():
            return self._stream.write(text)

    def flush(self) -> None:
        """Flushes, as the stream does."""
        with self._handling():
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
    with redirect_stdout(_Guarded(sys.stdout, _raising_output_error)) as checked:
        try:
            yield
        finally:
            checked.flush()


@contextmanager
def forgiving_errors() -> Iterator[None]:
    """Passes over failures to write to the standard error stream: what it tells must not end a training.

    It may be a file on a disk that is full, or a pipe whose reader has left.
    """
    if sys.stderr is None:  # closed by whoever started the process; ``print`` would take standard output instead
        with open(os.devnull, "w", encoding="utf-8") as nowhere, redirect_stderr(nowhere):
            yield
        return
    stream = sys.stderr
    try:
        with redirect_stderr(_Guarded(stream, lambda: suppress(OSError))):
            yield
    finally:
        try:
            stream.flush()
        except OSError:
            _send_nowhere(stream)


def discard_output() -> None:
    """Sends what is left to nowhere, or Python would complain about it once more at exit."""
    _send_nowhere(sys.stdout)


def _send_nowhere(stream: TextIO) -> None:
    """Has a stream write to nowhere from now on, what it still holds included."""
    with suppress(OSError):  # not every stream that stands in for a standard one is a file
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@contextmanager
def output_explained(path: Path) -> Iterator[None]:
    """Turns what keeps the file of ``--output`` from being written into the line that says so."""
    try:
        yield
    except OSError as error:
        raise ConfigError(f"--output {path}: cannot be written ({error.strerror}); choose another file") from error


def accept_all_signs(encoding: Optional[str] = None) -> None:
    """Makes standard output take every sign; those that its encoding lacks as an escape such as JSON has.

    Args:
        encoding: what it is to write; ``None`` for what it does already.
    """
    if hasattr(sys.stdout, "reconfigure"):  # not every stream that stands in for standard output has that
        sys.stdout.reconfigure(encoding=encoding, errors="backslashreplace")


def visible(text: str) -> str:
    """Returns a text whose hidden signs are spelled out, so that it cannot command the terminal: ESC → ``\\x1b``."""
    return "".join(
        sign.encode("unicode_escape").decode("ascii")
        if unicodedata.category(sign) in HIDDEN and sign not in JOINERS
        else sign
        for sign in text
    )
