"""A block's parameters as NumPy arrays, and back."""

from typing import Dict, Mapping

import mxnet as mx
import numpy as np
from mxnet.gluon import Block

from gluon_lstm.errors import RunError


def get_arrays(block: Block) -> Dict[str, np.ndarray]:
    """Returns a copy of every parameter by its structural name, such as ``encoder.layers.0.forward_i2h_weight``."""
    return {name: parameter.list_data()[0].asnumpy() for name, parameter in _parameters(block).items()}


def count_parameters(block: Block) -> int:
    """Returns how many numbers the block learns."""
    return sum(int(np.prod(parameter.shape)) for parameter in _parameters(block).values())


def set_arrays(block: Block, arrays: Mapping[str, np.ndarray], source: str) -> None:
    """Sets every parameter, once all of them are seen to fit.

    Args:
        block: an initialized block; it stays as it was if anything does not fit.
        arrays: structural name → array.
        source: where the arrays are from, for the error's line.

    Raises:
        RunError: a name is missing or unknown, a shape differs, or a value is not finite.
    """
    parameters = _parameters(block)
    if set(parameters) != set(arrays):
        odd = sorted(set(parameters) ^ set(arrays))[0]
        raise RunError(f"{source}: holds the parameters of another model (differs in {odd!r})")
    for name, parameter in parameters.items():
        if parameter.shape != arrays[name].shape:
            raise RunError(f"{source}: {name!r} has shape {arrays[name].shape}, the model needs {parameter.shape}")
        if not np.isfinite(arrays[name]).all():
            raise RunError(f"{source}: {name!r} holds values that are not finite")
    for name, parameter in parameters.items():
        parameter.set_data(mx.nd.array(arrays[name], dtype=parameter.dtype))


def _parameters(block: Block) -> Dict[str, mx.gluon.Parameter]:
    """Returns the block's parameters by structural name, which unlike their own names does not count blocks made."""
    return block._collect_params_with_prefix()
