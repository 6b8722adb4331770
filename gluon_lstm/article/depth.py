"""Section 5.2: more layers."""

from __future__ import annotations

from statistics import fmean
from typing import Callable, Dict, Iterator, List, Mapping, Sequence, Tuple

from gluon_lstm.article.claim import Claim, Findings, Options, Picture, Record, Settings
from gluon_lstm.article.comparison import (
    by_variant,
    compare,
    compare_accuracies,
    measure_training,
    numbers,
    plan_variants,
    summary_table,
)
from gluon_lstm.article.verdicts import Check, decide

QUICK_LAYERS, LAYERS = (2, 4), (2, 3, 4)
"""Layers of the deeper nets, in the quick form and in the full."""
EPOCHS = (12, 10)
"""Of all nets, in the quick form and in the full."""
ONE = "1 layer"
LEAST = 0.5
"""Points of test accuracy by which more layers are to be better, where that is no more than a tenth of one's errors."""
FAR = 2.0
"""How many times the training loss of one layer a net's must be to count as far from fitted."""
CLASSES = 10
_MODEL = {"bidirectional": False, "dropout": 0.0, "pooling": "last"}


def equal_width(inputs: int, hidden: int, layers: int) -> int:
    """Returns the units a layer of a stack that learns about as many numbers as one layer of ``hidden`` units."""
    from gluon_lstm.article.sizes import count_weights, equal_units
    from gluon_lstm.config import ModelConfig

    one, stack = (ModelConfig(**_MODEL, hidden_size=hidden, num_layers=number) for number in (1, layers))
    return equal_units(stack, inputs, CLASSES, count_weights(one, inputs, CLASSES))


def _plan(settings: Settings) -> List[Options]:
    dataset, inputs, hidden = ("digits", 8, 32) if settings.quick else ("mnist", 28, 64)
    base = {
        "data": {"dataset": dataset, "augment_shift": 0},
        "model": _MODEL,
        "training": {"epochs": settings.steps(*EPOCHS), "batch_size": 32 if settings.quick else 128,
                     "learning_rate": 0.005, "warmup_epochs": 0.0},
    }  # fmt: skip
    variants = {ONE: {"model": {"hidden_size": hidden, "num_layers": 1}}}
    for layers in QUICK_LAYERS if settings.quick else LAYERS:
        narrow = equal_width(inputs, hidden, layers)
        variants[f"{layers} layers, as wide"] = {"model": {"hidden_size": hidden, "num_layers": layers}}
        variants[f"{layers} layers, as many weights"] = {"model": {"hidden_size": narrow, "num_layers": layers}}
    return plan_variants(settings, base, variants)


def _judge(records: Sequence[Record]) -> Findings:
    groups = by_variant(records)
    checks = _compare_with_one(groups, compare_accuracies)
    named = {f"{name}: {_units(group[0])} units a layer": group for name, group in groups.items()}
    columns = {
        "Test accuracy": lambda record: record.outcome["test_accuracy"],
        "Test loss (nats)": lambda record: record.outcome["test_nll"],
        "Training loss (nats)": lambda record: record.outcome["train_nll"],
    }
    notes = (*_notes(groups), _former_verdict(groups))
    return Findings(checks, (summary_table("By depth", named, columns, ".3f"),), notes=notes)


def _former_verdict(groups: Mapping[str, Sequence[Record]]) -> str:
    """Returns what the rule of before would say."""

    def by_points(says: str, better: Sequence[float], worse: Sequence[float], least: float, open_because: str) -> Check:
        return compare(says, better, worse, least, "points", 100, 100 * (1 - fmean(worse)), open_because)

    verdict = decide(_compare_with_one(groups, by_points)).value
    return (f"By the rule of before, {LEAST:g} points however few errors one layer has, the verdict would be "
            f"“{verdict}”.")  # fmt: skip


def _compare_with_one(groups: Mapping[str, Sequence[Record]], check: Callable[..., Check]) -> Tuple[Check, ...]:
    """Returns the check of each deeper net beside one layer, made by a function such as ``compare_accuracies``."""
    one, unfitted = numbers(groups[ONE], "test_accuracy"), _unfitted(groups)
    return tuple(
        check(f"{name}: a higher test accuracy than of one", numbers(group, "test_accuracy"), one, LEAST,
              "far from fitted" if name in unfitted else "")
        for name, group in groups.items()
        if name != ONE
    )  # fmt: skip


def _notes(groups: Mapping[str, Sequence[Record]]) -> Iterator[str]:
    """Yields a sentence on each deeper net whose training was far from done when that of one layer ended."""
    epochs = groups[ONE][0].options["config"]["training"]["epochs"]
    for name, loss in _unfitted(groups).items():
        yield (f"After {epochs} epochs the training loss of “{name}” is {loss:.3f} nats, that of one layer "
               f"{_training_loss(groups[ONE]):.3f}: the deeper net is far from fitted, and what it would do after more "
               "epochs is not answered here.")  # fmt: skip


def _unfitted(groups: Mapping[str, Sequence[Record]]) -> Dict[str, float]:
    """Returns the nets that are far from fitted beside one layer, with their mean training losses."""
    losses = {name: _training_loss(group) for name, group in groups.items()}
    return {name: loss for name, loss in losses.items() if loss > FAR * losses[ONE]}


def _training_loss(group: Sequence[Record]) -> float:
    return fmean(numbers(group, "train_nll"))


def _units(record: Record) -> int:
    return record.options["config"]["model"]["hidden_size"]


def _draw(records: Sequence[Record]) -> List[Picture]:
    from gluon_lstm.article.figures import Group, point_panels

    groups = by_variant(records)
    panels = [
        Group("Test accuracy", "accuracy", {name: numbers(group, "test_accuracy") for name, group in groups.items()},
              is_share=True),
        Group("Test loss", "nats", {name: numbers(group, "test_nll") for name, group in groups.items()}),
    ]
    return [Picture("layers", "Each seed, and the mean with its 95 % interval", point_panels(panels))]


CLAIM = Claim(
    id="depth",
    title="More layers",
    says="further LSTM layers, which make the network deeper, improve it",
    section="5.2",
    experiment=(
        "One, two and four LSTM layers, in the full form three too, read out at the last step, are trained alike for "
        f"the same number of epochs, {EPOCHS[0]} in the quick form and {EPOCHS[1]} in the full: once with as many "
        "units a layer, so that a deeper net learns more numbers, and once with fewer, so that all learn about as "
        f"many. All have one learning rate. A net whose training loss is then more than {FAR:g} times that of one "
        "layer is far from fitted, and its check stays open."
    ),
    remark=(
        "That layers can be added is true of any network. The sentence means that it helps, which depends on the "
        "task and on what is held equal."
    ),
    plan=_plan,
    measure=measure_training,
    judge=_judge,
    draw=_draw,
)
