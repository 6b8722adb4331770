"""Pictures of finished numbers: each function takes arrays and returns a Matplotlib figure."""

from gluon_lstm.evaluation.plots.classes import COUNTS_UP_TO, confusion_matrix, precision_recall, roc
from gluon_lstm.evaluation.plots.conditions import accuracies, robustness
from gluon_lstm.evaluation.plots.probabilities import (
    confidence_histogram,
    out_of_distribution,
    reliabilities,
    reliability,
    risk_coverage,
)
from gluon_lstm.evaluation.plots.samples import accuracy_by_length, gates, important_steps, most_confidently_wrong
from gluon_lstm.evaluation.plots.style import NAME_WIDTH, is_own, missing_characters, one_line, save, short_name
from gluon_lstm.evaluation.plots.training import learning_curves, learning_rate_range, validation_curves

__all__ = [
    "COUNTS_UP_TO",
    "NAME_WIDTH",
    "accuracies",
    "accuracy_by_length",
    "confidence_histogram",
    "confusion_matrix",
    "gates",
    "important_steps",
    "is_own",
    "learning_curves",
    "learning_rate_range",
    "missing_characters",
    "most_confidently_wrong",
    "one_line",
    "out_of_distribution",
    "precision_recall",
    "reliabilities",
    "reliability",
    "risk_coverage",
    "robustness",
    "roc",
    "save",
    "short_name",
    "validation_curves",
]
