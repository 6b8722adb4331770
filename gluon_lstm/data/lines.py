"""Lines of text, a text a line, as they arrive from a file or a pipe."""

from __future__ import annotations

import codecs
import gzip
import zlib
from pathlib import Path
from typing import BinaryIO, Iterator, List, Union

from gluon_lstm.bounded import TABLE_BYTES, TEXT_CHARACTERS, BoundedStream, open_file, unpacked
from gluon_lstm.data.tables import encoding_advice
from gluon_lstm.errors import ConfigError, DataError

SUFFIXES = (".txt", ".txt.gz")
READ_BYTES = 2**20
"""Most bytes that are read at a time; a pipe gives what it has, which may be less."""


def is_lines(name: str) -> bool:
    """Whether a name is that of a file which holds a text a line."""
    return name.lower().endswith(SUFFIXES)


def open_lines(path: Path) -> Union[BinaryIO, BoundedStream]:
    """Opens a file of lines, unpacked where its name ends in ``.gz``; else a named pipe may be read as one, too.

    Raises:
        DataError: it cannot be opened.
    """
    try:
        return unpacked(open_file(path), TABLE_BYTES) if path.name.lower().endswith(".gz") else path.open("rb")
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error


def read_lines(stream: Union[BinaryIO, BoundedStream], source: str, encoding: str = "utf-8") -> Iterator[List[str]]:
    r"""Yields the lines that each read completes, so that who writes slowly is answered at once.

    A line ends with ``\n`` or ``\r\n``, which are left out; what else Unicode calls a line's
    end is part of the text. Memory follows the longest line, which ``TEXT_CHARACTERS`` limits.

    Args:
        stream: what is read.
        source: its name, for error lines.
        encoding: of the text; a byte-order mark is passed over.

    Raises:
        ConfigError: no such encoding.
        DataError: it cannot be read, or holds other bytes than the encoding allows, or a NUL character.
    """
    number, pieces, size = 1, [], 0
    for text in _decode(stream, source, encoding):
        _check_nul(text, source, number)
        first, *others = text.split("\n")
        pieces.append(first)
        size += len(first)
        _check_lines([size, *map(len, others)], source, number)
        if others:
            yield [line.removesuffix("\r") for line in ("".join(pieces), *others[:-1])]
            number, pieces, size = number + len(others), others[-1:], len(others[-1])
    last = "".join(pieces)
    if last:
        yield [last.removesuffix("\r")]


def _check_lines(lengths: List[int], source: str, number: int) -> None:
    """Raises DataError where one of successive lines, the first of which is line ``number``, is too long."""
    for line, length in enumerate(lengths, number):
        if length > TEXT_CHARACTERS:
            raise DataError(f"{source}: line {line} is longer than {TEXT_CHARACTERS:,} characters; cut it into several")


def _decode(stream: Union[BinaryIO, BoundedStream], source: str, encoding: str) -> Iterator[str]:
    """Yields the text that each read stands for."""
    decoder = _decoder(encoding)
    offset, at_start, content = 0, True, None
    while content != b"":
        content = _read(stream, source)
        offset += len(content)
        try:
            text = decoder.decode(content, final=not content)
        except UnicodeDecodeError as error:
            place = offset - len(error.object) + error.start
            shown = error.object[error.start : error.start + 1].hex()
            advice = encoding_advice(error.object if offset == len(error.object) else b"")
            raise DataError(f"{source}: byte {place} (0x{shown}) is not {encoding}; {advice}") from error
        if text:
            yield text.removeprefix("\ufeff") if at_start else text
            at_start = False


def _decoder(encoding: str) -> codecs.IncrementalDecoder:
    """Returns what decodes piece by piece."""
    try:
        "".encode(encoding)  # raises for codecs that are not of text, such as base64
        # A codec that passes over a byte-order mark counts an error's place from behind it.
        name = codecs.lookup(encoding).name
        return codecs.getincrementaldecoder("utf-8" if name == "utf-8-sig" else name)()
    except (LookupError, UnicodeError) as error:
        raise ConfigError(f"--encoding {encoding}: no such encoding; use utf-8, gb18030, latin-1, …") from error


def _read(stream: Union[BinaryIO, BoundedStream], source: str) -> bytes:
    """Returns the bytes that are there, at least one unless the stream has ended."""
    try:
        return stream.read1(READ_BYTES)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{source}: is damaged, its gzip data end early or are wrong; copy it anew") from error
    except (OSError, ValueError) as error:
        raise DataError(f"{source}: cannot be read ({getattr(error, 'strerror', None) or error})") from error


def _check_nul(text: str, source: str, number: int) -> None:
    """Raises DataError where a piece of text, which starts in line ``number``, holds a NUL character."""
    position = text.find("\0")
    if position >= 0:
        line = number + text.count("\n", 0, position)
        raise DataError(f"{source}: line {line} holds a NUL character; is it a text file, and of another --encoding?")
