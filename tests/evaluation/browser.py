"""A real headless Chromium, driven over its DevTools protocol through two pipes."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
    "--no-first-run", "--disable-extensions", "--disable-background-networking", "--remote-debugging-pipe",
)  # fmt: skip
SECONDS = 60


def find_browser() -> Optional[str]:
    """Returns the path of a Chromium, or ``None``."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


class Page:
    """A page of a browser.

    Args:
        sending: file to write commands to.
        receiving: file to read answers and events from.
    """

    def __init__(self, sending, receiving) -> None:
        self._sending, self._receiving, self._number = sending, receiving, 0
        self._session: Dict[str, str] = {}
        self.complaints: List[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self._session = {"sessionId": session}
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters) -> Dict[str, Any]:
        """Sends a command and returns its result; what the page complains of meanwhile is kept."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters, **self._session}
        self._sending.write(json.dumps(message).encode() + b"\0")
        self._sending.flush()
        while True:
            answer = self._receive()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]

    def _receive(self) -> Dict[str, Any]:
        """Returns the next message, and notes what it complains of."""
        content = bytearray()
        while (byte := self._receiving.read(1)) != b"\0":
            if not byte:
                raise RuntimeError("the browser has ended")
            content += byte
        message = json.loads(content)
        method, parameters = message.get("method"), message.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.complaints.append(parameters["exceptionDetails"]["text"])
        if method == "Log.entryAdded" and parameters["entry"]["level"] in ("error", "warning"):
            self.complaints.append(parameters["entry"]["text"])
        if method == "Runtime.consoleAPICalled":
            self.complaints.append(parameters["type"])
        if method == "Page.loadEventFired":
            self.loaded = True
        return message

    def open(self, path: Path) -> None:
        """Shows a file and waits until it is loaded."""
        self.loaded = False
        self.call("Page.navigate", url=path.resolve().as_uri())
        while not self.loaded:
            self._receive()

    def look(self, width: int, height: int = 900, dark: bool = False) -> None:
        """Sets the window's size and the preferred colours."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                  mobile=width < 600)  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def run(self, expression: str) -> Any:
        """Returns the value of an expression of JavaScript; a promise's once it is there."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in found:
            raise RuntimeError(found["exceptionDetails"]["exception"].get("description", "failed"))
        return found["result"].get("value")

    def press(self, key: str, code: int) -> None:
        """Presses a key and lets it go."""
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code,
                      **(text if kind == "keyDown" else {}))  # fmt: skip

    def screenshot(self, path: Path, whole: bool = True) -> None:
        """Writes a picture of the page."""
        picture = self.call("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(picture["data"]))


@contextmanager
def browsing(folder: Path) -> Iterator[Page]:
    """Gives a page of a new browser, whose profile is in a folder; the browser ends with the block."""
    to_browser, to_us = os.pipe(), os.pipe()

    def keep_pipes() -> None:
        # The browser reads from descriptor 3 and writes to 4.
        ends = [os.dup(to_browser[0]), os.dup(to_us[1])]
        os.dup2(ends[0], 3)
        os.dup2(ends[1], 4)

    command = [find_browser(), *FLAGS, f"--user-data-dir={folder / 'profile'}"]
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, stdout=quiet, stderr=quiet, preexec_fn=keep_pipes, close_fds=False,
                               start_new_session=True, env={**os.environ, "HOME": str(folder)})  # fmt: skip
    os.close(to_browser[0])
    os.close(to_us[1])
    try:
        with os.fdopen(to_browser[1], "wb") as sending, os.fdopen(to_us[0], "rb") as receiving:
            yield Page(sending, receiving)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
