"""Pictures of training: learning curves, and the learning-rate range test."""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple, Optional, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter, StrMethodFormatter

from gluon_lstm.evaluation.plots.style import (
    BLUE,
    GREY,
    VERMILION,
    line_style,
    new_figure,
    percent_axis,
    short_name,
    style,
)

MARKERS_UP_TO = 40
"""Most epochs that are marked one by one."""


class _Curve(NamedTuple):
    """How one split's curve is drawn."""

    split: str
    color: str
    marker: str
    dashes: str


CURVES = (_Curve("train", BLUE, "o", "--"), _Curve("validation", VERMILION, "s", "-"))


def learning_curves(records: Sequence[Mapping[str, Any]]) -> Figure:
    """Draws loss and accuracy of the training and validation split against the epoch.

    Args:
        records: at least one record of ``log.jsonl``; the last whose ``best``
            is true is marked.
    """
    best = next((record["epoch"] for record in reversed(records) if record.get("best")), None)
    with style():
        figure = new_figure(9, 3.8)
        loss, accuracy = figure.subplots(1, 2)
        _draw_curves(loss, records, "loss", best)
        _draw_curves(accuracy, records, "accuracy", best)
        loss.set(title="Loss", ylabel="mean cross-entropy (nats)")
        accuracy.set(title="Accuracy", ylabel="samples classified correctly (%)")
        percent_axis(accuracy.yaxis)
        loss.legend()
        return figure


def _draw_curves(ax: Axes, records: Sequence[Mapping[str, Any]], key: str, best: Optional[int]) -> None:
    """Draws both splits' curves of one quantity, and the best epoch."""
    epochs = [record["epoch"] for record in records]
    marked = len(epochs) <= MARKERS_UP_TO
    for split, color, marker, dashes in CURVES:
        values = np.array([record.get(f"{split}_{key}") for record in records], dtype=float)
        ax.plot(epochs, values, dashes, color=color, marker=marker if marked else None, markersize=4, label=split)
    if best is not None:
        ax.axvline(best, color=GREY, linestyle=":", label=f"best epoch ({best})")
    ax.set(xlabel="epoch", xlim=(min(epochs) - 0.5, max(epochs) + 0.5))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=10, min_n_ticks=1))


def learning_rate_range(rates: Sequence[float], losses: Sequence[float], suggestion: Optional[float]) -> Figure:
    """Draws the loss of a range test against the learning rate, and the rate that it suggests.

    Args:
        rates: learning rates, rising.
        losses: smoothed loss at each, in nats.
        suggestion: the rate to mark, if any.
    """
    with style():
        figure = new_figure(6.4, 4.2)
        ax = figure.subplots()
        ax.plot(rates, losses, color=BLUE, label="smoothed training loss")
        if suggestion is not None:
            label = f"suggested: {suggestion:.2g} (steepest fall)"
            ax.axvline(suggestion, color=VERMILION, linestyle="--", label=label)
        ax.set(title="Learning-rate range test", xlabel="learning rate", ylabel="loss (nats)", xscale="log")
        # Matplotlib's own labels of a logarithmic axis are formulas, which the report's style does not read.
        ax.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        ax.xaxis.set_minor_formatter(NullFormatter())
        ax.legend()
        return figure


def validation_curves(logs: Sequence[Sequence[Mapping[str, Any]]], names: Sequence[str]) -> Figure:
    """Draws loss and accuracy of the validation split against the epoch, a curve for each run.

    Args:
        logs: records of each run's ``log.jsonl``.
        names: one a run.
    """
    with style():
        figure = new_figure(9, 3.8)
        loss, accuracy = figure.subplots(1, 2)
        for number, (records, name) in enumerate(zip(logs, names)):
            epochs = [record["epoch"] for record in records]
            for ax, key in ((loss, "validation_loss"), (accuracy, "validation_accuracy")):
                values = np.array([record.get(key) for record in records], dtype=float)
                ax.plot(epochs, values, **line_style(number), markersize=4, label=short_name(name))
        loss.set(title="Validation loss", ylabel="mean cross-entropy (nats)", xlabel="epoch")
        accuracy.set(title="Validation accuracy", ylabel="samples classified correctly (%)", xlabel="epoch")
        percent_axis(accuracy.yaxis)
        for ax in (loss, accuracy):
            ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=10, min_n_ticks=1))
        loss.legend(fontsize=8)
        return figure
