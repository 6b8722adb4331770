"""Lines of text, a text a line, as they arrive from a file or a pipe."""

from __future__ import annotations

import codecs
import gzip
import math
import zlib
from pathlib import Path
from typing import BinaryIO, Iterator, List, NamedTuple, Optional, Tuple, Union

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


class _Fault(NamedTuple):
    """A line that cannot be used, by number from 1, and why."""

    line: int
    message: str


def read_lines(stream: Union[BinaryIO, BoundedStream], source: str, encoding: str = "utf-8") -> Iterator[List[str]]:
    r"""Yields the lines that each read completes, so that who writes slowly is answered at once.

    A line ends with ``\n`` or ``\r\n``, which are left out; what else Unicode calls a line's
    end is part of the text. Memory follows the longest line, which ``TEXT_CHARACTERS`` limits.
    The lines before one that is at fault are yielded before the error is raised.

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
        first, *others = text.split("\n")
        pieces.append(first)
        size += len(first)
        fault = _find_fault(text, [size, *map(len, others)], number)
        ended = fault.line - number if fault else len(others)
        if ended:
            yield [line.removesuffix("\r") for line in ("".join(pieces), *others)[:ended]]
        if fault:
            raise DataError(f"{source}: line {fault.line} {fault.message}")
        if others:
            number, pieces, size = number + len(others), others[-1:], len(others[-1])
    last = "".join(pieces)
    if last:
        yield [last.removesuffix("\r")]


def _find_fault(text: str, lengths: List[int], number: int) -> Optional[_Fault]:
    """Returns the first fault in a piece of text.

    Args:
        text: the piece; its first line may have begun in an earlier one.
        lengths: of its lines, the beginning of the first one included.
        number: of its first line.
    """
    position = text.find("\0")
    nul = number + text.count("\n", 0, position) if position >= 0 else math.inf
    for line, length in enumerate(lengths, number):
        if length > TEXT_CHARACTERS and line < nul:
            return _Fault(line, f"is longer than {TEXT_CHARACTERS:,} characters; cut it into several")
    if position < 0:
        return None
    return _Fault(nul, "holds a NUL character; is it a text file, and of another --encoding?")


def _decode(stream: Union[BinaryIO, BoundedStream], source: str, encoding: str) -> Iterator[str]:
    """Yields the text that each read stands for, and what is before a byte that the encoding does not allow."""
    decoder = _decoder(encoding)
    offset, line, at_start, content, fault = 0, 1, True, None, None
    while content != b"" and fault is None:
        content = _read(stream, source)
        offset += len(content)
        try:
            text, fault = _decode_piece(decoder, content)
        except UnicodeError as error:  # of the whole, such as UTF-16 that does not begin with its byte-order mark
            raise DataError(f"{source}: is not {encoding} ({error}); {encoding_advice(b'')}") from error
        if text:
            yield text.removeprefix("\ufeff") if at_start else text
            at_start = False
            line += text.count("\n")
    if fault is not None:
        place, wrong = offset - len(fault.object) + fault.start, fault.object[fault.start : fault.start + 1].hex()
        advice = encoding_advice(fault.object if offset == len(fault.object) else b"")
        raise DataError(f"{source}: line {line}: byte {place} (0x{wrong}) is not {encoding}; {advice}") from fault


def _decode_piece(decoder: codecs.IncrementalDecoder, content: bytes) -> Tuple[str, Optional[UnicodeDecodeError]]:
    """Returns the text that a piece completes, up to a byte that the encoding does not allow, and that byte's error."""
    before = decoder.getstate()
    try:
        return decoder.decode(content, final=not content), None
    except UnicodeDecodeError as error:
        decoder.setstate(before)
        left = len(error.object) - error.start
        return decoder.decode(content[: max(0, len(content) - left)]), error


def _decoder(encoding: str) -> codecs.IncrementalDecoder:
    """Returns what decodes piece by piece."""
    try:
        "".encode(encoding)  # raises for codecs that are not of text, such as base64
        # A codec that passes over a byte-order mark counts an error's place from behind it.
        name = codecs.lookup(encoding).name
        return codecs.getincrementaldecoder("utf-8" if name == "utf-8-sig" else name)()
    except (LookupError, UnicodeError) as error:
        raise ConfigError(f"--encoding {encoding}: no such encoding; use utf-8, cp1252, gb18030, …") from error


def _read(stream: Union[BinaryIO, BoundedStream], source: str) -> bytes:
    """Returns the bytes that are there, at least one unless the stream has ended."""
    try:
        return stream.read1(READ_BYTES)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{source}: is damaged, its gzip data end early or are wrong; copy it anew") from error
    except (OSError, ValueError) as error:
        raise DataError(f"{source}: cannot be read ({getattr(error, 'strerror', None) or error})") from error
