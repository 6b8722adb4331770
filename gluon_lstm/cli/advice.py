"""What a training that learned little is told at its end."""

from __future__ import annotations

import math
from typing import Optional, Sequence

import numpy as np

from gluon_lstm.cli.output import visible

FEW_STEPS = 50
"""Fewer steps than this leave most networks near their random weights."""
MARGIN = 2.0
"""Standard errors that an accuracy must be above the share of the most frequent class, to show that it is no luck."""


def learning_note(steps: int, accuracy: float, labels: np.ndarray, class_names: Sequence[str]) -> Optional[str]:
    """Returns one line that says what to try, or ``None`` where the training took steps enough and learned.

    Args:
        steps: that were taken, over all epochs.
        accuracy: the best one on the validation split.
        labels: (M,) int, the validation split's classes.
        class_names: name of each class.
    """
    if accuracy == 1:
        return None
    if steps < FEW_STEPS:
        taken = "1 step is" if steps == 1 else f"{steps} steps are"
        return f"note: {taken} too few to learn much; try a smaller --batch-size or more --epochs"
    counts = np.bincount(labels)
    share = counts.max() / len(labels)
    standard_error = math.sqrt(share * (1 - share) / len(labels))
    if accuracy > share + MARGIN * standard_error:
        return None
    name = visible(class_names[counts.argmax()])
    return (
        f"note: {accuracy:.2%} is hardly better than always answering '{name}', which is right for {share:.2%}; "
        f"try more --epochs, or the --learning-rate that gluon-lstm find-lr suggests"
    )
