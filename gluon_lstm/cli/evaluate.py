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
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from gluon_lstm import runtime
from gluon_lstm.cli.loading import check_data_dir, from_files, read_other, read_own, warn_of_idle_folder
from gluon_lstm.cli.options import add_quotes_argument, is_given, warn_of_idle
from gluon_lstm.cli.output import visible
from gluon_lstm.config import REPORT_SECTIONS, Config, flag, merge
from gluon_lstm.data import SequenceDataset
from gluon_lstm.data.own import Origin, OwnData
from gluon_lstm.errors import ConfigError, DataError
from gluon_lstm.rundir import RepeatsDirectory, ReportFolder, RunDirectory, SavedModel
from gluon_lstm.rundir.layout import REPORT

SPLITS = ("test", "validation")
PREDICTION_BATCH = 500
FOR_LABELS = ("sections", "sample", "ood", "html_open", "ignore_unknown_labels")
"""Flags that say what becomes of labelled data."""

Read = Callable[[Any, str], SequenceDataset]
"""(predictor, split) → a split of the run's data, read as the predictor's model does."""


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
    for name, text in (("text-column", "column of its texts"), ("label-column", "column of its labels")):
        parser.add_argument(f"--{name}", metavar="NAME", help=f"{text}, with --data (default: as trained, or guessed)")
    parser.add_argument("--encoding", metavar="NAME", help="of the texts, with --data (default: utf-8)")
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


def add_runtime_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments that say on what a trained run computes."""
    parser.add_argument("--device", default="cpu", metavar="NAME", help="cpu or gpu:0 (default: cpu)")
    parser.add_argument("--threads", type=int, metavar="N", help="CPU threads (default: as the run was trained)")


def run(arguments: argparse.Namespace) -> int:
    """Evaluates as the arguments say; returns the exit code."""
    sections = _sections(arguments)
    check_data_dir(arguments.data_dir)
    _check_flags(arguments)
    if _are_several(arguments):
        from gluon_lstm.cli.compare import compare

        page = compare(arguments)
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


def split_of(arguments: argparse.Namespace) -> str:
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
        if given[name] and not given["data"]:
            raise ConfigError(f"{flag(name)}: needs --data; leave it out")
    if given["data"] and is_given(arguments, "split"):
        raise ConfigError("--split: has no effect beside --data; leave one of them out")
    if given["sample"] and "explanation" not in _sections(arguments):
        raise ConfigError("--sample: needs the section explanation, which is not asked for; leave it out")


def _evaluate_one(arguments: argparse.Namespace, sections: Tuple[str, ...]) -> Path:
    """Evaluates one run and returns the page that shows it, or the file of predictions alone."""
    directory = RunDirectory.open(arguments.runs[0])
    config = merge(read_config_of_run(directory, arguments), {"data": _given(arguments, "data_dir")})
    split = "data" if arguments.data is not None else split_of(arguments)
    trained_on = config.data.dataset if arguments.data is None else None
    warn_of_idle_folder(arguments, [name for name in (trained_on, arguments.ood) if name is not None])
    folder = directory.evaluation(split)
    if arguments.output is not None:
        folder = ReportFolder(Path(arguments.output), REPORT)
    folder.check()
    runtime.prepare(config.runtime.threads)
    own: List[OwnData] = []
    read_split = from_files(config)

    def read(predictor, name: str) -> SequenceDataset:
        if name != "data":
            return read_split(predictor, name)
        found = read_own(arguments, config, predictor)
        for note in found.notes:
            print(visible(note), file=sys.stderr)
        own.append(found)
        if not found.labelled:
            warn_of_idle(arguments, FOR_LABELS, "the data have no labels, so there are predictions alone")
        return found.dataset

    other = None if arguments.ood is None else lambda predictor: read_other(arguments.ood, config, predictor)
    wanted = Wanted(split, sections, arguments.sample, other, lambda: own[-1] if own else None, folder,
                    bool(arguments.force))  # fmt: skip
    measures = evaluate_run(directory, config, read, wanted)
    if measures is None:
        return folder.path / "predictions.csv"
    show(measures)
    return folder.path / "report.html"


def read_config_of_run(directory: RunDirectory, arguments: argparse.Namespace) -> Config:
    """Returns a run's configuration, on the device and with the threads that the command line gives.

    Raises:
        ConfigError: they are not allowed, or several devices.
        RunError: the configuration is damaged.
    """
    config = merge(directory.read_config(), {"runtime": _given(arguments, "device", "threads")})
    if "," in config.runtime.device:
        raise ConfigError(f"--device {config.runtime.device}: {arguments.command} runs on one device; name one of them")
    return config


def show(measures: Measures) -> None:  # noqa: F821 - as below
    """Prints the numbers as tables."""
    from rich.console import Console

    from gluon_lstm.evaluation.report import terminal_table

    Console().print(terminal_table(measures))


def _given(arguments: argparse.Namespace, *names: str) -> Dict[str, Any]:
    """Returns those of the named arguments that have a value."""
    return {name: getattr(arguments, name) for name in names if getattr(arguments, name) is not None}


class Wanted(NamedTuple):
    """What an evaluation is to find out.

    Attributes:
        split: of the data, the one that is evaluated.
        sections: of ``config.REPORT_SECTIONS``; those of ``evaluation.report.BRIEF`` for ``None``.
        sample: position of the sample that is explained.
        other: gives data of another kind, from the predictor.
        own: gives the user's own data, once they are read; ``None`` of a split.
        folder: where the report goes; the run's own for the split if ``None``.
        force: whether it may replace a report on other samples.
    """

    split: str = "test"
    sections: Optional[Tuple[str, ...]] = None
    sample: Optional[int] = None
    other: Optional[Callable] = None
    own: Callable[[], Optional[OwnData]] = lambda: None
    folder: Optional[ReportFolder] = None
    force: bool = False

    def is_labelled(self) -> bool:
        """Whether the data, once read, have labels of their own."""
        own = self.own()
        return own is None or own.labelled

    def origin(self) -> Optional[Origin]:
        """Returns where the data, once read, are in the user's own file; ``None`` of a split."""
        own = self.own()
        return None if own is None else own.origin


