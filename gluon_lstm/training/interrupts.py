"""Ctrl-C and the termination signal, held back until a step is done."""

import signal
from contextlib import contextmanager
from typing import Iterator, List

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def held_signals() -> Iterator[List[int]]:
    """Collects SIGINT and SIGTERM in a list instead of ending the process at once.

    A second signal ends it as it would have without this.

    Yields:
        The numbers of the signals received so far.
    """
    received: List[int] = []

    def hold(number, frame) -> None:
        received.append(number)
        for each, handler in previous.items():
            signal.signal(each, handler)

    previous = {number: signal.signal(number, hold) for number in SIGNALS}
    try:
        yield received
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
