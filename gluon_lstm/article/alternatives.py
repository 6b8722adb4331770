"""Section 5.2: GRU and Transformer in the LSTM's place."""

from __future__ import annotations

from statistics import median
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence

import numpy as np

from gluon_lstm import runtime
from gluon_lstm.article.claim import Claim, Findings, Options, Outcome, Picture, Record, Settings, Table
from gluon_lstm.article.comparison import (
    RATES_TRIED,
    by_variant,
    describe_rates,
    merit,
    overlay,
    rate_of,
    summary_table,
)
from gluon_lstm.article.surroundings import DISTURBED, is_disturbed, observe, surroundings_table
from gluon_lstm.article.verdicts import Check, effect

LSTM, ALTERNATIVES = "LSTM", ("GRU", "Transformer")
NETS = {LSTM: "lstm", "GRU": "gru", "Transformer": "transformer", "RNN": "rnn"}
"""The plain RNN is in the full form alone, as a floor."""
PACES = "paces"
"""Variant of the runs that time all nets in turn."""
RATES = {
    True: ((0.003, 0.01, 0.03), (0.003, 0.01, 0.03)),
    False: ((0.0003, 0.001, 0.003, 0.01, 0.03), (0.0001, 0.0003, 0.001, 0.003, 0.01)),
}
"""Whether the form is the quick one → learning rates that each net may choose from, of images and of texts."""
MARGIN = 2.0
"""Points by which an alternative may be less accurate and still count as doing as well."""


class Task(NamedTuple):
    """A data set and how nets are trained on it.

    Attributes:
        features: C, numbers of a time step; of texts, of a token's vector.
        classes: K.
        transformer_units: units of the Transformer, whose number of weights the others are given.
        rates: learning rates that each net may choose from.
        config: section → field → value, of every net.
    """

    features: int
    classes: int
    transformer_units: int
    rates: Sequence[float]
    config: Dict[str, Dict[str, Any]]


def _tasks(settings: Settings) -> Dict[str, Task]:
    """Returns the tasks of the form, by data set."""
    quick = settings.quick
    images = _config(0.0, settings.steps(8, 5), 32 if quick else 128)
    texts = _config(0.2, settings.steps(4, 6), 32 if quick else 64)
    images["data"] = {"augment_shift": 0}
    features, units = (32, 32) if quick else (128, 64)
    texts["model"].update(embedding_size=features, embedding_dropout=0.2)
    return {
        "digits" if quick else "mnist": Task(8 if quick else 28, 10, units, RATES[quick][0], images),
        "sentences" if quick else "sst2": Task(features, 2, units, RATES[quick][1], texts),
    }


def _config(dropout: float, epochs: int, batch_size: int) -> Dict[str, Dict[str, Any]]:
    return {
        "model": {"bidirectional": False, "dropout": dropout, "pooling": "last"},
        "training": {"epochs": epochs, "batch_size": batch_size, "schedule": "constant", "warmup_epochs": 0.0},
    }


def _plan(settings: Settings) -> List[Options]:
    plans: List[Options] = []
    for dataset, task in _tasks(settings).items():
        configs = _net_configs(dataset, task, settings.quick)
        for net, config in configs.items():
            for rate in task.rates:
                trained = overlay(config, {"training": {"learning_rate": rate}})
                plans += [{"variant": f"{net}, rate {rate:g}", "net": net, "dataset": dataset, "seed": seed,
                           "config": trained} for seed in range(settings.seeds)]  # fmt: skip
        plans += [{"variant": PACES, "dataset": dataset, "seed": seed, "configs": configs, "steps_a_round": 5,
                   "rounds": settings.steps(6, 20)} for seed in range(settings.seeds)]  # fmt: skip
    return plans


