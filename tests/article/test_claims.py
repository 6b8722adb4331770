"""What holds of every claim, and the numbers that single ones compute."""

import json
from dataclasses import replace

import numpy as np
import pytest

from gluon_lstm.article import CLAIMS, Settings, adam, augmentation, find_claims, sequences
from gluon_lstm.article.augmentation import shift_columns
from gluon_lstm.article.claim import Record
from gluon_lstm.article.depth import equal_width
from gluon_lstm.article.gradients import CEILING, kept_norms, reach, updates_to_solve
from gluon_lstm.article.stability import deviations
from gluon_lstm.article.text import accuracy_by_length
from gluon_lstm.article.verdicts import decide
from gluon_lstm.config import Config, merge
from gluon_lstm.data import load_splits
from gluon_lstm.errors import ConfigError, DivergenceError

EMBEDDED = {"digits", "sentences"}
each_claim = pytest.mark.parametrize("claim", CLAIMS.values(), ids=CLAIMS)
each_form = pytest.mark.parametrize("quick", [True, False], ids=["quick", "full"])


@each_form
@each_claim
def test_a_plan_has_each_run_once_with_each_seed(claim, quick):
    plan = claim.plan(Settings(quick=quick, seeds=3))
    texts = [json.dumps(options, sort_keys=True) for options in plan]
    assert len(set(texts)) == len(texts)
    seeds = [options["seed"] for options in plan if "seed" in options]  # what has none is without chance
    assert [seeds.count(seed) for seed in range(3)] == [len(seeds) / 3] * 3 and len(seeds) > len(plan) / 2


@each_claim
def test_more_seeds_add_runs_alone(claim):
    few, more = (claim.plan(Settings(quick=True, seeds=seeds)) for seeds in (2, 4))
    assert all(options in more for options in few)


@each_form
@each_claim
def test_configurations_are_valid_and_quick_ones_need_no_download(claim, quick):
    for options in claim.plan(Settings(quick=quick, seeds=2)):
        if "config" in options:
            config = merge(Config(), options["config"])
            assert not quick or config.data.dataset in EMBEDDED


@each_claim
def test_a_share_cuts_the_steps(claim):
    def steps(share):
        plan = claim.plan(Settings(quick=True, seeds=2, share=share))
        epochs = [o["config"]["training"]["epochs"] for o in plan if "training" in o.get("config", {})]
        return sum(epochs) + sum(o.get("updates", 0) * o.get("rounds", 1) for o in plan)

    assert 0 < steps(0.1) < steps(0.5) < steps(1.0)


def test_claims_stand_in_the_order_of_the_articles_sections():
    first = [tuple(map(int, claim.section.split(",")[0].split("."))) for claim in CLAIMS.values()]
    assert first == sorted(first)


def test_claims_are_found_in_their_order():
    assert find_claims([]) == list(CLAIMS.values())
    assert [claim.id for claim in find_claims(["adam", "cell", "adam"])] == ["cell", "adam"]


@pytest.mark.parametrize("name, hint", [("gradient", "did you mean 'gradients'?"), ("zzz", "choose from gradients, ")])
def test_an_unknown_claim_is_told(name, hint):
    with pytest.raises(ConfigError) as error:
        find_claims(["adam", name])
    assert str(error.value).startswith(f"{name}: no such claim; {hint}")


@pytest.mark.parametrize("options", [{"seeds": 1}, {"seeds": 101}, {"share": 0.0}, {"share": 1.5}], ids=str)
def test_settings_out_of_range_are_refused(options):
    with pytest.raises(ConfigError, match="must be"):
        Settings(**options)


@pytest.mark.parametrize("name", ["cell", "gradients"])
def test_runs_on_generated_tasks_are_judged_and_drawn(name):
    claim = CLAIMS[name]
    plan = claim.plan(Settings(quick=True, seeds=2, share=0.01))
    small = [{**options, "steps": 4, "hidden_size": 3} for options in plan]
    records = [Record(options, claim.measure(options, None), 0.0) for options in small]
    again = claim.measure(small[-1], None)
    assert again == records[-1].outcome, "a run's options decide its outcome"
    findings = claim.judge(records)
    assert len(findings.checks) >= 3 and all(len(table.rows) >= 2 for table in findings.tables)
    pictures = claim.draw(records)
    assert all(picture.figure.axes and picture.caption for picture in pictures)
    assert len({picture.name for picture in pictures}) == len(pictures)


