"""One page that compares several runs on the same samples."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from gluon_lstm.evaluation import plots
from gluon_lstm.evaluation.calibration import BINS
from gluon_lstm.evaluation.comparison import (
    MEASURES,
    MeanDifference,
    Pair,
    Spread,
    compare_means,
    compare_pair,
    pairs_of,
    spread,
)
from gluon_lstm.evaluation.report.content import Picture, Section, Table, interval_cell, number_cell, text_cell
from gluon_lstm.evaluation.report.formats import count, counted, decimal, percent
from gluon_lstm.evaluation.report.narrative import Summary
from gluon_lstm.evaluation.report.study import Study
from gluon_lstm.evaluation.report.writing import write_pages
from gluon_lstm.rundir.files import write_json

ALL_PAIRS_UP_TO = 5
"""Most runs of which each pair is compared; of more, each with the best one."""
SIGNIFICANT = 0.05
VERDICTS = 3
"""Pairs of runs, and of groups, that the first sentences tell of."""
SHARES = ("accuracy", "balanced_accuracy", "macro_f1", "ece")
"""Measures that are written in percent."""
TITLES = ("Accuracy", "Balanced accuracy", "Macro F1", "NLL (nats)", "Brier", "Calibration error", "ROC-AUC",
          "Risk-coverage area")  # fmt: skip
ACCURACY_DIFFERENCE = "Accuracy, second less first (points)"
NLL_DIFFERENCE = "NLL, second less first (nats)"


class GroupPair(NamedTuple):
    """Two groups of runs that differ in their seed alone: their descriptions, and how the means differ, by measure."""

    first: str
    second: str
    measures: Dict[str, Optional[MeanDifference]]


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

    def group_pairs(self) -> List[GroupPair]:
        """Returns how the means of groups differ: of each pair of few groups, of more with the most accurate one."""
        names, metrics = list(self.groups), self.metrics
        means = [np.mean([metrics[place]["accuracy"] for place in places]) for places in self.groups.values()]
        found = []
        for i, j in pairs_of(len(names), int(np.argmax(means)) if names else 0, ALL_PAIRS_UP_TO):
            groups = [[metrics[place] for place in self.groups[names[k]]] for k in (i, j)]
            differences = {key: compare_means(*([run[key] for run in group] for group in groups)) for key in MEASURES}
            found.append(GroupPair(names[i], names[j], differences))
        return found


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


def write_comparison(directory: Path, comparison: Comparison) -> str:
    """Writes ``comparison.json``, ``report.md``, ``report.html`` and their pictures into an existing folder.

    Returns:
        the characters of the runs' names that no font here has.
    """
    spreads = {
        name: {key: value._asdict() for key, value in values.items()} for name, values in comparison.spreads().items()
    }
    metrics = comparison.metrics
    runs = [
        {"run": name, "seed": study.provenance.seed, **{key: numbers[key] for key in ("n", "accuracy_ci95", *MEASURES)}}
        for name, study, numbers in zip(comparison.names, comparison.studies, metrics)
    ]
    pairs = [pair.to_dict() for pair in comparison.pairs]
    content = {"version": 1, "runs": runs, "pairs": pairs, "groups": spreads, "group_pairs": _plain(comparison)}
    write_json(directory / "comparison.json", content)
    dataset = comparison.studies[0].dataset
    title = f"{len(runs)} runs on {dataset.name} ({dataset.split})"
    return write_pages(directory, title, _summary(comparison), _sections(comparison), comparison.names)


def _plain(comparison: Comparison) -> List[Dict[str, Any]]:
    """Returns the differences of groups as plain values."""
    return [
        {"first": pair.first, "second": pair.second,
         "measures": {key: value and value.to_dict() for key, value in pair.measures.items()}}
        for pair in comparison.group_pairs()
    ]  # fmt: skip


def _summary(comparison: Comparison) -> Summary:
    """Returns the first sentences: which is best, and whether that is more than chance."""
    evaluations = [study.measures.evaluation for study in comparison.studies]
    best = int(np.argmax([evaluation.accuracy for evaluation in evaluations]))
    low, high = evaluations[best].accuracy_ci95
    good = [
        f"of {counted(evaluations[best].n, 'sample')} are classified correctly by {comparison.names[best]}, the most "
        f"of these {len(evaluations)} runs (95 % interval of that run alone: {percent(low)} to {percent(high)})."
    ]
    for name, values in comparison.spreads().items():
        accuracy = values["accuracy"]
        good.append(f"{name}: accuracy {percent(accuracy.mean)} on average, standard deviation {percent(accuracy.sd)}.")
    sure = [*_few(list(map(_group_verdict, comparison.group_pairs()))), *_few(list(map(_verdict, comparison.pairs)))]
    return Summary(percent(evaluations[best].accuracy), good, sure, _worries(comparison))


def _few(sentences: List[str]) -> List[str]:
    """Returns the first of many sentences, and how many more the tables have."""
    more = len(sentences) - VERDICTS
    return [*sentences[:VERDICTS], *([f"The table below has {more} more pair{'s' * (more > 1)}."] if more > 0 else [])]


def _group_verdict(pair: GroupPair) -> str:
    """Returns whether the mean accuracies of two groups differ by more than the seeds make them."""
    found = pair.measures["accuracy"]
    if found is None:
        return f"{pair.first} and {pair.second}: the accuracy is the same with each seed, so nothing tells its spread."
    low, high = found.ci95
    told = "more than the seeds explain" if found.p_value < SIGNIFICANT else "which the seeds may explain"
    return (
        f"On average over the seeds, the accuracy of {pair.second} is {_points(found.difference)} points from that of "
        f"{pair.first} (95 % interval {_points(low)} to {_points(high)}), {told} (Welch, p {_p_value(found.p_value)})."
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
    worries = _data_warnings(comparison)
    if comparison.studies[0].dataset.split != "validation":
        worries.append(
            "Which run is best was read from these samples, so that its accuracy here flatters it: choose by the "
            "validation split (--split validation), and then look at the test split once."
        )
    if len(comparison.pairs) > 1:
        worries.append(
            f"{len(comparison.pairs)} pairs were tested, and the p values are not corrected for that: of twenty pairs "
            f"of equal models, one is expected below {SIGNIFICANT}."
        )
    return worries


def _data_warnings(comparison: Comparison) -> List[str]:
    """Returns what makes the samples say less than they seem to, with the runs' names where it is not of all."""
    told: Dict[str, List[str]] = {}
    for name, study in zip(comparison.names, comparison.studies):
        for sentence in study.data_warnings:
            told.setdefault(sentence, []).append(name)
    return [
        sentence if len(names) == len(comparison.names) else f"{', '.join(names)}: {sentence}"
        for sentence, names in told.items()
    ]


