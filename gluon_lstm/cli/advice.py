"""What a training is told that will learn little, at its start, or has, at its end."""

from __future__ import annotations

import math
from typing import Optional, Sequence

import numpy as np

from gluon_lstm.cli.output import visible
from gluon_lstm.config import ModelConfig

FEW_STEPS = 50
"""Fewer steps than this leave most networks near their random weights."""
FAR = 4.0
"""Times the loss of guessing: random weights, adversarial training included, do not come that high, steps that are too
large do."""


def reading_note(features: int, model: ModelConfig) -> Optional[str]:
    """Returns one line that says what to try where a recurrent net is to read a single number at each step.

    Args:
        features: of a time step, or symbols that it may be.
        model: the net's options.
    """
    if features != 1 or model.encoder == "transformer" or model.input_initializer == "lecun":
        return None
    return (
        "note: a step has one number, of which weights that start as --input-initializer xavier make little; "
        "--input-initializer lecun learns sooner, and --preset sequential is made for it"
    )


def learning_note(
    steps: int, accuracy: float, loss: float, labels: np.ndarray, class_names: Sequence[str]
) -> Optional[str]:
    """Returns one line that says what to try, or ``None`` where the training took steps enough and learned.

    Args:
        steps: that were taken, over all epochs.
        accuracy: that of the best epoch on the validation split.
        loss: the mean training loss of that epoch, in nats.
        labels: (M,) int, the validation split's classes.
        class_names: name of each class.
    """
    from gluon_lstm.evaluation.intervals import wilson_interval

    if accuracy == 1:
        return None
    counts = np.bincount(labels)
    share = counts.max() / len(labels)
    has_learned = wilson_interval(accuracy * len(labels), len(labels)).low > share
    guessing = math.log(len(class_names))
    if not has_learned and loss > FAR * guessing:
        return (
            f"note: the training loss, {loss:.4g}, is far above that of guessing, {guessing:.3g}: the steps were too "
            f"large; try the --learning-rate that gluon-lstm find-lr suggests, with --clip-norm 1"
        )
    if steps < FEW_STEPS:
        taken = "1 step is" if steps == 1 else f"{steps} steps are"
        return f"note: {taken} too few to learn much; try a smaller --batch-size or more --epochs"
    if has_learned:
        return None
    name = visible(class_names[counts.argmax()])
    return (
        f"note: {accuracy:.2%} is hardly better than always answering '{name}', which is right for {share:.2%}; "
        f"try more --epochs, or the --learning-rate that gluon-lstm find-lr suggests"
    )