def made_up(name, outcome_of, quick=True, seeds=3):
    """Returns a record for each run of a claim, with the outcome that ``outcome_of`` has of its options."""
    plan = CLAIMS[name].plan(Settings(quick=quick, seeds=seeds))
    return [Record(options, outcome_of(options), 0.0) for options in plan]


@pytest.mark.parametrize("left, expected", [(0.0, ["unit, gain 1"]), (0.1, [])], ids=["forgets", "remembers"])
def test_less_than_chance_is_told_of_a_unit_that_forgets(left, expected):
    """With gain 1 less than half is told in every seed, with the others as much as by chance."""

    def outcome(options):
        accuracy = (0.47 if options.get("gain") == 1 else 0.499) + options["seed"] / 1000
        return {"accuracy": accuracy, "left": left, "still": 1.0, "rounds": 9.0, "saturated": 0.1}

    notes = CLAIMS["cell"].judge(made_up("cell", outcome)).notes
    told = [note.split(" even")[0] for note in notes if " even the whole interval" in note]
    assert told == [f"With “{name}”" for name in expected]


def test_the_unit_that_forgets_and_the_one_that_saturates_are_told():
    """By hand: with gain 1 nothing is left, with gain 64 more than half of the outputs are at their ends."""

    def outcome(options):
        gain = options.get("gain")
        return {"accuracy": 0.7, "left": 0.0 if gain == 1 else 0.3, "still": 1.0, "rounds": 9.0,
                "saturated": 0.75 if gain == 64 else 0.5}  # fmt: skip

    assert CLAIMS["cell"].judge(made_up("cell", outcome)).notes == (
        "With “unit, gain 1” the unit forgets: of the state before an input less than 0.1% is left after it.",
        "With “unit, gain 64” the unit saturates: 75% of its outputs are nearer than 0.05 to 0 or 1.",
    )


@pytest.mark.parametrize("chrono, plain, answer, told", [(0.9, 0.5, "yes", True), (0.55, 0.9, "open", False)])
def test_a_cell_that_has_learnt_nothing_is_no_control(chrono, plain, answer, told):
    """By hand: the RNN tells 0.52; the LSTM that is judged is the one with the chrono start."""
    accuracies = {"LSTM": plain, "LSTM, chrono start": chrono, "LSTM, chrono start, untrained": 0.6, "RNN": 0.52}

    def outcome(options):
        accuracy = accuracies.get(options["variant"], 0.5) + options["seed"] / 1000
        return {"accuracy": accuracy, "left": 0.5, "still": 1.0, "rounds": 9.0, "saturated": 0.1}

    findings = CLAIMS["cell"].judge(made_up("cell", outcome))
    as_well, better = findings.checks[-2:]
    assert as_well.mean == pytest.approx(100 * (0.5 - 0.6) + 5)
    assert (better.mean, better.answer) == (pytest.approx(100 * (chrono - 0.52)), answer)
    is_told = any("bias of 1 has learnt nothing here: it starts by letting 73% " in note for note in findings.notes)
    assert is_told == told


def test_a_deeper_net_that_is_far_from_fitted_is_told():
    """By hand: of all, only one has more than twice the training loss of one layer."""
    losses = {"1 layer": 0.25, "2 layers, as many weights": 0.45, "4 layers, as many weights": 0.75}

    def outcome(options):
        return {"test_accuracy": 0.9, "test_nll": 0.5, "train_nll": losses.get(options["variant"], 0.2)}

    findings = CLAIMS["depth"].judge(made_up("depth", outcome))
    note, former = findings.notes
    assert {check.says.partition(":")[0] for check in findings.checks if check.answer == "open"} == {
        "4 layers, as many weights"
    }
    assert note.startswith("After 12 epochs the training loss of “4 layers, as many weights” is 0.750 nats, that of ")
    assert former.endswith("would be “not supported”.")


