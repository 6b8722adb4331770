"""Blocks that read sequences of any length, hybridized too."""

import functools
import math
from collections import OrderedDict
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
from mxnet import nd, symbol
from mxnet.gluon import HybridBlock

from gluon_lstm.nn.checks import check_choice

MOST_GRAPHS = 32
"""Graphs that a block keeps; the one that was not used for longest goes first, and its memory with it."""
MOST_OUTPUTS = 8_000_000
"""Outputs, T·N·D of each unrolled layer, in all graphs kept, but for the newest graph, which is kept however large.

For each of them a graph holds some 140 bytes in training, of gates, all between them, and gradients: about a GiB.
"""


class _Graph(NamedTuple):
    """What is known while a graph is built: T, where it was asked for, and whether lengths are sure to be in range."""

    steps: Optional[int] = None
    in_range: bool = False


COMPUTED_TYPES = ("float32", "float64")
"""Types that a block computes in: float16 has no number large enough to close a gate (``recurrences.CLOSED``)."""

NOTHING_KNOWN = _Graph()
_graph: ContextVar[_Graph] = ContextVar("graph", default=NOTHING_KNOWN)


class _Kept(NamedTuple):
    """A graph to come back to: its size, T·N·D of its unrolled layers, and Gluon's attributes of it."""

    size: int
    attributes: Dict[str, Any]


class SequenceBlock(HybridBlock):
    """A HybridBlock called as ``block(inputs (T, N, …), lengths (N,) or None)``.

    Hybridized, Gluon keeps one graph, which must be called with the same arguments
    each time, and in which T is unknown. This block keeps a graph with lengths and
    one without, and one for each T where a block inside ``needs_steps``, which it
    finds by ``count_steps``; ``export`` writes the graph of the last call. How many
    it keeps is limited by ``MOST_GRAPHS`` and, where the steps are unrolled, by
    ``MOST_OUTPUTS``. As in Gluon, several threads must not call one block at once.
    """

    needs_steps = False
    """Whether this block's graph differs from one number of steps to another."""
    input_size: Optional[int] = None
    """C of the inputs (T, N, C) that the block reads; ``None`` where it reads others."""
    input_type = "float32"
    """Type of inputs (T, N, C)."""
    num_steps: Optional[int] = None
    """T of the inputs that the block reads; ``None`` where it reads any."""

    def __init_subclass__(cls, **kwargs) -> None:
        """Keeps lengths in range in every graph, which may be exported, or called by a block that does not look."""
        super().__init_subclass__(**kwargs)
        if "hybrid_forward" in vars(cls):
            cls.hybrid_forward = _with_lengths_in_range(cls.hybrid_forward)

    def __call__(self, inputs, *others, lengths=None):
        """Runs the block, once inputs that do not fit and lengths that MXNet would crash on are refused.

        Args:
            inputs: (T, N, …).
            *others: the block's other arguments, of which lengths are the first.
            lengths: (N,), where they are given by name.

        Raises:
            TypeError: inputs or lengths are no arrays of MXNet's, or inputs are of another type than the parameters.
            ValueError: inputs are not (T, N, C), or of another T than the one the block was made for, or lengths not
                (N,) from 1 to T.
        """
        if lengths is not None:
            if others:
                raise TypeError("lengths are given twice: give them by place or by name")
            others = (lengths,)
        for name, argument in zip(("inputs", "lengths"), (inputs, *others)):
            if argument is not None:
                check_is_array(name, argument)
        if self.input_size is not None and isinstance(inputs, nd.NDArray):
            check_inputs(inputs.shape, self.input_size)
            check_type("inputs", inputs, self.input_type)
        if self.num_steps is not None and isinstance(inputs, nd.NDArray):
            check_steps(inputs.shape[0], self.num_steps)
        if others and isinstance(others[0], nd.NDArray):
            check_lengths(others[0].asnumpy(), *inputs.shape[:2])
        return super().__call__(inputs, *others)

    def cast(self, dtype) -> None:
        """Casts the parameters, as in Gluon; inputs must then be of the same type.

        Raises:
            ValueError: the type is neither float32 nor float64.
        """
        name = np.dtype(dtype).name
        check_choice("dtype", name, COMPUTED_TYPES)
        super().cast(dtype)
        self.input_type = name

    def _call_cached_op(self, *args):
        unrolled = [block for block in _family(self) if getattr(block, "needs_steps", False)]
        steps, batch_size = args[0].shape[:2] if unrolled else (None, 0)
        size = batch_size * sum(steps * block.output_size for block in unrolled)
        key = (steps, tuple(argument is not None for argument in args))
        graphs = self.__dict__.setdefault("_graphs", OrderedDict())
        stored = graphs.pop(key, None)  # and put back below, as the newest
        _make_room(graphs, size)
        if stored is None:
            self._cached_graph, self._cached_op, self._cached_op_args = (), None, []
        else:
            self.__dict__.update(stored.attributes)
        with _building(_Graph(steps)):
            outputs = super()._call_cached_op(*args)
        graphs[key] = _Kept(size, {name: self.__dict__[name] for name in _GRAPH_ATTRIBUTES})
        return outputs

    def _clear_cached_op(self) -> None:
        self.__dict__["_graphs"] = OrderedDict()
        super()._clear_cached_op()


