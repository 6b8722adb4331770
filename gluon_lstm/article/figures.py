"""Pictures that claims share: each function takes finished numbers and returns a Matplotlib figure."""

from __future__ import annotations

import math
from typing import List, Mapping, NamedTuple, Optional, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator

from gluon_lstm.article.verdicts import mean_interval
from gluon_lstm.evaluation.plots.style import BLUE, GREY, legend_outside, line_style, new_figure, style

COLUMNS, HEIGHT, LEGEND_COLUMNS = 2, 4.0, 3
"""Panels in a row, of which more would be too small to be read on the site's pages; a row's inches; and names in a row
of the legend below a panel."""
MARGIN = 0.03
"""What an axis of shares shows below 0 and above 1, so that points there are seen whole."""
FEW_DECADES = 1000
"""How many times its least value an axis reaches at most whose ticks have 2 and 5 between powers of ten."""
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class Panel(NamedTuple):
    """One axes of curves.

    Attributes:
        title: above it.
        xlabel: of the horizontal axis.
        ylabel: of the vertical axis.
        x: (n,) where the curves are known.
        curves: name → (seeds, n) values.
        logarithmic: axes with a logarithmic scale, ``x``, ``y`` or both.
        marked: whether the points are marked.
    """

    title: str
    xlabel: str
    ylabel: str
    x: Sequence[float]
    curves: Mapping[str, np.ndarray]
    logarithmic: str = ""
    marked: bool = True


def curve_panels(panels: Sequence[Panel]) -> Figure:
    """Draws panels, two a row: each curve's median over seeds, and between the least and the greatest a band.

    A name has the same look in all panels.
    """
    names = list(dict.fromkeys(name for panel in panels for name in panel.curves))
    with style():
        figure = _new_grid([4.7] * len(panels))
        for ax, panel in zip(figure.axes, panels):
            _draw(ax, panel, names)
        legend_outside(figure, columns=LEGEND_COLUMNS * min(COLUMNS, len(panels)))
        return figure


def _new_grid(widths: Sequence[float]) -> Figure:
    """Returns a figure with axes of at least these widths in inches, row after row; a column has its widest one's."""
    number, columns = len(widths), [max(widths[column::COLUMNS]) for column in range(min(COLUMNS, len(widths)))]
    rows = math.ceil(number / len(columns))
    figure = new_figure(sum(columns) + 0.6, HEIGHT * rows)
    axes: List[Axes] = list(figure.subplots(rows, len(columns), squeeze=False, width_ratios=columns).flat)
    for ax in axes[number:]:
        ax.remove()
    return figure


def _draw(ax: Axes, panel: Panel, names: Sequence[str]) -> None:
    """Draws one panel; the place of a curve's name among ``names`` decides its look. The legend has it once."""
    told = {text for other in ax.figure.axes for text in other.get_legend_handles_labels()[1]}
    for name, values in panel.curves.items():
        array, look = np.asarray(values, dtype=float), line_style(names.index(name))
        if not panel.marked:
            look["marker"] = None
        ax.plot(panel.x, np.median(array, axis=0), **look, markersize=4,
                label=f"_{name}" if name in told else name)
        ax.fill_between(panel.x, array.min(axis=0), array.max(axis=0), color=look["color"], alpha=0.15, linewidth=0)
    ax.set(title=panel.title, xlabel=panel.xlabel, ylabel=panel.ylabel)
    for axis in panel.logarithmic:
        ax.set(**{f"{axis}scale": "log"})
    if "x" in panel.logarithmic:
        # A logarithmic axis's own labels are formulas, which the report's style does not read.
        ax.set_xticks(panel.x, [f"{value:g}" for value in panel.x])
        ax.minorticks_off()
    elif np.all(np.mod(panel.x, 1) == 0):  # half an epoch is none
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    if "y" in panel.logarithmic:
        _label_powers(ax)


def _label_powers(ax: Axes) -> None:
    """Labels a logarithmic vertical axis: the powers of ten, of few decades 2 and 5 in between, too."""
    low, high = ax.get_ylim()
    if high <= FEW_DECADES * low:
        ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.yaxis.set_major_formatter(lambda value, _: _power(value))
    ax.yaxis.set_minor_formatter(lambda value, _: "")


def _power(value: float) -> str:
    """Returns a tick's label: short numbers as they are, others as powers of ten such as 10⁻⁵."""
    exponent = math.log10(value)
    if abs(exponent) < 3 or not exponent.is_integer():
        return f"{value:g}"
    return "10" + f"{exponent:.0f}".translate(SUPERSCRIPTS)


class Group(NamedTuple):
    """One axes of points.

    Attributes:
        title: above it.
        ylabel: of the vertical axis.
        values: name on the horizontal axis → a number a seed.
        xlabel: of the horizontal axis, where the names alone do not tell.
        level: where a line is drawn across, to compare the points with.
        is_share: whether the numbers are from 0 to 1, beyond which no axis goes on; an interval that does is cut there.
    """

    title: str
    ylabel: str
    values: Mapping[str, Sequence[float]]
    xlabel: str = ""
    level: Optional[float] = None
    is_share: bool = False


def point_panels(groups: Sequence[Group]) -> Figure:
    """Draws panels, two a row: each seed's number as a point, their mean with its 95 % interval beside."""
    with style():
        figure = _new_grid([max(3.4, 0.8 * len(group.values) + 1.2, 0.1 * len(group.title) + 1) for group in groups])
        for number, (ax, group) in enumerate(zip(figure.axes, groups)):
            _draw_points(ax, group, is_named=number == 0)
        legend_outside(figure, columns=2)
        return figure


def _draw_points(ax: Axes, group: Group, is_named: bool) -> None:
    """Draws one panel of points; ``is_named``: whether its first ones stand for all in the figure's legend."""
    for place, values in enumerate(group.values.values()):
        mean, low, high = mean_interval(values)
        seeds, means = ("one seed", "mean, 95 % interval") if is_named and place == 0 else (None, None)
        ax.plot([place - 0.15] * len(values), values, "o", color=GREY, markersize=4, alpha=0.6, label=seeds)
        ax.errorbar(place + 0.1, mean, [[mean - low], [high - mean]], fmt="s", color=BLUE, capsize=3, label=means)
    if group.level is not None:
        ax.axhline(group.level, color=GREY, linestyle="--", linewidth=1)
    if group.is_share:
        low, high = ax.get_ylim()
        ax.set_ylim(max(low, -MARGIN), min(high, 1 + MARGIN))
    long = max(map(len, group.values)) > 9
    ax.set_xticks(range(len(group.values)), list(group.values), rotation=30 if long else 0,
                  ha="right" if long else "center", fontsize=8)  # fmt: skip
    ax.set(title=group.title, xlabel=group.xlabel, ylabel=group.ylabel, xlim=(-0.5, len(group.values) - 0.5))
