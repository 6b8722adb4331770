"""From a study to the sections of its report."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Tuple

import numpy as np

from gluon_lstm.evaluation import plots
from gluon_lstm.evaluation.measures import Measures
from gluon_lstm.evaluation.mistakes import frequent_confusions
from gluon_lstm.evaluation.ranking import precision_recall_curve, roc_curve
from gluon_lstm.evaluation.report.content import Cell, Picture, Section, Table, number_cell, text_cell
from gluon_lstm.evaluation.report.formats import UNDEFINED, count, decimal, percent
from gluon_lstm.evaluation.report.study import Study, WrongSample
from gluon_lstm.evaluation.robustness import Curve, Level

CONFUSIONS = 10
"""Pairs of classes that the report lists."""
CURVES = 8
"""Most classes whose curves are drawn; of more, those with the least area."""
TITLE_WIDTH = 12
"""Columns of a class name above a picture."""


def sections_of(study: Study) -> List[Section]:
    """Returns the sections that there is something to say in, in the order of the report."""
    makers: Dict[str, Callable[[Study], Optional[Section]]] = {
        "numbers": _numbers, "classes": _classes, "mistakes": _mistakes, "calibration": _calibration,
        "selective": _selective, "ranking": _ranking, "lengths": _lengths, "explanation": _explanation,
        "robustness": _robustness, "outliers": _outliers, "speed": _speed, "training": _training,
        "provenance": _provenance,
    }  # fmt: skip
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
        between = UNDEFINED if interval is None else f"{write(interval.low)} to {write(interval.high)}"
        rows.append((text_cell(name), Cell(shown, value), text_cell(between)))
    for k, share in measures.top_k.items():
        rows.append((text_cell(f"True class among the {k} most probable"), Cell(percent(share), share), text_cell("")))
    intervals = (
        "Intervals are Wilson's for the accuracy and percentiles of a bootstrap with 1,000 replicates for the others. "
        "Means over the classes are over those that have samples."
    )
    table = Table(f"Measures on {count(measures.evaluation.n)} samples", ("Measure", "Value", "95 % interval"), rows)
    return Section("numbers", "Numbers", [intervals, *measures.notes], tables=[table])


def _classes(study: Study) -> Section:
    """Returns the section with a row for each class."""
    rows = [
        (text_cell(item.name), *(number_cell(value, percent) for value in (item.precision, item.recall, item.f1)),
         *(number_cell(value, decimal) for value in ranking), number_cell(item.support, count))
        for item, ranking in zip(study.measures.evaluation.per_class, study.measures.classes)
    ]  # fmt: skip
    columns = ("Class", "Precision", "Recall", "F1", "ROC-AUC", "Average precision", "Samples")
    note = (
        "A dash marks a number that is undefined: precision of a class that was never predicted; recall, F1, ROC-AUC "
        "and average precision of a class without samples."
    )
    return Section("classes", "Classes", [note], tables=[Table("Each class against the rest", columns, rows)])


def _mistakes(study: Study) -> Section:
    """Returns the section of what was taken for what, and of wrong samples."""
    evaluation, dataset = study.measures.evaluation, study.dataset
    pictures = [
        Picture(
            "confusion_matrix.png",
            plots.confusion_matrix(evaluation.confusion, evaluation.class_names),
            f"Confusion matrix of {count(evaluation.n)} samples: rows are true classes, columns predicted ones",
            "Rows are true classes, columns predicted ones; the colour is the share of the row.",
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
    rows = [
        (text_cell(item.true), text_cell(item.predicted), number_cell(item.count, count))
        for item in frequent_confusions(evaluation, CONFUSIONS)
    ]
    tables = [Table("The most frequent mistakes", ("True class", "Taken for", "Times"), rows)]
    return Section("mistakes", "Mistakes", (), pictures, tables, study.errors)


def _picture_title(item: WrongSample) -> str:
    """Returns the lines above a wrong sample's picture."""
    true, predicted = (plots.short_name(name, TITLE_WIDTH) for name in (item.true, item.predicted))
    return f"true {true}\npredicted {predicted}\n{percent(item.probability)}, #{item.index}"


def _calibration(study: Study) -> Section:
    """Returns the section of what probabilities mean."""
    measures, predictions = study.measures, study.predictions
    correct = predictions.predicted == predictions.labels
    bins, scaled = measures.calibration.equal_width, measures.scaled and measures.scaled.calibration.equal_width
    pictures = [
        Picture(
            "calibration.png",
            plots.reliability(bins, scaled),
            f"Reliability diagram: accuracy against confidence in 15 bins, and the samples of each; expected "
            f"calibration error {percent(bins.ece)}",
            "On the dotted line confidence is accuracy; below it the model is too sure. Small bins say little.",
        ),
        Picture(
            "confidence.png",
            plots.confidence_histogram(predictions.confidence, correct),
            "Histogram of the confidence of right and of wrong predictions",
            "The further apart, the better confidence warns of mistakes.",
        ),
    ]
    return Section("calibration", "Calibration", [measures.temperature.note], pictures, [_calibration_table(study)])


