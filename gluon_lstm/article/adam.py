"""Section 5.1: Adam in the place of a loss."""

from __future__ import annotations

from statistics import fmean, median
from typing import Dict, Iterator, List, Mapping, Optional, Sequence

import numpy as np

from gluon_lstm.article.claim import Claim, Findings, Options, Outcome, Picture, Record, Settings, Table
from gluon_lstm.article.comparison import (
    RATES_TRIED,
    by_variant,
    describe_rates,
    measure_training,
    numbers,
    plan_variants,
    rate_of,
    summary_table,
)
from gluon_lstm.article.verdicts import decide, effect, mean_interval
from gluon_lstm.errors import DivergenceError

RULES = {
    "Adam": ({"optimizer": "adam"}, (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)),
    "RMSProp": ({"optimizer": "rmsprop"}, (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)),
    "momentum": ({"optimizer": "sgd", "momentum": 0.9}, (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)),
    "SGD": ({"optimizer": "sgd", "momentum": 0.0}, (0.03, 0.1, 0.3, 1.0, 3.0, 10.0)),
}
"""Update rules, and the learning rates each may choose from."""
QUICK_RATES = 4
"""The quick form's are so many of these, the greatest."""
LEAST = 10.0
"""Percent of another rule's mean training loss by which Adam's is to be less."""
FORMER_LEAST = 0.05
"""The same in nats, which was judged by until results of the full form had been seen."""


def _plan(settings: Settings) -> List[Options]:
    base = {
        "data": {"dataset": "digits" if settings.quick else "mnist", "augment_shift": 0},
        "model": {"hidden_size": 32 if settings.quick else 64, "bidirectional": False, "dropout": 0.0,
                  "pooling": "last"},
        "training": {"epochs": settings.steps(8, 5), "batch_size": 32 if settings.quick else 128,
                     "schedule": "constant", "warmup_epochs": 0.0, "clip_norm": 1.0},
    }  # fmt: skip
    variants = {
        f"{name} {rate:g}": {"training": {**rule, "learning_rate": rate}}
        for name, (rule, rates) in RULES.items()
        for rate in (rates[-QUICK_RATES:] if settings.quick else rates)
    }
    return plan_variants(settings, base, variants)


def _measure(options: Options, data_dir: Optional[str]) -> Outcome:
    try:
        return measure_training(options, data_dir)
    except DivergenceError:
        return {"diverged": True}


def _by_rule(records: Sequence[Record]) -> Dict[str, Dict[float, List[Record]]]:
    """Returns the records of each update rule at each rate, least first; rates at which a run diverged are left out."""
    rules: Dict[str, Dict[float, List[Record]]] = {}
    for group in by_variant(records).values():
        rates = rules.setdefault(_rule(group), {})
        if not _diverged(group):
            rates[rate_of(group)] = group
    return rules


def _rule(group: Sequence[Record]) -> str:
    return group[0].options["variant"].split()[0]


def _diverged(group: Sequence[Record]) -> bool:
    return any(record.outcome.get("diverged") for record in group)


def _chosen(records: Sequence[Record]) -> Dict[str, List[Record]]:
    """Returns each update rule's records at the rate with the least mean training loss over epochs and seeds."""
    best = [
        min(rates.values(), key=lambda group: fmean(map(_mean_loss, group))) for rates in _by_rule(records).values()
    ]
    return {group[0].options["variant"]: group for group in best}


def _mean_loss(record: Record) -> float:
    return fmean(record.outcome["train_losses"])


def _judge(records: Sequence[Record]) -> Findings:
    chosen = _chosen(records)
    adam = next(iter(chosen.values()))
    checks = [
        effect(f"Adam's training loss, mean over the epochs, is below that of {name.replace(' ', ' at rate ')}",
               [100 * (1 - _mean_loss(own) / _mean_loss(other)) for own, other in zip(adam, group)], LEAST,
               "% of its loss")
        for name, group in list(chosen.items())[1:]
    ]  # fmt: skip
    tables = (_table_of_best(records, chosen), _table_of_all(records))
    return Findings(tuple(checks), tables, notes=tuple(_notes(chosen)))


def _notes(chosen: Mapping[str, Sequence[Record]]) -> Iterator[str]:
    """Yields what the rule of before would say, and Adam's lead at the end."""
    (_, adam), *others = chosen.items()
    former = [effect(name, [_mean_loss(other) - _mean_loss(own) for own, other in zip(adam, group)], FORMER_LEAST,
                     "nats") for name, group in others]  # fmt: skip
    yield f"By the least of before, {FORMER_LEAST:g} nats, the verdict would be “{decide(former).value}”."
    for name, group in others:
        mean, low, high = mean_interval([100 * (1 - _last_loss(own) / _last_loss(other))
                                         for own, other in zip(adam, group)])  # fmt: skip
        yield (f"In the last epoch Adam's lead over “{name}” is {mean:.1f} % of its training loss (95 % interval "
               f"{low:.1f} to {high:.1f}).")  # fmt: skip


