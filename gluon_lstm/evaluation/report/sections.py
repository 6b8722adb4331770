"""From a study to the sections of its report."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Tuple

import numpy as np

from gluon_lstm.evaluation import plots
from gluon_lstm.evaluation.intervals import REPLICATES
from gluon_lstm.evaluation.measures import Measures, without_interval
from gluon_lstm.evaluation.metrics import Evaluation
from gluon_lstm.evaluation.mistakes import frequent_confusions
from gluon_lstm.evaluation.report.condition_sections import (
    explanation_section,
    lengths_section,
    outliers_section,
    robustness_section,
    speed_section,
)
from gluon_lstm.evaluation.report.content import Cell, Picture, Section, Table, interval_cell, number_cell, text_cell
from gluon_lstm.evaluation.report.formats import count, counted, decimal, percent
from gluon_lstm.evaluation.report.probability_sections import (
    CALIBRATION,
    calibration_section,
    ranking_section,
    selective_section,
)
from gluon_lstm.evaluation.report.study import Study, WrongSample

CONFUSIONS, MORE_CONFUSIONS = 10, 100
"""Pairs of classes that the report lists; more where the confusion matrix has too many classes for numbers."""
NAMED = 5
"""Most numbers without an interval that are named."""
OF_CLASSES = {"f1": "F1", "roc_auc": "ROC-AUC", "average_precision": "Average precision"}
"""Key of a class's number → what its column is called."""
TITLE_WIDTH = 12
"""Columns of a class name above a picture."""


def sections_of(study: Study) -> List[Section]:
    """Returns the sections that there is something to say in, in the order of the report."""
    makers: Dict[str, Callable[[Study], Optional[Section]]] = {
        "numbers": _numbers,
        "classes": _classes,
        "mistakes": _mistakes,
        "calibration": calibration_section,
        "selective": selective_section,
        "ranking": ranking_section,
        "lengths": lengths_section,
        "explanation": explanation_section,
        "robustness": robustness_section,
        "outliers": outliers_section,
        "speed": speed_section,
        "training": _training,
        "provenance": _provenance,
    }
    always = ("numbers", "classes", "outliers", "provenance")
    made = [make(study) for name, make in makers.items() if name in always or name in study.sections]
    return [section for section in made if section is not None]


def headline_numbers(measures: Measures) -> List[Tuple[str, str, Optional[float], str]]:
    """Returns name, key in ``metrics.json``, value, and value as shown of the table that report and terminal share."""
    metrics = measures.to_dict()
    rows = [("Accuracy", "accuracy", percent), ("Balanced accuracy", "balanced_accuracy", percent),
            ("Macro F1", "macro_f1", percent), ("Weighted F1", "weighted_f1", percent),
            ("Matthews correlation", "matthews_correlation", decimal),
            ("ROC-AUC, mean over the classes", "roc_auc", decimal),
            ("Average precision, mean over the classes", "average_precision", decimal),
            ("Negative log-likelihood (nats)", "nll", decimal), ("Brier score (0 to 2)", "brier", decimal),
            ("Expected calibration error", "ece", percent)]  # fmt: skip
    return [(name, key, metrics[key], shown(metrics[key])) for name, key, shown in rows]


def _numbers(study: Study) -> Section:
    """Returns the section of all numbers of the whole data set."""
    measures = study.measures
    rows = []
    for name, key, value, shown in headline_numbers(measures):
        interval = measures.intervals.get(key)
        write = percent if shown.endswith("%") else decimal
        rows.append((text_cell(name), Cell(shown, value), interval_cell(interval, write)))
    for k, share in measures.top_k.items():
        rows.append((text_cell(f"True class among the {k} most probable"), Cell(percent(share), share),
                     interval_cell(measures.top_k_interval(k))))  # fmt: skip
    intervals = (
        f"Intervals are Wilson's for accuracy and top-k and percentiles of a bootstrap with {REPLICATES:,} replicates "
        "for the others; of the expected calibration error, to which chance adds, a basic one, which takes that off "
        "and may lie below the number. "
        "Means over the classes are over those that have samples."
    )
    title = f"Measures on {counted(measures.evaluation.n, 'sample')}"
    table = Table(title, ("Measure", "Value", "95 % interval"), rows)
    # What is undefined is told by the summary, and where the temperature is from by the section that uses it.
    temperature = [] if "calibration" in study.sections else [measures.temperature.note]
    paragraphs = [intervals, *_missing_intervals(measures), *temperature]
    return Section("numbers", "Numbers", paragraphs, tables=[table])


def _missing_intervals(measures: Measures) -> List[str]:
    """Returns a sentence about numbers without an interval, the first of many, as the tables call them."""
    titles = {key: title for title, key, _ in CALIBRATION}
    titles.update({f"{key}_scaled": f"{title}, after scaling" for key, title in titles.items()})
    titles.update({key: title for title, key, _, _ in headline_numbers(measures)}, aurc="Area under risk and coverage")
    names = [f"“{titles[key]}”" for key in measures.missing_intervals()]
    for key, classes in measures.missing_class_intervals().items():
        names.append(f"“{OF_CLASSES[key]}” of {count(len(classes))} class{'es' * (len(classes) != 1)}")
    more = len(names) - NAMED
    return [without_interval([*names[:NAMED], *([f"and {count(more)} more"] if more > 0 else [])])] if names else []


