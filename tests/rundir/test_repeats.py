"""The folder of several runs: what may be deleted, and what a plan may say."""

import json

import pytest

from gluon_lstm.config import Config
from gluon_lstm.errors import RunError
from gluon_lstm.rundir import Plan, Repeat, RepeatsDirectory, RunDirectory, locked


@pytest.fixture
def runs(tmp_path):
    """A folder of two runs."""
    directory = RepeatsDirectory.create(tmp_path / "runs")
    directory.write_plan(Plan((Repeat("seed-0", Config()), Repeat("seed-1", Config())), 1))
    for name in ("seed-0", "seed-1"):
        RunDirectory.create(directory.path / name, Config().to_dict())
    return directory


@pytest.mark.parametrize("begun, names", [(True, "seed-0, seed-1"), (False, r"\(none has begun\)")])
def test_several_runs_are_no_run_before_their_summary_is_there(runs, begun, names):
    for name in ("seed-0", "seed-1") if not begun else ():
        (runs.path / name / "config.json").unlink()
    with pytest.raises(RunError, match=f"runs: holds several runs; name one of them: {names}$"):
        RunDirectory.open(runs.path)


def test_runs_go_by_force_with_what_a_killed_process_left(runs):
    (runs.path / ".summary.json.abc").touch()
    RepeatsDirectory.create(runs.path, force=True)
    assert list(runs.path.iterdir()) == []


def test_none_is_deleted_while_another_process_trains_into_one(runs):
    with locked(runs.path / "seed-1"):
        with pytest.raises(RunError, match="seed-1: another process trains into it"):
            RepeatsDirectory.create(runs.path, force=True)
    assert all((runs.path / name / "config.json").is_file() for name in ("seed-0", "seed-1"))


@pytest.mark.parametrize(
    "name", ["", "-", "fold-1-", "-seed-1", "fold-1seed-1", "seed-x", "seed-²", "../seed-1", "seed-1/x", "model"]
)
def test_a_plan_names_runs_as_they_are_named(runs, name):
    content = json.loads((runs.path / "plan.json").read_text())
    content["runs"][name] = content["runs"]["seed-0"]
    (runs.path / "plan.json").write_text(json.dumps(content))
    with pytest.raises(RunError, match="plan.json: does not name runs"):
        runs.read_plan()


def test_one_run_alone_is_no_plan(runs):
    content = json.loads((runs.path / "plan.json").read_text())
    del content["runs"]["seed-1"]
    (runs.path / "plan.json").write_text(json.dumps(content))
    with pytest.raises(RunError, match="plan.json: does not name runs"):
        runs.read_plan()


@pytest.mark.parametrize("name", ["seed-0", "fold-3", "fold-3-seed-12"])
def test_a_plan_comes_back(tmp_path, name):
    directory = RepeatsDirectory.create(tmp_path / "runs")
    plan = Plan((Repeat(name, Config()), Repeat("seed-99", Config())), 3)
    directory.write_plan(plan)
    assert directory.read_plan() == plan


def test_a_name_that_is_too_long_is_none(tmp_path):
    assert not RepeatsDirectory.is_one(tmp_path / ("x" * 5_000))
