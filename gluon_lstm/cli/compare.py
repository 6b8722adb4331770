"""Several trained runs on the same samples, side by side on one page."""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Sequence

from gluon_lstm import runtime
from gluon_lstm.cli.loading import warn_of_idle_folder
from gluon_lstm.cli.output import visible
from gluon_lstm.cli.reporting import check_split, provenance_of, tell_missing, warn_of_split
from gluon_lstm.cli.trained import read_config_of_run
from gluon_lstm.config import Config, merge
from gluon_lstm.data import StoredSplits
from gluon_lstm.errors import ConfigError, DataError, RunError, quoted
from gluon_lstm.rundir import RepeatsDirectory, ReportFolder, RunDirectory, SavedModel
from gluon_lstm.rundir.layout import COMPARISON

DEFAULT_OUTPUT = "comparison"


class NamedRun(NamedTuple):
    """A run to compare: its name, which no other has, its directory, and its configuration."""

    name: str
    directory: RunDirectory
    config: Config


def compare(arguments: argparse.Namespace, split: str) -> Path:
    """Compares the runs that the command line names, prints their tables, and returns the page that shows them.

    Args:
        arguments: what the command line gave.
        split: the samples to compare them on.

    Raises:
        UserError: a run or its data cannot be used, or they are of different tasks.
    """
    runs = _open(arguments)
    output = ReportFolder(Path(arguments.output or DEFAULT_OUTPUT), COMPARISON)
    output.check()
    runtime.prepare(max(run.config.runtime.threads or 0 for run in runs) or None)
    from rich.console import Console

    from gluon_lstm.evaluation.report import compare_studies, tables_of, terminal_tables, write_comparison

    studies = _studies(runs, split)
    comparison = compare_studies(studies, seed_groups(runs))
    with output.replace() as folder:
        missing = write_comparison(folder, comparison)
    tell_missing(missing)
    console = Console()
    console.print(terminal_tables(tables_of(comparison), console.width))
    return output.path / "report.html"


def _open(arguments: argparse.Namespace) -> List[NamedRun]:
    """Returns the runs, those of a folder of several one by one."""
    paths = [path for name in arguments.runs for path in _expand(Path(name))]
    twice = next(
        (path for place, path in enumerate(paths) if path.resolve() in [p.resolve() for p in paths[:place]]), None
    )
    if twice is not None:
        raise ConfigError(f"{twice}: is named twice; name each run once")
    runs = []
    for path in paths:
        directory = RunDirectory.open(path)
        config = read_config_of_run(directory, arguments)
        if arguments.data_dir is not None:
            config = merge(config, {"data": {"data_dir": arguments.data_dir}})
        runs.append(NamedRun(str(path), directory, config))
    warn_of_idle_folder(arguments, [run.config.data.dataset for run in runs])
    return named_apart(runs)


def _expand(path: Path) -> List[Path]:
    """Returns the runs that ``train --seeds`` and ``--folds`` left in a folder, or the folder itself."""
    if not RepeatsDirectory.is_one(path):
        return [path]
    found = sorted(entry for entry in path.iterdir() if (entry / "config.json").is_file())
    if len(found) < 2:
        raise RunError(f"{path}: holds fewer than two runs; name a run directory in it, or go on with all runs: "
                       f"gluon-lstm train --resume {quoted(path)}")  # fmt: skip
    return found


def named_apart(runs: Sequence[NamedRun]) -> List[NamedRun]:
    """Returns the runs, each called by as many of its path's last parts as set it apart."""
    parts = [Path(os.path.abspath(run.name)).parts for run in runs]
    count = 1
    while len({part[-count:] for part in parts}) < len(parts):
        count += 1
    return [run._replace(name=visible("/".join(part[-count:]))) for run, part in zip(runs, parts)]


def _studies(runs: Sequence[NamedRun], split: str) -> List[Any]:
    """Returns what there is to know about each run; raises DataError where they are not of the same task."""
    from gluon_lstm.evaluation import Predictor
    from gluon_lstm.evaluation.measures import Temperature
    from gluon_lstm.evaluation.predict import BATCH_SIZE, predict
    from gluon_lstm.evaluation.report import StudyOptions, make_study

    studies: List[Any] = []
    stored: Dict[Any, StoredSplits] = {}
    models = [run.directory.load_model() for run in runs]
    _check_models(runs, models)
    for run, model in zip(runs, models):
        device = runtime.devices(run.config.runtime.device)[0]
        predictor = Predictor(run.config, model, device, str(run.directory.path / "model"))
        splits = stored.setdefault((run.config.data, run.config.text), StoredSplits(run.config))
        dataset = splits.read(split, predictor.reader)
        predictor.check(dataset)
        if studies and dataset.fingerprint != studies[0].dataset.fingerprint:
            raise DataError(
                f"{run.name}: is tested on other samples than {runs[0].name} ({dataset.name}, "
                f"{studies[0].dataset.name}); compare runs of the same data and folds"
            )
        check_split(run.directory, dataset, lambda s=splits, p=predictor: s.read("train", p.reader))
        warnings = warn_of_split(run.directory, dataset)
        predictions = predict(predictor.net, dataset, BATCH_SIZE, device, sys.stderr.isatty())
        provenance = provenance_of(run.name, run.directory, run.config, model)
        note = Temperature(None, "Not scaled by a temperature.")
        log = run.directory.read_log()
        options = StudyOptions(("training",))
        studies.append(make_study(predictions, dataset, provenance, note, log=log, warnings=warnings, options=options))
    return studies


def _check_models(runs: Sequence[NamedRun], models: Sequence[SavedModel]) -> None:
    """Raises DataError where models are of different tasks, before any of them predicts."""
    first = models[0]
    for run, model in zip(runs[1:], models[1:]):
        if model.reads_texts != first.reads_texts:
            kinds = ("texts", "pictures") if model.reads_texts else ("pictures", "texts")
            raise DataError(f"{run.name}: reads {kinds[0]}, {runs[0].name} {kinds[1]}; compare runs of the same task")
        if tuple(model.class_names) != tuple(first.class_names):
            raise DataError(f"{run.name}: its classes are not those of {runs[0].name}; compare runs of the same task")


def seed_groups(runs: Sequence[NamedRun]) -> Dict[str, List[int]]:
    """Returns name → positions of the runs that differ in their seed alone, where these are two or more.

    Of runs that do not even differ in their seed the first counts: what it was made with once more says
    nothing of chance.
    """
    groups: Dict[str, Dict[int, int]] = {}
    for place, run in enumerate(runs):
        config = replace(run.config, runtime=replace(run.config.runtime, seed=0))
        seeds = groups.setdefault(json.dumps(config.to_dict(), sort_keys=True), {})
        seeds.setdefault(run.config.runtime.seed, place)
    several = [list(seeds.values()) for seeds in groups.values() if len(seeds) > 1]
    return {f"{runs[places[0]].name} and {len(places) - 1} more": places for places in several}
