"""What every test gets: seeded random streams, no network; and for tests of a block eager, then hybridized."""

from __future__ import annotations

import io
import ipaddress
import os
import pathlib
import signal
import socket
import tempfile
import zlib
from typing import Any, Callable, Iterator, Optional, Set, Type

import hypothesis
import numpy as np
import pytest

from gluon_lstm import runtime

# The same examples in every run, however busy the machine.
hypothesis.settings.register_profile(
    "suite",
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.function_scoped_fixture],
)
hypothesis.settings.load_profile("suite")


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Returns that it is one."""
        return True


@pytest.fixture
def terminal() -> Terminal:
    """A terminal, which keeps what is written to it."""
    return Terminal()


@pytest.fixture(scope="session", autouse=True)
def no_network() -> Iterator[None]:
    """Fails a test that connects to another machine, or asks for another's address: the suite runs offline.

    Not by an OSError, which the code under test would take for a network that is down. Processes
    that a test starts are not watched.
    """

    def refusing(function: Callable, place: Callable[..., Optional[str]]) -> Callable:
        def call(*arguments: Any, **options: Any) -> Any:
            host = place(*arguments, **options)
            if host is not None and not is_on_this_machine(host):
                pytest.fail(f"a test reaches for {host}: tests run offline")
            return function(*arguments, **options)

        return call

    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex"):
            patch.setattr(socket.socket, name, refusing(getattr(socket.socket, name), host_of_connection))
        patch.setattr(socket, "getaddrinfo", refusing(socket.getaddrinfo, host_to_resolve))
        yield


def host_of_connection(connecting: socket.socket, address: Any) -> Optional[str]:
    """Returns the host that a socket is to be connected with; ``None`` for one of the file system."""
    return None if connecting.family == socket.AF_UNIX else address[0]


def host_to_resolve(host: Any, *_: Any, **__: Any) -> Optional[str]:
    """Returns the host whose address is asked for; ``None`` where there is none, which means this machine."""
    return host.decode() if isinstance(host, bytes) else host or None


def is_on_this_machine(host: str) -> bool:
    """Whether a host is this machine, reached without any network."""
    try:
        return host == "localhost" or ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


@pytest.fixture(autouse=True)
def random_seed(request) -> int:
    """Seeds Python, NumPy and MXNet from the test's name, or from $TEST_SEED; a failure's report shows the seed."""
    seed = int(os.environ.get("TEST_SEED") or zlib.crc32(request.node.nodeid.encode()) >> 1)
    request.node.add_report_section("setup", "seed", f"TEST_SEED={seed}")
    runtime.seed_everything(seed)
    return seed


@pytest.fixture(autouse=True)
def signals_that_act() -> Iterator[None]:
    """Has Ctrl-C and a closing terminal do what they do, also where a shell or ``nohup`` has them ignored."""
    usual = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL, signal.SIGHUP: signal.SIG_DFL}
    before = {number: signal.signal(number, handler) for number, handler in usual.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def rng(random_seed) -> np.random.Generator:
    """A random stream of the test's own."""
    return np.random.default_rng(random_seed)


@pytest.fixture(params=[False, True], ids=["eager", "hybridized"])
def hybridized(request) -> bool:
    """Whether the test's blocks are to be hybridized; the test runs both ways."""
    return request.param


class FailingDisk:
    """A context in which a call of the operating system that writes fails, as on a full or broken disk.

    Args:
        fails_at: number of the call that fails, from 0.
        number: the error's.
        for_good: whether every later one fails too.

    Attributes:
        calls: how many there were.
        called: which of ``CALLS`` were among them.
    """

    CALLS = ("os.fsync", "os.replace", "os.open", "pathlib.Path.write_bytes", "pathlib.Path.write_text",
             "pathlib.Path.chmod", "pathlib.Path.mkdir", "tempfile.mkstemp", "tempfile.mkdtemp")  # fmt: skip

    def __init__(self, fails_at: int, number: int, for_good: bool) -> None:
        self._fails_at, self._number, self._for_good, self.calls = fails_at, number, for_good, 0
        self.called: Set[str] = set()
        self._patch = pytest.MonkeyPatch()

    def __enter__(self) -> FailingDisk:
        modules = {"os": os, "pathlib.Path": pathlib.Path, "tempfile": tempfile}
        for name in self.CALLS:
            owner, _, attribute = name.rpartition(".")
            self._patch.setattr(modules[owner], attribute, self._wrap(name, getattr(modules[owner], attribute)))
        return self

    def __exit__(self, *_) -> None:
        self._patch.undo()

    def _wrap(self, name: str, function: Callable) -> Callable:
        def call(*arguments, **options):
            self.calls += 1
            self.called.add(name)
            if self.calls - 1 == self._fails_at or (self._for_good and self.calls > self._fails_at):
                if function.__name__ in ("write_bytes", "write_text"):  # of which a part gets onto the disk
                    path, content = arguments
                    function(path, content[: len(content) // 2], **options)
                raise OSError(self._number, os.strerror(self._number))
            return function(*arguments, **options)

        return call


@pytest.fixture
def failing_disk() -> Type[FailingDisk]:
    """The context in which a call that writes fails."""
    return FailingDisk
