"""Sections 2.2 and 3.2: the “Mem unit”, updated until its output stops changing."""

from __future__ import annotations

from statistics import fmean
from typing import Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence

import numpy as np

from gluon_lstm.article.claim import Claim, Findings, Options, Outcome, Picture, Record, Settings
from gluon_lstm.article.comparison import by_variant, compare_accuracies, numbers, summary_table
from gluon_lstm.article.tasks import TASKS
from gluon_lstm.article.verdicts import Check, effect, mean_interval

GAINS = (1.0, 4.0, 16.0, 64.0)
"""Sizes of the unit's weights: from those of a contraction to those of a switch."""
TOLERANCE, MOST_ROUNDS = 1e-6, 100
SATURATED = 0.05
"""An output nearer than this to 0 or 1 counts as saturated."""
SETTLED = 0.95
"""Share of outputs that have to stop changing for a unit that counts as one whose output does."""
FORGOTTEN = 1e-3
"""A unit of whose state before an input leaves less, in every seed, has forgotten it."""
QUICK_STEPS = 20
SEQUENCES = 800
LSTM, CHRONO = "LSTM", "LSTM, chrono start"
"""With a forget bias of 1, and with biases for memories of up to T steps (Tallec and Ollivier 2018)."""
UNTRAINED = ", untrained"
LEARNT = 0.6
"""Accuracy below which a net counts as one that has learnt nothing, where 0.5 is chance."""
EQUATIONS = """
| At each time step, for the input x | The article's unit, as it is followed here | An LSTM |
| --- | --- | --- |
| How often | again and again, until h stops changing | once |
| Gates and candidate | none | `i = σ(W_i x + U_i h + b_i)`<br>`f = σ(W_f x + U_f h + b_f)`<br>\
`o = σ(W_o x + U_o h + b_o)`<br>`g = tanh(W_g x + U_g h + b_g)` |
| First | output: `h ← σ(W_x x + W_m m)` | memory: `c ← f ⊙ c + i ⊙ g` |
| Then | memory: `m ← σ(W_h h + W_m m)` | output: `h ← o ⊙ tanh(c)` |
"""
"""The article's steps a to d beside the cell's equations."""


class UnitWeights(NamedTuple):
    """Weights of the article's unit.

    Attributes:
        inputs: (C, H) of the inputs.
        unit: (H, H) of the unit before.
        output: (H, H) of the output, when the unit is updated with it.
    """

    inputs: np.ndarray
    unit: np.ndarray
    output: np.ndarray


class Settled(NamedTuple):
    """A unit after its rounds.

    Attributes:
        unit: (N, H).
        output: (N, H).
        rounds: how many were made.
        still: (N,) whether each output had stopped changing.
    """

    unit: np.ndarray
    output: np.ndarray
    rounds: int
    still: np.ndarray


def sigmoid(values: np.ndarray) -> np.ndarray:
    """Returns 1 / (1 + exp(-x)), without overflow."""
    return 0.5 * (1 + np.tanh(0.5 * values))


def make_weights(rng: np.random.Generator, inputs: int, hidden: int, gain: float) -> UnitWeights:
    """Returns normal weights: those of the inputs with deviation 1, the others with gain / √H."""
    square = (hidden, hidden)
    return UnitWeights(rng.standard_normal((inputs, hidden)), *(gain / np.sqrt(hidden) * rng.standard_normal(square)
                                                                for _ in range(2)))  # fmt: skip


def settle(weights: UnitWeights, inputs: np.ndarray, unit: np.ndarray) -> Settled:
    """Follows the article's steps a to d for one input: the unit is updated until its output stops changing.

    With the input x, the unit m and the output h, each round computes::

        h = σ(x W_x + m W_m)
        m = σ(h W_h + m W_m)

    Args:
        weights: the unit's.
        inputs: (N, C).
        unit: (N, H), the unit before.
    """
    added, output = inputs @ weights.inputs, None
    still = np.zeros(len(unit), bool)
    for rounds in range(1, MOST_ROUNDS + 1):  # noqa: B007 - how many there were is returned
        recurrent = unit @ weights.unit
        before, output = output, sigmoid(added + recurrent)
        unit = sigmoid(output @ weights.output + recurrent)
        if before is not None:
            still = np.abs(output - before).max(axis=1) < TOLERANCE
            if still.all():
                break
    return Settled(unit, output, rounds, still)