def test_by_the_rule_of_before_a_tenth_of_the_errors_was_not_enough():
    """By hand: 0.4 points more are less than 0.5 points, and more than a tenth of one layer's 3 % of errors."""

    def outcome(options):
        accuracy = 0.97 if options["variant"] == "1 layer" else 0.974
        return {"test_accuracy": accuracy, "test_nll": 0.1, "train_nll": 0.1}

    findings = CLAIMS["depth"].judge(made_up("depth", outcome))
    assert decide(findings.checks).value == "supported"
    assert findings.notes == (
        "By the rule of before, 0.5 points however few errors one layer has, the verdict would be “not supported”.",
    )


def test_adams_verdict_is_told_by_the_least_of_before_and_its_lead_at_the_end():
    """By hand: losses of 0.02 and 0.01 against 0.04 and 0.02 are half, and their means 0.015 nats apart."""

    def outcome(options):
        losses = [0.02, 0.01] if options["variant"].startswith("Adam") else [0.04, 0.02]
        return {"train_losses": losses, "seconds": [1.0, 1.0], "test_accuracy": 0.9}

    findings = CLAIMS["adam"].judge(made_up("adam", outcome))
    former, *leads = findings.notes
    assert decide(findings.checks).value == "supported"
    assert former == "By the least of before, 0.05 nats, the verdict would be “not supported”."
    assert len(leads) == 3 and all("is 50.0 % of its training loss (95 % interval 50.0 to" in text for text in leads)


@pytest.mark.parametrize("small, great, expected", [
    (1.0, 0.5, {"With the best weights with which its output stops changing (unit, gain 1)": "no",
                "With the best of all weights (unit, gain 4)": "yes"}),
    (0.6, 0.5, {"Its output stops changing in 95 of 100 cases (unit, gain 1)": "no",
                "With the best of all weights (unit, gain 4)": "yes"}),
    (1.0, 1.0, {"With the best weights with which its output stops changing (unit, gain 4)": "yes"}),
], ids=["the small ones settle", "none does", "all do"])  # fmt: skip
def test_a_unit_has_to_settle_and_to_remember_at_once(small, great, expected):
    """By hand: units of great weights remember, and those of small ones do not."""

    def outcome(options):
        is_small = options.get("gain") == 1
        return {"accuracy": 0.5 if is_small else 0.9, "left": 0.5, "still": small if is_small else great,
                "rounds": 5.0, "saturated": 0.1}  # fmt: skip

    checks = CLAIMS["cell"].judge(made_up("cell", outcome)).checks[:-2]
    assert {check.says.partition("), the unit")[0].rstrip(")") + ")": check.answer for check in checks} == expected


@pytest.mark.parametrize("bag, lstm, mean, answer", [
    ((0.6, 0.6), (0.7, 0.9), 20, "yes"),
    ((0.6, 0.6), (0.7, 0.7), 0, "no"),
    ((0.6, 0.5), (0.985, 0.99), 10.5, "open"),
], ids=["grows", "does not", "is the counts' alone"])  # fmt: skip
def test_a_lead_is_compared_between_the_longest_and_the_shortest_texts(bag, lstm, mean, answer):
    """By hand: accuracies of the first quarter and of the last."""

    def outcome(options):
        first, last = lstm if options["variant"] == "LSTM" else bag
        return {"test_accuracy": first, "lengths": [5, 8, 9, 20], "accuracies": [first, 0.5, 0.5, last],
                "validation_accuracy": 0.5, "validation_nll": 0.7, "penalty": 1.0}  # fmt: skip

    findings = CLAIMS["text"].judge(made_up("text", outcome))
    (check,) = [check for check in findings.checks if "longest quarter" in check.says]
    assert (check.mean, check.answer) == (pytest.approx(mean), answer) and len(findings.checks) == 3
    assert findings.tables[0].columns[-1] == "Texts 4 of 4, up to 20 tokens read"


