"""Reading the data that a command line asks for."""

from __future__ import annotations

import argparse
import sys
from typing import Container, Optional, Tuple

from gluon_lstm.cli.options import given_flags
from gluon_lstm.config import Config, flag, merge, read_config_file
from gluon_lstm.data import DataSplits, OversizeError, load_splits
from gluon_lstm.data.places import check_folder


def check_data_dir(data_dir: Optional[str]) -> None:
    """Raises ConfigError where the folder that the command line names does not exist, even if nothing is read there."""
    if data_dir:
        check_folder(data_dir, "--data-dir")


def load_fitting_splits(arguments: argparse.Namespace, config: Config) -> Tuple[Config, DataSplits]:
    """Returns the data, and the configuration, whose augmentation may have shrunk to fit the images.

    Distortions that a preset brings shrink, with a note on the standard error stream;
    those that the user asked for must fit.

    Args:
        arguments: what the command line gave.
        config: what came of it, with preset and file.

    Raises:
        UserError: an option that does not fit the data, or data that cannot be used.
    """
    check_data_dir(given_flags(arguments).get("data", {}).get("data_dir"))
    asked_for = _asked_for(arguments)
    while True:
        try:
            return config, load_splits(config)
        except OversizeError as error:
            if error.field in asked_for:
                raise
            change = f"{flag(error.field)} {error.largest}, for images of {error.height} x {error.width} pixels"
            print(f"note: {change}; preset {config.preset} has {error.value:g}", file=sys.stderr)
            config = merge(config, {"data": {error.field: type(error.value)(error.largest)}})


def _asked_for(arguments: argparse.Namespace) -> Container[str]:
    """Returns the fields of the section ``data`` that flags or file set."""
    from_file = read_config_file(arguments.config).get("data", {}) if arguments.config else {}
    return {*given_flags(arguments).get("data", {}), *from_file}