def read(weights: UnitWeights, inputs: np.ndarray) -> List[Settled]:
    """Returns the unit after each step of sequences (T, N, C); it starts as 0."""
    unit, steps = np.zeros((inputs.shape[1], len(weights.unit))), []
    for step in inputs:
        steps.append(settle(weights, step, unit))
        unit = steps[-1].unit
    return steps


def _plan(settings: Settings) -> List[Options]:
    shared = {"steps": QUICK_STEPS if settings.quick else 100, "hidden_size": 16 if settings.quick else 64}
    training = {"updates": settings.steps(500, 5_000), "batch_size": 32, "learning_rate": 0.01}
    kinds = [{"variant": f"unit, gain {gain:g}", "kind": "unit", "gain": gain} for gain in GAINS]
    chrono = {"chrono_steps": shared["steps"]}
    kinds += [{"variant": LSTM + UNTRAINED, "kind": "untrained"},
              {"variant": CHRONO + UNTRAINED, "kind": "untrained", **chrono},
              {"variant": "RNN", "kind": "rnn", **training},
              {"variant": LSTM, "kind": "lstm", **training},
              {"variant": CHRONO, "kind": "lstm", **training, **chrono}]  # fmt: skip
    return [{**kind, **shared, "seed": seed} for kind in kinds for seed in range(settings.seeds)]


def _measure(options: Options, data_dir: Optional[str]) -> Outcome:
    measure = {"unit": _measure_unit, "untrained": _measure_untrained}.get(options["kind"], _measure_trained)
    return measure(options)


def _measure_unit(options: Options) -> Outcome:
    """Lets the unit read sequences, and tries to tell from its last state what came first."""
    rng = np.random.default_rng([options["seed"], 0])
    weights = make_weights(rng, 1, options["hidden_size"], options["gain"])
    sequences = TASKS["recall"].make(rng, SEQUENCES, options["steps"])
    steps = read(weights, sequences.inputs)
    last = steps[-1]
    # The same input once more, from a unit of zeros and from one of ones.
    ends = [settle(weights, sequences.inputs[0], np.full(last.unit.shape, start)).unit for start in (0.0, 1.0)]
    return {
        "accuracy": _recalled(np.hstack([last.unit, last.output]), sequences.targets),
        "left": float(np.sqrt(np.mean((ends[1] - ends[0]) ** 2))),
        "still": float(np.mean([step.still.mean() for step in steps])),
        "rounds": float(np.mean([step.rounds for step in steps])),
        "saturated": float(np.mean(np.abs(last.output - 0.5) > 0.5 - SATURATED)),
    }


def _recalled(states: np.ndarray, targets: np.ndarray) -> float:
    """Returns how well a logistic regression on half of the states tells the targets of the other half.

    The states are standardized, so that it does not matter how small what is left of the first input is.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    half = len(states) // 2
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(states[:half], targets[:half])
    return float(model.score(states[half:], targets[half:]))


def _measure_untrained(options: Options) -> Outcome:
    """Lets a new LSTM read sequences of the unit's kind, and tries to tell from its last states what came first."""
    import mxnet as mx

    from gluon_lstm import runtime
    from gluon_lstm.article.sequences import make_reader

    runtime.seed_everything(options["seed"])
    net = make_reader(TASKS["recall"], "lstm", options["hidden_size"], **_start(options))
    sequences = TASKS["recall"].make(np.random.default_rng([options["seed"], 0]), SEQUENCES, options["steps"])
    ((trace,),) = net.encoder.trace(mx.nd.array(sequences.inputs))
    last = [trace.cell[-1].asnumpy(), trace.hidden[-1].asnumpy()]
    return {"accuracy": _recalled(np.hstack(last), sequences.targets)}


def _start(options: Options) -> Dict[str, int]:
    """Returns how a run's gates start, where its options say so."""
    return {name: options[name] for name in ("chrono_steps",) if name in options}


