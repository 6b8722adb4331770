"""Folders where data are."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Optional

from gluon_lstm.errors import ConfigError


def user_folder(data_dir: Optional[str]) -> Optional[Path]:
    """Returns the folder that the user named, by ``--data-dir`` or ``$GLUON_LSTM_DATA``; ``None`` where neither is.

    Raises:
        ConfigError: it does not exist.
    """
    variable = os.environ.get("GLUON_LSTM_DATA")
    named, source = (data_dir, "--data-dir") if data_dir is not None else (variable, "$GLUON_LSTM_DATA")
    if not named:
        return None
    return check_folder(named, source)


def check_folder(named: str, source: str) -> Path:
    """Returns a folder of data, ``~`` written out; raises ConfigError, which names its source, where there is none."""
    folder = os.path.expanduser(named)
    if os.path.isdir(folder):
        return Path(folder)
    if os.path.exists(folder):
        raise ConfigError(f"{source} {named}: is a file, not a folder; name the folder that holds the data")
    raise ConfigError(f"{source} {named}: no such folder")


def cache_folder() -> Path:
    """Returns the folder where downloads and other results are kept, as this system has it."""
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("gluon-lstm"))
