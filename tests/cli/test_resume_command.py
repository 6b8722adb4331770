"""``train --resume``, from the command line."""

import json
import os
import shutil
import signal
import time
from pathlib import Path

import pytest
from commands import ROOT, TINY, finish

from gluon_lstm.rundir import RunDirectory, locked
from gluon_lstm.training import fit

LONG = (*TINY, "--epochs", "4")
TIMES = ("seconds", "samples_per_second")


@pytest.fixture
def interrupt_after(monkeypatch):
    """A function that has every training of this process interrupted after so many steps; 0 for none."""
    seed, left = fit.Fit._rate, [0]

    def rate(self, step):
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGINT)
        return seed(self, step)

    monkeypatch.setattr(fit.Fit, "_rate", rate)

    def give(steps):
        left[0] = steps

    return give


def left_behind(run):
    log = [{k: v for k, v in record.items() if k not in TIMES} for record in RunDirectory(run).read_log()]
    return log, (run / "model" / "parameters.safetensors").read_bytes(), (run / "model" / "model.json").read_bytes()


def test_an_interrupted_run_goes_on_and_ends_as_if_never_stopped(cli, tmp_path, interrupt_after):
    assert cli("train", "--output", tmp_path / "whole", *LONG).code == 0
    run = tmp_path / "run"
    interrupt_after(2)
    outcome = cli("train", "--output", run, *LONG)
    assert outcome.code == 128 + signal.SIGINT
    assert outcome.out == ""
    assert outcome.err.endswith(f"interrupted; go on with: gluon-lstm train --resume {run}\n")
    assert f"holds no model; its training ended before the first one was saved, or its folder model was deleted; " \
           f"go on with: gluon-lstm train --resume {run}" in cli("evaluate", run).err  # fmt: skip
    interrupt_after(6)
    outcome = cli("train", "--resume", run)
    assert outcome.code == 128 + signal.SIGINT
    assert outcome.err.startswith(f"{run}: going on after 2 steps\n")
    assert outcome.out.startswith("best epoch ")
    interrupt_after(0)
    outcome = cli("train", "--resume", run)
    assert outcome.code == 0
    assert outcome.out.endswith(f"evaluate it with: gluon-lstm evaluate {run}\n")
    assert left_behind(run) == left_behind(tmp_path / "whole")
    before, entries = left_behind(run), sorted(run.rglob("*"))
    outcome = cli("train", "--resume", run)
    assert (outcome.code, outcome.err) == (0, f"{run}: is trained to its end; there is nothing to go on with\n")
    assert left_behind(run) == before
    assert sorted(run.rglob("*")) == entries


@pytest.mark.parametrize("options", [("--epochs", "9"), ("--force",), ("--output", "x"), ("--seeds", "2"),
                                     ("--preset", "best"), ("--dry-run",), ("--config", "c.yaml")])  # fmt: skip
def test_a_run_goes_on_with_its_own_options(refuses, trained, options):
    line = refuses("train", "--resume", trained, *options)
    assert f"{options[0]}: --resume goes on with the run's own options; leave this out" in line


def test_what_is_no_run_cannot_be_gone_on_with(refuses, tmp_path):
    assert "no such run directory" in refuses("train", "--resume", tmp_path / "none")
    assert "not a run directory" in refuses("train", "--resume", tmp_path)


@pytest.mark.parametrize("flag", ["--resume", "--output", "--config", "--preset", "--data-dir"])
def test_a_flag_that_is_empty_does_not_train_something_else(refuses, flag):
    assert f"train: {flag} is empty; give it a value or leave it out" in refuses("train", flag, "", *TINY)


def test_the_next_command_is_one_that_a_shell_reads_as_it_was_meant(cli, tmp_path, interrupt_after):
    run = tmp_path / "my run $(date)"
    interrupt_after(2)
    assert cli("train", "--output", run, *LONG).err.endswith(f"gluon-lstm train --resume '{run}'\n")
    interrupt_after(0)
    assert cli("train", "--resume", run).out.endswith(f"gluon-lstm evaluate '{run}'\n")


