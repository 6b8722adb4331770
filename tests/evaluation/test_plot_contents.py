"""What each picture draws equals what it was given, and says what it is."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from gluon_lstm.evaluation import plots
from gluon_lstm.evaluation.calibration import Bins, equal_width_edges, fill_bins
from gluon_lstm.evaluation.explanations import Occlusion
from gluon_lstm.evaluation.intervals import Interval
from gluon_lstm.evaluation.mistakes import LengthGroup
from gluon_lstm.evaluation.plots.probabilities import MOST_POINTS
from gluon_lstm.evaluation.ranking import Curve
from gluon_lstm.evaluation.robustness import Curve as ChangeCurve
from gluon_lstm.evaluation.robustness import Level
from gluon_lstm.evaluation.selective import risk_coverage

CONFIDENCE = np.array([0.05, 0.31, 0.33, 0.62, 0.65, 0.66, 0.97, 0.99, 1.0, 1.0])
CORRECT = np.array([0, 0, 1, 1, 0, 1, 1, 1, 1, 0], bool)
SINGLE = risk_coverage(np.array([0.7]), np.array([False]))


def bins(shift=0.0) -> Bins:
    """Returns ten samples in 15 bins, most of which are empty."""
    return fill_bins(np.clip(CONFIDENCE - shift, 0.01, 1), CORRECT, equal_width_edges())


def points(line):
    """Returns the points of a line as two lists."""
    return [part.tolist() for part in line.get_xydata().T]


def check_words(ax, **expected):
    """Checks that an axes has a title and both labels, and some of them by their words."""
    words = {"title": ax.get_title(), "x": ax.get_xlabel(), "y": ax.get_ylabel()}
    assert all(words.values()), words
    assert {name: words[name] for name in expected} == expected


def test_reliability_draws_each_full_bin_and_counts_its_samples():
    before, after = bins(), bins(0.03)
    figure = plots.reliability(before, after)
    upper, lower = figure.axes
    lines = {line.get_label(): line for line in upper.lines}
    assert points(lines["perfectly calibrated"]) == [[0, 1], [0, 1]]
    for part, label in ((before, f"as they are (ECE {before.ece:.2%})"),
                        (after, f"after temperature scaling (ECE {after.ece:.2%})")):  # fmt: skip
        full = part.count > 0
        assert points(lines[label]) == [part.confidence[full].tolist(), part.accuracy[full].tolist()]
        assert lines[label].get_marker() not in (None, "None")
    assert [bar.get_height() for bar in lower.patches] == before.count.tolist()
    assert [bar.get_x() for bar in lower.patches] == pytest.approx(before.low)
    assert [bar.get_x() + bar.get_width() for bar in lower.patches] == pytest.approx(before.high)
    assert [text.get_text() for text in lower.texts] == [str(count) for count in before.count if count]
    assert sum(int(text.get_text()) for text in lower.texts) == len(CONFIDENCE)
    assert upper.get_title() == "Reliability" and upper.get_ylabel() == "samples classified correctly (%)"
    assert (
        lower.get_xlabel() == "confidence: probability of the predicted class (%)" and lower.get_ylabel() == "samples"
    )


def test_reliability_of_one_sample_is_a_marked_point():
    part = fill_bins(np.array([0.7]), np.array([True]), equal_width_edges())
    upper, lower = plots.reliability(part).axes
    assert points(upper.lines[1]) == [[0.7], [1.0]] and upper.lines[1].get_marker() == "o"
    assert [text.get_text() for text in lower.texts] == ["1"]


def test_reliabilities_draw_each_model():
    parts = [bins(), bins(0.03), bins(0.2)]
    (ax,) = plots.reliabilities(parts, ["one", "two", "three"]).axes
    for line, part, name in zip(ax.lines[1:], parts, ("one", "two", "three")):
        full = part.count > 0
        assert points(line) == [part.confidence[full].tolist(), part.accuracy[full].tolist()]
        assert line.get_label() == f"{name} (ECE {part.ece:.2%})"
    assert len(ax.lines) == 4 and len({(line.get_linestyle(), line.get_color()) for line in ax.lines[1:]}) == 3
    check_words(ax, title="Reliability", y="samples classified correctly (%)")


def histogram(values):
    """Returns the share of values in each twentieth from 0 to 1, the last with 1 itself."""
    numbers = np.minimum(np.floor(np.asarray(values) * 20).astype(int), 19)
    return np.array([(numbers == number).mean() for number in range(20)])


@pytest.mark.parametrize(
    "draw, labels, title, unit",
    [
        (lambda: plots.confidence_histogram(CONFIDENCE, CORRECT), ("right (6)", "wrong (4)"),
         "Confidence of right and wrong predictions", "share of each kind (%)"),
        (lambda: plots.out_of_distribution(CONFIDENCE[CORRECT], CONFIDENCE[~CORRECT], "noise"),
         ("known data (6)", "noise (4)"), "Confidence about known and other data", "samples (% of each data set)"),
    ],
    ids=["right and wrong", "other data"],
)  # fmt: skip
def test_histograms_have_the_shares_of_each_kind(draw, labels, title, unit):
    (ax,) = draw().axes
    for steps, values, label in zip(ax.patches, (CONFIDENCE[CORRECT], CONFIDENCE[~CORRECT]), labels):
        drawn = steps.get_data()
        np.testing.assert_allclose(drawn.values, histogram(values), atol=1e-12)
        np.testing.assert_allclose(drawn.edges, np.linspace(0, 1, 21))
        assert steps.get_label() == label
    assert [steps.get_hatch() for steps in ax.patches] == [None, "//"], "told apart without colours"
    check_words(ax, title=title, y=unit)


def test_a_histogram_without_wrong_predictions_is_drawn():
    (ax,) = plots.confidence_histogram(CONFIDENCE, np.ones(10, bool)).axes
    assert ax.patches[1].get_data().values.tolist() == [0.0] * 20 and ax.patches[1].get_label() == "wrong (0)"


CURVES = [Curve(np.array([0, 0.1, 1]), np.array([0, 0.8, 1])), Curve(np.array([0, 0.5, 1]), np.array([0.2, 0.6, 1]))]


@pytest.mark.parametrize(
    "draw, measure, words",
    [
        (plots.roc, "area", {"title": "ROC, one class against the rest", "y": "samples of the class found (%)",
                             "x": "other samples taken for the class (%)"}),
        (plots.precision_recall, "average precision", {"title": "Precision and recall, one class against the rest",
                                                       "x": "recall (%)", "y": "precision (%)"}),
    ],
    ids=["ROC", "precision and recall"],
)  # fmt: skip
def test_curves_of_classes_are_those_given(draw, measure, words):
    (ax,) = draw(CURVES, ["cat", "dog"], [0.97, 0.6123]).axes
    lines = {line.get_label(): line for line in ax.lines}
    for curve, label in zip(CURVES, ("cat (0.9700)", "dog (0.6123)")):
        assert points(lines[label]) == [curve.x.tolist(), curve.y.tolist()]
    assert ("chance" in lines) == (draw is plots.roc)
    assert ax.get_legend().get_title().get_text() == f"class ({measure})"
    assert ax.get_xlim() == ax.get_ylim() == (-0.02, 1.02)
    check_words(ax, **words)


@pytest.mark.parametrize("draw, corner", [(plots.roc, "left"), (plots.precision_recall, "right")])
def test_curves_cut_to_a_corner_say_so_and_draw_no_line_that_is_not_seen(draw, corner):
    (ax,) = draw(CURVES, ["cat", "dog"], [0.99, 0.999]).axes
    assert ax.get_title().endswith(f"\n(the upper {corner} corner alone)")
    assert ax.get_ylim()[0] >= 0.8
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["cat (0.9900)", "dog (0.9990)"]
    assert len(ax.lines) == 2


def test_risk_and_coverage_are_those_given():
    curves = [risk_coverage(CONFIDENCE, CORRECT), risk_coverage(CONFIDENCE, ~CORRECT)]
    (ax,) = plots.risk_coverage(curves, ["one", "two"]).axes
    for line, curve, name in zip(ax.lines, curves, ("one", "two")):
        assert points(line) == [curve.coverage.tolist(), curve.risk.tolist()]
        assert line.get_label() == f"{name} (area {curve.area:.5f})"
    check_words(ax, title="Risk and coverage", x="samples answered, the most confident first (%)",
                y="errors among them (%)")  # fmt: skip


def test_the_area_of_a_single_curve_is_in_the_title_and_covers_nothing():
    curve = risk_coverage(CONFIDENCE, CORRECT)
    figure = plots.risk_coverage([curve])
    (ax,) = figure.axes
    check_words(ax, title=f"Risk and coverage (area {curve.area:.5f})")
    assert ax.get_legend() is None and not figure.legends


def test_of_many_points_the_first_and_the_last_are_drawn(rng):
    curve = risk_coverage(rng.random(5 * MOST_POINTS), rng.random(5 * MOST_POINTS) < 0.8)
    (ax,) = plots.risk_coverage([curve]).axes
    x, y = ax.lines[0].get_xydata().T
    places = np.searchsorted(curve.coverage, x)
    assert len(x) <= MOST_POINTS and (places[0], places[-1]) == (0, 5 * MOST_POINTS - 1)
    np.testing.assert_array_equal(y, curve.risk[places])


def test_the_risk_of_a_single_sample_is_seen(tmp_path):
    figure = plots.risk_coverage([SINGLE])
    (ax,) = figure.axes
    assert points(ax.lines[0]) == [[1.0], [1.0]] and ax.lines[0].get_marker() == "o"
    plots.save(figure, tmp_path / "one.png")
    x, y = ax.transData.transform((1.0, 1.0))
    with Image.open(tmp_path / "one.png") as image:
        assert image.getpixel((round(x) - 1, image.height - round(y))) == (0, 0x72, 0xB2)


def levels(count):
    """Returns levels whose numbers are all different."""
    return tuple(
        Level(0.1 * n, 0.9 - 0.1 * n, Interval(0.85 - 0.1 * n, 0.92 - 0.1 * n), 0.05 * n) for n in range(count)
    )


def test_robustness_draws_each_change():
    changes = (
        ("shifted", "pixels", 3),
        ("noisy", "noise, as % of the most", 4),
        ("blurred", "blur", 2),
        ("dim", "lux", 3),
    )
    curves = [ChangeCurve(name, unit, levels(count)) for name, unit, count in changes]
    figure = plots.robustness(curves)
    for number, (ax, curve) in enumerate(zip(figure.axes, curves)):
        lines = {line.get_label(): points(line) for line in ax.lines}
        strengths = [level.strength for level in curve.levels]
        assert lines == {
            "accuracy": [strengths, [level.accuracy for level in curve.levels]],
            "calibration error": [strengths, [level.ece for level in curve.levels]],
        }
        (band,) = ax.collections
        corners = band.get_paths()[0].vertices
        assert {tuple(corner) for corner in corners} >= {
            (level.strength, bound) for level in curve.levels for bound in level.accuracy_ci95
        }
        assert ax.get_title() == curve.name and ax.get_xlabel().replace("\n", " ") == curve.unit
        assert bool(ax.get_ylabel()) == (number % 3 == 0)
    assert [ax.get_ylabel() for ax in figure.axes[::3]] == ["samples (%)", "samples (%)"]
    assert not any(ax.axison for ax in figure.axes[4:])


def bars_of(container):
    """Returns the ends of error bars, along the axis that they lie on."""
    segments = np.array(container.lines[2][0].get_segments())
    along = 0 if np.ptp(segments[0][:, 0]) > 0 else 1
    return [tuple(np.sort(segment[:, along])) for segment in segments]


def test_accuracy_by_length_has_its_intervals():
    groups = [LengthGroup(1, 1, 40, 0.7, Interval(0.55, 0.82)), LengthGroup(2, 9, 44, 0.9, Interval(0.8, 0.95))]
    (ax,) = plots.accuracy_by_length(groups).axes
    assert points(ax.containers[0].lines[0]) == [[0, 1], [0.7, 0.9]]
    assert np.allclose(bars_of(ax.containers[0]), [group.accuracy_ci95 for group in groups])
    assert [label.get_text() for label in ax.get_xticklabels()] == ["1", "2–9"]
    check_words(ax, title="Accuracy by length", x="tokens read", y="samples classified correctly (%)")


def test_accuracies_are_drawn_with_their_intervals_the_best_above():
    intervals = [Interval(0.8, 0.9), Interval(0.9, 0.97), Interval(0.5, 0.7)]
    (ax,) = plots.accuracies(["a", "b", "c"], [0.85, 0.95, 0.6], intervals).axes
    assert points(ax.containers[0].lines[0]) == [[0.6, 0.85, 0.95], [0, 1, 2]]
    assert np.allclose(bars_of(ax.containers[0]), [intervals[2], intervals[0], intervals[1]])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["c", "a", "b"]
    check_words(ax, title="Accuracy with 95 % interval", x="samples classified correctly (%)", y="run")


DROPS = np.array([0.3, -0.1, 0.0, 0.05])


def test_steps_that_mattered_are_bars_with_their_words():
    figure = plots.important_steps(Occlusion(0, 1, 0.875, DROPS, ("a", "bad", "film", "!")), "good")
    (ax,) = figure.axes
    assert [bar.get_width() for bar in ax.patches] == DROPS.tolist()
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "bad", "film", "!"]
    assert ax.get_ylim() == (3.5, -0.5), "the first word above"
    assert [bar.get_facecolor()[0] > 0.5 for bar in ax.patches] == [False, True, False, False], "against is orange"
    assert (
        ax.get_xlabel() == "probability lost without it (percentage points)"
        and ax.get_ylabel() == "token, the first above"
    )
    assert figure.get_suptitle() == "Steps that mattered for 'good' (87.5%)"


def test_steps_without_words_are_bars_along_the_time():
    figure = plots.important_steps(Occlusion(0, 1, 0.5, DROPS), "good")
    (ax,) = figure.axes
    assert [bar.get_height() for bar in ax.patches] == DROPS.tolist()
    assert [bar.get_x() + bar.get_width() / 2 for bar in ax.patches] == [0, 1, 2, 3]
    assert (ax.get_xlabel(), ax.get_ylabel()) == (
        "time step (from 0)", "probability lost without it (percentage points)"
    )  # fmt: skip


def test_steps_of_a_picture_are_bars_beside_its_rows():
    picture = np.arange(12).reshape(4, 3)
    shown, ax = plots.important_steps(Occlusion(0, 1, 0.5, DROPS), "good", picture).axes
    np.testing.assert_array_equal(shown.images[0].get_array(), picture)
    assert [bar.get_width() for bar in ax.patches] == DROPS.tolist()
    assert [bar.get_y() + bar.get_height() / 2 for bar in ax.patches] == pytest.approx([0, 1, 2, 3])
    assert shown.get_xlabel() == "column of pixels" and shown.get_ylabel() == "time step: row of pixels"
    assert ax.get_xlabel() == "probability lost without it (percentage points)"


def test_validation_curves_are_those_of_the_logs(log):
    logs = [log, log[:2]]
    loss, accuracy = plots.validation_curves(logs, ["one", "two"]).axes
    for ax, key in ((loss, "validation_loss"), (accuracy, "validation_accuracy")):
        for line, records, name in zip(ax.lines, logs, ("one", "two")):
            assert points(line) == [[record["epoch"] for record in records], [record[key] for record in records]]
            assert line.get_label() == name
    check_words(loss, title="Validation loss", x="epoch", y="mean cross-entropy (nats)")
    check_words(accuracy, title="Validation accuracy", x="epoch", y="samples classified correctly (%)")


def test_a_confusion_matrix_draws_shares_of_its_rows():
    counts = np.array([[3, 1], [2, 2]])
    ax = plots.confusion_matrix(counts, ["a", "b"]).axes[0]
    np.testing.assert_allclose(ax.images[0].get_array(), [[0.75, 0.25], [0.5, 0.5]])
    check_words(ax, title="Confusion matrix of 8 samples", x="predicted class", y="true class")
