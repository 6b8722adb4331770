"""Writes an evaluation into a folder, and shows it on a terminal."""

from __future__ import annotations

import csv
import html
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from matplotlib.figure import Figure
from rich.console import Group
from rich.table import Table
from rich.text import Text

from gluon_lstm.data.dataset import SequenceDataset
from gluon_lstm.evaluation import plots
from gluon_lstm.evaluation.metrics import (
    ClassMetrics,
    Evaluation,
    LengthGroup,
    accuracy_by_length,
    confident_errors,
    frequent_confusions,
)
from gluon_lstm.evaluation.predict import Predictions

CONFUSIONS = 10
"""Pairs of classes that the report lists."""
ERRORS = 24
"""Wrong samples that the report shows."""
EXCERPT = 300
"""Characters of a text that the report shows: its beginning and its end."""
LENGTH_GROUPS = 8
"""Groups of like length that the report tells apart, where lengths vary."""
TERMINAL_CLASSES = 20
"""Most classes that the terminal shows; of more, those with the least F1."""
TITLE_WIDTH = 12
"""Columns of a class name above a picture."""
UNDEFINED = "–"


@dataclass(frozen=True)
class Provenance:
    """What a report says about where its numbers come from.

    Attributes:
        run_name: name of the run, such as its folder's.
        seed: the run's seed.
        versions: package → version.
        details: further facts to list, name → value, such as the preset.
    """

    run_name: str
    seed: int
    versions: Mapping[str, str]
    details: Mapping[str, Any]


class WrongSample(NamedTuple):
    """A sample that was classified wrongly; ``text`` is empty where it is none."""

    index: int
    true: str
    predicted: str
    probability: float
    text: str = ""


