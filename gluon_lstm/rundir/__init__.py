"""The run directory, and the only code that reads or writes one."""

from gluon_lstm.rundir.checkpoints import Checkpoint, Checkpoints, Counts
from gluon_lstm.rundir.lock import locked
from gluon_lstm.rundir.model import SavedModel
from gluon_lstm.rundir.repeats import Plan, Repeat, RepeatsDirectory
from gluon_lstm.rundir.report_folder import ReportFolder
from gluon_lstm.rundir.run import RunDirectory
from gluon_lstm.rundir.temperature import FittedTemperature, model_checksum, read_temperature, write_temperature

__all__ = [
    "Checkpoint",
    "Checkpoints",
    "Counts",
    "FittedTemperature",
    "Plan",
    "Repeat",
    "RepeatsDirectory",
    "ReportFolder",
    "RunDirectory",
    "SavedModel",
    "locked",
    "model_checksum",
    "read_temperature",
    "write_temperature",
]