def _net_configs(dataset: str, task: Task, quick: bool) -> Dict[str, Dict[str, Dict[str, Any]]]:
    """Returns each net's configuration, its learning rate left out, with as many weights as the others have.

    The number is the Transformer's, whose units go by steps.
    """
    from gluon_lstm.article.sizes import count_weights, equal_units
    from gluon_lstm.config import ModelConfig

    models = {
        net: ModelConfig(**{**task.config["model"], "encoder": encoder, "hidden_size": task.transformer_units})
        for net, encoder in NETS.items()
        if not (quick and net == "RNN")
    }
    target = count_weights(models["Transformer"], task.features, task.classes)
    configs = {}
    for net, model in models.items():
        units = equal_units(model, task.features, task.classes, target)
        changes = {"data": {"dataset": dataset}, "model": {"encoder": NETS[net], "hidden_size": units}}
        configs[net] = overlay(task.config, changes)
    return configs


def _measure(options: Options, data_dir: Optional[str]) -> Outcome:
    if options["variant"] == PACES:
        return observe(lambda: _time_nets(options, data_dir), runtime.describe()["threads"])
    return _train(options, data_dir)


def _time_nets(options: Options, data_dir: Optional[str]) -> Outcome:
    """Times all nets in turn: each one's seconds an epoch, from the median round."""
    from gluon_lstm.article.learning import read_options, time_steps
    from gluon_lstm.data import num_batches

    seed, nets = options["seed"], options["configs"]
    read = [read_options({"config": config, "seed": seed}, data_dir) for config in nets.values()]
    configs, splits = [config for config, _ in read], read[0][1]
    seconds = time_steps(configs, splits, options["rounds"], options["steps_a_round"])
    steps = num_batches(len(splits.train), configs[0].training.batch_size)
    return {"paces": {net: steps * median(rounds) for net, rounds in zip(nets, seconds)}}


def _train(options: Options, data_dir: Optional[str]) -> Outcome:
    """Trains a net; its accuracies on the test split are that of guessing, then those after each epoch."""
    from gluon_lstm.article.learning import read_options, score, train
    from gluon_lstm.nn import count_parameters

    config, splits = read_options(options, data_dir)
    trained = train(config, splits, lambda net: {"test_accuracy": score(net, splits.test).accuracy})
    validation, net = score(trained.net, splits.validation), trained.net
    return {
        "parameters": count_parameters(net.classifier if splits.train.symbols else net),
        "accuracies": [1 / len(splits.test.class_names), *(epoch["test_accuracy"] for epoch in trained.epochs)],
        "validation_accuracy": validation.accuracy,
        "validation_nll": validation.nll,
    }


class Contest(NamedTuple):
    """What was measured of one data set.

    Attributes:
        dataset: its name.
        variants: the records of each net at each rate.
        chosen: net → its records at the rate that does best on the validation split.
        timed: seed → net → seconds an epoch.
        is_disturbed: whether the machine did other work while they were taken.
    """

    dataset: str
    variants: Dict[str, List[Record]]
    chosen: Dict[str, List[Record]]
    timed: Dict[int, Dict[str, float]]
    is_disturbed: bool


def _contests(records: Sequence[Record]) -> List[Contest]:
    """Returns what was measured of each data set."""
    names = dict.fromkeys(record.options["dataset"] for record in records)
    return [_contest(name, [record for record in records if record.options["dataset"] == name]) for name in names]


def _contest(dataset: str, records: Sequence[Record]) -> Contest:
    variants = by_variant(records)
    paces = variants.pop(PACES)
    timed = {record.options["seed"]: record.outcome["paces"] for record in paces}
    nets = dict.fromkeys(group[0].options["net"] for group in variants.values())
    chosen = {
        net: max((group for group in variants.values() if group[0].options["net"] == net), key=merit) for net in nets
    }
    return Contest(dataset, variants, chosen, timed, is_disturbed(paces))


def _epochs(group: Sequence[Record]) -> int:
    return len(group[0].outcome["accuracies"]) - 1