def test_texts_are_contested_by_the_rnn_of_the_rate_that_validates_best():
    """By hand: on the test texts another rate does better, and still does not count."""
    test, validation = {0.0015: 0.9, 0.005: 0.7, 0.015: 0.6}, {0.0015: 0.5, 0.005: 0.8, 0.015: 0.8}

    def outcome(options):
        rate = options["config"].get("training", {}).get("learning_rate")
        accuracy = 0.8 if options["variant"] == "LSTM" else test.get(rate, 0.5)
        return {"test_accuracy": accuracy, "lengths": [5, 8, 9, 20], "accuracies": [accuracy] * 4,
                "validation_accuracy": validation.get(rate, 0),
                "validation_nll": 1 if rate == 0.015 else 0.5, "penalty": 0.1}  # fmt: skip

    findings = CLAIMS["text"].judge(made_up("text", outcome))
    (check,) = [check for check in findings.checks if check.says.endswith("above that of RNN")]
    assert check.mean == pytest.approx(10)
    assert findings.notes == (
        "sentences: on the validation split the RNN does best at a rate of 0.005 (tried: 0.0015 to 0.015), and the "
        "counts at C = 0.1 (tried: 0.001 to 10).",
    )
    assert [row[:2] for row in findings.tables[0].rows][:2] == [
        ("bag of words", "0.500"), ("RNN, rate 0.0015", "0.900 ± 0.000")
    ]  # fmt: skip


def test_accuracy_by_length_is_counted_by_hand():
    """Nine texts: three in the first part, of lengths 1, 2 and 2, and two in each other."""
    lengths = np.array([2, 9, 1, 5, 6, 2, 7, 3, 8])
    correct = np.array([1, 0, 1, 1, 0, 0, 1, 1, 0], bool)
    assert accuracy_by_length(correct, lengths) == ([2, 5, 7, 9], [pytest.approx(2 / 3), 1.0, 0.5, 0.0])


@pytest.mark.parametrize("diverged, answer", [(0, "open"), (1, "yes")], ids=["none diverges", "the RNN does"])
def test_stability_is_judged_by_what_diverges_and_by_spread(diverged, answer):
    """By hand: an RNN is at 0.2, 0.6 and 1 by rate, and seeds are 0.1 apart; an LSTM is at 0.9 whatever it gets."""

    def outcome(options):
        if options["config"]["model"]["encoder"] == "lstm":
            return {"test_accuracy": 0.9, "diverged": False}
        accuracy = {0.001: 0.2, 0.01: 0.6, 0.1: 1.0}[options["config"]["training"]["learning_rate"]]
        return {"test_accuracy": accuracy + options["seed"] / 10, "diverged": bool(diverged)}

    shares, rates, seeds, *_ = CLAIMS["stability"].judge(made_up("stability", outcome)).checks
    assert (shares.mean, shares.answer) == (pytest.approx(100 * diverged), answer)
    assert rates.mean == pytest.approx(100 * 0.4 * (2 / 3) ** 0.5)
    assert seeds.mean == pytest.approx(100 * (0.1 + 0 + 0.1) / 3)


def test_deviations_are_distances_from_the_median():
    """By hand, of three seeds at two rates, whose medians are 2 and 5."""
    assert deviations([[1, 5], [2, 9], [4, 4]]) == [0.5, 2.0, 1.5]


@pytest.mark.parametrize("loss, told", [(0.0001, 1), (0.1, 0)], ids=["by heart", "not yet"])
def test_a_gap_that_is_the_test_loss_is_told(loss, told):
    def outcome(options):
        return {"train_nll": loss, "test_nll": 0.5, "test_accuracy": 0.9, "noisy_accuracy": 0.8,
                "calibration_error": 0.1}  # fmt: skip

    assert len(CLAIMS["dropout"].judge(made_up("dropout", outcome)).notes) == told


@pytest.mark.parametrize("quick, name, seeds", [(True, "mnist", 3), (False, "mnist", 5), (False, "depth", 3)])
def test_claims_have_their_own_number_of_seeds(quick, name, seeds):
    settings = Settings(quick=quick)
    assert settings.of(CLAIMS[name]).seeds == seeds
    assert replace(settings, seeds=4).of(CLAIMS[name]).seeds == 4


