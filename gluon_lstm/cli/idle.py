"""Options that were given, as flags or in a file, and with the others as they are change nothing."""

from __future__ import annotations

import argparse
import sys
from dataclasses import fields
from typing import Any, Callable, List, Mapping, NamedTuple, Tuple

from gluon_lstm.cli.options import file_options, given_flags
from gluon_lstm.config import SECTIONS, Config, TextConfig, flag, preset
from gluon_lstm.data.corpora import is_text
from gluon_lstm.data.registry import is_looked_for
from gluon_lstm.data.tables import is_delimited, is_table


class Idle(NamedTuple):
    """Fields that have no effect in some configurations.

    Attributes:
        fields: their names.
        applies: whether a configuration is one of those.
        reason: why, and what would give them an effect.
    """

    fields: Tuple[str, ...]
    applies: Callable[[Config], bool]
    reason: str


NOT_LOOKED_FOR = "the data are not looked for"
TEXT_FIELDS = (*(item.name for item in fields(TextConfig)), "embedding_size", "embedding_dropout", "embedding_training")

IDLE = (
    Idle(("momentum",), lambda c: c.training.optimizer != "sgd", "needs --optimizer sgd"),
    Idle(("step_epochs", "step_factor"), lambda c: c.training.schedule != "step", "needs --schedule step"),
    Idle(
        ("schedule", "step_epochs", "step_factor"),
        lambda c: c.training.schedule == "step" and c.training.step_epochs >= c.training.epochs,
        "training ends before the first drop; needs a lower --step-epochs or more --epochs",
    ),
    Idle(("monitor",), lambda c: c.training.epochs == 1, "the one epoch is kept; needs more --epochs"),
    Idle(
        ("patience",),
        lambda c: 0 < c.training.patience >= c.training.epochs - 1,
        "training ends before it can run out; needs a lower --patience or more --epochs",
    ),
    Idle(
        ("bidirectional", "recurrent_initializer", "input_initializer", "implementation"),
        lambda c: c.model.encoder == "transformer",
        "a Transformer has none; needs a recurrent --encoder",
    ),
    Idle(("forget_bias", "chrono_steps"), lambda c: c.model.encoder != "lstm", "needs --encoder lstm"),
    Idle(
        ("forget_bias",),
        lambda c: c.model.encoder == "lstm" and c.model.chrono_steps > 0,
        "--chrono-steps sets it; needs --chrono-steps 0",
    ),
    Idle(("locked_dropout",), lambda c: not c.model.dropout, "drops nothing; needs a --dropout above 0"),
    Idle(("locked_dropout",), lambda c: c.model.num_layers == 1, "acts between layers; needs --num-layers 2 or more"),
    Idle(
        ("data_dir",),
        lambda c: not is_looked_for(c.data.dataset),
        f"{NOT_LOOKED_FOR}; needs another --dataset",
    ),
    Idle(
        ("view", "augment_shift", "augment_sideways", "augment_rotate", "augment_scale", "augment_elastic"),
        lambda c: is_text(c.data),
        "acts on images; needs another --dataset",
    ),
    Idle(
        ("augment_sideways",),
        lambda c: not (is_text(c.data) or c.data.augment_shift),
        "shifts nothing; needs an --augment-shift above 0",
    ),
    Idle(
        TEXT_FIELDS,
        lambda c: not is_text(c.data),
        "acts on texts; needs another --dataset",
    ),
    Idle(
        ("text_column", "label_column", "encoding", "quotes"),
        lambda c: is_text(c.data) and not is_table(c.data.dataset),
        "acts on files of your own; needs another --dataset",
    ),
    Idle(
        ("quotes",),
        lambda c: is_table(c.data.dataset) and not any(map(is_delimited, _files(c))),
        "JSON Lines have quotation marks of their own; needs a .csv or .tsv file",
    ),
)


def warn_of_idle_options(arguments: argparse.Namespace, config: Config) -> None:
    """Prints a line on the standard error stream for each option that a flag or ``--config`` gave for nothing.

    Args:
        arguments: what the command line gave.
        config: what came of it, with preset and file.
    """
    flags = _names(given_flags(arguments))
    of_file = [name for name in _changed_by_file(arguments, config.preset) if name not in flags]
    for source, names in (("", flags), (f"--config {arguments.config}: ", of_file)):
        for entry in IDLE:
            for name in names:
                if name in entry.fields and entry.applies(config):
                    print(f"warning: {source}{flag(name)} has no effect: {entry.reason}", file=sys.stderr)


def _files(config: Config) -> List[str]:
    """Returns the names of the files of texts that are read."""
    files = (config.data.dataset, config.text.validation_file, config.text.test_file)
    return [name for name in files if name is not None]


def _names(given: Mapping[str, Mapping[str, Any]]) -> List[str]:
    """Returns the names of options that are given by section."""
    return [name for section in given.values() for name in section]


def _changed_by_file(arguments: argparse.Namespace, preset_name: str) -> List[str]:
    """Returns the names of the command's options that the file of ``--config`` sets to other values than the preset.

    A run's ``config.json`` holds every option: those that are as in the preset say nothing.
    """
    values, usual = file_options(arguments), preset(preset_name)
    return [
        name
        for section in SECTIONS
        for name, value in values.get(section, {}).items()
        if value != getattr(getattr(usual, section), name) and hasattr(arguments, f"{section}.{name}")
    ]
