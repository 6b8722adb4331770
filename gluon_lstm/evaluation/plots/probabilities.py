"""Pictures of probabilities: whether they mean what they say, and what they are good for."""

from __future__ import annotations

from typing import Optional, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gluon_lstm.evaluation.calibration import Bins
from gluon_lstm.evaluation.plots.style import (
    BLUE,
    GREY,
    VERMILION,
    legend_outside,
    line_style,
    new_figure,
    percent_axis,
    short_name,
    style,
)
from gluon_lstm.evaluation.selective import RiskCoverage

MOST_POINTS = 1_000
"""Points of a curve that are drawn; more cannot be seen."""


def reliability(bins: Bins, scaled: Optional[Bins] = None) -> Figure:
    """Draws the accuracy in each bin of confidence, and how many samples the bin has.

    Args:
        bins: of the probabilities as they are.
        scaled: after temperature scaling, where there is a temperature.
    """
    with style():
        figure = new_figure(6.0, 5.4)
        upper, lower = figure.subplots(2, 1, height_ratios=[3, 1], sharex=True)
        upper.plot([0, 1], [0, 1], color=GREY, linestyle=":", label="perfectly calibrated")
        _draw_bins(upper, bins, f"as they are (ECE {bins.ece:.2%})", 0)
        if scaled is not None:
            _draw_bins(upper, scaled, f"after temperature scaling (ECE {scaled.ece:.2%})", 1)
        upper.set(title="Reliability", ylabel="samples classified correctly (%)")
        lower.bar(bins.low, bins.count, width=np.diff([*bins.low, 1.0]), align="edge", color=BLUE, edgecolor="white")
        _write_counts(lower, bins)
        lower.set(xlabel="confidence: probability of the predicted class (%)", ylabel="samples", xlim=(0, 1))
        percent_axis(lower.xaxis)
        percent_axis(upper.yaxis)
        legend_outside(figure, 2)
        return figure


def _draw_bins(ax: Axes, bins: Bins, label: str, number: int) -> None:
    """Draws the accuracy of those bins that have samples against their mean confidence."""
    full = bins.count > 0
    ax.plot(bins.confidence[full], bins.accuracy[full], **line_style(number), markersize=4, label=label)


def _write_counts(ax: Axes, bins: Bins) -> None:
    """Writes each bin's count above it; the scale is logarithmic, for most samples are in the last bins."""
    ax.set_yscale("log")
    # Without formulas for labels, which the style does not read.
    ax.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}" if value >= 1 else "")
    ax.yaxis.set_minor_formatter("")
    ax.set_ylim(0.5, max(2, bins.count.max()) * 8)
    for low, high, count in zip(bins.low, bins.high, bins.count):
        if count:
            ax.text((low + high) / 2, count, f"{count:,}", ha="center", va="bottom", fontsize=7)


def confidence_histogram(confidence: np.ndarray, correct: np.ndarray) -> Figure:
    """Draws how confident right and wrong predictions are.

    Args:
        confidence: (M,) probability of the predicted class.
        correct: (M,) bool.
    """
    with style():
        figure = new_figure(6.4, 3.6)
        ax = figure.subplots()
        parts = [("right", BLUE, confidence[correct]), ("wrong", VERMILION, confidence[~correct])]
        _draw_histograms(ax, parts)
        ax.set(title="Confidence of right and wrong predictions", ylabel="share of each kind (%)")
        return figure


def out_of_distribution(known: np.ndarray, others: np.ndarray, name: str) -> Figure:
    """Draws how confident predictions of known samples are, and of those of another data set.

    Args:
        known: (M,) confidence about the known samples.
        others: (n,) confidence about the others.
        name: of the other data set.
    """
    with style():
        figure = new_figure(6.4, 3.6)
        ax = figure.subplots()
        _draw_histograms(ax, [("known data", BLUE, known), (short_name(name), VERMILION, others)])
        ax.set(title="Confidence about known and other data", ylabel="samples (% of each data set)")
        return figure


def _draw_histograms(ax: Axes, parts: Sequence[tuple]) -> None:
    """Draws the shares of (name, colour, confidence) in 20 steps of confidence; the second hatched."""
    edges = np.linspace(0, 1, 21)
    for number, (name, color, values) in enumerate(parts):
        shares = np.histogram(values, edges)[0] / max(1, len(values))
        ax.stairs(shares, edges, color=color, linewidth=1.5, label=f"{name} ({len(values):,})", fill=number == 0,
                  alpha=0.55 if number == 0 else 1, hatch=None if number == 0 else "//")  # fmt: skip
    ax.set(xlabel="confidence: probability of the predicted class (%)", xlim=(0, 1))
    for axis in (ax.xaxis, ax.yaxis):
        percent_axis(axis)
    legend_outside(ax.figure, 2)


def risk_coverage(curves: Sequence[RiskCoverage], names: Sequence[str] = ("",)) -> Figure:
    """Draws the share of errors among the most confident samples, against how many these are.

    Args:
        curves: one a model.
        names: likewise, for a legend; of a single curve none, whose area is in the title.
    """
    with style():
        figure = new_figure(6.4, 3.8)
        ax = figure.subplots()
        for number, (curve, name) in enumerate(zip(curves, names)):
            points = np.unique(np.linspace(0, len(curve.risk) - 1, MOST_POINTS).astype(int))
            options = {**line_style(number), **({"marker": None} if len(points) > 1 else {})}
            label = f"{short_name(name)} (area {curve.area:.5f})"
            ax.plot(curve.coverage[points], curve.risk[points], **options, label=label)
        is_named = any(names)
        title = "Risk and coverage" if is_named else f"Risk and coverage (area {curves[0].area:.5f})"
        ax.set(title=title, xlabel="samples answered, the most confident first (%)",
               ylabel="errors among them (%)", xlim=(0, 1))  # fmt: skip
        ax.set_ylim(bottom=0)
        for axis in (ax.xaxis, ax.yaxis):
            percent_axis(axis)
        if is_named:
            legend_outside(figure, 2)
        return figure


def reliabilities(bins: Sequence[Bins], names: Sequence[str]) -> Figure:
    """Draws several models' accuracy in each bin of confidence."""
    with style():
        figure = new_figure(6.4, 4.4)
        ax = figure.subplots()
        ax.plot([0, 1], [0, 1], color=GREY, linestyle=":", label="perfectly calibrated")
        for number, (part, name) in enumerate(zip(bins, names)):
            _draw_bins(ax, part, f"{short_name(name)} (ECE {part.ece:.2%})", number)
        ax.set(title="Reliability", xlabel="confidence: probability of the predicted class (%)",
               ylabel="samples classified correctly (%)")  # fmt: skip
        for axis in (ax.xaxis, ax.yaxis):
            percent_axis(axis)
        legend_outside(figure, 2)
        return figure
