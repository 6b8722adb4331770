"""Members of tar and zip archives, read into memory: by name, with limits, and never unpacked onto the disk."""

from __future__ import annotations

import os
import tarfile
import zipfile
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Dict, Iterator, NamedTuple

from gluon_lstm.bounded import open_file, unpacked

_DAMAGES = (
    tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError, OverflowError, RuntimeError,
    NotImplementedError,
)  # fmt: skip
_PIECE = 2**16
_PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Of the others, LZMA can ask for 4 GiB before it unpacks a byte."""


class Sizes(NamedTuple):
    """How many bytes an archive may unpack to: one member, and all that has to be read for them."""

    member: int
    total: int


def read_tar(path: Path, wanted: Callable[[str], object], sizes: Sizes) -> Dict[str, bytes]:
    """Returns name → content of members of a gzipped tar archive.

    Args:
        path: the archive.
        wanted: whether the member of a name is to be read; all others are passed over.
        sizes: what the archive may unpack to.

    Raises:
        ValueError: the archive is damaged or too large, or a wanted member is there twice or is no ordinary file.
    """
    members: Dict[str, bytes] = {}
    with _damage_as_value_error(), open_file(path) as file, unpacked(file, sizes.total) as bounded:
        with tarfile.open(fileobj=bounded, mode="r|") as archive:
            for info in archive:
                name = info.name.removeprefix("./")
                if not wanted(name):
                    continue
                if not info.isreg() or info.issparse():
                    raise ValueError(f"{name} is not an ordinary file")
                _check(name, info.size, members, sizes)
                members[name] = archive.extractfile(info).read()
        while bounded.read(_PIECE):
            pass  # gzip's own checksum is at the very end, which tarfile need not reach
    return members


def read_zip(path: Path, wanted: Callable[[str], object], sizes: Sizes) -> Dict[str, bytes]:
    """Returns name → content of members of a zip archive; arguments and errors as of ``read_tar``."""
    members: Dict[str, bytes] = {}
    total = 0
    with _damage_as_value_error(), open_file(path) as file, zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            if not wanted(info.filename):
                continue
            _check(info.filename, info.file_size, members, sizes)
            if info.compress_type not in _PACKINGS:
                raise ValueError(f"{info.filename} is packed in a way that zip files seldom are")
            if info.compress_size > os.fstat(file.fileno()).st_size:  # for which zipfile would take memory at once
                raise ValueError(f"{info.filename} is said to be larger than the archive")
            total += info.file_size
            if total > sizes.total:
                raise ValueError(f"unpacks to more than {sizes.total:,} bytes")
            members[info.filename] = archive.read(info)  # never more than file_size, whatever is packed
    return members


def _check(name: str, size: int, members: Dict[str, bytes], sizes: Sizes) -> None:
    """Raises ValueError where a member may not be read beside those read already."""
    if name in members:
        raise ValueError(f"{name} is in the archive twice")
    if size > sizes.member:
        raise ValueError(f"{name} is larger than {sizes.member:,} bytes")


@contextmanager
def _damage_as_value_error() -> Iterator[None]:
    """Turns what the standard library raises for a damaged archive into ValueError."""
    try:
        yield
    except _DAMAGES as error:
        raise ValueError(f"damaged archive ({' '.join(str(error).split()) or type(error).__name__})") from error
