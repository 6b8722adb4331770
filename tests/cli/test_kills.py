"""The quick form of ``make soak``: trainings that are killed at random moments and gone on with."""

import random

import pytest
from commands import load_soak

kills = load_soak("kills")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("task, count", [("images", 3), ("texts", 2)])
def test_a_training_that_is_killed_ends_in_the_same_bytes(tmp_path, random_seed, task, count):
    outcomes = kills.kill_until(task, tmp_path, count, random.Random(random_seed))
    assert sum(outcome.kills for outcome in outcomes) == count
    assert all(outcome.same for outcome in outcomes)
