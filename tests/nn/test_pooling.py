"""Pooling over time, by value."""

from __future__ import annotations

import numpy as np
import oracle
import pytest
from numerics import check_against, run

from gluon_lstm.nn import Pooling

MODES = ["last", "mean", "max", "mean+max", "last+mean+max"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("known", [False, True], ids=["any length", "known length"])
@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 3, 4), (2, 1, 4), (7, 3, 4), (100, 2, 3)])
def test_values_and_gradients(rng, hybridized, mode, known, shape):
    pooling = Pooling(mode, num_steps=shape[0] if known else None)
    pooling.hybridize(hybridized, static_alloc=True, static_shape=True)
    outputs, last = rng.normal(size=shape), rng.normal(size=shape[1:])
    check_against(lambda outputs, last, arrays: oracle.pooling(outputs, last, mode), pooling, outputs, last)
    assert run(pooling, outputs, last)[0].shape == (shape[1], pooling.output_size(shape[2]))


@pytest.mark.parametrize("mode", MODES)
def test_every_batch_size_after_hybridizing(rng, mode):
    pooling = Pooling(mode, num_steps=5)
    pooling.hybridize(static_alloc=True, static_shape=True)
    for size in (3, 1, 8, 3):
        inputs = rng.normal(size=(5, size, 4)), rng.normal(size=(size, 4))
        check_against(lambda outputs, last, arrays: oracle.pooling(outputs, last, mode), pooling, *inputs)


@pytest.mark.parametrize("mode", MODES)
def test_every_length_after_hybridizing(rng, mode):
    pooling = Pooling(mode)
    pooling.hybridize()
    for steps in (5, 1, 8):
        inputs = rng.normal(size=(steps, 3, 4)), rng.normal(size=(3, 4))
        check_against(lambda outputs, last, arrays: oracle.pooling(outputs, last, mode), pooling, *inputs)


def test_mean_and_maximum_by_hand(hybridized):
    outputs = np.array([[[1.0, -5.0]], [[4.0, -2.0]], [[1.0, -2.0]]])
    pooling = Pooling("mean+max", num_steps=3)
    pooling.hybridize(hybridized)
    np.testing.assert_allclose(run(pooling, outputs, np.zeros((1, 2)))[0], [[2.0, -3.0, 4.0, -2.0]], rtol=1e-6)


@pytest.mark.parametrize("mode", ["", "sum", "mean+", "max,mean", "Last"])
def test_unknown_mode_is_refused(mode):
    with pytest.raises(ValueError, match=r"use last, mean, max or mean\+max"):
        Pooling(mode)
