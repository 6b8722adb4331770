"""JSON files, checksums, and what a failing disk is answered with, as every part of a run directory has them."""

from __future__ import annotations

import hashlib
import json
import os
import re
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping

from gluon_lstm.atomic import replacing_file
from gluon_lstm.bounded import JSON_BYTES, LOG_BYTES, WEIGHT_BYTES, open_file, parse_json, read_file
from gluon_lstm.errors import RunError

CURVES = ("train_loss", "validation_loss", "train_accuracy", "validation_accuracy")
"""What reports draw of an epoch's record."""
_MOST_EPOCHS = 2**31
_GREATEST = 3.4e38  # of float32, roughly
_PIECE = 2**20
_NUMBERS = re.compile(r"\[\n\s*([-+.\deE,\s]+?)\s*\]")
"""A list of numbers as json indents it; no string of a JSON file has a newline in it."""


@contextmanager
def explained(path: Path, advice: str = "free space or change the folder") -> Iterator[None]:
    """Turns a full disk or a missing permission into a RunError that names the path and says what to do."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise RunError(f"{path}: cannot be written ({reason}); {advice}") from error


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Writes a JSON file as a whole, readable by people: indented, with each list of numbers in one line."""
    with replacing_file(path) as temporary:
        text = json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False)
        lines = _NUMBERS.sub(lambda numbers: re.sub(r"\n\s*", " ", numbers[1]).join("[]"), text)
        temporary.write_text(lines + "\n", encoding="utf-8")


def read_json(
    path: Path, checksum: Any = None, advice: str = "train again or restore a copy", most: int = JSON_BYTES
) -> Dict[str, Any]:
    """Returns the object in a JSON file.

    Args:
        path: the file.
        checksum: SHA-256 that it must have, in hexadecimal; any if ``None``.
        advice: what to do where it is not valid, for the end of the error's line.
        most: bytes that it may have.

    Raises:
        RunError: there is none, or it is not valid.
    """
    try:
        text = read_file(path, most)
        if checksum is not None and hashlib.sha256(text).hexdigest() != checksum:
            raise RunError(f"{path}: damaged, its checksum is not the recorded one; {advice}")
        content = parse_json(text)
    except (OSError, ValueError) as error:
        raise RunError(f"{path}: cannot be read ({error}); {advice}") from error
    if not isinstance(content, dict):
        raise RunError(f"{path}: must hold a JSON object; {advice}")
    return content


def read_log_lines(path: Path) -> List[str]:
    """Returns the lines of ``log.jsonl``, without their ends.

    Raises:
        OSError: it cannot be read.
        ValueError: it is too large, or no UTF-8.
    """
    return read_file(path, LOG_BYTES).decode("utf-8").splitlines()


def parse_record(line: str) -> Dict[str, Any]:
    """Returns an epoch's record, of which reports can draw what they draw.

    Raises:
        ValueError: the line is no JSON object, or has another value where a number belongs.
    """
    record = parse_json(line)
    if not isinstance(record, dict) or type(record.get("epoch")) is not int:
        raise ValueError("not an object with the number of an epoch")
    if not 0 <= record["epoch"] < _MOST_EPOCHS or not all(is_drawable(record.get(name)) for name in CURVES):
        raise ValueError("not such numbers as a training has")
    return record


def is_drawable(value: Any) -> bool:
    """Whether a value is a number that can be a point of a curve, or none."""
    return value is None or (type(value) in (int, float) and abs(value) < _GREATEST)


def sha256(path: Path) -> str:
    """Returns the SHA-256 of a file, in hexadecimal.

    Raises:
        OSError: it cannot be read.
        ValueError: it is larger than any file of a run directory.
    """
    digest = hashlib.sha256()
    with open_file(path) as file:
        if os.fstat(file.fileno()).st_size > WEIGHT_BYTES:
            raise ValueError(f"larger than {WEIGHT_BYTES:,} bytes")
        for piece in iter(lambda: file.read(_PIECE), b""):
            digest.update(piece)
    return digest.hexdigest()
