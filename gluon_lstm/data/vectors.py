"""Pretrained word vectors."""

from __future__ import annotations

import gzip
import re
import zlib
from typing import BinaryIO, Iterator, List, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np

from gluon_lstm.bounded import LINE_BYTES, VECTOR_BYTES, BoundedStream, open_file, unpacked
from gluon_lstm.config import MOST_UNITS
from gluon_lstm.errors import ConfigError, DataError

_NUMBER = re.compile(r"\d{1,18}")


class WordVectors(NamedTuple):
    """The vectors that a file has for a vocabulary.

    Attributes:
        found: (F,) int64, positions in the vocabulary, ascending.
        vectors: (F, E) float32, the vector of each.
    """

    found: np.ndarray
    vectors: np.ndarray


def read_vectors(path: str, vocabulary: Sequence[str], size: Optional[int] = None) -> WordVectors:
    """Reads the vectors of a vocabulary's words from a text file.

    Each line holds a word and E numbers, parted by spaces; fastText and word2vec have a
    line with the number of words and E before. gluonnlp's ``TokenEmbedding`` reads such
    files too, but keeps all of a file's words in memory, and names no line.

    Args:
        path: the file, UTF-8; one that ends in ``.gz`` is unpacked.
        vocabulary: words.
        size: E that the file must have; any if ``None``.

    Raises:
        ConfigError: it has another E.
        DataError: the file cannot be read, or a line has another form than the first.
    """
    positions = {word: position for position, word in enumerate(vocabulary)}
    found: List[int] = []
    vectors: List[np.ndarray] = []
    for number, word, values in _lines(path):
        if size not in (None, len(values)):
            raise ConfigError(f"--embedding-size {size}: {path} has {len(values)} values a word; "
                              f"use --embedding-size {len(values)}")  # fmt: skip
        if word in positions:
            found.append(positions.pop(word))  # of a word that comes twice, the first counts
            vectors.append(_parse(path, number, values))
    if not found:
        raise DataError(f"--embedding {path}: has none of the {len(vocabulary):,} tokens; is it the right file?")
    order = np.argsort(found)
    return WordVectors(np.array(found)[order], np.stack(vectors)[order])


def _open(path: str) -> Union[BinaryIO, BoundedStream]:
    return unpacked(open_file(path), VECTOR_BYTES) if path.lower().endswith(".gz") else open_file(path)


def _lines(path: str) -> Iterator[Tuple[int, str, List[str]]]:
    """Yields each line's number, word and values; a word may have spaces in it."""
    size, told = 0, False
    try:
        with _open(path) as file:
            for number, line in enumerate(iter(lambda: file.readline(LINE_BYTES + 1), b""), 1):
                parts = line.decode("utf-8").rstrip().split(" ")
                if number == 1 and len(parts) == 2 and all(_NUMBER.fullmatch(part) for part in parts):
                    size, told = int(parts[1]), True
                    continue
                size = size or len(parts) - 1
                if len(line) > LINE_BYTES or not 0 < size <= MOST_UNITS:
                    amount = "no values" if not size else f"more than {MOST_UNITS:,} values or {LINE_BYTES:,} bytes"
                    advice = "give a word and its numbers, parted by spaces"
                    raise DataError(f"--embedding {path}: line {number} has {amount}; {advice}")
                found = _num_values(parts, size, strict=not told)
                if found != size:
                    others = f"the first line says {size}" if told else f"the lines before {size}"
                    raise DataError(f"--embedding {path}: line {number} has {found} values, {others}")
                yield number, " ".join(parts[:-size]), parts[-size:]
    except UnicodeDecodeError as error:
        raise DataError(f"--embedding {path}: line {number} is not UTF-8; give vectors in text form") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"--embedding {path}: is damaged, or no gzip file; copy it anew") from error
    except (OSError, ValueError) as error:
        raise DataError(f"--embedding {path}: {getattr(error, 'strerror', None) or error}") from error


def _num_values(parts: List[str], size: int, strict: bool) -> int:
    """Returns how many values a line has: of a longer line ``size``, or with ``strict`` all numbers at its end.

    A word may end with a number, as ``windows 10`` does; where the file's first line has
    not told the size, a line too long is the likelier.
    """
    if len(parts) <= size:
        return len(parts) - 1
    place = len(parts) - size
    while strict and place > 1 and _is_number(parts[place - 1]):
        place -= 1
    return len(parts) - place


def _is_number(part: str) -> bool:
    try:
        float(part)
    except ValueError:
        return False
    return True


def _parse(path: str, number: int, values: List[str]) -> np.ndarray:
    """Returns a line's values (E,) float32."""
    try:
        with np.errstate(over="ignore"):  # what float32 cannot hold is infinite, and told below
            vector = np.array(values, np.float64).astype(np.float32)
    except ValueError as error:
        raise DataError(f"--embedding {path}: line {number} holds something else than numbers ({error})") from error
    if not np.isfinite(vector).all():
        raise DataError(f"--embedding {path}: line {number} holds values that are not finite")
    return vector
