"""The numbers as a terminal shows them."""

from __future__ import annotations

from typing import Optional, Sequence

from rich.console import Group
from rich.table import Table
from rich.text import Text

from gluon_lstm.evaluation import plots
from gluon_lstm.evaluation.measures import Measures
from gluon_lstm.evaluation.metrics import ClassMetrics
from gluon_lstm.evaluation.report.formats import count, percent
from gluon_lstm.evaluation.report.sections import headline_numbers

TERMINAL_CLASSES = 20
"""Most classes that the terminal shows; of more, those with the least F1."""


def terminal_table(measures: Measures) -> Group:
    """Returns what ``rich.console.Console.print`` shows: the numbers, then the classes.

    Of more than ``TERMINAL_CLASSES`` classes, those with the least F1.
    """
    evaluation = measures.evaluation
    overall = Table(show_header=False)
    overall.add_column("Measure")
    overall.add_column("Value", justify="right")
    overall.add_row("Samples", count(evaluation.n))
    for name, _, _, shown in headline_numbers(measures):
        overall.add_row(name, shown)
        if name == "Accuracy":
            overall.add_row("95 % interval (Wilson)", " to ".join(map(percent, evaluation.accuracy_ci95)))
    shown_classes = _worst_classes(evaluation.per_class)
    few = len(shown_classes) < len(evaluation.per_class)
    title = f"The {len(shown_classes)} of {len(evaluation.per_class)} classes with the least F1" if few else None
    return Group(overall, _class_table(shown_classes, title))


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
