"""Training: step, epoch and fit."""

from gluon_lstm.training.fit import Fit, FitResult
from gluon_lstm.training.preparation import prepare_training
from gluon_lstm.training.progress import Progress
from gluon_lstm.training.range_test import RangeTest, range_test
from gluon_lstm.training.schedules import learning_rate
from gluon_lstm.training.step import Stepper, StepResult

__all__ = [
    "Fit",
    "FitResult",
    "Progress",
    "RangeTest",
    "StepResult",
    "Stepper",
    "learning_rate",
    "prepare_training",
    "range_test",
]
