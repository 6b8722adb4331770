import re

import pytest


def test_it_suggests_a_rate_and_draws_the_loss(cli, tmp_path):
    plot = tmp_path / "plots" / "rate.png"
    options = ("--steps", 30, "--limit-train", 60, "--batch-size", 20, "--hidden-size", 4)
    code, out, err = cli("find-lr", "--output", plot, *options)
    assert (code, err) == (0, "")
    rate, where = out.splitlines()
    assert 1e-5 <= float(re.fullmatch(r"suggested: --learning-rate (\S+)", rate).group(1)) <= 1.0
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
        (("--steps", 1), "--steps 1: must be at least 2"),
        (("--steps", "many"), "argument --steps: invalid int value: 'many'"),
        (("--hidden-size", 0), "--hidden-size 0: must be at least 1"),
        (("--dataset", "cats"), "--dataset cats: no such data set"),
    ],
)
def test_bad_options(refuses, options, message):
    assert message in refuses("find-lr", *options)


def test_a_plot_that_cannot_be_written(refuses, tmp_path):
    (tmp_path / "file").touch()
    options = ("--steps", 2, "--limit-train", 20, "--hidden-size", 2)
    assert "a.png: cannot be written (" in refuses("find-lr", "--output", tmp_path / "file" / "a.png", *options)
