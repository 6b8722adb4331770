"""Texts as a sequence data set."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Dict, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from gluon_lstm.data.dataset import Batch, Origin, SequenceDataset
from gluon_lstm.data.encoding import UNKNOWN, TextFormat, TokenSequences, code_points, pad
from gluon_lstm.data.ngrams import NgramModel, Streams


class TextReader(NamedTuple):
    """What makes of a text what a network reads.

    Attributes:
        format: how a text becomes numbers of tokens.
        ngrams: the model that scores it beside; ``None`` without one.
    """

    format: TextFormat
    ngrams: Optional[NgramModel] = None

    def scores(self, sequences: TokenSequences, texts: Sequence[str]) -> Optional[np.ndarray]:
        """Returns the n-gram model's scores (M, K) float32 of cut texts, or ``None`` without one."""
        return None if self.ngrams is None else self.ngrams.scores(self.streams(sequences, texts, self.ngrams.orders))

    def streams(self, sequences: TokenSequences, texts: Sequence[str], orders: Tuple[int, ...]) -> Streams:
        """Returns the sequences whose n-grams count: tokens, and characters where their order is not 0."""
        return (sequences, code_points(texts, self.format.tokenization.lowercase)) if any(orders[1:]) else (sequences,)


@dataclass(frozen=True, eq=False)
class TextDataset(SequenceDataset):
    """Labelled texts, each a sequence of token numbers.

    Attributes:
        name: name of the data set.
        split: ``train``, ``validation`` or ``test``.
        texts: (M,) texts, as they were read.
        sequences: their tokens, at least one a text.
        scores: (M, K) float32, what the n-gram model says; ``None`` without one.
        labels: (M,) int32.
        class_names: one name a class.
        reader: what made the sequences.
        word_dropout: share of the tokens read as unknown in a batch drawn with a random stream.
        notes: lines that the user should see.
        warnings: clauses on what makes figures on these texts look better than they are.
        origin: where they are in the user's own file; ``None`` where they are not of such.
        is_drawn: whether they were drawn from the texts to train on.
    """

    name: str
    split: str
    texts: Sequence[str]
    sequences: TokenSequences
    scores: Optional[np.ndarray]
    labels: np.ndarray
    class_names: Tuple[str, ...]
    reader: TextReader
    word_dropout: float = 0.0
    notes: Tuple[str, ...] = ()
    warnings: Tuple[str, ...] = ()
    origin: Optional[Origin] = None
    is_drawn: bool = False

    symbols = True

    @property
    def step_shape(self) -> Tuple[None, int]:
        """(None, V): as many steps as a text has tokens, each one of the V in the vocabulary."""
        return self.reader.format.step_shape

    @property
    def input_format(self) -> Dict[str, Any]:
        """Kind and fields of the ``TextFormat`` that reads texts as this data set does."""
        return {"kind": "text", **self.reader.format.to_dict()}

    @property
    def lengths(self) -> np.ndarray:
        """(M,) int64: tokens of each text."""
        return self.sequences.lengths

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256, in hexadecimal, over texts and labels."""
        digest = hashlib.sha256()
        for text, label in zip(self.texts, self.labels):
            content = text.encode("utf-8", "surrogatepass")
            digest.update(f"{len(content)} {self.class_names[label]}\n".encode())
            digest.update(content)
        return digest.hexdigest()

    def batch(self, indices: np.ndarray, rng: Optional[np.random.Generator] = None) -> Batch:
        """Returns the samples at ``indices``, inputs (T, N) int32; with ``rng``, some tokens are unknown."""
        indices = np.asarray(indices, dtype=np.int64)
        sequences = self.sequences.take(indices)
        if rng is not None and self.word_dropout:
            sequences.numbers[rng.random(len(sequences.numbers)) < self.word_dropout] = UNKNOWN
        return Batch(pad(sequences), sequences.lengths.astype(np.int32), self.labels[indices], indices)

    def mix(self, logits: np.ndarray) -> np.ndarray:
        """Returns a network's logits (M, K) float32 of all texts, mixed with the n-gram model's scores where it has."""
        return logits if self.scores is None else self.reader.ngrams.mix(logits, self.scores)

    def read_by(self, reader: TextReader) -> TextDataset:
        """Returns the texts for a model trained on this data: the same tokens and scores, mixed as it has learned."""
        return replace(self, reader=reader)

    def text(self, index: int) -> str:
        """Returns one text, for reports to show."""
        return self.texts[index]

    @property
    def unknown_share(self) -> float:
        """Share of the tokens that the vocabulary does not have."""
        return float((self.sequences.numbers == UNKNOWN).mean())

    def rewritten(self, texts: Sequence[str]) -> TextDataset:
        """Returns the data set with other texts (M,) in the place of its own, read as they are; none is blank."""
        sequences = self.reader.format.encode(texts)
        return replace(self, texts=texts, sequences=sequences, scores=self.reader.scores(sequences, texts))

    def subset(self, indices: np.ndarray, split: Optional[str] = None) -> TextDataset:
        """Returns the samples at ``indices``. See ``SequenceDataset``."""
        return replace(
            self,
            texts=[self.texts[index] for index in indices],
            sequences=self.sequences.take(indices),
            scores=None if self.scores is None else self.scores[indices],
            labels=self.labels[indices],
            split=split or self.split,
            is_drawn=self.is_drawn or split not in (None, self.split),
            warnings=(),  # of the whole
            origin=None if self.origin is None else self.origin.take(indices),
        )
