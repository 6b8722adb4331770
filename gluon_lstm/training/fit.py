"""A whole training run, from the initial weights to the best model."""

from __future__ import annotations

import sys
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from itertools import islice
from typing import Any, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import mxnet as mx
import numpy as np

from gluon_lstm.config import MOST_ROLLBACKS, Config, checkpoint_interval
from gluon_lstm.data import DataSplits, iterate_batches, num_batches
from gluon_lstm.errors import DivergenceError, NonFiniteOutputError, RunError
from gluon_lstm.evaluation import Evaluation, Predictions, evaluate, predict_logits, softmax
from gluon_lstm.nn import get_arrays
from gluon_lstm.rundir import Checkpoint, Counts, RunDirectory, SavedModel
from gluon_lstm.runtime import derive_seed, seed_everything, trim_memory
from gluon_lstm.training.averaging import MovingAverage
from gluon_lstm.training.epoch import Tally, diverged, train_epoch
from gluon_lstm.training.interrupts import held_signals
from gluon_lstm.training.keeping import Clock, Keeper
from gluon_lstm.training.mixture import fit_mixture
from gluon_lstm.training.optimizers import count_updates, set_updates
from gluon_lstm.training.preparation import prepare_training
from gluon_lstm.training.progress import Progress
from gluon_lstm.training.schedules import learning_rate
from gluon_lstm.training.settings import check_settings, step_settings
from gluon_lstm.training.state import TrainingArrays

SEGMENT = 100
"""Steps of an epoch after which the random streams are seeded anew.

MXNet's stream can be seeded, which costs some milliseconds, but its state cannot be read: a
checkpoint within a segment is gone on from by drawing the segment's earlier numbers again.
"""


class FitResult(NamedTuple):
    """How a training run ended.

    Attributes:
        best: the epoch's record whose model is kept; ``None`` if the run was ended before the first one.
        stopped_by: number of the signal that came before its end; ``None`` if none did.
    """

    best: Optional[Mapping[str, Any]]
    stopped_by: Optional[int]


