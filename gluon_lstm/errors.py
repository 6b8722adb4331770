"""Errors that a user can mend, and the warning of what does no harm.

Each is raised with one line that names the file or option and says what to do.
The command line prints that line and exits with the error's code; any other
exception is an internal error and keeps its traceback.
"""

import difflib
from typing import Any, Iterable


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


class RunError(UserError):
    """A run directory that cannot be read or written."""


class DeviceError(UserError):
    """A device that this machine does not have."""


class DivergenceError(UserError):
    """Training reached a loss that is not finite."""

    exit_code = 3


def did_you_mean(word: Any, known: Iterable[str]) -> str:
    """Returns the known word nearest to ``word`` as the end of an error's line; nothing where none is near."""
    near = difflib.get_close_matches(str(word), list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
