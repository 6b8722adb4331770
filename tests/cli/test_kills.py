"""The quick form of ``make soak``: trainings that are killed at random moments and gone on with."""

import random
import shutil

import pytest
from commands import TINY, load_soak

kills = load_soak("kills")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("task, count", [("images", 1), ("texts", 1)])
def test_a_training_that_is_killed_ends_in_the_same_bytes(tmp_path, random_seed, task, count):
    outcomes = kills.kill_until(task, tmp_path, count, random.Random(random_seed))
    assert sum(outcome.kills for outcome in outcomes) == count
    assert all(outcome.same for outcome in outcomes)
    assert all(outcome.at_work <= outcome.kills for outcome in outcomes)


def test_what_a_process_at_work_says(cli, tmp_path):
    """So that kills in training are told from those in the start, which nothing can be lost in."""
    begun, again = (cli("train", *options).err for options in (
        (*TINY, "--dataset", "digits", "--output", tmp_path / "run"), ("--resume", tmp_path / "run"),
    ))  # fmt: skip
    assert kills.AT_WORK[0] in begun
    shutil.rmtree(tmp_path / "run" / "checkpoints")
    assert kills.AT_WORK[1] in cli("train", "--resume", tmp_path / "run").err
    assert not any(words in again for words in kills.AT_WORK)  # it is done
