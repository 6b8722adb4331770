"""Files of pretrained word vectors."""

import gzip
import os

import numpy as np
import pytest

from gluon_lstm.data.vectors import read_vectors
from gluon_lstm.errors import DataError

VOCABULARY = ("<unk>", "<pad>", "film", "好", "😀", "at name@domain.com", "missing")
VECTORS = {"film": [0.5, -1e-3, 3], "好": [1, 2, 3], "other": [9, 9, 9], "😀": [0, 0, 0], "<unk>": [7, 8, 9]}


def lines(rows, end="\n", before="", after=""):
    """Returns words and their numbers as a file's text."""
    return before + "".join(f"{word} {' '.join(map(str, row))}{after}{end}" for word, row in rows.items())


@pytest.fixture
def read(tmp_path):
    """A function that writes a file and reads it."""

    def run(content, vocabulary=VOCABULARY):
        content = content.encode() if isinstance(content, str) else content
        (tmp_path / "vectors.txt").write_bytes(content)
        return read_vectors(str(tmp_path / "vectors.txt"), vocabulary)

    return run


@pytest.fixture
def fails(read):
    """A function that reads a file that must be refused, and returns the line."""

    def run(content):
        with pytest.raises(DataError) as caught:
            read(content)
        assert str(caught.value).startswith("--embedding ")
        assert "vectors.txt" in str(caught.value)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    return run


@pytest.mark.parametrize(
    "form",
    [{}, {"before": "5 3\n"}, {"before": "5 3\n", "after": " "}, {"end": "\r\n"},
     {"before": "5 3\r\n", "end": " \r\n"}],
    ids=["GloVe", "word2vec", "fastText", "CR LF", "CR LF, header"],
)
def test_forms(read, form):
    found = read(lines(VECTORS, **form))
    assert found.found.tolist() == [0, 2, 3, 4]
    np.testing.assert_array_equal(
        found.vectors, np.array([VECTORS[VOCABULARY[position]] for position in found.found], np.float32)
    )
    assert (found.vectors.dtype, found.found.dtype) == (np.float32, np.int64)


def test_gluonnlp_reads_the_same(read, tmp_path):
    gluonnlp = pytest.importorskip("gluonnlp")
    found = read(lines(VECTORS))
    theirs = gluonnlp.embedding.TokenEmbedding.from_file(str(tmp_path / "vectors.txt"))
    words = [VOCABULARY[position] for position in found.found[1:]]  # it has a row of its own for the unknown token
    np.testing.assert_array_equal(theirs[words].asnumpy(), found.vectors[1:])


@pytest.mark.parametrize("before", ["", "3 3\n"])
def test_words_with_spaces(read, before):
    rows = {"film": [1, 2, 3], "at name@domain.com": [4, 5, 6], ". . .": [7, 8, 9]}
    found = read(lines(rows, before=before))
    assert found.found.tolist() == [2, 5]
    np.testing.assert_array_equal(found.vectors, [[1, 2, 3], [4, 5, 6]])


def test_words_that_end_with_a_number_where_the_first_line_tells_the_size(read):
    found = read("2 3\nwindows 10 1 2 3\nfilm 4 5 6\n", ("film", "windows 10"))
    np.testing.assert_array_equal(found.vectors, [[4, 5, 6], [1, 2, 3]])


def test_space_that_is_no_space_between_columns(read):
    found = read("a\u00a0b 1 2\n\u3000 3 4\nfilm 5 6\n", ("a\u00a0b", "\u3000", "film"))
    assert found.found.tolist() == [0, 1, 2]


def test_of_a_word_that_comes_twice_the_first_counts(read):
    np.testing.assert_array_equal(read("film 1 2\nfilm 3 4\n").vectors, [[1, 2]])


def test_one_number_a_word(read):
    np.testing.assert_array_equal(read("2 1\nfilm 3\n好 4\n").vectors, [[3], [4]])


def test_a_row_too_short_is_named(fails):
    assert "line 2 has 2 values, the lines before 3" in fails("film 1 2 3\n好 1 2\n")
    assert "line 3 has 2 values, the first line says 3" in fails("9 3\nfilm 1 2 3\n好 1 2\n")


