"""Checkpoints appear whole or not at all, and what is damaged is set aside."""

import errno
import json
import os
from dataclasses import replace

import numpy as np
import pytest

from gluon_lstm.errors import RunError
from gluon_lstm.rundir import Checkpoint, Checkpoints, Counts
from gluon_lstm.rundir.checkpoints import Entry
from gluon_lstm.rundir.files import sha256

RECORD = {"epoch": 1, "best": True, "validation_accuracy": 0.5, "validation_loss": 1.25}
CHECKPOINT = Checkpoint(
    step=12,
    epoch=2,
    epoch_step=2,
    counts=Counts(20, 31.5, 4, 2.5, 2, 1, 0.75),
    updates=11,
    averaged=12,
    rollbacks=1,
    log=(RECORD,),
    arrays={"parameters.w": np.arange(6, dtype=np.float32).reshape(2, 3), "optimizer.w.0": np.ones(2, np.float32)},
    settings={"training": {"epochs": 3}, "splits": {"train": "0" * 64}},
)


@pytest.fixture
def checkpoints(tmp_path):
    return Checkpoints(tmp_path / "checkpoints")


NAME = "000002-step-00000010"


def at(step):
    return replace(CHECKPOINT, step=step, arrays={"w": np.full(3, step, np.float32)})


def accept(checkpoint):
    """Takes every checkpoint."""


def same(one, other):
    assert replace(one, arrays={}) == replace(other, arrays={})
    assert set(one.arrays) == set(other.arrays)
    for name, array in one.arrays.items():
        np.testing.assert_array_equal(array, other.arrays[name])
    return True


def test_a_checkpoint_comes_back_as_it_was(checkpoints):
    checkpoints.save(CHECKPOINT)
    assert checkpoints.entries() == [Entry(1, 12)]
    assert same(checkpoints.read(Entry(1, 12)), CHECKPOINT)
    assert same(checkpoints.read_step(12), CHECKPOINT)
    assert same(checkpoints.newest(accept), CHECKPOINT)


def test_without_checkpoints_there_is_no_newest(checkpoints):
    assert checkpoints.newest(accept) is None


def test_a_kill_while_checkpoints_are_deleted_leaves_none_in_part(checkpoints, monkeypatch):
    unlink, deleted = os.unlink, []

    def killed_after_one(*arguments, **options):
        if deleted:
            raise KeyboardInterrupt
        deleted.append(arguments)
        unlink(*arguments, **options)

    for step in (0, 5, 10):
        checkpoints.save(at(step))
    monkeypatch.setattr(os, "unlink", killed_after_one)
    with pytest.raises(KeyboardInterrupt):
        checkpoints.keep(1, [])
    monkeypatch.undo()
    assert deleted
    for entry in checkpoints.entries():
        checkpoints.read(entry)
    checkpoints.keep(1, [])
    assert [entry.step for entry in checkpoints.entries()] == [10]


def test_the_newest_is_the_last_that_was_written_not_that_of_the_last_step(checkpoints):
    checkpoints.save(CHECKPOINT)
    checkpoints.save(replace(CHECKPOINT, epoch=3))
    checkpoints.save(at(5))
    assert checkpoints.newest(accept).step == 5
    assert checkpoints.read_step(12).epoch == 3


def test_a_step_without_checkpoint(checkpoints):
    checkpoints.save(CHECKPOINT)
    with pytest.raises(RunError, match="holds no checkpoint of step 1,300"):
        checkpoints.read_step(1_300)


def test_the_newest_and_those_named_are_kept_and_leftovers_go(checkpoints, tmp_path):
    for step in (0, 5, 10, 15, 20):
        checkpoints.save(at(step))
    (tmp_path / "checkpoints" / ".000006-step-00000025.abc").mkdir()
    checkpoints.keep(2, [5, 99])
    names = ["000002-step-00000005", "000004-step-00000015", "000005-step-00000020"]
    assert sorted(os.listdir(tmp_path / "checkpoints")) == names
    checkpoints.keep(9, [])
    assert sorted(os.listdir(tmp_path / "checkpoints")) == names


@pytest.mark.parametrize("name", ["manifest.json", "state.json", "arrays.safetensors"])
@pytest.mark.parametrize("damage", ["flip", "cut", "remove", "empty"])
def test_what_is_damaged_is_named_set_aside_and_the_one_before_is_used(checkpoints, tmp_path, capsys, name, damage):
    for step in (5, 10):
        checkpoints.save(at(step))
    path = tmp_path / "checkpoints" / NAME / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    if damage == "remove":
        path.unlink()
    else:
        path.write_bytes({"flip": content, "cut": content[:-1], "empty": b""}[damage])
    assert checkpoints.newest(accept).step == 5
    line = capsys.readouterr().err
    assert line.startswith(f"warning: {path}: ") or "manifest" in name and str(path.parent) in line
    assert line.endswith(f"; go on from another checkpoint; {NAME} is set aside as damaged-{NAME}\n")
    assert line.count("\n") == 1
    assert sorted(os.listdir(tmp_path / "checkpoints")) == ["000001-step-00000005", f"damaged-{NAME}"]
    checkpoints.save(at(15))
    assert checkpoints.entries()[-1] == Entry(3, 15)


def test_what_is_whole_and_of_another_training_is_refused_and_left_as_it_is(checkpoints, tmp_path):
    def refuse(checkpoint):
        raise RunError("the checkpoint is of another model")

    for step in (5, 10):
        checkpoints.save(at(step))
    with pytest.raises(RunError, match=f"{NAME}: the checkpoint is of another model; bring back the config.json"):
        checkpoints.newest(refuse)
    assert [entry.step for entry in checkpoints.entries()] == [5, 10]


