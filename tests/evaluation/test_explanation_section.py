"""Which layers and directions the report shows the gates of, and what it says of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gluon_lstm.evaluation.explanations import GateTrace, Occlusion
from gluon_lstm.evaluation.measures import Temperature
from gluon_lstm.evaluation.report import StudyOptions, make_study
from gluon_lstm.evaluation.report.condition_sections import MOST_TRACES, explanation_section
from gluon_lstm.nn import Gates


def traces_of(layers, directions=("forward", "backward"), groups=(0,)):
    """Returns traces of three steps and two units, each with numbers of its own."""
    rng = np.random.default_rng(0)
    return [
        GateTrace(3, group, layer, direction, Gates(*rng.random((4, 3, 2))), *rng.normal(size=(2, 3, 2)))
        for group in groups for layer in range(1, layers + 1) for direction in directions
    ]  # fmt: skip


@pytest.fixture
def section_of(make_case, provenance):
    """A function that makes the section of a sample with some traces."""
    case = make_case(["class 0", "class 1", "class 2"])
    study = make_study(case.predictions, case.dataset, provenance, Temperature(None, ""), options=StudyOptions(()))

    def make(traces, index=3, predicted=1):
        occlusion = Occlusion(index, predicted, 0.8, np.zeros(3))
        return explanation_section(replace(study, occlusion=occlusion, traces=traces))

    return make


def test_each_layer_and_direction_has_its_picture(section_of):
    traces = traces_of(2)
    section = section_of(traces)
    assert [picture.name for picture in section.pictures] == [
        "important_steps.png",
        "gates_layer1_forward.png",
        "gates_layer1_backward.png",
        "gates_layer2_forward.png",
        "gates_layer2_backward.png",
    ]
    assert section.paragraphs[1].startswith("The gates are those of every layer. A cell that reads backward starts")
    for picture, trace in zip(section.pictures[1:], traces):
        drawn = [ax.images[0].get_array() for ax in picture.figure.axes if ax.images]
        np.testing.assert_array_equal(drawn, [part.T for part in (*trace.gates, trace.cell)])
        assert trace.name in picture.alternative
        assert trace.name.capitalize() in [text.get_text() for text in picture.figure.texts]


def test_groups_are_told_apart(section_of):
    names = [picture.name for picture in section_of(traces_of(1, ("forward",), groups=(1, 2))).pictures]
    assert names[1:] == ["gates_group1_layer1_forward.png", "gates_group2_layer1_forward.png"]


def test_of_many_layers_the_first_and_the_last_are_shown(section_of):
    section = section_of(traces_of(MOST_TRACES, ("forward",)))
    assert len(section.pictures) == 1 + MOST_TRACES and section.paragraphs[1] == "The gates are those of every layer."
    section = section_of(traces_of(MOST_TRACES + 1, ("forward",)))
    names = [picture.name for picture in section.pictures[1:]]
    assert names == ["gates_layer1_forward.png", "gates_layer9_forward.png"]
    assert "the first and the last layer" in section.paragraphs[1]


def test_a_model_without_gates_says_so(section_of):
    section = section_of([])
    assert [picture.name for picture in section.pictures] == ["important_steps.png"]
    assert section.paragraphs[1].endswith("this model has no such layer, and a GRU's gates are not drawn.")


def test_a_right_answer_is_called_one(section_of, make_case):
    label = int(make_case(["class 0", "class 1", "class 2"]).dataset.labels[5])
    other = (label + 1) % 3
    assert section_of([], 5, label).paragraphs[0] == (
        f"Sample 5, of class class {label}, was classified correctly, with a probability of 80.00 %."
    )
    assert section_of([], 5, other).paragraphs[0] == (
        f"Sample 5, of class class {label}, was taken for class {other} with a probability of 80.00 %."
    )