def test_another_process_that_trains_into_the_run_is_told(refuses, trained, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    with locked(run):
        assert f"{run}: another process trains into it" in refuses("train", "--resume", run)
        assert f"{run}: another process trains into it" in refuses("train", "--output", run, "--force", *TINY)
    assert (run / "config.json").is_file()


def test_a_run_whose_data_changed_is_not_gone_on_with(refuses, trained, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    path = run / "config.json"
    record = json.loads(path.read_text())
    record["dataset"]["splits"]["train"]["sha256"] = "0" * 64
    path.write_text(json.dumps(record))
    line = refuses("train", "--resume", run)
    assert f"digits: the train split is not the one that {run} was begun with; bring it back, or train anew" in line


@pytest.mark.parametrize("seeds", ["1", "2"])
@pytest.mark.usefixtures("numbers_alone")
def test_data_that_are_not_where_the_run_says_are_told(cli, refuses, table, tmp_path, monkeypatch, seeds):
    """As a path does that is relative, in another folder than that of the training."""
    monkeypatch.chdir(table.parent)
    run = tmp_path / "run"
    assert cli("train", "--dataset", table.name, "--output", run, "--seeds", seeds, *TINY).code == 0
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    told = f"--dataset texts.csv: no such file or folder in {Path.cwd()}; the run was trained with it; bring"
    assert told in refuses("train", "--resume", run)
    assert told in refuses("evaluate", *([run / "seed-0", run / "seed-1"] if seeds == "2" else [run]), "--output", "x")


def test_a_data_dir_that_is_gone_is_told(refuses, trained, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    record = json.loads((run / "config.json").read_text(encoding="utf-8"))
    record["data"].update(dataset="mnist", data_dir="images")
    (run / "config.json").write_text(json.dumps(record), encoding="utf-8")
    told = f"--data-dir images: no such file or folder in {Path.cwd()}; the run was trained with it; bring it back, or"
    assert told in refuses("train", "--resume", run) and told in refuses("evaluate", run)
    assert "--data-dir none: no such folder" in refuses("evaluate", run, "--data-dir", "none")


def test_data_that_are_gone_are_told(cli, refuses, table, tmp_path):
    run = tmp_path / "run"
    assert cli("train", "--dataset", table, "--output", run, *TINY).code == 0
    table.unlink()
    told = f"--dataset {table}: no such file or folder; the run was trained with it; bring it back\n"
    assert refuses("train", "--resume", run).endswith(told)


@pytest.fixture
def table(tmp_path):
    """A CSV file of 40 short texts in two classes, which a word tells apart."""
    rows = [f"this is number {n} of kind {'ab'[n % 2]},{'ab'[n % 2]}" for n in range(40)]
    (tmp_path / "texts.csv").write_text("\n".join(["text,label", *rows]), encoding="utf-8")
    return tmp_path / "texts.csv"


@pytest.mark.usefixtures("numbers_alone")
def test_interrupted_seeds_and_folds_go_on_where_they_were(cli, tmp_path, interrupt_after, table):
    def summary(folder):
        return (folder / "summary.json").read_bytes()

    options = ("--dataset", table, "--folds", 2, "--seeds", 2, *TINY, "--batch-size", 6)
    names = [f"fold-{fold}-seed-{seed}" for fold in range(2) for seed in range(2)]
    assert cli("train", *options, "--output", tmp_path / "whole").code == 0
    runs = tmp_path / "runs"
    interrupt_after(22)  # a run asks for a rate at six steps and after two epochs
    outcome = cli("train", *options, "--output", runs)
    assert outcome.code == 128 + signal.SIGINT
    assert outcome.err.endswith(f"\ngo on with all runs: gluon-lstm train --resume {runs}\n")
    assert not (runs / "summary.json").exists()
    with locked(runs):
        refused = cli("train", "--resume", runs)
        assert (refused.code, refused.out) == (2, "")
        assert refused.err.endswith(f"{runs}: another process trains into it; wait for it, or choose another folder\n")
    interrupt_after(0)
    outcome = cli("train", "--resume", runs)
    assert outcome.code == 0
    assert summary(runs) == summary(tmp_path / "whole")
    assert f"{runs / names[1]}: is trained to its end" in outcome.err
    assert f"{runs / names[2]}: going on after" in outcome.err
    for name in names:
        assert left_behind(runs / name) == left_behind(tmp_path / "whole" / name)


def test_ctrl_c_as_a_run_of_several_is_evaluated_tells_how_to_go_on(cli, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("gluon_lstm.cli.repeat._evaluate", interrupted)
    outcome = cli("train", *TINY, "--seeds", 2, "--output", tmp_path / "runs")
    assert outcome.code == 130
    told = f"\ngo on with all runs: gluon-lstm train --resume {tmp_path / 'runs'}\ngluon-lstm train: interrupted\n"
    assert outcome.err.endswith(told)


@pytest.mark.parametrize("options, runs", [((), "run"), (("--seeds", 2), "run/seed-0")])
def test_ctrl_c_before_the_first_step_tells_how_to_go_on(cli, tmp_path, monkeypatch, options, runs):
    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(fit.Fit, "run", interrupted)
        outcome = cli("train", *TINY, *options, "--output", tmp_path / "run")
    assert (outcome.code, outcome.out) == (130, "")
    assert f"\ngo on with: gluon-lstm train --resume {tmp_path / runs}\n" in outcome.err
    assert outcome.err.endswith("\ngluon-lstm train: interrupted\n")
    assert cli("train", "--resume", tmp_path / "run").code == 0


def test_a_model_that_was_deleted_is_made_again(cli, tmp_path):
    run = tmp_path / "run"
    assert cli("train", *TINY, "--output", run).code == 0
    before = left_behind(run)
    shutil.rmtree(run / "model")
    outcome = cli("train", "--resume", run)
    told = "is trained to its end; there is nothing to go on with; its model, which was missing, is made again"
    assert (outcome.code, outcome.err) == (0, f"{run}: {told}\n")
    assert left_behind(run) == before


@pytest.mark.parametrize(
    "content, reason",
    [
        ("{", "cannot be read"),
        ('{"version": 9}', "format version 9 is unknown, this release reads 1; use"),
        ('{"version": 1, "threads": 1, "runs": {}}', "does not name runs"),
        ('{"version": 1, "threads": 0, "runs": {"seed-0": {}}}', "does not name runs"),
        ('{"version": 1, "threads": 1, "runs": {"../seed-0": {}, "seed-1": {}}}', "does not name runs"),
        ('{"version": 1, "threads": 1, "runs": {"seed-0": {"model": {"layers": 1}}, "seed-1": {}}}', "option 'layers'"),
        ('{"version": 1, "threads": 1, "runs": {"seed-0": [], "seed-1": {}}}', "does not name runs"),
    ],
)
def test_a_damaged_plan_is_one_line(refuses, tmp_path, content, reason):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "plan.json").write_text(content)
    line = refuses("train", "--resume", tmp_path / "runs")
    assert "plan.json" in line and reason in line


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)])
def test_a_second_signal_ends_at_once_with_the_last_checkpoint_whole(script, tmp_path, number, code):
    run = tmp_path / "run"
    hang = "import time; from gluon_lstm.training import step; step.Stepper.step = lambda *_: time.sleep(60)"
    (tmp_path / "sitecustomize.py").write_text(f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n{hang}\n")
    process = script("train.py", "--output", run, *TINY, PYTHONPATH=str(tmp_path))
    for line in process.stderr:
        if "parameters" in line:
            break
    while not RunDirectory(run).checkpoints.entries():
        time.sleep(0.1)
    time.sleep(1)  # until it is in its first step, which never ends
    process.send_signal(number)
    time.sleep(0.3)
    process.send_signal(number)
    outcome = finish(process)
    assert outcome.code == code
    assert "interrupted; " not in outcome.err
    assert RunDirectory(run).checkpoints.newest(lambda checkpoint: None).step == 0