def _measure_trained(options: Options) -> Outcome:
    """Trains a recurrent net to tell what came first."""
    import mxnet as mx

    from gluon_lstm import runtime
    from gluon_lstm.article.sequences import make_reader, train_reader

    seed, steps, task = options["seed"], options["steps"], TASKS["recall"]
    runtime.seed_everything(seed)
    net = make_reader(task, options["kind"], options["hidden_size"], **_start(options))
    train_reader(net, np.random.default_rng([seed, 1]), steps, options["updates"], options["batch_size"],
                 options["learning_rate"])  # fmt: skip
    sequences = task.make(np.random.default_rng([seed, 2]), SEQUENCES, steps)
    answers = net(mx.nd.array(sequences.inputs)).asnumpy()[:, 0]
    return {"accuracy": float(np.mean((answers > 0) == (sequences.targets > 0)))}


def _judge(records: Sequence[Record]) -> Findings:
    groups = by_variant(records)
    units = {name: group for name, group in groups.items() if name.startswith("unit")}
    accuracies = {name: numbers(group, "accuracy") for name, group in groups.items()}
    best = max(units, key=lambda name: sum(accuracies[name]))
    steps = records[0].options["steps"]
    checks = (
        *_unit_checks(units, best, f"the unit's state tells the first of {steps} inputs better than chance"),
        effect("It tells so as well as the states of an LSTM that is no more trained, within 5 points",
               [100 * (unit - lstm) + 5 for unit, lstm in zip(accuracies[best], accuracies[CHRONO + UNTRAINED])], 0.0,
               "points"),
        compare_accuracies("An LSTM tells so better than a plain RNN, trained alike", accuracies[CHRONO],
                           accuracies["RNN"], 5.0,
                           "" if fmean(accuracies[CHRONO]) > LEARNT else "the LSTM has learnt nothing"),
    )  # fmt: skip
    columns = {
        "Tells what came first": lambda record: record.outcome["accuracy"],
        "Left of the state before": lambda record: record.outcome["left"],
        "Outputs that stop changing": lambda record: record.outcome["still"],
        "Rounds": lambda record: record.outcome["rounds"],
        "Saturated outputs": lambda record: record.outcome["saturated"],
    }
    others = {name: group for name, group in groups.items() if name not in units}
    first = dict(list(columns.items())[:1])
    tables = (summary_table("The article's unit, by the size of its weights", units, columns, ".3f"),
              summary_table("LSTM and RNN", others, first, ".3f"))  # fmt: skip
    return Findings(checks, tables, notes=(*_unit_notes(units), *_start_notes(accuracies[LSTM], steps)))


def _unit_checks(units: Mapping[str, Sequence[Record]], best: str, tells: str) -> Iterator[Check]:
    """Yields the checks of the unit: that it settles and remembers at once, and remembers where it does not settle.

    Args:
        units: records by the size of the unit's weights.
        best: the size with which it tells most.
        tells: what it is said to tell, as the end of a sentence.
    """

    def remembers(weights: str, name: str) -> Check:
        accuracies = numbers(units[name], "accuracy")
        return effect(f"With {weights} ({name}), {tells}", [100 * (each - 0.5) for each in accuracies], 5.0, "points")

    still = {name: fmean(numbers(group, "still")) for name, group in units.items()}
    settling = [name for name, share in still.items() if share >= SETTLED]
    if settling:
        yield remembers("the best weights with which its output stops changing",
                        max(settling, key=lambda name: fmean(numbers(units[name], "accuracy"))))  # fmt: skip
    else:
        name = max(still, key=still.__getitem__)
        yield effect(f"Its output stops changing in 95 of 100 cases ({name})",
                     [100 * (share - SETTLED) for share in numbers(units[name], "still")], 0.0, "points")  # fmt: skip
    if best not in settling:
        yield remembers("the best of all weights", best)


def _start_notes(accuracies: Sequence[float], steps: int) -> Iterator[str]:
    """Yields a sentence where the LSTM with a forget bias of 1 has learnt nothing."""
    passed = float(sigmoid(np.ones(())))
    if fmean(accuracies) < LEARNT:
        yield (f"An LSTM whose forget gate has a bias of 1 has learnt nothing here: it starts by letting {passed:.0%} "
               f"of its memory pass at each step, of which {passed**steps:.0e} are left after {steps}, and as little "
               "of the gradient. Which biases a long memory needs, the article does not say.")  # fmt: skip