_GRAPH_ATTRIBUTES = ("_cached_graph", "_cached_op", "_cached_op_args", "_in_format", "_out_format")


def _make_room(graphs: "OrderedDict[Any, _Kept]", size: int) -> None:
    """Drops the graphs that were not used for longest, until one more of this size may be kept."""

    def full() -> bool:
        return len(graphs) >= MOST_GRAPHS or size + sum(kept.size for kept in graphs.values()) > MOST_OUTPUTS

    while graphs and full():
        graphs.popitem(last=False)


def _family(block) -> Iterator[Any]:
    """Yields a block and all blocks inside it."""
    yield block
    for child in block._children.values():
        yield from _family(child)


@contextmanager
def _building(graph: _Graph) -> Iterator[None]:
    """Tells the blocks whose graph is built inside the ``with`` block what is known of it."""
    token = _graph.set(graph)
    try:
        yield
    finally:
        _graph.reset(token)


def count_steps(sequence, num_steps: Optional[int] = None) -> Optional[int]:
    """Returns T of a sequence (T, …): an array knows it, a symbol has it from the call, or else from ``num_steps``."""
    return sequence.shape[0] if hasattr(sequence, "shape") else _graph.get().steps or num_steps


def _with_lengths_in_range(hybrid_forward: Callable) -> Callable:
    """Returns a ``hybrid_forward`` whose lengths, where they are a symbol, are moved into the range of 1 to T.

    The outermost block of a graph does so, and tells those inside.
    """

    @functools.wraps(hybrid_forward)
    def guarded(self, F, inputs, *others, **parameters):
        graph = _graph.get()
        if graph.in_range or not (others and isinstance(others[0], symbol.Symbol)):
            return hybrid_forward(self, F, inputs, *others, **parameters)
        with _building(graph._replace(in_range=True)):
            return hybrid_forward(self, F, inputs, _within_range(others[0], inputs), *others[1:], **parameters)

    return guarded


def _within_range(lengths, inputs):
    """Returns symbols of lengths (N,), whole, moved into 1 to T, and 1 where NaN: MXNet crashes on others."""
    F = symbol
    ones = F.ones_like(F.slice_axis(F.slice_axis(inputs, axis=1, begin=0, end=1), axis=-1, begin=0, end=1))
    steps = F.reshape(F.sum(F.cast(F.BlockGrad(ones), dtype="float32")), shape=(1,))
    lengths = F.floor(F.cast(lengths, dtype="float32"))
    lengths = F.where(lengths == lengths, lengths, F.ones_like(lengths))  # a NaN is not equal to itself
    return F.broadcast_minimum(F.maximum(lengths, 1), steps)


