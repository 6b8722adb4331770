import errno
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from gluon_lstm.config import Config, preset
from gluon_lstm.errors import RunError
from gluon_lstm.rundir import RunDirectory, SavedModel, model

MODEL = SavedModel(
    parameters={"head.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "head.bias": np.zeros(2, np.float32)},
    class_names=("a", "b"),
    step_shape=(5, 3),
    input_format={"height": 5, "width": 3},
    epoch=4,
    validation_accuracy=0.5,
    validation_loss=0.25,
)


@pytest.fixture
def run(tmp_path):
    return RunDirectory.create(tmp_path / "runs" / "first", preset("article").to_dict())


@pytest.fixture
def trained(run):
    run.save_model(MODEL)
    return run


def names(path):
    return sorted(entry.name for entry in path.iterdir())


def fails(call, *arguments):
    """Returns the one line with which a call fails."""
    with pytest.raises(RunError) as caught:
        call(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_new_run_holds_its_configuration(run):
    assert names(run.path) == ["config.json"]
    assert RunDirectory.open(run.path).read_config() == preset("article")
    assert run.read_record() == preset("article").to_dict()


def test_an_empty_folder_can_be_used(tmp_path):
    (tmp_path / "empty").mkdir()
    assert RunDirectory.create(tmp_path / "empty", {}).path == tmp_path / "empty"


def test_a_folder_with_files_is_left_alone(run):
    (run.path / "notes.txt").write_text("mine")
    assert "is not empty; choose another folder with --output, or overwrite with --force" in fails(
        RunDirectory.create, run.path, {}
    )
    assert names(run.path) == ["config.json", "notes.txt"]


def test_force_deletes_an_earlier_run_and_no_more(trained):
    trained.write_log([{"epoch": 1}])
    with trained.evaluation("test").replace():
        pass
    RunDirectory.create(trained.path, Config().to_dict(), force=True)
    assert names(trained.path) == ["config.json"]
    assert trained.read_config() == Config()


def test_force_deletes_nothing_where_something_is_no_part_of_a_run(trained):
    (trained.path / "thesis.tex").write_text("mine")
    assert "--force deletes runs alone, and 'thesis.tex' is not part of one" in fails(
        RunDirectory.create, trained.path, {}, True
    )
    assert names(trained.path) == ["config.json", "model", "thesis.tex"]


@pytest.mark.parametrize("name", ["evaluation/test/notes.txt", "evaluation/notes.txt", "model/my.png", "events/notes"])
def test_force_deletes_nothing_where_a_folder_of_the_run_holds_something_else(trained, name):
    with trained.evaluation("test").replace() as folder:
        (folder / "metrics.json").touch()
    with trained.events as events:
        events.add({"epoch": 1, "train_loss": 0.5})
    (trained.path / name).write_text("mine")
    before = sorted(trained.path.rglob("*"))
    assert f"{name!r} is not part of one" in fails(RunDirectory.create, trained.path, {}, True)
    assert f"{name!r} is not part of one" in fails(RunDirectory.check_free, trained.path, True)
    assert sorted(trained.path.rglob("*")) == before
    (trained.path / name).unlink()
    RunDirectory.create(trained.path, {}, force=True)
    assert names(trained.path) == ["config.json"]


def test_force_unlinks_a_link_and_keeps_what_it_leads_to(run, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").touch()
    (run.path / "model").symlink_to(tmp_path / "elsewhere")
    RunDirectory.create(run.path, {}, force=True)
    assert names(run.path) == ["config.json"]
    assert names(tmp_path / "elsewhere") == ["file"]


@pytest.mark.parametrize("inside", ["", "run"])
def test_a_folder_that_cannot_be_made(tmp_path, inside):
    (tmp_path / "file").touch()
    line = fails(RunDirectory.create, tmp_path / "file" / inside, {})
    assert "cannot be written (" in line
    assert line.endswith("choose another folder with --output")


def test_what_is_no_run_is_not_opened(tmp_path):
    assert "no such run directory; train one with: gluon-lstm train" in fails(RunDirectory.open, tmp_path / "none")
    assert "not a run directory (it has no config.json)" in fails(RunDirectory.open, tmp_path)


@pytest.mark.parametrize(
    "content, reason",
    [("{", "not valid JSON"), ('{"model": {"layers": 1}}', "unknown option 'layers'"), ("[]", "must be sections")],
)
def test_a_damaged_configuration(run, content, reason):
    (run.path / "config.json").write_text(content)
    line = fails(run.read_config)
    assert line.startswith(f"{run.path / 'config.json'}: ") and line.endswith("restore a copy or train again")
    assert line.count(str(run.path)) == 1
    assert reason in line


def test_the_log_has_a_line_an_epoch(run):
    assert run.read_log() == []
    records = [{"epoch": 1, "train_loss": 0.1 + 0.2}, {"epoch": 2, "train_loss": None}]
    for known in (records[:1], records):
        run.write_log(known)
        assert run.read_log() == known
    assert len((run.path / "log.jsonl").read_text().splitlines()) == 2


def test_a_log_holds_no_value_that_json_lacks(run):
    with pytest.raises(ValueError):
        run.write_log([{"train_loss": float("nan")}])
    assert run.read_log() == []


def test_a_damaged_log(run):
    (run.path / "log.jsonl").write_text('{"epoch": 1}\n{"epoch": 2')
    assert "log.jsonl: line 2 is not valid JSON" in fails(run.read_log)


def test_a_model_comes_back_as_it_was_saved(trained):
    assert names(trained.path / "model") == ["model.json", "parameters.safetensors"]
    model = trained.load_model()
    for name, array in MODEL.parameters.items():
        np.testing.assert_array_equal(model.parameters[name], array)
        assert model.parameters[name].dtype == array.dtype
    assert {**vars(model), "parameters": 0} == {**vars(MODEL), "parameters": 0}


def test_saving_fails_as_a_whole(trained, monkeypatch):
    before = (trained.path / "model" / "model.json").read_bytes()
    monkeypatch.setattr("gluon_lstm.rundir.model.write_json", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        trained.save_model(MODEL)
    assert names(trained.path) == ["config.json", "model"]
    assert (trained.path / "model" / "model.json").read_bytes() == before


KILLED = """
import os, signal, sys
from pathlib import Path
from gluon_lstm.atomic import replacing_directory

real, calls = os.replace, []

def replace(*arguments):
    calls.append(arguments)
    if len(calls) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    real(*arguments)

os.replace = replace
with replacing_directory(Path(sys.argv[1])) as folder:
    (folder / "model.json").write_text("{}")
"""


def test_a_kill_between_the_two_renames_of_a_model_loses_none(trained):
    command = [sys.executable, "-c", KILLED, str(trained.path / "model")]
    assert subprocess.run(command, timeout=60).returncode == -signal.SIGKILL
    assert not (trained.path / "model").exists()
    run = RunDirectory.open(trained.path)
    assert run.load_model().epoch == MODEL.epoch
    run.save_model(replace(MODEL, epoch=5))
    assert run.load_model().epoch == 5
    RunDirectory.create(run.path, {}, force=True)
    assert names(run.path) == ["config.json"]


def test_a_model_that_is_replaced_while_it_is_read_is_read_again(trained, monkeypatch):
    real, reads = model.read_arrays, []

    def read(*arguments):
        reads.append(arguments)
        if len(reads) == 1:  # its description has been read, and its parameters have not
            trained.save_model(replace(MODEL, epoch=5, parameters={"w": np.ones(2, np.float32)}))
        return real(*arguments)

    monkeypatch.setattr(model, "read_arrays", read)
    assert trained.load_model().epoch == 5
    assert len(reads) == 2


def test_what_killed_trainings_left_is_cleared_and_a_model_that_stepped_aside_comes_back(trained):
    (trained.path / "model").rename(trained.path / ".model.abc.old")
    (trained.path / ".model.abc").mkdir()
    (trained.path / ".model.abc" / "parameters.safetensors").touch()
    for name in (".log.jsonl.x1", ".config.json.x2", ".mine"):
        (trained.path / name).touch()
    trained.clear_leftovers()
    assert names(trained.path) == [".mine", "config.json", "model"]
    assert trained.load_model().epoch == MODEL.epoch
    trained.clear_leftovers()
    assert names(trained.path) == [".mine", "config.json", "model"]


def test_a_run_without_a_model(run):
    assert "holds no model" in fails(run.load_model)


@pytest.mark.parametrize("position", [0, 8, 60, -1])
def test_parameters_that_changed_on_the_disk(trained, position):
    path = trained.path / "model" / "parameters.safetensors"
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)
    assert "parameters.safetensors: damaged, its checksum is not the recorded one" in fails(trained.load_model)


@pytest.mark.parametrize("file", ["parameters.safetensors", "model.json"])
def test_a_model_with_a_file_missing(trained, file):
    (trained.path / "model" / file).unlink()
    assert f"{file}: cannot be read" in fails(trained.load_model)


@pytest.mark.parametrize(
    "change, reason",
    [
        ({"version": 2}, "format version 2 is unknown, this release reads 1; use the release"),
        ({"version": None}, "format version None is unknown"),
        ({"more": 1}, "does not describe a model"),
    ],
)
def test_a_damaged_description(trained, change, reason):
    path = trained.path / "model" / "model.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    assert reason in fails(trained.load_model)


@pytest.mark.parametrize("content", ["", "[]", "{"])
def test_a_description_that_is_no_json_object(trained, content):
    (trained.path / "model" / "model.json").write_text(content)
    assert "model.json: " in fails(trained.load_model)


def test_an_evaluation_appears_as_a_whole(run):
    with run.evaluation("test").replace() as folder:
        (folder / "metrics.json").write_text("1")
        assert not (run.path / "evaluation" / "test").exists()
    with pytest.raises(ZeroDivisionError), run.evaluation("test").replace() as folder:
        (folder / "metrics.json").write_text("2")
        raise ZeroDivisionError
    assert names(run.path / "evaluation") == ["test"]
    assert (run.path / "evaluation" / "test" / "metrics.json").read_text() == "1"


def test_an_evaluation_that_cannot_be_written(run):
    (run.path / "evaluation").write_text("a file")
    with pytest.raises(RunError, match="evaluation/test: cannot be written"), run.evaluation("test").replace():
        pytest.fail("the block must not run")


@pytest.mark.parametrize("name", ["notes.txt", "my.png", "drafts/report.md"])
def test_an_evaluation_leaves_files_of_others_alone(run, name):
    folder = run.path / "evaluation" / "test"
    (folder / name).parent.mkdir(parents=True)
    (folder / name).write_text("mine")
    line = fails(run.evaluation("test").check)
    assert line.startswith(f"{folder / name.partition('/')[0]}: is of no such report, ")
    with pytest.raises(RunError, match="choose another folder with --output"), run.evaluation("test").replace():
        pytest.fail("the block must not run")
    assert (folder / name).read_text() == "mine"
    run.evaluation("validation").check()


def test_an_evaluation_whose_files_are_not_listed_could_not_be_replaced_and_is_not_made(run):
    with pytest.raises(ValueError, match="new.png: .* must be listed"), run.evaluation("test").replace() as folder:
        (folder / "new.png").touch()
    assert names(run.path / "evaluation") == []


@pytest.mark.parametrize(
    "name, value",
    [
        ("class_names", [1, 2]),
        ("class_names", "ab"),
        ("step_shape", [3]),
        ("step_shape", ["3", 4]),
        ("input_format", None),
        ("epoch", "one"),
        ("validation_loss", None),
    ],
)
def test_a_model_description_of_other_types_is_refused(trained, name, value):
    path = trained.path / "model" / "model.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), name: value}))
    assert "does not describe a model" in fails(trained.load_model)


@pytest.mark.parametrize("line", ["[1, 2]", "{}", "[]", '{"epoch": null}'])
def test_a_log_line_that_is_no_record_is_refused(run, line):
    (run.path / "log.jsonl").write_text(line + "\n")
    assert "line 1 is not valid JSON of a record" in fails(run.read_log)


def test_force_deletes_what_a_killed_process_left(run):
    (run.path / ".model.abc").mkdir()
    RunDirectory.create(run.path, {}, force=True)
    assert [entry.name for entry in run.path.iterdir()] == ["config.json"]


@pytest.mark.parametrize("action", ["save_model", "write_log"])
def test_a_full_disk_is_one_clear_line(run, action, monkeypatch):
    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    argument = MODEL if action == "save_model" else [{"epoch": 1}]
    assert "No space left" in fails(getattr(run, action), argument)


def test_a_log_that_is_no_text_is_refused(run):
    (run.path / "log.jsonl").write_bytes(b"\xff\xfe")
    assert "log.jsonl: cannot be read" in fails(run.read_log)


def test_a_name_that_is_too_long_is_no_run():
    assert "no such run directory" in fails(RunDirectory.open, "x" * 5000)
