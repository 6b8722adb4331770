"""Another Python, with libraries that do not go beside MXNet and its NumPy: where it is, and how it is asked."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Optional

from gluon_lstm.errors import ConfigError, RunError, shortened

VARIABLE = "GLUON_LSTM_PEERS"
_HERE = Path(__file__).resolve().parent
_OF_CHECKOUT = _HERE.parents[2] / ".venv-peers" / "bin" / "python"
_QUIET = {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}


def find_keras() -> Optional[str]:
    """Returns the Python that has Keras: $GLUON_LSTM_PEERS, that which ``make peers`` made, or this; else ``None``.

    Raises:
        ConfigError: the variable names no file.
    """
    named = os.environ.get(VARIABLE)
    if named:
        if not Path(named).is_file():
            raise ConfigError(f"${VARIABLE} {shortened(named)}: no such file; name a Python with Keras, or unset it")
        return named
    if _OF_CHECKOUT.is_file():
        return str(_OF_CHECKOUT)
    return sys.executable if importlib.util.find_spec("keras") else None


def check_keras() -> None:
    """Raises an error where the Python that is to have Keras has none, before anything waits for it.

    Raises:
        ConfigError: the variable names no file.
        RunError: that Python cannot be run, or finds no Keras.
    """
    python = find_keras()
    code = "import importlib.util, json; print(json.dumps(importlib.util.find_spec('keras') is not None))"
    if python is not None and not ask(python, code):
        raise RunError(f"{python}: finds no Keras; name another with ${VARIABLE}")


def ask(python: str, code: str, *arguments: str, sent: bytes = b"") -> Any:
    """Runs code in another Python, and returns what the last line that it prints says as JSON.

    Args:
        python: the interpreter.
        code: the program, which may import the modules beside this one by their names alone.
        *arguments: what it finds in ``sys.argv``.
        sent: what it finds on its standard input.

    Raises:
        RunError: it ended with an error, or printed no JSON.
    """
    environment = {**os.environ, **_QUIET, "PYTHONPATH": str(_HERE)}
    command = [python, "-c", code, *arguments]
    try:
        done = subprocess.run(command, env=environment, input=sent, capture_output=True, check=False)
    except OSError as error:
        raise RunError(f"{python}: {error.strerror}; name another with ${VARIABLE}") from error
    out, err = (stream.decode("utf-8", "replace").strip() for stream in (done.stdout, done.stderr))
    try:
        if done.returncode == 0:
            return json.loads(out.splitlines()[-1])
    except (IndexError, ValueError):
        pass
    reason = (err or out or "it printed nothing").splitlines()[-1]
    raise RunError(f"{python}: ended with code {done.returncode}: {shortened(reason)}; name another with ${VARIABLE}")
