"""Files and folders that appear whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Iterator


@contextmanager
def replacing_file(target: Path) -> Iterator[Path]:
    """Gives a path beside ``target`` to write to; on success it takes the target's place.

    Args:
        target: the file to be made or replaced; its folder is made if it is missing.

    Yields:
        The path to write. If the block raises, it is removed and ``target`` stays as it was.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        _flush(temporary)
        temporary.chmod(0o666 & ~_umask())
        os.replace(temporary, target)
        _flush(target.parent)
    finally:
        temporary.unlink(missing_ok=True)


def check_replaceable(target: Path) -> None:
    """Raises the OSError that ``replacing_file`` would end with, as far as that shows beforehand; makes nothing."""
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(target))
    if os.path.lexists(target) and not target.is_file():  # a device such as /dev/null
        raise OSError(errno.EINVAL, "Not a regular file", str(target))
    with suppress(FileNotFoundError, NotADirectoryError):
        os.lstat(target.with_name(f".{target.name}.12345678"))  # raises where the name is too long
    _check_writable(target.absolute().parent)


def check_fillable(folder: Path) -> None:
    """Raises the OSError that making a folder, or a file in it, would end with, as far as that shows; makes nothing."""
    with suppress(FileNotFoundError, NotADirectoryError):
        os.lstat(folder)  # raises where the name is too long
    _check_writable(folder.absolute())


def _check_writable(folder: Path) -> None:
    """Raises OSError where nothing can be written to a folder, or to the one that it would have to be made in."""
    nearest = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
    if not nearest.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(nearest))
    if not os.access(nearest, os.W_OK | os.X_OK):
        number = errno.EROFS if os.statvfs(nearest).f_flag & os.ST_RDONLY else errno.EACCES
        raise OSError(number, os.strerror(number), str(nearest))


@contextmanager
def replacing_directory(target: Path) -> Iterator[Path]:
    """Gives a folder beside ``target`` to fill; on success it takes the target's place.

    Args:
        target: the folder to be made or replaced; its parent is made if it is missing.

    Yields:
        The folder to fill. If the block raises, it is removed and ``target`` stays as it was.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    old = temporary.with_name(temporary.name + ".old")
    try:
        yield temporary
        for path in (temporary, *temporary.rglob("*")):
            _flush(path)
        temporary.chmod(0o777 & ~_umask())
        # A folder that is not empty cannot be renamed over, so the old one steps aside first.
        if target.exists():
            os.replace(target, old)
        os.replace(temporary, target)
        _flush(target.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        if old.exists() and not target.exists():
            os.replace(old, target)
        shutil.rmtree(old, ignore_errors=True)


def surviving_directory(target: Path) -> Path:
    """Returns where the content of ``target`` is, which ``replacing_directory`` makes or replaces.

    That is ``target``, except after a kill between the two renames that replace it: then
    it is the old folder, which had stepped aside. It is read there and not moved back,
    for a process that is still at work may be between the two renames just now.
    """
    if not target.exists() and target.parent.is_dir():
        aside = [path for path in target.parent.iterdir() if _stepped_aside(path.name, target.name)]
        # The process may have ended its work in between, so once more.
        if aside and not target.exists():
            return max(aside, key=lambda path: path.stat().st_mtime_ns)
    return target


def _stepped_aside(name: str, target: str) -> bool:
    """Whether ``name`` is one that ``replacing_directory`` gives to the old folder of a target's name."""
    return name.startswith(f".{target}.") and name.endswith(".old")


def _flush(path: Path) -> None:
    """Waits until a file's bytes, or a folder's entries, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _umask() -> int:
    """Returns the process's file mode mask, which can only be read by setting it."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
