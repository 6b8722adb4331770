"""Pictures of finished numbers: each function takes arrays and returns a Matplotlib figure.

Colours are Okabe and Ito's, or from white to blue; lines differ in their dashes
and markers too. No function touches pyplot's global state.
"""

from __future__ import annotations

import re
import warnings
from functools import cache
from pathlib import Path
from typing import Any, Iterable, Mapping, NamedTuple, Optional, Sequence, Set, Tuple

import matplotlib
import numpy as np
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter, PercentFormatter, StrMethodFormatter
from rich.text import Text

from gluon_lstm.evaluation.metrics import LengthGroup, row_shares

BLUE, VERMILION, GREY = "#0072B2", "#D55E00", "#666666"
DPI = 120
NAME_WIDTH = 24
"""Columns that a class name takes at most, along an axis or in the terminal's table."""
SHARES_UP_TO, COUNTS_UP_TO = 12, 30
"""Most classes for which a confusion matrix's cells carry shares, and counts."""
MARKERS_UP_TO = 40
"""Most epochs that are marked one by one."""
CJK_FONTS = (
    "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans SC", "Source Han Sans SC", "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei", "PingFang SC", "Hiragino Sans GB", "Heiti SC", "Microsoft YaHei", "SimHei",
    "AR PL UMing CN", "Droid Sans Fallback", "Arial Unicode MS",
)  # fmt: skip
"""Fonts with Chinese characters that systems bring, the best first."""


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
    with _style():
        figure = Figure(figsize=(9, 3.8), dpi=DPI, layout="constrained")
        loss, accuracy = figure.subplots(1, 2)
        _draw_curves(loss, records, "loss", best)
        _draw_curves(accuracy, records, "accuracy", best)
        loss.set(title="Loss", ylabel="mean cross-entropy (nats)")
        accuracy.set(title="Accuracy", ylabel="samples classified correctly (%)")
        accuracy.yaxis.set_major_formatter(PercentFormatter(xmax=1, symbol=""))
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


def learning_rate_range(rates: Sequence[float], losses: Sequence[float], suggestion: float) -> Figure:
    """Draws the loss of a range test against the learning rate, and the rate that it suggests.

    Args:
        rates: learning rates, rising.
        losses: smoothed loss at each, in nats.
        suggestion: the rate to mark.
    """
    with _style():
        figure = Figure(figsize=(6.4, 4.2), dpi=DPI, layout="constrained")
        ax = figure.subplots()
        ax.plot(rates, losses, color=BLUE, label="smoothed training loss")
        ax.axvline(suggestion, color=VERMILION, linestyle="--", label=f"suggested: {suggestion:.2g} (steepest fall)")
        ax.set(title="Learning-rate range test", xlabel="learning rate", ylabel="loss (nats)", xscale="log")
        # Matplotlib's own labels of a logarithmic axis are formulas, which the report's style does not read.
        ax.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        ax.xaxis.set_minor_formatter(NullFormatter())
        ax.legend()
        return figure


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
    with _style(), matplotlib.rc_context({"axes.grid": False}):
        figure = Figure(figsize=(size + 1.6, size + 0.9), dpi=DPI, layout="constrained")
        ax = figure.subplots()
        ax.set_facecolor("#dddddd")  # shows through where a class has no samples
        image = ax.imshow(np.ma.masked_invalid(shares), cmap="Blues", norm=PowerNorm(0.5, vmin=0, vmax=1))
        bar = figure.colorbar(image, ax=ax, fraction=0.046, ticks=[0, 0.01, 0.05, 0.2, 0.5, 1])
        bar.set_label("share of the true class (%)")
        bar.ax.yaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0, symbol=""))
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


def accuracy_by_length(groups: Sequence[LengthGroup]) -> Figure:
    """Draws the accuracy of each group of samples of like length, with its 95 % interval.

    Args:
        groups: at least one.
    """
    values = np.array([group.accuracy for group in groups])
    bounds = np.array([group.accuracy_ci95 for group in groups])
    errors = np.abs(bounds - values[:, np.newaxis]).T
    labels = [str(g.low) if g.low == g.high else f"{g.low}–{g.high}" for g in groups]
    with _style():
        figure = Figure(figsize=(max(4.8, 0.8 * len(groups) + 2), 3.8), dpi=DPI, layout="constrained")
        ax = figure.subplots()
        ax.errorbar(range(len(groups)), values, errors, fmt="o", color=BLUE, capsize=3, label="with 95 % interval")
        ax.set_xticks(range(len(groups)), labels, rotation=45 if len(groups) > 6 else 0)
        ax.set(title="Accuracy by length", xlabel="tokens read", ylabel="samples classified correctly (%)")
        ax.set_xlim(-0.5, len(groups) - 0.5)
        ax.yaxis.set_major_formatter(PercentFormatter(xmax=1, symbol=""))
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
    with _style():
        figure = Figure(figsize=(width, 2.1 * rows + 0.4), dpi=DPI, layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
        for ax in axes:
            ax.set_axis_off()
        for ax, image, title in zip(axes, images, titles):
            ax.imshow(image, cmap="gray")
            ax.set_title(title, fontsize=8)
        figure.suptitle("Most confidently wrong", fontsize=11)
        return figure


def save(figure: Figure, path: Path) -> None:
    """Writes a figure as PNG; characters that no font here has become boxes."""
    with _style(), warnings.catch_warnings():
        # The report tells of them (``missing_characters``); a warning for each glyph would say no more.
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        figure.savefig(path, format="png", bbox_inches="tight")


def short_name(name: str, width: int = NAME_WIDTH) -> str:
    """Returns a class name on one line, cut to ``width`` columns; a Chinese character takes two."""
    text = Text(one_line(name))
    text.truncate(width, overflow="ellipsis")
    return text.plain


def one_line(text: str) -> str:
    """Returns a text with control characters and runs of white space as single spaces."""
    return " ".join(re.sub(r"[\x00-\x1f\x7f-\x9f]", " ", text).split())


def missing_characters(texts: Iterable[str]) -> str:
    """Returns the characters of the texts that none of the fonts used has, each once, in order."""
    known = _characters(_fonts())
    return "".join(sorted(set("".join(map(short_name, texts))) - {chr(code) for code in known}))


@cache
def _fonts() -> Tuple[str, ...]:
    """Returns the font families to draw with: Matplotlib's own, then one with Chinese where there is one."""
    installed = set(font_manager.get_font_names())
    return ("DejaVu Sans", *[name for name in CJK_FONTS if name in installed][:1])


@cache
def _characters(families: Tuple[str, ...]) -> Set[int]:
    """Returns the code points that the font families have between them."""
    paths = (font_manager.findfont(font_manager.FontProperties(family=family)) for family in families)
    return set().union(*(font_manager.get_font(path).get_charmap() for path in paths))


def _style() -> Any:
    """Returns a context in which figures get the report's look."""
    return matplotlib.rc_context(
        {
            "font.family": list(_fonts()),
            "text.parse_math": False,  # a dollar sign in a class name is a dollar sign
            "axes.grid": True,
            "grid.alpha": 0.3,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlesize": 11,
            "legend.frameon": False,
        }
    )