def split_steps(F, sequence, steps: int) -> List[Any]:
    """Returns the time steps (N, D) of a sequence (T, N, D)."""
    parts = F.split(sequence, num_outputs=steps, axis=0, squeeze_axis=True)
    return [parts] if steps == 1 else list(parts)


def join_features(F, *arrays, axis: int, widths: Sequence[int] = ()):
    """Joins arrays along their last axis, whose number is ``axis``.

    MXNet's concat of two axes or four runs by oneDNN, whose gradient loses memory at
    each call; along the last of three it moves one number at a time. A stack does neither,
    nor does a concat of blocks.

    Args:
        F: ``mx.nd`` or ``mx.sym``.
        arrays: alike but for their last axis.
        axis: 1 or 2.
        widths: of each array along its last axis, where they are not all the same.
    """
    if len(arrays) == 1:
        return arrays[0]
    if len(set(widths)) < 2:
        return F.reshape(F.stack(*arrays, axis=axis), shape=(0,) * axis + (-1,))
    block = functools.reduce(math.gcd, widths)
    blocks = (F.reshape(array, shape=(-1, width // block, block)) for array, width in zip(arrays, widths))
    joined = F.reshape(F.concat(*blocks, dim=1), shape=(-1, sum(widths)))
    return F.reshape_like(joined, arrays[0], lhs_begin=0, lhs_end=1, rhs_begin=0, rhs_end=axis)


_ARRAYS = (nd.NDArray, symbol.Symbol)


def check_is_array(name: str, argument: Any, options: str = "") -> None:
    """Raises TypeError unless an argument is an array or a symbol; ``options`` are further ones of ``mx.nd.array``."""
    if isinstance(argument, _ARRAYS):
        return
    kind = type(argument).__name__
    if name == "lengths" and isinstance(argument, (list, tuple)) and any(isinstance(a, _ARRAYS) for a in argument):
        raise TypeError(f"a {kind} of arrays as lengths: these take no states, since every sequence starts from zeros")
    raise TypeError(f"{name} of type {kind}: wrap them as mx.nd.array({name}{options})")


def check_type(name: str, array: nd.NDArray, needed: str) -> None:
    """Raises TypeError unless an array has the type of the parameters that it meets."""
    found = np.dtype(array.dtype).name
    if found != needed:
        raise TypeError(f"{name} of type {found}: cast them with {name}.astype({needed!r})")


def check_inputs(shape: Tuple[int, ...], input_size: int) -> None:
    """Raises ValueError unless the inputs are (T, N, C) with the C that a block was made for."""
    if len(shape) != 3 or shape[2] != input_size:
        raise ValueError(f"inputs of shape {shape}: needs (time steps, batch, {input_size} features)")


def check_steps(found: int, num_steps: int) -> None:
    """Raises ValueError unless there are as many time steps as a block was made for."""
    if found != num_steps:
        raise ValueError(f"inputs of {found} time steps: made with num_steps={num_steps}; leave it out to read others")


def check_lengths(lengths: np.ndarray, num_steps: int, batch_size: int) -> None:
    """Raises ValueError unless there is a length for each sequence, all of them from 1 to T.

    MXNet's sequence operators read and write outside of their arrays for others.
    """
    if lengths.shape != (batch_size,):
        swapped = "; the batch is the second axis of inputs, after time" * (lengths.shape == (num_steps,))
        raise ValueError(
            f"lengths of shape {lengths.shape} for a batch of {batch_size}: give one length a sequence{swapped}"
        )
    wrong = np.flatnonzero(~((lengths >= 1) & (lengths <= num_steps) & (lengths == np.floor(lengths))))
    if len(wrong):
        raise ValueError(
            f"lengths[{wrong[0]}] is {lengths[wrong[0]]}: must be a whole number from 1 to {num_steps}, the time steps"
        )