def _budget(paces: Mapping[str, float], epochs: int) -> float:
    """Returns the seconds that all nets are given: what the quickest of LSTM and alternatives needs for all epochs."""
    return epochs * min(paces[net] for net in (LSTM, *ALTERNATIVES))


def _accuracy_in_time(contest: Contest, record: Record) -> float:
    """Returns the test accuracy after the seconds that are given, along straight lines between the epochs.

    Seconds and budget are those of the record's seed, so that an interval over seeds is of times as well.
    """
    paces, accuracies = contest.timed[record.options["seed"]], record.outcome["accuracies"]
    epochs = _budget(paces, len(accuracies) - 1) / paces[record.options["net"]]
    return float(np.interp(epochs, range(len(accuracies)), accuracies))


def _at_end(contest: Contest, net: str) -> List[float]:
    return [record.outcome["accuracies"][-1] for record in contest.chosen[net]]


def _in_time(contest: Contest, net: str) -> List[float]:
    return [_accuracy_in_time(contest, record) for record in contest.chosen[net]]


def _judge(records: Sequence[Record]) -> Findings:
    contests = _contests(records)
    checks = [check for contest in contests for net in ALTERNATIVES for check in _checks(contest, net)]
    tables = [table for contest in contests for table in (_budget_table(contest), _rates_table(contest))]
    timed = [record for record in records if record.options["variant"] == PACES]
    return Findings(tuple(checks), (*tables, surroundings_table(timed)))


def _checks(contest: Contest, net: str) -> List[Check]:
    """Returns the checks that an alternative does as well as the LSTM, within either budget."""
    budgets = {"with as many parameters and epochs": _at_end, "with as many parameters and seconds": _in_time}
    checks = []
    for words, read in budgets.items():
        own, lstm = read(contest, net), read(contest, LSTM)
        says = f"{contest.dataset}: {words}, a {net} does as well as an LSTM, {MARGIN:g} points allowed"
        leads = [100 * (one - other) + MARGIN for one, other in zip(own, lstm)]
        untold = "both have all right" if min(*own, *lstm) == 1 else ""
        if read is _in_time and contest.is_disturbed:
            untold = DISTURBED
        checks.append(effect(says, leads, 0.0, "points", open_because=untold))
    return checks


def _budget_table(contest: Contest) -> Table:
    """Returns the table of all nets at their rates, by both budgets."""
    columns = {
        "Parameters": lambda record: record.outcome["parameters"],
        "Seconds an epoch": lambda record: contest.timed[record.options["seed"]][record.options["net"]],
        "Test accuracy after all epochs": lambda record: record.outcome["accuracies"][-1],
        "In the quickest net's seconds": lambda record: _accuracy_in_time(contest, record),
    }
    named = {_name(group[0]): group for group in contest.chosen.values()}
    places = [_place(contest, net) for net in contest.chosen]
    title = f"{contest.dataset}: each net at its best rate, {_epochs(contest.chosen[LSTM])} epochs"
    table = summary_table(title, named, columns, ".3f")
    rows = ((row[0], f"{group[0].outcome['parameters']:,}", *row[2:], place)
            for row, group, place in zip(table.rows, named.values(), places))  # fmt: skip
    return table._replace(columns=(*table.columns, RATES_TRIED), rows=tuple(rows))


def _place(contest: Contest, net: str) -> str:
    """Returns the range of the rates that a net was trained at, and whether its best is at an end of it."""
    groups = [group for group in contest.variants.values() if group[0].options["net"] == net]
    return describe_rates([rate_of(group) for group in groups], rate_of(contest.chosen[net]))


def _name(record: Record) -> str:
    """Returns a net, its units and its rate: ``GRU of 61 units, rate 0.01``."""
    net = record.options["net"]
    units = record.options["config"]["model"]["hidden_size"]
    return record.options["variant"].replace(net, f"{net} of {units} units", 1)


