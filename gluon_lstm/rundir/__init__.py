"""The run directory, and the only code that reads or writes one."""

from gluon_lstm.rundir.checkpoints import Checkpoint, Checkpoints, Counts
from gluon_lstm.rundir.lock import locked
from gluon_lstm.rundir.model import SavedModel
from gluon_lstm.rundir.repeats import Plan, Repeat, RepeatsDirectory
from gluon_lstm.rundir.run import RunDirectory

__all__ = [
    "Checkpoint",
    "Checkpoints",
    "Counts",
    "Plan",
    "Repeat",
    "RepeatsDirectory",
    "RunDirectory",
    "SavedModel",
    "locked",
]
