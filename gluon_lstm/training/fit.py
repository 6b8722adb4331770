"""A whole training run, from the initial weights to the best model."""

from __future__ import annotations

import sys
from contextlib import contextmanager, nullcontext
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence

import mxnet as mx
import numpy as np
from mxnet.gluon import HybridBlock

from gluon_lstm.config import Config, ModelConfig
from gluon_lstm.data import DataSplits, SequenceDataset, iterate_batches, num_batches
from gluon_lstm.errors import ConfigError, DataError, DivergenceError
from gluon_lstm.evaluation import Evaluation, evaluate, predict
from gluon_lstm.nn import TokenEmbedding, build_net, get_arrays
from gluon_lstm.nn.text import INITIAL_DEVIATION
from gluon_lstm.nn.vectors import read_vectors
from gluon_lstm.rundir import RunDirectory, SavedModel
from gluon_lstm.runtime import derive_seed, seed_everything
from gluon_lstm.training.averaging import MovingAverage
from gluon_lstm.training.epoch import EpochSummary, Tally, diverged, train_epoch
from gluon_lstm.training.interrupts import held_signals
from gluon_lstm.training.loss import balanced_weights
from gluon_lstm.training.progress import Progress
from gluon_lstm.training.schedules import learning_rate
from gluon_lstm.training.step import Stepper


class FitResult(NamedTuple):
    """How a training run ended.

    Attributes:
        best: the epoch's record whose model is kept.
        stopped_by: number of the signal that ended it early; ``None`` if none did.
    """

    best: Dict[str, Any]
    stopped_by: Optional[int]


class Prepared(NamedTuple):
    """A net that is ready to be trained, and what trains it."""

    net: HybridBlock
    stepper: Stepper


def prepare_training(config: Config, train: SequenceDataset, devices: Sequence[mx.Context]) -> Prepared:
    """Returns a new net for the training data, with pretrained vectors where it has such, and its stepper.

    Raises:
        ConfigError: options that do not fit the data or each other.
        DataError: the file of vectors cannot be used.
    """
    _check_options(config, train)
    num_classes = len(train.class_names)
    net = build_net(config.model, train.step_shape, num_classes, devices, train.symbols)
    if train.symbols:
        _prepare_embedding(net.embedding, config.model, train.reader.format.vocabulary)
    weights = balanced_weights(train.labels, num_classes) if config.training.class_weights else None
    return Prepared(net, Stepper(net, config.training, devices, weights))