def write_report(
    directory: Path,
    evaluation: Evaluation,
    predictions: Predictions,
    dataset: SequenceDataset,
    provenance: Provenance,
    log: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Writes ``metrics.json``, ``predictions.csv``, ``report.md`` and its pictures.

    Args:
        directory: an existing folder; files of the same names are replaced.
        evaluation: the numbers of ``predictions``.
        predictions: what the network says about ``dataset``, in its order.
        dataset: what was predicted; samples are shown as pictures where it has a method
            ``image(index) -> (H, W) uint8``, as texts where it has ``text(index) -> str``.
        provenance: where the numbers come from.
        log: the records of ``log.jsonl``; without any there are no learning curves.
    """
    directory = Path(directory)
    errors = wrong_samples(predictions, evaluation.class_names, dataset)
    lengths = dataset.lengths
    groups = [] if lengths is None else accuracy_by_length(predictions, lengths, LENGTH_GROUPS)
    write_metrics(directory / "metrics.json", evaluation)
    write_predictions(directory / "predictions.csv", predictions, evaluation.class_names)
    for name, figure in _figures(evaluation, errors, groups, dataset, log).items():
        plots.save(figure, directory / name)
    text = _environment().get_template("report.md.j2").render(
        run_name=provenance.run_name,
        dataset=dataset.name,
        split=dataset.split,
        summary=summary(evaluation, dataset),
        numbers=numbers(evaluation),
        per_class=evaluation.per_class,
        confusions=frequent_confusions(evaluation, CONFUSIONS),
        errors=errors,
        has_pictures=hasattr(dataset, "image"),
        has_texts=hasattr(dataset, "text"),
        length_groups=groups,
        has_log=bool(log),
        facts=_facts(dataset, provenance),
        missing_characters=plots.missing_characters(evaluation.class_names),
    )
    (directory / "report.md").write_text(text, encoding="utf-8")


def write_metrics(path: Path, evaluation: Evaluation) -> None:
    """Writes ``Evaluation.to_dict`` as strict JSON."""
    text = json.dumps(evaluation.to_dict(), ensure_ascii=False, allow_nan=False, indent=2)
    path.write_text(text + "\n", encoding="utf-8")


def write_predictions(path: Path, predictions: Predictions, class_names: Sequence[str]) -> None:
    """Writes one line a sample: index, label, predicted class, and each class's probability.

    Nine significant digits: enough for a float32 to come back as it was.
    """
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["index", "label", "predicted", *(f"p:{name}" for name in class_names)])
        rows = zip(predictions.labels, predictions.predicted, predictions.probabilities.tolist())
        for index, (label, predicted, probabilities) in enumerate(rows):
            numbers = [f"{probability:.9g}" for probability in probabilities]
            writer.writerow([index, class_names[label], class_names[predicted], *numbers])


def wrong_samples(
    predictions: Predictions, class_names: Sequence[str], dataset: SequenceDataset, limit: int = ERRORS
) -> List[WrongSample]:
    """Returns the wrongly classified samples of a data set, the most confident first."""
    text = getattr(dataset, "text", lambda index: "")
    return [
        WrongSample(
            index=int(index),
            true=class_names[predictions.labels[index]],
            predicted=class_names[predictions.predicted[index]],
            probability=float(predictions.confidence[index]),
            text=excerpt(text(index)),
        )
        for index in confident_errors(predictions, limit)
    ]


def excerpt(text: str) -> str:
    """Returns a text's beginning and end, at most ``EXCERPT`` characters."""
    half = EXCERPT // 2
    return text if len(text) <= EXCERPT else f"{text[:half]} … {text[-half:]}"


def numbers(evaluation: Evaluation) -> List[Tuple[str, str]]:
    """Returns the names and values of the table that report and terminal share."""
    low, high = evaluation.accuracy_ci95
    return [
        ("Samples", count(evaluation.n)),
        ("Accuracy", percent(evaluation.accuracy)),
        ("95 % interval (Wilson)", f"{percent(low)} to {percent(high)}"),
        ("Balanced accuracy", percent(evaluation.balanced_accuracy)),
        ("Macro F1", percent(evaluation.macro_f1)),
        ("Negative log-likelihood (nats)", f"{evaluation.nll:.4f}"),
    ]


def summary(evaluation: Evaluation, dataset: SequenceDataset) -> str:
    """Returns the report's first sentences as Markdown: how good, how sure, what goes wrong."""
    low, high = evaluation.accuracy_ci95
    text = (
        f"**{percent(evaluation.accuracy)}** of the {count(evaluation.n)} samples "
        f"({markdown(dataset.name)}, {markdown(dataset.split)}) are classified correctly; with 95 % confidence the "
        f"accuracy on such samples is between {percent(low)} and {percent(high)}."
    )
    wrong = evaluation.n - evaluation.correct
    if not wrong:
        return text
    often = frequent_confusions(evaluation, 1)[0]
    worst = min((item for item in evaluation.per_class if item.support), key=lambda item: item.recall)
    return (
        f"{text} Of the {count(wrong)} mistake{'s' * (wrong != 1)}, the most frequent is {markdown(often.true)} taken "
        f"for {markdown(often.predicted)} ({count(often.count)} of {count(wrong)}); the class found least often is "
        f"{markdown(worst.name)} ({percent(worst.recall)} of its {count(worst.support)})."
    )


def terminal_table(evaluation: Evaluation) -> Group:
    """Returns what ``rich.console.Console.print`` shows: the numbers, then the classes.

    Of more than ``TERMINAL_CLASSES`` classes, those with the least F1.
    """
    overall = Table(show_header=False)
    overall.add_column("Measure")
    overall.add_column("Value", justify="right")
    for name, value in numbers(evaluation):
        overall.add_row(name, value)
    shown = _worst_classes(evaluation.per_class)
    few = len(shown) < len(evaluation.per_class)
    title = f"The {len(shown)} of {len(evaluation.per_class)} classes with the least F1" if few else None
    return Group(overall, _class_table(shown, title))


def _class_table(per_class: Sequence[ClassMetrics], title: Optional[str]) -> Table:
    """Returns the terminal's table of classes."""
    table = Table(title=title)
    table.add_column("Class", max_width=plots.NAME_WIDTH)
    for name in ("Precision", "Recall", "F1", "Samples"):
        table.add_column(name, justify="right", no_wrap=True)
    for item in per_class:
        values = [*map(percent, (item.precision, item.recall, item.f1)), count(item.support)]
        table.add_row(Text(plots.short_name(item.name)), *values)
    return table


def _worst_classes(per_class: Sequence[ClassMetrics]) -> Sequence[ClassMetrics]:
    """Returns all classes where they are few, else those with the least F1; undefined last."""
    if len(per_class) <= TERMINAL_CLASSES:
        return per_class
    return sorted(per_class, key=lambda item: 2.0 if item.f1 is None else item.f1)[:TERMINAL_CLASSES]


def percent(share: Optional[float]) -> str:
    """Returns a share as ``99.12 %``, or a dash where it is undefined."""
    return UNDEFINED if share is None else f"{100 * share:.2f} %"


def count(number: int) -> str:
    """Returns a count as ``10,000``."""
    return f"{number:,}"


def markdown(text: Any) -> str:
    """Returns a text so that Markdown shows it as it is, on one line, inside a table's cell too."""
    return re.sub(r"([\\`*_\[\]|~$])", r"\\\1", html.escape(plots.one_line(str(text)), quote=False))


def _environment() -> Environment:
    """Returns the Jinja2 environment of the report's templates."""
    environment = Environment(
        loader=PackageLoader("gluon_lstm.evaluation"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown, not HTML; its cells go through ``markdown``
    )
    environment.filters.update(cell=markdown, percent=percent, count=count)
    return environment


def _figures(
    evaluation: Evaluation,
    errors: Sequence[WrongSample],
    groups: Sequence[LengthGroup],
    dataset: SequenceDataset,
    log: Sequence[Mapping[str, Any]],
) -> Dict[str, Figure]:
    """Returns file name → figure, of those that there is something to draw for."""
    figures = {"confusion_matrix.png": plots.confusion_matrix(evaluation.confusion, evaluation.class_names)}
    if groups:
        figures["accuracy_by_length.png"] = plots.accuracy_by_length(groups)
    if log:
        figures["learning_curves.png"] = plots.learning_curves(log)
    if errors and hasattr(dataset, "image"):
        images = np.stack([dataset.image(item.index) for item in errors])
        figures["most_confident_errors.png"] = plots.most_confidently_wrong(images, list(map(_picture_title, errors)))
    return figures


def _picture_title(item: WrongSample) -> str:
    """Returns the lines above a wrong sample's picture."""
    true, predicted = (plots.short_name(name, TITLE_WIDTH) for name in (item.true, item.predicted))
    return f"true {true}\npredicted {predicted}\n{percent(item.probability)}, #{item.index}"


def _facts(dataset: SequenceDataset, provenance: Provenance) -> List[Tuple[str, Any]]:
    """Returns the rows of the report's last table."""
    return [
        ("Run", provenance.run_name),
        ("Data set", dataset.name),
        ("Split", dataset.split),
        ("SHA-256 of the samples and labels", dataset.fingerprint),
        *_text_facts(dataset),
        ("Seed", provenance.seed),
        *provenance.details.items(),
        *((f"Version of {package}", version) for package, version in provenance.versions.items()),
    ]


def _text_facts(dataset: SequenceDataset) -> List[Tuple[str, Any]]:
    """Returns the rows that tell how texts were read; none where there are none."""
    if not dataset.symbols:
        return []
    unknown, vocabulary = dataset.unknown_share, len(dataset.reader.format.vocabulary)
    return [("Vocabulary", f"{count(vocabulary)} tokens"), ("Unknown tokens", percent(unknown))]
