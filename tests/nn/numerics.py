"""How a block's numbers are compared with the oracle's."""

from __future__ import annotations

from typing import Callable, Dict, NamedTuple, Optional, Sequence, Tuple

import mxnet as mx
import numpy as np
import oracle
import tape
from mxnet.gluon import HybridBlock
from oracle import as_tuple
from tape import Var

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
    steps, and that a normalized cell forgets where it started; both would magnify
    float32's rounding from step to step. A scale near 0 would magnify it once; and
    so would small weights of attention, whose gradients then all but cancel.
    """
    block.initialize()
    arrays = {name: np.random.normal(0, 0.2, array.shape) for name, array in get_arrays(block).items()}
    scales = {name: 0.2 + array / 2 for name, array in arrays.items() if name.endswith(("scale", "gamma"))}
    attention = {name: 5 * array for name, array in arrays.items() if "attention" in name}
    set_arrays(block, {**arrays, **scales, **attention}, "random")
    block.hybridize(hybridized, static_alloc=True, static_shape=True)
    return block


def double(array) -> np.ndarray:
    """Returns numbers in float64 that float32 holds exactly."""
    return np.asarray(array, np.float32).astype(np.float64)


def some_lengths(steps: int, batch_size: int) -> np.ndarray:
    """Returns lengths for a batch: T and 1 among them where there is room, the rest spread out between."""
    return np.linspace(steps, 1, batch_size).round().astype(int)


def as_arguments(inputs, lengths) -> list:
    """Returns a block's arguments: arrays, and lengths if there are any."""
    arrays = [mx.nd.array(array) for array in inputs]
    return arrays if lengths is None else [*arrays, mx.nd.array(lengths)]


def run(block: HybridBlock, *inputs, lengths: Optional[Sequence[int]] = None) -> Tuple[np.ndarray, ...]:
    """Returns the block's outputs in prediction, or inside of ``autograd.record`` in training, always as a tuple."""
    outputs = flat(block(*as_arguments(inputs, lengths)))
    return tuple(output.asnumpy() for output in outputs)


def measure(block: HybridBlock, inputs, weights, lengths: Optional[Sequence[int]] = None) -> Measured:
    """Runs the block forward and backward.

    Args:
        block: an initialized block.
        inputs: one array an input.
        weights: one array an output; the loss is the sum of all outputs times their weights.
        lengths: the block's last argument, if it is to have it.
    """
    arguments = as_arguments(inputs, lengths)
    for array in arguments[: len(inputs)]:
        array.attach_grad()
    with mx.autograd.record():
        outputs = flat(block(*arguments))
    mx.autograd.backward(outputs, [mx.nd.array(weight) for weight in weights])
    parameters = block._collect_params_with_prefix()
    return Measured(
        tuple(output.asnumpy() for output in outputs),
        tuple(array.grad.asnumpy() for array in arguments[: len(inputs)]),
        {name: parameter.grad().asnumpy() for name, parameter in parameters.items()},
    )


def flat(outputs) -> list:
    """Returns a block's outputs, which may be tuples inside of tuples, as one list."""
    return [array for part in outputs for array in flat(part)] if isinstance(outputs, (tuple, list)) else [outputs]


def trace_with(function: Callable, **options) -> Callable:
    """Returns an oracle's function with its options set, as ``check_against`` takes it."""
    return lambda *args: function(*args, **options)


def check_against(trace: Callable, block: HybridBlock, *inputs, lengths: Optional[Sequence[int]] = None) -> None:
    """Asserts that a block's outputs and all its gradients are those of the oracle.

    Args:
        trace: takes the inputs, then the parameters by name, all as ``Var``; gives one ``Var`` or several.
        block: an initialized block.
        *inputs: the block's inputs.
        lengths: steps of each sequence; the oracle then runs each alone.
    """
    inputs = [double(array) for array in inputs]
    variables = [Var(array) for array in inputs]
    parameters = {name: Var(double(array)) for name, array in get_arrays(block).items()}
    if lengths is None:
        values = as_tuple(trace(*variables, parameters))
    else:
        values = oracle.each_alone(lambda cut: trace(cut, parameters), lengths, *variables)
    assert all(value.value.any() for value in values), "nothing but zeros shows nothing"
    weights = [double(np.random.normal(size=value.shape)) for value in values]
    expected = tape.gradients(values, weights, [*variables, *parameters.values()])
    measured = measure(block, inputs, weights, lengths)
    check_close(measured.outputs, [value.value for value in values], "outputs")
    check_close(measured.inputs, expected[: len(inputs)], "gradients of the inputs")
    assert set(measured.parameters) == set(parameters)
    for name, gradient in zip(parameters, expected[len(inputs) :]):
        check_close(measured.parameters[name], gradient, f"gradient of {name}")


def check_close(actual, expected, what: str = "arrays") -> None:
    """Asserts that arrays, or tuples of them, are equal up to ``TOLERANCE`` relative to each one's norm."""
    pairs = list(zip(as_tuple(actual), as_tuple(expected)))
    assert len(pairs) == len(as_tuple(actual)) == len(as_tuple(expected))
    for a, e in pairs:
        assert a.shape == e.shape, what
        assert np.linalg.norm(a - e) <= TOLERANCE * np.linalg.norm(e), what
