"""The run directory, and the only code that reads or writes one."""

from gluon_lstm.rundir.run import RunDirectory, SavedModel

__all__ = ["RunDirectory", "SavedModel"]
