"""The claim on alternatives, on made-up records and once on real ones."""

import pytest

from gluon_lstm.article import CLAIMS, Settings
from gluon_lstm.article.claim import Record
from gluon_lstm.article.sizes import count_weights
from gluon_lstm.config import Config, merge

CLAIM = CLAIMS["alternatives"]
ENDS = {"LSTM": 0.90, "GRU": 0.89, "Transformer": 0.90}
PACES = {"LSTM": 1.0, "GRU": 0.5, "Transformer": 2.0}
WHERE = {"processor": "Example", "cores": 2, "threads": "2"}


def made_up(others=0.0):
    """Returns records whose accuracies rise on a straight line from 0 to ``ENDS``, an epoch each of ``PACES`` seconds.

    At greater rates all are better on the test split, and worse on the validation split. In one seed of three every
    net was timed as ten times as slow.
    """
    records = []
    for options in CLAIM.plan(Settings(quick=True, seeds=3)):
        if options["variant"] == "paces":
            slow = 10 if options["seed"] == 2 else 1
            paces = {net: slow * pace for net, pace in PACES.items()}
            outcome = {"paces": paces, "surroundings": {**WHERE, "others": others}}
        else:
            training = options["config"]["training"]
            more = {0.003: 0.0, 0.01: 0.05, 0.03: 0.06}[training["learning_rate"]]
            end, epochs = ENDS[options["net"]] + more, training["epochs"]
            outcome = {
                "parameters": 1000,
                "accuracies": [end * epoch / epochs for epoch in range(epochs + 1)],
                "validation_accuracy": 0.8 - abs(more),
                "validation_nll": 0.5,
            }
        records.append(Record(options, outcome, 1.0))
    return records


def test_both_budgets_are_judged_at_the_rate_that_validates_best():
    """By hand: the GRU is done first, when the LSTM has made half of its epochs and the Transformer a quarter."""
    checks = CLAIM.judge(made_up()).checks
    assert [check.says.split(":")[0] for check in checks] == ["digits"] * 4 + ["sentences"] * 4
    expected = [
        (100 * (0.89 - 0.90) + 2, "yes"),
        (100 * (0.89 - 0.45) + 2, "yes"),
        (100 * (0.90 - 0.90) + 2, "yes"),
        (100 * (0.225 - 0.45) + 2, "no"),
    ]
    for part in (checks[:4], checks[4:]):
        assert [check.mean for check in part] == pytest.approx([mean for mean, _ in expected])
        assert [check.answer for check in part] == [answer for _, answer in expected]


def test_seconds_of_a_busy_machine_answer_nothing():
    checks = CLAIM.judge(made_up(others=0.5)).checks
    reasons = {check.open_because for check in checks if "seconds" in check.says}
    assert reasons == {"the machine did other work"} and not any(c.open_because for c in checks if "epochs" in c.says)


def test_each_seed_has_seconds_of_its_own():
    """By hand: where the GRU is as quick as the Transformer in one seed, the Transformer has all epochs there."""
    records = made_up()
    for record in records:
        if record.options["variant"] == "paces" and record.options["seed"] == 1:
            record.outcome["paces"] = {"LSTM": 3.0, "GRU": 2.0, "Transformer": 2.0}
    check = next(check for check in CLAIM.judge(records).checks if "seconds, a Transformer" in check.says)
    assert check.mean == pytest.approx(2 + (2 * 100 * (0.225 - 0.45) + 100 * (0.90 - 0.60)) / 3)


def test_tables_tell_accuracies_within_both_budgets():
    best, rates, *_, where = CLAIM.judge(made_up()).tables
    assert best.columns[-2:] == ("In the quickest net's seconds", "Rates tried")
    rows = {row[0].split()[0]: row for row in best.rows}
    assert rows["Transformer"][1] == "1,000" and rows["Transformer"][3:-1] == ("0.900 ± 0.000", "0.225 ± 0.000")
    assert rows["GRU"][3:-1] == ("0.890 ± 0.000", "0.890 ± 0.000")
    assert rows["Transformer"][0] == "Transformer of 32 units, rate 0.003"
    assert rows["Transformer"][-1] == "0.003 to 0.03, the best is the least"
    assert len(rates.rows) == 9 and where.rows[0][0] == "Example"


def test_pictures_show_each_data_set():
    points, curves = CLAIM.draw(made_up())
    assert [ax.get_title() for ax in points.figure.axes] == ["digits", "sentences"]
    (digits, _) = curves.figure.axes
    ends = {line.get_label(): max(line.get_xdata()[line.get_ydata() >= 0]) for line in digits.get_lines()}
    assert ends == {net: 8 * pace for net, pace in PACES.items()}, "each curve ends with its net's last epoch"


@pytest.mark.parametrize("quick", [True, False], ids=["quick", "full"])
def test_all_nets_learn_about_as_many_numbers(quick):
    counts = {}
    for options in CLAIM.plan(Settings(quick=quick, seeds=2)):
        if options["variant"] == "paces":
            continue
        model = merge(Config(), options["config"]).model
        shape = {"digits": (8, 10), "mnist": (28, 10)}.get(options["dataset"], (model.embedding_size, 2))
        counts.setdefault(options["dataset"], {})[options["net"]] = count_weights(model, *shape)
    for found in counts.values():
        assert (
            set(found) == set(ENDS) | ({"RNN"} if not quick else set())
            and max(found.values()) / min(found.values()) < 1.03
        )


@pytest.mark.parametrize("dataset, classes", [("digits", 10), ("sentences", 2)])
def test_real_runs_are_judged_and_drawn(dataset, classes):
    plan = CLAIM.plan(Settings(quick=True, seeds=2, share=0.1))
    records = []
    for options in plan:
        if options["dataset"] == dataset and options["variant"].endswith(("rate 0.01", "paces")):
            for config in [options["config"]] if "config" in options else options["configs"].values():
                config["data"]["limit_train"] = 40
            records.append(Record(options, CLAIM.measure(options, None), 0.0))
    timed, trained = records[-2:], records[:-2]
    assert all(set(r.outcome["paces"]) == set(ENDS) and min(r.outcome["paces"].values()) > 0 for r in timed)
    assert {record.outcome["accuracies"][0] for record in trained} == {1 / classes}
    assert all(len(r.outcome["accuracies"]) == r.options["config"]["training"]["epochs"] + 1 for r in trained)
    parameters = {record.outcome["parameters"] for record in trained}
    assert len(parameters) == 3 and max(parameters) / min(parameters) < 1.03, "counted in the nets that were trained"
    findings = CLAIM.judge(records)
    assert len(findings.checks) == 4 and len(CLAIM.draw(records)) == 2
