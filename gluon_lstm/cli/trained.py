"""What the commands about a trained run share: their options, and its configuration."""

from __future__ import annotations

import argparse
from typing import Any, Dict

from gluon_lstm.config import Config, merge
from gluon_lstm.errors import ConfigError
from gluon_lstm.rundir import RunDirectory


def add_runtime_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments that say on what a trained run computes."""
    parser.add_argument("--device", default="cpu", metavar="NAME", help="cpu or gpu:0 (default: cpu)")
    parser.add_argument(
        "--threads", type=int, metavar="N", help="CPU threads (default: the run's --threads, or all cores)"
    )


def read_config_of_run(directory: RunDirectory, arguments: argparse.Namespace) -> Config:
    """Returns a run's configuration, on the device and with the threads that the command line gives.

    Raises:
        ConfigError: they are not allowed, or several devices.
        RunError: the configuration is damaged.
    """
    config = merge(directory.read_config(), {"runtime": given_values(arguments, "device", "threads")})
    if "," in config.runtime.device:
        raise ConfigError(f"--device {config.runtime.device}: {arguments.command} runs on one device; name one of them")
    return config


def given_values(arguments: argparse.Namespace, *names: str) -> Dict[str, Any]:
    """Returns those of the named arguments that have a value."""
    return {name: getattr(arguments, name) for name in names if getattr(arguments, name) is not None}
