"""Evaluate a trained run: accuracy report and plots."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, Dict

from gluon_lstm import runtime
from gluon_lstm.config import merge
from gluon_lstm.data import SequenceDataset, load_splits
from gluon_lstm.errors import ConfigError
from gluon_lstm.rundir import RunDirectory

PREDICTION_BATCH = 500


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("run", metavar="RUN", help="run directory that train made")
    parser.add_argument("--split", choices=("test", "validation"), default="test", help="samples (default: test)")
    parser.add_argument("--data-dir", metavar="DIR", help="folder of the data (default: as in the training)")
    parser.add_argument("--device", default="cpu", metavar="NAME", help="cpu or gpu:0 (default: cpu)")
    parser.add_argument("--threads", type=int, metavar="N", help="CPU threads (default: as the run was trained)")


def run(arguments: argparse.Namespace) -> int:
    """Evaluates as the arguments say; returns the exit code."""
    config = RunDirectory.open(arguments.run).read_config()
    config = merge(config, {"data": _given(arguments, "data_dir"), "runtime": _given(arguments, "device", "threads")})
    if "," in config.runtime.device:
        raise ConfigError(f"--device {config.runtime.device}: evaluate runs on one device; name one of them")
    runtime.prepare(config.runtime.threads)
    evaluate_run(Path(arguments.run), getattr(load_splits(config.data), arguments.split), config.runtime.device)
    print(f"report: {Path(arguments.run) / 'evaluation' / arguments.split / 'report.md'}")
    return 0


def _given(arguments: argparse.Namespace, *names: str) -> Dict[str, Any]:
    """Returns those of the named arguments that have a value."""
    return {name: getattr(arguments, name) for name in names if getattr(arguments, name) is not None}


def evaluate_run(path: Path, dataset: SequenceDataset, device: str) -> None:
    """Writes a run's report on one data set and prints its numbers.

    Args:
        path: the run directory.
        dataset: what to evaluate it on.
        device: what to run on.

    Raises:
        UserError: the run, its model or the data cannot be used.
    """
    from rich.console import Console

    from gluon_lstm.evaluation import evaluate, load, predict
    from gluon_lstm.evaluation.report import terminal_table, write_report

    directory = RunDirectory.open(path)
    predictor = load(path, device)
    predictor.check(dataset)
    log, provenance = directory.read_log(), _provenance(directory)
    predictions = predict(predictor.net, dataset, PREDICTION_BATCH, predictor.device, progress=sys.stderr.isatty())
    evaluation = evaluate(predictions, dataset.class_names)
    with directory.replace_evaluation(dataset.split) as folder:
        write_report(folder, evaluation, predictions, dataset, provenance, log)
    Console().print(terminal_table(evaluation))


def _provenance(directory: RunDirectory):
    """Returns what the report says about where its numbers come from."""
    from gluon_lstm.evaluation.report import Provenance

    config, model, environment = directory.read_config(), directory.load_model(), runtime.describe()
    details = {
        "Preset": config.preset,
        "View": config.data.view,
        "Epoch of the model": model.epoch,
        "Machine": f"{environment.pop('machine')}, {environment.pop('threads')} threads",
    }
    return Provenance(directory.path.resolve().name, config.runtime.seed, environment, details)
