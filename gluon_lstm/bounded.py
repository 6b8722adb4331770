"""Files that somebody else may have written: read within limits, and without ever waiting for one.

Every reader goes through here. What may be read is an ordinary file, or a link to
one; of a pipe, a device or a folder that stands in a file's place nothing is read.
Memory follows what is there, never what a header claims.
"""

from __future__ import annotations

import errno
import gzip
import json
import math
import os
import stat
from typing import Any, BinaryIO, Dict, Hashable, Iterable, List, Tuple, Union

from gluon_lstm.errors import shown

MIB = 2**20

JSON_BYTES = 32 * MIB
"""Of ``config.json``, ``model.json`` and any other JSON file."""
YAML_BYTES = MIB // 16
"""Of a YAML file of settings, whose parser takes a second for this."""
YAML_VALUES = 10_000
"""Of a YAML file of settings, once all aliases are written out."""
JSON_CONTAINERS = MIB
"""Brackets that open in a JSON text; an empty list takes thirty times its text in memory."""
LOG_BYTES = 64 * MIB
"""Of ``log.jsonl``, and of the ``state.json`` of a checkpoint, which holds it too."""
WEIGHT_BYTES = 4096 * MIB
"""Of a file of parameters."""
SENTENCEPIECE_BYTES = 16 * MIB
"""Of a SentencePiece model."""
PICTURE_BYTES = 64 * MIB
"""Of a PNG file."""
IMAGE_PIXELS = 16 * MIB
"""Of one image, H·W."""
IDX_BYTES = 2048 * MIB
"""Of the values in an IDX file, unpacked."""
TABLE_BYTES = 2048 * MIB
"""Of a CSV, TSV or JSON Lines file, unpacked."""
VECTOR_BYTES = 16 * 1024 * MIB
"""Of a packed file of word vectors, unpacked; it is read line by line."""
LINE_BYTES = MIB
"""Of a line in a file of word vectors."""
UNPACKED_BYTES = 16 * MIB
"""That a gzip file may unpack to, however small it is."""
UNPACKED_RATIO = 200
"""Times its size that a gzip file may unpack to beyond that; zeros alone reach 1,030, texts and pictures 2 to 20."""
TEXT_CHARACTERS = 16 * MIB
"""Of a text to classify: several long novels."""
MOST_CLASSES = 10_000
"""Of a model, or different labels in a file of texts."""

_PIECE = MIB


class RepeatedNameError(ValueError):
    """A name that occurs twice where each must occur once."""


class BoundedStream:
    """A stream to read, which ends in ValueError after so many bytes.

    Args:
        stream: what is read.
        most: bytes that it may hold.
        file: what is closed together with it.
    """

    def __init__(self, stream: BinaryIO, most: int, file: BinaryIO) -> None:
        self._stream, self._most, self._file, self._count = stream, most, file, 0

    def __enter__(self) -> BoundedStream:
        return self

    def __exit__(self, *_) -> None:
        self._stream.close()
        self._file.close()

    def read(self, size: int) -> bytes:
        """Returns ``size`` bytes more, fewer at the end."""
        return self._counted(self._stream.read(size))

    def read1(self, size: int) -> bytes:
        """Returns the bytes that are there, at most ``size``."""
        return self._counted(self._stream.read1(size))

    def readline(self, size: int) -> bytes:
        """Returns the rest of a line, at most ``size`` bytes, nothing at the end."""
        return self._counted(self._stream.readline(size))

    def _counted(self, piece: bytes) -> bytes:
        self._count += len(piece)
        if self._count > self._most:
            raise ValueError(f"unpacks to more than {self._most:,} bytes")
        return piece


def open_file(path: Union[str, os.PathLike]) -> BinaryIO:
    """Opens an ordinary file, or the one that a link leads to.

    Raises:
        OSError: there is none, or it cannot be read; at once, where a pipe would have to be waited for.
    """
    return open(path, "rb", opener=_open_ordinary)


def _open_ordinary(path: str, flags: int) -> int:
    """Returns the handle of an ordinary file, or of a folder, which ``open`` refuses in words of its own."""
    # Without O_NONBLOCK, opening a pipe waits until somebody writes into it.
    handle = os.open(path, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0))
    mode = os.fstat(handle).st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "not an ordinary file", os.fspath(path))
    return handle


def read_file(path: Union[str, os.PathLike], most: int) -> bytes:
    """Returns the content of an ordinary file.

    Args:
        path: the file.
        most: bytes that it may have.

    Raises:
        OSError: as of ``open_file``.
        ValueError: it is larger.
    """
    with open_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > most:
            raise ValueError(f"larger than {most:,} bytes")
        content = file.read(size + 1)
    if len(content) > size:
        raise ValueError("grew while it was read")
    return content


def read_unpacked(path: Union[str, os.PathLike], most: int) -> bytes:
    """Returns what a gzip file unpacks to; arguments and errors as of ``read_file``, and those of ``gzip``."""
    with open_file(path) as file:
        return bytes(read_up_to(unpacked(file, most), most + 1))  # a byte more, so that what is larger is told


def unpacked(file: BinaryIO, most: int) -> BoundedStream:
    """Returns the stream that an open gzip file unpacks to.

    It ends in ValueError after ``most`` bytes, or where it is larger than ``UNPACKED_BYTES``
    and ``UNPACKED_RATIO`` times the file, as what was made to fill a memory is.
    """
    packed = os.fstat(file.fileno()).st_size
    return BoundedStream(gzip.GzipFile(fileobj=file), min(most, max(UNPACKED_BYTES, UNPACKED_RATIO * packed)), file)


def read_up_to(stream: Union[BinaryIO, BoundedStream], most: int) -> bytearray:
    """Returns what is left of a stream, at most so many bytes."""
    content = bytearray()
    while len(content) < most:
        piece = stream.read(min(_PIECE, most - len(content)))
        if not piece:
            break
        content += piece
    return content


def parse_json(text: Union[str, bytes]) -> Any:
    """Returns the values in a JSON text as the standard has it: each name once, finite numbers, nested within reason.

    Raises:
        ValueError: it is none, or is no UTF-8.
        RepeatedNameError: a name occurs twice in an object.
    """
    text = text if isinstance(text, str) else text.decode("utf-8")
    if text.count("[") + text.count("{") > JSON_CONTAINERS:
        raise ValueError(f"has more than {JSON_CONTAINERS:,} lists and objects")
    try:
        return _JSON.decode(text)
    except RecursionError:
        raise ValueError("lists and objects are nested too deeply") from None


def check_names(names: Iterable[Hashable]) -> None:
    """Raises RepeatedNameError where a name occurs twice: parsers would keep the last value and say nothing."""
    seen = set()
    for name in names:
        if name in seen:
            raise RepeatedNameError(f"{shown(name)} occurs twice in one section; leave one of them out")
        seen.add(name)


def _object(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
    """Returns the names and values of a JSON object."""
    values = dict(pairs)
    if len(values) < len(pairs):
        check_names(name for name, _ in pairs)
    return values


def _finite(text: str) -> float:
    """Returns a number, or raises ValueError where it is NaN, infinite, or greater than a float can be."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{shown(text)} is no finite number")
    return value


_JSON = json.JSONDecoder(object_pairs_hook=_object, parse_float=_finite, parse_constant=_finite)
