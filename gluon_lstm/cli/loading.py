"""Reading the data that a command line asks for."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Container, Iterable, NamedTuple, Optional, Tuple

from gluon_lstm.cli.idle import NOT_LOOKED_FOR, warn_of_idle_options
from gluon_lstm.cli.options import file_options, given_flags, warn_of_idle
from gluon_lstm.config import Config, DataConfig, flag, merge
from gluon_lstm.data import (
    DataSplits,
    ImageDataset,
    OversizeError,
    SequenceDataset,
    StoredSplits,
    load_split,
    load_splits,
)
from gluon_lstm.data.corpora import is_text
from gluon_lstm.data.formats import ImageFormat
from gluon_lstm.data.own import OwnData, read_own_pictures, read_own_texts
from gluon_lstm.data.places import check_folder
from gluon_lstm.data.registry import dataset_names, is_looked_for
from gluon_lstm.data.tables import Columns, is_delimited
from gluon_lstm.errors import ConfigError, is_utf8
from gluon_lstm.rundir import RunDirectory


def check_data_dir(data_dir: Optional[str]) -> None:
    """Raises ConfigError where the folder that the command line names does not exist, even if nothing is read there."""
    if data_dir:
        check_folder(data_dir, "--data-dir")


def warn_of_idle_folder(arguments: argparse.Namespace, datasets: Iterable[str]) -> None:
    """Prints a line where ``--data-dir`` was given and none of the data sets is looked for anywhere."""
    if not any(map(is_looked_for, datasets)):
        warn_of_idle(arguments, ("data_dir",), NOT_LOOKED_FOR)


def load_fitting_splits(arguments: argparse.Namespace, config: Config) -> Tuple[Config, DataSplits]:
    """Returns the data, and the configuration, whose augmentation may have shrunk to fit the images.

    Distortions that a preset brings shrink, with a note on the standard error stream;
    those that the user asked for must fit. There, too, stand the options without effect.

    Args:
        arguments: what the command line gave.
        config: what came of it, with preset and file.

    Raises:
        UserError: an option that does not fit the data, or data that cannot be used.
    """
    check_data_dir(given_flags(arguments).get("data", {}).get("data_dir"))
    config, splits = _shrink_to_fit(config, _asked_for(arguments))
    warn_of_idle_options(arguments, config)
    return config, splits


def _shrink_to_fit(config: Config, asked_for: Container[str]) -> Tuple[Config, DataSplits]:
    """Returns the data, and the configuration with distortions that fit them; raises where one was asked for."""
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
    return {*given_flags(arguments).get("data", {}), *file_options(arguments).get("data", {})}


def from_files(stored: StoredSplits) -> Callable[[Any, str], SequenceDataset]:
    """Returns a function of a model and a split's name: the split as that model reads it."""
    return lambda predictor, name: stored.read(name, predictor.reader)


def from_memory(splits: DataSplits) -> Callable[[Any, str], SequenceDataset]:
    """Returns a function of a model trained on the data and a split's name: the split as that model reads it."""
    return lambda predictor, name: getattr(splits, name).read_by(predictor.reader)


class Trained(NamedTuple):
    """A run, as far as data for it are read.

    Attributes:
        config: its configuration.
        columns: names of the columns of texts and labels that it was trained on; ``None`` where they are not known.
    """

    config: Config
    columns: Tuple[Optional[str], Optional[str]]

    @classmethod
    def of(cls, directory: RunDirectory, config: Config) -> Trained:
        """Returns what is known of a run: of one of an earlier release, the columns that the user named."""
        text = config.text
        named, found = (text.text_column, text.label_column), directory.recorded_columns()
        return cls(config, found if any(found) else named)


def read_own(arguments: argparse.Namespace, trained: Trained, predictor: Any) -> OwnData:
    """Returns the data of ``--data``, read as the run's model does.

    Args:
        arguments: what the command line gave.
        trained: the run.
        predictor: the run's model.

    Raises:
        UserError: the file cannot be used.
    """
    _check_name("--data", arguments.data)
    path, ignore = Path(arguments.data), bool(arguments.ignore_unknown_labels)
    if predictor.reader is None:
        idle = ["text_column", "label_column", "encoding", "quotes"]
        warn_of_idle(arguments, idle, "the run reads pictures")
        return read_own_pictures(path, predictor.input_format, predictor.class_names, ignore)
    if not is_delimited(path.name):
        warn_of_idle(arguments, ["quotes"], "JSON Lines have quotation marks of their own")
    columns = Columns(arguments.text_column, arguments.label_column, *trained.columns)
    encoding = arguments.encoding or "utf-8"
    quotes = trained.config.text.quotes if arguments.quotes is None else arguments.quotes
    return read_own_texts(path, predictor.reader, predictor.class_names, columns, encoding, ignore, quotes=quotes)


def _check_name(option: str, name: str) -> None:
    """Raises ConfigError where a path could not be written into a report."""
    if not is_utf8(name):
        raise ConfigError(f"{option} {name}: is no UTF-8; rename it")


def read_other(arguments: argparse.Namespace, trained: Trained, predictor: Any) -> SequenceDataset:
    """Returns data of another kind than the run's, of ``--ood``: the test split of a data set, or a file's samples.

    How a file of texts is written is said by the same flags as for ``--data``, where that is not given.

    Args:
        arguments: what the command line gave.
        trained: the run.
        predictor: the run's model.

    Raises:
        UserError: they cannot be used, or the model cannot read them.
    """
    name, config, flags = arguments.ood, trained.config, ("text_column", "encoding", "quotes")
    _check_name("--ood", name)
    is_text_file = predictor.reader is not None and os.path.isfile(name)
    if arguments.data is None and not is_text_file:
        warn_of_idle(arguments, flags, "--ood names no file of texts")
    if os.path.isfile(name) or (os.path.isdir(name) and name not in dataset_names()):
        if predictor.reader is None:
            return read_own_pictures(Path(name), predictor.input_format, predictor.class_names, labelled=False).dataset
        given = [getattr(arguments, flag) if arguments.data is None else None for flag in flags]
        (text_column, encoding, quotes), (usual, _) = given, trained.columns
        columns = Columns(text_column, usual_text=usual)
        quotes = config.text.quotes if quotes is None else quotes
        return read_own_texts(Path(name), predictor.reader, predictor.class_names, columns, encoding or "utf-8",
                              labelled=False, quotes=quotes).dataset  # fmt: skip
    data = DataConfig(dataset=name, data_dir=config.data.data_dir, view=config.data.view)
    other = replace(config, data=data, text=replace(config.text, validation_file=None, test_file=None))
    if is_text(data) != (predictor.reader is not None):
        kind = "pictures" if predictor.reader is None else "texts"
        raise ConfigError(f"--ood {name}: the run reads {kind}; name a data set or file of {kind}")
    from gluon_lstm.evaluation import check_compatible

    found = load_split(other, "test", predictor.reader)
    if predictor.reader is None:
        _check_size(name, found, predictor.input_format)
    check_compatible(found, predictor.step_shape, found.class_names)
    return found


def _check_size(name: str, dataset: ImageDataset, image_format: ImageFormat) -> None:
    """Raises ConfigError where pictures of another kind have another size than the run's."""
    found, needed = dataset.images.shape[1:], (image_format.height, image_format.width)
    if found != needed:
        sizes = [f"{height} x {width} pixels" for height, width in (found, needed)]
        raise ConfigError(f"--ood {name}: has pictures of {sizes[0]}, the run reads {sizes[1]}; name such")
