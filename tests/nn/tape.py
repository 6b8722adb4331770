"""Reverse-mode differentiation over float64 NumPy arrays, so that the oracle is written forward alone.

A ``Var`` holds a value and, for each variable it was computed from, the function that
turns its own gradient into that one's. ``gradients`` walks them back from the end.
The functions carry the names NumPy has for them.
"""

from __future__ import annotations

from typing import Callable, List, Sequence, Tuple

import numpy as np


class Var:
    """A value that remembers how it came about.

    Args:
        value: numbers.
        sources: the variables it was computed from, each with its function from gradient to gradient.
    """

    __array_ufunc__ = None  # so that array + Var is Var.__radd__, and not an array of Vars

    def __init__(self, value, sources: Sequence[Tuple[Var, Callable]] = ()):
        self.value = np.asarray(value, np.float64)
        self.sources = sources

    @property
    def shape(self) -> Tuple[int, ...]:
        """The value's shape."""
        return self.value.shape

    @property
    def T(self) -> Var:
        """The transposed matrix."""
        return Var(self.value.T, [(self, lambda d: d.T)])

    def __add__(self, other):
        other = as_var(other)
        return Var(self.value + other.value, [(self, lambda d: d), (other, lambda d: d)])

    def __neg__(self):
        return Var(-self.value, [(self, lambda d: -d)])

    def __sub__(self, other):
        return self + -as_var(other)

    def __rsub__(self, other):
        return -self + other

    def __mul__(self, other):
        other = as_var(other)
        return Var(self.value * other.value, [(self, lambda d: d * other.value), (other, lambda d: d * self.value)])

    def __truediv__(self, other):
        other = as_var(other)
        value = self.value / other.value
        return Var(value, [(self, lambda d: d / other.value), (other, lambda d: -d * value / other.value)])

    def __rtruediv__(self, other):
        return as_var(other) / self

    def __matmul__(self, other):
        """Multiplies two matrices."""
        return Var(
            self.value @ other.value,
            [(self, lambda d: d @ other.value.T), (other, lambda d: self.value.T @ d)],
        )

    def __getitem__(self, key):
        """Takes rows by a list of numbers, or any part by integers and slices."""

        def back(d):
            scattered = np.zeros_like(self.value)
            if isinstance(key, list):
                np.add.at(scattered, key, d)  # it may name a row twice
            else:
                scattered[key] = d
            return scattered

        return Var(self.value[key], [(self, back)])

    __radd__ = __add__
    __rmul__ = __mul__


def as_var(value) -> Var:
    """Returns numbers as a variable, which for a variable is itself."""
    return value if isinstance(value, Var) else Var(value)


def _elementwise(x: Var, value, slope) -> Var:
    """Returns a function of each element, whose derivative there is ``slope``."""
    return Var(value, [(x, lambda d: d * slope)])


def tanh(x: Var) -> Var:
    """The hyperbolic tangent."""
    value = np.tanh(x.value)
    return _elementwise(x, value, 1 - value**2)


def sigmoid(x: Var) -> Var:
    """1 / (1 + exp(-x))."""
    value = 0.5 * (1 + np.tanh(0.5 * x.value))  # a form that cannot overflow
    return _elementwise(x, value, value * (1 - value))


def relu(x: Var) -> Var:
    """x above 0, and 0 below, where the derivative is 0, as at 0 itself."""
    return _elementwise(x, np.maximum(x.value, 0), x.value > 0)


def hard_sigmoid(x: Var) -> Var:
    """x / 6 + 1/2, clipped to 0 and 1."""
    line = x.value / 6 + 0.5
    return _elementwise(x, np.clip(line, 0, 1), ((line > 0) & (line < 1)) / 6)


def exp(x: Var) -> Var:
    """The exponential function."""
    value = np.exp(x.value)
    return _elementwise(x, value, value)


def sqrt(x: Var) -> Var:
    """The square root."""
    value = np.sqrt(x.value)
    return _elementwise(x, value, 0.5 / value)


def sum(x: Var, axis: int) -> Var:
    """The sum over an axis, which keeps length 1."""
    return Var(x.value.sum(axis, keepdims=True), [(x, lambda d: np.broadcast_to(d, x.shape))])


def mean(x: Var, axis: int) -> Var:
    """The mean over an axis, which keeps length 1."""
    return sum(x, axis) / x.shape[axis]


def max(x: Var, axis: int) -> Var:
    """The maximum over an axis, which keeps length 1; of equals, the first has the gradient."""
    first = np.zeros_like(x.value)
    np.put_along_axis(first, np.expand_dims(x.value.argmax(axis), axis), 1.0, axis)
    return Var(x.value.max(axis, keepdims=True), [(x, lambda d: d * first)])


def concat(parts: Sequence[Var], axis: int) -> Var:
    """Joins arrays along an axis that they have."""
    ends = np.cumsum([part.shape[axis] for part in parts])
    before = [slice(None)] * (axis % parts[0].value.ndim)
    keys = [(*before, slice(end - part.shape[axis], end)) for part, end in zip(parts, ends)]
    sources = [(part, lambda d, key=key: d[key]) for part, key in zip(parts, keys)]
    return Var(np.concatenate([part.value for part in parts], axis), sources)


def stack(parts: Sequence[Var], axis: int = 0) -> Var:
    """Joins arrays of one shape along a new axis."""
    sources = [(part, lambda d, index=index: np.take(d, index, axis)) for index, part in enumerate(parts)]
    return Var(np.stack([part.value for part in parts], axis), sources)


def gradients(outputs: Sequence[Var], weights: Sequence[np.ndarray], inputs: Sequence[Var]) -> List[np.ndarray]:
    """Returns the gradient of the sum of all outputs times their weights with respect to each input."""
    found = {id(x): np.zeros(x.shape) for x in inputs}
    for output, weight in zip(outputs, weights):
        found[id(output)] = found.get(id(output), 0.0) + np.asarray(weight, np.float64)
    for variable in reversed(_in_order(outputs)):
        d = found[id(variable)]
        for source, back in variable.sources:
            found[id(source)] = found.get(id(source), 0.0) + _unbroadcast(back(d), source.shape)
    return [found[id(x)] for x in inputs]


def _in_order(outputs: Sequence[Var]) -> List[Var]:
    """Returns all variables that the outputs depend on, each after its sources."""
    ordered, seen = [], set()
    pending = [(output, False) for output in outputs]
    while pending:
        variable, sources_done = pending.pop()
        if sources_done:
            ordered.append(variable)
        elif id(variable) not in seen:
            seen.add(id(variable))
            pending.append((variable, True))
            pending += [(source, False) for source, _ in variable.sources]
    return ordered


def _unbroadcast(d: np.ndarray, shape: Tuple[int, ...]) -> np.ndarray:
    """Sums a gradient over the axes along which a value of ``shape`` was repeated."""
    if d.shape == shape:
        return d
    d = d.sum(axis=tuple(range(d.ndim - len(shape))))
    repeated = [axis for axis in range(d.ndim) if shape[axis] == 1 and d.shape[axis] > 1]
    return d.sum(axis=tuple(repeated), keepdims=True)
