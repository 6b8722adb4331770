"""What the claims about the article's two programs share: its presets, a linear model, Keras, and how they compare."""

from __future__ import annotations

import json
import os
from functools import partial
from itertools import chain
from typing import Any, Dict, List, Mapping, Optional, Sequence

import numpy as np

from gluon_lstm.article.claim import Options, Outcome, Picture, Record, Settings, Table
from gluon_lstm.article.comparison import (
    by_variant,
    compare,
    compare_accuracies,
    measure_accuracy,
    numbers,
    overlay,
    summary_table,
)
from gluon_lstm.article.faults import ABSENT, Fault, collect_told, is_of_faults, measure_faults, tell_versions
from gluon_lstm.article.peers import ask, find_keras
from gluon_lstm.article.verdicts import Check
from gluon_lstm.config import PRESETS

LINEAR = "linear model"
LEARNS = 50.0
"""Points above the most frequent class's share from which on a program has learnt, of about 90 with ten classes."""
LEAST_LEAD = 1.0
"""Points above a linear model that matter."""
THRESHOLDS = (
    f"A program counts as having learnt from {LEARNS:g} points above the share of the most frequent class on, and as "
    f"better than the linear model from {LEAST_LEAD:g} point on, or a tenth of its errors where that is less."
)
"""What is judged of a program's accuracy, for the pages."""


def plan_programs(settings: Settings, variants: Mapping[str, Mapping[str, Any]]) -> List[Options]:
    """Returns the options of every variant with each seed, and those of the linear model, which has none.

    Args:
        settings: form and seeds.
        variants: name → ``preset``, ``epochs`` of the quick form, and where they differ ``view``,
            ``cell_activation`` and ``program``, which is ``keras`` for Keras.
    """
    plans = []
    for name, variant in variants.items():
        options = {"variant": name, "program": variant.get("program", "here"), "config": _config(settings, variant)}
        plans += [{**options, "seed": seed} for seed in range(settings.seeds)]
    data = {"data": {"dataset": _dataset(settings), "view": "rows", "augment_shift": 0}}
    return [*plans, {"variant": LINEAR, "program": "linear", "config": data}]


def _dataset(settings: Settings) -> str:
    return "digits" if settings.quick else "mnist"


def _config(settings: Settings, variant: Mapping[str, Any]) -> Dict[str, Dict[str, Any]]:
    """Returns the sections of a variant: those of its preset, on the data of the form."""
    preset = {name: section for name, section in PRESETS[variant["preset"]].items() if name != "runtime"}
    model = {"cell_activation": variant["cell_activation"]} if "cell_activation" in variant else {}
    return overlay(preset, {
        "data": {"dataset": _dataset(settings), "view": variant.get("view", "rows")},
        "model": model,
        "training": {"epochs": settings.steps(variant["epochs"], preset["training"]["epochs"])},
    })  # fmt: skip


def measure_program(options: Options, data_dir: Optional[str]) -> Outcome:
    """Makes one run of ``plan_programs`` or ``faults.plan_faults``."""
    if is_of_faults(options):
        return measure_faults(options)
    kinds = {"here": measure_accuracy, "linear": _measure_linear, "keras": _measure_keras}
    return kinds[options["program"]](options, data_dir)


def _measure_linear(options: Options, data_dir: Optional[str]) -> Outcome:
    """Scores a logistic regression on all pixels, and the answer that is always the most frequent training class."""
    from sklearn.linear_model import LogisticRegression

    from gluon_lstm.article.learning import read_options

    config, splits = read_options({**options, "seed": 0}, data_dir)
    train, test = ((split.images.reshape(len(split), -1) / split.max_value, split.labels)
                   for split in (splits.train, splits.test))  # fmt: skip
    model = LogisticRegression(max_iter=1000).fit(*train)
    frequent = np.bincount(train[1]).argmax()
    return {"test_accuracy": float(model.score(*test)), "chance": float(np.mean(test[1] == frequent))}


def _measure_keras(options: Options, data_dir: Optional[str]) -> Outcome:
    """Trains the same net in Keras on the same images; ``found`` says whether there is a Keras."""
    from gluon_lstm.article.learning import read_options
    from gluon_lstm.data.views import as_sequence

    python = find_keras()
    if python is None:
        return {"found": False}
    config, splits = read_options(options, data_dir)
    arrays = []
    for split in (splits.train, splits.test):
        sequences = as_sequence(split.images, config.data.view).transpose(1, 0, 2)
        arrays += [sequences, split.labels.astype(np.uint8)]
    told = ask(python, "from keras_program import main; main()", json.dumps({
        "shapes": [array.shape for array in arrays], "max_value": splits.train.max_value,
        "units": config.model.hidden_size, "activation": config.model.cell_activation,
        "head": config.model.head_size, "seed": options["seed"],
        "threads": int(os.environ["OMP_NUM_THREADS"]), "epochs": config.training.epochs,
        "batch_size": config.training.batch_size, "learning_rate": config.training.learning_rate,
    }), sent=b"".join(array.tobytes() for array in arrays))  # fmt: skip
    accuracy = told["test_accuracy"] if told["finite"] else 0.0
    return {"found": True, "diverged": not told["finite"], "test_accuracy": accuracy, "versions": told["versions"]}


