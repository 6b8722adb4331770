"""Writes a study into a folder: numbers, predictions, pictures, and the two pages that show them."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any, Dict, Iterable, List, Sequence

import numpy as np
from jinja2 import Environment
from markupsafe import Markup

from gluon_lstm.bounded import PICTURE_BYTES, read_file
from gluon_lstm.data.csv_lines import csv_line
from gluon_lstm.data.dataset import SequenceDataset
from gluon_lstm.evaluation import plots
from gluon_lstm.evaluation.report.content import Section
from gluon_lstm.evaluation.report.formats import excerpt, markdown, page_environment, percent
from gluon_lstm.evaluation.report.narrative import Summary, summarize
from gluon_lstm.evaluation.report.sections import sections_of
from gluon_lstm.evaluation.report.study import Study
from gluon_lstm.evaluation.report.words import LEVELS, mark_words
from gluon_lstm.rundir.files import write_json
from gluon_lstm.rundir.report_folder import METRICS, SAMPLES, SAMPLES_CHECKSUM


def write_report(directory: Path, study: Study) -> str:
    """Writes ``metrics.json``, ``predictions.csv``, ``report.md``, ``report.html`` and their pictures.

    Args:
        directory: an existing folder; files of the same names are replaced.
        study: what is written.

    Returns:
        the characters of its names that no font here has, which the pictures show as boxes.
    """
    directory, names = Path(directory), study.class_names
    write_json(directory / METRICS, study.metrics())
    if study.speed is not None:
        write_json(directory / "speed.json", study.speed.to_dict())
    predictions = study.predictions
    write_predictions(directory, predictions.probabilities, study.dataset, predictions.labels)
    title = f"{study.provenance.run_name} on {study.dataset.name} ({study.dataset.split})"
    tokens = () if study.occlusion is None else study.occlusion.tokens
    return write_pages(directory, title, summarize(study), sections_of(study), (*names, *tokens))


def write_pages(
    directory: Path, title: str, summary: Summary, sections: Sequence[Section], names: Iterable[str]
) -> str:
    """Writes pictures, ``report.md`` and ``report.html``.

    Args:
        directory: an existing folder.
        title: of both pages.
        summary: their first sentences.
        sections: what follows.
        names: those that occur in the pictures.

    Returns:
        the characters of the names that no font here has; the pages tell of them, too.
    """
    missing = plots.missing_characters(names)
    for section in sections:
        for picture in section.pictures:
            plots.save(picture.figure, directory / picture.name)
    values = {
        "title": title,
        "summary": summary,
        "sections": sections,
        "levels": LEVELS,
        "missing_characters": missing,
        "picture_data": lambda name: base64.b64encode(read_file(directory / name, PICTURE_BYTES)).decode("ascii"),
    }
    for name in ("report.md", "report.html"):
        text = _environment(name).get_template(f"{name}.j2").render(values)
        (directory / name).write_text(text, encoding="utf-8")
    return missing


def write_predictions(
    directory: Path, probabilities: np.ndarray, dataset: SequenceDataset, labels: Sequence[int] = ()
) -> None:
    """Writes ``predictions.csv``: index, label where there are labels, predicted class, each class's probability.

    It has one line a sample. The index counts the samples that are there, from 0. Of the user's own file or folder, the
    place in it follows.

    Nine significant digits: enough for a float32 to come back as it was.

    Args:
        directory: an existing folder.
        probabilities: (M, K) float32.
        dataset: the samples, which know their classes' names, and where they are in the user's files.
        labels: (M,) integers, or none.
    """
    class_names, origin = dataset.class_names, dataset.origin
    predicted = probabilities.argmax(axis=1)
    columns: Dict[str, List[Any]] = {"index": list(range(len(predicted)))}
    if origin is not None:
        columns[origin.unit] = list(origin.places)
    if len(labels):
        columns["label"] = [class_names[label] for label in labels]
    columns["predicted"] = [class_names[label] for label in predicted]
    for name, column in zip(class_names, probabilities.T):
        columns[f"p:{name}"] = [f"{probability:.9g}" for probability in column.tolist()]
    with open(directory / "predictions.csv", "w", newline="", encoding="utf-8") as file:
        file.writelines(map(csv_line, (columns, *zip(*columns.values()))))


def write_unlabelled(directory: Path, probabilities: np.ndarray, dataset: SequenceDataset) -> None:
    """Writes ``predictions.csv`` of samples without labels, and ``samples.json``, which says what samples they are."""
    write_predictions(directory, probabilities, dataset)
    write_json(directory / SAMPLES, {"n": len(dataset), SAMPLES_CHECKSUM: dataset.fingerprint})


def _environment(name: str) -> Environment:
    """Returns the Jinja2 environment of a page."""
    is_html = name.endswith(".html")
    environment = page_environment("gluon_lstm.evaluation.report", is_html)
    environment.filters.update(
        cell=plots.one_line if is_html else markdown, excerpt=excerpt, mark_words=mark_words, percent=percent,
        # A file of the package's own, to stand in the page as it is.
        script=lambda name: Markup(environment.loader.get_source(environment, name)[0]),
    )  # fmt: skip
    return environment
