import itertools
import math
from types import SimpleNamespace

import mxnet as mx
import numpy as np
import pytest

from gluon_lstm.data import Batch
from gluon_lstm.errors import DivergenceError
from gluon_lstm.rundir import Counts
from gluon_lstm.training import epoch
from gluon_lstm.training.epoch import LAG, Tally, train_epoch
from gluon_lstm.training.step import StepResult


def result(losses, predicted, labels, norm=None, weight=1.0):
    """Returns a step's result; losses and predicted classes have one list a device, ``weight`` is the second of two."""
    return StepResult(
        [mx.nd.array(part) for part in losses],
        [mx.nd.one_hot(mx.nd.array(part), 3) for part in predicted],
        np.array(labels, np.int32),
        None if norm is None else mx.nd.array([norm]),
        mx.nd.array([1.0, weight**2]),
    )


def test_means_are_over_samples_and_norms_over_steps():
    tally = Tally()
    tally.add(result([[1.0, 2.0, 6.0]], [[0, 1, 2]], [0, 1, 1], norm=4.0), 0, 0.1)
    tally.add(result([[3.0]], [[2]], [2], norm=1.0), 1, 0.1)
    counts = tally.read_all()
    assert (counts.mean_loss, counts.accuracy, counts.mean_norm, counts.samples) == (3.0, 0.75, 2.5, 4)
    assert tally.loss == 3.0


def test_a_tally_goes_on_from_counts(monkeypatch):
    monkeypatch.setattr(epoch, "time", SimpleNamespace(perf_counter=itertools.count(step=4.0).__next__))
    tally = Tally(Counts(samples=10, loss=20.0, correct=4, norms=6.0, normed=3, skipped=2, seconds=7.0))
    tally.start()
    tally.add(result([[1.0, 2.0]], [[0, 1]], [0, 0], norm=5.0), 4, 0.1)
    tally.add(result([], [], [])._replace(skipped=True), 5, 0.1)
    assert tally.read_all() == Counts(12, 23.0, 5, 11.0, 4, 3, 11.0)


def test_time_counts_from_the_start():
    assert Tally(Counts(seconds=7.0)).read_all().seconds == 7.0


def test_results_are_read_late_and_all_of_them_on_demand():
    tally, seen = Tally(), []
    for step in range(2 * LAG):
        tally.add(result([[1.0]], [[0]], [0]), step, 0.1)
        seen.append(tally.samples)
    assert seen == [0] * (2 * LAG - 1) + [LAG]
    assert tally.read_all().samples == 2 * LAG


def test_devices_are_added_up_in_the_order_of_the_labels():
    tally = Tally()
    tally.add(result([[1.0, 2.0], [3.0]], [[0, 1], [2]], [0, 1, 2]), 0, 0.1)
    counts = tally.read_all()
    assert (counts.mean_loss, counts.accuracy, counts.mean_norm, counts.samples) == (2.0, 1.0, None, 3)


def test_a_new_tally_is_empty():
    assert (Tally().loss, Tally().samples) == (0.0, 0)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("what", ["loss is", "gradient is", "weights are"])
def test_what_is_not_finite_stops_with_step_from_1_rate_and_advice(what, value):
    loss, norm, weight = (value if what.startswith(name) else 1.0 for name in ("loss", "gradient", "weights"))
    tally = Tally()
    tally.add(result([[0.5, loss]], [[0, 0]], [0, 0], norm, weight), step=17, rate=0.0125)
    with pytest.raises(DivergenceError) as caught:
        tally.read_all()
    message = str(caught.value)
    assert f"step 18: the {what} not finite at learning rate 0.0125; try a lower --learning-rate" in message
    assert "\n" not in message


@pytest.mark.parametrize("norm, advice", [(1.0, "or a lower --clip-norm"), (None, "or --clip-norm 1")])
def test_who_does_not_clip_is_told_to(norm, advice):
    tally = Tally()
    tally.add(result([[math.nan]], [[0]], [0], norm), step=0, rate=0.1)
    with pytest.raises(DivergenceError) as caught:
        tally.read_all()
    assert str(caught.value).endswith(f"try a lower --learning-rate {advice}")


def batches(count):
    """Yields batches whose only sample has the batch's number as its label."""
    for number in range(count):
        yield Batch(np.zeros((1, 1, 1), np.float32), None, np.array([number], np.int32), np.array([number]))


class Steps:
    """Takes steps that leave the batch's number as their loss, and remembers the rates.

    Args:
        wrong: number of the step whose loss is not finite.
    """

    def __init__(self, wrong=None):
        self.rates, self.wrong = [], wrong

    def __call__(self, batch, rate):
        self.rates.append(rate)
        number = int(batch.labels[0])
        return result([[math.nan if number == self.wrong else number]], [[0]], batch.labels)


def run(count, steps, on_step=lambda: False, first_step=0):
    tally = Tally()
    train_epoch(batches(count), steps, lambda step: 1 / (1 + step), first_step, tally, on_step)
    return tally.read_all()


@pytest.mark.parametrize("count", [1, 2, 3, 4, 10])
def test_every_step_counts_once(count):
    steps = Steps()
    counts = run(count, steps, first_step=20)
    assert steps.rates == [1 / (21 + number) for number in range(count)]
    assert (counts.samples, counts.mean_loss, counts.accuracy) == (count, (count - 1) / 2, 1 / count)
    assert counts.seconds > 0


@pytest.mark.parametrize("last", [1, 2, 5])
def test_an_epoch_can_end_early_and_counts_what_it_did(last):
    calls = []
    assert run(10, Steps(), lambda: calls.append(None) or len(calls) == last).samples == len(calls) == last


@pytest.mark.parametrize("wrong", [0, 3, 9])
def test_divergence_names_the_step_that_diverged(wrong):
    with pytest.raises(DivergenceError, match=f"step {21 + wrong}: .* at learning rate {1 / (21 + wrong):.3g};"):
        run(10, Steps(wrong), first_step=20)
