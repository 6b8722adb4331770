"""Texts as numbers: tokens, vocabulary, and how long a text may be."""

from __future__ import annotations

import unicodedata
from collections import Counter
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from gluon_lstm.bounded import TEXT_CHARACTERS
from gluon_lstm.config import ENDS, MOST_STEPS, TOKENIZERS, TextConfig
from gluon_lstm.data.tokenizers import CHINESE, make_tokenizer, read_sentencepiece_model
from gluon_lstm.errors import ConfigError, DataError

UNKNOWN, PADDING = 0, 1
"""Numbers of the two tokens that stand for no text of their own: any other token, and what follows a text's end."""
CLAUSE_SHARE, CLAUSE_LENGTH = 0.5, 3.0
"""Share of Chinese and Japanese characters, and their number in a token, beyond which tokens are taken for clauses."""
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

    @property
    def are_unknown(self) -> np.ndarray:
        """(M,) bool: whether a sequence has tokens, none of which the vocabulary that numbered them knows."""
        known = np.concatenate([[0], np.cumsum(self.numbers != UNKNOWN)])
        return (self.lengths > 0) & (np.diff(known[self.offsets]) == 0)

    def are_valid(self, num_tokens: int) -> bool:
        """Whether the arrays can have come out of a file whole: types, offsets, numbers below ``num_tokens``."""
        numbers, offsets = self
        if (numbers.ndim, offsets.ndim, numbers.dtype, offsets.dtype) != (1, 1, np.int32, np.int64) or not len(offsets):
            return False
        in_order = offsets[0] == 0 and offsets[-1] == len(numbers) and (np.diff(offsets) >= 0).all()
        return bool(in_order and (not len(numbers) or 0 <= numbers.min() <= numbers.max() < num_tokens))

    def take(self, indices: np.ndarray) -> TokenSequences:
        """Returns the sequences at ``indices`` (N,)."""
        lengths = self.offsets[indices + 1] - self.offsets[indices]  # not of all sequences, at every step of a training
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
class Tokenization:
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
    def from_config(cls, config: TextConfig) -> Tokenization:
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
        texts = (self.tokenizer, self.truncate, self.sentencepiece)
        if not (all(isinstance(text, str) for text in texts) and isinstance(self.lowercase, bool)):
            return False
        has_model = self.sentencepiece != ""
        known = (self.tokenizer in TOKENIZERS, self.truncate in ENDS, has_model == (self.tokenizer == "sentencepiece"))
        return all(known) and type(self.max_length) is int and 0 < self.max_length <= MOST_STEPS

    def tokenize(self, texts: Iterable[str]) -> Tokens:
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
        tokenization: how a text is cut into tokens.
        vocabulary: the tokens that are known, in the order of their numbers: unknown, padding, then tokens.
    """

    tokenization: Tokenization
    vocabulary: Tuple[str, ...]

    symbols = True
    """Whether inputs are numbers that stand for something, and not measured values."""

    @property
    def step_shape(self) -> Tuple[None, int]:
        """(T, C) of the sequence that a text becomes: T varies, C is the number of tokens that are known."""
        return None, len(self.vocabulary)

    @cached_property
    def _numbers(self) -> Dict[str, int]:
        return {token: number for number, token in enumerate(self.vocabulary) if number > PADDING}

    def numericalize(self, tokens: Tokens) -> TokenSequences:
        """Returns cut texts with each token's number in the vocabulary, ``UNKNOWN`` where it has none."""
        table = np.array([self._numbers.get(token, UNKNOWN) for token in tokens.found], np.int32)
        sequences = tokens.sequences
        return TokenSequences(table[sequences.numbers] if len(table) else sequences.numbers, sequences.offsets)

    def encode(self, texts: Sequence[str]) -> TokenSequences:
        """Returns texts as a net reads them.

        Raises:
            DataError: something is no text, or a text has no token.
        """
        sequences = self.numericalize(self.tokenization.tokenize(list_texts(texts)))
        empty = np.flatnonzero(sequences.lengths == 0)
        if len(empty):
            raise DataError(
                f"texts[{empty[0]}] is blank: leave it out, or give all to predict_lines, which marks it NaN"
            )
        return sequences

    def to_dict(self) -> Dict[str, Any]:
        """Returns plain values, which ``from_dict`` reads."""
        return {**asdict(self.tokenization), "vocabulary": list(self.vocabulary)}

    @classmethod
    def from_dict(cls, values: Dict[str, Any]) -> Optional[TextFormat]:
        """Returns the format that ``to_dict`` wrote; ``None`` where the values are not such."""
        vocabulary = values.pop("vocabulary", None)
        try:
            tokenization = Tokenization(**values)
        except TypeError:
            return None
        is_list = isinstance(vocabulary, list) and all(isinstance(token, str) for token in vocabulary)
        if not (tokenization.is_valid and is_list and vocabulary[: PADDING + 1] == [UNKNOWN_TOKEN, PADDING_TOKEN]):
            return None
        return cls(tokenization, tuple(vocabulary))


