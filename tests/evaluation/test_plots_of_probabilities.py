"""Legends of the pictures of probabilities cover no data, wherever these lie."""

import numpy as np
import pytest

from gluon_lstm.evaluation import plots
from gluon_lstm.evaluation.calibration import equal_width_edges, fill_bins
from gluon_lstm.evaluation.selective import risk_coverage

CONFIDENCE = np.linspace(0.01, 1, 200)


def bins():
    """Bins that are right at every confidence, so that points lie in the upper left, too."""
    return fill_bins(CONFIDENCE, np.ones(200, bool), equal_width_edges())


PICTURES = {
    "reliability": lambda: plots.reliability(bins()),
    "scaled reliability": lambda: plots.reliability(bins(), bins()),
    "confidence": lambda: plots.confidence_histogram(CONFIDENCE, CONFIDENCE < 0.3),
    "other data": lambda: plots.out_of_distribution(CONFIDENCE, CONFIDENCE[:50], "a data set of a long name"),
    "reliabilities": lambda: plots.reliabilities([bins()] * 5, [f"run {number} of some name" for number in range(5)]),
    "risks": lambda: plots.risk_coverage([risk_coverage(CONFIDENCE, CONFIDENCE > 0.9)] * 2, ["one", "another"]),
}


@pytest.mark.parametrize("draw", PICTURES.values(), ids=PICTURES)
def test_the_legend_lies_outside_of_the_axes_and_inside_of_the_picture(draw, tmp_path):
    figure = draw()
    plots.save(figure, tmp_path / "a.png")
    legend = figure.legends[0].get_window_extent()
    assert len(figure.legends[0].get_texts()) == sum(len(ax.get_legend_handles_labels()[0]) for ax in figure.axes) > 0
    for ax in figure.axes:
        assert ax.get_legend() is None
        assert not legend.overlaps(ax.get_tightbbox())
    assert figure.bbox.x0 <= legend.x0 and legend.x1 <= figure.bbox.x1 and figure.bbox.y0 <= legend.y0
