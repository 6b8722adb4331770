"""Sections 2.1 and 2.3: vanishing and exploding gradients, and long memory."""

from __future__ import annotations

from statistics import median
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

import numpy as np

from gluon_lstm.article.claim import Claim, Findings, Options, Outcome, Picture, Record, Settings, Table
from gluon_lstm.article.comparison import by_variant, compare, numbers, summary_table
from gluon_lstm.article.tasks import TASKS
from gluon_lstm.article.verdicts import Check, effect

NETS = {
    "RNN": {"encoder": "rnn"},
    "GRU": {"encoder": "gru"},
    "LSTM, forget bias 0": {"encoder": "lstm", "forget_bias": 0.0},
    "LSTM, forget bias 1": {"encoder": "lstm", "forget_bias": 1.0},
}
PLAIN, GATED = "RNN", "LSTM, forget bias 1"
LARGE = 4.0
"""What recurrent weights are multiplied with to make gradients explode."""
FLOOR, CEILING = 1e-38, float(f"{np.finfo(np.float32).max:.4e}")
"""Norms below the first are none that float32 can tell from 0; the second is its greatest number as results keep it."""
BEYOND = "both beyond float32"
"""Why a check is open where both sides' gradients leave what float32 holds."""
DIVERGED = 10.0
"""What the loss of a training counts as that is not finite any more, as a multiple of the baseline."""
KINDS = (("adding", 1.0), ("copying", 1.0), ("adding", LARGE))
"""Task and gain of the three kinds of runs."""
QUICK_LENGTHS, QUICK_LARGE_STEPS = {"adding": (30,), "copying": (5,)}, 50
"""T of the quick form's tasks, and of its nets with large weights."""
FLOW_BATCH, TEST_SEQUENCES = 16, 512
NOTES = 20
"""How often the training loss is noted, unless a run's options say so."""
SOLVED, ENOUGH = 0.1, 0.01
"""A task is solved when the training loss is below this share of that of the best answer which remembers nothing; a
training of the full form ends below the second."""
FULL_UPDATES = 5_000
"""Most updates of a training of the full form."""
ByLength = Dict[int, Dict[str, List[Record]]]
"""Records by T, and then by net."""


def _plan(settings: Settings) -> List[Options]:
    lengths = QUICK_LENGTHS
    if not settings.quick:
        lengths = {"adding": (50, 150, 400, 784), "copying": (50, 150, 400, 750)}
    updates = {"adding": settings.steps(600, FULL_UPDATES), "copying": settings.steps(1_200, FULL_UPDATES)}
    shared = {"hidden_size": 32 if settings.quick else 64, "batch_size": 20, "learning_rate": 0.01}
    if not settings.quick:
        shared.update(learning_rate=0.002, notes=100, enough=ENOUGH)
    plans = [
        {"variant": name, "task": task, "steps": steps, "updates": updates[task], "gain": 1.0, "seed": seed,
         **net, **shared}
        for task, all_steps in lengths.items() for steps in all_steps
        for name, net in NETS.items() for seed in range(settings.seeds)
        if not settings.quick or task == "adding" or name in (PLAIN, GATED)
    ]  # fmt: skip
    large = [
        {"variant": name, "task": "adding", "steps": QUICK_LARGE_STEPS if settings.quick else 784, "updates": 0,
         "gain": LARGE, "seed": seed, **net, **shared}
        for name, net in NETS.items() for seed in range(settings.seeds)
    ]  # fmt: skip
    return plans + large


def _measure(options: Options, data_dir: Optional[str]) -> Outcome:
    from gluon_lstm import runtime
    from gluon_lstm.article.sequences import gradient_norms, make_reader, mean_loss, train_reader

    seed, steps, task = options["seed"], options["steps"], TASKS[options["task"]]
    runtime.seed_everything(seed)
    further = {name: options[name] for name in ("forget_bias",) if name in options}
    net = make_reader(task, options["encoder"], options["hidden_size"], options["gain"], **further)
    rng, unseen = np.random.default_rng([seed, 0]), [np.random.default_rng([seed, stream]) for stream in (1, 2)]
    probe = task.make(unseen[0], FLOW_BATCH, steps)
    outcome: Outcome = {"baseline": task.baseline(steps)}
    if not task.tells_symbols:
        outcome["norms_before"] = kept_norms(gradient_norms(net, probe))
    if options["updates"]:
        errors = train_reader(net, rng, steps, options["updates"], options["batch_size"], options["learning_rate"],
                              options.get("notes", NOTES), options.get("enough", 0) * outcome["baseline"])  # fmt: skip
        losses = np.array([*errors.losses, mean_loss(net, unseen[1], TEST_SEQUENCES, steps)])
        losses[~np.isfinite(losses)] = DIVERGED * outcome["baseline"]
        outcome.update(updates=errors.updates, losses=losses[:-1].tolist(), loss=float(losses[-1]))
        if not task.tells_symbols:
            outcome["norms_after"] = kept_norms(gradient_norms(net, probe))
    return outcome


