import errno
import os

import numpy as np
import pytest
from PIL import Image

from gluon_lstm.cli import find_lr
from gluon_lstm.cli.main import build_parser
from gluon_lstm.cli.options import read_config
from gluon_lstm.evaluation import plots


def arguments_of(options):
    """Returns the configuration and the arguments of a command line for ``find-lr``."""
    arguments = build_parser().parse_args(["find-lr", *map(str, options)])
    return read_config(arguments), arguments


def test_it_suggests_a_rate_and_draws_the_loss(cli, tmp_path):
    plot = tmp_path / "plots" / "rate.png"
    options = ("--steps", 30, "--limit-train", 60, "--batch-size", 20, "--hidden-size", 4)
    code, out, err = cli("find-lr", "--output", plot, *options)
    assert (code, err) == (0, "")
    rate, where = out.splitlines()
    # Net and batches by the same seed: what the range test comes to is printed, to two digits.
    assert rate == f"suggested: --learning-rate {find_lr._test(*arguments_of(options)).suggestion:.2g}"
    assert where == f"plot: {plot}"
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in plot.parent.iterdir()] == ["rate.png"]
    assert list((tmp_path / "work").iterdir()) == []


@pytest.mark.parametrize(
    "options, message",
    [
        (("--low", 0), "--low 0: must be above 0 and below --high 1"),
        (("--low", 2), "--low 2: must be above 0 and below --high 1"),
        (("--high", "inf"), "below --high inf, at most 1000"),
        (("--low", "nan"), "--low nan: must be"),
        (("--steps", 19), "--steps 19: must be at least 20"),
        (("--steps", "many"), "argument --steps: invalid int value: 'many'"),
        (("--hidden-size", 0), "--hidden-size 0: must be at least 1"),
        (("--dataset", "cats"), "--dataset cats: no such data set"),
        (("--learning-rate", "0.1"), "unrecognized arguments: --learning-rate 0.1"),
        (("--epochs", "3"), "unrecognized arguments: --epochs 3"),
        (("--folds", "5", "--fold", "9"), "--fold 9: needs a greater --folds; they count from 0"),
    ],
)
def test_bad_options(refuses, options, message):
    assert message in refuses("find-lr", *options)


@pytest.mark.parametrize(
    "output, reason",
    [
        ("file/a.png", "Not a directory"),
        ("file/more/a.png", "Not a directory"),
        ("folder", "Is a directory"),
        ("/dev/null", "Not a regular file"),
        (f"folder/{'x' * 250}", "File name too long"),
    ],
)
def test_a_plot_that_cannot_be_written_is_refused_before_the_test(refuses, tmp_path, monkeypatch, output, reason):
    (tmp_path / "work" / "file").touch()
    (tmp_path / "work" / "folder").mkdir()
    monkeypatch.setattr(find_lr, "_test", lambda *_: pytest.fail("it must not train"))
    line = refuses("find-lr", "--output", output)
    assert f": cannot be written ({reason}); choose another file" in line


@pytest.mark.parametrize("name", ["thesis.md", "picture.png", "empty.png"])
def test_a_file_that_is_no_plot_is_not_replaced(refuses, tmp_path, name):
    file = tmp_path / "work" / name
    file.touch() if name == "empty.png" else Image.new("L", (3, 3)).save(file, "png")
    before = file.read_bytes()
    line = refuses("find-lr", "--output", name)
    assert f"--output {name}: holds something else than a plot of find-lr" in line
    assert file.read_bytes() == before


def test_another_plot_of_ours_is_not_replaced(refuses, tmp_path):
    file = tmp_path / "work" / "confusion.png"
    plots.save(plots.confusion_matrix(np.eye(2, dtype=int), ("a", "b")), file)
    line = refuses("find-lr", "--output", file.name)
    assert f"--output {file.name}: holds something else than a plot of find-lr" in line


def test_an_earlier_plot_is_replaced(cli, tmp_path):
    options = ("--output", tmp_path / "rate.png", "--steps", 20, "--limit-train", 20, "--hidden-size", 2)
    assert [cli("find-lr", *options).code for _ in range(2)] == [0, 0]


@pytest.mark.parametrize("name", ["rate", "rate.jpg"])
def test_a_plot_of_another_kind_is_refused_before_the_test(refuses, monkeypatch, name):
    monkeypatch.setattr(find_lr, "_test", lambda *_: pytest.fail("it must not train"))
    line = refuses("find-lr", "--output", name)
    assert f"--output {name}: the plot is a PNG picture; give a name that ends in .png" in line


def test_a_disk_that_is_full_at_the_end(refuses, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("gluon_lstm.evaluation.plots.save", full)
    options = ("--output", "a.png", "--steps", 20, "--limit-train", 20, "--hidden-size", 2)
    assert "--output a.png: cannot be written (No space left on device)" in refuses("find-lr", *options)


def test_a_given_flag_without_effect_is_told(cli):
    options = ("--steps", 20, "--limit-train", 20, "--hidden-size", 2, "--momentum", 0.5)
    outcome = cli("find-lr", *options)
    assert outcome.code == 0
    assert "warning: --momentum has no effect: needs --optimizer sgd" in outcome.err.splitlines()


def test_options_of_a_run_are_read_from_its_file_and_ignored(cli, tmp_path):
    ignored = "epochs: 3, patience: 2, learning_rate: 0.5, checkpoint_every: 10m, keep_checkpoints: 3"
    (tmp_path / "c.yaml").write_text(f"training: {{{ignored}}}")
    options = ("--steps", 20, "--limit-train", 20, "--hidden-size", 2, "--config", tmp_path / "c.yaml")
    code, _, err = cli("find-lr", *options)
    assert code == 0 and "warning: " not in err


def test_a_run_that_skips_what_is_not_finite_has_a_range_test_too(cli, tmp_path):
    (tmp_path / "c.yaml").write_text("training: {on_divergence: skip, clip_norm: 0}\nmodel: {cell_activation: relu}")
    diverging = ("--low", 1, "--high", 1000, "--steps", 40, "--config", tmp_path / "c.yaml", "--view", "pixels")
    code, out, err = cli("find-lr", *diverging, "--limit-train", 60, "--batch-size", 20, "--hidden-size", 8)
    assert code == 0 and "warning: " not in err
    assert out.startswith("suggested: none\n") and "the loss fell at none of the rates that were tried" in err


@pytest.mark.parametrize("flag", ["--on-divergence", "--checkpoint-every", "--keep-checkpoints"])
def test_options_that_a_range_test_does_not_have(refuses, flag):
    assert f"unrecognized arguments: {flag}" in refuses("find-lr", flag, "1")
