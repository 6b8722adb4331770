import itertools
import json
import math
import os
import signal
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace

import mxnet as mx
import numpy as np
import pytest

from gluon_lstm.data import Augmentation
from gluon_lstm.errors import DivergenceError, RunError
from gluon_lstm.evaluation import evaluate, predict
from gluon_lstm.nn import build_net, get_arrays, set_arrays
from gluon_lstm.rundir import RunDirectory
from gluon_lstm.training import Fit, epoch, fit

LOG_KEYS = {
    "epoch",
    "train_loss",
    "train_accuracy",
    "validation_loss",
    "validation_accuracy",
    "validation_macro_f1",
    "learning_rate",
    "gradient_norm",
    "skipped_batches",
    "rollbacks",
    "seconds",
    "samples_per_second",
    "best",
}
TIMES = {"seconds", "samples_per_second"}


class Silent:
    """Shows nothing; calls functions of its user's.

    Args:
        on_step: called after each step, with the number of steps before it.
        on_epoch: called after each epoch.
    """

    def __init__(self, on_step=lambda step: None, on_epoch=lambda: None):
        self.on_step, self.on_epoch, self.steps = on_step, on_epoch, 0

    @contextmanager
    def epoch(self, number, samples):
        yield self.tell

    def tell(self, tally):
        self.steps += 1
        self.on_step(self.steps - 1)

    def epoch_done(self, record):
        self.on_epoch()


def make_fit(config, splits, device_ids=(0,), **hooks):
    return Fit(config, splits, [mx.cpu(number) for number in device_ids], Silent(**hooks))


@pytest.fixture
def validations(monkeypatch):
    """A function that makes the epochs' validations come out as given: accuracy, loss and, if any, macro F1."""

    def give(*figures):
        remaining = iter(figures)

        def evaluated(*_):
            accuracy, nll, *macro_f1 = next(remaining)
            return SimpleNamespace(accuracy=accuracy, nll=nll, macro_f1=(macro_f1 or [accuracy])[0])

        monkeypatch.setattr(fit, "evaluate", evaluated)

    return give


def saved_net(run, config, splits):
    """Returns a new net with the run's parameters."""
    net = build_net(config.model, splits.train.step_shape, 4, [mx.cpu()])
    set_arrays(net, run.load_model().parameters, "run")
    return net


def test_a_run_learns_and_keeps_a_model_that_scores_as_its_log_says(splits, make_config, run):
    config = make_config(epochs=25)
    result = make_fit(config, splits).run(run)
    log = run.read_log()
    assert log[-1]["train_loss"] < log[0]["train_loss"] / 2
    assert result.best["validation_accuracy"] > 0.9
    assert result.stopped_by is None
    predictions = predict(saved_net(run, config, splits), splits.validation, 8, mx.cpu())
    evaluation = evaluate(predictions, splits.validation.class_names)
    assert evaluation.accuracy == result.best["validation_accuracy"] == run.load_model().validation_accuracy
    assert evaluation.nll == pytest.approx(result.best["validation_loss"], rel=1e-5)


def test_the_model_says_what_it_was_trained_on(splits, make_config, run):
    make_fit(make_config(epochs=1), splits).run(run)
    model = run.load_model()
    assert (model.class_names, model.step_shape, model.epoch) == (tuple("abcd"), (4, 5), 1)
    assert model.input_format == splits.train.input_format


def test_a_line_of_the_log(splits, make_config, run, monkeypatch):
    monkeypatch.setattr(epoch, "time", SimpleNamespace(perf_counter=itertools.count(step=4.0).__next__))
    make_fit(make_config(epochs=2, schedule="step", warmup_epochs=0.0, step_epochs=1, step_factor=0.5), splits).run(run)
    first, second = run.read_log()
    assert set(first) == set(second) == LOG_KEYS
    assert (first["epoch"], second["epoch"]) == (1, 2)
    assert (first["learning_rate"], second["learning_rate"]) == (0.02, 0.01)
    assert first["best"] is True
    assert first["gradient_norm"] > 0
    assert [(r["seconds"], r["samples_per_second"]) for r in (first, second)] == [(4.0, 12.5)] * 2
    assert 0 <= first["train_accuracy"] <= 1


