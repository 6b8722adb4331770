"""The table and the chart of ``side_by_side.py``, from its JSON.

    python benchmarks/side_by_side_report.py    # both anew, from docs/results/side-by-side.json
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List

from common import RESULTS
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from tables import origin, table

from gluon_lstm.article.translation import ENGLISH, make_translator

TITLES = {"train": "One training step, milliseconds", "predict": "One forward pass, milliseconds"}
COLOURS = {"gluon-lstm": "#0072B2", "PyTorch": "#D55E00", "Keras": "#009E73"}
"""Of Okabe and Ito's, which the colour-blind tell apart."""


def main() -> None:
    """Writes table and chart anew."""
    path = RESULTS / "side-by-side.json"
    result = json.loads(path.read_text(encoding="utf-8"))
    write_table(result, path.with_suffix(".md"))
    write_chart(result, path.with_suffix(".png"))


def write_table(result: Dict[str, Any], path: Path) -> None:
    """Writes the medians, with the least and the greatest of the rounds, as Markdown."""
    parts = ["# Side by side with PyTorch and Keras", introduction(result)]
    for task, title in TITLES.items():
        parts += [f"## {title}", task_table(result, task)]
    parts += ["## How far the libraries agree", agreement_table(result), measured(result)]
    path.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def introduction(result: Dict[str, Any]) -> str:
    """Returns what was measured and how."""
    return (
        "An LSTM with a dense layer on its last output, Adam, softmax cross entropy; T × C → H: sequences of T steps "
        f"of C features, H units. {result['threads']} threads each, each library in a process of its own, all others "
        f"stopped meanwhile, in turn; the median of {result['rounds']} rounds, and in brackets the least and the "
        "greatest. The last column but one is the fastest peer's median divided by ours: over 1, ours is faster. Each "
        "library runs in the fastest of the ways tried: ours hybridized; PyTorch eager, with the fused form of Adam; "
        "Keras as `tf.function`, plain, by XLA, or unrolled where there are at most 50 steps. Batches lie in memory."
    )


def task_table(result: Dict[str, Any], task: str) -> str:
    """Returns the times of one task."""
    rows = []
    for shape in result["shapes"]:
        figures = shape[task]
        rows.append([shape["name"], *(cell(figures["libraries"][name]) for name in COLOURS)])
        rows[-1] += [f"{figures['times_as_fast']:.2f} ({figures['fastest_peer']})", aim(shape, task)]
    return table(["T × C → H", *COLOURS, "Times as fast as the fastest peer", "Aim, at least"], rows)


def aim(shape: Dict[str, Any], task: str) -> str:
    """Returns how many times as fast as the fastest peer ours was to be; "none" where that was left open."""
    if shape["batch_size"] == 1 or (task == "predict" and shape["num_layers"] > 1):
        return "none"
    return "1.50" if task == "train" and shape["num_steps"] == 784 else "1.00"


def cell(figures: Dict[str, Any]) -> str:
    """Returns a library's median, least and greatest, and how it ran."""
    low, high = number(figures["min_ms"]), number(figures["max_ms"])
    way = f", {figures['way']}" if figures["way"].startswith("tf.function") else ""
    return f"{number(figures['median_ms'])} ({low}–{high}){way}"


def number(milliseconds: float) -> str:
    """Returns three digits that count."""
    return f"{milliseconds:.0f}" if milliseconds >= 99.95 else f"{milliseconds:.{1 if milliseconds >= 9.995 else 2}f}"


def agreement_table(result: Dict[str, Any]) -> str:
    """Returns the largest differences from our numbers."""
    peers = list(result["shapes"][0]["agreement"])
    rows = []
    for shape in result["shapes"]:
        differences = [shape["agreement"][peer] for peer in peers]
        rows.append([shape["name"], *(f"{d['logits']:.0e}, {d['fall_of_loss']:.1%}" for d in differences)])
    text = (
        "From the same weights: the largest difference of a logit from ours, and how far the fall of the loss over the "
        "first three training steps is from ours. Keras has one bias where the others have two, of which Adam moves "
        "both, so that its loss falls a little less."
    )
    return f"{text}\n\n{table(['T × C → H', *peers], rows)}"


def measured(result: Dict[str, Any]) -> str:
    """Returns where and when it was measured, and with what."""
    versions = [
        f"{library}: " + ", ".join(f"{name} {version}" for name, version in found.items())
        for library, found in result["versions"].items()
    ]
    sets = ", ".join(result["instruction_sets"]) or "no AVX2"
    made = f"`{result['command']}`. {origin(result, make_translator(ENGLISH))}"
    return f"{made} Vector instructions: {sets}. {'; '.join(versions)}."


def write_chart(result: Dict[str, Any], path: Path) -> None:
    """Draws a row of bars a task, one panel a shape, each with its own scale from 0."""
    shapes = result["shapes"]
    figure = Figure(figsize=(2.4 * max(len(shapes), 3), 6.4), layout="constrained")
    panels = figure.subplots(len(TITLES), len(shapes), squeeze=False)
    for row, (task, title) in zip(panels, TITLES.items()):
        for panel, shape in zip(row, shapes):
            draw_bars(panel, shape[task]["libraries"])
            panel.set_title(shape["name"].replace(", ", "\n"), fontsize=9, loc="left", verticalalignment="bottom")
        row[0].set_ylabel(title)
    figure.suptitle("Lower is faster; bars: median of the rounds, whiskers: least and greatest", fontsize=10)
    figure.savefig(path, dpi=120)


def draw_bars(panel: Axes, libraries: Dict[str, Dict[str, Any]]) -> None:
    """Draws one bar a library, its median written above it."""
    medians: List[float] = [libraries[name]["median_ms"] for name in COLOURS]
    highest = [libraries[name]["max_ms"] for name in COLOURS]
    below = [median - libraries[name]["min_ms"] for name, median in zip(COLOURS, medians)]
    above = [high - median for high, median in zip(highest, medians)]
    panel.bar(list(COLOURS), medians, color=list(COLOURS.values()), yerr=[below, above], capsize=3)
    for position, (median, high) in enumerate(zip(medians, highest)):
        panel.annotate(number(median), (position, high), (0, 3), textcoords="offset points", ha="center", fontsize=9)
    panel.set_ylim(0, 1.15 * max(highest))
    panel.tick_params(axis="x", labelrotation=30)
    panel.spines[["top", "right"]].set_visible(False)


if __name__ == "__main__":
    main()
