"""Ctrl-C, the termination signal and a terminal that closes, held back until a step is done."""

import signal
from contextlib import contextmanager
from typing import Any, Dict, Iterator, List

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def held_signals() -> Iterator[List[int]]:
    """Collects SIGINT, SIGTERM and SIGHUP in a list instead of ending the process at once.

    A second signal ends it as it would have without this. One that the process was started
    to ignore, as by ``nohup`` or in the background of a script, stays ignored.

    Yields:
        The numbers of the signals received so far.
    """
    received: List[int] = []
    previous: Dict[int, Any] = {}

    def hold(number, frame) -> None:
        received.append(number)
        for each, handler in previous.items():
            signal.signal(each, handler)

    heeded = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    previous.update((number, signal.getsignal(number)) for number in heeded)
    for number in heeded:
        signal.signal(number, hold)
    try:
        yield received
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
