"""What claims share that compare variants of one run over seeds."""

from __future__ import annotations

from statistics import fmean
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from gluon_lstm.article.claim import Options, Outcome, Record, Settings, Table
from gluon_lstm.article.verdicts import Check, effect, mean_interval, without_room

ERRORS_THAT_MATTER = 0.1
"""Share of the other side's errors that matters, where that is less than the points that are asked for."""


def plan_variants(
    settings: Settings, base: Mapping[str, Mapping], variants: Mapping[str, Mapping[str, Mapping]]
) -> List[Options]:
    """Returns the options of each variant with each seed.

    Args:
        settings: how many seeds.
        base: section → field → value, of every variant.
        variants: name → its changes, likewise.
    """
    return [
        {"variant": name, "seed": seed, "config": overlay(base, changes)}
        for name, changes in variants.items()
        for seed in range(settings.seeds)
    ]


def overlay(base: Mapping[str, Mapping], changes: Mapping[str, Mapping]) -> Dict[str, Dict[str, Any]]:
    """Returns sections of options with the changes laid over them."""
    return {name: {**base.get(name, {}), **changes.get(name, {})} for name in (*base, *changes)}


def measure_training(options: Options, data_dir: Optional[str]) -> Outcome:
    """Trains and scores one variant: losses and seconds of each epoch, and how it does on the test split."""
    from gluon_lstm.article.learning import read_options, score, train

    config, splits = read_options(options, data_dir)
    trained = train(config, splits)
    test, training = score(trained.net, splits.test), score(trained.net, splits.train)
    return {
        "train_losses": [epoch["train_loss"] for epoch in trained.epochs],
        "seconds": [epoch["seconds"] for epoch in trained.epochs],
        "train_nll": training.nll,
        "train_accuracy": training.accuracy,
        "test_nll": test.nll,
        "test_accuracy": test.accuracy,
    }


def measure_accuracy(options: Options, data_dir: Optional[str]) -> Outcome:
    """Trains and scores one variant: its test accuracy, 0 where the training diverged, and whether it did."""
    from gluon_lstm.errors import DivergenceError

    try:
        outcome = measure_training(options, data_dir)
    except DivergenceError:
        return {"diverged": True, "test_accuracy": 0.0}
    return {"diverged": False, "test_accuracy": outcome["test_accuracy"]}


def by_variant(records: Sequence[Record]) -> Dict[str, List[Record]]:
    """Returns the records of each variant, in the order of the seeds; a variant without chance has one and no seed."""
    groups: Dict[str, List[Record]] = {}
    for record in records:
        groups.setdefault(record.options["variant"], []).append(record)
    return {name: sorted(group, key=lambda record: record.options.get("seed", 0)) for name, group in groups.items()}


def rate_of(records: Sequence[Record]) -> float:
    """Returns the learning rate of a variant's records."""
    return records[0].options["config"]["training"]["learning_rate"]


def merit(records: Sequence[Record]) -> Tuple[float, float]:
    """Returns what a choice among variants goes by: accuracy on the validation split, then the loss there, negative."""
    return fmean(numbers(records, "validation_accuracy")), -fmean(numbers(records, "validation_nll"))


def numbers(records: Iterable[Record], name: str) -> List[float]:
    """Returns one number of each record's outcome."""
    return [record.outcome[name] for record in records]


def compare(
    says: str,
    better: Sequence[float],
    worse: Sequence[float],
    least: float,
    unit: str,
    scale: float = 1.0,
    room: Optional[float] = None,
    open_because: str = "",
) -> Check:
    """Returns the check that the first numbers exceed the second ones, seed by seed.

    Args:
        says: the sentence examined.
        better: one number a seed, said to be greater.
        worse: likewise, of the same seeds.
        least: least difference that matters, in ``unit``.
        unit: of the difference.
        scale: what differences are multiplied with to be in ``unit``, such as 100 for shares in points.
        room: as of ``effect``.
        open_because: as of ``effect``.
    """
    return effect(says, _differences(says, better, worse, scale), least, unit, room, open_because)


def _differences(says: str, one: Sequence[float], other: Sequence[float], scale: float) -> List[float]:
    """Returns the differences seed by seed."""
    if len(one) != len(other):
        raise ValueError(f"{says}: {len(one)} numbers on one side, {len(other)} on the other")
    return [scale * (first - second) for first, second in zip(one, other)]


def compare_accuracies(
    says: str, better: Sequence[float], worse: Sequence[float], least: float, open_because: str = ""
) -> Check:
    """Returns the check that the first accuracies, shares from 0 to 1, exceed the second ones.

    What matters is ``least`` points, or ``ERRORS_THAT_MATTER`` of the second ones' errors where that is less. Where the
    errors are fewer than that share of ``least``, there is no room for more.
    """
    errors = 100 * (1 - fmean(worse))
    has_room = errors >= ERRORS_THAT_MATTER * least
    if has_room:
        least = min(least, ERRORS_THAT_MATTER * errors)
    check = compare(says, better, worse, least, "points", 100, open_because=open_because)
    return check if has_room else without_room(check)


def same_within(
    says: str, one: Sequence[float], other: Sequence[float], margin: float, unit: str, scale: float = 1.0
) -> Check:
    """Returns the check that two means differ by no more than a margin: two one-sided tests at once (Schuirmann 1987).

    The effect is what is left of the margin. *Yes*: the whole interval of the difference lies within the margin.
    *No*: it lies outside.

    Args:
        says: the sentence examined.
        one: one number a seed.
        other: likewise.
        margin: greatest difference that does not matter, in ``unit``.
        unit: of the difference.
        scale: as of ``compare``.
    """
    mean, low, high = mean_interval(_differences(says, one, other, scale))
    nearest = 0.0 if low <= 0 <= high else min(abs(low), abs(high))
    farthest = max(abs(low), abs(high))
    return Check(says, unit, margin - abs(mean), margin - farthest, margin - nearest, least=0.0, n=len(one))


def summary_table(
    title: str, groups: Mapping[str, Sequence[Record]], columns: Mapping[str, Callable[[Record], float]], form: str
) -> Table:
    """Returns a table of means with their 95 % intervals, a row a group.

    Args:
        title: the table's.
        groups: name → records.
        columns: heading → what is taken from a record.
        form: how a number is written, as of ``format``.
    """
    rows = []
    for name, records in groups.items():
        intervals = [mean_interval([take(record) for record in records]) for take in columns.values()]
        rows.append((name, *(describe(interval, form) for interval in intervals)))
    return Table(title, ("", *columns), tuple(rows))


RATES_TRIED = "Rates tried"
"""Heading of a column of ``describe_rates``."""


def describe_rates(rates: Sequence[float], best: float) -> str:
    """Returns the range of the learning rates that were tried, and whether the best is at an end of it."""
    ends = {rates[0]: ", the best is the least", rates[-1]: ", the best is the greatest"}
    return f"{rates[0]:g} to {rates[-1]:g}{ends.get(best, '')}"


def describe(interval: Tuple[float, float, float], form: str) -> str:
    """Returns a mean and the half width of its interval: ``0.951 ± 0.012``."""
    mean, low, high = interval
    return f"{mean:{form}} ± {(high - low) / 2:{form}}"
