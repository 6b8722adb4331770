"""Find a learning rate: train while it rises, and plot the loss."""

from __future__ import annotations

import argparse
import sys
from itertools import chain, count
from pathlib import Path

from gluon_lstm import runtime
from gluon_lstm.atomic import check_replaceable, replacing_file
from gluon_lstm.cli.loading import load_fitting_splits
from gluon_lstm.cli.options import add_config_arguments, read_config
from gluon_lstm.cli.output import output_explained
from gluon_lstm.config import merge
from gluon_lstm.data import iterate_batches
from gluon_lstm.errors import ConfigError

NGRAMS = ("ngrams", "character_ngrams")
WITHOUT_EFFECT = (
    "epochs", "learning_rate", "schedule", "warmup_epochs", "step_epochs", "step_factor", "ema_decay", "monitor",
    "patience", "checkpoint_every", "keep_checkpoints", "on_divergence", *NGRAMS,
)  # fmt: skip
"""Options that a range test does not have: it sets the rate, comes to no epoch's end, saves nothing, ends where the
loss is not finite, and trains the net alone, whatever linear model is mixed with it later."""

TITLE = "Learning rate range test"
"""Kept in the plot's file, by which a later test knows what it may replace."""
FEWEST_STEPS = 20
"""Losses of fewer steps tell nothing but noise."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument(
        "--output", metavar="FILE", default="learning_rate.png", help="plot, a .png file (default: learning_rate.png)"
    )
    parser.add_argument("--low", type=float, metavar="X", default=1e-5, help="first learning rate (default: 1e-05)")
    parser.add_argument("--high", type=float, metavar="X", default=1.0, help="last learning rate (default: 1.0)")
    parser.add_argument("--steps", type=int, metavar="N", default=200, help="training steps (default: 200)")
    add_config_arguments(parser, without=WITHOUT_EFFECT)


def run(arguments: argparse.Namespace) -> int:
    """Runs the range test, writes its plot and prints the rate; returns the exit code."""
    if not 0 < arguments.low < arguments.high <= 1000:
        raise ConfigError(f"--low {arguments.low:g}: must be above 0 and below --high {arguments.high:g}, at most 1000")
    if arguments.steps < FEWEST_STEPS:
        raise ConfigError(f"--steps {arguments.steps}: must be at least {FEWEST_STEPS}")
    config, output = merge(read_config(arguments), {"model": dict.fromkeys(NGRAMS, 0)}), Path(arguments.output)
    runtime.prepare(config.runtime.threads)
    with output_explained(output):
        check_replaceable(output)
        _check_is_plot(output)
    result = _test(config, arguments)
    _save_plot(result, output)
    suggested = "none" if result.suggestion is None else f"--learning-rate {result.suggestion:.2g}"
    print(f"suggested: {suggested}\nplot: {arguments.output}")
    if result.suggestion is None:
        print("note: the loss fell at none of the rates that were tried; try a lower --low, or more --steps",
              file=sys.stderr)  # fmt: skip
    elif result.is_at_an_end:
        print("note: the loss fell fastest at an end of the rates that were tried; try others with --low and --high, "
              "or more --steps", file=sys.stderr)  # fmt: skip
    return 0


def _test(config, arguments: argparse.Namespace):
    """Returns the range test of a new net on as many shuffled batches as it asks for."""
    from gluon_lstm.training import prepare_training, range_test

    config, (train, *_) = load_fitting_splits(arguments, config)
    devices = runtime.devices(config.runtime.device)
    runtime.seed_everything(config.runtime.seed)
    stepper = prepare_training(config, train, devices).stepper
    seed, batch_size = config.runtime.seed, config.training.batch_size
    batches = chain.from_iterable(iterate_batches(train, batch_size, (seed, epoch)) for epoch in count(1))
    return range_test(stepper, batches, arguments.low, arguments.high, arguments.steps)


def _check_is_plot(path: Path) -> None:
    """Raises ConfigError where the plot would replace a file that is none, or be named as what it is not."""
    from gluon_lstm.evaluation import plots

    if path.exists() and not plots.is_own(path, TITLE):
        raise ConfigError(f"--output {path}: holds something else than a plot of find-lr; choose another file")
    if path.suffix.lower() != ".png":
        raise ConfigError(f"--output {path}: the plot is a PNG picture; give a name that ends in .png")


def _save_plot(result, path: Path) -> None:
    """Writes the loss against the learning rate as PNG."""
    from gluon_lstm.evaluation import plots

    figure = plots.learning_rate_range(result.rates, result.losses, result.suggestion)
    with output_explained(path), replacing_file(path) as temporary:
        plots.save(figure, temporary, TITLE)
