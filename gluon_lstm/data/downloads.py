"""Downloads that end: whole and verified, or not at all."""

from __future__ import annotations

import concurrent.futures
import gzip
import hashlib
import http.client
import os
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import zlib
from pathlib import Path
from typing import Callable, Iterator, NamedTuple, Sequence

from gluon_lstm.atomic import replacing_file
from gluon_lstm.bounded import open_file
from gluon_lstm.errors import DataError

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_CHUNK = 2**16
_FAILURES = (OSError, EOFError, ValueError, http.client.HTTPException, zlib.error)


class Limits(NamedTuple):
    """What a download may take: bytes, seconds without an answer, and seconds in all."""

    max_bytes: int = 2**30
    read_seconds: float = 20.0
    total_seconds: float = 600.0


class Checksum(NamedTuple):
    """What a file must hold.

    Attributes:
        digest: its SHA-256, in hexadecimal.
        size: bytes; never more than this is unpacked.
        unpack: whether both are of what a gzipped file unpacks to, not of the file as it is.
    """

    digest: str
    size: int
    unpack: bool = True

    def verify(self, path: Path) -> None:
        """Raises ValueError unless the content of ``path`` is the one meant."""
        digest, size = hashlib.sha256(), 0
        with open_file(path) as raw:
            compressed = self.unpack and raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            stream = gzip.GzipFile(fileobj=raw) if compressed else raw
            while size <= self.size:
                piece = stream.read(_CHUNK)
                if not piece:
                    break
                digest.update(piece)
                size += len(piece)
        if size != self.size or digest.hexdigest() != self.digest:
            raise ValueError("wrong SHA-256 checksum")


DEFAULT_LIMITS = Limits()


def fetch(urls: Sequence[str], target: Path, verify: Callable[[Path], None], limits: Limits = DEFAULT_LIMITS) -> Path:
    """Downloads a file from the first of several mirrors that gives it whole.

    ``target`` appears at once and verified; whatever happens, nothing else stays.

    Args:
        urls: where the file is, HTTPS (HTTP only from this machine itself).
        target: where it goes; its folder is made.
        verify: raises ValueError, or an error of reading, for a file that is not the one meant.
        limits: bytes and seconds for each mirror.

    Returns:
        ``target``.

    Raises:
        DataError: every mirror failed, or ``target`` cannot be written.
    """
    _make_writable_folder(target.parent)
    failures = []
    for url in urls:
        try:
            with replacing_file(target) as part:
                _download(url, part, target.name, limits)
                verify(part)
            return target
        except _FAILURES as error:
            failures.append(f"{urllib.parse.urlsplit(url).netloc}: {_reason(error)}")
    raise DataError(f"{target.name} could not be downloaded ({'; '.join(failures)})")


def _make_writable_folder(folder: Path) -> None:
    """Makes ``folder`` where it is missing; raises DataError where it cannot be written to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{folder}: cannot be made: {error.strerror}") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise DataError(f"{folder}: cannot be written to")


def _download(url: str, part: Path, name: str, limits: Limits) -> None:
    """Writes what ``url`` holds into ``part``."""
    from tqdm import tqdm

    deadline = time.monotonic() + limits.total_seconds
    with _open(url, limits) as response, part.open("wb") as file:
        length = response.headers.get("Content-Length")
        total = None if length is None else int(length)
        if (total or 0) > limits.max_bytes:
            raise ValueError(f"larger than {limits.max_bytes:,} bytes")
        with tqdm(total=total, desc=name, unit="B", unit_scale=True, leave=False, disable=None) as bar:
            for piece in _pieces(response, deadline, limits):
                file.write(piece)
                bar.update(len(piece))
        if total is not None and file.tell() != total:
            raise ValueError(f"ended after {file.tell():,} of {total:,} bytes")


def _pieces(response: http.client.HTTPResponse, deadline: float, limits: Limits) -> Iterator[bytes]:
    """Yields what arrives, as it arrives, so that the time and size are checked however slowly it comes."""
    size = 0
    while True:
        piece = response.read1(_CHUNK)
        if not piece:
            return
        size += len(piece)
        if size > limits.max_bytes:
            raise ValueError(f"larger than {limits.max_bytes:,} bytes")
        if time.monotonic() > deadline:
            raise TimeoutError(f"took longer than {limits.total_seconds:g} s")
        yield piece


def _open(url: str, limits: Limits) -> http.client.HTTPResponse:
    """Opens ``url`` within the time limit.

    A thread of its own does it, since neither a name that does not resolve nor
    headers that drip in heed the time limit of a socket.
    """
    answer: concurrent.futures.Future = concurrent.futures.Future()
    threading.Thread(target=_answer, args=(answer, url, limits.read_seconds), daemon=True).start()
    try:
        return answer.result(timeout=min(2 * limits.read_seconds, limits.total_seconds))
    except concurrent.futures.TimeoutError:
        if answer.cancel():
            raise TimeoutError("no answer in time") from None
        return answer.result()


def _answer(answer: concurrent.futures.Future, url: str, seconds: float) -> None:
    """Settles ``answer`` with the response of ``url``, or with the error; too late, closes it."""
    response, failure = None, None
    try:
        response = urllib.request.build_opener(_AllowedRedirects).open(_allowed(url), timeout=seconds)
    except _FAILURES as error:
        failure = error
        if isinstance(error, urllib.error.HTTPError):
            error.close()
    if not answer.set_running_or_notify_cancel():
        if response is not None:
            response.close()
    elif failure is not None:
        answer.set_exception(failure)
    else:
        answer.set_result(response)


class _AllowedRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects only to addresses that may be asked for in the first place."""

    def redirect_request(self, req, fp, code, msg, headers, newurl):
        """Returns the request that follows a redirect, or closes ``fp`` and raises ValueError."""
        try:
            _allowed(newurl)
        except ValueError:
            fp.close()
            raise
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _allowed(url: str) -> str:
    """Returns ``url``, or raises ValueError where it is neither HTTPS nor on this machine."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise ValueError(f"not an HTTPS address: {url}")
    return url


def _reason(error: BaseException) -> str:
    """Returns on one line why a download failed."""
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP status {error.code}"
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    text = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
    return " ".join(text.split())
