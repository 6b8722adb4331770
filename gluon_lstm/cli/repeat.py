"""Several runs of one configuration: seeds, and folds of the data."""

from __future__ import annotations

import argparse
import statistics
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Dict, List, Sequence

from gluon_lstm import runtime
from gluon_lstm.cli.loading import from_memory, load_fitting_splits
from gluon_lstm.cli.reporting import evaluate_run
from gluon_lstm.cli.runs import go_on, start_run
from gluon_lstm.config import Config
from gluon_lstm.data import DataSplits, load_splits, load_stored_splits
from gluon_lstm.errors import ConfigError, quoted
from gluon_lstm.rundir import Plan, Repeat, RepeatsDirectory, RunDirectory, locked
from gluon_lstm.rundir.layout import check_inside

MOST_SEEDS = 1000
MEASURES = ("validation_accuracy", "accuracy", "macro_f1", "nll")
"""What the summary of the runs gives, the last three on the test split."""


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
    folds = range(config.data.folds) if config.data.folds and config.data.fold is None else [config.data.fold]
    repeats = []
    for fold in folds:
        for seed in range(config.runtime.seed, config.runtime.seed + seeds):
            parts = ([f"fold-{fold}"] if len(folds) > 1 else []) + ([f"seed-{seed}"] if seeds > 1 else [])
            data, runtime = replace(config.data, fold=fold), replace(config.runtime, seed=seed)
            repeats.append(Repeat("-".join(parts), replace(config, data=data, runtime=runtime)))
    return repeats


def run_repeats(arguments: argparse.Namespace, repeats: Sequence[Repeat], output: Path) -> int:
    """Trains and evaluates each run, writes the summary, and returns the exit code.

    Args:
        arguments: what the command line gave; with ``--force``, earlier runs in ``output`` are deleted once the data
            are known to be good.
        repeats: the runs, those of one fold after each other.
        output: folder that their folders go into.
    """
    RepeatsDirectory.check_free(output, arguments.force)
    fitting, splits = load_fitting_splits(arguments, repeats[0].config)
    with locked(output):
        directory = RepeatsDirectory.create(output, arguments.force)
        repeats = [Repeat(name, replace(config, data=replace(fitting.data, fold=config.data.fold)))
                   for name, config in repeats]  # fmt: skip
        directory.write_plan(Plan(tuple(repeats), int(runtime.describe()["threads"])))
        return _run_all(directory, repeats, splits, start_run)


def resume_repeats(path: Path) -> int:
    """Goes on with the runs in a folder that were ended, writes the summary, and returns the exit code."""
    directory = RepeatsDirectory(path)
    plan = directory.read_plan()
    runtime.prepare(plan.repeats[0].config.runtime.threads or plan.threads)
    with locked(path):
        return _run_all(directory, plan.repeats, load_stored_splits(plan.repeats[0].config), go_on)


def _run_all(
    directory: RepeatsDirectory,
    repeats: Sequence[Repeat],
    splits: DataSplits,
    train: Callable[[Config, DataSplits, Path], int],
) -> int:
    """Trains and evaluates each run, writes the summary, and returns the exit code.

    Args:
        directory: the folder of the runs.
        repeats: the runs, those of one fold after each other.
        splits: the data of the first one.
        train: ``start_run``, or ``go_on``.
    """
    records: List[Dict[str, Any]] = []
    fold = repeats[0].config.data.fold
    for number, repeat in enumerate(repeats, 1):
        print(f"run {number} of {len(repeats)}: {repeat.name}", file=sys.stderr)
        check_inside(directory.path, directory.path / repeat.name)
        if repeat.config.data.fold != fold:
            fold, splits = repeat.config.data.fold, load_splits(repeat.config)
        advice = f"go on with all runs: gluon-lstm train --resume {quoted(directory.path)}"
        try:
            code = train(repeat.config, splits, directory.path / repeat.name)
            if not code:
                records.append(_evaluate(repeat, directory.run(repeat.name), splits))
        except KeyboardInterrupt:
            print(advice, file=sys.stderr)
            raise
        if code:
            print(advice, file=sys.stderr)
            return code
        runtime.free_memory()
    directory.write_summary(summarize(records))
    _print_table(records)
    has_folds = len({repeat.config.data.fold for repeat in repeats}) > 1
    together = "" if has_folds else f"; on one page: gluon-lstm evaluate {quoted(directory.path)}"
    print(f"runs, each with its report, in {directory.path}{together}")
    return 0


def _evaluate(repeat: Repeat, run: RunDirectory, splits: DataSplits) -> Dict[str, Any]:
    """Writes a run's report on the test split; returns what the summary says of it."""
    evaluation = evaluate_run(run, repeat.config, from_memory(splits)).evaluation
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
