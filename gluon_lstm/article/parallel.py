"""Section 2.3: better parallel computation, and faster training."""

from __future__ import annotations

from dataclasses import replace
from statistics import geometric_mean
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence

from gluon_lstm import runtime
from gluon_lstm.article.claim import Claim, Findings, Options, Outcome, Picture, Record, Settings, Table
from gluon_lstm.article.comparison import compare, numbers, summary_table
from gluon_lstm.article.step_times import Case, Measurement, time_in_process
from gluon_lstm.article.surroundings import DISTURBED, is_disturbed, observe, surroundings_table
from gluon_lstm.article.verdicts import Check, effect
from gluon_lstm.runtime import tell_threads

THREADS = (1, 2)
SLOWED = "a second thread slows the LSTM down"
"""Why a check of what threads speed up is open."""
LSTM, RNN, RNN_AS_LARGE, TRANSFORMER = "LSTM", "RNN", "RNN, as many weights", "Transformer"
NETS = {RNN: "rnn", RNN_AS_LARGE: "rnn", "GRU": "gru", LSTM: "lstm", TRANSFORMER: "transformer"}
USUAL = "hybridized"
WAYS = {
    USUAL: ("auto", True),
    "not hybridized": ("auto", False),
    "cell by cell, hybridized": ("cell", True),
    "cell by cell, not hybridized": ("cell", False),
}
"""Ways to run a net: implementation, and whether it is hybridized. Without a word of the cell, a recurrent net's layer
is one call of the fused operator."""


class Shape(NamedTuple):
    """What a net reads and has: T time steps, and H units."""

    steps: int
    hidden_size: int

    def __str__(self) -> str:
        return f"T = {self.steps}, H = {self.hidden_size}"


class Key(NamedTuple):
    """What one time belongs to: a net, a way to run it, a shape and a number of threads."""

    net: str
    way: str
    shape: Shape
    threads: int


def _plan(settings: Settings) -> List[Options]:
    quick = settings.quick
    sizes = {
        "steps": [16, 32, 64] if quick else [25, 50, 100, 200, 400],
        "hidden_sizes": [32, 64, 128] if quick else [32, 64, 128, 256, 512],
        "base": {"steps": 32 if quick else 50, "hidden_size": 64 if quick else 128},
        "batch_size": 32 if quick else 64,
        "features": 32,
        "classes": 10,
        "rounds": settings.steps(5, 15),
        "updates": 2 if quick else 5,
    }
    return [{**sizes, "seed": seed} for seed in range(settings.seeds)]


def _shapes(options: Options) -> List[Shape]:
    """Returns the shapes: each T at the base's H, and each further H at the base's T."""
    base = _base(options)
    others = [hidden for hidden in options["hidden_sizes"] if hidden != base.hidden_size]
    return [*(Shape(steps, base.hidden_size) for steps in options["steps"]),
            *(Shape(base.steps, hidden) for hidden in others)]  # fmt: skip


def _base(options: Options) -> Shape:
    return Shape(**options["base"])


def _cases(options: Options) -> Dict[Key, Case]:
    """Returns what is timed: every net in every shape, and at the base's every way to run it; threads are still 0."""
    keys = [Key(net, USUAL, shape, 0) for shape in _shapes(options) for net in NETS]
    keys += [Key(net, way, _base(options), 0) for net in NETS for way in _other_ways(net)]
    return {key: _case(key, options) for key in keys}


def _other_ways(net: str) -> List[str]:
    """Returns the ways to run a net beside the usual one: for an LSTM all, for others not hybridized."""
    if net == LSTM:
        return [way for way in WAYS if way != USUAL]
    return [] if net == RNN_AS_LARGE else ["not hybridized"]