def kept_norms(norms: np.ndarray) -> List[float]:
    """Returns norms (T,) of a gradient as results keep them.

    They have five digits, since the full form has tens of thousands of them, and are ``CEILING`` from where float32
    could not hold the gradient back to the first step.
    """
    rounded = np.array([float(f"{norm:.4e}") for norm in norms])
    overflowed = np.flatnonzero(~np.isfinite(rounded))
    last = overflowed[-1] if len(overflowed) else -1
    return np.minimum(np.where(np.arange(len(rounded)) <= last, CEILING, rounded), CEILING).tolist()


def reach(norms: Sequence[float]) -> float:
    """Returns how many decades the gradient's norm changes on its way back to the first step; below 0 it fades.

    The way starts at the last step but one: at the last one the loss reads h_t itself, without any step between. Of a
    net that a training broke, no step has a gradient, and nothing counts as left.
    """
    first, last = np.log10(np.maximum([norms[0], norms[-2]], FLOOR))
    return float(np.log10(FLOOR)) if norms[-2] >= CEILING else float(first - last)


def is_beyond(norms: Sequence[float]) -> bool:
    """Whether the gradient leaves what float32 holds before it is back at the first step."""
    return not FLOOR < norms[0] < CEILING


def _norms(records: Sequence[Record], when: str) -> List[List[float]]:
    return [record.outcome[f"norms_{when}"] for record in records]


def _check_reach(says: str, better: List[List[float]], worse: List[List[float]]) -> Check:
    """Returns the check that gradients of the first norms are left, or held back, more than those of the second.

    It stays open where both leave what float32 holds: then neither side's decades are more than a bound.
    """
    both = any(map(is_beyond, better)) and any(map(is_beyond, worse))
    return compare(says, list(map(reach, better)), list(map(reach, worse)), 1.0, "decades",
                   open_because=BEYOND * both)  # fmt: skip


def _relative(records: Sequence[Record]) -> List[float]:
    """Returns each test loss as a share of that of the answer which remembers nothing."""
    return [record.outcome["loss"] / record.outcome["baseline"] for record in records]


def _pick(records: Sequence[Record], task: str, gain: float) -> ByLength:
    """Returns the records of a task, by T and then by net."""
    chosen = [record for record in records if (record.options["task"], record.options["gain"]) == (task, gain)]
    lengths = dict.fromkeys(record.options["steps"] for record in chosen)
    return {steps: by_variant([record for record in chosen if record.options["steps"] == steps]) for steps in lengths}


def _judge(records: Sequence[Record]) -> Findings:
    adding, copying, large = (_pick(records, *key) for key in KINDS)
    checks = [check for steps, nets in adding.items() for check in _flow_checks(steps, nets)]
    checks += [_loss_check("adding problem", steps, nets) for steps, nets in adding.items()]
    checks += [_loss_check("copying task", steps, nets) for steps, nets in copying.items()]
    ((steps, nets),) = large.items()
    growth = {name: _norms(nets[name], "before") for name in (PLAIN, GATED)}
    checks += [
        _check_reach(f"With recurrent weights × {LARGE:g}, the LSTM's gradient grows less over {steps} steps",
                     growth[PLAIN], growth[GATED]),
        effect("It does not grow tenfold there", [1 - reach(norms) for norms in growth[GATED]], 0.0, "decades"),
    ]  # fmt: skip
    return Findings(tuple(checks), tuple(_tables(adding, copying, nets, steps)))


def _flow_checks(steps: int, nets: Dict[str, List[Record]]) -> List[Check]:
    """Returns the checks of how much of the gradient is left at the first step."""
    left = f"more of the LSTM's gradient than of the RNN's is left at the first of {steps} steps"
    words = {"before": "At the start", "after": "After training"}
    return [
        _check_reach(f"{words[when]}, {left}", *(_norms(nets[name], when) for name in (GATED, PLAIN))) for when in words
    ]


def _loss_check(task: str, steps: int, nets: Dict[str, List[Record]]) -> Check:
    return compare(f"The LSTM's error on the {task}, T = {steps}, is below the RNN's", _relative(nets[PLAIN]),
                   _relative(nets[GATED]), 0.1, "of the baseline")  # fmt: skip


