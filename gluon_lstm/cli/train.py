"""Train a classifier and keep the best epoch's model in a run directory."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Optional, Sequence

import numpy as np

from gluon_lstm import runtime
from gluon_lstm.cli import repeat
from gluon_lstm.cli.loading import from_memory, load_fitting_splits
from gluon_lstm.cli.options import add_config_arguments, file_options, read_config
from gluon_lstm.cli.repeat import list_repeats, run_repeats
from gluon_lstm.cli.reporting import evaluate_run, show
from gluon_lstm.cli.resume import resume
from gluon_lstm.cli.runs import recorded_threads, start_run
from gluon_lstm.config import Config
from gluon_lstm.data import DataSplits, SequenceDataset
from gluon_lstm.data.registry import is_picture_folder
from gluon_lstm.errors import ConfigError, shown
from gluon_lstm.rundir import Repeat, RepeatsDirectory, RunDirectory

DRY_RUN_BATCHES = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("--output", metavar="DIR", help="run directory (default: runs/DATASET-PRESET-SEED)")
    parser.add_argument(
        "--resume",
        metavar="RUN",
        help="go on with a run that was ended, or with all those of --seeds or --folds, with its own options "
        "(default: a new run)",
    )
    parser.add_argument(
        "--force", action="store_true", help="delete an earlier run in the run directory first (default: no)"
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help=f"take {DRY_RUN_BATCHES} batches through training, validation, saving and evaluation, and keep nothing "
        "(default: no)",
    )
    repeat.add_arguments(parser)
    add_config_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Trains as the arguments say; returns the exit code."""
    if arguments.resume:
        return resume(arguments)
    config = read_config(arguments)
    repeats = list_repeats(config, arguments.seeds)
    runtime.prepare(config.runtime.threads)
    _warn_of_many_threads(config.runtime.threads)
    output = Path(arguments.output or default_output(config))
    _check_apart(output, config.data.dataset)
    if arguments.dry_run:
        return _dry_run(arguments, config, repeats, output)
    if len(repeats) > 1:
        return run_repeats(arguments, repeats, output)
    RunDirectory.check_free(output, arguments.force)
    config, splits = load_fitting_splits(arguments, config)
    _warn_of_other_data(arguments, splits)
    _warn_of_other_threads(arguments)
    _warn_of_other_processor(arguments)
    return start_run(config, splits, output, arguments.force)


def _check_apart(output: Path, dataset: str) -> None:
    """Raises ConfigError where the run would lie among the pictures of a data set's folder, as one of its classes."""
    if is_picture_folder(dataset) and output.resolve().is_relative_to(Path(dataset).resolve()):
        raise ConfigError(f"--output {output}: lies in the data set's folder; choose another folder")


def default_output(config: Config) -> str:
    """Returns the run directory where none is named: ``runs/DATASET-PRESET-SEED``, of a file its name alone."""
    dataset = Path(os.path.abspath(config.data.dataset)).name.partition(".")[0]
    return f"runs/{dataset}-{config.preset}-{config.runtime.seed}"


def _dry_run(arguments: argparse.Namespace, config: Config, repeats: Sequence[Repeat], output: Path) -> int:
    """Takes a few batches through all that the first run does, in a folder that is deleted, and makes no ``output``."""
    directory = RepeatsDirectory if len(repeats) > 1 else RunDirectory
    directory.check_free(output, arguments.force)
    config, splits = load_fitting_splits(arguments, config)
    if len(repeats) > 1:
        print(f"note: --dry-run tries the first of {len(repeats)} runs", file=sys.stderr)
    few = DRY_RUN_BATCHES * config.training.batch_size
    splits = DataSplits(*(_take_first(split, few) for split in splits))
    config = replace(config, training=replace(config.training, epochs=1, warmup_epochs=0.0))
    with tempfile.TemporaryDirectory() as folder:
        code = start_run(config, splits, Path(folder) / "run", is_kept=False)
        if code == 0:
            run = RunDirectory.open(Path(folder) / "run")
            show(evaluate_run(run, config, from_memory(splits)))
            print("dry run: training, validation, saving and evaluation work; nothing was kept")
    return code


def _take_first(split: SequenceDataset, number: int) -> SequenceDataset:
    """Returns a split's first samples, with the warnings on all of it."""
    return replace(split.subset(np.arange(min(len(split), number))), warnings=split.warnings)


def _warn_of_many_threads(threads: Optional[int]) -> None:
    """Says so where more threads are asked for than there are processors: they wait for each other."""
    processors = os.cpu_count()
    if threads and processors and threads > processors:
        print(f"warning: --threads {threads}: more threads than processors ({processors}) wait for each other, and a "
              "step may take many times as long", file=sys.stderr)  # fmt: skip


def _warn_of_other_data(arguments: argparse.Namespace, splits: DataSplits) -> None:
    """Says so where a repeated run's data are not those that its file has a record of."""
    recorded = file_options(arguments).get("dataset", {}).get("splits", {})
    for split in splits:
        before = recorded.get(split.split)
        if before and before["sha256"] != split.fingerprint:
            print(f"warning: the {split.split} split is not the one that {arguments.config} was trained on",
                  file=sys.stderr)  # fmt: skip


def _warn_of_other_threads(arguments: argparse.Namespace) -> None:
    """Says so where a repeated run has not the threads that its file has a record of: sums come in another order."""
    before, now = recorded_threads(file_options(arguments)), runtime.describe()["threads"]
    if before and str(before) != now:
        print(f"warning: {arguments.config} was trained with --threads {before}, and this run has {now}: its numbers "
              f"may differ in their last digits; give --threads {before} for the same to the byte",
              file=sys.stderr)  # fmt: skip


def _warn_of_other_processor(arguments: argparse.Namespace) -> None:
    """Says so where a repeated run's processor is not the one that its file has a record of: it may round otherwise."""
    environment = file_options(arguments).get("environment")
    before = environment.get("processor") if isinstance(environment, dict) else None
    now = runtime.describe_processor()
    if before and before != now:
        print(f"warning: {arguments.config} was trained on {shown(before)}, and this machine has {now}: the run's "
              "numbers may differ", file=sys.stderr)  # fmt: skip