def _calibration_table(study: Study) -> Table:
    """Returns the table of calibration before and after scaling."""
    metrics = study.measures.to_dict()
    names = [
        ("Expected error, bins of equal width", "ece", percent),
        ("Maximum error, bins of equal width", "mce", percent),
        ("Expected error, bins of equal mass", "ece_equal_mass", percent),
        ("Maximum error, bins of equal mass", "mce_equal_mass", percent),
        ("Negative log-likelihood (nats)", "nll", decimal),
        ("Brier score (0 to 2)", "brier", decimal),
    ]
    rows = [
        (text_cell(name), number_cell(metrics[key], shown), number_cell(metrics[f"{key}_scaled"], shown))
        for name, key, shown in names
    ]
    return Table("Calibration in 15 bins", ("Measure", "As they are", "After temperature scaling"), rows)


def _selective(study: Study) -> Section:
    """Returns the section of answering only where the model is sure."""
    curve = study.measures.risk_coverage
    picture = Picture(
        "risk_coverage.png",
        plots.risk_coverage([curve]),
        f"Share of errors among the most confident samples against how many are answered; area {curve.area:.5f}",
        "The lower the curve on the left, the better confidence tells right from wrong answers.",
    )
    rows = [
        (number_cell(coverage, percent), number_cell(accuracy, percent))
        for coverage, accuracy in curve.accuracies().items()
    ]
    table = Table("Accuracy of the most confident samples", ("Answered", "Accuracy among them"), rows)
    return Section("selective", "Answering only where it is sure", (), [picture], [table])


def _ranking(study: Study) -> Optional[Section]:
    """Returns the section of the curves of each class against the rest; none where all samples are of one class."""
    areas = [(item.roc_auc, label) for label, item in enumerate(study.measures.classes) if item.roc_auc is not None]
    if not areas:
        return None
    labels = sorted(label for _, label in sorted(areas)[:CURVES])
    names = [study.class_names[label] for label in labels]
    classes = [study.measures.classes[label] for label in labels]
    columns = [(study.predictions.probabilities[:, label], study.predictions.labels == label) for label in labels]
    pictures = [
        Picture(
            "roc.png",
            plots.roc([roc_curve(*column) for column in columns], names, [item.roc_auc for item in classes]),
            "ROC curves of classes against the rest; the table of classes has their areas",
            "The area is the chance that a sample of the class has a higher probability of it than another sample.",
        ),
        Picture(
            "precision_recall.png",
            plots.precision_recall(
                [precision_recall_curve(*column) for column in columns],
                names,
                [item.average_precision for item in classes],
            ),
            "Precision against recall of classes against the rest; the table of classes has the average precision",
            "How many of those found are right, as more and more of the class are found.",
        ),
    ]
    few = len(labels) < len(study.class_names)
    note = [f"Shown are the {len(labels)} of {len(study.class_names)} classes with the least area."] if few else []
    return Section("ranking", "Each class against the rest", note, pictures)


def _lengths(study: Study) -> Optional[Section]:
    """Returns the section of accuracy by length; none where all samples are of one."""
    if not study.length_groups:
        return None
    picture = Picture(
        "accuracy_by_length.png",
        plots.accuracy_by_length(study.length_groups),
        "Accuracy of texts grouped by their number of tokens, with 95 % intervals",
        "Each group has about as many samples.",
    )
    rows = [
        (Cell(f"{group.low} to {group.high}", group.low), number_cell(group.n, count),
         number_cell(group.accuracy, percent),
         Cell(f"{percent(group.accuracy_ci95.low)} to {percent(group.accuracy_ci95.high)}", group.accuracy_ci95.low))
        for group in study.length_groups
    ]  # fmt: skip
    columns = ("Tokens read", "Samples", "Accuracy", "95 % interval")
    return Section("lengths", "Length", (), [picture], [Table("Accuracy by length", columns, rows)])