def _unit_notes(units: Mapping[str, Sequence[Record]]) -> Iterator[str]:
    """Yields a sentence on each size of weights with which the unit forgets, or saturates."""
    for name, group in units.items():
        saturated = fmean(numbers(group, "saturated"))
        if saturated > 0.5:
            yield (f"With “{name}” the unit saturates: {saturated:.0%} of its outputs are nearer than {SATURATED:g} to "
                   "0 or 1.")  # fmt: skip
        if max(numbers(group, "left")) >= FORGOTTEN:
            continue
        yield (f"With “{name}” the unit forgets: of the state before an input less than {FORGOTTEN:.1%} is left after "
               "it.")  # fmt: skip
        if mean_interval(numbers(group, "accuracy")).high < 0.5:
            yield (f"With “{name}” even the whole interval of the accuracy lies below one half. That is chance: "
                   "nothing of the first input is left in such a state, so that what is told from it is a "
                   "guess.")  # fmt: skip


def _draw(records: Sequence[Record]) -> List[Picture]:
    from gluon_lstm.article.figures import Group, point_panels

    groups = {name.replace("unit, ", ""): group for name, group in by_variant(records).items()}
    weights = "size of the unit's weights"
    units = {name: group for name, group in groups.items() if name.startswith("gain")}
    panels = [
        Group("Telling which number came first", "accuracy",
              {name: numbers(group, "accuracy") for name, group in groups.items()}, f"{weights}, or net",
              level=0.5, is_share=True),
        Group("What an input leaves of the state before", "distance of two ends / of their starts",
              {name: numbers(group, "left") for name, group in units.items()}, weights, is_share=True),
        Group("Outputs near 0 or 1", "share of outputs",
              {name: numbers(group, "saturated") for name, group in units.items()}, weights, is_share=True),
    ]  # fmt: skip
    caption = "The article's unit at four sizes of weights, and other nets: each seed, the mean and its 95 % interval"
    return [Picture("memory", caption, point_panels(panels))]


CLAIM = Claim(
    id="cell",
    title="A memory unit, updated until its output stops changing",
    says="a memory unit with a sigmoid starts as 0, is updated until its output stops changing, and keeps long memory",
    section="2.2, 3.2",
    experiment=(
        "The article's steps a to d are followed in NumPy, in one reading of what they leave open: the unit's weights "
        "are the same in both sums, and there is no bias. At each time step the output is a sigmoid of the input and "
        "the unit, the unit a sigmoid of the output and itself, again and again until no output "
        f"changes by {TOLERANCE:g} or more, {MOST_ROUNDS} rounds at most. Its weights are normal, their size "
        "(“gain”) from small to large. What is *left of the state before* is the distance of two units that started "
        "as all zeros and all ones and got the same input, as a share of that at the start. Whether anything is "
        "remembered is a task: the first number of a sequence, 1 or -1, followed by noise, is to be told after the "
        "last. A logistic regression tells it from the unit's states, standardized, and from those of LSTMs whose "
        "weights are as they start; RNN and LSTMs are trained to. The LSTM that is judged starts with biases for "
        "memories of up to as many steps as there are (Tallec and Ollivier 2018), as the RNN's recurrent weights start "
        "orthogonal; one with a forget bias of 1 is beside it. (The first was added once the second had learnt nothing "
        "in the full form.) The best of the unit's weights are chosen by the very accuracy that is judged, which "
        "favours the unit. (That its output stops changing was judged for each size of weights at first, apart from "
        "whether it remembers, and the two small sizes with which it does made the verdict *partly*. What is claimed "
        "is both at once.) Length and updates of the quick form were set after a trial with 30 steps and 300 updates, "
        "in which three of five LSTMs had learnt nothing."
    ),
    remark=(
        "An LSTM does not iterate: at each time step it makes one update, c ← f ⊙ c + i ⊙ g, and goes on to the "
        "next input. Repeated until nothing changes, an update with small weights is a contraction, whose end "
        "depends on the input alone and not on what was before: it forgets, whatever it was told. With large "
        "weights it is driven to 0 and 1, or never stops changing. A sigmoid's values are no probability "
        "distribution either: they do not sum to 1. That the state starts as 0 is right."
        f"\n\n{EQUATIONS.strip()}"
    ),
    plan=_plan,
    measure=_measure,
    judge=_judge,
    draw=_draw,
    quick_note=(
        f"The quick form has short sequences only, of {QUICK_STEPS} steps: what it finds is no evidence on *long* "
        "memory."
    ),
)