def test_freed_memory_goes_back_after_every_epoch(splits, make_config, run, monkeypatch):
    events = []
    monkeypatch.setattr(fit, "trim_memory", lambda: events.append("trimmed"))
    make_fit(make_config(epochs=3), splits, on_epoch=lambda: events.append("epoch")).run(run)
    assert events == ["epoch", "trimmed"] * 3


def test_without_clipping_no_norm_is_logged(splits, make_config, run):
    make_fit(make_config(epochs=1, clip_norm=0.0), splits).run(run)
    assert run.read_log()[0]["gradient_norm"] is None
    assert '"gradient_norm": null' in (run.path / "log.jsonl").read_text()


def test_the_first_epochs_training_loss_is_that_of_each_step_as_it_was(splits, make_config, run):
    config = make_config(epochs=1, learning_rate=1e-12, clip_norm=0.0)
    fitting = make_fit(config, splits)
    logits = fitting.net(mx.nd.array(splits.train.batch(np.arange(50)).inputs)).asnumpy().astype(np.float64)
    expected = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(50), splits.train.labels]
    fitting.run(run)
    record = run.read_log()[0]
    assert record["train_loss"] == pytest.approx(expected.mean(), rel=1e-5)
    assert record["train_accuracy"] == (logits.argmax(axis=1) == splits.train.labels).mean()


@pytest.mark.parametrize(
    "pairs, best",
    [
        ([(0.5, 1.0), (0.6, 2.0), (0.4, 0.1)], [True, True, False]),
        ([(0.5, 1.0), (0.5, 0.9), (0.5, 0.95)], [True, True, False]),
        ([(0.5, 1.0), (0.5, 1.0), (0.5, 1.0)], [True, False, False]),
    ],
    ids=["accuracy first", "then loss", "the first of equals"],
)
def test_the_best_epoch(splits, make_config, run, validations, pairs, best):
    validations(*pairs)
    result = make_fit(make_config(), splits).run(run)
    assert [record["best"] for record in run.read_log()] == best
    last_best = max(index for index, is_best in enumerate(best, 1) if is_best)
    assert result.best["epoch"] == run.load_model().epoch == last_best


@pytest.mark.parametrize("monitor, kept", [("accuracy", 2), ("macro-f1", 3), ("loss", 4)])
def test_the_epoch_is_kept_that_is_best_in_what_is_monitored(splits, make_config, run, validations, monitor, kept):
    validations((0.5, 0.5, 0.4), (0.9, 0.4, 0.5), (0.8, 0.3, 0.7), (0.8, 0.2, 0.6))
    result = make_fit(make_config(epochs=4, monitor=monitor), splits).run(run)
    assert result.best["epoch"] == run.load_model().epoch == kept


@pytest.mark.parametrize("monitor", ["accuracy", "macro-f1"])
def test_of_epochs_alike_in_it_the_one_of_less_loss_is_kept(splits, make_config, run, validations, monitor):
    validations((0.5, 0.5, 0.5), (0.5, 0.4, 0.5), (0.5, 0.45, 0.5))
    assert make_fit(make_config(epochs=3, monitor=monitor), splits).run(run).best["epoch"] == 2


@pytest.mark.parametrize("patience, epochs", [(0, 6), (1, 3), (2, 4), (9, 6)])
def test_early_stopping(splits, make_config, run, validations, patience, epochs):
    validations((0.5, 1.0), (0.6, 1.0), *[(0.55, 1.0)] * 4)
    make_fit(make_config(epochs=6, patience=patience), splits).run(run)
    assert len(run.read_log()) == epochs


