"""One training step."""

from itertools import chain
from typing import List, NamedTuple, Optional, Sequence, Tuple

import mxnet as mx
import numpy as np
from mxnet import autograd, gluon, nd

from gluon_lstm.config import TrainingConfig
from gluon_lstm.data import Batch
from gluon_lstm.training.adversarial import PASSES, AdversarialPass
from gluon_lstm.training.loss import ClassificationLoss
from gluon_lstm.training.optimizers import FusedAdam, make_trainer, measure_clipping


class StepResult(NamedTuple):
    """What a step leaves behind, still being computed: reading it waits for the device.

    Attributes:
        losses: per device, (n,) float32, the loss of each of its samples in nats.
        logits: per device, (n, K) float32.
        labels: (N,) int32, as in the batch.
        gradient_norm: (1,) float32, global norm of the mean gradient before clipping; ``None`` without clipping.
        weight_squares: (number of parameters,) float32, each one's sum of squares after the update. A net whose weights
            are not finite may have a loss and gradients that are, for MXNet's relu turns NaN into 0. ``None`` of the
            steps between those that are watched.
        skipped: whether the net stayed as it was, for the loss or the gradient is not finite.
    """

    losses: List[nd.NDArray]
    logits: List[nd.NDArray]
    labels: np.ndarray
    gradient_norm: Optional[nd.NDArray]
    weight_squares: Optional[nd.NDArray]
    skipped: bool = False


WATCHED = 8
"""After one step of so many, the weights are watched: to sum their squares takes up to a fiftieth of a step."""


class Stepper:
    """Takes training steps with one net.

    Args:
        net: initialized block on every device; takes a batch's arguments, gives logits (N, K).
        config: optimizer, clipping and loss.
        devices: contexts that share each batch.
        class_weights: (K,) float32, what a sample of each class counts; 1 where ``None``.

    Attributes:
        trainer: what updates the net.
    """

    def __init__(
        self,
        net: gluon.HybridBlock,
        config: TrainingConfig,
        devices: Sequence[mx.Context],
        class_weights: Optional[np.ndarray] = None,
    ) -> None:
        self._net = net
        self._clip_norm = config.clip_norm
        self._skips = config.on_divergence == "skip"
        self._devices = list(devices)
        self.trainer = make_trainer(net.collect_params(), config)
        self._loss = ClassificationLoss(config.label_smoothing, class_weights)
        self._loss.initialize(ctx=self._devices)
        self._loss.hybridize(static_alloc=True)
        self._adversarial = AdversarialPass(net, self._loss, config.adversarial) if config.adversarial else None
        self._updates = 0
        self._parameters = [p for p in net.collect_params().values() if p.grad_req != "null"]

    def step(self, batch: Batch, rate: float) -> StepResult:
        """Updates the net by the mean gradient over a batch, at the given learning rate.

        It does not wait for the update, unless batches that are not finite are skipped.
        """
        logits, losses = self.forward_backward(batch)
        size = sum(map(len, losses)) * (PASSES if self._adversarial else 1)
        self.trainer.set_learning_rate(rate)
        self.trainer.allreduce_grads()
        if self._skips and not self._is_finite(losses):
            return StepResult([], [], batch.labels[:0], None, None, skipped=True)
        norm = self._clip(size) if self._clip_norm else None
        self.trainer.update(size)
        # A batch too small to go round was put on every device.
        parts = len(losses) if sum(map(len, losses)) == len(batch.labels) else 1
        return StepResult(losses[:parts], logits[:parts], batch.labels, norm, self._watch())

    def forward_backward(self, batch: Batch) -> Tuple[List[nd.NDArray], List[nd.NDArray]]:
        """Leaves the loss's gradients, summed over a batch, in the parameters.

        It draws the random numbers that a step draws, and changes nothing that lasts.

        Returns:
            Logits (n, K) and losses (n,) on each device.
        """
        first, *others = batch.arguments
        arguments = [self._split(first, axis=1), *(self._split(array, axis=0) for array in others)]
        labels = self._split(batch.labels, axis=0)
        if self._adversarial:
            pairs = [self._adversarial(*part) for part in zip(*arguments, labels)]
            return tuple(map(list, zip(*pairs)))
        with autograd.record():
            logits = [self._net(*part) for part in zip(*arguments)]
            losses = [self._loss(*pair) for pair in zip(logits, labels)]
        autograd.backward(losses)
        return logits, losses

    def _split(self, array: np.ndarray, axis: int) -> List[nd.NDArray]:
        """Puts an equal part of the batch on each device, or all of it where it has too few samples to go round.

        On one CPU there is no copy, which would wait for the last step.
        """
        shared, devices = nd.from_numpy(array), self._devices
        if len(devices) == 1 or array.shape[axis] < len(devices):
            return [shared.as_in_context(device) for device in devices]
        return gluon.utils.split_and_load(shared, devices, axis, even_split=False)

    def _clip(self, batch_size: int) -> nd.NDArray:
        """Has the gradients, sums over the batch, scaled so that their mean's norm is at most the limit; returns it.

        They are the same on every device by now.
        """
        optimizer = self.trainer.optimizer
        gradients = [parameter.list_grad() for parameter in self._parameters]
        norm, scale = measure_clipping([copies[0] for copies in gradients], self._clip_norm * batch_size)
        if isinstance(optimizer, FusedAdam):
            optimizer.gradient_scale = scale
        else:
            for gradient in chain.from_iterable(gradients):
                gradient *= scale.as_in_context(gradient.context)
        return norm / batch_size

    def _watch(self) -> Optional[nd.NDArray]:
        """Returns each parameter's sum of squares where it is the turn of a step that is watched."""
        self._updates += 1
        if self._updates % WATCHED:
            return None
        return _sum_squares([parameter.list_data()[0] for parameter in self._parameters])

    def _is_finite(self, losses: Sequence[nd.NDArray]) -> bool:
        """Waits for losses and gradients, the same on every device by now; whether all of them are finite."""
        squares = _sum_squares([parameter.list_grad()[0] for parameter in self._parameters])
        return all(np.isfinite(array.asnumpy()).all() for array in (squares, *losses))


def _sum_squares(arrays: Sequence[nd.NDArray]) -> nd.NDArray:
    """Returns each array's sum of squares (number of arrays,), float32, by one operator."""
    return nd.multi_sum_sq(*arrays, num_arrays=len(arrays))
