"""What every data set offers, whatever it was read from."""

from __future__ import annotations

import abc
from typing import Any, Dict, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np


class Batch(NamedTuple):
    """What one step consumes; every array is C-contiguous.

    Attributes:
        inputs: (T, N, C) float32, or (T, N) int32 where a step is a symbol.
        lengths: (N,) int32, or ``None`` where every sequence has T steps.
        labels: (N,) int32.
        indices: (N,) int64, the position of each sample in its data set.
    """

    inputs: np.ndarray
    lengths: Optional[np.ndarray]
    labels: np.ndarray
    indices: np.ndarray

    @property
    def arguments(self) -> Tuple[np.ndarray, ...]:
        """What a net is called with: the inputs, then the lengths if there are any."""
        return (self.inputs,) if self.lengths is None else (self.inputs, self.lengths)


class Origin(NamedTuple):
    """Where samples are in the file or folder of the user's own that they were read from.

    Attributes:
        source: its name, without its folder's.
        unit: what ``places`` are: ``line``, from 1, in which a text starts, ``position`` of a picture in a file,
            from 0, or ``file`` of a picture in a folder.
        places: one a sample, in the order of the samples.
        columns: names of the columns of texts and of labels; empty of pictures.
    """

    source: str
    unit: str
    places: Sequence[Union[int, str]]
    columns: Tuple[str, ...] = ()

    def take(self, indices: np.ndarray) -> Origin:
        """Returns where the samples at ``indices`` are."""
        return self._replace(places=[self.places[index] for index in indices])

    def tell(self, index: int) -> str:
        """Returns where a sample is, for people: ``line 12``."""
        return f"{self.unit} {self.places[index]}"


class SequenceDataset(abc.ABC):
    """Labelled sequences of one split of a data set.

    Attributes:
        name: name of the data set, such as ``mnist``.
        split: ``train``, ``validation`` or ``test``.
        labels: (M,) int32, each a position in ``class_names``.
        class_names: one name a class.
    """

    name: str
    split: str
    labels: np.ndarray
    class_names: Tuple[str, ...]

    symbols = False
    """Whether a time step is the number of a symbol, such as a word, and not C measured values."""
    lengths: Optional[np.ndarray] = None
    """(M,) steps of each sequence, or ``None`` where all have the same."""
    notes: Tuple[str, ...] = ()
    """Lines that the user should see, such as what was left out."""
    warnings: Tuple[str, ...] = ()
    """Clauses on what makes figures on these samples look better than they are; see ``shared_samples``."""
    is_drawn: bool = False
    """Whether it was drawn from the samples that others are trained on, and will be drawn anew if those change."""
    origin: Optional[Origin] = None
    """Where the samples are in the user's own files; ``None`` of a data set that has a name."""

    def __len__(self) -> int:
        return len(self.labels)

    def __str__(self) -> str:
        """How an error's line calls it: ``mnist (test)``."""
        return f"{self.name} ({self.split})"

    @abc.abstractmethod
    def batch(self, indices: np.ndarray, rng: Optional[np.random.Generator] = None) -> Batch:
        """Returns the samples at ``indices``.

        Args:
            indices: (N,) whole numbers, positions in this data set.
            rng: stream that augmentation is drawn from; ``None`` for samples as they are.
        """

    def mix(self, logits: np.ndarray) -> np.ndarray:
        """Returns a network's logits (M, K) of all samples, mixed with what another model says, if there is one."""
        return logits

    def read_by(self, reader: Any) -> SequenceDataset:
        """Returns the samples as a model trained on this data reads them, whose reader is ``reader``, if it has one."""
        return self

    @abc.abstractmethod
    def subset(self, indices: np.ndarray, split: Optional[str] = None) -> SequenceDataset:
        """Returns the samples at ``indices`` as a data set, named ``split`` if that is given."""

    @property
    @abc.abstractmethod
    def step_shape(self) -> Tuple[Optional[int], int]:
        """(T, C) of a sequence; T is ``None`` where it varies, C the number of symbols where there are symbols."""

    @property
    @abc.abstractmethod
    def input_format(self) -> Dict[str, Any]:
        """What a sample of the user's own must look like to be read as this data set's are, as plain values."""

    @property
    @abc.abstractmethod
    def fingerprint(self) -> str:
        """SHA-256, in hexadecimal, over the raw samples and labels."""


class DataSplits(NamedTuple):
    """The three splits of a data set."""

    train: SequenceDataset
    validation: SequenceDataset
    test: SequenceDataset


SPLITS = DataSplits._fields
"""The splits' names."""
