"""Every mistake that a person can make ends with one line and exit code 2, and leaves nothing behind."""

import errno
import gzip
import json
import os
import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import numpy as np
import pytest
from commands import idx

from gluon_lstm.cli import train
from gluon_lstm.data import mnist

TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS = mnist.CHECKSUMS


@pytest.mark.parametrize(
    "options, message",
    [
        (["--dataset", "x.npz"], "--dataset x.npz: NumPy's files are not read; write images as IDX files"),
        (["--dataset", "cats"], "--dataset cats: no such data set; choose from digits, mnist"),
        (["--preset", "beste"], "--preset beste: no such preset; did you mean 'best'?"),
        (["--epochs", "0"], "--epochs 0: must be at least 1"),
        (["--epochs", "1.5"], "argument --epochs: invalid int value: '1.5'"),
        (["--epochs"], "argument --epochs: expected one argument"),
        (["--learning-rate", "0"], "--learning-rate 0.0: must be greater than 0"),
        (["--learning-rate", "1e39"], "--learning-rate 1e+39: must be at most 1000"),
        (["--learning-rate", "nan"], "--learning-rate nan: must be finite"),
        (["--dropout", "1"], "--dropout 1.0: must be at most 0.95"),
        (["--num-layers", "65"], "--num-layers 65: must be at most 64"),
        (["--clip-norm", "1e39"], "--clip-norm 1e+39: must be at most 1000000.0"),
        (["--hidden-size", "1000000"], "--hidden-size 1000000: must be at most 8192"),
        (["--view", "diagonal"], "--view diagonal: choose from rows, columns, pixels, permuted, rows+columns"),
        (["--view", "a\nb"], "--view a b: choose from rows"),
        (["--threads", "0"], "--threads 0: must be at least 1"),
        (["--seed", "-1"], "--seed -1: must be at least 0"),
        (["--limit-train", "5"], "--limit-train 5: digits has 10 classes; use at least 10"),
        (["--validation-size", "5000"], "--validation-size 5000: digits has 1437 samples of 10 classes"),
        (["--augment-shift", "8"], "--augment-shift 8: moves images of 8 x 8 pixels out of the frame"),
        (["--warmup-epochs", "20"], "--warmup-epochs 20: more than --epochs 10"),
        (["--implementation", "fused", "--cell-activation", "relu"], "--implementation fused: "),
        (["--groups", "2"], "--groups 2: needs --view rows+columns, not rows; use --groups 1 or that view"),
        (["--preset", "best", "--view", "rows"], "--groups 2: needs --view rows+columns, not rows; use --groups 1"),
        (["--preset", "best", "--dataset", "sentences"], "--preset best: is for images, and sentences holds texts"),
        (["--preset", "sequential", "--dataset", "sentences"], "--preset sequential: is for images, and sentences "),
        (["--preset", "long-text"], "--preset long-text: is for texts, and digits holds none; name texts with"),
        (["--device", "tpu"], "--device tpu: use cpu, gpu:0 or several of one kind"),
        (["--device", "gpu:0"], "--device gpu:0: MXNet finds no GPUs here; use --device cpu"),
        (["--epoch", "3"], "train: unrecognized arguments: --epoch 3; did you mean '--epochs'? (see gluon-lstm train"),
        (["--hiden-size=3"], "unrecognized arguments: --hiden-size=3; did you mean '--hidden-size'?"),
        (["--no-bidirection"], "unrecognized arguments: --no-bidirection; did you mean '--no-bidirectional'?"),
        (["--qqq"], "train: unrecognized arguments: --qqq (see gluon-lstm train --help)"),
        (["extra"], "unrecognized arguments: extra"),
        (["--config", "none.yaml"], "--config none.yaml: No such file or directory"),
    ],
)
@pytest.mark.parametrize("switch", [[], ["--dry-run"]], ids=["", "dry run"])
def test_options(refuses, monkeypatch, options, message, switch):
    monkeypatch.setattr("mxnet.context.num_gpus", lambda: 0)
    assert message in refuses("train", "--output", "run", *options, *switch)


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("c.yaml", "training: {epoch: 1}", "unknown option 'epoch' in section 'training'; did you mean 'epochs'?"),
        ("c.yaml", "trainig: {}", "unknown section 'trainig'; did you mean 'training'?"),
        ("c.yaml", "{1: a, b: c}", "unknown section 1"),
        ("c.yaml", "dataset: mnist", "'dataset' is no section; name the data set in section 'data'"),
        ("c.yaml", "preset: beste", "--preset beste: no such preset; did you mean 'best'?"),
        ("c.yaml", "preset: [best]", "no such preset"),
        ("c.yaml", "data: [", "not valid YAML"),
        ("c.json", '{"data": ', "not valid JSON"),
        ("c.json", '{"training": {"learning_rate": 1' + 400 * "0" + "}}", "must be finite"),
        ("c.json", '{"training": {"epochs": "ten"}}', "--epochs 'ten': must be of type int"),
        ("c.json", '{"data": {"view": "up\\ndown"}}', "--view up down: choose from"),
    ],
)
def test_configuration_files(refuses, tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    assert message in refuses("train", "--output", "run", "--config", tmp_path / name)


def test_a_folder_as_data_set(refuses, tmp_path):
    (tmp_path / "work" / "texts").mkdir()
    line = refuses("train", "--dataset", "texts")
    assert "texts: is a folder without folders of pictures, one for each class; for texts, name a .csv, " in line
    assert line.endswith("--dataset mnist --data-dir texts\n")


@pytest.mark.parametrize("name", ["own.json", "OWN.JSON.gz"])
def test_json_that_is_not_json_lines(refuses, tmp_path, name):
    (tmp_path / "work" / name).write_text("[]")
    line = refuses("train", "--dataset", name)
    assert f"--dataset {name}: JSON arrays are not read, but JSON Lines are: an object a line, in a file that " in line
    assert "no such data set" in refuses("train", "--dataset", "none.json")


def test_a_single_picture_is_no_data_set(refuses, tmp_path):
    (tmp_path / "cat.png").touch()
    line = refuses("train", "--dataset", tmp_path / "cat.png")
    assert "cat.png: is a single picture; name the folder that has a folder of pictures for each class" in line


def test_a_preset_beside_a_file_that_starts_from_another(refuses, tmp_path):
    (tmp_path / "c.yaml").write_text("preset: best")
    line = refuses("train", "--output", "run", "--config", tmp_path / "c.yaml", "--preset", "article")
    assert "--preset article: " in line
    assert "starts from 'best'; leave one out" in line


def test_no_command_and_an_unknown_one(refuses):
    assert "required: COMMAND" in refuses()
    assert "invalid choice: 'trian'" in refuses("trian")


IMAGES = np.zeros((80, 5, 6), np.uint8)
BAD_FILES = {
    "missing": (TRAIN_LABELS, None, "train-labels-idx1-ubyte: no such file"),
    "truncated": (TRAIN_IMAGES, idx(IMAGES)[:-7], "truncated: 2,393 of 2,400 bytes"),
    "truncated gzip": (TRAIN_IMAGES, gzip.compress(idx(IMAGES))[:-7], "damaged gzip file"),
    "too long": (TRAIN_IMAGES, idx(IMAGES) + b"\0", "goes on after the 2,400 bytes"),
    "wrong magic": (TEST_IMAGES, b"\x89PNG" + idx(IMAGES), "not an IDX file of unsigned bytes with 3 dimensions"),
    "labels for images": (TEST_IMAGES, idx(IMAGES[0, 0]), "holds a 1-dimensional array"),
    "empty": (TEST_LABELS, b"", "starts with nothing"),
    "other count": (TRAIN_LABELS, idx(IMAGES[0, 0]), "holds 80 images but "),
    "one class": (TRAIN_LABELS, idx(np.full(80, 7, np.uint8)), "train-labels-idx1-ubyte: every label is 7, and one"),
    "no images": (TRAIN_IMAGES, idx(IMAGES[:0]), "holds no images"),
    "other size": (TEST_IMAGES, idx(np.zeros((20, 6, 6), np.uint8)), "images of 6 x 6 pixels, but "),
}


@pytest.mark.parametrize("file, content, message", BAD_FILES.values(), ids=BAD_FILES)
def test_idx_files(refuses, write_idx, file, content, message):
    data = write_idx(changes={file: content})
    line = refuses("train", "--output", "run", "--dataset", "mnist", "--data-dir", data)
    assert message in line
    assert str(data) in line


def test_no_data_and_no_network(refuses, tmp_path, monkeypatch):
    monkeypatch.setattr(mnist, "MIRRORS", ("http://127.0.0.1:9/", "http://127.0.0.1:9/second/"))
    line = refuses("train", "--output", "run", "--dataset", "mnist")
    assert all(f"{name}.gz" in line for name in mnist.CHECKSUMS)
    assert f"into {tmp_path / 'cache' / 'mnist'}" in line
    assert "--data-dir DIR" in line


class CorruptMirrors(BaseHTTPRequestHandler):
    """Two mirrors in one, by the address: the first gives another file, the second one that breaks off."""

    def do_GET(self):
        content = gzip.compress(b"another file")
        content = content if self.path.startswith("/first/") else content[:-9]
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        return None


@pytest.fixture
def corrupt_mirrors(monkeypatch):
    """Has MNIST downloaded from two mirrors whose files are damaged; gives their host."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), CorruptMirrors)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    host = f"127.0.0.1:{server.server_port}"
    monkeypatch.setattr(mnist, "MIRRORS", (f"http://{host}/first/", f"http://{host}/second/"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    yield host
    server.shutdown()
    server.server_close()


def test_corrupt_downloads_from_both_mirrors(refuses, tmp_path, corrupt_mirrors):
    line = refuses("train", "--output", "run", "--dataset", "mnist")
    name, host = f"{TRAIN_IMAGES}.gz", corrupt_mirrors
    assert f"{name} could not be downloaded ({host}: wrong SHA-256 checksum; {host}: Compressed file ended " in line
    assert f"put {name}, " in line
    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file()] == []


def test_a_data_folder_that_is_not_there(refuses, monkeypatch):
    options = ("train", "--output", "run", "--dataset", "mnist")
    assert "--data-dir nowhere: no such folder" in refuses(*options, "--data-dir", "nowhere")
    monkeypatch.setenv("GLUON_LSTM_DATA", "/nowhere")
    assert "$GLUON_LSTM_DATA /nowhere: no such folder" in refuses(*options)


@pytest.mark.parametrize("command", [("train", "--output", "run"), ("train", "--dry-run"), ("find-lr",), ("evaluate",)])
def test_a_data_folder_that_is_not_there_is_refused_where_nothing_is_read_from_it_too(refuses, trained, command):
    arguments = (*command, *([trained] if command == ("evaluate",) else []), "--data-dir", "nowhere")
    assert "--data-dir nowhere: no such folder" in refuses(*arguments)


@pytest.mark.parametrize("dataset", ["digits", "mnist"])
def test_a_file_where_the_data_folder_is_wanted(refuses, tmp_path, dataset):
    (tmp_path / "work" / "file").touch()
    line = refuses("train", "--output", "run", "--dataset", dataset, "--data-dir", "file")
    assert "--data-dir file: is a file, not a folder; name the folder that holds the data" in line


@pytest.mark.parametrize("options", [["--force"], []], ids=["forced", ""])
@pytest.mark.parametrize("where", ["file", "file/run"])
def test_a_run_directory_that_cannot_be_written(refuses, tmp_path, where, options):
    (tmp_path / "work" / "file").write_text("mine")
    line = refuses("train", "--limit-train", "20", "--hidden-size", "2", "--output", where, *options)
    assert f"{where}: cannot be written (" in line
    assert "--output" in line
    assert (tmp_path / "work" / "file").read_text() == "mine"


@pytest.mark.parametrize("number, flags", [(errno.EACCES, 0), (errno.EROFS, os.ST_RDONLY)], ids=["denied", "read-only"])
@pytest.mark.parametrize("where", ["folder", "folder/new/run"])
@pytest.mark.parametrize("options", [[], ["--force"], ["--seeds", "2"]], ids=" ".join)
def test_a_run_directory_without_permission_is_refused_before_data_are_read(
    refuses, tmp_path, monkeypatch, where, options, number, flags
):
    # The superuser, who may run the tests, has every permission: the system's answers stand in.
    (tmp_path / "work" / "folder").mkdir()
    monkeypatch.setattr(train, "load_fitting_splits", lambda *_: pytest.fail("it must not read data"))
    monkeypatch.setattr(os, "access", lambda path, mode: not str(path).endswith("folder"))
    monkeypatch.setattr(os, "statvfs", lambda path: SimpleNamespace(f_flag=flags))
    line = refuses("train", "--output", where, *options)
    assert f"{where}: cannot be written ({os.strerror(number)}); choose another folder with --output" in line


def test_a_run_directory_whose_name_is_too_long_is_refused_before_data_are_read(refuses, monkeypatch):
    monkeypatch.setattr(train, "load_fitting_splits", lambda *_: pytest.fail("it must not read data"))
    line = refuses("train", "--output", "x" * 300)
    assert "cannot be written (File name too long); choose another folder with --output" in line


@pytest.mark.parametrize(
    "options, message",
    [([], "is not empty; choose another folder with --output, or overwrite with --force"),
     (["--force"], "--force deletes runs alone, and 'notes.txt' is not part of one")],
)
def test_a_run_directory_that_is_in_use(refuses, tmp_path, options, message):
    (tmp_path / "work" / "run").mkdir()
    (tmp_path / "work" / "run" / "notes.txt").write_text("mine")
    assert message in refuses("train", "--limit-train", "20", "--hidden-size", "2", "--output", "run", *options)


def test_what_is_no_run(refuses, tmp_path):
    (tmp_path / "work" / "empty").mkdir()
    (tmp_path / "work" / "file").touch()
    assert "none: no such run directory; train one with: gluon-lstm train --output none" in refuses("evaluate", "none")
    assert "empty: not a run directory (it has no config.json)" in refuses("evaluate", "empty")
    assert "file: is a file, not a folder; name the run directory that train made" in refuses("evaluate", "file")


@pytest.mark.parametrize(
    "options, message",
    [
        (["--split", "train"], "argument --split: invalid choice: 'train'"),
        (["--threads", "0"], "--threads 0: must be at least 1"),
        (["--threads", "-1"], "--threads -1: must be at least 1"),
        (["--device", "tpu"], "--device tpu: use cpu"),
        (["--device", "gpu:0,1"], "--device gpu:0,1: evaluate runs on one device; name one of them"),
        (["--date", "x"], "unrecognized arguments: --date x"),
    ],
)
def test_options_of_evaluate(refuses, trained, options, message):
    assert message in refuses("evaluate", trained, *options)


@pytest.fixture
def copy(trained, tmp_path):
    """A copy of the trained run that a test may damage."""
    return shutil.copytree(trained, tmp_path / "work" / "run", ignore=shutil.ignore_patterns("evaluation"))


@pytest.mark.parametrize("command", [("evaluate",), ("train", "--force", "--output")], ids=["evaluate", "train"])
def test_a_file_of_ones_own_among_a_report(refuses, copy, command):
    notes = copy / "evaluation" / "test" / "notes.txt"
    notes.parent.mkdir(parents=True)
    notes.write_text("mine")
    line = refuses(*command, copy)
    assert "notes.txt" in line
    assert str(copy) in line
    assert notes.read_text() == "mine"


def test_a_run_without_a_model(refuses, copy):
    (copy / "model").rename(copy / "lost")
    told = "holds no model; its training ended before the first one was saved, or its folder model was deleted"
    assert told in refuses("evaluate", copy)


def test_damaged_parameters(refuses, copy):
    path = copy / "model" / "parameters.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    assert f"{path}: damaged, its checksum is not the recorded one" in refuses("evaluate", copy)


def test_a_damaged_log(refuses, copy):
    (copy / "log.jsonl").write_text("{")
    assert "log.jsonl: line 1 is not valid JSON" in refuses("evaluate", copy)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"view": "pixels"}, "digits (test): a time step has 1 features, the model reads 8; choose the data set"),
        ({"view": "rows+columns"}, "a time step has 16 features, the model reads 8"),
    ],
)
def test_another_view_than_in_training(refuses, copy, change, message):
    config = json.loads((copy / "config.json").read_text())
    config["data"].update(change)
    (copy / "config.json").write_text(json.dumps(config))
    assert message in refuses("evaluate", copy)


@pytest.mark.parametrize(
    "sizes, message",
    [
        ({"width": 7}, "mnist (test): a time step has 7 features, the model reads 6; choose the data set and view"),
        ({"height": 6}, "mnist (test): a sequence has 6 time steps, the model reads 5; choose the data set and view"),
        ({"classes": 3}, "mnist (test): has 3 classes, the model knows 4; choose data of its classes"),
    ],
)
def test_data_of_another_shape_than_in_training(cli, refuses, write_idx, tmp_path, sizes, message):
    options = ("--dataset", "mnist", "--data-dir", write_idx(), "--hidden-size", 2, "--epochs", 1)
    assert cli("train", "--output", "run", *options).code == 0
    assert message in refuses("evaluate", "run", "--data-dir", write_idx("other", **sizes))