class Fit:
    """One training run, which keeps the best model by validation accuracy, then loss.

    Args:
        config: what to train, and how.
        splits: training data, and the validation data that picks the epoch.
        devices: contexts to train on.
        progress: shown what happens.

    Attributes:
        net: the classifier in training.
    """

    def __init__(
        self, config: Config, splits: DataSplits, devices: Sequence[mx.Context], progress: Progress
    ) -> None:
        self._config, self._splits, self._devices, self._progress = config, splits, devices, progress
        seed_everything(config.runtime.seed)
        self.net, self._stepper = prepare_training(config, splits.train, devices)
        decay = config.training.ema_decay
        self._average = MovingAverage(self.net.collect_params(), decay) if decay else None
        self._steps_per_epoch = num_batches(len(splits.train), config.training.batch_size)
        self._best: Optional[Dict[str, Any]] = None

    def run(self, directory: RunDirectory) -> FitResult:
        """Trains epoch by epoch until the last one, early stopping, or a signal.

        Args:
            directory: where the log and the best model go.

        Raises:
            DivergenceError: a loss or gradient was not finite; the best model so far is kept.
        """
        with held_signals() as received, directory.event_writer() as write_event, self._telling_what_is_kept():
            for epoch in range(1, self._config.training.epochs + 1):
                record = self._close(epoch, self._train(epoch, received), directory)
                write_event(record)
                if received or self._out_of_patience(epoch):
                    break
            return FitResult(self._best, received[0] if received else None)

    @contextmanager
    def _telling_what_is_kept(self) -> Iterator[None]:
        """Adds to the line of a training that diverged which model it leaves behind."""
        try:
            yield
        except DivergenceError as error:
            kept = f"the model of epoch {self._best['epoch']} is kept" if self._best else "no model was saved"
            raise DivergenceError(f"{error}; {kept}") from error

    def _train(self, epoch: int, received: List[int]) -> EpochSummary:
        """Trains for one epoch, or until a signal has come."""
        training, seed = self._config.training, self._config.runtime.seed
        # Streams that depend on seed and epoch alone make an epoch repeatable on its own.
        seed_everything(derive_seed(seed, epoch))
        batches = iterate_batches(self._splits.train, training.batch_size, np.random.default_rng([seed, epoch]))
        with self._progress.epoch(epoch, len(self._splits.train)) as show:

            def on_step(tally: Tally) -> bool:
                if self._average:
                    self._average.update()
                show(tally)
                return bool(received)

            return train_epoch(
                batches,
                self._stepper.step,
                lambda step: learning_rate(training, step, self._steps_per_epoch),
                (epoch - 1) * self._steps_per_epoch,
                on_step,
            )

    def _close(self, epoch: int, summary: EpochSummary, directory: RunDirectory) -> Dict[str, Any]:
        """Validates an epoch, keeps its model if it is the best yet, and logs it."""
        with self._average.applied() if self._average else nullcontext():
            record = self._record(epoch, summary, self._validate(epoch, summary.rate))
            if record["best"]:
                self._best = record
                self._save(record, directory)
        directory.append_log(record)
        self._progress.epoch_done(record)
        return record

    def _validate(self, epoch: int, rate: float) -> Evaluation:
        """Returns the evaluation of the net as it is on the validation split."""
        dataset, training = self._splits.validation, self._config.training
        try:
            predictions = predict(self.net, dataset, training.batch_size, self._devices[0])
        except DataError as error:
            # The last step's loss was finite, and what it made of the weights is not.
            step, clips = epoch * self._steps_per_epoch - 1, training.clip_norm > 0
            raise diverged(step, "validation output", rate, clips) from error
        return evaluate(predictions, dataset.class_names)

    def _record(self, epoch: int, summary: EpochSummary, validation) -> Dict[str, Any]:
        """Returns an epoch's line for the log."""
        score = (validation.accuracy, -validation.nll)
        before = self._best and (self._best["validation_accuracy"], -self._best["validation_loss"])
        return {
            "epoch": epoch,
            "train_loss": summary.loss,
            "train_accuracy": summary.accuracy,
            "validation_loss": validation.nll,
            "validation_accuracy": validation.accuracy,
            "learning_rate": summary.rate,
            "gradient_norm": summary.gradient_norm,
            "seconds": round(summary.seconds, 3),
            "samples_per_second": round(summary.samples / summary.seconds, 1),
            "best": before is None or score > before,
        }

    def _save(self, record: Dict[str, Any], directory: RunDirectory) -> None:
        """Keeps the net as it is as the run's model."""
        train = self._splits.train
        directory.save_model(
            SavedModel(
                parameters=get_arrays(self.net),
                ngrams=train.reader.ngrams if train.symbols else None,
                class_names=train.class_names,
                step_shape=train.step_shape,
                input_format=train.input_format,
                **{name: record[name] for name in ("epoch", "validation_accuracy", "validation_loss")},
            )
        )

    def _out_of_patience(self, epoch: int) -> bool:
        patience = self._config.training.patience
        return bool(patience) and epoch - self._best["epoch"] >= patience


def _check_options(config: Config, train: SequenceDataset) -> None:
    """Raises ConfigError where the configuration asks for what only texts have."""
    options = {"--adversarial": config.training.adversarial, "--ngrams": config.model.ngrams,
               "--embedding": config.model.embedding}  # fmt: skip
    for flag, value in options.items():
        if value and not train.symbols:
            raise ConfigError(f"{flag} {value}: acts on texts alone, and {train.name} holds none; leave it out")


def _prepare_embedding(embedding: TokenEmbedding, config: ModelConfig, vocabulary: Sequence[str]) -> None:
    """Puts pretrained vectors, if any, in their tokens' places, and keeps them as they are where that is asked for."""
    if config.embedding:
        pretrained = read_vectors(config.embedding, vocabulary)
        size = pretrained.vectors.shape[1]
        if size != config.embedding_size:
            raise ConfigError(f"--embedding-size {config.embedding_size}: {config.embedding} has {size} values a word; "
                              f"use --embedding-size {size}")  # fmt: skip
        share = len(pretrained.found) / len(vocabulary)
        print(f"{config.embedding}: vectors for {share:.1%} of the vocabulary's {len(vocabulary):,}", file=sys.stderr)
        weight = embedding.weight.list_data()[0].asnumpy()
        weight *= pretrained.vectors.std() / INITIAL_DEVIATION  # the other tokens' vectors, on the same scale
        weight[pretrained.found] = pretrained.vectors
        embedding.weight.set_data(mx.nd.array(weight))
    if not config.embedding_training:
        embedding.weight.grad_req = "null"
