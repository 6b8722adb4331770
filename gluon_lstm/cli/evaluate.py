"""Evaluate trained runs: numbers, a report with plots, and how several runs compare.

gluon-lstm evaluate RUN                        the test split: RUN/evaluation/test/report.html
gluon-lstm evaluate RUN --quick                numbers alone
gluon-lstm evaluate RUN --data mine.csv        labelled data of your own; without labels, predictions alone
gluon-lstm evaluate RUN_A RUN_B RUN_C          one page that compares them, on the same samples
"""

from __future__ import annotations

import argparse
import sys
import webbrowser
from pathlib import Path
from typing import Tuple

from gluon_lstm import runtime
from gluon_lstm.cli.compare import compare
from gluon_lstm.cli.loading import Trained, check_data_dir, from_files, read_other, read_own, warn_of_idle_folder
from gluon_lstm.cli.options import add_quotes_argument, is_given, warn_of_idle
from gluon_lstm.cli.output import visible
from gluon_lstm.cli.reporting import Wanted, evaluate_run, show
from gluon_lstm.cli.trained import add_runtime_arguments, given_values, read_config_of_run
from gluon_lstm.config import REPORT_SECTIONS, flag, merge
from gluon_lstm.data import StoredSplits
from gluon_lstm.data.own import OwnData, tell_known
from gluon_lstm.errors import ConfigError, UserError
from gluon_lstm.rundir import RepeatsDirectory, ReportFolder, RunDirectory
from gluon_lstm.rundir.layout import REPORT

SPLITS = ("test", "validation")
FOR_LABELS = ("sections", "sample", "ood", "html_open", "ignore_unknown_labels")
"""Flags that say what becomes of labelled data."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument(
        "runs", metavar="RUN", nargs="+", help="run directory that train made; of several, a comparison"
    )
    parser.add_argument("--split", choices=SPLITS, help="samples (default: test)")
    parser.add_argument("--data-dir", metavar="DIR", help="folder of the data (default: as in the training)")
    parser.add_argument(
        "--data",
        metavar="PATH",
        help="data of your own instead of a split: texts in .csv, .tsv or .jsonl, pictures in IDX (labels in the file "
        "beside it, named labels-idx1 for images-idx3), PNG, or a folder with a folder of PNG for each class (default: "
        "none)",
    )
    columns = (("text", "column of texts, with --data or --ood"), ("label", "column of labels, with --data"))
    for name, text in columns:
        parser.add_argument(f"--{name}-column", metavar="NAME", help=f"{text} (default: as trained, or guessed)")
    parser.add_argument("--encoding", metavar="NAME", help="of the texts, with --data or --ood (default: utf-8)")
    add_quotes_argument(parser)
    parser.add_argument("--ignore-unknown-labels", action="store_true", default=None,
                        help="with --data: leave out samples of unknown labels (default: no)")  # fmt: skip
    parser.add_argument(
        "--ood", metavar="DATASET", help="data of another kind to be told apart, a name or a file (default: none)"
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--sections", metavar="NAMES", help=f"parts of the report, of {','.join(REPORT_SECTIONS)} (default: all)"
    )
    what.add_argument("--quick", action="store_true", default=None, help="numbers alone, no pictures (default: no)")
    parser.add_argument(
        "--sample", type=int, metavar="N", help="sample to explain (default: the most confident mistake)"
    )
    parser.add_argument("--html-open", action="store_true", default=None,
                        help="show report.html in the browser (default: no)")  # fmt: skip
    parser.add_argument(
        "--output", metavar="DIR", help="folder of the report (default: RUN/evaluation/SPLIT; of several, comparison)"
    )
    parser.add_argument("--force", action="store_true", default=None,
                        help="replace a report that is on other samples (default: no)")  # fmt: skip
    add_runtime_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Evaluates as the arguments say; returns the exit code."""
    sections = _sections(arguments)
    check_data_dir(arguments.data_dir)
    _check_flags(arguments)
    if _are_several(arguments):
        page = compare(arguments, _split_of(arguments))
    else:
        page = _evaluate_one(arguments, sections)
    if page.suffix == ".html":
        print(f"report: {page.with_suffix('.md')}")
    print(f"{'page' if page.suffix == '.html' else 'predictions'}: {page}")
    if arguments.html_open and page.suffix == ".html":
        webbrowser.open(page.resolve().as_uri())
    return 0


