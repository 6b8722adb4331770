"""Flags that follow from the configuration's fields."""

from __future__ import annotations

import argparse
import sys
from dataclasses import fields
from typing import Any, Container, Dict, Sequence, get_type_hints

from gluon_lstm.config import (
    PRESETS,
    SECTIONS,
    Config,
    flag,
    merge,
    preset,
    read_config_file,
    value_type,
)
from gluon_lstm.errors import ConfigError

PLACES = {"_dir": "DIR", "_file": "FILE", "embedding": "FILE", "_model": "FILE", "dataset": "NAME|PATH"}
"""End of a field's name → how ``--help`` calls the place on the disk that its value is."""


def add_config_arguments(parser: argparse.ArgumentParser, without: Container[str] = ()) -> None:
    """Adds ``--preset``, ``--config`` and one flag for each field of ``Config``, but for those named."""
    parser.add_argument(
        "--preset",
        metavar="NAME",
        help=f"{', '.join(PRESETS)} (default: default, whose values are the defaults told below)",
    )
    parser.add_argument(
        "--config",
        metavar="FILE",
        help="YAML or JSON file of options, or a run's config.json; flags come after it (default: none)",
    )
    for name in SECTIONS:
        _add_section(parser, name, without)


def _add_section(parser: argparse.ArgumentParser, section: str, without: Container[str]) -> None:
    """Adds one flag for each field of a section of ``Config``, but for those named."""
    defaults = getattr(Config(), section)
    hints = get_type_hints(type(defaults))
    group = parser.add_argument_group(section, type(defaults).__doc__.splitlines()[0])
    for item in (item for item in fields(defaults) if item.name not in without):
        kind, _ = value_type(hints[item.name])
        value = getattr(defaults, item.name)
        text = item.metadata["help"] + ("" if value is None else f" (default: {value})")
        options: Dict[str, Any] = {"help": text.replace("%", "%%"), "default": None, "dest": f"{section}.{item.name}"}
        if kind is bool:
            options["action"] = argparse.BooleanOptionalAction
            options["help"] = item.metadata["help"] + f" (default: {'yes' if value else 'no'})"
        else:
            options.update(type=kind, metavar=_metavar(item, kind))
        group.add_argument(flag(item.name), **options)


def _metavar(item, kind: type) -> str:
    """Returns how ``--help`` calls the value of a flag."""
    choices = item.metadata["choices"]
    if choices:
        return "{" + ",".join(choices) + "}"
    place = next((place for end, place in PLACES.items() if item.name.endswith(end)), "NAME")
    return {int: "N", float: "X", str: place}[kind]


def read_config(arguments: argparse.Namespace) -> Config:
    """Returns the configuration that preset, file and flags make together, each laid over the one before.

    Raises:
        ConfigError: an unknown preset or option, or a value that is not allowed.
    """
    from_file = file_options(arguments)
    name = arguments.preset or from_file.get("preset", "default")
    if from_file.get("preset", name) != name:
        raise ConfigError(f"--preset {name}: {arguments.config} starts from {from_file['preset']!r}; leave one out")
    config = merge(preset(name), from_file, f"--config {arguments.config}")
    return merge(config, given_flags(arguments))


def file_options(arguments: argparse.Namespace) -> Dict[str, Any]:
    """Returns the content of the file of ``--config``, which is read once, whatever becomes of it meanwhile."""
    if not hasattr(arguments, "file_options"):
        arguments.file_options = read_config_file(arguments.config) if arguments.config else {}
    return arguments.file_options


def add_quotes_argument(parser: argparse.ArgumentParser) -> None:
    """Adds ``--quotes`` and ``--no-quotes``, whose default is that of the run which is used."""
    parser.add_argument(
        "--quotes",
        action=argparse.BooleanOptionalAction,
        help="in CSV and TSV, read a text between quotation marks without them; --no-quotes takes all as they stand "
        "(default: as trained)",
    )


def is_given(arguments: argparse.Namespace, name: str) -> bool:
    """Whether a flag was given, of those whose default is ``None``."""
    return getattr(arguments, name) is not None


def warn_of_idle(arguments: argparse.Namespace, names: Sequence[str], reason: str) -> None:
    """Prints a line for each flag that was given for nothing."""
    for name in names:
        if is_given(arguments, name):
            print(f"warning: {flag(name)} has no effect: {reason}", file=sys.stderr)


def given_flags(arguments: argparse.Namespace) -> Dict[str, Dict[str, Any]]:
    """Returns the flags that were given, by section and field."""
    given: Dict[str, Dict[str, Any]] = {}
    for name, value in vars(arguments).items():
        section, dot, field_name = name.partition(".")
        if dot and value is not None:
            given.setdefault(section, {})[field_name] = value
    return given
