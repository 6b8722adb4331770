"""One training run of a classifier, and its score: what claims about training compare.

The last epoch's model counts: no epoch is chosen, so that the test split says how all of
a variant's runs do.
"""

from __future__ import annotations

import random
import time
from functools import lru_cache
from itertools import chain, count, islice
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import mxnet as mx

from gluon_lstm import runtime
from gluon_lstm.config import Config, merge
from gluon_lstm.data import DataSplits, SequenceDataset, iterate_batches, load_splits, num_batches
from gluon_lstm.errors import DivergenceError, NonFiniteOutputError
from gluon_lstm.evaluation import Evaluation, Predictions, evaluate, predict
from gluon_lstm.training import learning_rate, prepare_training
from gluon_lstm.training.epoch import Tally, train_epoch

SCORING_BATCH = 256


class Trained(NamedTuple):
    """A trained net, and how it came about.

    Attributes:
        net: the net, as the last step left it.
        epochs: for each epoch, its mean training loss in nats, the seconds its steps took, and what was watched.
    """

    net: mx.gluon.HybridBlock
    epochs: List[Dict[str, float]]


def read_options(options: Mapping[str, Any], data_dir: Optional[str]) -> Tuple[Config, DataSplits]:
    """Returns the configuration and data of a run's options: ``config``, by sections, and ``seed``."""
    changes = {**options["config"], "runtime": {"seed": options["seed"]}}
    config = merge(Config(), changes)
    if data_dir:
        config = merge(config, {"data": {"data_dir": data_dir}})
    return config, _load(merge(config, {"runtime": {"seed": 0}, "model": vars(Config().model),
                                        "training": vars(Config().training)}))  # fmt: skip


@lru_cache(maxsize=2)
def _load(config: Config) -> DataSplits:
    """Returns the data of a configuration, whose other sections are the defaults; read once for many runs."""
    return load_splits(config)


def train(
    config: Config,
    splits: DataSplits,
    watch: Callable[[mx.gluon.HybridBlock], Dict[str, float]] = lambda net: {},
) -> Trained:
    """Trains a new net over all epochs.

    Args:
        config: what is trained and how.
        splits: the data.
        watch: asked after each epoch, outside of its seconds, for further numbers of the net as it is.

    Raises:
        DivergenceError: a loss or gradient was not finite.
    """
    seed, training = config.runtime.seed, config.training
    runtime.seed_everything(seed)
    net, stepper = prepare_training(config, splits.train, [mx.cpu()])
    steps = num_batches(len(splits.train), training.batch_size)
    epochs = []
    for epoch in range(training.epochs):
        tally = Tally()
        batches = iterate_batches(splits.train, training.batch_size, (seed, epoch + 1))
        train_epoch(batches, stepper.step, lambda step: learning_rate(training, step, steps), epoch * steps, tally,
                    lambda: False)  # fmt: skip
        counts = tally.read_all()
        epochs.append({"train_loss": counts.mean_loss, "seconds": counts.seconds, **watch(net)})
    return Trained(net, epochs)


def time_steps(configs: Sequence[Config], splits: DataSplits, rounds: int, steps: int) -> List[List[float]]:
    """Returns the seconds a training step of new nets, a list of rounds for each: all take turns on the same batches.

    The order is another one each round.

    Each net meets a round's batches twice, and the second time counts: MXNet prepares for shapes that are new to it.

    Args:
        configs: the nets' configurations, whose batches are alike.
        splits: the data.
        rounds: how many, each with batches of its own.
        steps: batches a round.
    """
    first = configs[0]
    runtime.seed_everything(first.runtime.seed)
    steppers = [prepare_training(config, splits.train, [mx.cpu()]).stepper for config in configs]
    epochs = (iterate_batches(splits.train, first.training.batch_size, (first.runtime.seed, n)) for n in count(1))
    batches = chain.from_iterable(epochs)
    order, places = random.Random(first.runtime.seed), range(len(configs))
    seconds: List[List[float]] = [[] for _ in configs]
    for _ in range(rounds):
        batch_list = list(islice(batches, steps))
        for place in order.sample(places, len(places)):
            for _ in range(2):
                start = time.perf_counter()
                for batch in batch_list:
                    steppers[place].step(batch, configs[place].training.learning_rate)
                mx.nd.waitall()
            seconds[place].append((time.perf_counter() - start) / steps)
    return seconds


def score(net: mx.gluon.HybridBlock, dataset: SequenceDataset) -> Evaluation:
    """Returns the evaluation of a net on a data set."""
    return evaluate(answers(net, dataset), dataset.class_names)


def answers(net: mx.gluon.HybridBlock, dataset: SequenceDataset) -> Predictions:
    """Returns what a net says about each sample of a data set.

    Raises:
        DivergenceError: its output is not finite.
    """
    try:
        return predict(net, dataset, SCORING_BATCH, mx.cpu())
    except NonFiniteOutputError as error:  # the loss of the last step was finite, and what it made of the weights not
        raise DivergenceError(str(error)) from error