@pytest.fixture
def outcome(splits, make_config, tmp_path):
    """A function that trains a net with dropout from a seed; returns its best parameters' bytes, and its log."""

    def train(seed, **hooks):
        directory = RunDirectory.create(tmp_path / "again", {}, force=True)
        config = make_config(model={"dropout": 0.5}, runtime={"seed": seed})
        make_fit(config, splits, **hooks).run(directory)
        weights = (directory.path / "model" / "parameters.safetensors").read_bytes()
        return weights, [{k: v for k, v in record.items() if k not in TIMES} for record in directory.read_log()]

    return train


def test_one_seed_gives_one_result(outcome):
    first = outcome(seed=5)
    assert outcome(seed=5) == first
    assert outcome(seed=6)[0] != first[0]


def test_what_an_epoch_draws_depends_on_seed_and_epoch_alone(outcome):
    def draw():
        np.random.random()
        mx.nd.random.uniform(shape=1).wait_to_read()

    assert outcome(seed=5, on_epoch=draw) == outcome(seed=5)


def test_every_epoch_draws_its_own_order_augmentation_and_random_numbers(splits, make_config, run):
    batches, numbers = [], []

    def draw(_):
        numbers.append((np.random.random(), mx.nd.random.uniform(shape=1).asscalar()))

    shifted = replace(splits.train, augmentation=Augmentation(shift=1))
    fitting = make_fit(make_config(epochs=3, batch_size=50), splits._replace(train=shifted), on_step=draw)
    step = fitting._stepper.step
    fitting._stepper.step = lambda batch, rate: batches.append(batch) or step(batch, rate)
    fitting.run(run)
    assert [sorted(batch.indices) for batch in batches] == [list(range(50))] * 3
    in_order = [batch.inputs[:, np.argsort(batch.indices)] for batch in batches]
    for one, other in itertools.combinations(range(3), 2):
        assert (batches[one].indices != batches[other].indices).mean() > 0.5
        assert (in_order[one] != in_order[other]).any(axis=(0, 2)).mean() > 0.5
        assert all(first != second for first, second in zip(numbers[one], numbers[other]))


def test_the_average_is_validated_and_kept_and_training_goes_on_from_the_weights(splits, make_config, run):
    config = make_config(epochs=1, batch_size=2, ema_decay=0.9)
    fitting = make_fit(config, splits)
    fitting.run(run)
    kept = run.load_model().parameters
    for others in (get_arrays(fitting.net), get_arrays(make_fit(config, splits).net)):
        assert all(np.abs(others[name] - kept[name]).max() > 1e-4 for name in kept)
    predictions = predict(saved_net(run, config, splits), splits.validation, 24, mx.cpu())
    nll = evaluate(predictions, splits.validation.class_names).nll
    assert nll == pytest.approx(run.read_log()[0]["validation_loss"], rel=1e-5)


def test_several_devices(splits, make_config, run):
    # Batches of 7 leave one sample for the last step, which two devices cannot share.
    config = make_config(epochs=2, batch_size=7, ema_decay=0.5)
    make_fit(config, splits, device_ids=(1, 2)).run(run)
    first, second = run.read_log()
    assert second["train_loss"] < first["train_loss"]
    assert run.load_model().epoch == max(record["epoch"] for record in (first, second) if record["best"])


STEPS = 4  # an epoch of 50 samples, 16 at a time


@pytest.fixture
def fit_that_breaks(splits, make_config):
    """A function that makes a run in which weights, by the end of their name, get a value after a step."""

    def make(lost_after, name="bias", value=math.nan, **options):
        def break_net(step):
            if step == lost_after:
                for parameter in fitting.net.collect_params(f".*{name}").values():
                    parameter.set_data(mx.nd.full(parameter.shape, value))

        fitting = make_fit(make_config(**options), splits, on_step=break_net)
        return fitting

    return make