def rewrite(folder, change):
    """Changes a checkpoint's state and gives it the checksums that fit."""
    state = json.loads((folder / "state.json").read_text())
    change(state)
    (folder / "state.json").write_text(json.dumps(state))
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["sha256"]["state.json"] = sha256(folder / "state.json")
    (folder / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    "change",
    [
        lambda state: state.update(step=13),
        lambda state: state.update(epoch="2"),
        lambda state: state.update(updates=-1),
        lambda state: state.update(updates=10**400),
        lambda state: state.update(rollbacks=2**53 + 1),
        lambda state: state.update(rollbacks=True),
        lambda state: state.update(more=1),
        lambda state: state.pop("averaged"),
        lambda state: state.update(counts=[]),
        lambda state: state["counts"].update(samples=1.5),
        lambda state: state["counts"].update(loss=None),
        lambda state: state["counts"].update(loss=10**400),
        lambda state: state["counts"].update(samples=10**400),
        lambda state: state["counts"].pop("seconds"),
        lambda state: state.update(settings=[]),
        lambda state: state["settings"].update(training=None),
        lambda state: state.update(log={}),
        lambda state: state["log"].append(RECORD),
        lambda state: state["log"][0].update(best=1),
        lambda state: state["log"][0].update(best=False),
        lambda state: state["log"][0].update(epoch=True),
        lambda state: state["log"][0].update(validation_accuracy=1.5),
        lambda state: state["log"][0].update(validation_loss=10**400),
        lambda state: state["log"][0].update(validation_macro_f1="0.5"),
        lambda state: state["log"][0].update(train_loss="1"),
        lambda state: state["log"][0].pop("validation_loss"),
    ],
)
def test_a_state_of_another_form_is_refused(checkpoints, tmp_path, change):
    checkpoints.save(CHECKPOINT)
    rewrite(tmp_path / "checkpoints" / "000001-step-00000012", change)
    with pytest.raises(RunError, match="state.json: does not describe the state of a training"):
        checkpoints.read_step(12)


def test_a_state_of_a_release_that_recorded_no_settings_is_read(checkpoints, tmp_path):
    checkpoints.save(CHECKPOINT)
    rewrite(tmp_path / "checkpoints" / "000001-step-00000012", lambda state: state.pop("settings"))
    assert same(checkpoints.read_step(12), replace(CHECKPOINT, settings={}))


def test_an_unknown_version_is_refused_and_left_as_it_is(checkpoints, tmp_path):
    checkpoints.save(at(5))
    checkpoints.save(CHECKPOINT)
    manifest = tmp_path / "checkpoints" / "000002-step-00000012" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"version": 1', '"version": 2'))
    message = "format version 2 is unknown, this release reads 1; use the release that wrote it, or delete it"
    with pytest.raises(RunError, match=message):
        checkpoints.read_step(12)
    with pytest.raises(RunError, match=message):
        checkpoints.newest(accept)
    assert [entry.step for entry in checkpoints.entries()] == [5, 12]


def test_folders_of_other_names_are_none_and_a_great_number_is_followed_by_a_greater(checkpoints, tmp_path):
    checkpoints.save(at(5))
    for name in ("1-step-5", "0000002-step-00000010", "000002-step-10", "damaged-x", "notes"):
        (tmp_path / "checkpoints" / name).mkdir()
    assert checkpoints.entries() == [Entry(1, 5)]
    (tmp_path / "checkpoints" / f"damaged-{10**12 - 1}-step-00000010").mkdir()
    checkpoints.save(at(15))
    assert checkpoints.entries()[-1] == Entry(10**12, 15)
    assert checkpoints.newest(accept).step == 15


def test_a_folder_that_cannot_be_read_is_one_line(checkpoints, tmp_path, monkeypatch):
    def broken(path):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    checkpoints.save(at(5))
    monkeypatch.setattr(os, "listdir", broken)
    with pytest.raises(RunError, match=r"checkpoints: cannot be read \(Input/output error\)"):
        checkpoints.keep(1, [])


@pytest.mark.parametrize(
    "number, for_good, step",
    [(errno.EIO, False, 10), (errno.ENOSPC, True, 5), (errno.ENOSPC, False, 5), (errno.EIO, True, 10)],
    ids=["once, broken", "for good, full", "once, full", "for good, broken"],
)
def test_whichever_call_of_a_save_fails_a_whole_checkpoint_stays(tmp_path, failing_disk, number, for_good, step):
    count, outcomes = 0, []
    while True:
        checkpoints = Checkpoints(tmp_path / str(count))
        checkpoints.save(at(5))
        with failing_disk(count, number, for_good) as disk:
            try:
                checkpoints.save(replace(at(step), epoch=3))
                saved = True
            except OSError as error:
                assert error.errno == number
                saved = False
        for entry in checkpoints.entries():
            checkpoints.read(entry)  # raises where one appeared in part
        newest = checkpoints.newest(accept)
        outcomes.append(saved)
        if saved:
            assert (newest.step, newest.epoch) == (step, 3)
        else:
            assert newest.step in (5, step)
        checkpoints.save(at(20))
        assert checkpoints.newest(accept).step == 20
        if disk.calls <= count:
            break
        count += 1
    assert outcomes[-1] and not all(outcomes)
    assert disk.called == set(disk.CALLS)  # each has failed once: every count was reached