def _last_loss(record: Record) -> float:
    return record.outcome["train_losses"][-1]


_COLUMNS = {
    "Training loss, mean over epochs (nats)": _mean_loss,
    "Loss of the last epoch (nats)": _last_loss,
    "Test accuracy": lambda record: record.outcome["test_accuracy"],
}


def _table_of_best(records: Sequence[Record], chosen: Dict[str, List[Record]]) -> Table:
    """Returns the table of each rule at its best rate, and whether that lies inside of the range tried."""
    columns = {**_COLUMNS, "Seconds": lambda record: sum(record.outcome["seconds"])}
    table = summary_table("Each rule at its best rate", chosen, columns, ".3f")
    tried = {name: [rate_of(group) for group in by_variant(records).values() if _rule(group) == _rule(own)]
             for name, own in chosen.items()}  # fmt: skip
    places = [describe_rates(tried[name], rate_of(own)) for name, own in chosen.items()]
    rows = tuple((*row, place) for row, place in zip(table.rows, places))
    return table._replace(columns=(*table.columns, RATES_TRIED), rows=rows)


def _table_of_all(records: Sequence[Record]) -> Table:
    """Returns the table of all rates, those at which a run diverged last."""
    groups = by_variant(records)
    whole = {name: group for name, group in groups.items() if not _diverged(group)}
    table = summary_table("All rates", whole, _COLUMNS, ".3f")
    lost = tuple((name, *["diverged"] * len(_COLUMNS)) for name in groups if name not in whole)
    return table._replace(rows=table.rows + lost)


def _draw(records: Sequence[Record]) -> List[Picture]:
    from gluon_lstm.article.figures import Panel, curve_panels

    losses = {name: np.array(numbers(group, "train_losses")) for name, group in _chosen(records).items()}
    epochs = np.arange(1, 1 + next(iter(losses.values())).shape[1])
    seconds, timed = _over_seconds(_chosen(records), losses, epochs)
    label = "training loss (nats)"
    panels = [
        Panel("At the best rates, by epochs", "epoch", label, epochs, losses),
        Panel("By seconds", "seconds of training", label, seconds, timed, marked=False),
    ]
    what = "Training loss against epochs and against seconds of training"
    return [Picture("loss", f"{what}: median over the seeds, and the range of all", curve_panels(panels))]


def _over_seconds(chosen: Dict[str, List[Record]], losses: Dict[str, np.ndarray], epochs: np.ndarray):
    """Returns points in time, and the losses there: along straight lines between the epochs, NaN outside of them.

    All epochs of a rule take its median time, so that what else the machine did bends no curve.
    """
    paces = {name: median(s for record in group for s in record.outcome["seconds"]) for name, group in chosen.items()}
    points = np.unique([pace * epochs for pace in paces.values()])
    timed = {
        name: np.array([np.interp(points, pace * epochs, one, left=np.nan, right=np.nan) for one in losses[name]])
        for name, pace in paces.items()
    }
    return points, timed


CLAIM = Claim(
    id="adam",
    title="Adam speeds up training",
    says="training is faster with Adam in the place of sparse categorical cross-entropy",
    section="5.1",
    experiment=(
        "One LSTM layer, read out at its last step, is trained with the same loss, cross-entropy, by four update "
        "rules. Each rule gets several learning rates, and is judged at the one with the least mean training loss, so "
        "that none is held back by a rate that suits another; where that is the greatest of all, a greater one "
        "might do better, and the table says so. The runs of a seed share initial weights and the "
        "order of the samples. How fast a rule is, is its training loss averaged over the epochs, which is judged "
        "as a share of the other rule's; seconds are in table and figure, and depend on what else the machine did. "
        "The least that matters was 0.05 nats, about a tenth of the losses of the quick form, until the full form's "
        "results had been seen, of which that is over a third."
        " The range of the rates was moved upwards twice: after a first round all four rules did best at the "
        "greatest of three rates, and after a second at the greatest of four. Rates are about threefold apart, and "
        "chosen by the losses that are judged: a rule whose best one lies in between, or beside one at which it fails, "
        "may be better than it is told here."
    ),
    remark=(
        "As it stands the sentence compares an optimizer with a loss. Sparse categorical cross-entropy says what is "
        "to be made small; Adam says how. A training has one of each, and the article's own programs have both. "
        "What can be asked is whether Adam makes the same loss small sooner than other update rules."
    ),
    plan=_plan,
    measure=_measure,
    judge=_judge,
    draw=_draw,
)
