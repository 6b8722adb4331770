"""How a block's numbers are compared with the oracle's."""

from __future__ import annotations

from typing import Callable, Dict, NamedTuple, Tuple

import mxnet as mx
import numpy as np
from mxnet.gluon import HybridBlock
from oracle import Traced

from gluon_lstm.nn import get_arrays, set_arrays

TOLERANCE = 1e-5
"""Largest difference allowed between float32 and float64, relative to the norm of the array."""


class Measured(NamedTuple):
    """A block's outputs, and the gradients of their weighted sum.

    Attributes:
        outputs: one array an output.
        inputs: gradients with respect to the inputs.
        parameters: gradients with respect to the parameters, by structural name.
    """

    outputs: Tuple[np.ndarray, ...]
    inputs: Tuple[np.ndarray, ...]
    parameters: Dict[str, np.ndarray]


def prepare(block: HybridBlock, hybridized: bool) -> HybridBlock:
    """Returns the block with random parameters, hybridized as trained models are, or eager.

    The parameters are so small that a relu's state does not grow over a hundred
    steps, which would magnify float32's rounding.
    """
    block.initialize()
    arrays = {name: np.random.normal(0, 0.2, array.shape) for name, array in get_arrays(block).items()}
    set_arrays(block, arrays, "random")
    block.hybridize(hybridized, static_alloc=True, static_shape=True)
    return block


def double(array) -> np.ndarray:
    """Returns numbers in float64 that float32 holds exactly."""
    return np.asarray(array, np.float32).astype(np.float64)


def run(block: HybridBlock, *inputs) -> Tuple[np.ndarray, ...]:
    """Returns the block's outputs in prediction, always as a tuple."""
    outputs = block(*(mx.nd.array(array) for array in inputs))
    return tuple(output.asnumpy() for output in as_tuple(outputs))


def measure(block: HybridBlock, inputs, weights) -> Measured:
    """Runs the block forward and backward.

    Args:
        block: an initialized block.
        inputs: one array an input.
        weights: one array an output; the loss is the sum of all outputs times their weights.
    """
    arrays = [mx.nd.array(array) for array in inputs]
    for array in arrays:
        array.attach_grad()
    with mx.autograd.record():
        outputs = as_tuple(block(*arrays))
    mx.autograd.backward(list(outputs), [mx.nd.array(weight) for weight in weights])
    parameters = block._collect_params_with_prefix()
    return Measured(
        tuple(output.asnumpy() for output in outputs),
        tuple(array.grad.asnumpy() for array in arrays),
        {name: parameter.grad().asnumpy() for name, parameter in parameters.items()},
    )


def check_against(trace: Callable[..., Traced], block: HybridBlock, *inputs) -> None:
    """Asserts that a block's outputs and all its gradients are those of the oracle.

    Args:
        trace: takes the inputs in float64, then the parameters by name.
        block: an initialized block.
        *inputs: the block's inputs.
    """
    inputs = [double(array) for array in inputs]
    traced = trace(*inputs, {name: double(array) for name, array in get_arrays(block).items()})
    values = as_tuple(traced.value)
    weights = [double(np.random.normal(size=value.shape)) for value in values]
    d_inputs, d_arrays = traced.backward(*weights)
    measured = measure(block, inputs, weights)
    check_close(measured.outputs, values, "outputs")
    check_close(measured.inputs, as_tuple(d_inputs), "gradients of the inputs")
    assert set(measured.parameters) == set(d_arrays)
    for name, expected in d_arrays.items():
        check_close(measured.parameters[name], expected, f"gradient of {name}")


def check_close(actual, expected, what: str = "arrays") -> None:
    """Asserts that arrays, or tuples of them, are equal up to ``TOLERANCE`` relative to each one's norm."""
    pairs = list(zip(as_tuple(actual), as_tuple(expected)))
    assert len(pairs) == len(as_tuple(actual)) == len(as_tuple(expected))
    for a, e in pairs:
        assert a.shape == e.shape, what
        assert np.linalg.norm(a - e) <= TOLERANCE * np.linalg.norm(e), what


def as_tuple(value) -> tuple:
    """Returns one array or several as a tuple."""
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)
