"""The learning rate at every step."""

import math

from gluon_lstm.config import TrainingConfig


def learning_rate(config: TrainingConfig, step: int, steps_per_epoch: int) -> float:
    """Returns the rate of one step.

    Args:
        config: schedule, greatest rate, warm-up and epochs.
        step: number of steps taken before this one, over all epochs.
        steps_per_epoch: steps an epoch has.

    Returns:
        The rate: it rises in a line over the warm-up, and then stays, drops by
        ``step_factor`` every ``step_epochs``, or follows half a cosine to 0 at the
        end of the last epoch (Loshchilov and Hutter 2017, without restarts).
    """
    warmup = config.warmup_epochs * steps_per_epoch
    if step < warmup:
        return config.learning_rate * (step + 1) / (warmup + 1)
    if config.schedule == "step":
        return config.learning_rate * config.step_factor ** (step // (config.step_epochs * steps_per_epoch))
    if config.schedule == "cosine":
        done = (step - warmup) / (config.epochs * steps_per_epoch - warmup)
        return config.learning_rate * 0.5 * (1 + math.cos(math.pi * done))
    return config.learning_rate
