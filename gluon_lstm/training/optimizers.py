"""The update rules."""

from typing import Any, Dict

import mxnet as mx
from mxnet import gluon

from gluon_lstm.config import TrainingConfig


@mx.optimizer.register
class AdamW(mx.optimizer.Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019), which MXNet 1.9 lacks.

    Each step first shrinks every weight by ``learning_rate · decay``.

    Args:
        decay: weight decay.
        **kwargs: of ``mx.optimizer.Adam``.
    """

    def __init__(self, decay: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.decay = decay

    def update(self, index, weight, grad, state) -> None:
        """Updates ``weight`` in place from its gradient and its moments."""
        weight *= 1 - self._get_lr(index) * self.decay
        super().update(index, weight, grad, state)


def make_trainer(parameters: gluon.ParameterDict, config: TrainingConfig) -> gluon.Trainer:
    """Returns a trainer that updates the parameters as the configuration says."""
    options: Dict[str, Any] = {"learning_rate": config.learning_rate}
    options["decay" if config.optimizer == "adamw" else "wd"] = config.weight_decay
    if config.optimizer == "sgd":
        options["momentum"] = config.momentum
    return gluon.Trainer(parameters, config.optimizer, options, update_on_kvstore=False)
