"""Errors that a user can mend.

Each is raised with one line that names the file or option and says what to do.
The command line prints that line and exits with the error's code; any other
exception is an internal error and keeps its traceback.
"""


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
