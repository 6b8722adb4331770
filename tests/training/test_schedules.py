import math

import pytest

from gluon_lstm.config import TrainingConfig
from gluon_lstm.training import learning_rate

RATE = 0.4


def rates(steps_per_epoch, **options):
    """Returns the rate of every step of a run."""
    config = TrainingConfig(learning_rate=RATE, **options)
    return [learning_rate(config, step, steps_per_epoch) for step in range(config.epochs * steps_per_epoch)]


def test_constant():
    assert rates(3, epochs=2, schedule="constant", warmup_epochs=0.0) == [RATE] * 6


def test_step_drops_by_a_factor():
    found = rates(2, epochs=7, schedule="step", warmup_epochs=0.0, step_epochs=3, step_factor=0.5)
    assert found == pytest.approx([RATE] * 6 + [RATE / 2] * 6 + [RATE / 4] * 2)


def test_cosine_falls_from_the_greatest_rate_towards_zero():
    found = rates(4, epochs=2, schedule="cosine", warmup_epochs=0.0)
    assert found == pytest.approx([RATE * math.cos(math.pi * step / 16) ** 2 for step in range(8)])
    assert found[0] == RATE
    assert found[4] == pytest.approx(RATE / 2)


@pytest.mark.parametrize("schedule", ["constant", "step", "cosine"])
def test_a_warm_up_rises_in_a_line_to_the_greatest_rate(schedule):
    found = rates(4, epochs=3, schedule=schedule, warmup_epochs=1.0)
    assert found[:5] == pytest.approx([RATE * step / 5 for step in range(1, 6)])


def test_cosine_begins_after_the_warm_up():
    found = rates(4, epochs=3, schedule="cosine", warmup_epochs=1.0)
    assert found[4:] == pytest.approx([RATE * math.cos(math.pi * step / 16) ** 2 for step in range(8)])


def test_a_warm_up_may_take_a_part_of_an_epoch():
    found = rates(3, epochs=2, schedule="constant", warmup_epochs=0.5)
    assert found == pytest.approx([RATE / 2.5, RATE * 2 / 2.5, RATE, RATE, RATE, RATE])


def test_a_warm_up_may_take_the_whole_run():
    found = rates(3, epochs=2, schedule="cosine", warmup_epochs=2.0)
    assert found == pytest.approx([RATE * step / 7 for step in range(1, 7)])
