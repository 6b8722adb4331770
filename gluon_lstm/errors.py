"""Errors that a user can mend, and the warning of what does no harm.

Each is raised with one line that names the file or option and says what to do.
The command line prints that line and exits with the error's code; any other
exception is an internal error and keeps its traceback.
"""

import difflib
import reprlib
import shlex
from os import PathLike
from typing import Any, Iterable, Union

_SHOWN_CHARACTERS = 80


class NoEffectWarning(UserWarning):
    """An option that was given changes nothing."""


class UserError(Exception):
    """Something that the user can mend; the message is one line.

    Attributes:
        exit_code: the exit code of a command that ends with this error.
    """

    exit_code = 2


class ConfigError(UserError):
    """An option, preset or configuration file that cannot be used."""


class DataError(UserError):
    """A data set or file that is missing, damaged or of the wrong form."""


class NonFiniteOutputError(DataError):
    """A model's output for a sample that is not finite, though the sample is."""


class RunError(UserError):
    """A run directory that cannot be read or written."""


class DeviceError(UserError):
    """A device that this machine does not have."""


class DivergenceError(UserError):
    """Training reached a loss that is not finite."""

    exit_code = 3


def did_you_mean(word: Any, known: Iterable[str]) -> str:
    """Returns the known word nearest to ``word`` as the end of an error's line; nothing where none is near."""
    text = shortened(word) if isinstance(word, str) else shown(word)
    near = difflib.get_close_matches(text, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def shown(value: Any) -> str:
    """Returns a value for an error's line: as ``repr`` has it, of a long or deep one its start and end."""
    short = reprlib.Repr()
    short.maxstring = short.maxother = short.maxlong = _SHOWN_CHARACTERS
    try:
        text = short.repr(value)
    except ValueError:  # Python writes out no whole number of thousands of digits
        text = f"<{type(value).__name__}>"
    return text if len(text) <= 3 * _SHOWN_CHARACTERS else f"{text[: 3 * _SHOWN_CHARACTERS]}…"


def is_utf8(text: str) -> bool:
    """Whether a text can be written in UTF-8, which a path of the file system need not."""
    return text == text.encode("utf-8", "replace").decode("utf-8")


def quoted(path: Union[str, PathLike]) -> str:
    """Returns a path as a shell reads it, for the end of a line that says which command comes next."""
    return shlex.quote(str(path))


def shortened(text: str) -> str:
    """Returns a text for an error's line, the rest of a long one left out."""
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"
