"""Every update rule against its formula, in NumPy and float64."""

import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, gluon

from gluon_lstm.config import TrainingConfig
from gluon_lstm.training.optimizers import count_updates, make_trainer, measure_clipping, set_updates

SHAPES = {"weight": (3, 2), "bias": (4,)}
RATES = (0.1, 0.05, 0.2, 0.01, 0.1)
BATCH = 8
TOLERANCE = {"rtol": 1e-6, "atol": 2e-5}
"""MXNet computes Adam's second moment as g² - 0.999 (g² - v) in 32 bits, off by up to 6e-5 of itself and so each
step by 3e-5 of itself; all steps together go about as far as their rates, 0.46."""
DECAY = 0.3


def adam(decay=0.0):
    """Kingma and Ba (2015), with the bias correction moved into the rate, as at the end of their section 2."""

    def update(weight, gradient, rate, step, state):
        state["m"] = 0.9 * state.get("m", 0) + 0.1 * gradient
        state["v"] = 0.999 * state.get("v", 0) + 0.001 * gradient**2
        corrected = rate * np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
        return weight - corrected * state["m"] / (np.sqrt(state["v"]) + 1e-8) - rate * decay * weight

    return update


def sgd(weight, gradient, rate, step, state):
    state["v"] = 0.7 * state.get("v", 0) - rate * gradient
    return weight + state["v"]


def rmsprop(weight, gradient, rate, step, state):
    state["n"] = 0.9 * state.get("n", 0) + 0.1 * gradient**2
    return weight - rate * gradient / np.sqrt(state["n"] + 1e-8)


def penalised(rule):
    """A rule on the loss plus an L2 penalty."""
    return lambda weight, gradient, *rest: rule(weight, gradient + DECAY * weight, *rest)


RULES = {
    "adam": ("adam", 0.0, adam()),
    "adam with decay": ("adam", DECAY, penalised(adam())),
    "adamw": ("adamw", 0.0, adam()),
    "adamw with decay": ("adamw", DECAY, adam(DECAY)),
    "sgd": ("sgd", 0.0, sgd),
    "sgd with decay": ("sgd", DECAY, penalised(sgd)),
    "rmsprop": ("rmsprop", 0.0, rmsprop),
    "rmsprop with decay": ("rmsprop", DECAY, penalised(rmsprop)),
}


def draw(rng):
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in SHAPES.items()}


def make_parameters(values):
    parameters = gluon.ParameterDict()
    for name, value in values.items():
        parameters.get(name, shape=value.shape).initialize(mx.init.Constant(mx.nd.array(value)))
    return parameters


def take_step(trainer, parameters, gradients, rate):
    """Lets a trainer update by the mean of BATCH gradients, whose sum is given."""
    with autograd.record():
        loss = sum((parameters[name].data() * mx.nd.array(gradient)).sum() for name, gradient in gradients.items())
    loss.backward()
    trainer.set_learning_rate(rate)
    trainer.step(BATCH)


# Of gradients as small as 1e-7, the rules' epsilon is a large part; SGD, which has none, would go nowhere with them.
@pytest.mark.parametrize(
    "case, scale", [*((case, 1.0) for case in RULES), *((case, 1e-7) for case in RULES if case != "sgd")]
)
def test_a_rule_follows_its_formula(case, scale, rng):
    name, decay, rule = RULES[case]
    weights = draw(rng)
    parameters = make_parameters(weights)
    trainer = make_trainer(parameters, TrainingConfig(optimizer=name, weight_decay=decay, momentum=0.7))
    states = {key: {} for key in SHAPES}
    for step, rate in enumerate(RATES, 1):
        gradients = {key: gradient * np.float32(scale * BATCH) for key, gradient in draw(rng).items()}
        take_step(trainer, parameters, gradients, rate)
        for key, gradient in gradients.items():
            mean = gradient.astype(np.float64) / BATCH
            weights[key] = rule(weights[key].astype(np.float64), mean, rate, step, states[key])
            np.testing.assert_allclose(parameters[key].data().asnumpy(), weights[key], **TOLERANCE)


@pytest.mark.parametrize("decay", [0.0, DECAY])
@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_gradients_scaled_on_the_way_are_gradients_scaled_before(name, decay, rng):
    weights, gradients, scale = draw(rng), draw(rng), np.float32(0.03)
    found = []
    for on_the_way in (False, True):
        parameters = make_parameters(weights)
        trainer = make_trainer(parameters, TrainingConfig(optimizer=name, weight_decay=decay))
        if on_the_way:
            trainer.optimizer.gradient_scale = mx.nd.array([scale])
        for rate in RATES:
            take_step(trainer, parameters, {k: g * (1 if on_the_way else scale) for k, g in gradients.items()}, rate)
        found.append(np.concatenate([parameters[key].data().asnumpy().ravel() for key in SHAPES]))
    np.testing.assert_allclose(*found, rtol=1e-5, atol=1e-6)


def test_many_parameters_are_all_updated(rng):
    values = {f"p{index}": rng.normal(size=3).astype(np.float32) for index in range(101)}
    parameters = make_parameters(values)
    trainer = make_trainer(parameters, TrainingConfig(optimizer="adam"))
    take_step(trainer, parameters, {name: np.full(3, 2.0, np.float32) for name in values}, 0.5)
    for name, value in values.items():
        np.testing.assert_allclose(parameters[name].data().asnumpy(), value - 0.5, rtol=1e-5, atol=1e-5)


def clip(arrays, limit):
    """Returns the norm of arrays, and the arrays scaled to be within a limit."""
    gradients = [mx.nd.array(array) for array in arrays]
    norm, scale = measure_clipping(gradients, limit)
    return norm, [(gradient * scale).asnumpy() for gradient in gradients]


def test_large_gradients_are_scaled_together(rng):
    arrays = list(draw(rng).values())
    expected = np.sqrt(sum((array.astype(np.float64) ** 2).sum() for array in arrays))
    norm, clipped = clip(arrays, 0.5)
    assert norm.shape == (1,)
    assert norm.asscalar() == pytest.approx(expected, rel=1e-6)
    for array, found in zip(arrays, clipped):
        np.testing.assert_allclose(found, array * 0.5 / expected, rtol=1e-5)


@pytest.mark.parametrize("size", [0.0, 1e-30, 1e-3, 0.999])
def test_small_gradients_stay_as_they_are(size):
    arrays = [np.array([0.0, size], np.float32), np.zeros((2, 2), np.float32)]
    norm, clipped = clip(arrays, 1.0)
    assert norm.asscalar() <= 1.0
    for array, found in zip(arrays, clipped):
        np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_the_norm_shows_a_gradient_that_is_not_finite(value):
    norm, _ = clip([np.array([1.0, value], np.float32)], 1.0)
    assert not np.isfinite(norm.asscalar())


@pytest.mark.parametrize("rule", ["adam", "sgd"])
def test_updates_are_what_they_were_set_to_before_any_is_made_and_go_on_from_there(rule):
    """A checkpoint may be written before the next update: that of a batch which is left out, or of a rollback."""
    block = gluon.nn.Dense(2, in_units=3)
    block.initialize()
    trainer = make_trainer(block.collect_params(), TrainingConfig(optimizer=rule))
    for updates in (7, 3):  # as after a rollback, to fewer
        set_updates(trainer, updates)
        assert count_updates(trainer) == updates
        with autograd.record():
            loss = block(mx.nd.ones((4, 3))).sum()
        loss.backward()
        trainer.step(4)
        assert count_updates(trainer) == updates + 1
