"""Ctrl-C that Python would drop."""

from __future__ import annotations

import _thread
import signal
import sys
import threading
import time
from contextlib import contextmanager
from typing import Any, Iterator

PAUSE = 0.05
"""Seconds until an interrupt comes again."""


@contextmanager
def lasting_interrupts() -> Iterator[None]:
    """Has a KeyboardInterrupt come again that met code from which Python raises nothing.

    Such are destructors, of which each of MXNet's arrays has one, and callbacks from C: Python writes the exception to
    standard error, and goes on as if nothing had been pressed.
    """
    previous = sys.unraisablehook

    def tell(unraisable: Any) -> None:
        if issubclass(unraisable.exc_type, KeyboardInterrupt):
            # Once this hook is left, in which it would be dropped, too; a threading.Timer would wait here.
            _thread.start_new_thread(interrupt_later, ())
        else:
            previous(unraisable)

    def interrupt_later() -> None:
        time.sleep(PAUSE)
        if sys.unraisablehook is tell:  # what was to be interrupted goes on
            # A signal, which also ends waiting for the system.
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    sys.unraisablehook = tell
    try:
        yield
    finally:
        sys.unraisablehook = previous
