"""Pictures of samples: wrong ones, short and long ones, and what happened inside of one."""

from __future__ import annotations

from typing import List, Optional, Sequence

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from rich.cells import cell_len

from gluon_lstm.evaluation.explanations import GateTrace, Occlusion
from gluon_lstm.evaluation.mistakes import LengthGroup
from gluon_lstm.evaluation.plots.style import BLUE, GREY, VERMILION, new_figure, percent_axis, short_name, style

STEPS_NAMED = 40
"""Most time steps that are named one by one."""
NAME_COLUMNS, INCHES_A_COLUMN = 12, 0.105
"""Of the words that name steps: at most so many columns, of which a Chinese character takes two, and one's width."""


def accuracy_by_length(groups: Sequence[LengthGroup]) -> Figure:
    """Draws the accuracy of each group of samples of like length, with its 95 % interval.

    Args:
        groups: at least one.
    """
    values = np.array([group.accuracy for group in groups])
    bounds = np.array([group.accuracy_ci95 for group in groups])
    errors = np.abs(bounds - values[:, np.newaxis]).T
    labels = [str(g.low) if g.low == g.high else f"{g.low}–{g.high}" for g in groups]
    with style():
        figure = new_figure(max(4.8, 0.8 * len(groups) + 2), 3.8)
        ax = figure.subplots()
        ax.errorbar(range(len(groups)), values, errors, fmt="o", color=BLUE, capsize=3, label="with 95 % interval")
        ax.set_xticks(range(len(groups)), labels, rotation=45 if len(groups) > 6 else 0)
        ax.set(title="Accuracy by length", xlabel="tokens read", ylabel="samples classified correctly (%)")
        ax.set_xlim(-0.5, len(groups) - 0.5)
        percent_axis(ax.yaxis)
        ax.legend()
        return figure


def most_confidently_wrong(images: np.ndarray, titles: Sequence[str], columns: int = 6) -> Figure:
    """Draws samples as a grid of pictures, each under its title.

    Args:
        images: (k, H, W), k ≥ 1, dark is 0.
        titles: k texts, such as true and predicted class and probability.
        columns: pictures in a row.
    """
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    width = max(1.6 * columns, 4.8)
    with style():
        figure = new_figure(width, 2.1 * rows + 0.4)
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
        for ax in axes:
            ax.set_axis_off()
            ax.set(xticks=[], yticks=[])  # or they would take time, though nobody sees them
        for ax, image, title in zip(axes, images, titles):
            ax.imshow(image, cmap="gray")
            ax.set_title(title, fontsize=8)
            ax.set_axis_on()  # a picture's white edge would be lost on the white page
            ax.grid(False)
            for spine in ax.spines.values():
                spine.set(visible=True, color=GREY, linewidth=0.5)
        figure.suptitle("Most confidently wrong", fontsize=11)
        return figure


def important_steps(occlusion: Occlusion, predicted: str, picture: Optional[np.ndarray] = None) -> Figure:
    """Draws by how much the predicted class is less probable without each time step.

    Args:
        occlusion: the numbers.
        predicted: name of the predicted class.
        picture: (H, W), where each time step is one of its rows; it is shown beside them.
    """
    drops, tokens = occlusion.drops, occlusion.tokens
    steps = np.arange(len(drops))
    named = 0 < len(tokens) <= STEPS_NAMED
    with style():
        figure = new_figure(7.2 if picture is None else 8.4, 1.6 + 0.19 * len(drops) if named else 4.2)
        ax = figure.subplots(1, 2, sharey=True, width_ratios=[1.1, 1])[1] if picture is not None else figure.subplots()
        if picture is not None:
            _draw_picture(figure.axes[0], picture)
        colors = np.where(drops >= 0, BLUE, VERMILION)
        if named or picture is not None:
            ax.barh(steps, drops, color=colors)
            percent_axis(ax.xaxis)
            if named:
                ax.set_yticks(steps, [short_name(token, 18) for token in tokens], fontsize=8)
                ax.set_ylim(len(drops) - 0.5, -0.5)
                ax.set_ylabel("token, the first above")
        else:
            ax.bar(steps, drops, color=colors, width=1.0)
            percent_axis(ax.yaxis)
        across = "time step (from 0)"
        lost = "probability lost without it (percentage points)"
        ax.set(**({"xlabel": lost} if named or picture is not None else {"xlabel": across, "ylabel": lost}))
        title = f"Steps that mattered for {short_name(predicted, 16)!r} ({occlusion.probability:.1%})"
        figure.suptitle(title, fontsize=11)
        return figure


