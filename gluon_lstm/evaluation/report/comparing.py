"""One page that compares several runs on the same samples."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Sequence, Tuple

import numpy as np

from gluon_lstm.evaluation import plots
from gluon_lstm.evaluation.comparison import MEASURES, Pair, Spread, compare_pair, pairs_of, spread
from gluon_lstm.evaluation.report.content import Picture, Section, Table, number_cell, text_cell
from gluon_lstm.evaluation.report.formats import count, decimal, percent
from gluon_lstm.evaluation.report.narrative import Summary
from gluon_lstm.evaluation.report.study import Study
from gluon_lstm.evaluation.report.writing import write_json, write_pages

ALL_PAIRS_UP_TO = 5
"""Most runs of which each pair is compared; of more, each with the best one."""
SIGNIFICANT = 0.05
SHARES = ("accuracy", "balanced_accuracy", "macro_f1", "ece")
"""Measures that are written in percent."""
TITLES = ("Accuracy", "Balanced accuracy", "Macro F1", "NLL (nats)", "Brier", "Calibration error", "ROC-AUC",
          "Risk-coverage area")  # fmt: skip


class Comparison(NamedTuple):
    """Several runs.

    Attributes:
        studies: one a run, on the same samples.
        groups: description → positions of the runs that differ in their seed alone, at least two.
        pairs: how they differ.
    """

    studies: Sequence[Study]
    groups: Dict[str, List[int]]
    pairs: Sequence[Pair]

    @property
    def names(self) -> List[str]:
        """Each run's name."""
        return [study.provenance.run_name for study in self.studies]

    @property
    def metrics(self) -> List[Dict[str, Any]]:
        """Each run's measures, by the keys of ``metrics.json``."""
        return [study.measures.to_dict() for study in self.studies]

    def spreads(self) -> Dict[str, Dict[str, Spread]]:
        """Returns each group's means and standard deviations, by measure."""
        metrics = self.metrics
        return {
            name: {key: spread([metrics[place][key] for place in places]) for key in MEASURES}
            for name, places in self.groups.items()
        }


def compare_studies(studies: Sequence[Study], groups: Dict[str, List[int]]) -> Comparison:
    """Returns the comparison of at least two studies; raises DataError where they are not of the same samples."""
    accuracies = [study.measures.evaluation.accuracy for study in studies]
    chosen = pairs_of(len(studies), int(np.argmax(accuracies)), ALL_PAIRS_UP_TO)
    pairs = [
        compare_pair(
            (studies[i].provenance.run_name, studies[j].provenance.run_name),
            studies[i].predictions,
            studies[j].predictions,
        )
        for i, j in chosen
    ]
    return Comparison(studies, groups, pairs)


def write_comparison(directory: Path, comparison: Comparison) -> None:
    """Writes ``comparison.json``, ``report.md``, ``report.html`` and their pictures into an existing folder."""
    spreads = {
        name: {key: value._asdict() for key, value in values.items()} for name, values in comparison.spreads().items()
    }
    metrics = comparison.metrics
    runs = [
        {"run": name, "seed": study.provenance.seed, **{key: numbers[key] for key in ("n", "accuracy_ci95", *MEASURES)}}
        for name, study, numbers in zip(comparison.names, comparison.studies, metrics)
    ]
    pairs = [pair.to_dict() for pair in comparison.pairs]
    write_json(directory / "comparison.json", {"version": 1, "runs": runs, "pairs": pairs, "groups": spreads})
    dataset = comparison.studies[0].dataset
    title = f"{len(runs)} runs on {dataset.name} ({dataset.split})"
    write_pages(directory, title, _summary(comparison), _sections(comparison), comparison.names)


def _summary(comparison: Comparison) -> Summary:
    """Returns the first sentences: which is best, and whether that is more than chance."""
    evaluations = [study.measures.evaluation for study in comparison.studies]
    best = int(np.argmax([evaluation.accuracy for evaluation in evaluations]))
    low, high = evaluations[best].accuracy_ci95
    good = [
        f"of {count(evaluations[best].n)} samples are classified correctly by {comparison.names[best]}, the most of "
        f"these {len(evaluations)} runs (95 % interval {percent(low)} to {percent(high)})."
    ]
    for name, values in comparison.spreads().items():
        accuracy = values["accuracy"]
        good.append(f"{name}: accuracy {percent(accuracy.mean)} on average, standard deviation {percent(accuracy.sd)}.")
    return Summary(
        percent(evaluations[best].accuracy), good, list(map(_verdict, comparison.pairs[:3])), _worries(comparison)
    )


def _verdict(pair: Pair) -> str:
    """Returns whether two runs differ by more than chance."""
    test = pair.mcnemar
    better = pair.second if pair.accuracy_difference > 0 else pair.first
    told = (
        f"{better} is better than chance explains"
        if test.p_value < SIGNIFICANT
        else "chance may explain the difference"
    )
    return (
        f"{pair.first} alone is right {count(test.only_first)} times, {pair.second} alone {count(test.only_second)} "
        f"times: {told} (McNemar, p {_p_value(test.p_value)})."
    )


