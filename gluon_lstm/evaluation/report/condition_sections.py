"""Sections of a report about single samples, changed ones and others, and speed."""

from __future__ import annotations

from typing import Optional, Sequence

import numpy as np

from gluon_lstm.evaluation import plots
from gluon_lstm.evaluation.explanations import GateTrace, Occlusion
from gluon_lstm.evaluation.intervals import Interval
from gluon_lstm.evaluation.measures import without_interval
from gluon_lstm.evaluation.report.content import Cell, Picture, Section, Table, interval_cell, number_cell, text_cell
from gluon_lstm.evaluation.report.formats import count, counted, percent
from gluon_lstm.evaluation.report.study import Study
from gluon_lstm.evaluation.robustness import Curve, Level

MOST_TRACES = 8
"""Most directions of layers whose gates are all drawn."""


def lengths_section(study: Study) -> Optional[Section]:
    """Returns the section of accuracy by length; none where all samples are of one."""
    if not study.length_groups:
        return None
    picture = Picture(
        "accuracy_by_length.png",
        plots.accuracy_by_length(study.length_groups),
        "Accuracy of texts grouped by their number of tokens, with 95 % intervals",
        "Each group has about as many samples.",
    )
    rows = [
        (Cell(_from_to(group.low, group.high), group.low), number_cell(group.n, count),
         number_cell(group.accuracy, percent), interval_cell(group.accuracy_ci95))
        for group in study.length_groups
    ]  # fmt: skip
    columns = ("Tokens read", "Samples", "Accuracy", "95 % interval")
    return Section("lengths", "Length", (), [picture], [Table("Accuracy by length", columns, rows)])


def _from_to(low: int, high: int) -> str:
    """Returns a range of whole numbers, or the only one in it."""
    return str(low) if low == high else f"{low} to {high}"


def explanation_section(study: Study) -> Optional[Section]:
    """Returns the section that looks at one sample closely."""
    occlusion, traces = study.occlusion, shown_traces(study.traces)
    if occlusion is None:
        return None
    true, predicted = (
        study.class_names[study.predictions.labels[occlusion.index]],
        study.class_names[occlusion.predicted],
    )
    told = "was classified correctly," if true == predicted else f"was taken for {predicted}"
    text = (
        f"Sample {occlusion.index}, of class {true}, {told} with a probability of {percent(occlusion.probability)}."
    )
    pictures = [
        Picture(
            "important_steps.png",
            plots.important_steps(occlusion, predicted, _picture_of_rows(study)),
            f"By how much {predicted} is less probable without each time step of sample {occlusion.index}",
            "Blue steps speak for the class that was predicted, orange ones against it. Without a step, its values "
            "are 0 or its word is unknown.",
        )
    ]
    pictures += [_gates_picture(trace, occlusion) for trace in traces]
    note = _gates_note(traces, study.traces)
    return Section("explanation", "One sample, step by step", [text, note], pictures)


def shown_traces(traces: Sequence[GateTrace]) -> Sequence[GateTrace]:
    """Returns the traces that are drawn: all of few, of more those of the first and the last layer."""
    if len(traces) <= MOST_TRACES:
        return traces
    last = max(trace.layer for trace in traces)
    return [trace for trace in traces if trace.layer in (1, last)]


def _gates_note(shown: Sequence[GateTrace], traces: Sequence[GateTrace]) -> str:
    """Returns whose gates are shown."""
    if not traces:
        return "Gates are shown of LSTM layers alone: this model has no such layer, and a GRU's gates are not drawn."
    which = "the first and the last layer, in each direction" if len(shown) < len(traces) else "every layer"
    backward = " A cell that reads backward starts at the right." if traces[-1].direction == "backward" else ""
    return f"The gates are those of {which}.{backward}"


def _gates_picture(trace: GateTrace, occlusion: Occlusion) -> Picture:
    """Returns the picture of what one direction of a layer did."""
    return Picture(
        f"gates_{trace.name.replace(', ', '_').replace(' ', '')}.png",
        plots.gates(trace, occlusion.tokens),
        f"Activations of the input, forget and output gate, the candidate and the memory cell of each unit of "
        f"{trace.name}, at each time step of sample {occlusion.index}",
        f"{trace.name.capitalize()}: an input gate near 1 lets new content in, a forget gate near 1 keeps the old, an "
        f"output gate near 1 shows it.",
    )