def _rates_table(contest: Contest) -> Table:
    columns = {
        "Validation accuracy": lambda record: record.outcome["validation_accuracy"],
        "Validation loss (nats)": lambda record: record.outcome["validation_nll"],
        "Test accuracy": lambda record: record.outcome["accuracies"][-1],
    }
    return summary_table(f"{contest.dataset}: all rates, after all epochs", contest.variants, columns, ".3f")


def _draw(records: Sequence[Record]) -> List[Picture]:
    from gluon_lstm.article.figures import Group, curve_panels, point_panels

    contests = _contests(records)
    points = [
        Group(contest.dataset, "test accuracy", {net: _at_end(contest, net) for net in contest.chosen}, is_share=True)
        for contest in contests
    ]
    caption = "Test accuracy after all epochs, with as many parameters: each seed, and the mean with its 95 % interval"
    curves = "Test accuracy against seconds of training: median over the seeds, and the range of all"
    return [
        Picture("parameters", caption, point_panels(points)),
        Picture("time", curves, curve_panels([_curve_panel(contest) for contest in contests])),
    ]


def _curve_panel(contest: Contest) -> Any:
    """Returns the panel of accuracies against seconds, an epoch's the median over the seeds, up to the last epoch."""
    from gluon_lstm.article.figures import Panel

    epochs = np.arange(_epochs(contest.chosen[LSTM]) + 1)
    paces = {net: median(seed[net] for seed in contest.timed.values()) for net in contest.chosen}
    seconds = sorted({pace * epoch for pace in paces.values() for epoch in epochs})
    curves = {
        net: np.array([np.interp(seconds, paces[net] * epochs, record.outcome["accuracies"], right=np.nan)
                       for record in group])
        for net, group in contest.chosen.items()
    }  # fmt: skip
    return Panel(contest.dataset, "seconds", "test accuracy", seconds, curves, marked=False)


CLAIM = Claim(
    id="alternatives",
    title="GRU and Transformer instead",
    says="other kinds of networks, such as a GRU or a Transformer, can take the LSTM's place",
    section="5.2",
    experiment=(
        "One layer of each kind is trained on images and on texts by Adam, read out at its last step; all have about "
        "as many parameters, which are counted in the nets themselves (of texts, without the tokens' vectors, which "
        "are the same for all). Every net may choose from the same learning rates, by its accuracy on the validation "
        "split after all epochs. That the article is right is taken to mean that an alternative does as well as the "
        f"LSTM: its test accuracy is no more than {MARGIN:g} points below. An effect is the alternative's accuracy "
        f"less the LSTM's, plus the {MARGIN:g} points. It is judged twice: after as many epochs, and after as many "
        "seconds of training, namely those that the quickest of the three needs for all epochs. How long an epoch "
        "takes is measured apart, for each seed with all nets in turn on the same batches, and is the median over the "
        "rounds. Accuracies between two epochs are on a straight line. The seconds, and so the answers to the second "
        "question, are this machine's: the last table names it, and says how much other work it did meanwhile; where "
        "that was much, they stay open until the claim's JSON file is deleted and all is timed anew. The full form "
        "has a plain RNN beside, as a floor. The learning rate is constant, so that a training that is cut off is not "
        "one whose rate never fell. Once results had been seen, the quick form's least rate, 0.001, which no net had "
        "chosen, was left out for time, and rates were added beyond those at the ends that nets had chosen."
    ),
    remark=(
        "The article lists this among ways to extend the network. A GRU (Cho et al. 2014) is an LSTM's sibling with "
        "three quarters of its weights; a Transformer (Vaswani et al. 2017) has no recurrence at all, and is no "
        "extension but another network. That steps follow one another, which a recurrent net brings along, it has to "
        "learn from the samples; whether that is what it lacks where it does worse is not measured here."
    ),
    plan=_plan,
    measure=_measure,
    judge=_judge,
    draw=_draw,
)
