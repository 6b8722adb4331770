"""Pictures of classes: which is taken for which, and how well each is told from the others."""

from __future__ import annotations

from typing import Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

from gluon_lstm.evaluation.metrics import row_shares
from gluon_lstm.evaluation.plots.style import GREY, line_style, new_figure, percent_axis, short_name, style
from gluon_lstm.evaluation.ranking import Curve

NEARLY_PERFECT = 0.98
"""Area above which only the corner is drawn, or nothing could be seen."""
UPPER_LEFT, UPPER_RIGHT = "\n(the upper left corner alone)", "\n(the upper right corner alone)"
"""What the title then adds."""
SHARES_UP_TO, COUNTS_UP_TO = 12, 30
"""Most classes for which a confusion matrix's cells carry shares, and counts."""


def confusion_matrix(counts: np.ndarray, class_names: Sequence[str]) -> Figure:
    """Draws a confusion matrix: colour by share of the true class, counts in the cells while they fit.

    The colour scale follows the square root of the share, so that rare
    mistakes show beside a full diagonal.

    Args:
        counts: (K, K) integers, rows are true and columns predicted classes.
        class_names: K names.
    """
    shares = row_shares(counts)
    size = float(np.interp(len(counts), [2, 10, 30, 100], [3.2, 6.0, 9.0, 13.0]))
    with style(), matplotlib.rc_context({"axes.grid": False}):
        figure = new_figure(size + 1.6, size + 0.9)
        figure.set_layout_engine("compressed")  # the other one cuts off labels of axes whose shape is fixed
        ax = figure.subplots()
        ax.set_facecolor("#dddddd")  # shows through where a class has no samples
        image = ax.imshow(np.ma.masked_invalid(shares), cmap="Blues", norm=PowerNorm(0.5, vmin=0, vmax=1))
        bar = figure.colorbar(image, ax=ax, fraction=0.046, ticks=[0, 0.01, 0.05, 0.2, 0.5, 1])
        bar.set_label("share of the true class (%)")
        percent_axis(bar.ax.yaxis, 0)
        _label_classes(ax, class_names)
        _write_cells(ax, counts, shares)
        ax.set(title=f"Confusion matrix of {counts.sum():,} samples", xlabel="predicted class", ylabel="true class")
        return figure


def _label_classes(ax: Axes, class_names: Sequence[str]) -> None:
    """Writes the class names along both axes, upright where they are long or many."""
    names = [short_name(name) for name in class_names]
    upright = len(names) > COUNTS_UP_TO or max(map(len, names)) * len(names) > 60
    size = 9 if len(names) <= COUNTS_UP_TO else 6
    ax.set_xticks(range(len(names)), names, fontsize=size, rotation=90 if upright else 0)
    ax.set_yticks(range(len(names)), names, fontsize=size)
    ax.tick_params(length=0)


def _write_cells(ax: Axes, counts: np.ndarray, shares: np.ndarray) -> None:
    """Writes count and share into each cell that is not empty, while they are legible."""
    k = len(counts)
    if k > COUNTS_UP_TO:
        return
    for row, column in np.argwhere(counts):
        count, share = counts[row, column], shares[row, column]
        text = f"{count}\n{share:.1%}" if k <= SHARES_UP_TO else f"{count}"
        color = "white" if share > 0.3 else "black"
        ax.text(column, row, text, ha="center", va="center", color=color, fontsize=8 if k <= SHARES_UP_TO else 7)


def roc(curves: Sequence[Curve], names: Sequence[str], areas: Sequence[float]) -> Figure:
    """Draws the ROC curve of each of some classes against the rest.

    Args:
        curves: share of the class's samples found, y, against that of the others taken for it, x.
        names: one a curve.
        areas: area under each.
    """
    with style():
        figure = new_figure(6.4, 4.6)
        ax = figure.subplots()
        is_cut = min(areas, default=0.0) > NEARLY_PERFECT
        if not is_cut:
            ax.plot([0, 1], [0, 1], color=GREY, linestyle=":", label="chance")
        labels = [f"{short_name(name, 16)} ({area:.4f})" for name, area in zip(names, areas)]
        _draw_curves(ax, curves, labels, "class (area)")
        if is_cut:
            ax.set(xlim=(-0.002, 0.1), ylim=(0.9, 1.002))
        ax.set(title=f"ROC, one class against the rest{UPPER_LEFT * is_cut}",
               xlabel="other samples taken for the class (%)", ylabel="samples of the class found (%)")  # fmt: skip
        return figure


def precision_recall(curves: Sequence[Curve], names: Sequence[str], precisions: Sequence[float]) -> Figure:
    """Draws precision, y, against recall, x, of each of some classes against the rest.

    Args:
        curves: one a class.
        names: likewise.
        precisions: average precision of each.
    """
    with style():
        figure = new_figure(6.4, 4.6)
        ax = figure.subplots()
        labels = [f"{short_name(name, 16)} ({precision:.4f})" for name, precision in zip(names, precisions)]
        _draw_curves(ax, curves, labels, "class (average precision)")
        is_cut = min(precisions, default=0.0) > NEARLY_PERFECT
        if is_cut:
            ax.set(xlim=(0.8, 1.004), ylim=(0.8, 1.004))
        ax.set(title=f"Precision and recall, one class against the rest{UPPER_RIGHT * is_cut}", xlabel="recall (%)",
               ylabel="precision (%)")  # fmt: skip
        return figure


def _draw_curves(ax: Axes, curves: Sequence[Curve], labels: Sequence[str], title: str) -> None:
    """Draws shares against shares, with a legend beside them."""
    for number, (curve, label) in enumerate(zip(curves, labels)):
        ax.plot(*curve, **{**line_style(number), "marker": None}, label=label)
    for axis in (ax.xaxis, ax.yaxis):
        percent_axis(axis)
    ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    ax.legend(title=title, loc="center left", bbox_to_anchor=(1, 0.5), fontsize=8, title_fontsize=8)
