"""JSON files and checksums, as every part of a run directory has them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Dict, Mapping

from gluon_lstm.atomic import replacing_file
from gluon_lstm.errors import RunError


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Writes a JSON file as a whole, readable by people."""
    with replacing_file(path) as temporary:
        text = json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False)
        temporary.write_text(text + "\n", encoding="utf-8")


def read_json(path: Path) -> Dict[str, Any]:
    """Returns the object in a JSON file.

    Raises:
        RunError: there is none, or it is not valid.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f"{path}: cannot be read ({error}); train again or restore a copy") from error
    if not isinstance(content, dict):
        raise RunError(f"{path}: must hold a JSON object; train again or restore a copy")
    return content


def sha256(path: Path) -> str:
    """Returns the SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def check_sum(path: Path, checksum: Any, advice: str) -> None:
    """Raises RunError, whose line ends with the advice, unless a file is there and has the checksum recorded."""
    try:
        found = sha256(path)
    except OSError as error:
        raise RunError(f"{path}: cannot be read ({error}); {advice}") from error
    if found != checksum:
        raise RunError(f"{path}: damaged, its checksum is not the recorded one; {advice}")