def _case(key: Key, options: Options) -> Case:
    from gluon_lstm.article.sizes import count_weights, equal_units
    from gluon_lstm.config import ModelConfig

    implementation, hybridized = WAYS[key.way]
    model = {"encoder": NETS[key.net], "hidden_size": key.shape.hidden_size, "bidirectional": False, "dropout": 0.0,
             "pooling": "last", "implementation": implementation}  # fmt: skip
    if key.net == RNN_AS_LARGE:
        reads = (options["features"], options["classes"])
        target = count_weights(ModelConfig(**{**model, "encoder": "lstm"}), *reads)
        model["hidden_size"] = equal_units(ModelConfig(**model), *reads, target)
    return Case(model, key.shape.steps, hybridized)


def _measure(options: Options, data_dir: Optional[str]) -> Outcome:
    counts = [threads for threads in THREADS if threads <= runtime.physical_cores()]
    return observe(lambda: {"times": _measure_times(options, counts)}, " and ".join(map(str, counts)))


def _measure_times(options: Options, counts: List[int]) -> List[Dict[str, Any]]:
    """Times all cases with each number of threads; every other seed begins with the last."""
    cases, seed = _cases(options), options["seed"]
    measurement = Measurement(**{name: options[name] for name in Measurement._fields})
    times = {}
    for threads in counts if seed % 2 == 0 else counts[::-1]:
        milliseconds = time_in_process(list(cases.values()), measurement, threads)
        times.update({key._replace(threads=threads): value for key, value in zip(cases, milliseconds)})
    return [{**key._replace(shape=key.shape._asdict())._asdict(), "milliseconds": times[key]} for key in sorted(times)]


def _times(record: Record) -> Dict[Key, float]:
    """Returns the milliseconds of a record by what they belong to."""
    times = {}
    for kept in record.outcome["times"]:
        shape = Shape(**kept["shape"])
        times[Key(kept["net"], kept["way"], shape, kept["threads"])] = kept["milliseconds"]
    return times


def _most_threads(records: Sequence[Record]) -> int:
    """Returns the greatest number of threads with which all records were timed."""
    return max(set.intersection(*({key.threads for key in _times(record)} for record in records)))


def _longer(record: Record, net: str, than: str, threads: int) -> float:
    """Returns how many times as long as another's a net's training step takes: geometric mean over the shapes."""
    times = _times(record)
    return geometric_mean(times[Key(net, USUAL, shape, threads)] / times[Key(than, USUAL, shape, threads)]
                          for shape in _shapes(record.options))  # fmt: skip


def _speedup(record: Record, net: str) -> float:
    """Returns how many times as fast a net's training step is with two threads: geometric mean over the shapes."""
    times = _times(record)
    return geometric_mean(times[Key(net, USUAL, shape, 1)] / times[Key(net, USUAL, shape, 2)]
                          for shape in _shapes(record.options))  # fmt: skip


def _judge(records: Sequence[Record]) -> Findings:
    threads = _most_threads(records)
    checks = [
        effect(f"A training step of an LSTM takes less time than one of a plain RNN of {words}",
               [100 * (_longer(record, rnn, LSTM, threads) - 1) for record in records], 0.0, "% of the LSTM's time")
        for rnn, words in ((RNN, "as many units"), (RNN_AS_LARGE, "as many weights"))
    ]  # fmt: skip
    tables = [_relative_table(records, threads), _base_table(records, threads), _ways_table(records, threads)]
    if threads > 1:
        checks += _thread_checks(records)
        tables.insert(1, _thread_table(records))
    tables.append(surroundings_table(records))
    if is_disturbed(records):
        checks = [replace(check, open_because=DISTURBED) for check in checks]
    return Findings(tuple(checks), tuple(tables), notes=tuple(_notes(records, threads)))


