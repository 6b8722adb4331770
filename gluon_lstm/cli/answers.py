"""How predict says what it found: to a person, as CSV, or as JSON Lines."""

from __future__ import annotations

import json
from typing import Any, Dict, NamedTuple, Optional, Sequence

import numpy as np

from gluon_lstm.cli.output import visible
from gluon_lstm.data.csv_lines import csv_line

SHOWN_CLASSES = 10
"""Most classes of an answer to a person, the likeliest first."""
SHOWN_CHARACTERS = 80
"""Of a text, in an answer to a person."""


class Answer(NamedTuple):
    """What the model says of one sample.

    Attributes:
        index: the sample's place in the input, from 0.
        name: the text, or the picture's file.
        probabilities: (K,) float32; ``None`` of a blank text.
    """

    index: int
    name: str
    probabilities: Optional[np.ndarray]


class Style(NamedTuple):
    """What an answer has beside label and probability.

    Attributes:
        class_names: name of each class.
        probabilities: whether it has those of all classes.
        name_column: what the column of the names is called; ``None`` for no such column.
    """

    class_names: Sequence[str]
    probabilities: bool = False
    name_column: Optional[str] = None


def text_head(style: Style) -> str:
    """Returns what stands before answers to a person: nothing."""
    return ""


def text_row(style: Style, answer: Answer) -> str:
    """Returns an answer to a person: the sample, then the classes, the likeliest first."""
    name = answer.name if len(answer.name) <= SHOWN_CHARACTERS else answer.name[: SHOWN_CHARACTERS - 1] + "…"
    if answer.probabilities is None:
        return f"{visible(name)}\n  blank\n"
    order = np.argsort(-answer.probabilities, kind="stable")
    shown = [f"{visible(style.class_names[k])} {answer.probabilities[k]:.2%}" for k in order[:SHOWN_CLASSES]]
    others = ", ".join(shown[1:]) + (f" and {len(order) - len(shown)} more" if len(order) > len(shown) else "")
    return f"{visible(name)}\n  {shown[0]}  ({others})\n"


def csv_head(style: Style) -> str:
    """Returns the row of column names."""
    columns = ["index", "predicted", "probability"]
    columns += [f"p:{name}" for name in style.class_names] if style.probabilities else []
    return csv_line(columns + ([style.name_column] if style.name_column else []))


def csv_row(style: Style, answer: Answer) -> str:
    """Returns an answer's row: of a blank text its index alone."""
    if answer.probabilities is None:
        cells = ["", ""] + [""] * (len(style.class_names) if style.probabilities else 0)
    else:
        best = int(answer.probabilities.argmax())
        cells = [style.class_names[best], _number(answer.probabilities[best])]
        cells += map(_number, answer.probabilities) if style.probabilities else []
    return csv_line([str(answer.index), *cells, *([answer.name] if style.name_column else [])])


def json_head(style: Style) -> str:
    """Returns what stands before JSON Lines: nothing."""
    return ""


def json_row(style: Style, answer: Answer) -> str:
    """Returns an answer's object, on one line: of a blank text with null for what there is not."""
    values: Dict[str, Any] = {"index": answer.index, "predicted": None, "probability": None}
    if style.probabilities:
        values["probabilities"] = None
    if answer.probabilities is not None:
        best, numbers = int(answer.probabilities.argmax()), [float(_number(one)) for one in answer.probabilities]
        values.update(predicted=style.class_names[best], probability=numbers[best])
        if style.probabilities:
            values["probabilities"] = dict(zip(style.class_names, numbers))
    if style.name_column:
        values[style.name_column] = answer.name
    return json.dumps(values, ensure_ascii=False) + "\n"


def _number(probability: float) -> str:
    """Returns nine significant digits: enough for a float32 to come back as it was."""
    return f"{probability:.9g}"


FORMATS = {"text": (text_head, text_row), "csv": (csv_head, csv_row), "jsonl": (json_head, json_row)}
"""Format → what stands before the answers, and what each is."""
