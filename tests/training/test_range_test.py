import math
from types import SimpleNamespace

import mxnet as mx
import numpy as np
import pytest

from gluon_lstm.errors import DivergenceError
from gluon_lstm.nn import build_net
from gluon_lstm.training import Stepper, range_test


class Losses:
    """A stepper whose losses follow a function of the rate."""

    def __init__(self, loss_at):
        self.loss_at, self.rates = loss_at, []

    def step(self, batch, rate):
        self.rates.append(rate)
        losses = [mx.nd.array([self.loss_at(rate)] * 2), mx.nd.array([self.loss_at(rate)])]
        return SimpleNamespace(losses=losses, skipped=False)


def run(loss_at, steps=5, smoothing=0.0, batches=100):
    return range_test(Losses(loss_at), range(batches), 1e-4, 1.0, steps, smoothing)


def test_rates_rise_by_a_constant_factor():
    found = run(lambda rate: 1.0)
    assert found.rates == pytest.approx([1e-4, 1e-3, 1e-2, 1e-1, 1.0])
    assert found.losses == pytest.approx([1.0] * 5)


def test_the_suggestion_is_where_the_loss_falls_fastest():
    found = run(lambda rate: 2 - math.tanh(3 * (math.log10(rate) + 1.5)) + 0.5, steps=81)
    assert math.log10(found.suggestion) == pytest.approx(-1.5, abs=0.05)


@pytest.mark.parametrize("middle, is_at_an_end", [(-1.5, False), (-4.5, True), (0.5, True)])
def test_a_suggestion_at_an_end_of_the_rates_is_told(middle, is_at_an_end):
    found = run(lambda rate: 3 - math.tanh(math.log10(rate) - middle), steps=81)
    assert found.is_at_an_end == is_at_an_end


def test_noise_of_the_first_steps_is_no_fall():
    stepper = Losses(lambda rate: 9.0 if rate == 1e-4 else 3 - math.tanh(3 * (math.log10(rate) + 1.5)))
    found = range_test(stepper, range(100), 1e-4, 1.0, 81, 0.9)
    assert -1.6 < math.log10(found.suggestion) < -0.9  # the average lags behind


@pytest.mark.parametrize("seed", range(5))
def test_noise_between_steps_is_no_fall(seed):
    rng = np.random.default_rng(seed)
    stepper = Losses(lambda rate: 3 - math.tanh(math.log10(rate) + 1.5) + rng.normal(0, 0.2))
    found = range_test(stepper, range(200), 1e-5, 1.0, 200, 0.9)
    assert -2.3 < math.log10(found.suggestion) < -0.7


def test_the_loss_is_smoothed_without_a_bias_towards_zero():
    losses = {-4: 1.0, -2: 2.0, 0: 4.0}
    found = run(lambda rate: losses[round(math.log10(rate))], steps=3, smoothing=0.5)
    assert found.losses == pytest.approx([1.0, (0.5 * 1 + 2) / 1.5, (0.25 * 1 + 0.5 * 2 + 4) / 1.75])


@pytest.mark.parametrize("loss", [4.5, math.nan, math.inf])
def test_it_stops_when_the_loss_runs_away(loss):
    stepper = Losses(lambda rate: loss if rate > 0.05 else 1.0)
    found = range_test(stepper, range(100), 1e-4, 1.0, 5, 0.0)
    assert found.rates == pytest.approx([1e-4, 1e-3, 1e-2])
    assert len(stepper.rates) == 4


@pytest.mark.parametrize(
    "loss_at",
    [
        lambda rate: 1.0 if rate < 2e-4 else math.nan,
        lambda rate: 3 + 0.1 * math.log10(rate),
        lambda rate: 1.0,
    ],
    ids=["runs away at once", "only rises", "stays"],
)
def test_where_the_loss_never_fell_no_rate_is_suggested(loss_at):
    found = run(loss_at, steps=40)
    assert found.rates and found.suggestion is None


def test_a_real_net(splits, make_config):
    config = make_config(clip_norm=0.0)
    net = build_net(config.model, splits.train.step_shape, 4, [mx.cpu()])
    everything = splits.train.batch(np.arange(50))
    found = range_test(Stepper(net, config.training, [mx.cpu()]), [everything] * 60, 1e-5, 1.0, 60)
    assert 1e-4 < found.suggestion < 1.0
    assert min(found.losses) < 0.9 * found.losses[0]


def test_a_batch_that_a_stepper_leaves_out_ends_it_too(splits, make_config):
    config = make_config(on_divergence="skip")
    net = build_net(config.model, splits.train.step_shape, 4, [mx.cpu()])
    whole = splits.train.batch(np.arange(50))
    broken = whole._replace(inputs=np.full_like(whole.inputs, np.inf))
    stepper = Stepper(net, config.training, [mx.cpu()])
    assert len(range_test(stepper, [whole] * 3 + [broken] * 3, 1e-5, 1e-3, 6).rates) == 3
    with pytest.raises(DivergenceError, match="not finite at learning rate 1e-05; try a smaller --low"):
        range_test(stepper, [broken] * 3, 1e-5, 1e-3, 3)


def test_a_first_loss_that_is_not_finite_is_an_error():
    with pytest.raises(DivergenceError, match="not finite at learning rate 0.0001; try a smaller --low"):
        run(lambda rate: math.nan)
