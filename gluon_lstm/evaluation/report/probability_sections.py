"""Sections of a report about probabilities: what they mean, and what they are good for."""

from __future__ import annotations

from typing import Optional

from gluon_lstm.evaluation import plots
from gluon_lstm.evaluation.calibration import BINS
from gluon_lstm.evaluation.ranking import precision_recall_curve, roc_curve
from gluon_lstm.evaluation.report.content import Picture, Section, Table, interval_cell, number_cell, text_cell
from gluon_lstm.evaluation.report.formats import decimal, percent
from gluon_lstm.evaluation.report.study import Study

CALIBRATION = (
    ("Expected error, bins of equal width", "ece", percent),
    ("The same by chance, of a model that is exactly as sure as it should be", "ece_by_chance", percent),
    ("By chance, in 95 % of the cases at most", "ece_by_chance_p95", percent),
    ("Maximum error, bins of equal width", "mce", percent),
    ("Expected error, bins of equal mass", "ece_equal_mass", percent),
    ("Maximum error, bins of equal mass", "mce_equal_mass", percent),
    ("Negative log-likelihood (nats)", "nll", decimal),
    ("Brier score (0 to 2)", "brier", decimal),
)
"""Rows of the table of calibration: title, key in ``metrics.json``, and how it is written."""
CURVES = 8
"""Most classes whose curves are drawn; of more, those with the least area."""


def calibration_section(study: Study) -> Section:
    """Returns the section of what probabilities mean."""
    measures, predictions = study.measures, study.predictions
    correct = predictions.predicted == predictions.labels
    bins, scaled = measures.calibration.equal_width, measures.scaled and measures.scaled.calibration.equal_width
    pictures = [
        Picture(
            "calibration.png",
            plots.reliability(bins, scaled),
            f"Reliability diagram: accuracy against confidence in {BINS} bins, and the samples of each; expected "
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
    metrics, intervals = study.measures.to_dict(), study.measures.intervals
    rows = [
        (text_cell(name), *(cell for key in (plain, f"{plain}_scaled")
                            for cell in (number_cell(metrics[key], shown), interval_cell(intervals.get(key), shown))))
        for name, plain, shown in CALIBRATION
    ]  # fmt: skip
    columns = ("Measure", "As they are", "95 % interval", "After temperature scaling", "95 % interval of that")
    return Table(f"Calibration in {BINS} bins", columns, rows)


def selective_section(study: Study) -> Section:
    """Returns the section of answering only where the model is sure."""
    curve = study.measures.risk_coverage
    picture = Picture(
        "risk_coverage.png",
        plots.risk_coverage([curve]),
        f"Share of errors among the most confident samples against how many are answered; area {curve.area:.5f}",
        "The lower the curve on the left, the better confidence tells right from wrong answers.",
    )
    between = curve.intervals()
    rows = [
        (number_cell(coverage, percent), number_cell(accuracy, percent), interval_cell(between[coverage]))
        for coverage, accuracy in curve.accuracies().items()
    ]
    columns = ("Answered", "Accuracy among them", "95 % interval")
    table = Table("Accuracy of the most confident samples", columns, rows)
    interval = study.measures.intervals["aurc"]
    told = "" if interval is None else f" (95 % interval {interval.low:.5f} to {interval.high:.5f})"
    note = f"The area under the curve, the mean over all coverages, is {curve.area:.5f}{told}."
    return Section("selective", "Answering only where it is sure", [note], [picture], [table])


def ranking_section(study: Study) -> Optional[Section]:
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
