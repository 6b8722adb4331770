"""A claim whose runs cost nothing."""

from __future__ import annotations

import pytest

from gluon_lstm.article import CLAIMS, Claim, Findings, Table, effect
from gluon_lstm.article.claim import Picture


class Counting:
    """A claim's ``measure`` that takes note of what it is asked for, and may be told to fail.

    Attributes:
        asked: seeds of the runs made.
        fails_at: number of the call that raises, from 1; ``None`` for none.
    """

    def __init__(self):
        self.asked, self.fails_at = [], None

    def __call__(self, options, data_dir):
        self.asked.append(options["seed"])
        if len(self.asked) == self.fails_at:
            raise KeyboardInterrupt
        return {"value": options["seed"] + 1.0}


def judge(records):
    """Returns one check and one table of the records' values."""
    values = [record.outcome["value"] for record in records]
    rows = tuple((f"seed {seed}", f"{value:.1f}") for seed, value in enumerate(values))
    table = Table("Values", ("", "value"), rows)
    return Findings((effect("Values exceed 0 | by far", values, 0.5, "points"),), (table,))


def draw(records):
    """Returns one picture."""
    from gluon_lstm.article.figures import Group, point_panels

    values = [record.outcome["value"] for record in records]
    return [Picture("values", "The values", point_panels([Group("Values", "points", {"all": values})]))]


@pytest.fixture
def measure() -> Counting:
    """What makes the fake claim's runs."""
    return Counting()


@pytest.fixture
def claim(measure, monkeypatch) -> Claim:
    """A claim of one run a seed, listed among the others."""
    fake = Claim(
        id="fake",
        title="A claim",
        says="something | with a bar",
        section="9.9",
        experiment="Nothing is measured.",
        remark="Nothing is wrong.",
        plan=lambda settings: [{"seed": seed} for seed in range(settings.seeds)],
        measure=measure,
        judge=judge,
        draw=draw,
    )
    monkeypatch.setitem(CLAIMS, fake.id, fake)
    return fake
