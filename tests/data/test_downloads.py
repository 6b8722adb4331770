import gzip
import hashlib
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from gluon_lstm.data.downloads import Checksum, Limits, fetch
from gluon_lstm.errors import DataError

CONTENT = bytes(range(256)) * 400
PACKED = gzip.compress(CONTENT, mtime=0)
BOMB = gzip.compress(CONTENT + bytes(30_000_000))
CHECKSUM = Checksum(hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))
QUICK = Limits(max_bytes=1_000_000, read_seconds=0.3, total_seconds=0.6)


class Mirror(BaseHTTPRequestHandler):
    """Serves one file in every way that a server can fail."""

    def do_GET(self):
        getattr(self, self.path.strip("/").split("/")[0])()

    def answer(self, body, length=None):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def whole(self):
        self.answer(PACKED)

    def plain(self):
        self.answer(CONTENT)

    def truncated(self):
        self.answer(PACKED[:100], len(PACKED))

    def corrupt(self):
        self.answer(PACKED[:40] + b"\xff\xff" + PACKED[42:])

    def other(self):
        self.answer(gzip.compress(CONTENT[::-1]))

    def bomb(self):
        self.answer(BOMB)

    def large(self):
        self.answer(b"", 10**12)

    def endless(self):
        self.send_response(200)
        self.end_headers()
        self.drip(bytes(100_000), 0)

    def gone(self):
        self.send_error(404)

    def silent(self):
        self.server.closing.wait(5)

    def slow(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(PACKED)))
        self.end_headers()
        self.drip(b"\x1f", 0.05)

    def slow_headers(self):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        self.drip(b"x", 0.05)

    def drip(self, piece, seconds):
        try:
            while not self.server.closing.wait(seconds):
                self.wfile.write(piece)
                self.wfile.flush()
        except OSError:
            self.close_connection = True

    def moved(self):
        self.send_response(302)
        self.send_header("Location", "/whole" if self.path.endswith("here") else "ftp://127.0.0.1/whole")
        self.end_headers()

    def log_message(self, *_):
        return None


@pytest.fixture(scope="module")
def mirror():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Mirror)
    server.closing = threading.Event()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.closing.set()
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def target(tmp_path):
    return tmp_path / "cache" / "file.gz"


def refused():
    """Returns an address of this machine where nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/file.gz"


@pytest.mark.parametrize("way, content", [("whole", PACKED), ("plain", CONTENT), ("moved/here", PACKED)])
def test_a_whole_file(mirror, target, way, content):
    assert fetch([f"{mirror}/{way}"], target, CHECKSUM.verify, QUICK) == target
    assert target.read_bytes() == content
    assert list(target.parent.iterdir()) == [target]


FAILURES = {
    "truncated": f"ended after 100 of {len(PACKED):,} bytes",
    "corrupt": "Error -3 while decompressing data",
    "other": "wrong SHA-256 checksum",
    "bomb": "wrong SHA-256 checksum",
    "large": "larger than 1,000,000 bytes",
    "endless": "larger than 1,000,000 bytes",
    "gone": "HTTP status 404",
    "silent": "timed out",
    "slow": "took longer than 0.6 s",
    "slow_headers": "no answer in time",
    "moved/away": "not an HTTPS address: ftp://127.0.0.1/whole",
}


@pytest.mark.parametrize("way", FAILURES)
def test_a_bad_mirror_is_left_for_the_next(mirror, target, way):
    start = time.monotonic()
    fetch([f"{mirror}/{way}", f"{mirror}/whole"], target, CHECKSUM.verify, QUICK)
    assert time.monotonic() - start < 3
    assert target.read_bytes() == PACKED
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("way, reason", FAILURES.items(), ids=FAILURES)
def test_when_all_mirrors_fail_nothing_stays(mirror, target, way, reason):
    with pytest.raises(DataError) as caught:
        fetch([f"{mirror}/{way}", refused()], target, CHECKSUM.verify, QUICK)
    message = str(caught.value)
    assert message.startswith("file.gz could not be downloaded (127.0.0.1:")
    assert reason in message
    assert "Connection refused" in message
    assert "\n" not in message
    assert list(target.parent.iterdir()) == []


def test_an_earlier_file_stays_as_it_was(mirror, target):
    target.parent.mkdir()
    target.write_bytes(b"earlier")
    with pytest.raises(DataError):
        fetch([f"{mirror}/corrupt"], target, CHECKSUM.verify, QUICK)
    assert target.read_bytes() == b"earlier"


def test_no_network(target, monkeypatch):
    def unresolved(*_, **__):
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", unresolved)
    with pytest.raises(DataError, match=r"\(mirror.example: Temporary failure in name resolution\)"):
        fetch(["https://mirror.example/file.gz"], target, CHECKSUM.verify, QUICK)


def test_a_name_that_never_resolves_ends_in_time(target, monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(1) or [])
    with pytest.raises(DataError, match="mirror.example: no answer in time"):
        fetch(["https://mirror.example/file.gz"], target, CHECKSUM.verify, QUICK._replace(total_seconds=0.2))


@pytest.mark.parametrize("url", ["http://mirror.example/file.gz", "file:///etc/hostname"])
def test_only_https_leaves_this_machine(target, url):
    with pytest.raises(DataError, match=f"not an HTTPS address: {url}"):
        fetch([url], target, CHECKSUM.verify, QUICK)


def test_an_interrupted_download_leaves_nothing(mirror, target):
    def interrupt(path):
        assert path.read_bytes() == PACKED
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch([f"{mirror}/whole"], target, interrupt, QUICK)
    assert list(target.parent.iterdir()) == []


def test_a_folder_that_cannot_be_made(mirror, tmp_path):
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(DataError, match="cache: cannot be made: File exists"):
        fetch([f"{mirror}/whole"], tmp_path / "cache" / "file.gz", CHECKSUM.verify, QUICK)


def test_plain_output_stays_quiet(mirror, target, capfd):
    fetch([f"{mirror}/whole"], target, CHECKSUM.verify, QUICK)
    assert capfd.readouterr() == ("", "")


def test_a_terminal_gets_a_bar_that_leaves_nothing(mirror, target, terminal, monkeypatch):
    monkeypatch.setattr(sys, "stderr", terminal)
    fetch([f"{mirror}/plain"], target, CHECKSUM.verify, QUICK)
    *frames, last = sys.stderr.getvalue().split("\r")
    assert any(frame.startswith("file.gz:   0%|") and "/102k [" in frame and "B/s]" in frame for frame in frames)
    assert (frames[-1].strip(), last) == ("", "")