def trained(records: Sequence[Record]) -> Dict[str, List[Record]]:
    """Returns the records of each variant that was trained, in the order of the seeds."""
    groups = by_variant([record for record in records if record.options.get("program") in ("here", "keras")])
    return {name: group for name, group in groups.items() if all(r.outcome.get("found", True) for r in group)}


def baseline(records: Sequence[Record]) -> Record:
    """Returns the record of the linear model."""
    return next(record for record in records if record.options["variant"] == LINEAR)


def is_small(records: Sequence[Record]) -> bool:
    """Whether the runs are those of the quick form."""
    return baseline(records).options["config"]["data"]["dataset"] == "digits"


def check_runs(faults: Sequence[Fault], records: Sequence[Record]) -> Check:
    """Returns the check that a program runs as printed: no fault of it is seen to raise what it is said to.

    It stays open where none does and not all could be tried, or one raised something else.
    """
    told = collect_told(records)
    texts = [told[fault.snippet] or "" for fault in faults]
    ends = [text.startswith("result: ") for text in texts]
    stops = any(fault.shows in text and not end for fault, text, end in zip(faults, texts, ends))
    check = partial(Check, "Lines that make the same mistakes get to their end", "of 1", least=1.0)
    if stops or all(ends):
        result = float(not stops)
        return check(result, result, result, n=1)
    reason = "Keras was not found" if None in told.values() else "a line raised something else"
    return check(0.5, 0.0, 1.0, n=0, open_because=reason)


def check_learning(what: str, accuracies: Sequence[float], records: Sequence[Record]) -> List[Check]:
    """Returns the checks that a program learns at all, and more than a linear model does.

    Args:
        what: the program, as the start of a sentence.
        accuracies: its test accuracy, one a seed.
        records: of all runs, the linear model's among them.
    """
    outcome = baseline(records).outcome
    chance, linear = ([outcome[name]] * len(accuracies) for name in ("chance", "test_accuracy"))
    return [
        compare(f"{what} learns: its test accuracy is above the share of the most frequent class", accuracies, chance,
                LEARNS, "points", 100),
        compare_accuracies(f"{what} has a higher test accuracy than a linear model of the same pixels", accuracies,
                           linear, LEAST_LEAD),
    ]  # fmt: skip


def tabulate(records: Sequence[Record]) -> Table:
    """Returns the accuracies of all programs, of the linear model, and of the most frequent class."""
    groups, outcome = trained(records), baseline(records).outcome
    columns = {
        "Test accuracy": lambda record: record.outcome["test_accuracy"],
        "Diverged": lambda record: float(record.outcome["diverged"]),
    }
    title = f"Trained, its shapes put right{tell_versions(chain.from_iterable(groups.values()))}"
    table = summary_table(title, groups, columns, ".3f")
    rows = [(LINEAR, f"{outcome['test_accuracy']:.3f}", ""), ("most frequent class", f"{outcome['chance']:.3f}", "")]
    absent = {r.options["variant"] for r in records if r.options.get("program") == "keras"} - set(groups)
    rows += [(name, ABSENT, "") for name in sorted(absent)]
    return table._replace(rows=(*table.rows, *rows))


def draw(records: Sequence[Record], panels: Mapping[str, Mapping[str, str]]) -> List[Picture]:
    """Returns the picture of the accuracies.

    Args:
        records: of all runs.
        panels: title → name on the axis → variant; those that were not trained are left out.
    """
    from gluon_lstm.article.figures import Group, point_panels

    groups, linear = trained(records), baseline(records).outcome["test_accuracy"]
    drawn = []
    for title, names in panels.items():
        values = {name: numbers(groups[variant], "test_accuracy") for name, variant in names.items()
                  if variant in groups}  # fmt: skip
        drawn.append(Group(title, "test accuracy", values, level=linear, is_share=True))
    caption = "Test accuracy: each seed, and the mean with its 95 % interval; the line is the linear model's"
    return [Picture("accuracy", caption, point_panels(drawn))]
