"""Evaluate a trained run: accuracy report and plots."""

from __future__ import annotations

import argparse
import sys
from typing import Any, Callable, Dict, Optional

from gluon_lstm import runtime
from gluon_lstm.cli.loading import check_data_dir
from gluon_lstm.config import Config, merge
from gluon_lstm.data import SequenceDataset, TextReader, load_split
from gluon_lstm.errors import ConfigError
from gluon_lstm.rundir import RunDirectory, SavedModel

PREDICTION_BATCH = 500


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("run", metavar="RUN", help="run directory that train made")
    parser.add_argument("--split", choices=("test", "validation"), default="test", help="samples (default: test)")
    parser.add_argument("--data-dir", metavar="DIR", help="folder of the data (default: as in the training)")
    add_runtime_arguments(parser)


def add_runtime_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments that say on what a trained run computes."""
    parser.add_argument("--device", default="cpu", metavar="NAME", help="cpu or gpu:0 (default: cpu)")
    parser.add_argument("--threads", type=int, metavar="N", help="CPU threads (default: as the run was trained)")


def run(arguments: argparse.Namespace) -> int:
    """Evaluates as the arguments say; returns the exit code."""
    directory = RunDirectory.open(arguments.run)
    check_data_dir(arguments.data_dir)
    config = merge(read_config_of_run(directory, arguments), {"data": _given(arguments, "data_dir")})
    directory.check_evaluation(arguments.split)
    runtime.prepare(config.runtime.threads)
    show(evaluate_run(directory, config, lambda reader: load_split(config, arguments.split, reader)))
    print(f"report: {directory.path / 'evaluation' / arguments.split / 'report.md'}")
    return 0


def read_config_of_run(directory: RunDirectory, arguments: argparse.Namespace) -> Config:
    """Returns a run's configuration, on the device and with the threads that the command line gives.

    Raises:
        ConfigError: they are not allowed, or several devices.
        RunError: the configuration is damaged.
    """
    config = merge(directory.read_config(), {"runtime": _given(arguments, "device", "threads")})
    if "," in config.runtime.device:
        raise ConfigError(
            f"--device {config.runtime.device}: {arguments.command} runs on one device; name one of them"
        )
    return config


def show(evaluation: Evaluation) -> None:  # noqa: F821 - as below
    """Prints the numbers as tables."""
    from rich.console import Console

    from gluon_lstm.evaluation.report import terminal_table

    Console().print(terminal_table(evaluation))


def _given(arguments: argparse.Namespace, *names: str) -> Dict[str, Any]:
    """Returns those of the named arguments that have a value."""
    return {name: getattr(arguments, name) for name in names if getattr(arguments, name) is not None}


def evaluate_run(
    directory: RunDirectory, config: Config, read: Callable[[Optional[TextReader]], SequenceDataset]
) -> Evaluation:  # noqa: F821 - named for the reader; its import would settle MXNet's threads
    """Writes a run's report on one data set and returns its numbers.

    Args:
        directory: the run.
        config: its configuration, with the device to evaluate it on.
        read: gives what to evaluate it on, read as the model does.

    Raises:
        UserError: the run, its model or the data cannot be used.
    """
    from gluon_lstm.evaluation import Predictor, evaluate, predict
    from gluon_lstm.evaluation.report import write_report

    model, log = directory.load_model(), directory.read_log()
    device = runtime.devices(config.runtime.device)[0]
    predictor = Predictor(config, model, device, str(directory.path / "model"))
    dataset = read(predictor.reader)
    predictor.check(dataset)
    predictions = predict(predictor.net, dataset, PREDICTION_BATCH, device, progress=sys.stderr.isatty())
    evaluation = evaluate(predictions, dataset.class_names)
    provenance = _provenance(directory.path.resolve().name, config, model)
    with directory.replace_evaluation(dataset.split) as folder:
        write_report(folder, evaluation, predictions, dataset, provenance, log)
    return evaluation


def _provenance(name: str, config: Config, model: SavedModel):
    """Returns what the report says about where its numbers come from."""
    from gluon_lstm.evaluation.report import Provenance

    environment = runtime.describe()
    details = {
        "Preset": config.preset,
        "View": config.data.view,
        "Epoch of the model": model.epoch,
        "Machine": f"{environment.pop('machine')}, {environment.pop('threads')} threads",
    }
    return Provenance(name, config.runtime.seed, environment, details)