@pytest.mark.parametrize("losses, expected", [([0.9, 0.21, 0.19, 0.5], 30), ([0.1], 10), ([0.9, 0.3], None)])
def test_a_task_is_solved_at_the_first_small_loss(losses, expected):
    """By hand: a tenth of a baseline of 2."""
    updates = list(range(10, 10 * len(losses) + 1, 10))
    assert updates_to_solve({"baseline": 2.0, "updates": updates, "losses": losses}) == expected


def test_tasks_of_several_lengths_are_drawn_against_them():
    """The full form's plan with made-up outcomes that solve every task at their second note; half of them end there."""
    claim, records = CLAIMS["gradients"], []
    for options in claim.plan(Settings(quick=False, seeds=2)):
        ended = {"updates": [1, 2], "losses": [1.0, 0.09]}
        curve = {"updates": [1, 2, 3], "losses": [1.0, 0.09, 0.03]} if options["seed"] else ended
        made_up = {"baseline": 1.0, "loss": 0.5 + options["seed"] / 10, **curve}
        norms = {"norms_before": [1e-3, 1e-2], "norms_after": [1e-2, 1e-2]} if options["task"] == "adding" else {}
        records.append(Record(options, {**made_up, **norms}, 0.0))
    pictures = {picture.name: picture for picture in claim.draw(records)}
    assert [len(line.get_xdata()) for ax in pictures["lengths"].figure.axes for line in ax.get_lines()] == [4] * 8
    (line, *_), *_ = (ax.get_lines() for ax in pictures["learning"].figure.axes)
    np.testing.assert_allclose(line.get_xydata(), [(1, 1.0), (2, 0.09), (3, 0.06)])
    tables = claim.judge(records).tables
    lengths = "50 150 400 784 50 150 400 750 784"
    assert [table.title.rpartition("= ")[2] for table in tables] == lengths.split()
    assert {row[-1] for table in tables[:-1] for row in table.rows} == {"2 of 2, 2 updates"}


def test_losses_are_drawn_against_epochs_and_against_seconds():
    """By hand: SGD's epochs take two seconds, those of the others one, and the curves reach as far."""
    records = []
    for record in adam_records(lambda rule, rate: 1.0):
        slow = record.options["variant"].startswith("SGD")
        records.append(record._replace(outcome={**record.outcome, "seconds": [1.0 + slow, 1.0 + slow]}))
    (picture,) = CLAIMS["adam"].draw(records)
    axes = picture.figure.axes
    epochs, seconds = ({line.get_label().lstrip("_"): line for line in ax.get_lines()} for ax in axes)
    assert list(epochs) == list(seconds)
    for name, line in seconds.items():
        known = np.isfinite(line.get_ydata())
        pace = 2 if name.startswith("SGD") else 1
        assert line.get_xdata()[known].min() == pace and line.get_xdata()[known].max() == 2 * pace
        ends = line.get_ydata()[known][[0, -1]]
        np.testing.assert_allclose(ends, epochs[name].get_ydata())


def test_the_full_form_has_every_depth_up_to_four():
    names = {options["variant"] for options in CLAIMS["depth"].plan(Settings(quick=False, seeds=2))}
    assert {name.split()[0] for name in names} == {"1", "2", "3", "4"}


@pytest.mark.parametrize("pixels, expected", [(1, [0, 1, 2]), (-1, [2, 3, 0]), (0, [1, 2, 3]), (2, [0, 0, 1])])
def test_columns_move_and_zeros_come_in(pixels, expected):
    assert shift_columns(np.array([[[1, 2, 3]]]), pixels).tolist() == [[expected]]


