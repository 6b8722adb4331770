"""Joins of features against NumPy's: stacks where all are of one width, and else blocks that divide each width."""

from __future__ import annotations

import mxnet as mx
import numpy as np
import pytest

from gluon_lstm.nn.graphs import join_features

WIDTHS = [(8, 8), (17, 1), (34, 2), (48, 16), (128, 16), (300, 15), (9, 8), (5, 5, 5), (16, 48, 8), (7, 2, 4), (6,)]

each_join = pytest.mark.parametrize("widths", WIDTHS, ids=str)
each_axis = pytest.mark.parametrize("axis", [1, 2])


def draw(rng, widths, axis):
    """Returns arrays of the widths, with ``axis`` axes before the last, and weights of their join's elements."""
    before = (4, 3)[:axis]
    arrays = [rng.normal(size=(*before, width)).astype(np.float32) for width in widths]
    return arrays, rng.normal(size=(*before, sum(widths))).astype(np.float32)


def check(found, gradients, arrays, weights):
    """Asserts that a join is that of NumPy, and that each array's gradient is its part of the weights, to the bit."""
    np.testing.assert_array_equal(found.asnumpy(), np.concatenate(arrays, axis=-1))
    parts = np.split(weights, np.cumsum([array.shape[-1] for array in arrays])[:-1], axis=-1)
    for gradient, part in zip(gradients, parts):
        np.testing.assert_array_equal(gradient.asnumpy(), part)


@each_join
@each_axis
def test_arrays(rng, widths, axis):
    arrays, weights = draw(rng, widths, axis)
    inputs = [mx.nd.array(array) for array in arrays]
    for array in inputs:
        array.attach_grad()
    with mx.autograd.record():
        joined = join_features(mx.nd, *inputs, axis=axis, widths=widths)
    joined.backward(mx.nd.array(weights))
    check(joined, [array.grad for array in inputs], arrays, weights)


@each_join
@each_axis
def test_symbols(rng, widths, axis):
    arrays, weights = draw(rng, widths, axis)
    names = [f"array{number}" for number in range(len(widths))]
    # A graph of one variable could not be run: MXNet needs an operator.
    graph = mx.sym.identity(join_features(mx.sym, *map(mx.sym.var, names), axis=axis, widths=widths))
    inputs = {name: mx.nd.array(array) for name, array in zip(names, arrays)}
    gradients = {name: mx.nd.zeros(array.shape) for name, array in zip(names, arrays)}
    executor = graph.bind(mx.cpu(), inputs, gradients)
    (joined,) = executor.forward(is_train=True)
    executor.backward(mx.nd.array(weights))
    check(joined, [gradients[name] for name in names], arrays, weights)


@each_axis
def test_widths_need_not_be_given_where_all_are_the_same(rng, axis):
    arrays, _ = draw(rng, (5, 5, 5), axis)
    joined = join_features(mx.nd, *map(mx.nd.array, arrays), axis=axis)
    np.testing.assert_array_equal(joined.asnumpy(), np.concatenate(arrays, axis=-1))
