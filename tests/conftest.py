"""What every test gets: seeded random streams; and what every test of a block asks for: eager, then hybridized."""

from __future__ import annotations

import os
import zlib

import numpy as np
import pytest

from gluon_lstm import runtime


@pytest.fixture(autouse=True)
def random_seed(request) -> int:
    """Seeds Python, NumPy and MXNet from the test's name, or from $TEST_SEED; a failure's report shows the seed."""
    seed = int(os.environ.get("TEST_SEED") or zlib.crc32(request.node.nodeid.encode()) >> 1)
    request.node.add_report_section("setup", "seed", f"TEST_SEED={seed}")
    runtime.seed_everything(seed)
    return seed


@pytest.fixture
def rng(random_seed) -> np.random.Generator:
    """A random stream of the test's own."""
    return np.random.default_rng(random_seed)


@pytest.fixture(params=[False, True], ids=["eager", "hybridized"])
def hybridized(request) -> bool:
    """Whether the test's blocks are to be hybridized; the test runs both ways."""
    return request.param