class Fit:
    """One training run, which keeps the model of the epoch that is best on the validation split.

    Its result depends on configuration and data alone: not on how often it was ended
    and gone on with, nor on when checkpoints were written.

    Args:
        config: what to train, and how.
        splits: training data, and the validation data that picks the epoch.
        devices: contexts to train on.
        progress: shown what happens.

    Attributes:
        net: the classifier in training.
        monitor: what the best epoch is best in, ``accuracy``, ``macro-f1`` or ``loss``; then in loss.
    """

    def __init__(
        self, config: Config, splits: DataSplits, devices: Sequence[mx.Context], progress: Progress
    ) -> None:
        self._config, self._splits, self._devices, self._progress = config, splits, devices, progress
        self.monitor = config.training.monitor
        seed_everything(config.runtime.seed)
        self.net, self._stepper = prepare_training(config, splits.train, devices)
        decay = config.training.ema_decay
        self._average = MovingAverage(self.net.collect_params(), decay) if decay else None
        self._arrays = TrainingArrays(self.net, self._stepper.trainer, self._average)
        self._settings = step_settings(config, splits)
        self._ngrams = splits.train.reader.ngrams if splits.train.symbols else None
        self._steps_per_epoch = num_batches(len(splits.train), config.training.batch_size)
        self._clock = Clock(checkpoint_interval(config.training.checkpoint_every))
        self._epoch, self._epoch_step, self._rollbacks = 1, 0, 0
        self._tally = Tally()
        self._log: List[Mapping[str, Any]] = []

    @property
    def steps(self) -> int:
        """Steps taken, over all epochs."""
        return (self._epoch - 1) * self._steps_per_epoch + self._epoch_step

    @property
    def is_done(self) -> bool:
        """Whether the last epoch is closed, or early stopping has ended the run."""
        training, closed = self._config.training, len(self._log)
        out_of_patience = bool(training.patience and closed) and closed - self._best["epoch"] >= training.patience
        return closed >= training.epochs or out_of_patience

    def resume(self, directory: RunDirectory) -> None:
        """Takes over the newest whole checkpoint of a run, if it has one.

        Raises:
            RunError: that checkpoint is of another training; or the best epoch's model is lost, and so is the
                checkpoint that it could be restored from.
        """
        checkpoint = directory.checkpoints.newest(self._check)
        if checkpoint is None:
            return
        self._restore(checkpoint)
        best = self._best
        if best and not self._has_model(directory):
            self._restore_best(directory)
            with self._averaged():
                self._validate()  # which mixes the net with its n-gram model as it was
                directory.save_model(self._model(best))
            self._restore(checkpoint)
        directory.write_log(self._log)

    def _has_model(self, directory: RunDirectory) -> bool:
        """Whether the best epoch's model is there, or that of a later one, which is yet to be trained again."""
        try:
            return directory.load_model().epoch >= self._best["epoch"]
        except RunError:
            return False

    def _restore_best(self, directory: RunDirectory) -> None:
        """Makes the training what it was at the end of its best epoch."""
        try:
            self._restore(self._end_of_epoch(directory, self._best["epoch"]))
        except RunError as error:
            folder = directory.path / "checkpoints"
            raise RunError(f"{directory.path}: its model is lost, and so is the state that it could be restored from "
                           f"({error}); delete {folder} to train from the start") from error  # fmt: skip

    def _end_of_epoch(self, directory: RunDirectory, epoch: int) -> Checkpoint:
        """Returns the checkpoint of an epoch's end, or raises RunError where there is none of this training."""
        checkpoint = directory.checkpoints.read_step(epoch * self._steps_per_epoch)
        self._check(checkpoint)
        return checkpoint

    def run(self, directory: RunDirectory) -> FitResult:
        """Trains epoch by epoch until the last one, early stopping, or a signal.

        Args:
            directory: where the log, the best model and checkpoints go.

        Raises:
            DivergenceError: a loss, a gradient, weights or moments were not finite; the best model so far is kept.
            RunError: the model or the log could not be written until the end.
        """
        keeper = Keeper(directory, self._config.training.keep_checkpoints)
        with held_signals() as received, directory.events as events, self._telling_what_is_kept():
            if not directory.checkpoints.entries():
                self._save_checkpoint(keeper)
            while not (received or self.is_done):
                try:
                    self._train(keeper, received)
                    if self._epoch_step == self._steps_per_epoch:
                        events.add(self._close(keeper))
                    self._save_checkpoint(keeper)
                except DivergenceError as error:
                    self._roll_back(error, directory)
            keeper.finish(self.is_done)
            return FitResult(self._best, received[0] if received else None)

    @property
    def _best(self) -> Optional[Mapping[str, Any]]:
        """The record of the best epoch so far."""
        return next((record for record in reversed(self._log) if record["best"]), None)

    @contextmanager
    def _telling_what_is_kept(self) -> Iterator[None]:
        """Adds to the line of a training that diverged which model it leaves behind."""
        try:
            yield
        except DivergenceError as error:
            kept = f"the model of epoch {self._best['epoch']} is kept" if self._best else "no model was saved"
            raise DivergenceError(f"{error}; {kept}") from error

    def _train(self, keeper: Keeper, received: List[int]) -> None:
        """Trains to the end of the epoch, or until a signal has come."""
        self.take_steps(self._remaining_batches(), keeper, received)

    def take_steps(self, batches: Iterable[Any], keeper: Keeper, received: Sequence[int] = ()) -> None:
        """Takes a step of the epoch a batch, with all that goes along with one, until a signal has come.

        Args:
            batches: those of the epoch that come next.
            keeper: where a checkpoint that is due goes.
            received: the signals that have come.
        """
        with self._progress.epoch(self._epoch, len(self._splits.train)) as show:

            def on_step() -> bool:
                self._epoch_step += 1
                if self._average:
                    self._average.update()
                if self._epoch_step % SEGMENT == 0:
                    self._seed()
                show(self._tally)
                if self._clock.is_due():
                    self._save_checkpoint(keeper)
                return bool(received)

            train_epoch(batches, self._stepper.step, self._rate, self.steps, self._tally, on_step)

    def _remaining_batches(self) -> Iterator[Any]:
        """Returns the epoch's batches still to come, with the random streams where they were after those before."""
        seed, done = self._config.runtime.seed, self._epoch_step % SEGMENT
        first, batch_size = self._epoch_step - done, self._config.training.batch_size
        batches = iterate_batches(self._splits.train, batch_size, (seed, self._epoch), first=first)
        self._seed(first)
        for batch in islice(batches, done):
            self._stepper.forward_backward(batch)
        return batches

    def _seed(self, epoch_step: Optional[int] = None) -> None:
        """Seeds the random streams from seed, epoch and step, so that a training can start again there."""
        step = self._epoch_step if epoch_step is None else epoch_step
        seed_everything(derive_seed(self._config.runtime.seed, self._epoch, step))

    def _rate(self, step: int) -> float:
        """Returns the learning rate of a step."""
        return learning_rate(self._config.training, step, self._steps_per_epoch) * 0.5**self._rollbacks

    def _close(self, keeper: Keeper) -> Dict[str, Any]:
        """Validates an epoch, keeps its model if it is the best yet, logs it, and returns its record."""
        counts = self._tally.read_all()
        if not counts.samples:
            raise DivergenceError(f"epoch {self._epoch}: every batch was left out; try a lower --learning-rate")
        self._finite_arrays()  # or there is no epoch to be kept
        with self._averaged():
            record = self._record(counts, self._validate())
            if record["best"]:
                keeper.model(self._model(record))
        self._log.append(record)
        keeper.log(self._log)
        self._progress.epoch_done(record)
        self._epoch, self._epoch_step, self._tally = self._epoch + 1, 0, Tally()
        trim_memory()
        return record

    def _averaged(self):
        """Puts the moving average, if there is one, in the parameters' place for the length of a ``with`` block."""
        return self._average.applied() if self._average else nullcontext()

    def _validate(self) -> Evaluation:
        """Returns the evaluation on the validation split, once the net is mixed anew with its n-gram model, if any."""
        dataset = self._splits.validation
        try:
            logits = predict_logits(self.net, dataset, self._config.training.batch_size, self._devices[0])
        except NonFiniteOutputError as error:
            # The weights are finite, and so great that sums of them are not.
            raise self._diverged("validation output is") from error
        if self._ngrams:
            self._ngrams = replace(self._ngrams, mixture=fit_mixture(logits, dataset.scores, dataset.labels))
            logits = self._ngrams.mix(logits, dataset.scores)
        return evaluate(Predictions(softmax(logits), dataset.labels), dataset.class_names)

    def _diverged(self, what: str) -> DivergenceError:
        """Returns the error that what the last step left behind is not finite."""
        step = self.steps - 1
        return diverged(step, what, self._rate(step), self._config.training.clip_norm > 0)

    def _record(self, counts: Counts, validation: Evaluation) -> Dict[str, Any]:
        """Returns an epoch's line for the log."""
        record = {
            "epoch": self._epoch,
            "train_loss": counts.mean_loss,
            "train_accuracy": counts.accuracy,
            "validation_loss": validation.nll,
            "validation_accuracy": validation.accuracy,
            "validation_macro_f1": validation.macro_f1,
            "learning_rate": self._rate(self.steps - 1),
            "gradient_norm": counts.mean_norm,
            "skipped_batches": counts.skipped,
            "rollbacks": self._rollbacks,
            "seconds": round(counts.seconds, 3),
            "samples_per_second": round(counts.samples / counts.seconds, 1),
        }
        best = self._best
        return {**record, "best": best is None or _merit(record, self.monitor) > _merit(best, self.monitor)}

    def _model(self, record: Mapping[str, Any]) -> SavedModel:
        """Returns the net as it is, as the model of an epoch."""
        train = self._splits.train
        return SavedModel(
            parameters=get_arrays(self.net),
            ngrams=self._ngrams,
            class_names=train.class_names,
            step_shape=train.step_shape,
            input_format=train.input_format,
            **{name: record[name] for name in ("epoch", "validation_accuracy", "validation_loss")},
        )

    def _save_checkpoint(self, keeper: Keeper) -> None:
        """Keeps the state of the training as it is.

        Raises:
            DivergenceError: it is not finite.
        """
        checkpoint = Checkpoint(
            step=self.steps,
            epoch=self._epoch,
            epoch_step=self._epoch_step,
            counts=self._tally.read_all(),
            updates=count_updates(self._stepper.trainer),
            averaged=self._average.steps if self._average else 0,
            rollbacks=self._rollbacks,
            log=tuple(self._log),
            arrays=self._finite_arrays(),
            settings=self._settings,
        )
        keeper.checkpoint(checkpoint, self._steps_per_epoch)
        self._clock.reset()

    def _finite_arrays(self) -> Dict[str, np.ndarray]:
        """Returns copies of the arrays that the training consists of; raises DivergenceError if one is not finite."""
        arrays = self._arrays.copy()
        if not all(np.isfinite(array).all() for array in arrays.values()):
            raise self._diverged("weights or moments are")
        return arrays

    def _check(self, checkpoint: Checkpoint) -> None:
        """Raises RunError unless a checkpoint is one of a training like this."""
        self._arrays.check(checkpoint.arrays)
        epoch, epoch_step = checkpoint.epoch, checkpoint.epoch_step
        steps = (epoch - 1) * self._steps_per_epoch + epoch_step
        if epoch_step > self._steps_per_epoch or steps != checkpoint.step or len(checkpoint.log) != epoch - 1:
            raise RunError("the checkpoint is of a training with another number of batches")
        check_settings(checkpoint.settings, self._settings)

    def _restore(self, checkpoint: Checkpoint) -> None:
        """Makes the training what it was at a checkpoint."""
        self._arrays.restore(checkpoint.arrays)
        set_updates(self._stepper.trainer, checkpoint.updates)
        if self._average:
            self._average.steps = checkpoint.averaged
        self._epoch, self._epoch_step, self._rollbacks = checkpoint.epoch, checkpoint.epoch_step, checkpoint.rollbacks
        self._tally, self._log = Tally(checkpoint.counts), list(checkpoint.log)
        self._clock.reset()

    def _roll_back(self, error: DivergenceError, directory: RunDirectory) -> None:
        """Goes back to the end of the last whole epoch with half the rate, or raises the error where it may not."""
        rollbacks = self._rollbacks + 1
        if self._config.training.on_divergence != "rollback" or rollbacks > MOST_ROLLBACKS:
            raise error
        try:
            checkpoint = self._end_of_epoch(directory, len(self._log))
        except RunError as reason:
            raise DivergenceError(f"{error}; there is no checkpoint to go back to ({reason})") from error
        self._restore(checkpoint)
        self._rollbacks = rollbacks
        print(
            f"warning: {error}; went back to the end of epoch {len(self._log)} with half the learning rate, "
            f"{rollbacks} of at most {MOST_ROLLBACKS} times",
            file=sys.stderr,
            flush=True,
        )


def _merit(record: Mapping[str, Any], monitor: str) -> Tuple[float, float]:
    """Returns what epochs are compared by, greater where one is better; a log of an earlier release has no macro F1."""
    loss, macro_f1 = -record["validation_loss"], record.get("validation_macro_f1", 0.0)
    return {"accuracy": record["validation_accuracy"], "macro-f1": macro_f1, "loss": loss}[monitor], loss