def _picture_of_rows(study: Study) -> Optional[np.ndarray]:
    """Returns the explained sample's picture where each of its rows is a time step."""
    if getattr(study.dataset, "view", None) != "rows":
        return None
    return study.dataset.image(study.occlusion.index)


def robustness_section(study: Study) -> Optional[Section]:
    """Returns the section of changed conditions."""
    found = study.robustness
    if found is None:
        return None
    picture = Picture(
        "robustness.png",
        plots.robustness(found.curves),
        "Accuracy and calibration error against the strength of each perturbation; the table has the numbers",
        "Where the calibration error rises, the model does not notice that it fails.",
    )
    rows = [
        (text_cell(curve.name), _strength_cell(curve, level), text_cell(curve.unit),
         number_cell(level.accuracy, percent), interval_cell(level.accuracy_ci95),
         number_cell(level.ece, percent), interval_cell(level.ece_ci95))
        for curve in found.curves for level in curve.levels
    ]  # fmt: skip
    columns = ("Change", "Strength", "Unit", "Accuracy", "95 % interval", "Calibration error", "95 % interval of that")
    some = f"{count(found.n)} of {count(len(study.predictions.labels))} samples, drawn at random, were changed."
    everything = "The only sample was changed." if found.n == 1 else f"All {count(found.n)} samples were changed."
    note = everything if found.n == len(study.predictions.labels) else some
    without = f"the calibration error of some samples that were {' or '.join(found.without_interval)}"
    notes = [note, *([without_interval([without])] if found.without_interval else [])]
    return Section("robustness", "Robustness", notes, [picture], [Table("Accuracy after changes", columns, rows)])


def _strength_cell(curve: Curve, level: Level) -> Cell:
    """Returns the cell of a perturbation's strength, in its unit."""
    return Cell(f"{level.strength * (100 if '%' in curve.unit else 1):.3g}", level.strength)


def outliers_section(study: Study) -> Optional[Section]:
    """Returns the section of data of another kind."""
    found = study.outliers
    if found is None:
        return None
    verb = "is" if found.n == 1 else "are"
    text = (
        f"How well {counted(found.n, 'sample')} of {found.name} {verb} told from the known ones: area under the ROC "
        f"curve of the probability of the predicted class "
        f"{_with_interval(found.auroc_confidence, found.auroc_confidence_ci95)}, of the energy "
        f"{_with_interval(found.auroc_energy, found.auroc_energy_ci95)}; 0.5 is chance, 1 is always."
    )
    picture = Picture(
        "out_of_distribution.png",
        plots.out_of_distribution(found.known, found.others, found.name),
        f"Histogram of the confidence about known data and about {found.name}",
        "A model that knows what it does not know is less confident about other data.",
    )
    return Section("outliers", "Data of another kind", [text, *found.notes], [picture])


def _with_interval(value: float, interval: Optional[Interval]) -> str:
    """Returns an area, with its interval where it has one."""
    between = "" if interval is None else f" (95 % interval {interval.low:.4f} to {interval.high:.4f})"
    return f"{value:.4f}{between}"


def speed_section(study: Study) -> Optional[Section]:
    """Returns the section of speed."""
    found = study.speed
    if found is None:
        return None
    rows = [
        (
            text_cell(f"Samples a second, in batches of {found.batch_size}"),
            number_cell(found.samples_per_second, _rounded),
        ),
        (text_cell("Milliseconds for a single sample, median"), number_cell(found.latency_ms, _hundredths)),
        (
            text_cell("Milliseconds for a single sample, 95 % are faster"),
            number_cell(found.latency_p95_ms, _hundredths),
        ),
    ]
    note = (
        "From pictures or texts as they come to probabilities: scaling, cutting into tokens and n-grams are in it. "
        "Measured as this report was made; other work on the machine makes it slower. speed.json has the numbers."
    )
    return Section("speed", "Speed", [note], tables=[Table("Speed", ("Measure", "Value"), rows)])


def _rounded(value: float) -> str:
    return f"{value:,.0f}"


def _hundredths(value: float) -> str:
    return f"{value:.2f}"
