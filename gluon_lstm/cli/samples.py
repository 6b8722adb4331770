"""What predict reads: texts or pictures, from the command line, a file or a pipe."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, Iterator, List, NamedTuple, Sequence, Union

import numpy as np

from gluon_lstm.cli.options import warn_of_idle
from gluon_lstm.cli.output import visible
from gluon_lstm.config import TextConfig
from gluon_lstm.data.formats import ImageFormat
from gluon_lstm.data.lines import is_lines, open_lines, read_lines
from gluon_lstm.data.picture_folders import list_files
from gluon_lstm.data.pictures import read_pictures
from gluon_lstm.data.tables import Columns, is_delimited, is_table, read_texts, warn_of_reading
from gluon_lstm.errors import ConfigError, DataError

CHUNK = 256
"""Most samples that are read, answered and written at a time."""
STANDARD_INPUT = "-"
PICTURE_SUFFIXES = (".png", "-ubyte", "-ubyte.gz")


class Samples(NamedTuple):
    """Some successive samples.

    Attributes:
        names: what an answer calls each: the text itself, or a picture's file.
        values: N texts, or (N, H, W) uint8 pictures.
        lines: the line that each text starts in, from 1; of pictures their numbers.
    """

    names: Sequence[str]
    values: Union[List[str], np.ndarray]
    lines: Sequence[int]


def check_source(arguments: argparse.Namespace) -> None:
    """Raises ConfigError unless there are either samples on the command line or a file."""
    if arguments.samples and arguments.input is not None:
        raise ConfigError("--input and a text or picture on the command line: give one of them")
    if not arguments.samples and arguments.input is None:
        raise ConfigError("what is to be classified? give a text or picture after the run, or a file with --input")


def open_texts(arguments: argparse.Namespace, trained: TextConfig, stack: ExitStack) -> Iterator[Samples]:
    """Returns the texts that the command line asks for; a pipe's are read as they arrive.

    Args:
        arguments: what the command line gave.
        trained: how the texts of the training were read.
        stack: closes what is opened.

    Raises:
        UserError: at once, or while the texts are read: they cannot be used.
    """
    warn_of_idle(arguments, ["invert"], "the run reads texts")
    name, encoding = arguments.input, arguments.encoding or "utf-8"
    if name is None:
        warn_of_idle(arguments, ["encoding", "text_column", "quotes"], "needs --input")
        return _chunks(_check_texts(arguments.samples), range(1, len(arguments.samples) + 1))
    if is_table(name):
        if not is_delimited(name):
            warn_of_idle(arguments, ["quotes"], "JSON Lines have quotation marks of their own")
        quotes = trained.quotes if arguments.quotes is None else arguments.quotes
        return _table(Path(name), Columns(arguments.text_column or trained.text_column), encoding, quotes)
    if name != STANDARD_INPUT and not is_lines(name):
        raise ConfigError(
            f"--input {name}: the run reads texts; give a file that ends in .txt, .csv, .tsv or .jsonl, "
            f"or one of these with .gz, or - for standard input"
        )
    warn_of_idle(arguments, ["text_column", "quotes"], "each line is a text; needs a .csv, .tsv or .jsonl file")
    if name == STANDARD_INPUT:
        return _lines(_standard_input(), "standard input", encoding)
    return _lines(stack.enter_context(open_lines(Path(name))), name, encoding)


def open_pictures(arguments: argparse.Namespace, image_format: ImageFormat) -> Iterator[Samples]:
    """Returns the pictures that the command line asks for, all of which have been read.

    Raises:
        UserError: they cannot be used.
    """
    warn_of_idle(arguments, ["encoding", "text_column", "quotes"], "the run reads pictures")
    names, pictures = [], []
    for name in _expand(arguments.samples or [arguments.input]):
        found = read_pictures(Path(name), image_format, bool(arguments.invert))
        names += [name] if len(found) == 1 else [f"{name}[{index}]" for index in range(len(found))]
        pictures.append(found)
    return _chunks(np.concatenate(pictures), range(1, len(names) + 1), names)


def _expand(names: Sequence[str]) -> Iterator[str]:
    """Yields the files of pictures that are named, those in a folder one by one."""
    for name in names:
        if not os.path.exists(name):
            raise DataError(f"{name}: no such file; the run reads pictures, so give PNG or IDX files, or a folder")
        yield from map(str, list_files(Path(name))) if os.path.isdir(name) else [name]


def _chunks(values: Union[List[str], np.ndarray], lines: Sequence[int], names=None) -> Iterator[Samples]:
    """Yields samples a chunk at a time; texts are their own names."""
    for start in range(0, len(values), CHUNK):
        part = slice(start, start + CHUNK)
        yield Samples((values if names is None else names)[part], values[part], lines[part])


def _check_texts(texts: List[str]) -> List[str]:
    """Returns texts of the command line, or raises UserError where one is blank, a file's name, or no text."""
    for number, text in enumerate(texts, 1):
        if not text.strip():
            raise DataError(f"text {number} is blank; the model needs at least one word")
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise DataError(f"text {number} holds bytes that are no text; give it in a file with --encoding") from error
        if (is_lines(text) or is_table(text)) and os.path.isfile(text):
            raise ConfigError(f"{text}: is a file; to classify the texts in it, name it with --input")
        if os.sep in text and os.path.isdir(text):
            raise ConfigError(f"{text}: is a folder, and the run reads texts; to classify those in a file, use --input")
        if text.lower().endswith(PICTURE_SUFFIXES) and os.path.isfile(text):
            raise DataError(f"{text}: is a picture, and the run reads texts")
    return texts


def _table(path: Path, columns: Columns, encoding: str, quotes: bool) -> Iterator[Samples]:
    """Returns the texts of a table, blank ones in their places, after notes of what was read."""
    found = read_texts(path, columns, encoding, labelled=False, quotes=quotes)
    rows = sorted([*zip(found.lines, found.texts), *((line, "") for line in found.blank)])
    print(f"{visible(str(path))}: texts from column {found.columns[0]!r}", file=sys.stderr)
    for warning in warn_of_reading(found, str(path)):
        print(visible(warning), file=sys.stderr)
    return _chunks([text for _, text in rows], [line for line, _ in rows])


def _lines(stream: BinaryIO, source: str, encoding: str) -> Iterator[Samples]:
    """Yields the texts of a stream as they arrive."""
    number = 1
    for lines in read_lines(stream, source, encoding):
        yield from _chunks(lines, range(number, number + len(lines)))
        number += len(lines)


def _standard_input() -> BinaryIO:
    """Returns the bytes of standard input."""
    if sys.stdin is None:
        raise ConfigError("--input -: standard input is closed; name a file")
    return sys.stdin.buffer
