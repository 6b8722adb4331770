"""Figures: what they draw, and that they draw it without a warning."""

from __future__ import annotations

import matplotlib
import numpy as np
import pytest
from matplotlib import pyplot
from PIL import Image

from gluon_lstm.evaluation import plots
from gluon_lstm.evaluation.explanations import GateTrace
from gluon_lstm.evaluation.plots import classes as classes_of_plots
from gluon_lstm.nn import Gates

pytestmark = pytest.mark.filterwarnings("error")


def texts_in(ax):
    """Returns the texts written into the cells of an axes."""
    return [text.get_text() for text in ax.texts]


def test_learning_curves_show_both_splits_and_the_best_epoch(log):
    loss, accuracy = plots.learning_curves(log).axes
    for ax, key in ((loss, "loss"), (accuracy, "accuracy")):
        curves = {line.get_label(): line for line in ax.lines}
        for split in ("train", "validation"):
            assert curves[split].get_ydata().tolist() == [record[f"{split}_{key}"] for record in log]
            assert curves[split].get_xdata().tolist() == [1, 2, 3, 4, 5]
        assert list(curves["best epoch (3)"].get_xdata()) == [3, 3]
        assert ax.get_xlabel() == "epoch" and ax.get_ylabel() and ax.get_title()
    assert curves["train"].get_linestyle() != curves["validation"].get_linestyle()


def test_one_epoch_is_a_marked_point(log, tmp_path):
    figure = plots.learning_curves(log[:1])
    plots.save(figure, tmp_path / "one.png")
    assert figure.axes[0].lines[0].get_marker() == "o"
    assert [tick for tick in figure.axes[0].get_xticks() if 0.5 <= tick <= 1.5] == [1]


def test_missing_values_and_many_epochs_are_drawn(log, tmp_path):
    records = [{**log[0], "epoch": epoch, "validation_loss": None, "best": False} for epoch in range(1, 101)]
    figure = plots.learning_curves(records)
    plots.save(figure, tmp_path / "many.png")
    assert np.isnan(figure.axes[0].lines[1].get_ydata()).all()
    assert len(figure.axes[0].lines) == 2, "no best epoch to mark"


def test_range_test_marks_the_suggested_rate(tmp_path):
    figure = plots.learning_rate_range([1e-4, 1e-3, 1e-2], [2.3, 1.5, 4.0], 1e-3)
    plots.save(figure, tmp_path / "range.png")
    (ax,) = figure.axes
    assert ax.get_xscale() == "log" and ax.get_xlabel() == "learning rate"
    assert any(1e-3 in line.get_xdata() and len(line.get_xdata()) == 2 for line in ax.lines)


@pytest.mark.parametrize("classes", [1, 2, 10, 25, 100])
def test_confusion_matrix_renders(classes, tmp_path):
    counts = np.random.default_rng(0).integers(0, 5, (classes, classes)) + 90 * np.eye(classes, dtype=int)
    figure = plots.confusion_matrix(counts, [f"class {index}" for index in range(classes)])
    plots.save(figure, tmp_path / "matrix.png")
    ax = figure.axes[0]
    assert len(texts_in(ax)) == (np.count_nonzero(counts) if classes <= classes_of_plots.COUNTS_UP_TO else 0)
    assert [label.get_text() for label in ax.get_yticklabels()] == [f"class {index}" for index in range(classes)]
    with Image.open(tmp_path / "matrix.png") as image:
        assert max(image.size) < 2400


def test_class_labels_of_a_hundred_classes_do_not_overlap(tmp_path):
    figure = plots.confusion_matrix(np.eye(100, dtype=int), [f"class {index}" for index in range(100)])
    plots.save(figure, tmp_path / "matrix.png")
    boxes = [label.get_window_extent() for label in figure.axes[0].get_yticklabels()]
    assert all(upper.y0 >= lower.y1 - 1 for upper, lower in zip(boxes, boxes[1:]))


