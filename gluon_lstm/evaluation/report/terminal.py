"""The numbers as a terminal shows them."""

from __future__ import annotations

from typing import Iterator, List, Optional, Sequence

from rich.cells import cell_len
from rich.console import Group
from rich.table import Table
from rich.text import Text

from gluon_lstm.evaluation import plots
from gluon_lstm.evaluation.measures import Measures
from gluon_lstm.evaluation.metrics import ClassMetrics
from gluon_lstm.evaluation.report import content
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


def terminal_tables(tables: Sequence[content.Table], width: int) -> Group:
    """Returns what ``rich.console.Console.print`` shows of a report's tables.

    Args:
        tables: those of the page.
        width: columns of the terminal; a wider table comes in parts, which all begin with the names of the rows.
    """
    return Group(*(part for table in tables for part in _parts(table, width)))


def _parts(table: content.Table, width: int) -> Iterator[Table]:
    """Yields a table, or its columns in parts where it is too wide."""
    widths = [_column_width(name, cells) for name, cells in zip(table.columns, zip(*table.rows))]
    names = table.numeric.index(True)
    for number, columns in enumerate(_fitting(widths, names, width)):
        part = Table(title=None if number else table.caption)
        for column in columns:
            part.add_column(table.columns[column], width=widths[column], overflow="fold",
                            justify="right" if table.numeric[column] else "left")  # fmt: skip
        for row in table.rows:
            part.add_row(*(Text(plots.one_line(row[column].text)) for column in columns))
        yield part


def _column_width(name: str, cells: Sequence[content.Cell]) -> int:
    """Returns how wide a column must be for its values, and for the words of its name below each other."""
    return max(*map(cell_len, name.split()), min(plots.NAME_WIDTH, max(cell_len(cell.text) for cell in cells)))


def _fitting(widths: Sequence[int], names: int, width: int) -> List[List[int]]:
    """Returns the columns of each part: the first ``names``, then as many as fit between the lines."""
    parts: List[List[int]] = []
    for column in range(names, len(widths)):
        taken = 1 + sum(widths[other] + 3 for other in (parts[-1] if parts else []))
        if not parts or taken + widths[column] + 3 > width:
            parts.append(list(range(names)))
        parts[-1].append(column)
    return parts
