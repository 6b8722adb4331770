import functools
import gzip
import hashlib
import os
import re
import struct
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from gluon_lstm.config import Config, DataConfig
from gluon_lstm.data import mnist
from gluon_lstm.data.downloads import Checksum
from gluon_lstm.data.mnist import MIRRORS
from gluon_lstm.data.registry import load_splits
from gluon_lstm.errors import ConfigError, DataError

NAMES = tuple(mnist.CHECKSUMS)


def encode(array):
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def make_contents():
    """Returns the content of four small files by name: 120 images to train and 30 to test, of 5 x 6 pixels."""
    rng = np.random.default_rng(0)
    arrays = []
    for count in (120, 30):
        arrays += [rng.integers(0, 256, (count, 5, 6)).astype(np.uint8), (np.arange(count) % 10).astype(np.uint8)]
    return dict(zip(NAMES, map(encode, arrays)))


CONTENTS = make_contents()


def write_files(folder, contents, pack=True):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / (f"{name}.gz" if pack else name)).write_bytes(gzip.compress(content) if pack else content)
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """Keeps the tests from the user's folders and from the network."""
    monkeypatch.delenv("GLUON_LSTM_DATA", raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(mnist, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setattr(mnist, "MIRRORS", ())
    return tmp_path / "cache" / "mnist"


def load(**options):
    return load_splits(Config(data=DataConfig(dataset="mnist", **options)))


@pytest.mark.parametrize("pack", [True, False])
@pytest.mark.parametrize("inside", ["", "mnist"])
def test_files_of_the_user(tmp_path, pack, inside):
    write_files(tmp_path / "data" / inside, CONTENTS, pack)
    train, validation, test = load(data_dir=str(tmp_path / "data"))
    assert (len(train), len(validation), len(test)) == (110, 10, 30)
    assert train.class_names == tuple("0123456789")
    assert train.step_shape == (5, 6)
    assert test.images.tobytes() == CONTENTS[NAMES[2]][16:]
    assert test.labels.tolist() == [n % 10 for n in range(30)]
    assert [split.name for split in (train, validation, test)] == ["mnist"] * 3


def test_of_60_000_images_5_000_validate(tmp_path):
    """Of as many images as MNIST has, of one pixel each."""
    arrays = []
    for count in (60_000, 10_000):
        arrays += [(np.arange(count) % 251).astype(np.uint8)[:, None, None], (np.arange(count) % 10).astype(np.uint8)]
    folder = write_files(tmp_path / "mnist", dict(zip(NAMES, map(encode, arrays))), pack=False)
    splits = load(data_dir=str(folder), augment_shift=0)
    assert [len(split) for split in splits] == [55_000, 5_000, 10_000]
    assert [np.bincount(split.labels).tolist() for split in splits[1:]] == [[500] * 10, [1_000] * 10]


def test_the_option_comes_before_the_variable_before_the_cache(tmp_path, cache, monkeypatch):
    places = {}
    folders = {"option": tmp_path / "a", "variable": tmp_path / "b", "cache": cache}
    for count, (name, folder) in enumerate(folders.items()):
        images, labels = np.zeros((count + 1, 5, 6), np.uint8), np.zeros(count + 1, np.uint8)
        contents = {**CONTENTS, NAMES[2]: encode(images), NAMES[3]: encode(labels)}
        places[name] = str(write_files(folder, contents))
    assert len(load().test) == 3
    monkeypatch.setenv("GLUON_LSTM_DATA", places["variable"])
    assert len(load().test) == 2
    assert len(load(data_dir=places["option"]).test) == 1


def test_a_folder_without_the_files_falls_through_to_the_cache(tmp_path, cache, monkeypatch, capsys):
    write_files(cache, CONTENTS)
    assert len(load().test) == 30 and not capsys.readouterr().err
    monkeypatch.setenv("GLUON_LSTM_DATA", str(tmp_path))
    assert len(load().test) == 30
    assert capsys.readouterr().err == f"note: {tmp_path} has none of mnist's files; {cache} is read in its place\n"


def test_a_folder_that_was_asked_for_must_have_the_files(tmp_path, cache):
    write_files(cache, CONTENTS)
    with pytest.raises(DataError, match="--data-dir .*: has none of mnist's files"):
        load(data_dir=str(tmp_path))


@pytest.mark.parametrize("missing", NAMES)
def test_a_folder_with_some_of_the_files(tmp_path, cache, missing):
    write_files(cache, CONTENTS)
    write_files(tmp_path / "own", {name: content for name, content in CONTENTS.items() if name != missing})
    with pytest.raises(DataError, match=f"own/{missing}: no such file"):
        load(data_dir=str(tmp_path / "own"))


def test_a_folder_that_does_not_exist(monkeypatch):
    with pytest.raises(ConfigError, match="--data-dir /nowhere: no such folder"):
        load(data_dir="/nowhere")
    monkeypatch.setenv("GLUON_LSTM_DATA", "/nowhere")
    with pytest.raises(ConfigError, match=r"\$GLUON_LSTM_DATA /nowhere: no such folder"):
        load()


def test_options_are_honoured(tmp_path):
    write_files(tmp_path, CONTENTS)
    config = {"data_dir": str(tmp_path), "view": "columns", "augment_shift": 2, "augment_rotate": 5.0}
    first = load(**config, validation_size=40, limit_train=20, split_seed=1)
    assert (len(first.train), len(first.validation)) == (20, 40)
    assert first.train.step_shape == (6, 5)
    assert (first.train.augmentation.shift, first.train.augmentation.rotate) == (2, 5.0)
    np.testing.assert_array_equal(np.bincount(first.train.labels), [2] * 10)
    other = load(**config, split_seed=2, validation_size=40)
    assert other.validation.fingerprint != first.validation.fingerprint
    assert other.test.fingerprint == first.test.fingerprint
    with pytest.raises(ConfigError, match="--validation-size 111: mnist has 120 samples of 10 classes"):
        load(**config, validation_size=111)
    with pytest.raises(ConfigError, match="--view rows.columns: needs square images, not 5 x 6"):
        load(data_dir=str(tmp_path), view="rows+columns")


def test_there_are_two_mirrors_at_least():
    hosts = {re.fullmatch(r"https://([^/]+)/(.+/)?", mirror).group(1) for mirror in MIRRORS}
    assert len(hosts) == len(MIRRORS) >= 2


def test_classes_are_the_labels_that_occur(tmp_path):
    labels = np.array([0, 1, 5, 255], np.uint8)
    changes = {NAMES[1]: encode(np.repeat(labels, 30)), NAMES[3]: encode(np.tile(labels[1:], 10))}
    write_files(tmp_path, {**CONTENTS, **changes})
    train, validation, test = load(data_dir=str(tmp_path))
    assert train.class_names == validation.class_names == test.class_names == ("0", "1", "5", "255")
    assert (np.bincount(train.labels) + np.bincount(validation.labels)).tolist() == [30] * 4
    assert test.labels.tolist() == [1, 2, 3] * 10
    assert test.labels.dtype == train.labels.dtype == np.int32


BAD = {
    "counts": ({NAMES[1]: encode(np.zeros(119, np.uint8))}, "holds 120 images but .* 119 labels"),
    "sizes": ({NAMES[2]: encode(np.zeros((30, 6, 5), np.uint8))}, "t10k-images.* 6 x 5 pixels, but .* has 5 x 6"),
    "labels": ({NAMES[3]: encode(np.full(30, 10, np.uint8))}, "t10k-labels.*: label 10 does not occur in .*train"),
    "one class": ({NAMES[1]: encode(np.full(120, 3, np.uint8))}, "train-labels.*: every label is 3, .* two classes"),
    "empty": ({NAMES[0]: encode(np.zeros((0, 5, 6), np.uint8))}, "holds no images"),
    "swapped": ({NAMES[0]: CONTENTS[NAMES[1]]}, "1-dimensional array, not a 3-dimensional one"),
    "truncated": ({NAMES[3]: CONTENTS[NAMES[3]][:-1]}, "truncated"),
}


@pytest.mark.parametrize("changes, message", BAD.values(), ids=BAD.keys())
def test_bad_files(tmp_path, changes, message):
    write_files(tmp_path, {**CONTENTS, **changes})
    with pytest.raises(DataError, match=message) as caught:
        load(data_dir=str(tmp_path))
    assert "\n" not in str(caught.value)


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder without a word."""

    def log_message(self, *_):
        return None


@pytest.fixture
def mirrors(tmp_path, monkeypatch):
    """Two folders served on this machine in place of the mirrors, and the checksums of the small files."""
    folders = [write_files(tmp_path / "www" / name, CONTENTS) for name in ("first", "second")]
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(tmp_path / "www")))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(mnist, "MIRRORS", (f"{address}/first/", f"{address}/second/"))
    for name, content in CONTENTS.items():
        checksum = Checksum(hashlib.sha256(content).hexdigest(), len(content))
        monkeypatch.setitem(mnist.CHECKSUMS, name, checksum)
    yield folders
    server.shutdown()
    server.server_close()


def test_downloads_once(mirrors, cache):
    first = load()
    assert sorted(path.name for path in cache.iterdir()) == sorted(f"{name}.gz" for name in NAMES)
    for folder in mirrors:
        for path in folder.iterdir():
            path.unlink()
    assert load().train.fingerprint == first.train.fingerprint


def test_the_second_mirror_mends_the_first(mirrors, cache):
    (mirrors[0] / f"{NAMES[0]}.gz").write_bytes(b"corrupt")
    (mirrors[0] / f"{NAMES[1]}.gz").unlink()
    assert len(load().train) == 110


def test_an_interrupted_set_is_completed(mirrors, cache):
    write_files(cache, {NAMES[0]: CONTENTS[NAMES[0]]})
    before = (cache / f"{NAMES[0]}.gz").stat().st_mtime_ns
    assert len(load().train) == 110
    assert (cache / f"{NAMES[0]}.gz").stat().st_mtime_ns == before


def test_when_no_mirror_helps_the_error_says_what_to_put_where(mirrors, cache):
    for folder in mirrors:
        (folder / f"{NAMES[0]}.gz").write_bytes(b"corrupt")
    with pytest.raises(DataError) as caught:
        load()
    message = str(caught.value)
    assert message.count("wrong SHA-256 checksum") == 2
    assert all(f"{name}.gz" in message for name in NAMES)
    assert f"into {cache}, or all four files of mnist into DIR/mnist with --data-dir DIR" in message
    assert "\n" not in message
    assert list(cache.iterdir()) == []


def real_folder():
    """Returns the folder that has MNIST itself, or None."""
    named = os.environ.get("GLUON_LSTM_DATA")
    places = [Path(named) / "mnist", Path(named)] if named else []
    return next((str(place) for place in places if (place / f"{NAMES[0]}.gz").exists()), None)


REAL = real_folder()


@pytest.mark.skipif(REAL is None, reason="$GLUON_LSTM_DATA names no folder that has MNIST")
def test_mnist_itself():
    train, validation, test = load(data_dir=REAL)
    assert (len(train), len(validation), len(test)) == (55_000, 5_000, 10_000)
    assert train.step_shape == (28, 28)
    shares = np.bincount(train.labels) / 55_000
    np.testing.assert_allclose(np.bincount(validation.labels) / 5_000, shares, atol=1 / 5_000)
    assert test.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    for name, content in ((NAMES[2], encode(test.images)), (NAMES[3], encode(test.labels.astype(np.uint8)))):
        assert hashlib.sha256(content).hexdigest() == mnist.CHECKSUMS[name].digest