def _classes(study: Study) -> Section:
    """Returns the section with a row for each class."""
    measures = study.measures
    rows = [
        (text_cell(item.name), *(number_cell(value, percent) for value in (item.precision, item.recall, item.f1)),
         *(number_cell(value, decimal) for value in ranking), number_cell(item.support, count),
         interval_cell(intervals.recall))
        for item, ranking, intervals in zip(measures.evaluation.per_class, measures.classes, measures.class_intervals)
    ]  # fmt: skip
    columns = ("Class", "Precision", "Recall", "F1", "ROC-AUC", "Average precision", "Samples",
               "Recall, 95 % interval")  # fmt: skip
    note = (
        "A dash marks a number that is undefined: precision of a class that was never predicted; recall, F1, ROC-AUC "
        "and average precision of a class without samples, the last two also of one that has all of them."
    )
    return Section("classes", "Classes", [note], tables=[Table("Each class against the rest", columns, rows)])


def _mistakes(study: Study) -> Section:
    """Returns the section of what was taken for what, and of wrong samples."""
    evaluation, dataset = study.measures.evaluation, study.dataset
    pictures = [
        Picture(
            "confusion_matrix.png",
            plots.confusion_matrix(evaluation.confusion, evaluation.class_names),
            f"Confusion matrix of {counted(evaluation.n, 'sample')}: rows are true classes, columns predicted ones",
            "Rows are true classes, columns predicted ones; the colour goes by the root of the share of the row.",
        )
    ]
    if not study.errors:
        return Section("mistakes", "Mistakes", ["There are none: every sample was classified correctly."], pictures)
    if hasattr(dataset, "image"):
        images = np.stack([dataset.image(item.index) for item in study.errors])
        pictures.append(
            Picture(
                "most_confident_errors.png",
                plots.most_confidently_wrong(images, list(map(_picture_title, study.errors))),
                "The samples that were most confidently classified wrongly, with true and predicted class and "
                "probability; the table below lists them",
                "The most confident mistakes.",
            )
        )
    return Section("mistakes", "Mistakes", (), pictures, [_confusions_table(evaluation)], study.errors)


def _confusions_table(evaluation: Evaluation) -> Table:
    """Returns the table of which class is most often taken for which other."""
    limit = CONFUSIONS if len(evaluation.per_class) <= plots.COUNTS_UP_TO else MORE_CONFUSIONS
    rows = [
        (text_cell(item.true), text_cell(item.predicted), number_cell(item.count, count),
         number_cell(item.share, percent))
        for item in frequent_confusions(evaluation, limit)
    ]  # fmt: skip
    columns = ("True class", "Taken for", "Times", "Share of the true class")
    return Table("The most frequent mistakes", columns, rows)


def _picture_title(item: WrongSample) -> str:
    """Returns the lines above a wrong sample's picture."""
    true, predicted = (plots.short_name(name, TITLE_WIDTH) for name in (item.true, item.predicted))
    return f"true {true}\npredicted {predicted}\n{percent(item.probability)}, #{item.index}"


def _training(study: Study) -> Optional[Section]:
    """Returns the section of the learning curves."""
    if not study.log:
        return None
    picture = Picture(
        "learning_curves.png",
        plots.learning_curves(study.log),
        "Loss and accuracy of the training and validation split against the epoch; the best epoch is marked",
        "The model of the best epoch, by the validation split, is the one evaluated here. Figures of the training "
        "split are means over the epoch's steps, with dropout and augmentation: the validation's may be better.",
    )
    return Section("training", "Training", (), [picture])


def _provenance(study: Study) -> Section:
    """Returns the section of where the numbers come from."""
    rows = [(text_cell(name), text_cell(value)) for name, value in _facts(study)]
    note = f"metrics.json holds these numbers, predictions.csv every sample's label and probabilities{_joined(study)}."
    return Section("provenance", "How it was made", [note], tables=[Table("Provenance", ("Fact", "Value"), rows)])


def _joined(study: Study) -> str:
    """Returns by what the rows of ``predictions.csv`` are joined to those of the user's own file, if there is one."""
    origin = study.dataset.origin
    if origin is None:
        return ""
    counted = {"line": ", counted from 1", "position": ", counted from 0"}.get(origin.unit, "")
    return f", with its {origin.unit} in {origin.source}{counted}"


def _facts(study: Study) -> List[Tuple[str, Any]]:
    """Returns the rows of the report's last table."""
    dataset, provenance = study.dataset, study.provenance
    texts = []
    if dataset.symbols:
        texts = [("Vocabulary", f"{count(len(dataset.reader.format.vocabulary))} tokens"),
                 ("Unknown tokens", percent(dataset.unknown_share))]  # fmt: skip
    return [
        ("Run", provenance.run_name),
        ("Data set", dataset.name),
        ("Split", dataset.split),
        ("SHA-256 of the samples and labels", dataset.fingerprint),
        *texts,
        ("Seed", provenance.seed),
        *provenance.details.items(),
        *((f"Version of {package}", version) for package, version in provenance.versions.items()),
    ]
