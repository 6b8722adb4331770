"""A run that is ended and gone on with ends as if nothing had happened; and what diverges goes on or stops."""

import errno
import json
import math
import os
import resource
import shutil
import signal
from contextlib import contextmanager
from dataclasses import replace

import mxnet as mx
import numpy as np
import pytest

from gluon_lstm import runtime
from gluon_lstm.arrays import pack_arrays, unpack_arrays
from gluon_lstm.config import Config, merge
from gluon_lstm.data import DataSplits, batching, load_splits
from gluon_lstm.data.augmentation import Augmentation
from gluon_lstm.errors import DivergenceError, RunError
from gluon_lstm.nn import get_arrays
from gluon_lstm.rundir import RunDirectory
from gluon_lstm.rundir.files import sha256
from gluon_lstm.training import Fit, fit

TIMES = {"seconds", "samples_per_second"}


class Hooks:
    """Shows nothing; calls a function after each step of a process's part of a run."""

    def __init__(self, on_step=lambda step: None):
        self.on_step, self.steps = on_step, 0

    @contextmanager
    def epoch(self, number, samples):
        yield self.tell

    def tell(self, tally):
        self.steps += 1
        self.on_step(self.steps)

    def epoch_done(self, record):
        pass


@pytest.fixture(scope="module")
def augmented(splits):
    """Bars, distorted anew in each epoch in every way there is."""
    train = replace(splits.train, augmentation=Augmentation(1, 5.0, 0.1, 0.3))
    return DataSplits(train, splits.validation, splits.test)


