"""Lines as they arrive: whatever the pieces, the same lines; and every mistake by its place."""

import gzip
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gluon_lstm.data import lines
from gluon_lstm.data.lines import is_lines, open_lines, read_lines
from gluon_lstm.errors import ConfigError, DataError


class Pieces:
    """A stream that gives so many bytes at a time."""

    def __init__(self, content, size):
        self._stream, self._size = io.BytesIO(content), size

    def read1(self, limit):
        return self._stream.read(min(limit, self._size))


def lines_of(content, size=3, encoding="utf-8"):
    return [line for lines in read_lines(Pieces(content, size), "pipe", encoding) for line in lines]


@given(
    text=st.text(st.sampled_from("ab\n\n\r\u2028\x0b\x85好😀é")),
    size=st.integers(1, 9),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "gb18030"]),
)
def test_lines_do_not_depend_on_the_pieces(text, size, encoding):
    expected = text.split("\n")
    expected = expected if expected[-1] else expected[:-1]
    assert lines_of(text.encode(encoding), size, encoding) == [line.removesuffix("\r") for line in expected]


def test_a_line_is_given_once_it_is_complete():
    reads = read_lines(Pieces(b"ab\ncd\r\ne", 3), "pipe")
    assert list(reads) == [["ab"], ["cd"], ["e"]]


def test_a_byte_order_mark_is_passed_over_at_the_start_alone():
    assert lines_of("\ufeffa\n\ufeffb".encode()) == ["a", "\ufeffb"]
    assert lines_of("a".encode("utf-8-sig"), encoding="utf-8-sig") == ["a"]


@pytest.mark.parametrize(
    "content, encoding, message",
    [
        (b"good\nb\xffd", "utf-8", "pipe: line 2: byte 6 (0xff) is not utf-8; name the --encoding"),
        ("\ufeffab".encode() + b"\xff", "utf-8-sig", "pipe: line 1: byte 5 (0xff) is not utf-8-sig"),
        (b"a\xe5\xa5", "utf-8", "pipe: line 1: byte 1 (0xe5) is not utf-8"),
        ("好".encode("gb18030") + b"\xff\n", "gb18030", "pipe: line 1: byte 2 (0xff) is not gb18030"),
        (b"a\nb\nc\0d\n", "utf-8", "pipe: line 3 holds a NUL character"),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 4, 100])
def test_what_is_no_text_is_named_by_its_place(content, encoding, message, size):
    with pytest.raises(DataError) as raised:
        lines_of(content, size, encoding)
    assert str(raised.value).startswith(message)


@pytest.mark.parametrize("order", ["le", "be"])
def test_the_mark_of_utf_16_names_the_encoding(order):
    content = "\ufeffgood\n".encode(f"utf-16-{order}")
    with pytest.raises(DataError, match="is not utf-8; it begins with UTF-16's byte-order mark: use --encoding utf-16"):
        lines_of(content, 100)
    assert lines_of(content, 100, "utf-16") == ["good"]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
@pytest.mark.parametrize(
    "encoding, good, bad, line",
    [
        ("utf-8", "a\n好\r\n", "é".encode() + b"\xff\nnever", 3),
        ("utf-8", "a\n\n", b"\xe5\xa5", 3),
        ("utf-8", "a\n", b"b\0c\nd\xff", 2),
        ("utf-8", "a\n", b"b\xff\nc\0d", 2),
        ("utf-8", "a\nb\n", b"c" * 11 + b"\nd\0", 3),
        ("gb18030", "a\n好\n", b"b\xff\n", 3),
        ("utf-16", "a\n好\n", b"\x00\xd8b\x00\n\x00", 3),
    ],
    ids=["byte", "end", "nul before byte", "byte before nul", "long before nul", "gb18030", "utf-16"],
)
def test_the_lines_before_one_at_fault_are_given_first(monkeypatch, size, encoding, good, bad, line):
    monkeypatch.setattr(lines, "TEXT_CHARACTERS", 10)
    given_lines = []
    with pytest.raises(DataError, match=f"^pipe: line {line}[: ]"):
        for part in read_lines(Pieces(good.encode(encoding) + bad, size), "pipe", encoding):
            given_lines += part
    assert given_lines == good.replace("\r\n", "\n").split("\n")[:-1]


@pytest.mark.parametrize("size", [1, 2, 99])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_what_lacks_the_mark_of_its_encoding_is_told(encoding, size):
    message = f"pipe: is not {encoding} \\(.*BOM\\); name the --encoding"
    with pytest.raises(DataError, match=message):
        lines_of("two\nlines".encode(f"{encoding}-le"), size, encoding)
    with pytest.raises(DataError, match="is not utf"):  # a wrong byte before the mark is missed
        lines_of("\ud800".encode(f"{encoding}-le", "surrogatepass"), size, encoding)


@pytest.mark.parametrize("encoding", ["klingon", "base64", "undefined"])
def test_what_is_no_encoding(encoding):
    with pytest.raises(ConfigError, match=f"--encoding {encoding}: no such encoding"):
        lines_of(b"a", encoding=encoding)


def test_files_gzipped_or_not(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"a\nb")
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(b"a\nb"))
    for name in ("a.txt", "a.txt.gz"):
        assert is_lines(name)
        with open_lines(tmp_path / name) as stream:
            assert list(read_lines(stream, name)) == [["a"], ["b"]]
    assert not is_lines("a.csv")


@pytest.mark.parametrize("content", [gzip.compress(b"a\nb")[:-4], b"no gzip"], ids=["cut off", "none"])
def test_a_damaged_gzip_file(tmp_path, content):
    (tmp_path / "a.txt.gz").write_bytes(content)
    with open_lines(tmp_path / "a.txt.gz") as stream, pytest.raises(DataError, match="a.txt.gz: is damaged"):
        list(read_lines(stream, "a.txt.gz"))


def test_what_cannot_be_opened_or_read(tmp_path):
    with pytest.raises(DataError, match="none.txt: cannot be read .No such file"):
        open_lines(tmp_path / "none.txt")

    class Broken:
        def read1(self, limit):
            raise OSError(5, "Input/output error")

    with pytest.raises(DataError, match="pipe: cannot be read .Input/output error"):
        list(read_lines(Broken(), "pipe"))


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_line_too_long_is_named_and_not_gathered(monkeypatch, place):
    monkeypatch.setattr(lines, "TEXT_CHARACTERS", 10)
    rows = [b"a" * 10, b"b" * 10, b"c" * 10]
    assert lines_of(b"\n".join(rows), 4, "utf-8") == ["a" * 10, "b" * 10, "c" * 10]
    rows[place] += b"!"
    with pytest.raises(DataError, match=f"line {place + 1} is longer than 10 characters; cut it into several"):
        lines_of(b"\n".join(rows), 4, "utf-8")


def test_a_line_without_an_end_does_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr(lines, "TEXT_CHARACTERS", 1_000_000)

    class Endless:
        read = 0

        def read1(self, limit):
            self.read += 1
            assert self.read < 100
            return b"x" * 100_000

    with pytest.raises(DataError, match="line 1 is longer than 1,000,000 characters"):
        list(read_lines(Endless(), "pipe"))


def test_a_bomb_is_not_unpacked(tmp_path):
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(b"a\n" * 20_000_000))
    with open_lines(tmp_path / "a.txt.gz") as stream, pytest.raises(DataError, match="unpacks to more than 16,777,216"):
        for _ in read_lines(stream, "a.txt.gz"):
            pass
