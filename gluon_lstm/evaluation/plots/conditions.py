"""Pictures of accuracies: under changed conditions, and of several runs."""

from __future__ import annotations

from typing import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gluon_lstm.evaluation.intervals import Interval
from gluon_lstm.evaluation.plots.style import BLUE, VERMILION, new_figure, percent_axis, short_name, style
from gluon_lstm.evaluation.robustness import Curve

IN_PERCENT = "%"


def robustness(curves: Sequence[Curve]) -> Figure:
    """Draws accuracy and calibration error against the strength of each perturbation."""
    columns = min(3, len(curves))
    rows = -(-len(curves) // columns)
    with style():
        figure = new_figure(3.3 * columns, 2.9 * rows)
        axes = figure.subplots(rows, columns, sharey=True, squeeze=False).ravel()
        for ax, curve in zip(axes, curves):
            _draw_levels(ax, curve)
        for ax in axes[len(curves) :]:
            ax.set_axis_off()
        for ax in axes[::columns]:
            ax.set_ylabel("samples (%)")
        axes[0].legend(loc="best", fontsize=8)
        return figure


def _draw_levels(ax: Axes, curve: Curve) -> None:
    """Draws one perturbation's levels."""
    strengths = [level.strength for level in curve.levels]
    low, high = np.array([level.accuracy_ci95 for level in curve.levels]).T
    ax.fill_between(strengths, low, high, color=BLUE, alpha=0.2, linewidth=0)
    ax.plot(strengths, [level.accuracy for level in curve.levels], "o-", color=BLUE, markersize=4, label="accuracy")
    ax.plot(strengths, [level.ece for level in curve.levels], "s--", color=VERMILION, markersize=4,
            label="calibration error")  # fmt: skip
    ax.set(title=curve.name, ylim=(-0.02, 1.02))
    ax.set_xlabel(_wrapped(curve.unit), fontsize=8)
    percent_axis(ax.yaxis)
    if IN_PERCENT in curve.unit:
        percent_axis(ax.xaxis, 0)


def _wrapped(unit: str) -> str:
    """Returns a long unit on two lines."""
    return unit.replace(", ", ",\n", 1)


def accuracies(names: Sequence[str], values: Sequence[float], intervals: Sequence[Interval]) -> Figure:
    """Draws the accuracy of several runs, the best above, with 95 % intervals."""
    order = np.argsort(values, kind="stable")
    centers, bounds = np.array(values)[order], np.array(intervals)[order]
    with style():
        figure = new_figure(6.8, 1.3 + 0.35 * len(names))
        ax = figure.subplots()
        errors = np.abs(bounds - centers[:, np.newaxis]).T
        ax.errorbar(centers, range(len(names)), xerr=errors, fmt="o", color=BLUE, capsize=3)
        ax.set_yticks(range(len(names)), [short_name(names[index]) for index in order])
        ax.set(title="Accuracy with 95 % interval", xlabel="samples classified correctly (%)", ylabel="run")
        ax.set_ylim(-0.6, len(names) - 0.4)
        percent_axis(ax.xaxis)
        return figure