def _draw_picture(ax, picture: np.ndarray) -> None:
    """Draws a picture whose rows are the time steps."""
    ax.imshow(picture, cmap="gray", aspect="auto", interpolation="nearest")
    height, width = picture.shape
    if height >= width:  # a wide one would be lower than the bars beside its rows
        ax.set_box_aspect(height / width)
    ax.grid(False)
    ax.set(xlabel="column of pixels", ylabel="time step: row of pixels")


def gates(trace: GateTrace, tokens: Sequence[str] = ()) -> Figure:
    """Draws the gates, the candidate and the memory cell of one direction of a layer: units against time.

    Args:
        trace: the numbers.
        tokens: (T,) what each step is, where it is a word; named where they are few.
    """
    parts = [*trace.gates._asdict().items(), ("memory cell", trace.cell)]
    is_named = 0 < len(tokens) <= STEPS_NAMED
    with style(), matplotlib.rc_context({"axes.grid": False}):
        # Of known places, for a layout that measures everything takes half a second; the words below are cut.
        below = 0.08 + INCHES_A_COLUMN * max(map(cell_len, _short_names(tokens))) if is_named else 0.5
        height = 4.7 + below
        figure = new_figure(9, height, layout=None)
        axes = figure.subplots(2, 3, sharex=True).ravel()
        figure.subplots_adjust(0.07, below / height, 0.95, 1 - 0.7 / height, wspace=0.52, hspace=0.24)
        for ax in axes:
            ax.tick_params(labelsize=8)
        for ax, (name, values) in zip(axes, parts):
            _draw_units(figure, ax, name, values)
        axes[5].plot(trace.gates.forget.mean(axis=1), color=BLUE, label="forget gate")
        axes[5].plot(trace.gates.input.mean(axis=1), color=VERMILION, linestyle="--", label="input gate")
        axes[5].plot(trace.gates.output.mean(axis=1), color=GREY, linestyle=":", label="output gate")
        axes[5].set(title="mean over the units", ylim=(-0.02, 1.02), ylabel="activation (0 to 1)")
        axes[5].legend(fontsize=8)
        figure.suptitle(trace.name.capitalize(), fontsize=11)
        _name_steps(axes[3:], tokens)
        return figure


def _draw_units(figure: Figure, ax, name: str, values: np.ndarray) -> None:
    """Draws (T, H) activations: gates from 0 to 1, others around 0."""
    is_gate = name in ("input", "forget", "output")
    most = 1.0 if is_gate else max(1.0, float(np.abs(values).max()))
    options = {"cmap": "cividis", "vmin": 0} if is_gate else {"cmap": "PuOr", "vmin": -most}
    image = ax.imshow(values.T, aspect="auto", interpolation="nearest", vmax=most, **options)
    bar = ax.inset_axes((1.02, 0, 0.035, 1))
    figure.colorbar(image, cax=bar, ticks=MaxNLocator(2, steps=[1, 2, 5, 10]))
    bar.tick_params(labelsize=7)
    ax.set(title=f"{name} gate" if is_gate else name, ylabel="unit")


def _short_names(tokens: Sequence[str]) -> List[str]:
    return [short_name(token, NAME_COLUMNS) for token in tokens]


def _name_steps(axes, tokens: Sequence[str]) -> None:
    """Writes under the lower axes what the steps are."""
    for ax in axes:
        if 0 < len(tokens) <= STEPS_NAMED:
            ax.set_xticks(range(len(tokens)), _short_names(tokens), rotation=90, fontsize=7)
        else:
            ax.set_xlabel("time step (from 0)")
            ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
