import os
import stat
from contextlib import suppress
from pathlib import Path

import pytest

from gluon_lstm import atomic
from gluon_lstm.atomic import check_replaceable, replacing_directory, replacing_file, surviving_directory


class File:
    """How a file is replaced and read."""

    replacing = staticmethod(replacing_file)

    @staticmethod
    def fill(path, content):
        path.write_text(content)

    @staticmethod
    def read(path):
        return path.read_text()


class Folder:
    """How a folder is replaced and read; its content stands in a file of a folder in it."""

    replacing = staticmethod(replacing_directory)

    @staticmethod
    def fill(path, content):
        (path / "inner").mkdir(parents=True)
        (path / "inner" / "file").write_text(content)

    @staticmethod
    def read(path):
        assert [entry.name for entry in path.iterdir()] == ["inner"]
        return (path / "inner" / "file").read_text()


@pytest.fixture(params=[File, Folder])
def kind(request):
    return request.param


@pytest.fixture(params=[False, True], ids=["new", "replaced"])
def target(request, kind, tmp_path):
    """Where to write; there may be something already."""
    path = tmp_path / "inside" / "target"
    if request.param:
        path.parent.mkdir()
        kind.fill(path, "old")
    return path


def unharmed(kind, target, existed):
    """Whether all is as it was before, and nothing lies about."""
    entries = [path.name for path in target.parent.iterdir()]
    return entries == ["target"] and kind.read(target) == "old" if existed else entries == []


def test_the_whole_appears_at_the_end(kind, target):
    existed = target.exists()
    with kind.replacing(target) as temporary:
        kind.fill(temporary, "new")
        assert kind.read(target) == "old" if existed else not target.exists()
    assert kind.read(target) == "new"
    assert [path.name for path in target.parent.iterdir()] == ["target"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_nothing_appears_if_the_block_fails(kind, target, error):
    existed = target.exists()
    with pytest.raises(error), kind.replacing(target) as temporary:
        kind.fill(temporary, "half")
        raise error
    assert unharmed(kind, target, existed)


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("nth", [1, 2])
def test_nothing_is_lost_if_the_system_fails(kind, target, call, nth, monkeypatch):
    existed, real, calls = target.exists(), getattr(os, call), []

    def fail_once(*arguments):
        calls.append(arguments)
        if len(calls) == nth:
            raise OSError("no space left on device")
        return real(*arguments)

    monkeypatch.setattr(os, call, fail_once)
    with suppress(OSError), kind.replacing(target) as temporary:
        kind.fill(temporary, "new")
    entries = [path.name for path in target.parent.iterdir()]
    assert entries == ["target"] or not existed
    assert entries in (["target"], [])
    assert not entries or kind.read(target) in ("old", "new")


@pytest.fixture
def journal(monkeypatch):
    """What was asked of the disk, in order: ("fsync", path) and ("replace", from, to)."""
    events, fsync, replace = [], os.fsync, os.replace

    def noted_fsync(handle):
        events.append(("fsync", Path(os.readlink(f"/proc/self/fd/{handle}"))))
        fsync(handle)

    def noted_replace(old, new):
        events.append(("replace", Path(old), Path(new)))
        replace(old, new)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "replace", noted_replace)
    return events


def test_all_is_on_the_disk_before_it_takes_its_name_and_the_name_before_it_ends(kind, target, journal):
    """A power cut at any moment leaves what was there before, or the whole."""
    target = target.resolve()
    with kind.replacing(target) as temporary:
        kind.fill(temporary, "new")
        assert journal == []
        written = {temporary, *temporary.rglob("*")}
    named = journal.index(("replace", temporary, target))
    assert {event[1] for event in journal[:named] if event[0] == "fsync"} == written
    assert journal[named + 1 :] == [("fsync", target.parent)]


def test_what_stepped_aside_is_found_and_nothing_else(tmp_path):
    target = tmp_path / "runs" / "target"
    assert surviving_directory(target) == target
    for number, name in enumerate((".target.b.old", ".target.a.old", ".target.c", ".other.a.old", "target.a.old")):
        (target.parent / name).mkdir(parents=True)
        os.utime(target.parent / name, (number, number))
    assert surviving_directory(target).name == ".target.a.old"  # the later of two
    target.mkdir()
    assert surviving_directory(target) == target


@pytest.mark.parametrize("mask, file_mode, folder_mode", [(0o022, 0o644, 0o755), (0o077, 0o600, 0o700)])
def test_permissions_follow_the_mask(kind, target, mask, file_mode, folder_mode):
    before = os.umask(mask)
    try:
        with kind.replacing(target) as temporary:
            kind.fill(temporary, "new")
    finally:
        os.umask(before)
    assert stat.S_IMODE(target.stat().st_mode) == (file_mode if kind is File else folder_mode)
    assert atomic._umask() == before


def test_a_parent_that_is_a_file(kind, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError), kind.replacing(tmp_path / "file" / "target"):
        pytest.fail("the block must not run")


@pytest.mark.parametrize("name", ["new", "old", "a/b/new", "link"])
def test_what_can_be_replaced_passes_and_nothing_is_made(tmp_path, name):
    (tmp_path / "old").touch()
    (tmp_path / "link").symlink_to(tmp_path / "old")
    before = sorted(tmp_path.rglob("*"))
    check_replaceable(tmp_path / name)
    assert sorted(tmp_path.rglob("*")) == before
    with replacing_file(tmp_path / name):
        pass


@pytest.mark.parametrize(
    "name, error",
    [
        ("folder", IsADirectoryError),
        ("old/new", NotADirectoryError),
        ("old/a/b/new", NotADirectoryError),
        ("lost/new", NotADirectoryError),
        ("pipe", OSError),
        ("x" * 256, OSError),
        ("x" * 250, OSError),
        ("x" * 256 + "/new", OSError),
    ],
)
def test_what_cannot_be_replaced_is_seen_beforehand(tmp_path, name, error):
    (tmp_path / "folder").mkdir()
    (tmp_path / "old").touch()
    (tmp_path / "lost").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(error) as caught:
        check_replaceable(tmp_path / name)
    assert caught.value.strerror


def test_a_folder_without_permission_is_seen_beforehand(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, _: path != tmp_path)
    with pytest.raises(PermissionError, match="Permission denied"):
        check_replaceable(tmp_path / "inside" / "new")