def _tables(adding: ByLength, copying: ByLength, large: Dict[str, List[Record]], large_steps: int) -> Iterator[Table]:
    """Yields the tables: gradients and errors by T, and gradients with large weights."""
    for steps, nets in adding.items():
        columns = {
            "Decades on the way to the first step, at the start": lambda r: reach(r.outcome["norms_before"]),
            "After training": lambda r: reach(r.outcome["norms_after"]),
            "Error / baseline": lambda r: r.outcome["loss"] / r.outcome["baseline"],
        }
        yield _with_updates(summary_table(f"Adding problem, T = {steps}", nets, columns, ".2f"), nets)
    for steps, nets in copying.items():
        columns = {"Error / baseline": lambda r: r.outcome["loss"] / r.outcome["baseline"]}
        yield _with_updates(summary_table(f"Copying task, T = {steps}", nets, columns, ".3f"), nets)
    columns = {"Decades on the way to the first step": lambda r: reach(r.outcome["norms_before"])}
    title = f"Recurrent weights × {LARGE:g}, at the start, T = {large_steps}"
    yield summary_table(title, large, columns, ".2f")
    beyond = [row for steps, nets in adding.items() for row in _beyond_rows(f"T = {steps}", nets)]
    beyond += _beyond_rows(f"T = {large_steps}, recurrent weights × {LARGE:g}", large)
    if beyond:
        columns = ("", "At the start", "After training")
        yield Table("Runs whose gradient leaves what float32 holds", columns, tuple(beyond))


def _beyond_rows(shape: str, nets: Dict[str, List[Record]]) -> List[Tuple[str, ...]]:
    """Returns a row for each net with gradients that leave what float32 holds: in how many runs, before and after."""
    rows = []
    for name, records in nets.items():
        kept = [[r.outcome[key] for r in records if key in r.outcome] for key in ("norms_before", "norms_after")]
        numbers_of = [sum(map(is_beyond, runs)) for runs in kept]
        if any(numbers_of):
            told = (f"{number} of {len(runs)}" if runs else "" for number, runs in zip(numbers_of, kept))
            rows.append((f"{name}, {shape}", *told))
    return rows


def updates_to_solve(outcome: Outcome) -> Optional[int]:
    """Returns the number of the first noted update up to which the training loss was small; ``None`` where none was."""
    limit = SOLVED * outcome["baseline"]
    return next((update for update, loss in zip(outcome["updates"], outcome["losses"]) if loss < limit), None)


def _with_updates(table: Table, nets: Dict[str, List[Record]]) -> Table:
    """Returns a table of nets with a column of how many of their runs solve the task, and after how many updates."""
    rows = tuple((*row, _tell_solved(records)) for row, records in zip(table.rows, nets.values()))
    return table._replace(columns=(*table.columns, "Solved, median of the updates"), rows=rows)


def _tell_solved(records: Sequence[Record]) -> str:
    """Returns how many runs solve their task: ``0 of 5``, or ``4 of 5, 300 updates``."""
    numbers_of = [updates_to_solve(record.outcome) for record in records]
    solved = [updates for updates in numbers_of if updates is not None]
    told = f"{len(solved)} of {len(records)}"
    return f"{told}, {median(solved):g} updates" if solved else told


def _draw(records: Sequence[Record]) -> List[Picture]:
    from gluon_lstm.article.figures import curve_panels

    adding, copying, large = (_pick(records, *key) for key in KINDS)
    over_seeds = "median over the seeds, and the range of all"
    flow = f"How the gradient fades or grows on its way back from the last step: {over_seeds}"
    learning = f"Training loss as a share of that of the best answer which remembers nothing: {over_seeds}"
    pictures = [
        Picture("flow", flow, curve_panels(_flow_panels(adding, large))),
        Picture("learning", learning, curve_panels(_learning_panels(adding, copying))),
    ]
    panels = _length_panels(adding, copying)
    if panels:
        lengths = f"Error on new sequences against their length T, as a share of the same: {over_seeds}"
        pictures.append(Picture("lengths", lengths, curve_panels(panels)))
    return pictures


def _flow_panels(adding: ByLength, large: ByLength) -> List[Any]:
    """Returns the panels of gradient norms: before and after training, and with large weights."""
    from gluon_lstm.article.figures import Panel

    steps, nets = max(adding.items())
    flows = [(nets, "before", f"At the start, T = {steps}"), (nets, "after", f"After training, T = {steps}"),
             (*large.values(), "before", f"At the start, recurrent weights × {LARGE:g}")]  # fmt: skip
    panels = []
    for groups, when, title in flows:
        curves = {name: np.maximum(numbers(group, f"norms_{when}"), FLOOR) for name, group in groups.items()}
        x = range(1, 1 + next(iter(curves.values())).shape[1])
        panels.append(Panel(title, "step t", "norm of ∂loss/∂h_t", x, curves, "y", marked=False))
    return panels


