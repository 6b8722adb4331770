import mxnet as mx
import numpy as np
import pytest
from mxnet import gluon

from gluon_lstm.training.averaging import MovingAverage

EVERY = MovingAverage.INTERVAL


@pytest.fixture(params=[(mx.cpu(0),), (mx.cpu(1), mx.cpu(2))], ids=["one device", "two devices"])
def parameters(request):
    """One parameter of two numbers, at first zero, on one device or two."""
    made = gluon.ParameterDict()
    made.get("weight", shape=(2,)).initialize(mx.init.Zero(), ctx=list(request.param))
    return made


def values(parameters):
    """Returns the parameter on each device."""
    return [array.asnumpy().tolist() for array in parameters["weight"].list_data()]


def averaged(average, parameters):
    with average.applied():
        first, *others = values(parameters)
    assert all(other == first for other in others)
    return first


def move(parameters, average, *weights):
    """Sets the parameter, then takes note of a step, for each of the weights in turn."""
    for weight in weights:
        parameters["weight"].set_data(mx.nd.array([weight, -weight]))
        average.update()


def test_the_average_follows_its_formula(parameters, rng):
    average = MovingAverage(parameters, decay=0.97)
    expected = 0.0
    for update in range(1, 30):
        weights = rng.normal(size=EVERY)
        move(parameters, average, *weights)
        decay = min(0.97**EVERY, update / (update + 9))
        expected = decay * expected + (1 - decay) * weights[-1]
        assert averaged(average, parameters) == pytest.approx([expected, -expected], abs=1e-6)


def test_the_average_of_what_stays_is_what_stays(parameters):
    parameters["weight"].set_data(mx.nd.array([3.0, -3.0]))
    average = MovingAverage(parameters, decay=0.9)
    move(parameters, average, *[3.0] * 5 * EVERY)
    assert averaged(average, parameters) == pytest.approx([3.0, -3.0])


def test_between_two_updates_the_average_rests(parameters):
    average = MovingAverage(parameters, decay=0.9)
    move(parameters, average, *[1.0] * EVERY)
    before = averaged(average, parameters)
    move(parameters, average, *[5.0] * (EVERY - 1))
    assert averaged(average, parameters) == before


def test_before_the_first_update_the_weights_are_used(parameters):
    average = MovingAverage(parameters, decay=0.9)
    move(parameters, average, *[5.0] * (EVERY - 1))
    assert averaged(average, parameters) == [5.0, -5.0]
    move(parameters, average, 5.0)
    assert averaged(average, parameters) == pytest.approx([4.5, -4.5])


def test_the_first_updates_forget_the_initial_weights(parameters):
    average = MovingAverage(parameters, decay=0.99999)
    move(parameters, average, *[1.0] * 40 * EVERY)
    assert averaged(average, parameters)[0] > 0.99


@pytest.mark.parametrize("error", [None, ValueError])
def test_the_weights_come_back(parameters, error):
    average = MovingAverage(parameters, decay=0.9)
    move(parameters, average, *np.arange(1.0, 2 * EVERY + 1))
    before = values(parameters)
    if error:
        with pytest.raises(error), average.applied():
            raise error
    else:
        with average.applied():
            assert values(parameters) != before
    assert values(parameters) == before


def test_the_average_of_a_weight_that_never_changes_is_that_weight_to_the_bit():
    parameters = gluon.ParameterDict()
    weight = parameters.get("weight", shape=(50, 40), init=mx.init.Normal(1), grad_req="null")
    parameters.initialize()
    average = MovingAverage(parameters, 0.99)
    before = weight.data().asnumpy()
    for _ in range(300):
        average.update()
    with average.applied():
        np.testing.assert_array_equal(weight.data().asnumpy(), before)
