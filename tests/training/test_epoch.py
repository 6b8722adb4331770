import math

import mxnet as mx
import numpy as np
import pytest

from gluon_lstm.data import Batch
from gluon_lstm.errors import DivergenceError
from gluon_lstm.training.epoch import Tally, train_epoch
from gluon_lstm.training.step import StepResult


def result(losses, predicted, labels, norm=None):
    """Returns a step's result; losses and predicted classes have one list a device."""
    return StepResult(
        [mx.nd.array(part) for part in losses],
        [mx.nd.one_hot(mx.nd.array(part), 3) for part in predicted],
        np.array(labels, np.int32),
        None if norm is None else mx.nd.array([norm]),
    )


def test_means_are_over_samples_and_norms_over_steps():
    tally = Tally()
    tally.add(result([[1.0, 2.0, 6.0]], [[0, 1, 2]], [0, 1, 1], norm=4.0), 0, 0.1)
    tally.add(result([[3.0]], [[2]], [2], norm=1.0), 1, 0.1)
    summary = tally.summary(rate=0.05, seconds=2.0)
    assert summary == (3.0, 0.75, 2.5, 0.05, 2.0, 4)
    assert tally.loss == 3.0


def test_devices_are_added_up_in_the_order_of_the_labels():
    tally = Tally()
    tally.add(result([[1.0, 2.0], [3.0]], [[0, 1], [2]], [0, 1, 2]), 0, 0.1)
    summary = tally.summary(0.1, 1.0)
    assert (summary.loss, summary.accuracy, summary.gradient_norm, summary.samples) == (2.0, 1.0, None, 3)


def test_a_new_tally_is_empty():
    assert (Tally().loss, Tally().samples) == (0.0, 0)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("what", ["loss", "gradient"])
def test_what_is_not_finite_stops_with_step_rate_and_advice(what, value):
    loss, norm = (value, 1.0) if what == "loss" else (1.0, value)
    with pytest.raises(DivergenceError) as caught:
        Tally().add(result([[0.5, loss]], [[0, 0]], [0, 0], norm), step=17, rate=0.0125)
    message = str(caught.value)
    assert f"step 17: the {what} is not finite at learning rate 0.0125; try a lower --learning-rate" in message
    assert "\n" not in message


@pytest.mark.parametrize("norm, advice", [(1.0, "or a lower --clip-norm"), (None, "or --clip-norm 1")])
def test_who_does_not_clip_is_told_to(norm, advice):
    with pytest.raises(DivergenceError) as caught:
        Tally().add(result([[math.nan]], [[0]], [0], norm), step=0, rate=0.1)
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


def run(count, steps, on_step=lambda tally: False, first_step=0):
    return train_epoch(batches(count), steps, lambda step: 1 / (1 + step), first_step, on_step)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 10])
def test_every_step_counts_once(count):
    steps = Steps()
    summary = run(count, steps, first_step=20)
    assert steps.rates == [1 / (21 + number) for number in range(count)]
    assert (summary.samples, summary.loss, summary.accuracy) == (count, (count - 1) / 2, 1 / count)
    assert summary.rate == steps.rates[-1]
    assert summary.seconds > 0


@pytest.mark.parametrize("last", [1, 2, 5])
def test_an_epoch_can_end_early_and_counts_what_it_did(last):
    calls = []
    summary = run(10, Steps(), lambda tally: calls.append(tally.samples) or len(calls) == last)
    assert (summary.samples, len(calls)) == (last, last)
    assert calls == sorted(calls)


@pytest.mark.parametrize("wrong", [0, 3, 9])
def test_divergence_names_the_step_that_diverged(wrong):
    with pytest.raises(DivergenceError, match=f"step {20 + wrong}: .* at learning rate {1 / (21 + wrong):.3g};"):
        run(10, Steps(wrong), first_step=20)