def _learning_panels(adding: ByLength, copying: ByLength) -> List[Any]:
    """Returns the panels of training losses, of the longest sequences of each task."""
    from gluon_lstm.article.figures import Panel

    panels = []
    for title, tasks in (("Adding problem", adding), ("Copying task", copying)):
        steps, groups = max(tasks.items())
        outcomes = [record.outcome for group in groups.values() for record in group]
        updates = max((outcome["updates"] for outcome in outcomes), key=len)
        curves = {name: np.array([_shares(record.outcome, len(updates)) for record in group])
                  for name, group in groups.items()}  # fmt: skip
        panels.append(Panel(f"{title}, T = {steps}", "updates", "loss / baseline", updates, curves))
    return panels


def _shares(outcome: Outcome, number: int) -> np.ndarray:
    """Returns so many training losses as shares of the baseline, the last again and again after a training's end."""
    losses = np.array(outcome["losses"]) / outcome["baseline"]
    return np.pad(losses, (0, number - len(losses)), "edge")


def _length_panels(adding: ByLength, copying: ByLength) -> List[Any]:
    """Returns the panels of errors against T, of the tasks that were set at more than one."""
    from gluon_lstm.article.figures import Panel

    panels = []
    for title, tasks in (("Adding problem", adding), ("Copying task", copying)):
        names = next(iter(tasks.values()))
        curves = {name: np.array([_relative(nets[name]) for nets in tasks.values()]).T for name in names}
        if len(tasks) > 1:
            panels.append(Panel(title, "T", "error / baseline", list(tasks), curves, "x"))
    return panels


CLAIM = Claim(
    id="gradients",
    title="LSTM solves vanishing and exploding gradients",
    says="LSTM solves the problem of vanishing and exploding gradients, and keeps long memory",
    section="2.1, 2.3",
    experiment=(
        "One recurrent layer of each kind is trained on the adding problem (Hochreiter and Schmidhuber 1997, in the "
        "form of Arjovsky et al. 2016) and the copying memory task (Arjovsky et al. 2016), with new sequences at "
        "each update, Adam and clipping. Before and after, the norm of ∂loss/∂h_t is measured at every step t of "
        "the adding problem, which is that of the hidden state alone, not of the LSTM's memory c_t; how far it reaches "
        "is told in decades, the base-10 logarithm of the first step's norm over that of the last step but one. (The "
        "last step's was taken until results had been seen. From there to the step before, an LSTM's gradient falls "
        "once by what its gates let pass, which no step further back repeats.) Errors are of new sequences, as shares "
        "of that of the best answer which remembers nothing. A task counts as *solved* once the training loss, noted "
        f"{NOTES} times in a quick run and 100 times in a full one, each time as the mean since the note before, is "
        f"below {SOLVED:.0%} of that answer's. For "
        f"exploding gradients, new nets' recurrent weights are multiplied by {LARGE:g}. All nets have one "
        "learning rate, at which a plain RNN may fare worse than it could. All recurrent weights start orthogonal, "
        "with which a plain RNN's gradient fades least. The full form has sequences of 50 to 784 steps, "
        f"the last as many as an image of MNIST has pixels; its trainings end after {FULL_UPDATES:,} updates, or as "
        f"soon as the loss that is noted is below {ENOUGH:.0%} of the same, and curves then go on with their last "
        "value. A loss that overflows counts as "
        f"{DIVERGED:g} times the baseline. What float32 cannot hold of a gradient counts as {FLOOR:g}, or as its "
        "greatest number, so that decades are bounds there; the last table names such runs, and where both nets of a "
        "check have them it stays open. (Results keep five digits of a norm; those of the full form's earlier "
        "runs were rounded afterwards.) Where no net of a check has learnt anything by the last update, a *no* is of "
        "so many updates at that rate. Lengths and updates of the quick form were set after trials: at T = 50 with "
        "500 updates no LSTM had learnt to add, and with 400 updates on the copying task (seeds alike) the answer was "
        "no."
    ),
    remark=(
        "“Solves” is too strong. The cell's sum lets the gradient pass where the forget gate is near 1, and fades it "
        "where it is not: at a bias of 0 the gate starts at one half, which is what each step then lets pass along "
        "the cell (hence the bias of 1, Gers et al. 2000; Jozefowicz et al. 2015). Nothing in the cell bounds "
        "gradients through the gates, so that they can explode, and trainings clip them (Pascanu et al. 2013). "
        "Exploding gradients do not follow from vanishing ones, as section 2.3 has it: they are its opposite."
    ),
    plan=_plan,
    measure=_measure,
    judge=_judge,
    draw=_draw,
    full_seeds=5,
    quick_note=(
        f"The quick form has short sequences only, T = {QUICK_LENGTHS['copying'][0]} to {QUICK_LARGE_STEPS}: what it "
        "finds is no evidence on *long* memory."
    ),
)
