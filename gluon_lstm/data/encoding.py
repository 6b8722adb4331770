"""Texts as numbers: tokens, vocabulary, and how long a text may be."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from gluon_lstm.config import ENDS, TOKENIZERS, TextConfig
from gluon_lstm.data.tokenizers import make_tokenizer, read_sentencepiece_model
from gluon_lstm.errors import ConfigError, DataError

UNKNOWN, PADDING = 0, 1
"""Numbers of the two tokens that stand for no text of their own: any other token, and what follows a text's end."""
UNKNOWN_TOKEN, PADDING_TOKEN = "<unk>", "<pad>"


class TokenSequences(NamedTuple):
    """Many sequences of tokens, one after the other in one array.

    Attributes:
        numbers: (total,) int32.
        offsets: (M + 1,) int64: sequence m is ``numbers[offsets[m]:offsets[m + 1]]``.
    """

    numbers: np.ndarray
    offsets: np.ndarray

    @property
    def lengths(self) -> np.ndarray:
        """(M,) int64: tokens of each sequence."""
        return np.diff(self.offsets)

    def take(self, indices: np.ndarray) -> TokenSequences:
        """Returns the sequences at ``indices`` (N,)."""
        lengths = self.lengths[indices]
        offsets = _offsets(lengths)
        places = np.arange(offsets[-1]) + np.repeat(self.offsets[indices] - offsets[:-1], lengths)
        return TokenSequences(self.numbers[places], offsets)


class Tokens(NamedTuple):
    """Texts cut into tokens, each token a position in the list of those that occur.

    Attributes:
        sequences: the texts.
        found: every token that occurs, in the order of its first occurrence.
    """

    sequences: TokenSequences
    found: List[str]


@dataclass(frozen=True)
class Cutting:
    """How a text is cut into tokens, and which of them are read.

    Attributes:
        tokenizer: one of ``config.TOKENIZERS``.
        lowercase: whether capital letters become small ones.
        max_length: most tokens of a text that are read.
        truncate: which end of a longer text is cut off, ``start`` or ``end``.
        sentencepiece: the SentencePiece model's bytes in base64; empty for other tokenizers.
    """

    tokenizer: str
    lowercase: bool
    max_length: int
    truncate: str
    sentencepiece: str = ""

    @classmethod
    def from_config(cls, config: TextConfig) -> Cutting:
        """Returns what the configuration says.

        Raises:
            ConfigError: ``sentencepiece`` without its model, or the other way round.
            DataError: the model cannot be read.
        """
        if (config.tokenizer == "sentencepiece") != (config.sentencepiece_model is not None):
            raise ConfigError("--tokenizer sentencepiece and --sentencepiece-model: each needs the other")
        model = read_sentencepiece_model(config.sentencepiece_model) if config.sentencepiece_model else ""
        return cls(config.tokenizer, config.lowercase, config.max_length, config.truncate, model)

    @property
    def is_valid(self) -> bool:
        """Whether the values are such as a file of this release may hold."""
        has_model = self.sentencepiece != ""
        forms = (isinstance(self.sentencepiece, str), isinstance(self.lowercase, bool), type(self.max_length) is int)
        known = (self.tokenizer in TOKENIZERS, self.truncate in ENDS, has_model == (self.tokenizer == "sentencepiece"))
        return all(forms) and all(known) and self.max_length > 0

    def cut(self, texts: Iterable[str]) -> Tokens:
        """Cuts texts into tokens, of which those that are not read are left out.

        A text that is not blank has one at least: SentencePiece passes over signs that cannot be seen.
        """
        tokenize = make_tokenizer(self.tokenizer, self.lowercase, self.sentencepiece)
        known: Dict[str, int] = {}
        rows = []
        for text in texts:
            tokens = tokenize(text) or [UNKNOWN_TOKEN] * bool(text.strip())
            tokens = tokens[-self.max_length :] if self.truncate == "start" else tokens[: self.max_length]
            # A token that is new gets the next number.
            rows.append(np.fromiter((known.setdefault(token, len(known)) for token in tokens), np.int32, len(tokens)))
        numbers = np.concatenate(rows) if rows else np.empty(0, np.int32)
        return Tokens(TokenSequences(numbers, _offsets(list(map(len, rows)))), list(known))


