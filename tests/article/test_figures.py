"""Figures of the article's claims: panels in rows of two, each with what it is to show."""

import numpy as np
import pytest

from gluon_lstm.article.figures import Group, Panel, curve_panels, point_panels

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
