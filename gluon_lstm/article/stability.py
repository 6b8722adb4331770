"""Section 2.3: training is more stable."""

from __future__ import annotations

from statistics import fmean, median, pstdev
from typing import Dict, List, Sequence

from gluon_lstm.article.claim import Claim, Findings, Options, Picture, Record, Settings
from gluon_lstm.article.comparison import by_variant, compare, measure_accuracy, numbers, plan_variants, summary_table

NETS = {"RNN": "rnn", "LSTM": "lstm"}
CLIPPING = {"clipped": 1.0, "not clipped": 0.0}
RATES = (0.001, 0.01, 0.1)


def _name(net: str, clipping: str, rate: float) -> str:
    return f"{net}, {clipping}, rate {rate:g}"


def _plan(settings: Settings) -> List[Options]:
    base = {
        "data": {"dataset": "digits" if settings.quick else "mnist", "view": "pixels" if settings.quick else "rows",
                 "augment_shift": 0},
        "model": {"hidden_size": 24 if settings.quick else 64, "bidirectional": False, "dropout": 0.0,
                  "pooling": "last"},
        "training": {"epochs": settings.steps(10, 5), "batch_size": 64, "schedule": "constant", "warmup_epochs": 0.0},
    }  # fmt: skip
    variants = {
        _name(net, clipping, rate): {
            "model": {"encoder": encoder},
            "training": {"clip_norm": norm, "learning_rate": rate},
        }
        for net, encoder in NETS.items()
        for clipping, norm in CLIPPING.items()
        for rate in RATES
    }
    return plan_variants(settings, base, variants)


def _by_seed(records: Sequence[Record], net: str, clipping: str, name: str) -> List[List[float]]:
    """Returns for each seed one number of the outcomes at all rates."""
    groups = by_variant(records)
    columns = [numbers(groups[_name(net, clipping, rate)], name) for rate in RATES]
    return [list(seed) for seed in zip(*columns)]


def _judge(records: Sequence[Record]) -> Findings:
    checks = []
    for clipping in CLIPPING:
        rnn, lstm = (_by_seed(records, net, clipping, "diverged") for net in NETS)
        shares = [list(map(fmean, seeds)) for seeds in (rnn, lstm)]
        rnn, lstm = (_by_seed(records, net, clipping, "test_accuracy") for net in NETS)
        checks += [
            compare(f"Fewer LSTMs than RNNs diverge, gradients {clipping}", *shares, 5.0, "points", 100,
                    room=100 * fmean(shares[0])),
            compare(f"The LSTM's accuracy varies less over the rates, gradients {clipping}", list(map(pstdev, rnn)),
                    list(map(pstdev, lstm)), 1.0, "points", 100),
            compare(f"The LSTM's accuracy varies less over the seeds, gradients {clipping}", deviations(rnn),
                    deviations(lstm), 1.0, "points", 100),
        ]  # fmt: skip
    columns = {
        "Test accuracy": lambda record: record.outcome["test_accuracy"],
        "Diverged": lambda record: float(record.outcome["diverged"]),
    }
    return Findings(tuple(checks), (summary_table("By net, clipping and rate", by_variant(records), columns, ".3f"),))


def deviations(seeds: Sequence[Sequence[float]]) -> List[float]:
    """Returns how far each seed's numbers are from the median of all seeds, mean over the rates.

    A mean of these is less where seeds are more alike, and each is one number a seed (Brown and Forsythe 1974).

    Args:
        seeds: for each seed the numbers at all rates.
    """
    middles = [median(rate) for rate in zip(*seeds)]
    return [fmean(abs(number - middle) for number, middle in zip(seed, middles)) for seed in seeds]


def _draw(records: Sequence[Record]) -> List[Picture]:
    from gluon_lstm.article.figures import Group, point_panels

    groups = by_variant(records)
    panels = []
    for clipping in CLIPPING:
        values: Dict[str, List[float]] = {
            f"{net} {rate:g}": numbers(groups[_name(net, clipping, rate)], "test_accuracy")
            for net in NETS
            for rate in RATES
        }
        panels.append(Group(f"Gradients {clipping}", "test accuracy", values, "net and learning rate", is_share=True))
    caption = "Test accuracy by net and learning rate: each seed, and the mean with its 95 % interval"
    return [Picture("rates", caption, point_panels(panels))]


CLAIM = Claim(
    id="stability",
    title="Training is more stable",
    says="training an LSTM is more stable than training a plain RNN",
    section="2.3",
    experiment=(
        "A plain RNN and an LSTM of as many units are trained by Adam at three learning rates, with and without "
        "clipping the gradient's norm to 1, digits pixel by pixel in the quick form (64 steps), MNIST row by row in "
        "the full. A run whose loss is not finite has *diverged*, and counts as an accuracy of 0. Each seed gives a "
        "share of diverged runs, a standard deviation over the rates, and its mean distance, over the rates, from the "
        "median of all seeds (Brown and Forsythe 1974); of few seeds these distances hang together, and their "
        "interval is a rough one. A net that ends at guessing, with a loss that is finite, has not diverged. A net "
        "that is equally poor at every rate varies little, too: the table has the accuracies. At first it was judged "
        "how many runs stay below an accuracy of 50%, in the place of those that diverge; what came of it hung on "
        "that number, and it was given up after it had been seen."
    ),
    remark=(
        "The article gives no measure of stability. Three are taken here: how many trainings diverge, and how "
        "much the result depends on the learning rate and on the seed."
    ),
    plan=_plan,
    measure=measure_accuracy,
    judge=_judge,
    draw=_draw,
)
