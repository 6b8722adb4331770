"""A trained run, ready to predict."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Iterable, List, NamedTuple, Optional, Sequence, Tuple, Union

import mxnet as mx
import numpy as np

from gluon_lstm.config import Config
from gluon_lstm.data import SequenceDataset, TextDataset, TextReader
from gluon_lstm.data.encoding import TextFormat, TokenSequences, list_texts
from gluon_lstm.data.formats import ImageFormat, read_format
from gluon_lstm.errors import ConfigError, DataError, NoEffectWarning, RunError
from gluon_lstm.evaluation.predict import check_compatible, forward_all, predict, softmax
from gluon_lstm.nn import check_arrays, make_net, set_arrays
from gluon_lstm.rundir import RunDirectory, SavedModel
from gluon_lstm.runtime import devices


class LineAnswers(NamedTuple):
    """What a model says of lines of text.

    Attributes:
        probabilities: (N, K) float32; NaN for a blank line.
        unknown: (N,) bool, whether a line that is not blank has no token that the model knows.
    """

    probabilities: np.ndarray
    unknown: np.ndarray


class Predictor:
    """A trained model that reads NumPy arrays, or texts where it was trained on texts.

    Args:
        config: the run's configuration.
        model: the run's model.
        device: where to run.
        source: the run's name, for error lines.

    Raises:
        RunError: configuration and model do not belong together.

    Attributes:
        net: the classifier, hybridized.
        class_names: name of each class, in the order of the probabilities' columns.
        input_format: what a sample must look like.
        reader: what makes a text readable; ``None`` of a model that does not read texts.
    """

    def __init__(self, config: Config, model: SavedModel, device: mx.Context, source: str) -> None:
        self.class_names = model.class_names
        self.step_shape = model.step_shape
        self.input_format = read_format(model.input_format, source)
        symbols = self.input_format.symbols
        self.reader: Optional[TextReader] = TextReader(self.input_format, model.ngrams) if symbols else None
        self.device = device
        _check_together(config, model, self.input_format, source)
        try:
            with warnings.catch_warnings():  # training told of them; here no dropout acts anyway
                warnings.simplefilter("ignore", NoEffectWarning)
                self.net = make_net(config.model, model.step_shape, len(model.class_names), symbols)
        except ValueError as error:  # such as groups that the features cannot be split into
            raise RunError(f"{source}: config.json does not fit the model ({error}); restore a copy") from error
        # Before it is initialized: a configuration can ask for a net that no memory holds.
        check_arrays(self.net, model.parameters, source)
        self.net.initialize(ctx=[device])
        set_arrays(self.net, model.parameters, source)

    def __repr__(self) -> str:
        reads = "texts" if self.reader is not None else f"sequences of {self.step_shape}"
        return f"{type(self).__name__}({reads}; {len(self.class_names)} classes: {', '.join(self.class_names)})"

    def check(self, dataset: SequenceDataset) -> None:
        """Raises DataError unless the model can read the data set."""
        check_compatible(dataset, self.step_shape, self.class_names)

    def predict_proba(self, samples: Union[np.ndarray, Iterable[str]], batch_size: int = 256) -> np.ndarray:
        """Returns the probability of each class.

        Args:
            samples: images (N, H, W) or (H, W), numbers in the range that the training data had; or N texts,
                in a list, an array, a column of a table or anything else that gives one after the other.
            batch_size: samples at a time.

        Returns:
            (N, K) float32, (0, K) of no samples; each row sums to 1.

        Raises:
            DataError: images of another shape, values out of range, a blank text (``predict_lines`` takes
                those), or an output that is not finite.
            ValueError: ``batch_size`` is below 1.
        """
        _check_batch_size(batch_size)
        if self.reader is not None:
            texts = list_texts(samples)
            sequences = self.reader.format.encode(texts)
            return self._predict_texts(texts, sequences, batch_size) if texts else self._nothing()
        inputs = self.input_format.encode(samples)
        if not inputs.shape[1]:
            return self._nothing()

        def read(places: np.ndarray) -> Tuple[np.ndarray]:
            return (inputs.take(places, axis=1),)

        logits = forward_all(self.net, read, inputs.shape[1], batch_size, self.device)
        if not np.isfinite(logits).all():
            raise DataError("images: the model's output is not finite; train again")
        return softmax(logits)

    def predict_lines(self, texts: Iterable[str], batch_size: int = 256) -> LineAnswers:
        """Returns what ``predict_proba`` does for texts, some of which may be blank, and which of them are unknown.

        Raises:
            DataError: the model reads pictures, or an output is not finite.
            ValueError: ``batch_size`` is below 1.
        """
        _check_batch_size(batch_size)
        if self.reader is None:
            raise DataError("predict_lines: the model reads pictures; give them to predict_proba")
        texts = list_texts(texts)
        sequences = self.reader.format.numericalize(self.reader.format.tokenization.tokenize(texts))
        full = np.flatnonzero(sequences.lengths)
        probabilities = np.full((len(texts), len(self.class_names)), np.nan, np.float32)
        if len(full):
            filled = [texts[index] for index in full]
            probabilities[full] = self._predict_texts(filled, sequences.take(full), batch_size)
        return LineAnswers(probabilities, sequences.are_unknown)

    def _nothing(self) -> np.ndarray:
        """Returns the probabilities (0, K) float32 of no samples."""
        return np.empty((0, len(self.class_names)), np.float32)

    def _predict_texts(self, texts: Sequence[str], sequences: TokenSequences, batch_size: int) -> np.ndarray:
        """Returns the probabilities (N, K) of texts that have been cut."""
        dataset = TextDataset(
            name="texts",
            split="given",
            texts=texts,
            sequences=sequences,
            scores=self.reader.scores(sequences, texts),
            labels=np.zeros(len(texts), np.int32),
            class_names=self.class_names,
            reader=self.reader,
        )
        return predict(self.net, dataset, batch_size, self.device).probabilities

    def predict(self, samples: Union[np.ndarray, Iterable[str]]) -> List[str]:
        """Returns the name of each sample's most probable class, none of no samples; see ``predict_proba``."""
        return [self.class_names[index] for index in self.predict_proba(samples).argmax(axis=1)]


def _check_batch_size(batch_size: int) -> None:
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, not {batch_size}")


def _check_together(
    config: Config, model: SavedModel, input_format: Union[ImageFormat, TextFormat], source: str
) -> None:
    """Raises RunError where parts of a run contradict each other, which MXNet tells late or not at all."""
    if tuple(model.step_shape) != input_format.step_shape:
        shapes = f"step_shape {model.step_shape}, but samples of {input_format.step_shape}"
        raise RunError(f"{source}: model.json has {shapes}; train again or restore a copy")
    if (model.ngrams is not None) != bool(config.model.ngrams or config.model.character_ngrams):
        raise RunError(f"{source}: its n-gram model and config.json disagree; restore a copy or train again")


def load(run: Union[str, Path], device: str = "cpu") -> Predictor:
    """Loads a trained run.

    Args:
        run: the run directory.
        device: ``cpu`` or one GPU such as ``gpu:0``.

    Raises:
        ConfigError: the device is none, or several.
        DeviceError: this machine has no such GPU.
        RunError: it is no run directory, or a damaged one.
    """
    directory, found = RunDirectory.open(run), devices(device)
    if len(found) > 1:
        raise ConfigError(f"device {device!r}: a model predicts on one; give cpu or gpu:0")
    return Predictor(directory.read_config(), directory.load_model(), found[0], str(directory.path / "model"))
