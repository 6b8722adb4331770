"""A run directory of which a file is something else: each command says so in a line or works; nothing more happens."""

import json
import os
import pickle
import resource
import shutil
import signal
import struct
from pathlib import Path

import pytest
from commands import ROOT, TINY

import gluon_lstm
from gluon_lstm.cli import main
from gluon_lstm.data.idx import read_idx
from gluon_lstm.errors import UserError

CONTRACT = ROOT / "tests" / "data" / "contract"
FILES = {
    "digits": ("config.json", "log.jsonl", "model/model.json", "model/parameters.safetensors", "model", "evaluation"),
    "sentences": ("config.json", "model/model.json", "model/vocabulary.json", "model/parameters.safetensors"),
}
SECONDS = 20
"""In which each command must have ended; it takes two."""


class Hang(BaseException):
    """What ends a test that waits; not an ``Exception``, so that no reader takes it for an error of the file."""


class Bomb:
    """What unpickling turns into a file."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return open, (str(self.target), "w")


def put_pickle(path, outside):
    path.write_bytes(pickle.dumps(Bomb(outside / "unpickled")))


def put_deep_json(path, outside):
    path.write_text('{"a":' + "[" * 100_000 + "]" * 100_000 + "}")


def put_long_claim(path, outside):
    """A safetensors header that claims an array of 10 GB, before a few bytes."""
    header = json.dumps({"a": {"dtype": "F32", "shape": [2_500_000_000], "data_offsets": [0, 10**10]}}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(100))


def put_long_header(path, outside):
    """A safetensors file whose header claims to be 10 GB long."""
    path.write_bytes(struct.pack("<Q", 10**10) + b"{}")


def put_large(path, outside):
    """A file of 10 GB, none of which is on the disk."""
    with path.open("wb") as file:
        file.truncate(10**10)


def put_link(path, outside):
    path.symlink_to(outside / "secret")


def put_link_to_itself(path, outside):
    path.symlink_to(path.name)


def put_link_to_folder(path, outside):
    path.symlink_to(outside)


def put_link_to_zeros(path, outside):
    path.symlink_to("/dev/zero")


def put_pipe(path, outside):
    os.mkfifo(path)


def put_folder(path, outside):
    path.mkdir()


def put_nothing(path, outside):
    path.touch()


def put_noise(path, outside):
    path.write_bytes(bytes((index * 7919 + index // 7) % 251 for index in range(5_000)))


TRICKS = (
    put_pickle, put_deep_json, put_long_claim, put_long_header, put_large, put_link, put_link_to_itself,
    put_link_to_folder, put_link_to_zeros, put_pipe, put_folder, put_nothing, put_noise,
)  # fmt: skip


@pytest.fixture
def outside(tmp_path):
    """A folder of somebody else's, in which nothing may change."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret").write_text("root:x:0:0:root:/root:/bin/sh\n")
    return folder


