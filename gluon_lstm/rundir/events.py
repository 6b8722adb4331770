"""TensorBoard's event files, as far as a curve needs them: one number a name and step.

A file is a row of records: the length of what follows in 8 bytes, its checksum,
the content, and that one's checksum, numbers with the lowest byte first. The
content is a protocol buffer ``Event``. The packages that write such files import
PyTorch where it is installed, and fail with it where it is broken; so this is done here.
"""

from __future__ import annotations

import socket
import struct
import time
from contextlib import suppress
from pathlib import Path
from typing import Mapping

_POLYNOMIAL = 0x82F63B78  # CRC-32C (Castagnoli), lowest bit first


class EventFile:
    """A new event file in a folder.

    Args:
        folder: made if it is missing.

    Raises:
        OSError: the folder or the file cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        now = time.time()
        self._file = open(folder / f"events.out.tfevents.{int(now)}.{socket.gethostname()}", "ab")
        self._write(encode_start(now))

    def add(self, values: Mapping[str, float], step: int) -> None:
        """Adds the numbers of one step, and hands them to the system.

        Raises:
            OSError: they cannot be written.
        """
        self._write(encode_scalars(values, step, time.time()))

    def close(self) -> None:
        """Closes the file; each record is with the system already, or its error was raised."""
        with suppress(OSError):
            self._file.close()

    def _write(self, content: bytes) -> None:
        length = struct.pack("<Q", len(content))
        self._file.write(length + _checksum(length) + content + _checksum(content))
        self._file.flush()


def encode_start(now: float) -> bytes:
    """Returns the first ``Event`` of a file: its time (field 1) and the format's version (field 3)."""
    return b"\x09" + struct.pack("<d", now) + _delimited(3, b"brain.Event:2")


def encode_scalars(values: Mapping[str, float], step: int, now: float) -> bytes:
    """Returns an ``Event``: its time (field 1), the step (field 2), and the values (field 1 of field 5)."""
    summary = b"".join(_delimited(1, _encode_scalar(name, value)) for name, value in values.items())
    return b"\x09" + struct.pack("<d", now) + b"\x10" + _varint(step) + _delimited(5, summary)


def _encode_scalar(name: str, value: float) -> bytes:
    """Returns a ``Summary.Value``: name (field 1) and float32 (field 2)."""
    return _delimited(1, name.encode()) + b"\x15" + struct.pack("<f", value)


def _delimited(number: int, content: bytes) -> bytes:
    """Returns a field whose content is bytes, text or a message: number and wire type 2, length, content."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    """Returns a whole number, not negative: seven bits a byte, lowest first, the top bit set on all but the last."""
    groups = [number & 127]
    while number > 127:
        number >>= 7
        groups[-1] |= 128
        groups.append(number & 127)
    return bytes(groups)


def _checksum(content: bytes) -> bytes:
    """Returns the CRC-32C of bytes, masked as the format asks."""
    crc = 0xFFFFFFFF
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (_POLYNOMIAL if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)
