"""A report as sections of sentences, tables and pictures, which Markdown and HTML both show."""

from __future__ import annotations

from typing import Callable, NamedTuple, Optional, Sequence, Tuple, Union

from matplotlib.figure import Figure

from gluon_lstm.evaluation.intervals import Interval
from gluon_lstm.evaluation.report.formats import UNDEFINED, percent
from gluon_lstm.evaluation.report.study import WrongSample


class Cell(NamedTuple):
    """A table's cell: what is shown, and what it is sorted by."""

    text: str
    value: Union[float, str, None]


class Table(NamedTuple):
    """A table.

    Attributes:
        caption: what it is about.
        columns: names.
        rows: cells, as many a row as columns.
    """

    caption: str
    columns: Tuple[str, ...]
    rows: Sequence[Tuple[Cell, ...]]

    @property
    def numeric(self) -> Tuple[bool, ...]:
        """Whether each column holds numbers."""
        return tuple(all(not isinstance(cell.value, str) for cell in column) for column in zip(*self.rows))


class Picture(NamedTuple):
    """A picture.

    Attributes:
        name: of its file.
        figure: what is drawn.
        alternative: what it shows, for who does not see it.
        caption: how to read it.
    """

    name: str
    figure: Figure
    alternative: str
    caption: str


class Section(NamedTuple):
    """A part of a report, under a title.

    Attributes:
        identifier: its name in links.
        title: of one line.
        paragraphs: texts.
        tables: after the pictures.
        pictures: after the paragraphs.
        samples: wrong samples, at the end; HTML marks the words of texts that mattered.
    """

    identifier: str
    title: str
    paragraphs: Sequence[str] = ()
    pictures: Sequence[Picture] = ()
    tables: Sequence[Table] = ()
    samples: Sequence[WrongSample] = ()


def number_cell(value, shown) -> Cell:
    """Returns the cell of a number, ``None`` for an undefined one, as the function ``shown`` writes it."""
    return Cell(UNDEFINED if value is None else shown(value), None if value is None else float(value))


def interval_cell(interval: Optional[Interval], shown: Callable[[float], str] = percent) -> Cell:
    """Returns the cell of an interval, by whose lower end it is sorted; a dash where there is none."""
    if interval is None:
        return Cell(UNDEFINED, None)
    return Cell(f"{shown(interval.low)} to {shown(interval.high)}", interval.low)


def text_cell(text) -> Cell:
    """Returns the cell of a text."""
    return Cell(str(text), str(text))
