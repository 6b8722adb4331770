"""Several runs of one configuration: seeds, and folds of the data."""

from __future__ import annotations

import argparse
import statistics
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple, Sequence

from gluon_lstm.config import Config, DataConfig
from gluon_lstm.data import DataSplits
from gluon_lstm.errors import ConfigError
from gluon_lstm.rundir import RepeatsDirectory, RunDirectory

MOST_SEEDS = 1000
MEASURES = ("validation_accuracy", "accuracy", "macro_f1", "nll")
"""What the summary of the runs gives, the last three on the test split."""


class Repeat(NamedTuple):
    """One run of several.

    Attributes:
        name: its folder, such as ``fold-3-seed-0``.
        config: its configuration.
    """

    name: str
    config: Config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments that ask for several runs."""
    parser.add_argument(
        "--seeds",
        type=int,
        default=1,
        metavar="N",
        help="train N times, from --seed on; with --folds, each fold so often. Each run is evaluated on the test "
        "split, and summary.json in the output folder has mean and standard deviation (default: 1)",
    )


def list_repeats(config: Config, seeds: int) -> List[Repeat]:
    """Returns the runs that are asked for: each fold with each seed.

    Raises:
        ConfigError: fewer than one seed, or more than ``MOST_SEEDS``.
    """
    if not 1 <= seeds <= MOST_SEEDS:
        raise ConfigError(f"--seeds {seeds}: must be from 1 to {MOST_SEEDS}")
    _check_folds(config.data)
    folds = range(config.data.folds) if config.data.folds and config.data.fold is None else [config.data.fold]
    repeats = []
    for fold in folds:
        for seed in range(config.runtime.seed, config.runtime.seed + seeds):
            parts = ([f"fold-{fold}"] if len(folds) > 1 else []) + ([f"seed-{seed}"] if seeds > 1 else [])
            data, runtime = replace(config.data, fold=fold), replace(config.runtime, seed=seed)
            repeats.append(Repeat("-".join(parts), replace(config, data=data, runtime=runtime)))
    return repeats


def _check_folds(data: DataConfig) -> None:
    """Raises ConfigError where folds are none."""
    if data.folds == 1:
        raise ConfigError("--folds 1: needs two or more, or 0 for none")
    if data.fold is not None and data.fold >= data.folds:
        raise ConfigError(f"--fold {data.fold}: needs a greater --folds; they count from 0")


def run_repeats(
    repeats: Sequence[Repeat],
    output: Path,
    force: bool,
    load: Callable[[Config], DataSplits],
    train: Callable[[Config, DataSplits, Path], int],
) -> int:
    """Trains and evaluates each run, writes the summary, and returns the exit code.

    Args:
        repeats: the runs, those of one fold after each other.
        output: folder that their folders go into.
        force: whether earlier runs there are deleted, once the data are known to be good.
        load: reads the data of a configuration.
        train: trains on data into a folder, and returns the exit code.
    """
    RepeatsDirectory.check_free(output, force)
    splits, fold = load(repeats[0].config), repeats[0].config.data.fold
    directory = RepeatsDirectory.create(output, force)
    records: List[Dict[str, Any]] = []
    for number, repeat in enumerate(repeats, 1):
        print(f"run {number} of {len(repeats)}: {repeat.name}", file=sys.stderr)
        if repeat.config.data.fold != fold:
            splits, fold = load(repeat.config), repeat.config.data.fold
        code = train(repeat.config, splits, directory.path / repeat.name)
        if code:
            return code
        records.append(_evaluate(repeat, directory.run(repeat.name), splits))
    directory.write_summary(summarize(records))
    _print_table(records)
    return 0


def _evaluate(repeat: Repeat, run: RunDirectory, splits: DataSplits) -> Dict[str, Any]:
    """Writes a run's report on the test split; returns what the summary says of it."""
    from gluon_lstm.cli.evaluate import evaluate_run

    evaluation = evaluate_run(run, repeat.config, lambda reader: splits.test)
    model = run.load_model()
    return {
        "run": repeat.name,
        "fold": repeat.config.data.fold,
        "seed": repeat.config.runtime.seed,
        "epoch": model.epoch,
        "n": evaluation.n,
        "validation_accuracy": model.validation_accuracy,
        "accuracy": evaluation.accuracy,
        "macro_f1": evaluation.macro_f1,
        "nll": evaluation.nll,
    }


def summarize(records: Sequence[Dict[str, Any]]) -> Dict[str, Any]:
    """Returns the runs' records with mean and standard deviation (n - 1) of each measure."""
    summary: Dict[str, Any] = {"runs": list(records)}
    for name in MEASURES:
        values = [record[name] for record in records]
        summary[name] = {"mean": statistics.fmean(values), "sd": statistics.stdev(values)}
    return summary


def _print_table(records: Sequence[Dict[str, Any]]) -> None:
    """Prints the runs, their mean and their standard deviation."""
    from rich.console import Console
    from rich.table import Table

    summary = summarize(records)
    table = Table()
    table.add_column("Run")
    for name in ("Epoch", "Validation accuracy", "Test accuracy", "Macro F1", "NLL (nats)"):
        table.add_column(name, justify="right")
    for record in records:
        table.add_row(record["run"], str(record["epoch"]), *_cells(record[name] for name in MEASURES))
    table.add_section()
    for label, part in (("mean", "mean"), ("standard deviation", "sd")):
        table.add_row(label, "", *_cells(summary[name][part] for name in MEASURES))
    Console().print(table)


def _cells(values) -> List[str]:
    """Returns the measures as shown: shares in percent, nats as they are."""
    *shares, nats = values
    return [*(f"{share:.2%}" for share in shares), f"{nats:.4f}"]
