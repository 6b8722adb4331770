"""The folder ``events/``: the log once more, as TensorBoard reads it."""

from __future__ import annotations

import socket
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Iterator, Mapping, Optional, Tuple

_FILE_VERSION = "brain.Event:2"


class EventLog:
    """Adds records to a file of events, which is made with the first one.

    No training goes on from events, so none ends because of them: without tensorboardX, and from
    the first record on that cannot be written, there are none, and a line says so.

    Args:
        folder: where the file goes.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: Optional[Any] = None
        self._has_failed = False

    def __enter__(self) -> EventLog:
        return self

    def __exit__(self, *_) -> None:
        if self._file is not None:
            with suppress(OSError):
                self._file.close()

    def add(self, record: Mapping[str, Any]) -> None:
        """Adds an epoch's record, and waits until it is on the disk."""
        if self._has_failed:
            return
        try:
            self._write(record)
        except ImportError as error:
            self._give_up(f"tensorboardX cannot be imported ({error})")
        except OSError as error:
            self._give_up(f"{self._folder} cannot be written ({error.strerror or error})")

    def _give_up(self, reason: str) -> None:
        self._has_failed = True
        print(f"warning: no TensorBoard events from here on, {reason}", file=sys.stderr, flush=True)

    def _write(self, record: Mapping[str, Any]) -> None:
        # Not by ``SummaryWriter``, whose thread dies where the disk is full: who adds to its queue then waits for ever.
        writer, event, scalar = _import_tensorboard()
        if self._file is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            # Two parts of a run may begin within one second.
            number = len(list(self._folder.iterdir()))
            name = f"events.out.tfevents.{time.time():.0f}.{socket.gethostname()}.{number}"
            self._file = writer(str(self._folder.absolute() / name))
            self._file.write(event(wall_time=time.time(), file_version=_FILE_VERSION).SerializeToString())
        for name, value in record.items():
            if isinstance(value, float):
                number = event(wall_time=time.time(), step=record["epoch"], summary=scalar(name, value))
                self._file.write(number.SerializeToString())
        self._file.flush()


def _import_tensorboard() -> Tuple[Any, Any, Any]:
    """Returns tensorboardX's file of records, its event, and what makes a number's summary, or raises ImportError."""
    with _hidden("torch"):
        from tensorboardX import RecordWriter
        from tensorboardX.proto.event_pb2 import Event
        from tensorboardX.summary import scalar
    return RecordWriter, Event, scalar


@contextmanager
def _hidden(module: str) -> Iterator[None]:
    """Hides a module that is not imported yet from what is imported inside.

    tensorboardX imports PyTorch where that is installed, which takes more than a second and fails where it is broken;
    numbers need nothing of it.
    """
    if module in sys.modules:
        yield
        return
    sys.modules[module] = None
    try:
        yield
    finally:
        del sys.modules[module]
