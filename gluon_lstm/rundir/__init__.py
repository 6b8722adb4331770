"""The run directory, and the only code that reads or writes one."""

from gluon_lstm.rundir.model import SavedModel
from gluon_lstm.rundir.repeats import RepeatsDirectory
from gluon_lstm.rundir.run import RunDirectory

__all__ = ["RepeatsDirectory", "RunDirectory", "SavedModel"]
