"""Section 4.2: the first Keras program, on MNIST."""

from __future__ import annotations

from typing import Any, Dict, List, Sequence

from gluon_lstm.article.claim import Claim, Findings, Options, Picture, Record, Settings
from gluon_lstm.article.comparison import numbers, same_within
from gluon_lstm.article.faults import Fault, list_snippets, plan_faults, tabulate_faults
from gluon_lstm.article.programs import (
    THRESHOLDS,
    check_learning,
    check_runs,
    draw,
    is_small,
    measure_program,
    plan_programs,
    tabulate,
    trained,
)
from gluon_lstm.article.verdicts import Check

FAULTS = (
    Fault(
        "13",
        "the input shape has one number, 784; an LSTM reads sequences, whose shape has two: steps and features",
        "(28, 28), a row of the image a step, or (784, 1), a pixel a step",
        """
import keras

keras.Sequential([keras.Input((784,)), keras.layers.LSTM(50, activation="relu")])
""",
        "expected ndim=3, found ndim=2",
        keras=True,
    ),
    Fault(
        "23, 26",
        "the images that training and scoring get are 28 × 28; nothing brings them into the shape that line 13 names",
        "images in the shape of the layer's input: for single pixels, reshaped to (784, 1)",
        """
import keras
import numpy as np

model = keras.Sequential([keras.Input((784, 1)), keras.layers.LSTM(2), keras.layers.Dense(10)])
model.compile(loss="mse")
model.fit(np.zeros((2, 28, 28)), np.zeros((2, 10)), verbose=0)
""",
        "Dimensions must be equal, but are 28 and 1",
        keras=True,
    ),
)
VIEWS = {"rows": "A row a step", "pixels": "A pixel a step"}
ACTIVATIONS = ("relu", "tanh")
KERAS = "Keras, "
QUICK_EPOCHS = {"rows": 12, "pixels": 5}
"""Of the few images of the quick form; the full form has the article's five."""


def _variants(settings: Settings) -> Dict[str, Dict[str, Any]]:
    """Returns the program in every form: what a step is, the cell's activation, here and in Keras."""
    variants = {
        f"{view}, {activation}": {"preset": "article", "view": view, "cell_activation": activation,
                                  "epochs": QUICK_EPOCHS[view]}
        for view in VIEWS
        for activation in ACTIVATIONS
    }  # fmt: skip
    beside = ["rows, relu"] if settings.quick else list(variants)
    return {**variants, **{KERAS + name: {**variants[name], "program": "keras"} for name in beside}}


def _plan(settings: Settings) -> List[Options]:
    return [*plan_faults(FAULTS), *plan_programs(settings, _variants(settings))]


def _judge(records: Sequence[Record]) -> Findings:
    groups, further = trained(records), []
    for view, how in VIEWS.items():
        accuracies = numbers(groups[f"{view}, relu"], "test_accuracy")
        further += check_learning(f"{how}, the program", accuracies, records)
    further += _beside_keras(groups, 3.0 if is_small(records) else 0.3)
    tables = (tabulate(records), tabulate_faults(FAULTS, records))
    # The article says that the program works, which is of the program as printed.
    return Findings((check_runs(FAULTS, records),), tables, tuple(further), listings=list_snippets(FAULTS))


def _beside_keras(groups: Dict[str, List[Record]], margin: float) -> List[Check]:
    """Returns a check for each variant that was trained in Keras too."""
    return [
        same_within(f"Here and in Keras ({name}) it has the same test accuracy, within {margin:g} points",
                    numbers(group, "test_accuracy"), numbers(groups[KERAS + name], "test_accuracy"), margin, "points",
                    100)
        for name, group in groups.items()
        if KERAS + name in groups
    ]  # fmt: skip


def _draw(records: Sequence[Record]) -> List[Picture]:
    sides = [(side, activation) for side in ("", KERAS) for activation in ACTIVATIONS]
    return draw(records, {
        f"The first program, {how.lower()}": {
            side + activation: f"{side}{view}, {activation}" for side, activation in sides
        }
        for view, how in VIEWS.items()
    })  # fmt: skip


CLAIM = Claim(
    id="mnist",
    title="The first program: LSTM 50 → 256 → 10 on MNIST",
    says="a Keras program with an LSTM of 50 units, trained for five epochs, works, and prints its test accuracy",
    section="4.2",
    experiment=(
        "The article prints the program and no accuracy. Why it does not run is shown by lines of our own that make "
        "the same mistake, in Keras where that is installed; the table has what Keras answers. That lines run "
        "is a fact without seeds; without Keras it stays open. The verdict follows "
        "from it alone. Then the preset `article`, which is the program with "
        "its shapes put right, is trained on the rows of the images and on their single pixels, with the relu in the "
        "cell that the article asks for and with the usual tanh, and the same net in Keras on the same images, with "
        "weights and an order of its own: Keras makes the recurrent weights of all gates orthogonal together, "
        "gluon-lstm those of each gate, which are greater. What comes out is the last epoch's net; nothing is chosen "
        f"on validation data. The quick form has 1,257 digits of 8 × 8 pixels ({QUICK_EPOCHS['rows']} epochs by rows, "
        f"{QUICK_EPOCHS['pixels']} by pixels: 480 and 200 updates), the full form MNIST's 55,000 training images that "
        "are not set aside and five epochs (8,595 updates). A training whose loss is not finite has diverged, and "
        "counts as an accuracy of 0. The linear model is a logistic regression on all pixels, which has no seed. "
        f"{THRESHOLDS} The quick form had 20 epochs by rows until six of its test accuracies had been seen, and was "
        "cut to 12 for time."
    ),
    remark=(
        "The section announces text classification, and the program reads images of digits. The article has MXNet "
        "installed and does not use it. A relu in the cell has no upper bound, so over hundreds of steps its "
        "output may grow without end; the usual tanh keeps it between -1 and 1, and Keras's fast kernel for GPUs takes "
        "nothing else."
    ),
    plan=_plan,
    measure=measure_program,
    judge=_judge,
    draw=_draw,
    full_seeds=5,
)
