"""Labelled texts by name or from a file, and their splits."""

import gzip
import json
import os
from collections import Counter

import numpy as np
import pytest

from gluon_lstm.config import Config, merge
from gluon_lstm.data.corpora import CORPORA, SPLITS, find_corpus, is_text, read_corpus
from gluon_lstm.errors import ConfigError, DataError, UserError


@pytest.fixture
def write(tmp_path):
    """A function that writes texts with these labels and returns the file's path; the name starts each text."""

    def make(labels, name="own.csv", first=""):
        texts = [f"{name} {number}" for number in range(len(labels))]
        rows = "".join(f"{text},{label}\n" for text, label in zip(texts, labels))
        (tmp_path / name).write_text("text,label\n" + first + rows, encoding="utf-8")
        return str(tmp_path / name)

    return make


@pytest.fixture
def write_corpus(tmp_path):
    """A function that writes a corpus's files and returns the folder above them."""

    def make(name, **labels):
        folder = tmp_path / "data" / name
        folder.mkdir(parents=True, exist_ok=True)
        for file, values in labels.items():
            lines = [json.dumps({"text": f"{file} {n}", "label": value}) for n, value in enumerate(values)]
            (folder / f"{file}.jsonl.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
        return str(tmp_path / "data")

    return make


def read(dataset, text=(), **data):
    return read_corpus(merge(Config(), {"data": {"dataset": dataset, **data}, "text": dict(text)}))


def refused(dataset, text=(), **data):
    """Returns the line with which texts are refused."""
    with pytest.raises(UserError) as caught:
        read(dataset, text, **data)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def texts_of(raw):
    return [raw.splits[split].texts for split in SPLITS]


@pytest.mark.parametrize(
    "name, expected", [("sentences", True), ("imdb", True), ("a/b.csv.gz", True), ("mnist", False), ("x.txt", False)]
)
def test_what_holds_texts(name, expected):
    assert is_text(merge(Config(), {"data": {"dataset": name}}).data) is expected


def test_a_file_alone_is_cut_into_three_with_equal_shares_of_the_classes(write):
    raw = read(write(70 * "a" + 30 * "b"))
    assert [len(texts) for texts in texts_of(raw)] == [81, 9, 10]
    assert len({text for texts in texts_of(raw) for text in texts}) == 100
    for split in raw.splits.values():
        assert (split.origin.source, split.origin.unit) == ("own.csv", "line")
        assert split.origin.places == [int(text.split()[1]) + 2 for text in split.texts], "the header is line 1"
        share = np.mean(split.labels == 0)
        assert abs(share - 0.7) * len(split.labels) < 1
    assert (raw.name, raw.class_names) == ("own.csv", ("a", "b"))
    columns, classes = raw.notes
    assert columns.endswith("own.csv: texts from column 'text', labels from column 'label'")
    assert classes.endswith("own.csv: classes: a 70, b 30")


def test_labels_that_differ_only_in_capitals_or_spaces_are_warned_of(write):
    path = write(["pos"] * 50 + ["neg"] * 1_100 + ["NEG"] * 50 + ["so so"] * 30 + ["soso"] * 20 + ["Neg"] * 10)
    classes, *warnings = read(path).notes[1:4]
    assert classes == f"{path}: classes: neg 1,100, pos 50, NEG 50, so so 30, soso 20, Neg 10"
    assert warnings == [
        f"warning: {path}: the labels 'neg', 'NEG', 'Neg' differ only in capitals or spaces, and are 3 classes; "
        "write them alike if they are one",
        f"warning: {path}: the labels 'so so', 'soso' differ only in capitals or spaces, and are 2 classes; "
        "write them alike if they are one",
    ]


def test_ten_classes_are_named(write):
    notes = read(write([str(n) for n in range(12) for _ in range(20 - n)])).notes
    assert notes[1].endswith("classes: 0 20, 1 19, 2 18, 3 17, 4 16, 5 15, 6 14, 7 13, 8 12, 9 11 and 2 more")
    assert not [note for note in notes if "differ only" in note]


def test_the_test_split_is_always_the_same_and_the_seed_draws_the_validation_split(write):
    path = write(50 * "ab")
    one, again, other = read(path), read(path), read(path, split_seed=1)
    assert texts_of(one) == texts_of(again)
    assert one.splits["test"].texts == other.splits["test"].texts
    assert one.splits["validation"].texts != other.splits["validation"].texts


def test_sizes(write):
    path = write(50 * "ab")
    assert [len(texts) for texts in texts_of(read(path, validation_size=20, limit_train=8))] == [8, 20, 10]
    assert [len(texts) for texts in texts_of(read(write("aaab")))] == [2, 1, 1]


def test_files_of_all_splits(write):
    text = {"validation_file": write("ba", "v.csv"), "test_file": write("bbb", "t.csv")}
    raw = read(write(5 * "ab"), text)
    assert texts_of(raw) == [[f"{name} {n}" for n in range(count)]
                             for name, count in (("own.csv", 10), ("v.csv", 2), ("t.csv", 3))]  # fmt: skip
    assert raw.splits["validation"].labels.tolist() == [1, 0]
    assert [raw.splits[split].origin.tell(1) for split in SPLITS] == ["line 3"] * 3
    assert [raw.splits[split].origin.source for split in SPLITS] == ["own.csv", "v.csv", "t.csv"]


@pytest.mark.parametrize(
    "labels, expected",
    [
        (["10", "9", "-1", "9"], ("-1", "9", "10")),
        (["1", "01", "1"], ("01", "1")),
        (["b", "a", "10", "9"], ("10", "9", "a", "b")),
        (["--5", "3"], ("--5", "3")),
        (["5", "-"], ("-", "5")),
        (["好", "坏", "<b>"], ("<b>", "坏", "好")),
        (["9" * 5_000, "8", "²"], ("8", "9" * 5_000, "²")),
        (["9" * 5_000, "8"], ("8", "9" * 5_000)),
        (["5", "٣"], ("٣", "5")),
    ],
)
def test_the_order_of_classes(write, labels, expected):
    raw = read(write(labels * 9))
    assert raw.class_names == expected
    assert raw.splits["train"].labels.dtype == np.int32


@pytest.mark.parametrize("option", ["validation_file", "test_file"])
def test_a_label_that_training_lacks_is_named_with_file_and_line(write, option):
    other = write("abca", "other.csv")
    line = refused(write(5 * "ab"), {option: other})
    assert line == f"{other}: line 4: label 'c' does not occur in the training texts"


def test_one_class(write):
    path = write(5 * "a")
    assert f"{path}: every label is 'a', and one class alone leaves nothing to learn" in refused(path)


def test_too_few_texts(write):
    assert "2 texts of 2 labels are too few to train, validate and test on; give more" in refused(write("ab"))
    assert "2 texts of 2 labels are too few to train and validate on; give more" in refused(write("aab"))
    too_few = "own.csv: 2 samples of 2 classes are too few to train and validate on; give more"
    assert too_few in refused(write("aab"), validation_size=1)


def test_blank_texts_are_told(write):
    raw = read(write(9 * "ab", first=" ,a\n"), {"test_file": write("ab", "t.csv", first=7 * ",a\n")})
    assert "own.csv: 1 blank text left out (line 2)" in raw.notes[1]
    assert "t.csv: 7 blank texts left out (lines 2, 3, 4, 5, 6, …)" in raw.notes[3]


def test_texts_that_train_and_test_are_told(write):
    path = write(10 * "ab")
    raw = read(path, {"test_file": path})
    assert raw.warnings == {
        "train": (),
        "validation": (),
        "test": ("2 of 20 test texts are validation texts too", "18 of 20 test texts are training texts too"),
    }
    apart = read(path, {"test_file": write(5 * "ab", "t.csv")})
    assert not any(apart.warnings.values())
    assert not [note for note in apart.notes if note.startswith("warning")]


def test_one_file_to_validate_and_to_test_on_is_told(write):
    same = write(5 * "ab", "t.csv")
    raw = read(write(10 * "ab"), {"test_file": same, "validation_file": same})
    assert raw.warnings["test"] == ("10 of 10 test texts are validation texts too",)


def test_a_class_that_a_fold_takes_from_training_is_told(write):
    path = write(10 * "ab" + "c")
    notes = [read(path, folds=3, fold=fold).notes for fold in range(3)]
    assert sum("warning: no training text has the label 'c'" in of_fold for of_fold in notes) == 1
    assert sum("warning: no test text has the label 'c'" in of_fold for of_fold in notes) == 2


def test_classes_without_texts_to_test_on_are_told(write):
    raw = read(write(10 * "ab"), {"test_file": write(5 * "a", "t.csv")})
    assert raw.notes[-1] == "warning: no test text has the label 'b'"


@pytest.mark.parametrize(
    "option, flag", [("dataset", "--dataset"), ("validation_file", "--validation-file"), ("test_file", "--test-file")]
)
def test_files_that_are_not_there(write, option, flag):
    own = write(5 * "ab")
    line = refused("none.csv") if option == "dataset" else refused(own, {option: "none.csv"})
    assert line == f"{flag} none.csv: no such file"
    if option != "dataset":
        assert f"{flag} none.txt: give a file that ends in .csv" in refused(own, {option: "none.txt"})


def test_a_pipe_is_not_said_to_be_missing(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    assert refused(str(tmp_path / "pipe.csv")) == f"--dataset {tmp_path / 'pipe.csv'}: not an ordinary file"


def test_folds_test_each_text_once(write):
    path = write(23 * "a" + 14 * "b")
    raws = [read(path, folds=5, fold=fold) for fold in range(5)]
    tested = Counter(text for raw in raws for text in raw.splits["test"].texts)
    assert len(tested) == 37
    assert set(tested.values()) == {1}
    for raw in raws:
        parts = texts_of(raw)
        assert sum(map(len, parts)) == len({text for part in parts for text in part}) == 37
        assert 4 <= np.count_nonzero(raw.splits["test"].labels == 0) <= 5
    assert read(path, folds=5, split_seed=1).splits["test"].texts != raws[0].splits["test"].texts


def test_folds_that_do_not_fit(write):
    path = write(5 * "ab")
    assert "--folds 11: own.csv has 10 texts; use fewer" in refused(path, folds=11)
    assert "--folds 2: own.csv has a test split" in refused(path, {"test_file": path}, folds=2)


def test_validation_is_drawn_or_given_not_both(write):
    path = write(5 * "ab")
    assert "--validation-size 3: own.csv has a validation split" in refused(
        path, {"validation_file": path}, validation_size=3
    )


LABELS = 10 * ["pos", "neg"]


def test_a_corpus_by_name(write_corpus, monkeypatch):
    folder = write_corpus("sst2", train=LABELS, dev=LABELS[:4], test=LABELS[:6])
    raw = read("sst2", data_dir=folder)
    assert [len(texts) for texts in texts_of(raw)] == [20, 4, 6]
    assert raw.splits["validation"].texts[0] == "dev 0"
    assert (raw.name, raw.class_names) == ("sst2", ("neg", "pos"))
    monkeypatch.setenv("GLUON_LSTM_DATA", folder)
    assert texts_of(read("sst2")) == texts_of(raw)
    assert texts_of(read("sst2", data_dir=folder + "/sst2")) == texts_of(raw)


def test_corpora_without_a_split(write_corpus):
    folder = write_corpus("trec", train=LABELS, test=LABELS)
    assert [len(texts) for texts in texts_of(read("trec", data_dir=folder))] == [18, 2, 20]
    folder = write_corpus("mr", all=LABELS)
    assert [len(texts) for texts in texts_of(read("mr", data_dir=folder))] == [17, 1, 2]
    assert [len(texts) for texts in texts_of(read("mr", data_dir=folder, folds=4, fold=3))] == [14, 1, 5]


@pytest.mark.parametrize("name", CORPORA)
def test_a_corpus_that_is_not_there(name, tmp_path):
    line = refused(name, data_dir=str(tmp_path))
    assert line.startswith(str(tmp_path / name))
    assert "no such file; put " in line
    with pytest.raises(ConfigError, match="--data-dir nowhere: no such folder"):
        find_corpus(name, "nowhere")


def test_a_corpus_of_which_a_file_is_missing(write_corpus):
    folder = write_corpus("sst2", train=LABELS, test=LABELS)
    with pytest.raises(DataError, match=r"sst2/dev\.jsonl\.gz: no such file"):
        find_corpus("sst2", folder)


def test_files_beside_a_corpus_that_has_its_own(write_corpus, write):
    folder = write_corpus("trec", train=LABELS, test=LABELS)
    for name in ("trec", "sentences"):
        line = refused(name, {"test_file": write("ab")}, data_dir=folder)
        assert f"--dataset {name} has its own splits; leave it out" in line


def test_a_label_that_a_corpus_lacks_in_training(write_corpus):
    folder = write_corpus("trec", train=LABELS, test=["pos", "other"])
    assert "trec (test): line 2: label 'other' does not occur" in refused("trec", data_dir=folder)


def test_a_column_of_labels_that_is_none(write):
    path = write([f"row {number}" for number in range(10_001)])
    with pytest.raises(DataError, match="own.csv: 10,001 different labels, and at most 10,000 are told apart; name"):
        read_corpus(merge(Config(), {"data": {"dataset": path}}))


def test_nothing_is_told_of_what_is_made_up():
    assert read_corpus(merge(Config(), {"data": {"dataset": "sentences"}})).notes == ()