def test_a_row_too_long_is_named(fails):
    assert "line 2 has 4 values, the lines before 3" in fails("film 1 2 3\n好 1 2 3 4\n")
    assert "line 2 has 5 values, the lines before 3" in fails("film 1 2 3\n好 1e-3 2 3 4 5\n")


@pytest.mark.parametrize("content", ["film\n", "film\t1\t2\n", "\n", "film\t1\t2\n好\t1\t2\n"])
def test_lines_without_numbers(fails, content):
    assert "line 1 has no values; give a word and its numbers, parted by spaces" in fails(content)


@pytest.mark.parametrize("value", ["x", "1,5", "", "--1", "0x1"])
def test_what_is_no_number(fails, value):
    assert "line 2 holds something else than numbers" in fails(f"好 1 2\nfilm {value} 2\n")


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e39"])
def test_what_is_not_finite(fails, value):
    assert "line 2 holds values that are not finite" in fails(f"好 1 2\nfilm 0 {value}\n")


@pytest.mark.parametrize("content", ["zebra 1 2\n", "", "3 2\n"])
def test_none_of_the_words(fails, content):
    assert "has none of the 7 tokens; is it the right file?" in fails(content)


def test_vectors_in_bytes(fails):
    assert "line 2 is not UTF-8; give vectors in text form" in fails(b"2 3\nfilm " + b"\x00\x00\x80\xff\xfe\x01" * 2)
    assert "line 1 is not UTF-8" in fails(b"\xff\xfe")


@pytest.mark.parametrize("name", ["vectors.txt.gz", "CC.VEC.GZ"])
def test_packed_files(read, tmp_path, name):
    plain = read(lines(VECTORS))
    (tmp_path / name).write_bytes(gzip.compress(lines(VECTORS).encode()))
    packed = read_vectors(str(tmp_path / name), VOCABULARY)
    np.testing.assert_array_equal(packed.found, plain.found)
    np.testing.assert_array_equal(packed.vectors, plain.vectors)


def test_damaged_packed_files(tmp_path):
    whole = gzip.compress(lines(VECTORS).encode())
    for content in (whole[:-9], whole[:20], whole[:-8] + bytes(8), lines(VECTORS).encode()):
        (tmp_path / "a.gz").write_bytes(content)
        with pytest.raises(DataError, match=r"--embedding .*a\.gz: is damaged, or no gzip file; copy it anew$"):
            read_vectors(str(tmp_path / "a.gz"), VOCABULARY)


def test_a_bomb_is_not_unpacked(tmp_path):
    (tmp_path / "a.gz").write_bytes(gzip.compress((b"word " + 1_000 * b"0 " + b"\n") * 20_000))
    with pytest.raises(DataError, match=r"--embedding .*a\.gz: unpacks to more than [\d,]+ bytes$"):
        read_vectors(str(tmp_path / "a.gz"), VOCABULARY)


def test_what_cannot_be_read(tmp_path):
    with pytest.raises(DataError, match="--embedding .*none.txt: No such file"):
        read_vectors(str(tmp_path / "none.txt"), VOCABULARY)
    with pytest.raises(DataError, match="Is a directory"):
        read_vectors(str(tmp_path), VOCABULARY)


def test_lines_that_are_longer_than_any_vector(fails, monkeypatch):
    assert "line 1 has more than 8,192 values or 1,048,576 bytes" in fails("film " + "1 " * 8_193)
    assert "line 2 has more than 8,192 values or 1,048,576 bytes" in fails("film 1\n" + "x" * 2**20 + " 1\n")
    assert "line 2 has more than 8,192 values or 1,048,576 bytes" in fails("3 9999999999\nfilm 1 2\n")


def test_a_number_of_thousands_of_digits_is_no_size(fails):
    assert "has none of the" in fails("9" * 5_000 + " 2\n")


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="--embedding .*pipe: not an ordinary file"):
        read_vectors(str(tmp_path / "pipe"), ["a"])
