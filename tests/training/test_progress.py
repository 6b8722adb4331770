import io
import itertools
import re
from types import SimpleNamespace

import pytest

from gluon_lstm.training import Progress

RECORD = {
    "epoch": 3,
    "train_loss": 0.51234,
    "train_accuracy": 0.875,
    "validation_loss": 0.4,
    "validation_accuracy": 1.0,
    "learning_rate": 0.00123,
    "gradient_norm": 1.0,
    "seconds": 12.34,
    "samples_per_second": 4321.9,
    "best": True,
}


def show(stream, steps=5):
    """Shows an epoch of a number of steps, each of 10 samples."""
    progress = Progress(12, stream)
    with progress.epoch(3, 10 * steps) as tell:
        for step in range(1, steps + 1):
            tell(SimpleNamespace(samples=10 * step, loss=1 / step))
    progress.epoch_done(RECORD)
    return stream.getvalue()


def test_elsewhere_than_on_a_terminal_an_epoch_is_one_line():
    assert show(io.StringIO()) == (
        "epoch   3/12  loss 0.5123  accuracy  87.50%  validation loss 0.4000  accuracy 100.00%"
        "  rate 0.0012  12.3 s  4,322/s  best\n"
    )


@pytest.mark.parametrize("best", [True, False])
def test_the_line_says_whether_the_epoch_is_the_best(best):
    stream = io.StringIO()
    Progress(12, stream).epoch_done({**RECORD, "best": best})
    assert stream.getvalue().endswith("  best\n") is best


def test_a_terminal_gets_a_bar_that_leaves_nothing_but_the_line(terminal, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr("tqdm.std.time", itertools.count().__next__)  # seconds, so that every step is shown
    shown = show(terminal)
    frames = [frame for frame in shown.split("\r") if "| 30/50 [" in frame]
    assert frames
    for frame in frames:
        times, rate, loss = r"\[\d\d:\d\d<\d\d:\d\d", r" +\d+\.\d\d samples/s", r"loss 0\.3333\]"
        assert re.fullmatch(rf"epoch 3/12:  60%\|.*\| 30/50 {times}, {rate}, {loss}\s*", frame), frame
    assert shown.splitlines()[-1].rpartition("\r")[2].startswith("epoch   3/12  loss 0.5123")


def test_the_stream_is_standard_error(capsys):
    Progress(12).epoch_done(RECORD)
    captured = capsys.readouterr()
    assert (captured.out, captured.err[:12]) == ("", "epoch   3/12")
