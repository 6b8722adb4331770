"""No test reaches another machine, and one that tries fails."""

from __future__ import annotations

import socket

import pytest

ELSEWHERE = "192.0.2.1"
"""Of a net that is kept for documentation (RFC 5737): nobody answers there."""


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM], ids=["TCP", "UDP"])
@pytest.mark.parametrize("method", ["connect", "connect_ex"])
def test_another_machine_is_not_reached(kind, method):
    with socket.socket(type=kind) as connecting:
        connecting.settimeout(1)
        with pytest.raises(pytest.fail.Exception, match=f"a test reaches for {ELSEWHERE}: tests run offline"):
            getattr(connecting, method)((ELSEWHERE, 9))


@pytest.mark.parametrize("host", [ELSEWHERE, "mirror.example", b"mirror.example"])
def test_another_machines_address_is_not_asked_for(host):
    with pytest.raises(pytest.fail.Exception, match="tests run offline"):
        socket.create_connection((host, 443), timeout=1)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_this_machine_is(host):
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection((host, server.getsockname()[1]), timeout=5):
            pass


def test_sockets_of_the_file_system_are(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the path of such a socket must be short
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as connecting:
        server.bind("here")
        server.listen()
        connecting.connect("here")
