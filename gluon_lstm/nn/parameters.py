"""A block's parameters as NumPy arrays, and back."""

from typing import Any, Dict, Mapping, Tuple

import mxnet as mx
import numpy as np
from mxnet.gluon import Block

from gluon_lstm.errors import RunError
from gluon_lstm.nn.exchange import describe_stack, is_of_torch

_Shapes = Mapping[str, Tuple[int, ...]]


def get_arrays(block: Block) -> Dict[str, np.ndarray]:
    """Returns a copy of every parameter by its structural name, such as ``encoder.layers.0.forward_i2h_weight``."""
    return {name: parameter.list_data()[0].asnumpy() for name, parameter in _parameters(block).items()}


def count_parameters(block: Block) -> int:
    """Returns how many numbers the block's parameters have, those that no training changes included."""
    return sum(int(np.prod(parameter.shape)) for parameter in _parameters(block).values())


def set_arrays(block: Block, arrays: Mapping[str, np.ndarray], source: str) -> None:
    """Sets every parameter, once all of them are seen to fit.

    Args:
        block: an initialized block; it stays as it was if anything does not fit.
        arrays: structural name → array of NumPy's or MXNet's.
        source: where the arrays are from, for the error's line.

    Raises:
        RunError: a name is missing or unknown, a shape differs, or a value is not finite.
    """
    arrays = _of_numpy(arrays)
    check_arrays(block, arrays, source)
    for name, parameter in _parameters(block).items():
        parameter.set_data(mx.nd.array(arrays[name], dtype=parameter.dtype))


def check_arrays(block: Block, arrays: Mapping[str, np.ndarray], source: str) -> None:
    """Raises RunError unless ``set_arrays`` can set a block's parameters, which need not be initialized yet."""
    arrays = _of_numpy(arrays)
    needed = {name: parameter.shape for name, parameter in _parameters(block).items()}
    found = {name: np.shape(array) for name, array in arrays.items()}
    if set(needed) != set(found):
        odd = sorted(set(needed) ^ set(found))[0]
        reason = _explain_names(found, needed) or _explain_stacks(found, needed)
        how = "lacks" if odd in needed else "has an unexpected"
        raise RunError(f"{source}: holds the parameters of another model ({how} {odd!r}){reason}")
    for name, shape in needed.items():
        if found[name] != shape:
            reason = _explain_stacks(found, needed)
            raise RunError(f"{source}: {name!r} has shape {found[name]}, the model needs {shape}{reason}")
        if np.asarray(arrays[name]).dtype.kind not in "fiu":
            raise RunError(f"{source}: {name!r} holds {np.asarray(arrays[name]).dtype} values, not numbers")
        if not np.isfinite(arrays[name]).all():
            raise RunError(f"{source}: {name!r} holds values that are not finite")


def _of_numpy(arrays: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns arrays by name, those of MXNet as NumPy's."""
    return {name: array.asnumpy() if isinstance(array, mx.nd.NDArray) else array for name, array in arrays.items()}


def _explain_names(found: _Shapes, needed: _Shapes) -> str:
    """Returns what is wrong with names that would fit if they were spelled otherwise, and what to do; else ""."""
    if is_of_torch(found):
        return ": these are PyTorch's names; convert them with exchange.from_torch"
    for few, many, advice in (
        (needed, found, "names that start with {0!r} fit; give those alone, without it"),
        (found, needed, "they fit the block's part {1!r}; set those of that part"),
    ):
        first = next(iter(few), "")
        prefixes = [name[: -len(first)] for name in many if few and name.endswith("." + first)]
        for prefix in prefixes:
            if {prefix + name for name in few} == {name for name in many if name.startswith(prefix)}:
                return ": " + advice.format(prefix, prefix[:-1])
    return ""


def _explain_stacks(found: _Shapes, needed: _Shapes) -> str:
    """Returns how two stacks of recurrent layers differ, and what to do; "" where they do not."""
    here, there = describe_stack(found), describe_stack(needed)
    if here == there or not (here and there):
        return ""
    return f": {here}, where the model has {there}; make the model with the same options"


def _parameters(block: Block) -> Dict[str, mx.gluon.Parameter]:
    """Returns the block's parameters by structural name, which unlike their own names does not count blocks made."""
    return block._collect_params_with_prefix()