def _explanation(study: Study) -> Optional[Section]:
    """Returns the section that looks at one sample closely."""
    occlusion, trace = study.occlusion, study.trace
    if occlusion is None:
        return None
    true, predicted = (
        study.class_names[study.predictions.labels[occlusion.index]],
        study.class_names[occlusion.predicted],
    )
    text = (
        f"Sample {occlusion.index}, of class {true}, was taken for {predicted} with a probability of "
        f"{percent(occlusion.probability)}."
    )
    pictures = [
        Picture(
            "important_steps.png",
            plots.important_steps(occlusion, predicted, _picture_of_rows(study)),
            f"By how much {predicted} is less probable without each time step of sample {occlusion.index}",
            "Blue steps speak for the class that was predicted, orange ones against it. Without a step, its values "
            "are 0 or its word is unknown.",
        )
    ]
    note = "Gates are shown of LSTM layers alone; this model's first layer is none."
    if trace is not None:
        note = "The gates are those of the first layer's cell that reads forwards."
        pictures.append(
            Picture(
                "gates.png",
                plots.gates(trace, occlusion.tokens),
                f"Activations of the input, forget and output gate, the candidate and the memory cell of each unit at "
                f"each time step of sample {occlusion.index}",
                "An input gate near 1 lets new content in, a forget gate near 1 keeps the old, an output gate near 1 "
                "shows it.",
            )
        )
    return Section("explanation", "One sample, step by step", [text, note], pictures)


def _picture_of_rows(study: Study) -> Optional[np.ndarray]:
    """Returns the explained sample's picture where each of its rows is a time step."""
    if getattr(study.dataset, "view", None) != "rows":
        return None
    return study.dataset.image(study.occlusion.index)


def _robustness(study: Study) -> Optional[Section]:
    """Returns the section of changed conditions."""
    found = study.robustness
    if found is None:
        return None
    picture = Picture(
        "robustness.png",
        plots.robustness(found.curves),
        "Accuracy and calibration error against the strength of each perturbation; the table has the numbers",
        "Where the calibration error rises, the model does not notice that it fails.",
    )
    rows = [
        (text_cell(curve.name), _strength_cell(curve, level), text_cell(curve.unit),
         number_cell(level.accuracy, percent), number_cell(level.ece, percent))
        for curve in found.curves for level in curve.levels
    ]  # fmt: skip
    columns = ("Change", "Strength", "Unit", "Accuracy", "Calibration error")
    some = f"{count(found.n)} of {count(len(study.predictions.labels))} samples, drawn at random, were changed."
    everything = f"All {count(found.n)} samples were changed."
    note = everything if found.n == len(study.predictions.labels) else some
    return Section("robustness", "Robustness", [note], [picture], [Table("Accuracy after changes", columns, rows)])


def _strength_cell(curve: Curve, level: Level) -> Cell:
    """Returns the cell of a perturbation's strength, in its unit."""
    return Cell(f"{level.strength * (100 if '%' in curve.unit else 1):g}", level.strength)


def _outliers(study: Study) -> Optional[Section]:
    """Returns the section of data of another kind."""
    found = study.outliers
    if found is None:
        return None
    text = (
        f"How well {count(found.n)} samples of {found.name} are told from the known ones: area under the ROC curve "
        f"of the probability of the predicted class {found.auroc_confidence:.4f}, of the energy "
        f"{found.auroc_energy:.4f}; 0.5 is chance, 1 is always."
    )
    picture = Picture(
        "out_of_distribution.png",
        plots.out_of_distribution(found.known, found.others, found.name),
        f"Histogram of the confidence about known data and about {found.name}",
        "A model that knows what it does not know is less confident about other data.",
    )
    return Section("outliers", "Data of another kind", [text], [picture])


def _speed(study: Study) -> Optional[Section]:
    """Returns the section of speed."""
    found = study.speed
    if found is None:
        return None
    rows = [
        (
            text_cell(f"Samples a second, in batches of {found.batch_size}"),
            number_cell(found.samples_per_second, _rounded),
        ),
        (text_cell("Milliseconds for a single sample, median"), number_cell(found.latency_ms, _hundredths)),
        (
            text_cell("Milliseconds for a single sample, 95 % are faster"),
            number_cell(found.latency_p95_ms, _hundredths),
        ),
    ]
    note = "Measured as this report was made; other work on the machine makes it slower. speed.json has the numbers."
    return Section("speed", "Speed", [note], tables=[Table("Speed", ("Measure", "Value"), rows)])


def _rounded(value: float) -> str:
    return f"{value:,.0f}"


def _hundredths(value: float) -> str:
    return f"{value:.2f}"


def _training(study: Study) -> Optional[Section]:
    """Returns the section of the learning curves."""
    if not study.log:
        return None
    picture = Picture(
        "learning_curves.png",
        plots.learning_curves(study.log),
        "Loss and accuracy of the training and validation split against the epoch; the best epoch is marked",
        "The model of the best epoch, by the validation split, is the one evaluated here.",
    )
    return Section("training", "Training", (), [picture])


def _provenance(study: Study) -> Section:
    """Returns the section of where the numbers come from."""
    rows = [(text_cell(name), text_cell(value)) for name, value in _facts(study)]
    note = "metrics.json holds these numbers, predictions.csv every sample's label and probabilities."
    return Section("provenance", "How it was made", [note], tables=[Table("Provenance", ("Fact", "Value"), rows)])


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