def _worries(comparison: Comparison) -> List[str]:
    """Returns what keeps the comparison from being read as more than it is."""
    if len(comparison.pairs) < 2:
        return []
    return [
        f"{len(comparison.pairs)} pairs were tested, and the p values are not corrected for that: of twenty pairs of "
        f"equal models, one is expected below {SIGNIFICANT}."
    ]


def _p_value(value: float) -> str:
    return f"= {value:.4f}" if value >= 0.0001 else "< 0.0001"


def tables_of(comparison: Comparison) -> List[Table]:
    """Returns the tables that page and terminal share: the runs, those that differ in their seed alone, the pairs."""
    return [_runs_table(comparison), *_groups_tables(comparison), _pairs_table(comparison)]


def _sections(comparison: Comparison) -> List[Section]:
    """Returns the sections of the page."""
    runs, *groups, pairs = tables_of(comparison)
    seeds = Section("seeds", "Over several seeds", ["Runs that differ in their seed alone."], tables=groups)
    note = "Differences are the second run's numbers less the first's; intervals are of a paired bootstrap."
    return [
        Section("runs", "Runs", (), [_accuracies(comparison)], [runs]),
        *([seeds] if groups else []),
        Section("pairs", "On the same samples", [note], tables=[pairs]),
        _curves(comparison),
    ]


def _measure_cells(metrics: Dict[str, Any]) -> Tuple:
    """Returns a row's cells of the measures."""
    return tuple(number_cell(metrics[key], percent if key in SHARES else decimal) for key in MEASURES)


def _runs_table(comparison: Comparison) -> Table:
    """Returns the table with a row for each run."""
    rows = [
        (text_cell(name), number_cell(study.provenance.seed, count), *_measure_cells(metrics))
        for name, study, metrics in zip(comparison.names, comparison.studies, comparison.metrics)
    ]
    return Table("Measures of each run", ("Run", "Seed", *TITLES), rows)


def _accuracies(comparison: Comparison) -> Picture:
    """Returns the picture of each run's accuracy."""
    evaluations = [study.measures.evaluation for study in comparison.studies]
    return Picture(
        "accuracies.png",
        plots.accuracies(comparison.names, [e.accuracy for e in evaluations], [e.accuracy_ci95 for e in evaluations]),
        "Accuracy of each run with its 95 % interval; the table has the numbers",
        "Intervals of single runs may overlap where a test of the same samples still tells them apart.",
    )


def _groups_tables(comparison: Comparison) -> List[Table]:
    """Returns the table of runs that differ in their seed alone; none where no runs do."""
    rows = []
    for name, values in comparison.spreads().items():
        for part, label in (("mean", "mean"), ("sd", "standard deviation")):
            numbers = {key: getattr(value, part) for key, value in values.items()}
            rows.append(
                (text_cell(f"{name}, {len(comparison.groups[name])} seeds"), text_cell(label), *_measure_cells(numbers))
            )
    return [Table("Mean and standard deviation", ("Runs", "Of the seeds", *TITLES), rows)] if rows else []


def _pairs_table(comparison: Comparison) -> Table:
    """Returns the table of differences on the same samples."""
    rows = [
        (text_cell(pair.first), text_cell(pair.second), number_cell(pair.mcnemar.only_first, count),
         number_cell(pair.mcnemar.only_second, count), number_cell(pair.mcnemar.p_value, _p_value),
         number_cell(pair.accuracy_difference, _points),
         text_cell(" to ".join(map(_points, pair.accuracy_ci95))), number_cell(pair.nll_difference, _signed),
         text_cell(" to ".join(map(_signed, pair.nll_ci95))))
        for pair in comparison.pairs
    ]  # fmt: skip
    columns = ("First", "Second", "First alone right", "Second alone right", "p (McNemar)", "Accuracy, points more",
               "95 % interval", "NLL more (nats)", "95 % interval of that")  # fmt: skip
    return Table("Pairs of runs", columns, rows)


def _points(value: float) -> str:
    return f"{100 * value:+.2f}"


def _signed(value: float) -> str:
    return f"{value:+.4f}"


def _curves(comparison: Comparison) -> Section:
    """Returns the section of curves laid over each other."""
    names, measures = comparison.names, [study.measures for study in comparison.studies]
    pictures = [
        Picture(
            "risk_coverage.png",
            plots.risk_coverage([item.risk_coverage for item in measures], names),
            "Share of errors among the most confident samples against how many are answered, of each run",
            "The lower the curve, the better.",
        ),
        Picture(
            "calibration.png",
            plots.reliabilities([item.calibration.equal_width for item in measures], names),
            "Accuracy against confidence in 15 bins, of each run",
            "On the dotted line confidence is accuracy; below it the model is too sure.",
        ),
    ]
    if all(study.log for study in comparison.studies):
        pictures.append(
            Picture(
                "learning_curves.png",
                plots.validation_curves([study.log for study in comparison.studies], names),
                "Validation loss and accuracy of each run against the epoch",
                "Of the validation split, by which each run's best epoch was chosen.",
            )
        )
    return Section("curves", "Curves", (), pictures)