def test_more_images_than_the_training_split_has_are_the_validation_splits_too():
    splits = load_splits(merge(Config(), {"data": {"dataset": "digits", "limit_train": 100, "augment_shift": 1}}))
    whole, same = (augmentation._training_images(size, splits) for size in (101, 100))
    assert len(whole) == 100 + len(splits.validation) and len(same) == 100
    np.testing.assert_array_equal(whole.images[100:], splits.validation.images)
    np.testing.assert_array_equal(whole.labels, np.concatenate([splits.train.labels, splits.validation.labels]))
    assert whole.augmentation == splits.train.augmentation and whole.augmentation.shift == 1


@pytest.mark.parametrize("layers", [2, 4])
def test_equal_widths_learn_about_as_many_numbers(layers):
    """Both biases of an LSTM layer, and a dense layer of ten classes, are counted by hand."""

    def count(units, layers):
        return 4 * units * (28 + units + 2 + (layers - 1) * (2 * units + 2)) + 10 * (units + 1)

    assert abs(count(equal_width(28, 128, layers), layers) / count(128, 1) - 1) < 0.03
    assert equal_width(28, 128, 1) == 128


def test_reach_is_in_decades_from_the_last_step_but_one_to_the_first():
    assert reach([1e-5, 1e-3, 1e-2, 7.0]) == pytest.approx(-3)
    assert reach([1e5, 1e3, 0.0]) == pytest.approx(2)
    assert reach([0.0, 1.0, 1.0]) == pytest.approx(-38)
    assert reach([CEILING] * 3) == pytest.approx(-38)  # a broken net lets no gradient pass


@pytest.mark.parametrize("lstm, answer, rows", [
    ([0.1, 0.1, 0.1], "yes", 1), ([0.0, 0.1, 0.1], "open", 2),
], ids=["one side", "both sides"])  # fmt: skip
def test_a_gradient_that_float32_cannot_hold_is_a_bound(lstm, answer, rows):
    """By hand: after training nothing is left of the RNN's gradient, which is 37 decades or more."""
    norms = {"RNN": [0.0, 0.1, 0.1], "LSTM, forget bias 1": lstm}

    def outcome(options):
        after = norms.get(options["variant"], [0.1, 0.1, 0.1])
        return {"baseline": 1.0, "loss": 1.0, "updates": [1], "losses": [1.0], "norms_before": [0.1, 0.1, 0.1],
                **({"norms_after": after} if options["updates"] else {})}  # fmt: skip

    findings = CLAIMS["gradients"].judge(made_up("gradients", outcome))
    (check,) = (check for check in findings.checks if check.says.startswith("After training"))
    assert check.answer == answer and (check.mean == pytest.approx(37)) == (answer == "yes")
    table = findings.tables[-1]
    assert table.title == "Runs whose gradient leaves what float32 holds" and len(table.rows) == rows
    assert table.rows[0] == ("RNN, T = 30", "0 of 3", "3 of 3")


@pytest.mark.parametrize("norms, expected", [
    ([3.0, 2.0, 1.0], [3.0, 2.0, 1.0]),
    ([np.nan, np.inf, 1e30, 1.0], [CEILING, CEILING, 1e30, 1.0]),
    ([2.0, np.nan, 1e39, 1.0], [CEILING, CEILING, CEILING, 1.0]),
    ([np.nan, np.nan], [CEILING, CEILING]),
    ([1.23456789e-20, 0.000123454, 0.0], [1.2346e-20, 0.00012345, 0.0]),
])  # fmt: skip
def test_norms_have_five_digits_and_are_the_greatest_number_where_they_overflow(norms, expected):
    assert kept_norms(np.array(norms)) == expected


def test_a_gradient_that_explodes_over_many_steps_is_kept_in_the_file():
    """A plain RNN with great weights: float32 cannot hold its gradient at the first of 784 steps."""
    options = {"variant": "RNN", "task": "adding", "steps": 784, "updates": 0, "gain": 4.0, "seed": 4, "encoder": "rnn",
               "hidden_size": 64, "batch_size": 20, "learning_rate": 0.002}  # fmt: skip
    norms = CLAIMS["gradients"].measure(options, None)["norms_before"]
    assert json.loads(json.dumps(norms, allow_nan=False)) == norms and len(norms) == 784
    assert norms[0] == CEILING and 0 < norms[-1] < 10 and reach(norms) > 37