@pytest.mark.parametrize(
    "lost_after, message",
    [
        (STEPS + 1, f"step {STEPS + 3}: the loss is not finite at .*; the model of epoch 1 is kept$"),
        (2 * STEPS - 1, f"step {2 * STEPS}: the weights or moments are not finite at .*; the model of epoch 1 "),
    ],
    ids=["within an epoch", "in an epoch's last step"],
)
def test_divergence_keeps_the_best_model(fit_that_breaks, run, lost_after, message):
    with pytest.raises(DivergenceError, match=message):
        fit_that_breaks(lost_after).run(run)
    assert_only_epoch_1(run)


def assert_only_epoch_1(run):
    """Checks that log and model are those of the first epoch, and that its numbers are finite."""
    assert [record["epoch"] for record in run.read_log()] == [1]
    model = run.load_model()
    assert model.epoch == 1 and all(np.isfinite(array).all() for array in model.parameters.values())


def test_weights_too_great_for_a_finite_output_stop_a_run(fit_that_breaks, run):
    message = f"step {2 * STEPS}: the validation output is not finite at .*; the model of epoch 1 "
    with pytest.raises(DivergenceError, match=message):
        fit_that_breaks(2 * STEPS - 1, "weight", 1e38).run(run)
    assert_only_epoch_1(run)


RELU = {"model": {"head_size": 6}, "clip_norm": 0.0}


@pytest.mark.parametrize("lost_after", [STEPS + 1, 2 * STEPS - 2])
def test_weights_that_are_lost_behind_a_relu_stop_a_run(fit_that_breaks, run, lost_after):
    """MXNet's relu turns NaN into 0, so that the loss stays finite; every eighth step's weights are watched."""
    message = "step 8: the weights are not finite at .*; the model of epoch 1 is kept$"
    with pytest.raises(DivergenceError, match=message):
        fit_that_breaks(lost_after, "h2h_weight", **RELU).run(run)
    assert_only_epoch_1(run)


@pytest.mark.parametrize("lost_after", [STEPS + 1, 2 * STEPS - 1], ids=["within an epoch", "in an epoch's last step"])
def test_a_run_goes_back_from_weights_that_are_lost_behind_a_relu(fit_that_breaks, run, lost_after, capsys):
    fit_that_breaks(lost_after, "h2h_weight", **RELU, on_divergence="rollback").run(run)
    assert [record["rollbacks"] for record in run.read_log()] == [0, 1, 1]
    assert "step 8: the weights" in capsys.readouterr().err


def test_divergence_before_the_first_model(fit_that_breaks, run):
    with pytest.raises(DivergenceError, match="step 2: the loss is not finite .*; no model was saved$"):
        fit_that_breaks(0).run(run)
    with pytest.raises(RunError, match="holds no model"):
        run.load_model()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("last_step, epochs", [(1, 0), (STEPS - 1, 1), (STEPS, 1)])
def test_a_signal_ends_the_run_after_the_step_with_its_state_kept(splits, make_config, run, number, last_step, epochs):
    steps = []

    def interrupt(step):
        steps.append(step)
        if step == last_step:
            os.kill(os.getpid(), number)

    result = make_fit(make_config(), splits, on_step=interrupt).run(run)
    assert result.stopped_by == number
    assert steps[-1] == last_step
    assert len(run.read_log()) == epochs
    assert run.checkpoints.entries()[-1].step == last_step + 1
    if epochs:
        assert run.load_model().epoch == result.best["epoch"]
    else:
        assert result.best is None


def test_events_hold_every_epoch(splits, make_config, run):
    make_fit(make_config(epochs=2), splits).run(run)
    (file,) = (run.path / "events").iterdir()
    content = file.read_bytes()
    assert content.count(b"validation_accuracy") == 2
    assert json.loads((run.path / "log.jsonl").read_text().splitlines()[1])["epoch"] == 2