def _notes(records: Sequence[Record], threads: int) -> Iterator[str]:
    """Yields a sentence on how far the seeds are apart."""
    base = _base(records[0].options)
    own = [_times(record)[Key(LSTM, USUAL, base, threads)] for record in records]
    yield (f"Seeds differ: an LSTM's step at {base} took {min(own):.2f} to {max(own):.2f} ms "
           f"({tell_threads(threads)}), which is why nets are compared within a seed alone.")  # fmt: skip
    if threads > 1:
        speedups = [_speedup(record, LSTM) for record in records]
        yield (f"The speed-up differs as well: the LSTM's is {min(speedups):.2f} to {max(speedups):.2f}, where a "
               "second thread that costs time is below 1. Its differences between nets are judged; its size decides "
               "only whether they can be.")  # fmt: skip


def _thread_checks(records: Sequence[Record]) -> List[Check]:
    """Returns the checks of what a second thread brings."""
    rivals = {
        RNN: ("Two threads speed up an LSTM more than a plain RNN of as many units", 0.05),
        RNN_AS_LARGE: ("They speed it up more than a plain RNN of as many weights", 0.05),
        TRANSFORMER: ("They speed it up more than a Transformer", 0.05),
    }
    lstm = [_speedup(record, LSTM) for record in records]
    checks = [compare(says, lstm, [_speedup(record, net) for record in records], least, "times")
              for net, (says, least) in rivals.items()]  # fmt: skip
    if geometric_mean(lstm) >= 1:
        return checks
    # Which other net is slowed down even more is no answer; which one is not, is.
    return [check if check.answer == "no" else replace(check, open_because=SLOWED) for check in checks]


def _by_net(records: Sequence[Record], threads: int) -> Dict[str, List[Record]]:
    """Returns for each net the records with its own times by shape, as told, and their ratios to the LSTM's."""
    groups: Dict[str, List[Record]] = {}
    for record in records:
        times = _times(record)
        for net in NETS:
            outcome = {}
            for shape in _shapes(record.options):
                own, lstm = (times[Key(name, USUAL, shape, threads)] for name in (net, LSTM))
                outcome[str(shape)], outcome[f"{shape}, ratio"] = own, own / lstm
                if threads > 1:
                    outcome[f"{shape}, speed-up"] = times[Key(net, USUAL, shape, 1)] / own
            groups.setdefault(net, []).append(record._replace(outcome=outcome))
    return groups


def _shape_table(title: str, records: Sequence[Record], threads: int, end: str, form: str) -> Table:
    """Returns a table with a row a net and a column a shape, of the numbers of ``_by_net`` whose names end so."""
    columns = {str(shape): lambda record, name=f"{shape}{end}": record.outcome[name]
               for shape in _shapes(records[0].options)}  # fmt: skip
    return summary_table(title, _by_net(records, threads), columns, form)


def _relative_table(records: Sequence[Record], threads: int) -> Table:
    title = f"Time of a training step, as a multiple of the LSTM's ({tell_threads(threads)})"
    return _shape_table(title, records, threads, ", ratio", ".2f")


def _base_table(records: Sequence[Record], threads: int) -> Table:
    return _shape_table(f"Milliseconds of a training step ({tell_threads(threads)})", records, threads, "", ".2f")


def _thread_table(records: Sequence[Record]) -> Table:
    return _shape_table("Speed-up by a second thread", records, 2, ", speed-up", ".2f")


def _ways_table(records: Sequence[Record], threads: int) -> Table:
    """Returns the table of ways to run each net, at the base's shape."""
    base, groups = _base(records[0].options), {}
    for net in NETS:
        for way in [USUAL, *_other_ways(net)] if _other_ways(net) else []:
            groups[f"{net}, {way}"] = [_way_record(record, net, way, threads) for record in records]
    columns = {
        "Milliseconds": lambda record: record.outcome["own"],
        f"As a multiple of “{USUAL}”": lambda record: record.outcome["own"] / record.outcome["usual"],
    }
    return summary_table(f"Ways to run a net, {base} ({tell_threads(threads)})", groups, columns, ".2f")


def _way_record(record: Record, net: str, way: str, threads: int) -> Record:
    times, base = _times(record), _base(record.options)
    own, usual = (times[Key(net, name, base, threads)] for name in (way, USUAL))
    return record._replace(outcome={"own": own, "usual": usual})


