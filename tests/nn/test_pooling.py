"""Pooling over time, by value."""

from __future__ import annotations

import doctest

import mxnet as mx
import numpy as np
import oracle
import pytest
from kinds import with_lengths
from numerics import check_against, measure, prepare, run, some_lengths

from gluon_lstm.nn import Pooling, SequenceBlock
from gluon_lstm.nn import pooling as pooling_module

MODES = ["last", "mean", "max", "mean+max", "attention"]
each_mode = pytest.mark.parametrize("mode", MODES)


class PoolSteps(SequenceBlock):
    """Pools sequences whose padding is 0 and whose last state is the last valid step, as encoders give them."""

    def __init__(self, mode, size, num_steps=None):
        super().__init__()
        self.pooling = Pooling(mode, size, num_steps)

    def hybrid_forward(self, F, outputs, lengths=None):
        """Takes outputs (T, N, D), lengths (N,) or None; gives (N, D·modes)."""
        if lengths is None:
            return self.pooling(outputs, lengths, F.squeeze(F.slice_axis(outputs, axis=0, begin=-1, end=None), axis=0))
        outputs = F.SequenceMask(outputs, lengths, use_sequence_length=True)
        return self.pooling(outputs, lengths, F.SequenceLast(outputs, lengths, use_sequence_length=True))


def trace(mode):
    """Returns the oracle of ``PoolSteps``."""
    return lambda outputs, arrays: oracle.pooling(outputs, outputs[-1], mode, oracle.under(arrays, "pooling."))


@each_mode
@with_lengths
@pytest.mark.parametrize("shape", [(7, 3, 4), (8, 4, 3), (100, 2, 3)])
def test_values_and_gradients(rng, hybridized, mode, padded, shape):
    block = prepare(PoolSteps(mode, shape[2]), hybridized)
    lengths = some_lengths(*shape[:2]) if padded else None
    check_against(trace(mode), block, rng.normal(size=shape), lengths=lengths)


@with_lengths
@pytest.mark.parametrize("steps", [1, 2, 7, 8])
def test_maximum_of_a_known_number_of_steps(rng, hybridized, padded, steps):
    block = prepare(PoolSteps("mean+max", 4, steps), hybridized)
    lengths = some_lengths(steps, 3) if padded else None
    check_against(trace("mean+max"), block, rng.normal(size=(steps, 3, 4)), lengths=lengths)


@each_mode
@with_lengths
def test_a_single_step_is_what_it_is(rng, hybridized, mode, padded):
    block, outputs = prepare(PoolSteps(mode, 4), hybridized), rng.normal(size=(1, 3, 4)).astype(np.float32)
    expected = np.concatenate([outputs[0]] * len(mode.split("+")), axis=1)
    measured = measure(block, [outputs], [np.ones_like(expected)], [1, 1, 1] if padded else None)
    np.testing.assert_array_equal(measured.outputs[0], expected)
    np.testing.assert_array_equal(measured.inputs[0], np.full((1, 3, 4), len(mode.split("+"))))
    # Attention to the only step there is has nothing to learn.
    assert not any(gradient.any() for gradient in measured.parameters.values())


@each_mode
@with_lengths
@pytest.mark.parametrize("num_steps", [None, 4])
def test_what_is_no_number_is_not_hidden(hybridized, mode, padded, num_steps):
    """Training stops at an output that is not finite; a pooling that drops it would let a broken net go on."""
    block = prepare(PoolSteps(mode, 2, num_steps), hybridized)
    broken = run(block, np.full((4, 3, 2), np.nan), lengths=[4, 1, 2] if padded else None)[0]
    assert not np.isfinite(broken).any()


@pytest.mark.parametrize("mode", ["last", "mean", "max", "mean+max"])
@with_lengths
@pytest.mark.parametrize("shape", [(2, 1, 4), (2, 3, 4), (3, 1, 1), (3, 4, 2)])
def test_few_steps(rng, hybridized, mode, padded, shape):
    """Attention is not among these: over few steps the gradients of its weights cancel."""
    lengths = some_lengths(*shape[:2]) if padded else None
    check_against(trace(mode), prepare(PoolSteps(mode, shape[2]), hybridized), rng.normal(size=shape), lengths=lengths)


@pytest.mark.parametrize("mode", ["max", "mean+max"])
def test_a_maximum_below_zero_is_not_the_paddings(rng, hybridized, mode):
    block = prepare(PoolSteps(mode, 4), hybridized)
    check_against(trace(mode), block, rng.uniform(-2, -1, size=(5, 3, 4)), lengths=[2, 5, 1])


@each_mode
@pytest.mark.parametrize("size", [2, 6])
def test_output_size_is_that_of_the_output(rng, mode, size):
    block = prepare(PoolSteps(mode, size), hybridized=False)
    assert run(block, rng.normal(size=(3, 2, size)))[0].shape == (2, block.pooling.output_size(size))


@pytest.mark.parametrize("lengths, expected", [
    (None, [[2.0, -3.0, 4.0, -2.0]]),
    ([2], [[2.5, -3.5, 4.0, -2.0]]),
    ([1], [[1.0, -5.0, 1.0, -5.0]]),
])  # fmt: skip
def test_mean_and_maximum_by_hand(hybridized, lengths, expected):
    block = prepare(PoolSteps("mean+max", 2), hybridized)
    outputs = np.array([[[1.0, -5.0]], [[4.0, -2.0]], [[1.0, -2.0]]])
    np.testing.assert_allclose(run(block, outputs, lengths=lengths)[0], expected, rtol=1e-6)


@with_lengths
@pytest.mark.parametrize("mode", ["mean", "max", "mean+max", "attention"])
def test_the_last_state_may_be_left_out_where_it_is_not_the_mode(rng, hybridized, mode, padded):
    pooling = prepare(Pooling(mode, 2), False)
    outputs, lengths = mx.nd.array(rng.normal(size=(5, 3, 2))), mx.nd.array([5, 5, 5])
    expected = pooling(outputs, lengths if padded else None, mx.nd.ones((3, 2))).asnumpy()
    pooling.hybridize(hybridized)  # MXNet then warns of a state that nothing reads
    short = pooling(outputs, lengths) if padded else pooling(outputs)
    np.testing.assert_array_equal(short.asnumpy(), expected)


def test_the_last_state_is_missed_where_it_is_the_mode(hybridized):
    with pytest.raises(ValueError, match="^pooling 'last' without a last state: call it with outputs, lengths or None"):
        prepare(Pooling("last"), hybridized)(mx.nd.zeros((5, 3, 2)))


def test_attention_needs_a_size():
    with pytest.raises(ValueError, match="^input_size 0: must be at least 1$"):
        Pooling("attention")


def test_example_of_the_docstring_runs():
    results = doctest.testmod(pooling_module)
    assert results.attempted > 0
    assert results.failed == 0


@pytest.mark.parametrize("mode", ["", "sum", "mean+", "max,mean", "Last", "max+mean"])
def test_unknown_mode_is_refused(mode):
    with pytest.raises(ValueError, match=r"use one of last, mean, max, mean\+max, attention"):
        Pooling(mode)
