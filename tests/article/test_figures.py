"""Figures of the article's claims: panels in rows of two, each with what it is to show."""

import numpy as np
import pytest

from gluon_lstm.article.figures import Group, Panel, curve_panels, point_panels

LEGEND = ["one seed", "mean, 95 % interval"]
CURVES = [Panel(f"panel {n}", "x", "y", [1, 2, 3], {"one": np.ones((2, 3)) * n}) for n in range(5)]
POINTS = [Group(f"panel {n}", "y", {"one": [n, n + 1], "two": [n, n]}) for n in range(5)]


@pytest.mark.parametrize("number, rows, columns", [(1, 1, 1), (2, 1, 2), (3, 2, 2), (4, 2, 2), (5, 3, 2)])
@pytest.mark.parametrize("draw, panels", [(curve_panels, CURVES), (point_panels, POINTS)], ids=["curves", "points"])
def test_panels_stand_two_a_row(draw, panels, number, rows, columns):
    figure = draw(panels[:number])
    assert [ax.get_title() for ax in figure.axes] == [f"panel {n}" for n in range(number)]
    figure.draw_without_rendering()
    corners = [ax.get_position() for ax in figure.axes]
    assert len({round(corner.y1, 2) for corner in corners}) == rows
    assert len({round(corner.x1, 2) for corner in corners}) == columns
    assert figure.get_size_inches()[1] == 4 * rows
    assert figure.axes[-1].get_lines()[0].get_ydata()[0] == number - 1


@pytest.mark.parametrize("greatest, expected", [(60, {"2", "5", "10", "20", "50"}), (2e5, {"10", "100", "10³", "10⁴"})])
def test_powers_of_ten_are_labelled_and_of_few_what_is_between(greatest, expected):
    curve = {"one": np.array([[1.5, greatest], [1.6, greatest]])}
    (ax,) = curve_panels([Panel("", "x", "y", [1, 2], curve, "y")]).axes
    ax.figure.draw_without_rendering()
    (low, high), places = ax.get_ylim(), ax.yaxis.get_majorticklocs()
    labels = ax.yaxis.get_major_formatter().format_ticks(places)
    shown = {label for place, label in zip(places, labels) if low <= place <= high}
    assert expected <= shown and ("20" in shown) == (greatest == 60)


@pytest.mark.parametrize("x, is_whole", [([1, 2, 3, 4, 5], True), ([0.5, 1, 2], False)])
def test_an_axis_of_epochs_has_whole_ticks(x, is_whole):
    (ax,) = curve_panels([Panel("", "x", "y", x, {"one": np.ones((2, len(x)))})]).axes
    ax.figure.draw_without_rendering()
    assert all(float(place).is_integer() for place in ax.get_xticks()) == is_whole


@pytest.mark.parametrize("number", [1, 3])
def test_points_have_one_legend(number):
    (legend,) = point_panels(POINTS[:number]).legends
    assert [text.get_text() for text in legend.get_texts()] == LEGEND


def test_points_stand_beside_a_line_where_one_is_asked_for():
    without, beside = point_panels([Group("", "y", {"one": [1, 2]}), Group("", "y", {"one": [1, 2]}, "x", 1.5)]).axes
    assert [without.get_xlabel(), beside.get_xlabel()] == ["", "x"]
    assert len(beside.get_lines()) == len(without.get_lines()) + 1
    assert list(beside.get_lines()[-1].get_ydata()) == [1.5, 1.5]


@pytest.mark.parametrize("is_share", [True, False])
def test_an_axis_of_shares_ends_at_0_and_1(is_share):
    """By hand: Student's interval of 0.1, 0.5 and 0.9 is 0.5 ± 0.99."""
    (ax,) = point_panels([Group("", "accuracy", {"one": [0.1, 0.5, 0.9]}, is_share=is_share)]).axes
    low, high = ax.get_ylim()
    assert ((low, high) == (-0.03, 1.03)) == is_share and (low < -0.4 and high > 1.4) != is_share