def warn_of_clauses(tokenization: Tokenization, tokens: Tokens) -> List[str]:
    """Returns the user's warning of texts without spaces whose words the tokenizer ``words`` cannot find, if any.

    It takes all letters up to the next sign for one word: of Chinese and Japanese that is a clause. Texts
    whose words somebody has put spaces between have shorter ones.
    """
    if tokenization.tokenizer != "words":
        return []
    counts = np.bincount(tokens.sequences.numbers, minlength=len(tokens.found))
    lengths = np.array([len(token) for token in tokens.found])
    chinese = np.array([len(CHINESE.findall(token)) for token in tokens.found])
    share = (counts @ chinese) / max(1, counts @ lengths)
    mean = (counts @ chinese) / max(1, counts[chinese > 0].sum())
    if share <= CLAUSE_SHARE or mean <= CLAUSE_LENGTH:
        return []
    return [
        f"warning: {share:.0%} of the training texts is Chinese or Japanese, of which --tokenizer words takes a whole "
        f"clause, {mean:.1f} characters on average, for one word; use --tokenizer characters or jieba"
    ]


def build_format(tokenization: Tokenization, tokens: Tokens, config: TextConfig) -> TextFormat:
    """Returns the format whose vocabulary holds the most frequent tokens of the training texts.

    Args:
        tokenization: how the texts were cut.
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
        raise DataError(f"--min-count {config.min_count}: no token occurs that often in the training texts; use less")
    return TextFormat(tokenization, tuple(vocabulary.idx_to_token))


def list_texts(texts: Iterable[str]) -> List[str]:
    """Returns texts as a list: a column of a table, such as pandas has, is asked by its index otherwise.

    Raises:
        DataError: something is no text, or too long.
    """
    if isinstance(texts, str):
        raise DataError("texts: give a list of texts, not one text")
    shape = getattr(texts, "shape", (0,))
    if len(shape) != 1:
        raise DataError(f"texts: give a list of texts, or one column of a table, not an array of shape {tuple(shape)}")
    listed = list(texts)
    for index, text in enumerate(listed):
        if not isinstance(text, str):
            raise DataError(f"texts[{index}] is of type {type(text).__name__}: the model reads texts")
        check_text(text, f"texts[{index}]")
    return listed


def check_text(text: str, source: str) -> None:
    """Raises DataError where a text is so long that its n-grams would not fit into memory."""
    if len(text) > TEXT_CHARACTERS:
        raise DataError(
            f"{source} has {len(text):,} characters; at most {TEXT_CHARACTERS:,} are read, so cut it into several texts"
        )


def code_points(texts: Sequence[str], lowercase: bool) -> TokenSequences:
    """Returns texts as sequences of Unicode code points, a space before and after each, which marks its ends.

    Args:
        texts: M texts.
        lowercase: whether capital letters become small ones.
    """
    rows = [
        np.frombuffer(f" {text.lower() if lowercase else text} ".encode("utf-32-le", "surrogatepass"), "<u4")
        for text in (unicodedata.normalize("NFC", text) for text in texts)
    ]
    numbers = np.concatenate(rows).astype(np.int32) if rows else np.empty(0, np.int32)
    return TokenSequences(numbers, _offsets(list(map(len, rows))))


def pad(sequences: TokenSequences) -> np.ndarray:
    """Returns sequences side by side, (T, N) int32, ``PADDING`` after the end of each."""
    lengths, steps = sequences.lengths, int(sequences.lengths.max())
    padded = np.full((len(lengths), steps), PADDING, np.int32)
    padded[np.arange(steps) < lengths[:, np.newaxis]] = sequences.numbers
    return np.ascontiguousarray(padded.T)


def _offsets(lengths: Sequence[int]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64)