def _p_value(value: float) -> str:
    return f"= {value:.4f}" if value >= 0.0001 else "< 0.0001"


def tables_of(comparison: Comparison) -> List[Table]:
    """Returns the tables that page and terminal share: the runs, those that differ in their seed alone, the pairs."""
    groups = [*_groups_tables(comparison), *_group_pairs_tables(comparison)]
    return [_runs_table(comparison), *groups, _pairs_table(comparison)]


def _sections(comparison: Comparison) -> List[Section]:
    """Returns the sections of the page."""
    runs, *groups, pairs = tables_of(comparison)
    told = (
        "Runs that differ in their seed alone. Differences are the second mean less the first; intervals and p values "
        "are Welch's and say how far other seeds would bring others. Two or three seeds leave wide intervals."
    )
    seeds = Section("seeds", "Over several seeds", [told], tables=groups)
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


def _group_pairs_tables(comparison: Comparison) -> List[Table]:
    """Returns the table of how the means of groups differ; none where there are fewer than two groups."""
    rows = []
    for pair in comparison.group_pairs():
        cells = []
        for key, shown in (("accuracy", _points), ("nll", _signed)):
            found = pair.measures[key]
            cells += [
                number_cell(found and found.difference, shown),
                interval_cell(found and found.ci95, shown),
                number_cell(found and found.p_value, _p_value),
            ]
        rows.append((text_cell(pair.first), text_cell(pair.second), *cells))
    columns = ("First", "Second", ACCURACY_DIFFERENCE, "95 % interval", "p (Welch)", NLL_DIFFERENCE,
               "95 % interval of that", "p of that")  # fmt: skip
    return [Table("Means over the seeds", columns, rows)] if rows else []


def _pairs_table(comparison: Comparison) -> Table:
    """Returns the table of differences on the same samples."""
    rows = [
        (text_cell(pair.first), text_cell(pair.second), number_cell(pair.mcnemar.only_first, count),
         number_cell(pair.mcnemar.only_second, count), number_cell(pair.mcnemar.p_value, _p_value),
         number_cell(pair.accuracy_difference, _points),
         interval_cell(pair.accuracy_ci95, _points), number_cell(pair.nll_difference, _signed),
         interval_cell(pair.nll_ci95, _signed))
        for pair in comparison.pairs
    ]  # fmt: skip
    columns = ("First", "Second", "First alone right", "Second alone right", "p (McNemar)", ACCURACY_DIFFERENCE,
               "95 % interval", NLL_DIFFERENCE, "95 % interval of that")  # fmt: skip
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
            f"Accuracy against confidence in {BINS} bins, of each run",
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