def _draw(records: Sequence[Record]) -> List[Picture]:
    from gluon_lstm.article.figures import Group, curve_panels, point_panels

    threads = _most_threads(records)
    told = tell_threads(threads)
    caption = f"Milliseconds of a training step with {told}: median over the seeds, and the range of all"
    pictures = [Picture("times", caption, curve_panels(_time_panels(records, threads)))]
    if threads > 1:
        values = {net.replace(", ", ",\n"): [_speedup(record, net) for record in records] for net in NETS}
        title = "A training step with two threads"
        points = point_panels([Group(title, "times as fast as with one", values, level=1.0)])
        caption = "Speed-up by a second thread, geometric mean over T and H: each seed, and the mean with its interval"
        pictures.append(Picture("threads", caption, points))
    return pictures


def _time_panels(records: Sequence[Record], threads: int) -> List[Any]:
    """Returns the panels of times against T and against H."""
    import numpy as np

    from gluon_lstm.article.figures import Panel

    options, base, groups = records[0].options, _base(records[0].options), _by_net(records, threads)
    panels = []
    for axis, sizes, shapes in (
        ("time steps T", options["steps"], [Shape(steps, base.hidden_size) for steps in options["steps"]]),
        ("units H", options["hidden_sizes"], [Shape(base.steps, hidden) for hidden in options["hidden_sizes"]]),
    ):
        curves = {net: np.array([numbers(group, str(shape)) for shape in shapes]).T for net, group in groups.items()}
        other = f"H = {base.hidden_size}" if axis.endswith("T") else f"T = {base.steps}"
        panels.append(Panel(f"A training step, {other}", axis, "milliseconds", sizes, curves, "xy"))
    return panels


CLAIM = Claim(
    id="parallel",
    title="Better parallel computation, faster training",
    says="compared with a plain RNN, an LSTM is better suited to parallel computation, which makes training faster",
    section="2.3",
    experiment=(
        "A training step as `train` takes it (forward, backward, clipping, Adam) is timed on made-up sequences for a "
        "plain RNN, an RNN widened to as many weights as the LSTM has, a GRU, an LSTM and a Transformer layer of as "
        "many units, over the number of time steps T and of units H. Each number of threads has a process of its own, "
        "for MXNet takes it when it is imported; in it all nets take turns, in another order each round, and the "
        "median over the rounds counts. A seed is such a pair of processes; every other seed begins with two threads. "
        "What is judged are ratios of times of one seed, as geometric means over all T and H; milliseconds are this "
        "machine's, which the last table names, and on another one ratios differ too. Other work on the machine makes "
        "them worthless: the last table says how much there was, and where it was much all stays open until the "
        "claim's JSON file is deleted and all is timed anew. Where the machine gives one core, two threads are "
        "neither timed nor judged; where a second thread slows the LSTM down, to be slowed down less than another net "
        "is no speed-up, and leaves the check open. An RNN of as many units has a quarter of the LSTM's work to "
        "share out; a greater speed-up than its own is a matter of size. The *ways* are a layer as one call of the "
        "fused operator, or cell by cell, one time step after another; hybridized, which is compiled to a graph, or "
        "called from Python."
    ),
    remark=(
        "The cell does not make anything parallel. In an LSTM as in a plain RNN, step t needs the hidden state of step "
        "t - 1, so that the steps are taken one after another, however many processors there are. What can be computed "
        "at once is the same in both: the products of all inputs with their weights, before the first step, and "
        "within a step the rows of one matrix product. The LSTM's has four times as many rows, for its gates, which is "
        "four times the work. Doing without the dependence of a step on the one before is what makes a Transformer "
        "(Vaswani et al. 2017) parallel over time; it pays with work that grows with the square of T."
    ),
    plan=_plan,
    measure=_measure,
    judge=_judge,
    draw=_draw,
)
