"""The claim on parallel computation, on made-up times and once on real ones."""

import pytest

from gluon_lstm import runtime
from gluon_lstm.article import CLAIMS, Settings, parallel
from gluon_lstm.article.claim import Record

CLAIM = CLAIMS["parallel"]
SPEEDUPS = {"RNN": 1.0, "RNN, as many weights": 1.6, "GRU": 1.5, "LSTM": 1.5, "Transformer": 1.8}


def made_up(threads=(1, 2)):
    """Returns records in which an LSTM's step takes T·H μs, a plain RNN's half, others twice, and threads help as told.

    In the second seed everything takes three times as long.
    """
    records = []
    for options in CLAIM.plan(Settings(quick=True, seeds=2)):
        times = []
        for key in parallel._cases(options):
            factor = {"LSTM": 1.0, "RNN": 0.5}.get(key.net, 2.0) * (1 if key.way == "hybridized" else 4)
            whole = factor * key.shape.steps * key.shape.hidden_size / 1000 * (1 + 2 * options["seed"])
            for count in threads:
                value = whole if count == 1 else whole / SPEEDUPS[key.net]
                times.append({"net": key.net, "way": key.way, "shape": key.shape._asdict(), "threads": count,
                              "milliseconds": value})  # fmt: skip
        where = {"processor": "Example", "cores": max(threads), "threads": "1 and 2", "others": 0.0}
        records.append(Record(options, {"times": times, "surroundings": where}, 1.0))
    return records


def test_ratios_of_times_are_judged():
    """By hand, with two threads: the LSTM's step takes T·H / 1.5, the RNN's T·H / 2, the large one's 2·T·H / 1.6."""
    same, large, more, more_than_large, transformer = CLAIM.judge(made_up()).checks
    assert (same.mean, same.answer) == (pytest.approx(100 * (1.5 / 2 - 1)), "no")
    assert (large.mean, large.answer) == (pytest.approx(100 * (2 * 1.5 / 1.6 - 1)), "yes")
    assert (more.mean, more.answer) == (pytest.approx(1.5 - 1.0), "yes")
    assert (more_than_large.mean, more_than_large.answer) == (pytest.approx(1.5 - 1.6), "no")
    assert (transformer.mean, transformer.answer) == (pytest.approx(1.5 - 1.8), "no")


def test_what_is_slowed_down_is_not_sped_up_more(monkeypatch):
    monkeypatch.setitem(SPEEDUPS, "LSTM", 0.99)
    monkeypatch.setitem(SPEEDUPS, "RNN", 0.8)
    less, *more = CLAIM.judge(made_up()).checks[2:]
    assert (less.answer, less.open_because) == ("open", "a second thread slows the LSTM down")
    assert less.mean == pytest.approx(0.19)
    assert [(check.answer, check.open_because) for check in more] == [("no", ""), ("no", "")]


def test_seeds_that_differ_are_told():
    """By hand: the LSTM's step takes 32·64 μs / 1.5 with two threads, in the second seed three times as long."""
    steps, speedups = CLAIM.judge(made_up()).notes
    assert "T = 32, H = 64 took 1.37 to 4.10 ms (2 threads)" in steps
    assert "the LSTM's is 1.50 to 1.50," in speedups
    (alone,) = CLAIM.judge(made_up(threads=(1,))).notes
    assert "took 2.05 to 6.14 ms (1 thread)" in alone


def test_speedups_are_drawn_beside_a_line_where_there_is_none():
    _, picture = CLAIM.draw(made_up())
    lines = picture.figure.axes[0].get_lines()
    assert [1.0, 1.0] in [list(line.get_ydata()) for line in lines if line.get_linestyle() == "--"]


def test_tables_have_the_ratios():
    tables = {table.title.split(" (")[0]: table for table in CLAIM.judge(made_up()).tables}
    ratios = {row[0]: row[1:] for row in tables["Time of a training step, as a multiple of the LSTM's"].rows}
    assert ratios["LSTM"] == ("1.00 ± 0.00",) * 5 and ratios["RNN"] == ("0.75 ± 0.00",) * 5
    assert {row[0]: row[1] for row in tables["Speed-up by a second thread"].rows} == {
        net: f"{value:.2f} ± 0.00" for net, value in SPEEDUPS.items()
    }
    ways = {row[0]: row[2] for row in tables["Ways to run a net, T = 32, H = 64"].rows}
    assert ways["LSTM, hybridized"] == "1.00 ± 0.00" and ways["LSTM, cell by cell, not hybridized"] == "4.00 ± 0.00"
    assert "Transformer, not hybridized" in ways and "Transformer, cell by cell, hybridized" not in ways
    assert tables["Where the times were taken"].rows == (("Example", "2", "1 and 2", "2", "0.00 to 0.00"),)


def test_without_a_second_core_two_threads_are_not_judged():
    findings = CLAIM.judge(made_up(threads=(1,)))
    assert [check.mean for check in findings.checks] == pytest.approx([-50, 100])
    assert not any("second thread" in table.title for table in findings.tables)
    assert [picture.name for picture in CLAIM.draw(made_up(threads=(1,)))] == ["times"]


def test_the_larger_rnn_has_as_many_weights():
    (options, _) = CLAIM.plan(Settings(quick=True, seeds=2))
    cases = {key.net: case for key, case in parallel._cases(options).items() if key.shape == (32, 64)}
    assert cases["RNN"].model["hidden_size"] == cases["LSTM"].model["hidden_size"] == 64
    # 4·64·(32 + 64 + 2) + 10·65 = 25,738 against H·(32 + H + 2) + 10·(H + 1), which is nearest at H = 140.
    assert cases["RNN, as many weights"].model["hidden_size"] == 140


@pytest.mark.parametrize("cores, seed, order", [(2, 0, [1, 2]), (2, 1, [2, 1]), (1, 0, [1])], ids=str)
def test_every_other_seed_begins_with_two_threads(monkeypatch, cores, seed, order):
    asked = []

    def time_all(cases, measurement, threads):
        asked.append(threads)
        return [float(threads)] * len(cases)

    monkeypatch.setattr(runtime, "physical_cores", lambda: cores)
    monkeypatch.setattr(parallel, "time_in_process", time_all)
    options = CLAIM.plan(Settings(quick=True, seeds=2))[seed]
    outcome = CLAIM.measure(options, None)
    assert asked == order
    assert outcome["surroundings"]["threads"] == " and ".join(map(str, sorted(order)))
    assert len(outcome["times"]) == len(order) * len(parallel._cases(options))
    assert all(kept["milliseconds"] == kept["threads"] for kept in outcome["times"])


def test_real_steps_are_timed_judged_and_drawn(monkeypatch):
    """With two threads, whatever this machine has."""
    monkeypatch.setattr(runtime, "physical_cores", lambda: 2)
    (options, _) = CLAIM.plan(Settings(quick=True, seeds=2, share=0.1))
    small = {**options, "steps": [2, 3], "hidden_sizes": [4, 8], "base": {"steps": 2, "hidden_size": 4},
             "batch_size": 2, "updates": 1}  # fmt: skip
    outcome = CLAIM.measure(small, None)
    assert all(kept["milliseconds"] > 0 for kept in outcome["times"])
    records = [Record({**small, "seed": seed}, outcome, 1.0) for seed in range(2)]
    assert len(CLAIM.judge(records).checks) == 5
    pictures = CLAIM.draw(records)
    assert len(pictures) == 2 and all(picture.figure.axes and picture.caption for picture in pictures)
