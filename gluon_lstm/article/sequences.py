"""A recurrent net that reads generated sequences: its training, its error, and where its gradient goes."""

from __future__ import annotations

from typing import List, NamedTuple

import mxnet as mx
import numpy as np
from mxnet import autograd, nd
from mxnet.gluon import nn

from gluon_lstm.article.tasks import Sequences, Task
from gluon_lstm.config import TrainingConfig
from gluon_lstm.nn import GRUCell, GRUEncoder, LSTMCell, LSTMEncoder, RNNCell, RNNEncoder, SequenceBlock
from gluon_lstm.training.optimizers import make_trainer, measure_clipping

ENCODERS = {"lstm": LSTMEncoder, "gru": GRUEncoder, "rnn": RNNEncoder}
CELLS = {"lstm": LSTMCell, "gru": GRUCell, "rnn": RNNCell}
CLIP_NORM = 1.0


class SequenceReader(SequenceBlock):
    """A recurrent layer, and a dense layer on its last output or on all of them.

    Args:
        encoder: ``lstm``, ``gru`` or ``rnn``.
        hidden_size: H.
        task: what it reads and tells.
        **options: further options of the encoder.
    """

    def __init__(self, encoder: str, hidden_size: int, task: Task, **options):
        super().__init__()
        self.kind, self.task, self.hidden_size = encoder, task, hidden_size
        with self.name_scope():
            self.encoder = ENCODERS[encoder](hidden_size, task.inputs, **options)
            self.head = nn.Dense(task.outputs, flatten=False, in_units=hidden_size, weight_initializer="xavier")

    def hybrid_forward(self, F, inputs, lengths=None):
        """Takes inputs (T, N, C); gives (N, outputs), or (T, N, outputs) where every step tells a symbol."""
        encoded = self.encoder(inputs, lengths)
        return self.head(encoded.outputs if self.task.tells_symbols else encoded.last)


class Errors(NamedTuple):
    """How a training went.

    Attributes:
        updates: numbers of updates, rising; the last is that at which the training ended.
        losses: training loss, mean since the number before.
    """

    updates: List[int]
    losses: List[float]


def make_reader(task: Task, encoder: str, hidden_size: int, gain: float = 1.0, **options) -> SequenceReader:
    """Returns a new net, ready to run.

    Args:
        task: what it reads and tells.
        encoder: its kind.
        hidden_size: H.
        gain: what its recurrent weights are multiplied with.
        **options: further options of the encoder.
    """
    net = SequenceReader(encoder, hidden_size, task, **options)
    net.initialize()
    net.hybridize(static_alloc=True, static_shape=True)
    if gain != 1:
        weights = [p for name, p in net.encoder.collect_params().items() if name.endswith("h2h_weight")]
        for weight in weights:
            weight.set_data(gain * weight.data())
    return net


def losses_of(net: SequenceReader, sequences: Sequences) -> nd.NDArray:
    """Returns the loss of each sequence (N,) as the net is."""
    outputs, targets = net(nd.array(sequences.inputs)), nd.array(sequences.targets)
    if net.task.tells_symbols:
        return -nd.pick(nd.log_softmax(outputs), targets).mean(axis=0)
    return (nd.squeeze(outputs, axis=1) - targets).square()


def train_reader(
    net: SequenceReader,
    rng: np.random.Generator,
    steps: int,
    updates: int,
    batch_size: int,
    rate: float,
    points: int = 20,
    enough: float = 0.0,
) -> Errors:
    """Trains on new sequences at every update, by Adam, with the gradient's norm clipped.

    Args:
        net: the net.
        rng: what the sequences are drawn from.
        steps: T.
        updates: training steps.
        batch_size: sequences each.
        rate: learning rate.
        points: how often the loss is noted.
        enough: the training ends once a loss is noted that is below this.
    """
    trainer = make_trainer(net.collect_params(), TrainingConfig(learning_rate=rate))
    ends = sorted({round(updates * (point + 1) / points) for point in range(points)} - {0})
    noted = Errors([], [])
    for start, end in zip([0, *ends], ends):
        losses = [_update(net, trainer, net.task.make(rng, batch_size, steps)) for _ in range(start, end)]
        noted.updates.append(end)
        noted.losses.append(float(nd.concat(*losses, dim=0).mean().asscalar()))
        if noted.losses[-1] < enough:
            break
    return noted


def _update(net: SequenceReader, trainer: mx.gluon.Trainer, sequences: Sequences) -> nd.NDArray:
    """Takes a training step and returns its losses (N,)."""
    with autograd.record():
        losses = losses_of(net, sequences)
    losses.backward()
    number = len(losses)
    gradients = [parameter.grad() for parameter in net.collect_params().values()]
    trainer.optimizer.gradient_scale = measure_clipping(gradients, CLIP_NORM * number).scale
    trainer.step(number)
    return losses


def mean_loss(net: SequenceReader, rng: np.random.Generator, number: int, steps: int) -> float:
    """Returns the mean loss over so many new sequences."""
    return float(losses_of(net, net.task.make(rng, number, steps)).mean().asscalar())


def gradient_norms(net: SequenceReader, sequences: Sequences) -> np.ndarray:
    """Returns the norm of ∂loss/∂h_t at each step, (T,) float64, a root mean square over the sequences.

    The loss is that after the last step; h_t is the hidden state that step t gives, and its gradient that
    along all ways from there to the loss. It is had by adding zeros to each h_t and differentiating by them.

    Args:
        net: its layer has one direction, its task tells a number at the end.
        sequences: (T, N, C) inputs and their targets.
    """
    inputs, targets = nd.array(sequences.inputs), nd.array(sequences.targets)
    steps, number = inputs.shape[:2]
    cell = _cell_of(net)
    added = nd.zeros((steps, number, net.hidden_size))
    added.attach_grad()
    with autograd.record():
        state = [nd.zeros((number, net.hidden_size)) for _ in cell.recurrence.state_sizes]
        for step in range(steps):
            after = cell(inputs[step], *state)
            state = list(after) if isinstance(after, tuple) else [after]
            state[0] = state[0] + added[step]
        loss = (nd.squeeze(net.head(state[0]), axis=1) - targets).square()
    loss.backward()
    squares = added.grad.asnumpy().astype(np.float64) ** 2
    return np.sqrt(squares.sum(axis=2).mean(axis=1))


def _cell_of(net: SequenceReader):
    """Returns a single step with the weights of the net's layer."""
    layer = net.encoder.layers[0]
    options = {}
    if net.kind == "rnn":
        options["activation"] = layer.recurrence.activation
    cell = CELLS[net.kind](net.hidden_size, net.task.inputs, **options)
    cell.initialize()
    cell.hybridize()
    weights = layer.collect_params()
    for name in layer.recurrence.declare(net.task.inputs):
        (weight,) = (value for key, value in weights.items() if key.endswith(name))
        getattr(cell, name).set_data(weight.data())
    return cell