def test_a_training_whose_loss_is_not_finite_counts_as_ten_baselines(monkeypatch):
    def diverge(*arguments):
        return sequences.Errors([1, 2], [0.5, float("nan")])

    monkeypatch.setattr(sequences, "train_reader", diverge)
    monkeypatch.setattr(sequences, "mean_loss", lambda *arguments: float("inf"))
    options = {"task": "adding", "steps": 4, "updates": 2, "gain": 1.0, "seed": 0, "encoder": "rnn", "hidden_size": 3,
               "batch_size": 2, "learning_rate": 0.002}  # fmt: skip
    outcome = CLAIMS["gradients"].measure(options, None)
    assert outcome["losses"] == [0.5, pytest.approx(10 / 6)] and outcome["loss"] == pytest.approx(10 / 6)


def adam_records(level_of):
    """Returns a record for each run of ``adam``; its mean loss is what ``level_of`` says of rule and rate."""
    records = []
    for options in CLAIMS["adam"].plan(Settings(quick=True, seeds=2)):
        level = level_of(*options["variant"].split())
        losses = [level + 0.5 + options["seed"] / 100, level - 0.5 + options["seed"] / 100]
        records.append(Record(options, {"train_losses": losses, "test_accuracy": 0.9, "seconds": [1.0, 1.0]}, 2.0))
    return records


@pytest.mark.parametrize("worse, better", [("SGD", "Adam"), ("Adam", "SGD")])
def test_adam_is_judged_at_each_rules_best_rate(worse, better):
    """By hand: the rule said to be better has a mean loss of 1, the other of 2, at the best of their rates."""
    levels = {better: 1.0, worse: 2.0}
    records = adam_records(lambda rule, rate: levels.get(rule, 1.5) + (0 if rate == "0.3" else 5))
    checks = {check.says.split()[-4]: check for check in CLAIMS["adam"].judge(records).checks}
    assert checks["SGD"].mean == pytest.approx(50 * (1 - 1 / 2 + 1 - 1.01 / 2.01 if better == "Adam" else
                                                     1 - 2 / 1 + 1 - 2.01 / 1.01))  # fmt: skip
    assert checks["SGD"].answer == ("yes" if better == "Adam" else "no")
    assert checks["RMSProp"].unit == "% of its loss" and (checks["RMSProp"].mean > 0) == (better == "Adam")


def test_adams_table_tells_a_best_rate_at_the_end_of_its_range():
    """Of four rates each, the greatest is best for Adam, the least for SGD, another for the rest."""
    best = {"Adam": "0.3", "SGD": "0.3", "momentum": "1", "RMSProp": "0.1"}
    table, _ = CLAIMS["adam"].judge(adam_records(lambda rule, rate: 1.0 + (rate != best[rule]))).tables
    assert {row[0]: row[-1] for row in table.rows} == {
        "Adam 0.3": "0.01 to 0.3, the best is the greatest",
        "RMSProp 0.1": "0.01 to 0.3",
        "momentum 1": "0.1 to 3",
        "SGD 0.3": "0.3 to 10, the best is the least",
    }


def test_a_rate_at_which_a_run_diverged_is_no_rules_best_and_is_told():
    records = adam_records(lambda rule, rate: 1.0 + (rate != "0.3"))
    lost = next(n for n, record in enumerate(records) if record.options["variant"] == "Adam 0.3")
    records[lost] = records[lost]._replace(outcome={"diverged": True})
    best, everything = CLAIMS["adam"].judge(records).tables
    assert best.rows[0][0] == "Adam 0.01" and everything.rows[-1] == ("Adam 0.3", *["diverged"] * 3)
    assert len(everything.rows) == 16


def test_a_run_of_adam_that_diverges_is_an_outcome(monkeypatch):
    def diverge(options, data_dir):
        raise DivergenceError("step 3: the loss is not finite")

    monkeypatch.setattr(adam, "measure_training", diverge)
    assert CLAIMS["adam"].measure({}, None) == {"diverged": True}