@pytest.fixture
def in_time():
    """Ends the test with an error where it hangs."""

    def hang(*_):
        raise Hang(f"took more than {SECONDS} s")

    before = signal.signal(signal.SIGALRM, hang)
    signal.alarm(SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def damage(dataset, name, trick, outside):
    """Returns a copy of a run, in the current folder, in which a file or folder has been replaced."""
    run = Path(shutil.copytree(CONTRACT / dataset / "run", "run"))
    path = run / name
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    trick(path, outside)
    return run


def each_trick(test):
    cases = [(dataset, name, trick) for dataset, names in FILES.items() for name in names for trick in TRICKS]
    ids = [f"{dataset}-{name}-{trick.__name__[4:]}" for dataset, name, trick in cases]
    return pytest.mark.parametrize("dataset, name, trick", cases, ids=ids)(test)


def snapshot(folder):
    """Returns what is in a folder: names, and contents of files."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@each_trick
def test_reading(cli, outside, in_time, dataset, name, trick):
    run, before = damage(dataset, name, trick, outside), snapshot(outside)
    sample = CONTRACT / "digits" / "images-ubyte" if dataset == "digits" else "a text"
    harmless = name in ("log.jsonl", "evaluation")  # which predictions do without
    for command in (["predict", run, sample], ["evaluate", run, "--quick"]):
        outcome = cli(*command)
        assert snapshot(outside) == before
        assert sorted(os.listdir()) == ["run"]
        assert "root:x" not in outcome.out + outcome.err
        if outcome.code:
            assert outcome.code == 2
            assert [line[:10] for line in outcome.err.splitlines()] == ["gluon-lstm"]
            assert str(run) in outcome.err
            assert not harmless or command[0] == "evaluate"
        else:
            assert harmless
    try:
        gluon_lstm.load(run)
        assert harmless
    except UserError:
        assert not harmless


@pytest.mark.parametrize(
    "name, trick",
    [
        ("config.json", put_link), ("config.json", put_pipe), ("config.json", put_folder), ("config.json", put_large),
        ("log.jsonl", put_link), ("log.jsonl", put_pipe), ("model", put_link_to_folder), ("model", put_pipe),
        ("model", put_noise), ("evaluation", put_link_to_folder), ("model/parameters.safetensors", put_link),
    ],
    ids=lambda value: value if isinstance(value, str) else value.__name__[4:],
)  # fmt: skip
def test_training_anew(cli, outside, in_time, name, trick):
    run, before = damage("digits", name, trick, outside), snapshot(outside)
    refused = cli("train", *TINY, "--output", run)
    assert refused.code == 2
    assert "is not empty" in refused.err
    outcome = cli("train", *TINY, "--output", run, "--force")
    assert snapshot(outside) == before
    if outcome.code:
        assert outcome.code == 2
        assert "--force deletes runs alone" in outcome.err.splitlines()[-1]
    else:
        assert gluon_lstm.load(run).predict(read_idx(CONTRACT / "digits" / "images-ubyte", 3))
        assert not any(path.is_symlink() for path in run.rglob("*"))
    assert (outcome.code == 2) == (trick in (put_folder, put_noise) or (name, trick) == ("model", put_pipe))


@pytest.mark.parametrize(
    "dataset, name, keys, value, message",
    [
        ("digits", "config.json", ["model", "hidden_size"], 8192, "has shape"),
        ("digits", "config.json", ["model", "num_layers"], 64, "lacks"),
        ("digits", "config.json", ["model", "head_size"], 8192, "lacks"),
        ("digits", "config.json", ["model", "encoder"], "transformer", "lacks"),
        ("digits", "model/model.json", ["step_shape"], [8, 10**9], "step_shape (8, 1000000000)"),
        ("digits", "model/model.json", ["step_shape"], [8, 8, 8], "'step_shape'"),
        ("digits", "model/model.json", ["input_format", "height"], 10**9, "samples of a kind"),
        ("digits", "model/model.json", ["input_format", "view"], ["rows"], "samples of a kind"),
        ("digits", "model/model.json", ["class_names"], ["a", "b"], "has shape"),
        ("digits", "model/model.json", ["class_names"], ["a", "a"], "'class_names'"),
        ("digits", "model/model.json", ["class_names"], [str(k) for k in range(10_001)], "'class_names'"),
        ("digits", "model/model.json", ["epoch"], True, "'epoch'"),
        ("digits", "model/model.json", ["version"], 2, "format version 2 is unknown, this release reads 1; use"),
        ("sentences", "config.json", ["model", "ngrams"], 0, "n-gram model and config.json disagree"),
        ("sentences", "config.json", ["model", "embedding_size"], 8192, "has shape"),
        ("sentences", "model/model.json", ["input_format", "max_length"], 10**9, "samples of a kind"),
        ("sentences", "model/model.json", ["input_format", "tokenizer"], ["words"], "samples of a kind"),
        ("sentences", "model/model.json", ["step_shape"], [None, 2**24], "step_shape (None, 16777216)"),
    ],
)
def test_parts_that_do_not_belong_together(cli, in_time, dataset, name, keys, value, message):
    run = Path(shutil.copytree(CONTRACT / dataset / "run", "run"))
    values = json.loads((run / name).read_text(encoding="utf-8"))
    place = values
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    if keys == ["model", "ngrams"]:
        place["character_ngrams"] = 0
    (run / name).write_text(json.dumps(values), encoding="utf-8")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcome = cli("predict", run, CONTRACT / "digits" / "images-ubyte" if dataset == "digits" else "a text")
    assert outcome.code == 2
    assert len(outcome.err.splitlines()) == 1
    assert message in outcome.err
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < 400


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """A run with checkpoints."""
    run = tmp_path_factory.mktemp("begun") / "run"
    assert main(["train", *TINY, "--epochs", "1", "--output", str(run)]) == 0
    return run


@pytest.mark.parametrize(
    "pattern, trick",
    [
        ("checkpoints", put_link_to_folder), ("events", put_link_to_folder), ("model", put_link_to_folder),
        ("log.jsonl", put_link), ("checkpoints", put_pipe), ("checkpoints/*/manifest.json", put_pipe),
        ("checkpoints/*/manifest.json", put_deep_json), ("checkpoints/*/manifest.json", put_large),
        ("checkpoints/*/arrays.safetensors", put_long_claim), ("checkpoints/*/arrays.safetensors", put_large),
        ("checkpoints/*/arrays.safetensors", put_pickle), ("checkpoints/*/state.json", put_link_to_zeros),
    ],
    ids=lambda value: value if isinstance(value, str) else value.__name__[4:],
)  # fmt: skip
def test_going_on(cli, outside, in_time, begun, pattern, trick):
    run, before = Path(shutil.copytree(begun, "run")), snapshot(outside)
    for path in list(run.glob(pattern)):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        trick(path, outside)
    outcome = cli("train", "--resume", run)
    assert snapshot(outside) == before
    if trick in (put_link, put_link_to_folder):
        assert outcome.code == 2
        assert outcome.err.splitlines()[-1].startswith("gluon-lstm train: run")
    else:  # the run begins again, whether it can keep checkpoints or not
        assert outcome.code == 0
        told = "cannot be written" if pattern == "checkpoints" else "is set aside as damaged-"
        assert told in outcome.err
    assert not list(outside.rglob("*step*"))