def _sections(arguments: argparse.Namespace) -> Tuple[str, ...]:
    """Returns the parts of the report that are wanted, or raises ConfigError where one is not known."""
    if arguments.quick:
        return ()
    if arguments.sections is None:
        return REPORT_SECTIONS
    names = [name.strip() for name in arguments.sections.split(",")]
    unknown = next((name for name in names if name not in REPORT_SECTIONS), None)
    if unknown is not None:
        raise ConfigError(f"--sections {arguments.sections}: no {unknown!r}; choose from {','.join(REPORT_SECTIONS)}")
    return tuple(names)


def _are_several(arguments: argparse.Namespace) -> bool:
    """Whether a comparison is asked for: several runs are named, or a folder that holds several."""
    return len(arguments.runs) > 1 or RepeatsDirectory.is_one(Path(arguments.runs[0]))


def _split_of(arguments: argparse.Namespace) -> str:
    """Returns the split that is evaluated."""
    return arguments.split or SPLITS[0]


def _check_flags(arguments: argparse.Namespace) -> None:
    """Raises ConfigError where a flag belongs to something else than is asked for."""
    alone = ["data", "ood", "sections", "quick", "sample", "force"]
    own = ["text_column", "label_column", "encoding", "quotes", "ignore_unknown_labels"]
    given = {name: is_given(arguments, name) for name in (*alone, *own)}
    for name in alone if _are_several(arguments) else ():
        if given[name]:
            raise ConfigError(f"{flag(name)}: is for one run; leave it out")
    for name in own:
        is_of_other = given["ood"] and name in ("text_column", "encoding", "quotes")
        if given[name] and not given["data"] and not is_of_other:
            raise ConfigError(f"{flag(name)}: needs --data; leave it out")
    if given["data"] and is_given(arguments, "split"):
        raise ConfigError("--split: has no effect beside --data; leave one of them out")
    if given["sample"] and "explanation" not in _sections(arguments):
        raise ConfigError("--sample: needs the section explanation, which is not asked for; leave it out")


def _evaluate_one(arguments: argparse.Namespace, sections: Tuple[str, ...]) -> Path:
    """Evaluates one run and returns the page that shows it, or the file of predictions alone."""
    directory = RunDirectory.open(arguments.runs[0])
    config = merge(read_config_of_run(directory, arguments), {"data": given_values(arguments, "data_dir")})
    split = "data" if arguments.data is not None else _split_of(arguments)
    trained_on = config.data.dataset if arguments.data is None else None
    warn_of_idle_folder(arguments, [name for name in (trained_on, arguments.ood) if name is not None])
    folder = directory.evaluation(split)
    if arguments.output is not None:
        folder = ReportFolder(Path(arguments.output), REPORT)
    folder.check()
    runtime.prepare(config.runtime.threads)
    stored, trained = StoredSplits(config), Trained.of(directory, config)
    wanted = Wanted(
        split,
        sections,
        arguments.sample,
        other=None if arguments.ood is None else lambda predictor: read_other(arguments, trained, predictor),
        own=None if arguments.data is None else lambda predictor: _read_own(arguments, stored, trained, predictor),
        folder=folder,
        force=bool(arguments.force),
    )
    measures = evaluate_run(directory, config, from_files(stored), wanted)
    if measures is None:
        return folder.path / "predictions.csv"
    show(measures)
    return folder.path / "report.html"


def _read_own(arguments: argparse.Namespace, stored: StoredSplits, trained: Trained, predictor) -> OwnData:
    """Returns the data that ``--data`` names, and says what is to be known of them."""
    found = read_own(arguments, trained, predictor)
    for note in found.notes:
        print(visible(note), file=sys.stderr)
    if not found.labelled:
        warn_of_idle(arguments, FOR_LABELS, "the data have no labels, so there are predictions alone")
        return found
    return _warn_of_training_samples(found, stored)


def _warn_of_training_samples(found: OwnData, stored: StoredSplits) -> OwnData:
    """Returns data that tell how many of them the model was trained on, where that is still to be found out."""
    try:
        warned = tell_known(found, stored.training_samples())
    except UserError as error:
        print(f"note: whether the model was trained on any of these samples cannot be told ({visible(str(error))})",
              file=sys.stderr)  # fmt: skip
        return found
    for clause in warned.dataset.warnings:
        print(f"warning: {clause}, so that these figures flatter the model", file=sys.stderr)
    return warned