@pytest.fixture(autouse=True, scope="module")
def short_segments():
    """Seeds the streams anew often, so that runs of few steps are ended within a segment and at its end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fit, "SEGMENT", 5)
        yield


def outcome(directory):
    """Returns all that a run leaves behind, but for times."""
    log = [{k: v for k, v in record.items() if k not in TIMES} for record in directory.read_log()]
    model = {path.name: path.read_bytes() for path in (directory.path / "model").iterdir()}
    newest = directory.checkpoints.newest(lambda checkpoint: None)
    return log, model, {name: array.tobytes() for name, array in newest.arrays.items()}


CPU = (mx.cpu(),)
STRIDE = 14
"""Of the calls that write, every so many-th is made to fail."""


def whole_run(path, config, splits, devices=CPU):
    directory = RunDirectory.create(path, {})
    Fit(config, splits, devices, Hooks()).run(directory)
    return outcome(directory)


def interrupted_run(path, config, splits, steps, devices=CPU):
    """Runs until a signal comes after so many steps, again and again; returns what is left, and how often it took."""

    def interrupt(step):
        if step == steps:
            os.kill(os.getpid(), signal.SIGTERM)

    directory, parts = RunDirectory.create(path, {}), 0
    while True:
        runtime.seed_everything(parts)  # a process that was started for something else
        mx.nd.random.uniform(shape=3).wait_to_read()
        fitting = Fit(config, splits, devices, Hooks(interrupt))
        fitting.resume(directory)
        result = fitting.run(directory)
        parts += 1
        assert parts < 50
        if fitting.is_done:
            return outcome(directory), parts
        assert result.stopped_by == signal.SIGTERM


KINDS = {
    "adam, average, clipping": dict(ema_decay=0.9, batch_size=4),
    "adamw": dict(optimizer="adamw", weight_decay=0.01, batch_size=4),
    "momentum, steps": dict(optimizer="sgd", schedule="step", step_epochs=1, batch_size=4),
    "sgd without momentum": dict(optimizer="sgd", momentum=0.0, clip_norm=0.0, batch_size=4),
    "rmsprop, constant": dict(optimizer="rmsprop", schedule="constant", batch_size=4),
    "patience": dict(patience=1, epochs=8, batch_size=4),
}


@pytest.mark.parametrize("options", KINDS.values(), ids=KINDS)
def test_a_run_ended_anywhere_ends_in_the_same_bytes(tmp_path, augmented, make_config, options):
    config = make_config(**options, model={"dropout": 0.3, "num_layers": 2, "head_size": 4})
    whole = whole_run(tmp_path / "whole", config, augmented)
    again, parts = interrupted_run(tmp_path / "parts", config, augmented, steps=7)
    assert parts > 3
    assert again == whole


TEXT_KINDS = {
    "adversarial, n-grams, weighted classes": (
        {"ngrams": 2, "embedding_dropout": 0.3},
        {"adversarial": 0.5, "class_weights": True, "label_smoothing": 0.1},
    ),
    "transformer, average": ({"encoder": "transformer"}, {"ema_decay": 0.9}),
    "every way to drop": (
        {"num_layers": 2, "zoneout": 0.2, "weight_dropout": 0.2, "locked_dropout": True, "layer_norm": True},
        {"checkpoint_every": "4"},
    ),
}


@pytest.mark.parametrize("model, training", TEXT_KINDS.values(), ids=TEXT_KINDS)
def test_a_run_on_texts_ended_anywhere_ends_in_the_same_bytes(tmp_path, model, training):
    sections = {
        "data": {"dataset": "sentences", "limit_train": 36},
        "text": {"word_dropout": 0.2, "max_length": 8},
        "model": {"hidden_size": 4, "embedding_size": 3, "dropout": 0.3, **model},
        "training": {"epochs": 2, "batch_size": 4, **training},
    }
    config = merge(Config(), sections)
    splits = load_splits(config)
    whole = whole_run(tmp_path / "whole", config, splits)
    again, parts = interrupted_run(tmp_path / "parts", config, splits, steps=7)
    assert parts > 2
    assert again == whole


def test_the_model_that_is_kept_depends_on_no_interruption(tmp_path, augmented, make_config):
    config = make_config(batch_size=4, model={"dropout": 0.3}, epochs=2)
    whole = whole_run(tmp_path / "whole", config, augmented)
    for steps in (1, 12, 13, 14):  # an epoch has 13
        if steps > 1:
            assert interrupted_run(tmp_path / str(steps), config, augmented, steps)[0] == whole


def test_several_devices_go_on_alike(tmp_path, augmented, make_config):
    config = make_config(batch_size=8, ema_decay=0.5, model={"dropout": 0.3})
    devices = (mx.cpu(1), mx.cpu(2))
    whole = whole_run(tmp_path / "whole", config, augmented, devices)
    assert interrupted_run(tmp_path / "parts", config, augmented, 5, devices)[0] == whole


def test_how_often_checkpoints_are_written_changes_nothing(tmp_path, augmented, make_config):
    options = dict(batch_size=4, model={"dropout": 0.3})
    whole = whole_run(tmp_path / "whole", make_config(**options), augmented)
    often = make_config(**options, checkpoint_every="3", keep_checkpoints=4)
    assert whole_run(tmp_path / "often", often, augmented) == whole
    steps = [entry.step for entry in RunDirectory(tmp_path / "often").checkpoints.entries()]
    assert len(set(steps)) >= 4 and steps[-1] == 39


@pytest.fixture(scope="module")
def stopped_once(tmp_path_factory, augmented, make_config, short_segments):
    """A run that was ended in its third epoch, its configuration, and what the whole run leaves."""
    folder = tmp_path_factory.mktemp("stopped")
    config = make_config(batch_size=4, epochs=4, model={"dropout": 0.3}, learning_rate=0.05)
    whole = whole_run(folder / "whole", config, augmented)

    def interrupt(step):
        if step == 30:
            os.kill(os.getpid(), signal.SIGTERM)

    directory = RunDirectory.create(folder / "run", {})
    Fit(config, augmented, CPU, Hooks(interrupt)).run(directory)
    return directory, config, whole


@pytest.fixture
def stopped(tmp_path, stopped_once):
    """The same, with a copy of the run."""
    directory, config, whole = stopped_once
    return RunDirectory(shutil.copytree(directory.path, tmp_path / "run")), config, whole


def go_on(directory, config, splits):
    fitting = Fit(config, splits, [mx.cpu()], Hooks())
    fitting.resume(directory)
    fitting.run(directory)
    return outcome(directory)


def test_a_damaged_checkpoint_gives_way_to_the_one_before(stopped, augmented, capsys):
    directory, config, whole = stopped
    newest = directory.checkpoints.entries()[-1].name
    (directory.path / "checkpoints" / newest / "arrays.safetensors").write_bytes(b"damaged")
    assert go_on(directory, config, augmented) == whole
    assert f"{newest} is set aside" in capsys.readouterr().err


def test_without_a_whole_checkpoint_the_run_starts_again(stopped, augmented):
    directory, config, whole = stopped
    shutil.rmtree(directory.path / "checkpoints")
    assert go_on(directory, config, augmented) == whole


@pytest.mark.parametrize("name", ["model", "log.jsonl"])
def test_a_lost_model_or_log_comes_back_from_the_checkpoints(stopped, augmented, name):
    directory, config, whole = stopped
    path = directory.path / name
    shutil.rmtree(path) if path.is_dir() else path.write_text("{")
    fitting = Fit(config, augmented, [mx.cpu()], Hooks())
    fitting.resume(directory)
    assert directory.load_model().epoch == max(r["epoch"] for r in directory.read_log() if r["best"])
    assert go_on(directory, config, augmented) == whole


def test_a_model_that_the_disk_had_no_room_for_comes_from_its_checkpoint(tmp_path, augmented, make_config):
    # The best epoch's model is not written, its checkpoint is, and then the process is killed.
    config = make_config(batch_size=4, epochs=4, learning_rate=0.05)
    whole = whole_run(tmp_path / "whole", config, augmented)
    bests = [record["epoch"] for record in whole[0] if record["best"]]
    assert len(bests) > 1
    directory, save = RunDirectory.create(tmp_path / "run", {}), RunDirectory.save_model

    def save_no_later(self, model):
        if model.epoch == bests[-1]:
            raise RunError("model: cannot be written (No space left on device); free space or change the folder")
        save(self, model)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunDirectory, "save_model", save_no_later)
        with pytest.raises(RunError, match="model of this run not saved"):
            Fit(config, augmented, CPU, Hooks()).run(directory)
    assert directory.load_model().epoch == bests[-2]
    assert go_on(directory, config, augmented) == whole


@pytest.mark.parametrize("step", [1, 12, 25])
def test_a_run_that_is_moved_while_it_trains_is_whole_in_the_end(tmp_path, augmented, stopped_once, step, capsys):
    _, config, whole = stopped_once
    directory = RunDirectory.create(tmp_path / "run", config.to_dict())

    def move(done):
        if done == step:
            os.rename(directory.path, tmp_path / "moved")

    Fit(config, augmented, CPU, Hooks(move)).run(directory)
    assert outcome(directory) == whole
    assert directory.read_config() == config
    told = f"warning: {directory.path}: was moved or deleted during the training; it is made anew\n"
    assert capsys.readouterr().err == told
    assert go_on(RunDirectory.open(tmp_path / "moved"), config, augmented) == whole


def test_a_model_lost_together_with_its_checkpoint_is_told(stopped, augmented):
    directory, config, _ = stopped
    best = directory.load_model().epoch
    shutil.rmtree(directory.path / "model")
    for path in (directory.path / "checkpoints").glob(f"*-step-{13 * best:08d}"):
        shutil.rmtree(path)
    with pytest.raises(RunError, match="its model is lost, .* holds no checkpoint of step .*; delete .*checkpoints to"):
        Fit(config, augmented, CPU, Hooks()).resume(directory)


@pytest.mark.parametrize(
    "changes, reason",
    [
        ({"model": {"dropout": 0.3, "hidden_size": 6}}, r"is of another model or optimizer \(differs in 'optimizer\."),
        ({"optimizer": "sgd"}, r"is of another model or optimizer \(differs in 'optimizer\."),
        ({"ema_decay": 0.9}, r"is of another model or optimizer \(differs in 'average\."),
        ({"batch_size": 5}, "is of a training with another number of batches"),
        ({"batch_size": 16}, "is of a training with another number of batches"),
        ({"learning_rate": 0.01}, "was written with --learning-rate 0.05, not 0.01"),
        ({"epochs": 5}, "was written with --epochs 4, not 5"),
        ({"schedule": "constant"}, "was written with --schedule 'cosine', not 'constant'"),
        ({"model": {"dropout": 0.5}}, "was written with --dropout 0.3, not 0.5"),
        ({"runtime": {"seed": 7}}, "was written with --seed 0, not 7"),
    ],
)
def test_a_configuration_that_was_changed_is_refused_and_nothing_is_lost(
    stopped, augmented, make_config, changes, reason
):
    directory, _, _ = stopped
    before = {path: path.read_bytes() for path in directory.path.rglob("*") if path.is_file()}
    options = {"batch_size": 4, "epochs": 4, "learning_rate": 0.05, "model": {"dropout": 0.3}, **changes}
    fitting = Fit(make_config(**options), augmented, CPU, Hooks())
    parameters = get_arrays(fitting.net)
    with pytest.raises(RunError, match=f"{reason}.*; bring back the config.json"):
        fitting.resume(directory)
    assert {path: path.read_bytes() for path in directory.path.rglob("*") if path.is_file()} == before
    for name, array in get_arrays(fitting.net).items():
        np.testing.assert_array_equal(array, parameters[name])


def test_a_checkpoint_within_an_epoch_of_more_batches_than_there_are_now_is_refused(tmp_path, augmented, make_config):
    directory = RunDirectory.create(tmp_path / "run", {})

    def interrupt(step):
        if step == 9:
            os.kill(os.getpid(), signal.SIGTERM)

    Fit(make_config(batch_size=4), augmented, CPU, Hooks(interrupt)).run(directory)
    with pytest.raises(RunError, match="is of a training with another number of batches"):
        Fit(make_config(batch_size=25), augmented, CPU, Hooks()).resume(directory)


def test_a_checkpoint_of_other_samples_is_refused(stopped, augmented):
    directory, config, _ = stopped
    validation = replace(augmented.validation, labels=np.roll(augmented.validation.labels, 1))
    fitting = Fit(config, DataSplits(augmented.train, validation, augmented.test), CPU, Hooks())
    with pytest.raises(RunError, match="was written on another validation split; bring back"):
        fitting.resume(directory)


def test_what_steps_do_not_follow_from_may_change(stopped, augmented, make_config):
    directory, _, whole = stopped
    same = {"batch_size": 4, "epochs": 4, "learning_rate": 0.05, "model": {"dropout": 0.3}}
    free = {"patience": 50, "keep_checkpoints": 7, "checkpoint_every": "3", "on_divergence": "rollback"}
    config = make_config(**same, **free, runtime={"threads": 1})
    assert go_on(directory, config, augmented) == whole


def test_a_schedule_that_does_not_know_the_end_lets_a_run_have_more_epochs_or_fewer(tmp_path, splits, make_config):
    options = {"schedule": "constant", "model": {"dropout": 0.3}}
    whole = whole_run(tmp_path / "whole", make_config(epochs=3, **options), splits)
    directory = RunDirectory.create(tmp_path / "run", {})
    Fit(make_config(epochs=2, **options), splits, CPU, Hooks()).run(directory)
    assert go_on(directory, make_config(epochs=3, **options), splits) == whole
    fitting = Fit(make_config(epochs=1, **options), splits, CPU, Hooks())
    fitting.resume(directory)
    assert fitting.is_done
    assert fitting.run(directory).stopped_by is None


def change_arrays(directory, step, change):
    """Changes the arrays in the newest checkpoint of a step, and gives it the checksum that fits."""
    entry = next(entry for entry in reversed(directory.checkpoints.entries()) if entry.step == step)
    folder = directory.path / "checkpoints" / entry.name
    content = (folder / "arrays.safetensors").read_bytes()
    arrays = {name: array.copy() for name, array in unpack_arrays(content).items()}
    change(arrays)
    (folder / "arrays.safetensors").write_bytes(pack_arrays(arrays))
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["sha256"]["arrays.safetensors"] = sha256(folder / "arrays.safetensors")
    (folder / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    "change",
    [
        lambda arrays: arrays.pop("parameters.head.1.bias"),
        lambda arrays: arrays.update(more=np.zeros(1, np.float32)),
        lambda arrays: arrays.update({"parameters.head.1.bias": np.zeros(9, np.float32)}),
        lambda arrays: arrays["parameters.head.1.bias"].fill(np.nan),
    ],
    ids=["less", "more", "shape", "NaN"],
)
def test_an_older_checkpoint_is_checked_as_the_newest_is_before_it_is_used(stopped, augmented, change):
    directory, config, _ = stopped
    best = directory.load_model().epoch
    shutil.rmtree(directory.path / "model")
    change_arrays(directory, 13 * best, change)
    with pytest.raises(RunError, match="its model is lost"):
        Fit(config, augmented, CPU, Hooks()).resume(directory)


@pytest.mark.parametrize("broken", [("checkpoints",), ("log.jsonl", "model", "checkpoints")], ids=["some", "all"])
def test_a_disk_that_is_full_for_a_while_costs_nothing(tmp_path, augmented, make_config, broken, monkeypatch, capsys):
    config = make_config(batch_size=4, epochs=3)
    whole = whole_run(tmp_path / "whole", config, augmented)
    directory = RunDirectory.create(tmp_path / "run", {})
    fsync, full = os.fsync, [True]

    def fails_first(handle):
        path = os.readlink(f"/proc/self/fd/{handle}")
        if full[0] and any(f"/{name}" in path or f"/.{name}" in path for name in broken):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(handle)

    def free_space(step):
        full[0] = step < 30

    monkeypatch.setattr(os, "fsync", fails_first)
    Fit(config, augmented, [mx.cpu()], Hooks(free_space)).run(directory)
    assert outcome(directory) == whole
    warning = capsys.readouterr().err
    assert warning.count("\n") == 1
    assert "No space left on device" in warning and "training goes on, and it is tried again" in warning


def test_a_disk_that_stays_full_ends_the_run_with_an_error(tmp_path, augmented, make_config, monkeypatch):
    def full(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    directory = RunDirectory.create(tmp_path / "run", {})
    monkeypatch.setattr(os, "fsync", full)
    steps = Hooks()
    with pytest.raises(RunError, match="model and log of this run not saved: .*No space left on device"):
        Fit(make_config(epochs=2), augmented, [mx.cpu()], steps).run(directory)
    assert steps.steps == 8  # to the end


@contextmanager
def largest_file(size):
    """A limit of the system's on the size of any file: writing ends in the middle, as where a quota is used up."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_files_that_end_in_the_middle_are_none(tmp_path, augmented, make_config, capsys):
    config = make_config(batch_size=4, epochs=3, ema_decay=0.9)
    whole = whole_run(tmp_path / "whole", config, augmented)
    directory = RunDirectory.create(tmp_path / "run", {})

    def interrupt(step):
        if step == 20:
            os.kill(os.getpid(), signal.SIGTERM)

    with largest_file(1_500), pytest.raises(RunError, match="model and checkpoint of this run not saved: .*too large"):
        Fit(config, augmented, CPU, Hooks(interrupt)).run(directory)
    names = sorted(path.name for path in directory.path.iterdir())
    assert names == ["checkpoints", "config.json", "events", "log.jsonl"]
    assert capsys.readouterr().err.count("training goes on, and it is tried again") == 1
    assert go_on(directory, config, augmented) == whole


