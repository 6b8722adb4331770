"""Where times were taken."""

import pytest

from gluon_lstm import runtime
from gluon_lstm.article import surroundings
from gluon_lstm.article.claim import Record


@pytest.mark.parametrize("busy, others", [((100.0, 107.0), 1.25), ((100.0, 101.0), 0.0), ((None, None), None)],
                         ids=["busy", "alone", "not known"])  # fmt: skip
def test_other_work_is_what_this_process_did_not_do(monkeypatch, busy, others):
    """In four seconds of the clock, this process used two; all processors together seven, or less for rounding."""
    used = iter([surroundings._Used(0.0, 10.0, busy[0]), surroundings._Used(4.0, 12.0, busy[1])])
    monkeypatch.setattr(surroundings, "_used", lambda: next(used))
    outcome = surroundings.observe(lambda: {"value": 3}, "1 and 2")
    assert outcome["value"] == 3
    assert outcome["surroundings"] == {
        "processor": runtime.describe_processor(), "cores": runtime.physical_cores(), "threads": "1 and 2",
        "others": others,
    }  # fmt: skip


def test_what_was_used_grows():
    first, second = surroundings._used(), surroundings._used()
    assert second.clock > first.clock and second.own >= first.own > 0


def test_machines_are_told_apart():
    def record(processor, others):
        where = {"processor": processor, "cores": 2, "threads": "2", "others": others}
        return Record({}, {"surroundings": where}, 1.0)

    records = [record("A", 0.05), record("B", None), record("A", 0.02)]
    quiet = surroundings.surroundings_table(records)
    assert quiet.title == "Where the times were taken"
    assert quiet.rows == (("A", "2", "2", "2", "0.02 to 0.05"), ("B", "2", "2", "1", "not known"))
    disturbed = surroundings.surroundings_table([*records, record("A", 1.77)])
    assert disturbed.title == "Where the times were taken, while the machine did other work"
