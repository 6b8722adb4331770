"""The quick form of the watch over memory: a round of all that it repeats, and what it makes of sizes."""

import random

import pytest
from commands import load_soak

endurance = load_soak("endurance")


def test_a_round_trains_evaluates_and_takes_steps(random_seed, monkeypatch):
    commands = []
    monkeypatch.setattr(endurance, "STEPS_A_ROUND", 3)
    run = endurance.run_command
    monkeypatch.setattr(endurance, "run_command", lambda arguments: (commands.append(arguments[0]), run(arguments)))
    next(endurance.rounds(random.Random(random_seed)))
    assert commands == ["train", "evaluate"]
    assert endurance.resident_mib() > 50


def test_a_command_that_fails_ends_the_watch():
    with pytest.raises(SystemExit, match="evaluate nowhere: ended with code 2\n.*nowhere"):
        endurance.run_command(["evaluate", "nowhere"])


def test_growth_compares_the_end_with_what_follows_the_first_ten_minutes():
    samples = [endurance.Sample(minute, size) for minute, size in
               [(1, 50), (9.9, 90), (10, 100), (14, 104), (15, 500), (114, 500), (115.5, 106), (120, 108)]]  # fmt: skip
    assert endurance.growth(samples) == {
        "minutes": 120, "settled_mib": 102, "end_mib": 107, "growth": pytest.approx(5 / 102)
    }  # fmt: skip
