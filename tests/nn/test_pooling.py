"""Pooling over time, by value."""

from __future__ import annotations

import numpy as np
import oracle
import pytest
from mxnet.gluon import HybridBlock
from numerics import check_against, run

from gluon_lstm.nn import Pooling

MODES = ["last", "mean", "max", "mean+max", "last+mean+max"]


class PoolSteps(HybridBlock):
    """Pools a sequence whose last state is its last step, so that every mode has a use for the one input."""

    def __init__(self, mode, num_steps=None):
        super().__init__()
        self.pooling = Pooling(mode, num_steps)

    def hybrid_forward(self, F, outputs):
        """(T, N, D) → (N, D·modes)."""
        return self.pooling(outputs, F.squeeze(F.slice_axis(outputs, axis=0, begin=-1, end=None), axis=0))


def trace(mode):
    """Returns the oracle of ``PoolSteps``."""

    def pool_steps(outputs, arrays):
        traced = oracle.pooling(outputs, outputs[-1], mode)

        def backward(d_pooled):
            (d_outputs, d_last), d_arrays = traced.backward(d_pooled)
            d_outputs[-1] += d_last
            return d_outputs, d_arrays

        return oracle.Traced(traced.value, backward)

    return pool_steps


def make(mode, hybridized, num_steps=None):
    """Returns the block, hybridized as trained models are, or eager."""
    block = PoolSteps(mode, num_steps)
    block.hybridize(hybridized, static_alloc=True, static_shape=True)
    return block


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("known", [False, True], ids=["any length", "known length"])
@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 3, 4), (2, 1, 4), (7, 3, 4), (100, 2, 3)])
def test_values_and_gradients(rng, hybridized, mode, known, shape):
    block = make(mode, hybridized, num_steps=shape[0] if known else None)
    check_against(trace(mode), block, rng.normal(size=shape))
    assert block.pooling.output_size(shape[2]) == shape[2] * len(mode.split("+"))


@pytest.mark.parametrize("mode", MODES)
def test_every_batch_size_after_hybridizing(rng, mode):
    block = make(mode, hybridized=True, num_steps=5)
    for batch_size in (3, 1, 8, 3):
        check_against(trace(mode), block, rng.normal(size=(5, batch_size, 4)))


@pytest.mark.parametrize("mode", MODES)
def test_every_length_after_hybridizing(rng, mode):
    block = make(mode, hybridized=True)
    for steps in (5, 1, 8):
        check_against(trace(mode), block, rng.normal(size=(steps, 3, 4)))


def test_mean_and_maximum_by_hand(hybridized):
    block = make("mean+max", hybridized, num_steps=3)
    outputs = np.array([[[1.0, -5.0]], [[4.0, -2.0]], [[1.0, -2.0]]])
    np.testing.assert_allclose(run(block, outputs)[0], [[2.0, -3.0, 4.0, -2.0]], rtol=1e-6)


@pytest.mark.parametrize("mode", ["", "sum", "mean+", "max,mean", "Last"])
def test_unknown_mode_is_refused(mode):
    with pytest.raises(ValueError, match=r"use last, mean, max or mean\+max"):
        Pooling(mode)
