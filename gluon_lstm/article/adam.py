"""Section 5.1: Adam in the place of a loss."""

from __future__ import annotations

from statistics import fmean
from typing import Dict, List, Sequence

import numpy as np

from gluon_lstm.article.claim import Claim, Findings, Options, Picture, Record, Settings
from gluon_lstm.article.comparison import by_variant, compare, measure_training, numbers, plan_variants, summary_table

RATES = {
    "Adam": ({"optimizer": "adam"}, (0.001, 0.003, 0.01, 0.03)),
    "RMSProp": ({"optimizer": "rmsprop"}, (0.001, 0.003, 0.01, 0.03)),
    "momentum": ({"optimizer": "sgd", "momentum": 0.9}, (0.01, 0.03, 0.1, 0.3)),
    "SGD": ({"optimizer": "sgd", "momentum": 0.0}, (0.1, 0.3, 1.0, 3.0)),
}
"""Update rules, and the learning rates each may choose from."""
LEAST = 0.05
"""Nats of mean training loss: about a sixth of what these runs have on average."""


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
        for name, (rule, rates) in RATES.items()
        for rate in rates
    }
    return plan_variants(settings, base, variants)


def _chosen(records: Sequence[Record]) -> Dict[str, List[Record]]:
    """Returns each update rule's records at the rate with the least mean training loss over epochs and seeds."""
    groups = by_variant(records)
    chosen = {}
    for name, (_, rates) in RATES.items():
        best = min((groups[f"{name} {rate:g}"] for rate in rates), key=lambda group: fmean(map(_mean_loss, group)))
        chosen[best[0].options["variant"]] = best
    return chosen


def _mean_loss(record: Record) -> float:
    return fmean(record.outcome["train_losses"])


def _judge(records: Sequence[Record]) -> Findings:
    chosen = _chosen(records)
    adam = next(iter(chosen.values()))
    checks = [
        compare(f"Adam's training loss, mean over the epochs, is below that of {name.replace(' ', ' at rate ')}",
                list(map(_mean_loss, group)), list(map(_mean_loss, adam)), LEAST, "nats")
        for name, group in list(chosen.items())[1:]
    ]  # fmt: skip
    columns = {
        "Training loss, mean over epochs (nats)": _mean_loss,
        "Loss of the last epoch (nats)": lambda record: record.outcome["train_losses"][-1],
        "Test accuracy": lambda record: record.outcome["test_accuracy"],
        "Seconds": lambda record: sum(record.outcome["seconds"]),
    }
    tables = (summary_table("Each rule at its best rate", chosen, columns, ".3f"),
              summary_table("All rates", by_variant(records), dict(list(columns.items())[:3]), ".3f"))  # fmt: skip
    return Findings(tuple(checks), tables)


def _draw(records: Sequence[Record]) -> List[Picture]:
    from gluon_lstm.article.figures import Panel, curve_panels

    chosen = _chosen(records)
    losses = {name: np.array(numbers(group, "train_losses")) for name, group in chosen.items()}
    epochs = range(1, 1 + next(iter(losses.values())).shape[1])
    panel = Panel("Update rules at their best rates", "epoch", "training loss (nats)", epochs, losses)
    caption = "Training loss of each epoch: median over the seeds, and the range of all"
    return [Picture("loss", caption, curve_panels([panel]))]


CLAIM = Claim(
    id="adam",
    title="Adam speeds up training",
    says="training is faster with Adam in the place of sparse categorical cross-entropy",
    section="5.1",
    experiment=(
        "One LSTM layer, read out at its last step, is trained with the same loss, cross-entropy, by four update "
        "rules. Each rule gets four learning rates, and is judged at the one with the least mean training loss, so "
        "that none is held back by a rate that suits another; where that is the greatest of the four, a greater one "
        "might do better. The runs of a seed share initial weights and the "
        "order of the samples. How fast a rule is, is its training loss averaged over the epochs; seconds are in "
        "the table, and depend on what else the machine did."
        " The greatest rate of each rule was added after a first round in which all did best at the greatest of "
        "three."
    ),
    remark=(
        "As it stands the sentence compares an optimizer with a loss. Sparse categorical cross-entropy says what is "
        "to be made small; Adam says how. A training has one of each, and the article's own programs have both. "
        "What can be asked is whether Adam makes the same loss small sooner than other update rules."
    ),
    plan=_plan,
    measure=measure_training,
    judge=_judge,
    draw=_draw,
)
