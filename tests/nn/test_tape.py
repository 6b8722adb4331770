"""The tape: values are NumPy's, gradients are central differences."""

from __future__ import annotations

import numpy as np
import pytest
import tape
from tape import Var

OPERATIONS = {
    "+": lambda x, y: x + y,
    "- and its sign": lambda x, y: x - y - (-y),
    "*": lambda x, y: x * y * x,
    "/": lambda x, y: y / x,
    "numbers": lambda x, y: (1 - 2 * x + 3) / 4 + 1 / x - y * 0.5,
    "arrays": lambda x, y: np.arange(4.0) * x + np.ones((3, 1)) - y,
    "@": lambda x, y: x @ y.T @ x,
    "index": lambda x, y: x[1:, 2] * y[0, 0],
    "index twice": lambda x, y: x[[0, 0, 2]] * y[::-1],
    "row": lambda x, y: x[0] * y[1],
    "broadcast": lambda x, y: x[:1] * y[:, 1:2] + x[0] * y,
    "tanh": lambda x, y: tape.tanh(x * y),
    "sigmoid": lambda x, y: tape.sigmoid(3 * x - 2 * y),
    "relu": lambda x, y: tape.relu(x - y),
    "hard_sigmoid": lambda x, y: tape.hard_sigmoid(20 * (x - y)),
    "exp": lambda x, y: tape.exp(x * y),
    "sqrt": lambda x, y: tape.sqrt(x * y),
    "sum": lambda x, y: tape.sum(x * y, axis=0) * x,
    "mean": lambda x, y: tape.mean(x * y, axis=-1) * y,
    "max": lambda x, y: tape.max(x - y, axis=0) * y,
    "max of rows": lambda x, y: tape.max(x - y, axis=-1) * y,
    "concat": lambda x, y: tape.concat([x, y, x], axis=1) * tape.concat([y, x, x], axis=-1),
    "stack": lambda x, y: tape.stack([x, y, x]) * x,
    "stack inside": lambda x, y: tape.stack([x, y], axis=1) * y[0],
    "diamond": lambda x, y: (x * y) * (x * y + x),
}


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_gradients_are_central_differences(rng, operation):
    arrays = [rng.uniform(0.5, 1.5, (3, 4)) for _ in range(2)]
    variables = [Var(array) for array in arrays]
    output = operation(*variables)
    weights = rng.normal(size=output.shape)
    gradients = tape.gradients([output], [weights], variables)
    for index, gradient in enumerate(gradients):
        for place in np.ndindex(3, 4):
            sides = []
            for step in (1e-6, -1e-6):
                moved = [array.copy() for array in arrays]
                moved[index][place] += step
                sides.append((operation(*map(Var, moved)).value * weights).sum())
            assert gradient[place] == pytest.approx((sides[0] - sides[1]) / 2e-6, rel=1e-6, abs=1e-7)


@pytest.mark.parametrize("function, expected", [
    (tape.tanh, [-0.9640275800758169, 0.0, 0.46211715726000975]),
    (tape.sigmoid, [0.11920292202211755, 0.5, 0.6224593312018546]),
    (tape.relu, [0.0, 0.0, 0.5]),
    (tape.hard_sigmoid, [1 / 6, 0.5, 7 / 12]),
    (tape.exp, [0.1353352832366127, 1.0, 1.6487212707001282]),
    (lambda x: tape.sqrt(x * x + 1), [5**0.5, 1.0, 1.25**0.5]),
    (lambda x: tape.sum(x, axis=0), [-1.5]),
    (lambda x: tape.mean(x, axis=0), [-0.5]),
    (lambda x: tape.max(x, axis=0), [0.5]),
    (lambda x: tape.hard_sigmoid(10 * x), [0.0, 0.5, 1.0]),
])  # fmt: skip
def test_values(function, expected):
    np.testing.assert_allclose(function(Var([-2.0, 0.0, 0.5])).value, expected, rtol=1e-12)


def test_an_output_asked_for_twice_counts_twice():
    x = Var([2.0, 3.0])
    y = x * x
    (gradient,) = tape.gradients([y, y], [np.ones(2), np.full(2, 10.0)], [x])
    np.testing.assert_array_equal(gradient, 11 * 2 * x.value)


def test_what_has_no_part_in_the_outputs_has_a_gradient_of_zeros():
    x, other = Var([2.0, 3.0]), Var([1.0])
    np.testing.assert_array_equal(tape.gradients([x * 2], [np.ones(2)], [other])[0], [0.0])


def test_a_chain_longer_than_the_stack_is_deep():
    x = Var(1.0)
    y = x
    for _ in range(5000):
        y = y + x
    assert tape.gradients([y], [1.0], [x])[0] == 5001.0
