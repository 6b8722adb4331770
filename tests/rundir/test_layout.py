import pytest

from gluon_lstm.errors import RunError
from gluon_lstm.rundir.layout import check_inside, check_no_links, find_foreign

LAYOUT = {"notes": None, "parts": {"part.*": None, "inner": {"x": None}}}


@pytest.fixture
def folder(tmp_path):
    """All that ``LAYOUT`` allows."""
    (tmp_path / "parts" / "inner").mkdir(parents=True)
    for name in ("notes", "parts/part.1", "parts/part.2", "parts/inner/x"):
        (tmp_path / name).touch()
    return tmp_path


def test_what_the_program_writes_is_its_own(folder):
    assert find_foreign(folder, LAYOUT) is None


@pytest.mark.parametrize("name", ["other", "parts/other", "parts/inner/other", "notes2", ".notes", "parts/inner/.x"])
@pytest.mark.parametrize("make", ["touch", "mkdir"])
def test_everything_else_is_foreign_at_any_depth(folder, name, make):
    getattr(folder / name, make)()
    assert find_foreign(folder, LAYOUT) == folder / name


@pytest.mark.parametrize("name, make", [("notes", "mkdir"), ("parts/part.1", "mkdir"), ("parts/inner", "touch")])
def test_a_file_in_a_folders_place_is_foreign_and_the_other_way_round(folder, name, make):
    entry = folder / name
    if entry.is_dir():
        (entry / "x").unlink()
        entry.rmdir()
    else:
        entry.unlink()
    getattr(entry, make)()
    assert find_foreign(folder, LAYOUT) == entry


@pytest.mark.parametrize("name", [".notes.abc", ".parts.abc", "parts/.inner.abc.old"])
def test_what_a_killed_process_left_is_the_programs_own(folder, name):
    (folder / name).mkdir()
    (folder / name / "anything").touch()
    assert find_foreign(folder, LAYOUT) is None


def test_links_are_not_followed(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "mine").touch()
    (folder / "notes").unlink()
    (folder / "notes").symlink_to(elsewhere)
    (folder / "parts" / "inner" / "x").unlink()
    (folder / "parts" / "inner").rmdir()
    (folder / "parts" / "inner").symlink_to(elsewhere)
    assert find_foreign(folder, LAYOUT) is None


def test_what_is_written_stays_inside(tmp_path):
    run = tmp_path / "link to run"
    (tmp_path / "run" / "evaluation").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    run.symlink_to("run")  # which the user names, and so it may be a link
    check_inside(run, run / "evaluation" / "test")
    (run / "evaluation" / "test").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RunError, match="evaluation/test: is a link, through which nothing is written; put a folder in"):
        check_inside(run, run / "evaluation" / "test")
    check_no_links(run)
    (run / "checkpoints").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RunError, match="checkpoints: is a link"):
        check_no_links(run)
    (run / "more").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RunError, match="more: is a link"):
        check_inside(run, run / "more" / "test")


@pytest.mark.parametrize("name", [".model.abc", "checkpoints/.000002-step-00000010.abc"])
def test_what_a_killed_process_left_of_a_run_is_the_programs_own(tmp_path, name):
    (tmp_path / name).mkdir(parents=True)
    assert find_foreign(tmp_path) is None
    (tmp_path / name).with_name(".mine").mkdir()
    assert find_foreign(tmp_path) is not None
