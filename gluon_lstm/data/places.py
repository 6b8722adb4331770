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
    folder = os.path.expanduser(named)
    if not os.path.isdir(folder):
        raise ConfigError(f"{source} {named}: no such folder")
    return Path(folder)


def cache_folder() -> Path:
    """Returns the folder where downloads and other results are kept, as this system has it."""
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("gluon-lstm"))
