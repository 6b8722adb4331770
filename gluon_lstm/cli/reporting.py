"""Evaluating one run: what the commands that end in a report share."""

from __future__ import annotations

import sys
from typing import Any, Callable, NamedTuple, Optional, Sequence, Tuple

from gluon_lstm import runtime
from gluon_lstm.cli.output import visible
from gluon_lstm.config import Config
from gluon_lstm.data import SequenceDataset
from gluon_lstm.data.own import OwnData
from gluon_lstm.errors import DataError
from gluon_lstm.rundir import ReportFolder, RunDirectory, SavedModel

SLOW = ("explanation", "robustness", "speed")
"""Sections of a report that need predictions of their own."""
Read = Callable[[Any, str], SequenceDataset]
"""(predictor, split) → a split of the run's data, read as the predictor's model does."""


class Wanted(NamedTuple):
    """What an evaluation is to find out.

    Attributes:
        split: of the run's data, the one that is evaluated; what the folder of the user's own data is called, of these.
        sections: of ``config.REPORT_SECTIONS``; those of ``evaluation.report.BRIEF`` for ``None``.
        sample: position of the sample that is explained.
        other: gives data of another kind, from the predictor.
        own: gives the user's own data, from the predictor; ``None`` of a split.
        folder: where the report goes; the run's own for the split if ``None``.
        force: whether it may replace a report on other samples.
    """

    split: str = "test"
    sections: Optional[Tuple[str, ...]] = None
    sample: Optional[int] = None
    other: Optional[Callable[[Any], SequenceDataset]] = None
    own: Optional[Callable[[Any], OwnData]] = None
    folder: Optional[ReportFolder] = None
    force: bool = False


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
        read: gives the split to evaluate it on, read as the model does, and the validation split.
        wanted: what the report is to hold.

    Raises:
        UserError: the run, its model or the data cannot be used.
    """
    from gluon_lstm.evaluation import Predictor
    from gluon_lstm.evaluation.predict import BATCH_SIZE, predict
    from gluon_lstm.evaluation.report import BRIEF, StudyOptions, make_study, write_report, write_unlabelled
    from gluon_lstm.evaluation.scaling import temperature_of

    model, log = directory.load_model(), directory.read_log()
    device = runtime.devices(config.runtime.device)[0]
    predictor = Predictor(config, model, device, str(directory.path / "model"))
    dataset, is_labelled, warnings = _read_samples(directory, predictor, read, wanted)
    report_folder, progress = _check_folder(directory, dataset, wanted), sys.stderr.isatty()
    others = _read_others(predictor, dataset, wanted) if is_labelled else None
    predictions = predict(predictor.net, dataset, BATCH_SIZE, device, progress)
    if not is_labelled:
        with report_folder.replace() as folder:
            write_unlabelled(folder, predictions.probabilities, dataset)
        return None
    sections = BRIEF if wanted.sections is None else wanted.sections
    _tell_what_follows(predictions, sections, wanted.sample)
    is_same = wanted.split == "validation"
    temperature = temperature_of(directory, model, predictor, lambda: read(predictor, "validation"), is_same)
    provenance = provenance_of(directory.path.resolve().name, directory, config, model)
    outliers = _detect(predictor, predictions, others, progress)
    options = StudyOptions(sections, wanted.sample, progress)
    study = make_study(predictions, dataset, provenance, temperature, log=log, predictor=predictor, outliers=outliers,
                       warnings=warnings, options=options)  # fmt: skip
    with report_folder.replace() as folder:
        missing = write_report(folder, study)
    tell_missing(missing)
    return study.measures


def _read_samples(
    directory: RunDirectory, predictor, read: Read, wanted: Wanted
) -> Tuple[SequenceDataset, bool, Tuple[str, ...]]:
    """Returns what is evaluated, whether it has labels, and what makes it say less than it seems to, as sentences."""
    own = None if wanted.own is None else wanted.own(predictor)
    dataset = read(predictor, wanted.split) if own is None else own.dataset
    predictor.check(dataset)
    if own is not None:
        return dataset, own.labelled, own.warnings
    check_split(directory, dataset, lambda: read(predictor, "train"))
    return dataset, True, warn_of_split(directory, dataset)


def _tell_what_follows(predictions, sections: Sequence[str], sample: Optional[int]) -> None:
    """Prints that predictions are made, before sections that take longer; raises where there is no such sample."""
    from gluon_lstm.evaluation.report.study import chosen_sample

    slow = [name for name in sections if name in SLOW]
    if "explanation" in slow:
        chosen_sample(predictions, sample)
    if slow:
        count = len(predictions.labels)
        print(f"{count:,} samples predicted; next: {', '.join(slow)} (--quick leaves them out)", file=sys.stderr)


def _check_folder(directory: RunDirectory, dataset: SequenceDataset, wanted: Wanted) -> ReportFolder:
    """Returns where the report goes, once nothing is lost there."""
    folder = wanted.folder or directory.evaluation(wanted.split)
    if not wanted.force:
        folder.check_samples(dataset.fingerprint)
    return folder


def check_split(directory: RunDirectory, dataset: SequenceDataset, read_train: Callable[[], SequenceDataset]) -> None:
    """Raises DataError where samples that a run was trained on may be in a split.

    They may where it was drawn from the same samples as the training split, and these were changed since.

    Args:
        directory: the run.
        dataset: the split.
        read_train: gives the training split, as it is today.
    """
    if directory.had_split(dataset.split, dataset.fingerprint) or not dataset.is_drawn:
        return
    if directory.recorded_checksum("train") != read_train().fingerprint:
        raise DataError(
            f"{dataset.name}: was changed after {directory.path} was trained, and is divided anew, so that its "
            f"{dataset.split} split may hold training samples; bring it back, or evaluate other samples by --data"
        )


def warn_of_split(directory: RunDirectory, dataset: SequenceDataset) -> Tuple[str, ...]:
    """Returns what makes a split say less of a run than it seems to, as sentences, and prints what is unexpected."""
    chosen = ("The epoch that is kept was chosen by these samples, so that these figures flatter the model.",)
    warnings = chosen * (dataset.split == "validation")
    if directory.had_split(dataset.split, dataset.fingerprint):
        return warnings
    print(visible(f"warning: this {dataset.split} split of {dataset.name} is not the one that {directory.path} was "
                  "trained beside: the numbers are of other samples"), file=sys.stderr)  # fmt: skip
    return (*warnings, f"The run was trained beside another {dataset.split} split than this one.")


def _read_others(predictor, dataset: SequenceDataset, wanted: Wanted) -> Optional[SequenceDataset]:
    """Returns the data of another kind; ``None`` where none are wanted."""
    if wanted.other is None:
        return None
    others = wanted.other(predictor)
    if others.fingerprint == dataset.fingerprint:
        raise DataError(f"--ood: {others.name} is what is evaluated here; name data of another kind")
    return others


def _detect(predictor, predictions, others: Optional[SequenceDataset], progress: bool):
    """Returns how well the model tells data of another kind from those it knows; ``None`` where there are none."""
    from gluon_lstm.evaluation.outliers import detect_outliers
    from gluon_lstm.evaluation.predict import BATCH_SIZE, predict

    if others is None:
        return None
    found = predict(predictor.net, others, BATCH_SIZE, predictor.device, progress)
    return detect_outliers(predictions, found, others.name)


def tell_missing(characters: str) -> None:
    """Says on the standard error stream which characters pictures show as boxes, if there are any."""
    if characters:
        told = f"note: the pictures show boxes for characters that no font here has: {characters}; for Chinese, "
        advice = "Japanese and Korean install Noto Sans CJK, remove Matplotlib's font cache, and evaluate again"
        print(visible(told + advice), file=sys.stderr)


def provenance_of(name: str, directory: RunDirectory, config: Config, model: SavedModel):
    """Returns what the report of a run, called by a name, says about where its numbers come from."""
    from gluon_lstm.evaluation.report import Provenance, model_facts, model_sentence

    environment, samples = runtime.describe(), directory.recorded_samples("train")
    threads = runtime.tell_threads(environment.pop("threads"))
    details = {
        "Preset": config.preset,
        **({"Training samples": f"{samples:,}"} if isinstance(samples, int) else {}),
        **({} if model.reads_texts else {"View": config.data.view}),
        **model_facts(config, model),
        "Machine": f"{environment.pop('machine')}, {threads}",
    }
    return Provenance(visible(name), config.runtime.seed, environment, details, model_sentence(config, model))


def show(measures: Measures) -> None:  # noqa: F821 - as above
    """Prints the numbers as tables."""
    from rich.console import Console

    from gluon_lstm.evaluation.report import terminal_table

    Console().print(terminal_table(measures))
