"""Files of one's own, read as a model reads its data."""

from __future__ import annotations

import gzip
import struct

import numpy as np
import pytest
from PIL import Image

from gluon_lstm.config import TextConfig
from gluon_lstm.data import TextReader
from gluon_lstm.data.encoding import Tokenization, build_format
from gluon_lstm.data.formats import ImageFormat
from gluon_lstm.data.own import read_own_pictures, read_own_texts
from gluon_lstm.data.tables import Columns
from gluon_lstm.errors import ConfigError, DataError

FORMAT = ImageFormat(4, 5, 16, "rows")
CLASSES = ("cat", "dog")


@pytest.fixture
def reader():
    tokenization = Tokenization.from_config(TextConfig())
    return TextReader(build_format(tokenization, tokenization.tokenize(["a good film"]), TextConfig(min_count=1)))


def idx(array):
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def write_pictures(folder, labels, name="my-images-idx3-ubyte", packed=False):
    images = np.arange(len(labels) * 20, dtype=np.uint8).reshape(-1, 4, 5) % 17
    (folder / name).write_bytes(idx(images))
    content = idx(np.array(labels, np.uint8))
    beside = folder / name.replace("images-idx3", "labels-idx1")
    if packed:
        beside.with_name(beside.name + ".gz").write_bytes(gzip.compress(content))
    else:
        beside.write_bytes(content)
    return folder / name, images


@pytest.mark.parametrize("packed", [False, True])
def test_pictures_find_their_labels_beside_them(tmp_path, packed):
    path, images = write_pictures(tmp_path, [7, 3, 7], packed=packed)
    dataset, labelled, notes, _ = read_own_pictures(path, FORMAT, ("3", "7"))
    np.testing.assert_array_equal(dataset.images, images)
    assert labelled and dataset.labels.tolist() == [1, 0, 1] and "my-labels-idx1-ubyte" in notes[0]
    assert (dataset.split, dataset.max_value, dataset.view, dataset.class_names) == ("data", 16, "rows", ("3", "7"))


def test_pictures_without_labels(tmp_path):
    path, _ = write_pictures(tmp_path, [7, 3])
    path = path.rename(tmp_path / "pictures")
    dataset, labelled, notes, _ = read_own_pictures(path, FORMAT, ("3", "7"))
    assert not labelled and len(dataset) == 2 and notes == (f"{path}: no labels",)
    path, _ = write_pictures(tmp_path, [7, 3])
    assert not read_own_pictures(path, FORMAT, ("3", "7"), labelled=False).labelled


@pytest.mark.parametrize(
    "labels, message",
    [
        ([7, 5, 5, 9], r"3 of 4 labels are unknown to the model: '5' \(2\), '9' \(1\); leave .* --ignore-unknown"),
        ([1, 2, 4, 5, 6, 8, 9, 7], r"'1' \(1\), '2' \(1\), '4' \(1\), '5' \(1\), '6' \(1\) and 2 more; leave"),
    ],
)
def test_unknown_labels_are_counted_and_named(tmp_path, labels, message):
    path, _ = write_pictures(tmp_path, labels)
    with pytest.raises(DataError, match=message) as caught:
        read_own_pictures(path, FORMAT, ("3", "7"))
    assert "\n" not in str(caught.value)


def test_samples_with_unknown_labels_can_be_left_out(tmp_path):
    path, images = write_pictures(tmp_path, [7, 5, 3])
    dataset, _, notes, _ = read_own_pictures(path, FORMAT, ("3", "7"), ignore_unknown=True)
    np.testing.assert_array_equal(dataset.images, images[[0, 2]])
    assert dataset.labels.tolist() == [1, 0] and "1 of 3 labels are unknown to the model: '5' (1); left out" in notes[1]


def test_nothing_is_left_where_no_label_is_known(tmp_path):
    path, _ = write_pictures(tmp_path, [1, 2])
    with pytest.raises(DataError, match="it knows '3', '7'; none is left"):
        read_own_pictures(path, FORMAT, ("3", "7"), ignore_unknown=True)
    with pytest.raises(DataError, match="it knows '3', '4', '5', '6', '7', …; none is left"):
        read_own_pictures(path, FORMAT, tuple("345678"), ignore_unknown=True)


def test_pictures_know_their_position_in_the_file(tmp_path):
    path, _ = write_pictures(tmp_path, [7, 5, 3, 7])
    own = read_own_pictures(path, FORMAT, ("3", "7"), ignore_unknown=True)
    assert own.dataset.origin[:3] == ("my-images-idx3-ubyte", "position", [0, 2, 3])
    told = "1 of 4 labels are unknown to the model: '5' (1); left out."
    assert own.warnings == (f"my-labels-idx1-ubyte: {told}",), "without the folder"