def test_cells_hold_counts_and_shares():
    ax = plots.confusion_matrix(np.array([[3, 1], [0, 0]]), ["a", "b"]).axes[0]
    assert texts_in(ax) == ["3\n75.0%", "1\n25.0%"]
    assert ax.images[0].get_array().mask.tolist() == [[False, False], [True, True]]


@pytest.mark.parametrize("count", [1, 7])
def test_wrong_samples_are_drawn_under_their_titles(count, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (count, 8, 5)).astype(np.uint8)
    titles = [f"true a\npredicted b\n{index}" for index in range(count)]
    figure = plots.most_confidently_wrong(images, titles)
    plots.save(figure, tmp_path / "wrong.png")
    drawn = [ax for ax in figure.axes if ax.images]
    assert [ax.get_title() for ax in drawn] == titles
    np.testing.assert_array_equal([ax.images[0].get_array() for ax in drawn], images)


def test_class_names_are_text_whatever_they_hold(tmp_path):
    names = ["$\\frac{1}{0}$", "猫 and 狗", "a\nb\tc\x07", "x" * 500, "", "😀"]
    figure = plots.confusion_matrix(np.eye(6, dtype=int), names)
    plots.save(figure, tmp_path / "odd.png")
    labels = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert labels == ["$\\frac{1}{0}$", "猫 and 狗", "a b c", "x" * (plots.NAME_WIDTH - 1) + "…", "", "😀"]


def test_characters_without_a_font_are_named():
    assert plots.missing_characters(["plain", "é", "\U000f0000", "a\U000f0000"]) == "\U000f0000"
    assert plots.missing_characters(["plain\nname"]) == ""


def test_an_installed_chinese_font_is_used(monkeypatch):
    monkeypatch.setattr(plots.style.font_manager, "get_font_names", lambda: ["SimHei", "Noto Sans CJK SC", "Other"])
    monkeypatch.setattr(plots.style, "fonts", plots.style.fonts.__wrapped__)
    assert plots.style.fonts() == ("DejaVu Sans", "Noto Sans CJK SC")


@pytest.mark.parametrize("width, short", [(3, "猫…"), (5, "猫狗…"), (6, "猫狗鸟")])
def test_a_chinese_character_takes_two_columns(width, short):
    assert plots.short_name("猫狗鸟", width) == short


def test_nothing_global_is_changed(log, tmp_path):
    before = dict(matplotlib.rcParams)
    plots.save(plots.learning_curves(log), tmp_path / "curves.png")
    assert dict(matplotlib.rcParams) == before
    assert pyplot.get_fignums() == []


def test_a_figure_that_is_drawn_once_looks_as_matplotlib_saves_it(log, tmp_path):
    plots.save(plots.learning_curves(log), tmp_path / "once.png")
    with plots.style.style():
        plots.learning_curves(log).savefig(tmp_path / "twice.png")
    with Image.open(tmp_path / "once.png") as once, Image.open(tmp_path / "twice.png") as twice:
        np.testing.assert_array_equal(np.asarray(once), np.asarray(twice.convert("RGB")))
        assert once.info["dpi"] == pytest.approx(twice.info["dpi"], abs=0.1)


@pytest.mark.parametrize("tokens", [(), ("W" * 30,) * plots.samples.STEPS_NAMED], ids=["numbers", "words"])
def test_the_labels_of_gates_are_inside_the_figure_and_apart(tokens, tmp_path):
    rng = np.random.default_rng(0)
    steps = plots.samples.STEPS_NAMED
    trace = GateTrace(0, 2, 1, "backward", Gates(*rng.random((4, steps, 128))), *10 * rng.normal(size=(2, steps, 128)))
    figure = plots.gates(trace, tokens)
    plots.save(figure, tmp_path / "gates.png")
    boxes = [ax.get_tightbbox() for ax in figure.axes[:6]]
    assert all(0 <= box.x0 and box.x1 <= figure.bbox.x1 and 0 <= box.y0 and box.y1 <= figure.bbox.y1 for box in boxes)
    assert not any(box.overlaps(other) for n, box in enumerate(boxes) for other in boxes[:n])