def evaluate_run(
    directory: RunDirectory,
    config: Config,
    read: Read,
    wanted: Wanted = Wanted(),  # noqa: B008 - it cannot be changed
) -> Optional[Measures]:  # noqa: F821 - named for the reader; its import would settle MXNet's threads
    """Writes a run's report on one data set and returns its numbers; ``None`` of data without labels.

    Args:
        directory: the run.
        config: its configuration, with the device to evaluate it on.
        read: gives what to evaluate it on, read as the model does, and the validation split.
        wanted: what the report is to hold.

    Raises:
        UserError: the run, its model or the data cannot be used.
    """
    from gluon_lstm.evaluation import Predictor, predict
    from gluon_lstm.evaluation.report import BRIEF, Studying, make_study, write_predictions, write_report
    from gluon_lstm.evaluation.scaling import temperature_of

    model, log = directory.load_model(), directory.read_log()
    device = runtime.devices(config.runtime.device)[0]
    predictor = Predictor(config, model, device, str(directory.path / "model"))
    dataset, progress = read(predictor, wanted.split), sys.stderr.isatty()
    predictor.check(dataset)
    report_folder = _check_folder(directory, dataset, wanted)
    others = _read_others(predictor, dataset, wanted)
    predictions = predict(predictor.net, dataset, PREDICTION_BATCH, device, progress)
    if not wanted.is_labelled():
        with report_folder.replace() as folder:
            path, names = folder / "predictions.csv", dataset.class_names
            write_predictions(path, predictions.probabilities, names, origin=wanted.origin())
        return None
    is_same = wanted.split == "validation"
    temperature = temperature_of(directory, model, predictor, lambda: read(predictor, "validation"), is_same)
    sections = BRIEF if wanted.sections is None else wanted.sections
    study = make_study(
        predictions, dataset, provenance_of(directory.path.resolve().name, config, model), temperature, log=log,
        predictor=predictor, outliers=_detect(predictor, predictions, others, progress), origin=wanted.origin(),
        studying=Studying(sections, wanted.sample, progress),
    )  # fmt: skip
    with report_folder.replace() as folder:
        missing = write_report(folder, study)
    tell_missing(missing)
    return study.measures


def _check_folder(directory: RunDirectory, dataset: SequenceDataset, wanted: Wanted) -> ReportFolder:
    """Returns where the report goes, once nothing is lost there, and tells of a split that the training had not."""
    folder = wanted.folder or directory.evaluation(wanted.split)
    if not wanted.force:
        folder.check_samples(dataset.fingerprint)
    if directory.recorded_checksum(dataset.split) not in (None, dataset.fingerprint):
        print(visible(f"warning: this {dataset.split} split of {dataset.name} is not the one that {directory.path} was "
                      "trained beside: the numbers are of other samples"), file=sys.stderr)  # fmt: skip
    return folder


def _read_others(predictor, dataset: SequenceDataset, wanted: Wanted) -> Optional[SequenceDataset]:
    """Returns the data of another kind; ``None`` where none are wanted, or those to be told from have no labels."""
    if wanted.other is None or not wanted.is_labelled():
        return None
    others = wanted.other(predictor)
    if others.fingerprint == dataset.fingerprint:
        raise DataError(f"--ood: {others.name} is what is evaluated here; name data of another kind")
    return others


def _detect(predictor, predictions, others: Optional[SequenceDataset], progress: bool):
    """Returns how well the model tells data of another kind from those it knows; ``None`` where there are none."""
    from gluon_lstm.evaluation import predict
    from gluon_lstm.evaluation.outliers import detect_outliers

    if others is None:
        return None
    found = predict(predictor.net, others, PREDICTION_BATCH, predictor.device, progress)
    return detect_outliers(predictions, found, others.name)


def tell_missing(characters: str) -> None:
    """Says on the standard error stream which characters pictures show as boxes, if there are any."""
    if characters:
        told = f"note: the pictures show boxes for characters that no font here has: {characters}; for Chinese, "
        advice = "Japanese and Korean install Noto Sans CJK, remove Matplotlib's font cache, and evaluate again"
        print(visible(told + advice), file=sys.stderr)


def provenance_of(name: str, config: Config, model: SavedModel):
    """Returns what the report says about where its numbers come from."""
    from gluon_lstm.evaluation.report import Provenance, model_facts, model_sentence

    environment = runtime.describe()
    threads = runtime.tell_threads(environment.pop("threads"))
    details = {
        "Preset": config.preset,
        **({} if model.reads_texts else {"View": config.data.view}),
        **model_facts(config, model),
        "Machine": f"{environment.pop('machine')}, {threads}",
    }
    return Provenance(name, config.runtime.seed, environment, details, model_sentence(config, model))