@pytest.mark.parametrize(
    "number, for_good, first", [(errno.ENOSPC, True, 0), (errno.EIO, False, STRIDE // 2)], ids=["for good", "once"]
)
def test_whichever_call_of_a_training_fails_the_run_can_be_gone_on_with(
    tmp_path, augmented, make_config, failing_disk, capsys, number, for_good, first
):
    config = make_config(batch_size=16, epochs=2, model={"dropout": 0.3})
    whole = whole_run(tmp_path / "whole", config, augmented)
    count, ended = first, []
    while True:
        directory = RunDirectory.create(tmp_path / str(count), {})
        with failing_disk(count, number, for_good) as disk:
            try:
                Fit(config, augmented, CPU, Hooks()).run(directory)
                ended.append(True)
            except RunError as error:
                assert os.strerror(number) in str(error)
                ended.append(False)
        assert capsys.readouterr().err.count("training goes on, and it is tried again") <= 1
        assert go_on(directory, config, augmented) == whole
        if disk.calls <= count:
            break
        count += STRIDE
    assert all(ended) or for_good
    assert ended[-1] and count > 60


def nan_batches(splits, monkeypatch, *steps):
    """Makes the inputs of some batches, counted from 0 over the whole run, hold a NaN, which no check of them finds."""
    monkeypatch.setattr(batching, "check_batch", lambda batch, dataset: None)
    batch, taken = type(splits.train).batch, [0]

    def broken(self, indices, rng=None):
        result = batch(self, indices, rng)
        if rng is not None:
            if taken[0] in steps:
                result.inputs[0, 0, 0] = math.nan
            taken[0] += 1
        return result

    monkeypatch.setattr(type(splits.train), "batch", broken)


@pytest.mark.parametrize("options", [dict(), dict(clip_norm=0.0), dict(optimizer="sgd"), dict(optimizer="rmsprop")])
def test_batches_that_are_not_finite_are_left_out_and_counted(run, augmented, make_config, monkeypatch, options):
    nan_batches(augmented, monkeypatch, 3, 20)
    config = make_config(batch_size=4, epochs=2, on_divergence="skip", **options)
    Fit(config, augmented, [mx.cpu()], Hooks()).run(run)
    assert [record["skipped_batches"] for record in run.read_log()] == [1, 1]
    assert all(np.isfinite(array).all() for array in run.load_model().parameters.values())


def test_a_batch_that_is_left_out_changes_nothing(run, augmented, make_config, monkeypatch):
    nan_batches(augmented, monkeypatch, 1)
    states = []
    config = make_config(batch_size=4, epochs=1, on_divergence="skip")
    fitting = Fit(config, augmented, [mx.cpu()], Hooks(lambda step: states.append(fitting._arrays.copy())))
    fitting.run(run)
    changed = [any((before[n] != after[n]).any() for n in before) for before, after in zip(states, states[1:])]
    assert changed == [False] + [True] * 11
    assert run.checkpoints.newest(lambda _: None).updates == 12


def test_an_epoch_of_nothing_but_bad_batches_stops(run, augmented, make_config, monkeypatch):
    nan_batches(augmented, monkeypatch, *range(13))
    config = make_config(batch_size=4, on_divergence="skip")
    with pytest.raises(DivergenceError, match="epoch 1: every batch was left out; .*; no model was saved"):
        Fit(config, augmented, [mx.cpu()], Hooks()).run(run)


@pytest.mark.parametrize("epoch, step", [(1, 3), (2, 20)])
def test_a_rollback_goes_on_from_the_last_whole_epoch_at_half_the_rate(
    run, augmented, make_config, monkeypatch, capsys, epoch, step
):
    nan_batches(augmented, monkeypatch, step)
    config = make_config(batch_size=4, epochs=3, on_divergence="rollback", schedule="constant", warmup_epochs=0.0)
    Fit(config, augmented, [mx.cpu()], Hooks()).run(run)
    log = run.read_log()
    assert [record["epoch"] for record in log] == [1, 2, 3]
    assert [record["rollbacks"] for record in log] == [int(number >= epoch) for number in (1, 2, 3)]
    assert [record["learning_rate"] for record in log] == [0.02 * 0.5 ** (number >= epoch) for number in (1, 2, 3)]
    line = f"warning: step {step + 1}: the loss is not finite at learning rate 0.02; "
    err = capsys.readouterr().err
    assert err.startswith(line)
    assert f"went back to the end of epoch {epoch - 1} with half the learning rate, 1 of at most 3 times\n" in err


def test_the_fourth_rollback_is_not_made(run, augmented, make_config, monkeypatch, capsys):
    nan_batches(augmented, monkeypatch, *range(20, 2_000))
    config = make_config(batch_size=4, epochs=3, on_divergence="rollback")
    with pytest.raises(DivergenceError, match="the loss is not finite .*; the model of epoch 1 is kept"):
        Fit(config, augmented, [mx.cpu()], Hooks()).run(run)
    assert capsys.readouterr().err.count("warning: step") == 3


def test_a_rollback_gone_on_with_is_the_same(tmp_path, augmented, make_config, monkeypatch):
    # So great a rate makes the weights useless at a step that depends on the weights alone.
    config = make_config(batch_size=4, epochs=3, on_divergence="rollback", model={"dropout": 0.3}, checkpoint_every="3")
    rate = Fit._rate
    monkeypatch.setattr(Fit, "_rate", lambda self, step: rate(self, step) if self._rollbacks or step < 20 else 3e38)
    whole = whole_run(tmp_path / "whole", config, augmented)
    assert whole[0][-1]["rollbacks"] == 1
    assert interrupted_run(tmp_path / "parts", config, augmented, 7)[0] == whole


def test_a_finished_run_is_left_as_it_is(tmp_path, augmented, make_config):
    config = make_config(epochs=1)
    whole = whole_run(tmp_path / "run", config, augmented)
    before = (tmp_path / "run" / "log.jsonl").read_bytes()
    assert go_on(RunDirectory(tmp_path / "run"), config, augmented) == whole
    assert json.loads((tmp_path / "run" / "log.jsonl").read_bytes()) == json.loads(before)