def test_pictures_of_a_folder_know_their_files(tmp_path):
    for name in ("3/b.png", "3/a.png", "5/c.png", "7/d.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(np.zeros((4, 5), np.uint8)).save(tmp_path / name)
    dataset = read_own_pictures(tmp_path, FORMAT, ("3", "7"), ignore_unknown=True).dataset
    assert dataset.origin[:3] == (tmp_path.name, "file", ["3/a.png", "3/b.png", "7/d.png"])


def test_other_numbers_of_labels_and_other_shapes(tmp_path):
    path, _ = write_pictures(tmp_path, [7, 3])
    path.with_name("my-labels-idx1-ubyte").write_bytes(idx(np.array([7], np.uint8)))
    with pytest.raises(DataError, match="holds 2 images but .* 1 labels"):
        read_own_pictures(path, FORMAT, ("3", "7"))
    with pytest.raises(DataError, match="has 4 x 5 pixels .* the model reads 28 x 28"):
        read_own_pictures(path, FORMAT._replace(height=28, width=28), ("3", "7"))
    with pytest.raises(DataError, match="no such file; the run reads pictures"):
        read_own_pictures(tmp_path / "none", FORMAT, ("3", "7"))


def write_table(folder, content, name="mine.csv"):
    (folder / name).write_text(content, encoding="utf-8")
    return folder / name


def test_texts_with_labels(tmp_path, reader):
    path = write_table(tmp_path, "text,label\na good film,dog\nbad,cat\n ,cat\n")
    dataset, labelled, notes, _ = read_own_texts(path, reader, CLASSES)
    assert labelled and dataset.texts == ["a good film", "bad"] and dataset.labels.tolist() == [1, 0]
    assert notes[0].endswith("texts from column 'text', labels from 'label'")
    assert notes[1].endswith("mine.csv: 1 blank text left out (line 4)")
    assert dataset.batch(np.array([0])).inputs.shape == (3, 1)


@pytest.mark.parametrize("content", ["text\na good film\nbad\n", "text,label\na good film,\nbad, \n"])
def test_texts_without_labels(tmp_path, reader, content):
    dataset, labelled, notes, _ = read_own_texts(write_table(tmp_path, content), reader, CLASSES)
    assert not labelled and len(dataset) == 2 and notes[0].endswith("no labels")


@pytest.mark.parametrize("name, content", [
    ("mine.csv", "text,label\n" + "a good film,cat\n" * 300 + "bad,\n" + "bad,dog\n"),
    ("mine.jsonl", '{"text": "a", "label": "cat"}\n' * 301 + '{"text": "b"}\n'),
])  # fmt: skip
def test_a_text_without_a_label_among_others_is_named(tmp_path, reader, name, content):
    path = write_table(tmp_path, content, name)
    with pytest.raises(DataError, match="mine.*: 1 text has no label in 'label' .line 302.; give it one, or delete it"):
        read_own_texts(path, reader, CLASSES)
    assert not read_own_texts(path, reader, CLASSES, labelled=False).labelled, "labels of other data are not read"


def test_a_column_of_labels_that_is_named_must_be_full(tmp_path, reader):
    path = write_table(tmp_path, "text,label\na good film,\nbad,cat\n")
    with pytest.raises(DataError, match="1 text has no label in 'label' .line 2."):
        read_own_texts(path, reader, CLASSES, Columns(label="label"))


def test_unknown_labels_of_texts(tmp_path, reader):
    path = write_table(tmp_path, "text,label\na,cow\nb,cat\n")
    with pytest.raises(DataError, match="1 of 2 labels are unknown to the model: 'cow'"):
        read_own_texts(path, reader, CLASSES)
    assert read_own_texts(path, reader, CLASSES, ignore_unknown=True).dataset.texts == ["b"]


def test_texts_know_their_line_in_the_file(tmp_path, reader):
    content = 'text,label\na,cat\n ,dog\n"two\nlines",dog\nb,cow\nc,cat\n,cat\n'
    data = read_own_texts(write_table(tmp_path, content), reader, CLASSES, ignore_unknown=True)
    assert data.dataset.texts == ["a", "two\nlines", "c"]
    assert data.dataset.origin[:3] == ("mine.csv", "line", [2, 4, 7])
    assert data.dataset.origin.tell(1) == "line 4"
    assert data.warnings == (
        "mine.csv: 2 blank texts left out (lines 3, 8).",
        "mine.csv: 1 of 4 labels are unknown to the model: 'cow' (1); left out.",
    )
    assert data.notes[1:] == tuple(
        f"warning: {tmp_path}/{told[:-1]}" for told in data.warnings
    ), "the same lines for the terminal"
    whole = read_own_texts(write_table(tmp_path, "text\na\nb\n"), reader, CLASSES)
    assert (whole.dataset.origin.places, whole.warnings) == ([2, 3], ())


def test_files_that_are_no_texts(tmp_path, reader):
    with pytest.raises(ConfigError, match="the run reads texts; give a file that ends in .csv"):
        read_own_texts(write_table(tmp_path, "x", "x.txt"), reader, CLASSES)
    with pytest.raises(DataError, match="none.csv: no such file"):
        read_own_texts(tmp_path / "none.csv", reader, CLASSES)
    with pytest.raises(DataError, match="has no rows"):
        read_own_texts(write_table(tmp_path, "text,label\n"), reader, CLASSES)