@dataclass(frozen=True)
class TextFormat:
    """How texts become numbers.

    Attributes:
        cutting: how a text is cut into tokens.
        vocabulary: the tokens that are known, in the order of their numbers: unknown, padding, then tokens.
    """

    cutting: Cutting
    vocabulary: Tuple[str, ...]

    symbols = True
    """Whether inputs are numbers that stand for something, and not measured values."""

    @cached_property
    def _numbers(self) -> Dict[str, int]:
        return {token: number for number, token in enumerate(self.vocabulary) if number > PADDING}

    def number(self, tokens: Tokens) -> TokenSequences:
        """Returns cut texts with each token's number in the vocabulary, ``UNKNOWN`` where it has none."""
        table = np.array([self._numbers.get(token, UNKNOWN) for token in tokens.found], np.int32)
        sequences = tokens.sequences
        return TokenSequences(table[sequences.numbers] if len(table) else sequences.numbers, sequences.offsets)

    def encode(self, texts: Sequence[str]) -> TokenSequences:
        """Returns texts as a net reads them.

        Raises:
            DataError: something is no text, or a text has no token.
        """
        if isinstance(texts, str):
            raise DataError("texts: give a list of texts, not one text")
        wrong = next((index for index, text in enumerate(texts) if not isinstance(text, str)), None)
        if wrong is not None:
            raise DataError(f"texts[{wrong}] is of type {type(texts[wrong]).__name__}: the model reads texts")
        sequences = self.number(self.cutting.cut(texts))
        empty = np.flatnonzero(sequences.lengths == 0)
        if len(empty):
            raise DataError(f"texts[{empty[0]}] is blank: the model needs at least one token")
        return sequences

    def to_dict(self) -> Dict[str, Any]:
        """Returns plain values, which ``from_dict`` reads."""
        return {**asdict(self.cutting), "vocabulary": list(self.vocabulary)}

    @classmethod
    def from_dict(cls, values: Dict[str, Any]) -> Optional[TextFormat]:
        """Returns the format that ``to_dict`` wrote; ``None`` where the values are not such."""
        vocabulary = values.pop("vocabulary", None)
        try:
            cutting = Cutting(**values)
        except TypeError:
            return None
        is_list = isinstance(vocabulary, list) and all(isinstance(token, str) for token in vocabulary)
        if not (cutting.is_valid and is_list and vocabulary[: PADDING + 1] == [UNKNOWN_TOKEN, PADDING_TOKEN]):
            return None
        return cls(cutting, tuple(vocabulary))


def build_format(cutting: Cutting, tokens: Tokens, config: TextConfig) -> TextFormat:
    """Returns the format whose vocabulary holds the most frequent tokens of the training texts.

    Args:
        cutting: how the texts were cut.
        tokens: the training texts.
        config: size of the vocabulary and least count of a token.

    Raises:
        DataError: no token occurs often enough.
    """
    import gluonnlp

    counts = np.bincount(tokens.sequences.numbers, minlength=len(tokens.found))
    vocabulary = gluonnlp.Vocab(
        Counter({token: int(count) for token, count in zip(tokens.found, counts) if count}),
        max_size=config.vocabulary_size,
        min_freq=config.min_count,
        unknown_token=UNKNOWN_TOKEN,
        padding_token=PADDING_TOKEN,
        bos_token=None,
        eos_token=None,
    )
    if len(vocabulary) <= PADDING + 1:
        raise DataError(f"--min-count {config.min_count}: no token occurs so often in the training texts; use less")
    return TextFormat(cutting, tuple(vocabulary.idx_to_token))


def pad(sequences: TokenSequences) -> np.ndarray:
    """Returns sequences side by side, (T, N) int32, ``PADDING`` after the end of each."""
    lengths, steps = sequences.lengths, int(sequences.lengths.max())
    padded = np.full((len(lengths), steps), PADDING, np.int32)
    padded[np.arange(steps) < lengths[:, np.newaxis]] = sequences.numbers
    return np.ascontiguousarray(padded.T)


def _offsets(lengths: Sequence[int]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64)
