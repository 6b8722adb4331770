"""Files of texts, against Python's own csv and json."""

import csv
import gzip
import io
import json
import os

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gluon_lstm.data import encoding as encoding_of_texts
from gluon_lstm.data.tables import (
    LABEL_NAMES,
    TEXT_NAMES,
    Columns,
    is_delimited,
    is_table,
    read_texts,
    warn_of_merged,
    warn_of_reading,
)
from gluon_lstm.errors import ConfigError, DataError, UserError

PLAIN = "text,label\ngood film,1\nbad film,0\n"
GUESS = Columns()
HARD_TEXTS = ["<script>alert('x')</script>", "\u202eright to left", "👩\u200d🚀 ✓", "这部电影，很好！", 'a "b", c']


@pytest.fixture
def write(tmp_path):
    """A function that writes a file, from text in UTF-8 or from bytes, and returns its path."""

    def make(content, name="file.csv"):
        content = content.encode() if isinstance(content, str) else content
        (tmp_path / name).write_bytes(gzip.compress(content) if name.lower().endswith(".gz") else content)
        return tmp_path / name

    return make


@pytest.fixture
def fails(write):
    """A function that reads a file that must be refused, and returns the line, which must name the file."""

    def read(content, name="file.csv", columns=GUESS, encoding="utf-8"):
        path = write(content, name)
        with pytest.raises(UserError) as caught:
            read_texts(path, columns, encoding)
        assert str(path) in str(caught.value) or "--encoding" in str(caught.value)
        assert len(str(caught.value)) < 1_200
        return str(caught.value)

    return read


def as_csv(rows, **options):
    """Returns rows as Python's csv module writes them."""
    file = io.StringIO(newline="")
    csv.writer(file, **options).writerows(rows)
    return file.getvalue()


@pytest.mark.parametrize(
    "name, expected",
    [("a.csv", True), ("A.TSV", True), ("a.jsonl.gz", True), ("a.CSV.GZ", True), ("a.json", False), ("a.txt", False),
     ("csv", False), ("a.gz", False), ("imdb", False)],
)  # fmt: skip
def test_what_is_a_table(name, expected):
    assert is_table(name) is expected


@pytest.mark.parametrize(
    "name, expected", [("a.csv", True), ("A.TSV.gz", True), ("a.jsonl", False), ("a.jsonl.gz", False), ("a.txt", False)]
)
def test_where_quotation_marks_may_hold_a_text_together(name, expected):
    assert is_delimited(name) is expected


@pytest.mark.parametrize("name", ["file.csv", "FILE.CSV", "file.csv.gz", "File.Csv.GZ"])
def test_csv(write, name):
    found = read_texts(write(PLAIN, name), GUESS)
    assert found == (["good film", "bad film"], ["1", "0"], [2, 3], ("text", "label"), [], (), ())


@pytest.mark.parametrize("name", ["file.tsv", "file.tsv.gz"])
def test_tsv_keeps_commas_and_semicolons(write, name):
    found = read_texts(write("label\ttext\nx\ta, b; c\n", name), GUESS)
    assert (found.texts, found.labels) == (["a, b; c"], ["x"])


@pytest.mark.parametrize("name", ["file.jsonl", "file.jsonl.gz"])
def test_json_lines(write, name):
    lines = [{"id": 1, "text": text, "label": "x"} for text in HARD_TEXTS]
    content = "\n\n".join(json.dumps(line, ensure_ascii=index % 2 == 0) for index, line in enumerate(lines))
    found = read_texts(write(content, name), GUESS)
    assert found.texts == HARD_TEXTS
    assert found.lines == [1, 3, 5, 7, 9]


def test_numbers_and_truth_values_are_labels_and_texts(write):
    values = [3, -1, 2.5, True, False]
    content = "".join(json.dumps({"text": value, "label": value}) + "\r\n" for value in values)
    found = read_texts(write(content, "file.jsonl"), GUESS)
    assert found.texts == found.labels == [json.dumps(value) for value in values]


def test_semicolons(write):
    found = read_texts(write("text;label\n1,5 Sterne, schlecht;neg\n\"a;b\";pos\n"), GUESS)
    assert (found.texts, found.labels) == (["1,5 Sterne, schlecht", "a;b"], ["neg", "pos"])


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CR LF", "CR"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("told", ["sep={}", '"sep={}"', "SEP={}"])
def test_the_line_that_tells_excel_the_delimiter_is_no_row(write, told, delimiter, end):
    rows = as_csv([["text", "label"], ["one, two; three", "a"]], delimiter=delimiter, lineterminator=end)
    found = read_texts(write(told.format(delimiter) + end + rows), GUESS)
    assert (found.texts, found.labels, found.lines) == (["one, two; three"], ["a"], [3])


def test_a_quotation_mark_that_is_left_open_before_the_delimiter_is_one_line(write):
    with pytest.raises(DataError, match="line 1 is not valid CSV .*; of quotation marks"):
        read_texts(write('"sep=;\ntext;label\na;b\n'), GUESS)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CR LF", "CR"])
def test_tabs_in_a_file_that_is_named_csv(write, end):
    found = read_texts(write(f"text\tlabel{end}a, b; c; d; e\tx{end}"), GUESS)
    assert (found.texts, found.labels) == (["a, b; c; d; e"], ["x"])


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CR LF", "CR"])
def test_quoted_line_breaks_and_blank_lines(write, end):
    content = f'text,label{end}"one{end}{end}two",a{end}{end}"say ""hi""",b'
    found = read_texts(write(content), GUESS)
    assert found.texts == [f"one{end}{end}two", 'say "hi"']
    assert found.lines == [2, 6]


@pytest.mark.parametrize(
    "encoding, option",
    [("utf-8", "utf-8"), ("utf-8-sig", "utf-8"), ("utf-8-sig", "UTF8"), ("utf-8-sig", "utf_8_sig"),
     ("utf-16", "utf-16"), ("gb18030", "gb18030"), ("gbk", "gb18030")],
)  # fmt: skip
@pytest.mark.parametrize("name", ["file.csv", "file.jsonl"])
def test_encodings(write, name, encoding, option):
    lines = {"file.csv": "内容,标签\n这部电影很好,好评\n", "file.jsonl": '{"内容": "这部电影很好", "标签": "好评"}'}
    found = read_texts(write(lines[name].encode(encoding), name), GUESS, option)
    assert found == (["这部电影很好"], ["好评"], [len(lines[name].splitlines())], ("内容", "标签"), [], (), ())


WINDOWS = ["text,label", "Schön, 5 €,gut".replace(", ", " "), "übel,schlecht", "„nie“ – wieder,schlecht"]


@pytest.mark.parametrize("option", ["latin-1", "ISO-8859-1", "latin_1", "iso8859-15", "l2"])
def test_texts_of_windows_that_are_read_as_iso_8859_are_noted(write, option):
    content = "\n".join(WINDOWS).encode("cp1252")
    found = read_texts(write(content), GUESS, option)
    assert found.garbled == (2, 4)
    assert warn_of_reading(found, "file.csv") == [
        "warning: file.csv: 2 texts hold control characters (lines 2, 4), so the encoding is likely another one; of a "
        "file from Windows, --encoding cp1252"
    ]
    one = read_texts(write("\n".join(WINDOWS[:2]).encode("cp1252")), GUESS, option)
    assert "file.csv: 1 text holds control characters (line 2), so" in str(warn_of_reading(one, "file.csv"))


@pytest.mark.parametrize("encoding, text", [("cp1252", "„nie“ – 5 €"), ("latin-1", "übel ÿ"), ("utf-8", "a \x85 b")])
def test_what_is_no_sign_of_another_encoding(write, encoding, text):
    found = read_texts(write(f"text,label\n{text},a\n".encode(encoding)), GUESS, encoding)
    assert found.texts == [text] and warn_of_reading(found, "file.csv") == []


def test_the_encoding_that_excel_writes_is_named(fails):
    line = fails("text;label\nübel;a\n".encode("cp1252"))
    assert line.endswith("name the --encoding, such as cp1252 (Windows, Western Europe) or gb18030 (Chinese)")


def test_a_mark_in_another_encoding_is_passed_over(write):
    assert read_texts(write(("\ufeff" + PLAIN).encode("utf-16-le")), GUESS, "utf-16-le").columns[0] == "text"


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["", "BOM"])
def test_undecodable_bytes_are_named_by_their_offset(fails, mark):
    content = mark + "text,label\né".encode()
    line = fails(content + b"\xff rest,1\n")
    assert f"byte {len(content)} (0xff) is not utf-8" in line
    assert "--encoding" in line


@pytest.mark.parametrize("order", ["le", "be"])
@pytest.mark.parametrize("name", ["file.csv", "file.tsv.gz", "file.jsonl"])
def test_the_mark_of_utf_16_names_the_encoding(fails, name, order):
    content = ("\ufeff" + PLAIN).encode(f"utf-16-{order}")
    assert fails(content, name).endswith("it begins with UTF-16's byte-order mark: use --encoding utf-16")


def test_bytes_cut_off_at_the_end(fails):
    content = "text,label\n好".encode("utf-16-le")
    assert f"byte {len(content) - 2} (0x7d)" in fails(content[:-1], encoding="utf-16-le")


def test_no_such_encoding(fails):
    for encoding in ("utf-9", "base64", "rot13"):
        assert f"--encoding {encoding}: no such encoding" in fails(PLAIN, encoding=encoding)


@pytest.mark.parametrize("name", ["file.csv", "file.tsv", "file.jsonl"])
def test_a_nul_character_is_named_by_its_line(fails, name):
    assert "line 3 holds a NUL character" in fails("text,label\na,1\nb\0,0\n", name)
    assert "NUL character" in fails(PLAIN.encode("utf-16-le"), name)


@pytest.mark.parametrize("index", range(len(TEXT_NAMES)))
def test_columns_are_guessed_by_name_the_likeliest_first(write, index):
    label = LABEL_NAMES[index % len(LABEL_NAMES)]
    later = TEXT_NAMES[index + 1 :]
    header = ["id", *later, f" {TEXT_NAMES[index].upper()} ", label]
    found = read_texts(write(as_csv([header, ["7", *later, "the text", "x"]])), GUESS)
    assert found.columns == (TEXT_NAMES[index].upper(), label)
    assert (found.texts, found.labels) == (["the text"], ["x"])


def test_of_two_columns_one_guess_is_enough(write):
    assert read_texts(write("words,label\na,1\n"), GUESS).columns == ("words", "label")
    assert read_texts(write("text,verdict\na,1\n"), GUESS).columns == ("text", "verdict")
    assert read_texts(write("label,text\na,1\n"), Columns(text="label")).columns == ("label", "text")


def test_columns_by_name(write):
    path = write("text,title,label,stars\na,b,c,d\n")
    assert read_texts(path, Columns("title", "stars")).columns == ("title", "stars")
    assert read_texts(path, Columns("label", "text")).labels == ["a"]


@pytest.mark.parametrize("columns", [Columns("2", "1"), Columns("2"), Columns(None, "1")])
def test_columns_by_number_where_there_are_no_names(write, columns):
    found = read_texts(write("pos,a fine film\nneg,a poor film\n"), columns)
    assert found == (["a fine film", "a poor film"], ["pos", "neg"], [1, 2], ("2", "1"), [], (), ())


def test_a_number_that_is_a_name(write):
    assert read_texts(write("1,2\nneg,a poor film\n"), Columns("2", "1")).texts == ["a poor film"]


@pytest.mark.parametrize(
    "columns, message",
    [
        (Columns("body"), "no column 'body'; name another by --text-column: 'text', 'label'"),
        (Columns(None, "stars"), "no column 'stars'; name another by --label-column: "),
        (Columns("3"), "no column '3'; name another by --text-column: "),
        (Columns("0", "1"), "no column '0'; name another by --text-column: "),
        (Columns("text", "text"), "--text-column and --label-column are both 'text'"),
    ],
)
def test_a_column_that_is_not_there(fails, columns, message):
    assert message in fails(PLAIN, columns=columns)


def test_columns_that_cannot_be_guessed_are_listed(fails):
    line = fails("a,b,c\n1,2,3\n")
    assert "which column holds the texts? name it by --text-column: 'a', 'b', 'c'; of a file without a row" in line
    assert "which column holds the labels? name it by --label-column: " in fails("text,b,c\n1,2,3\n")
    assert fails('{"a": 1, "b": 2, "c": 3}', "file.jsonl").endswith("name it by --text-column: 'a', 'b', 'c'")
    assert "--label-column" in fails("text\nonly\n")
    many = fails(as_csv([["x" * 1_000 + str(number) for number in range(50)], range(50)]))
    assert "and 30 more" in many


def test_without_labels(write):
    found = read_texts(write("text\nonly\n"), GUESS, labelled=False)
    assert (found.texts, found.labels, found.columns) == (["only"], None, ("text", None))
    assert read_texts(write(PLAIN), GUESS, labelled=False).labels == ["1", "0"]


def test_blank_texts_are_noted_with_their_lines(write):
    found = read_texts(write('text,label\n,1\na,1\n" \t\u3000",\n"\n\n",0\nb,0\n'), GUESS)
    assert (found.texts, found.labels, found.lines, found.blank) == (["a", "b"], ["1", "0"], [3, 8], [2, 4, 5])
    lines = ['{"text": null, "label": 1}', '{"text": "a", "label": 1}', '{"text": ""}']
    assert read_texts(write("\n".join(lines), "file.jsonl"), GUESS).blank == [1, 3]


def test_all_texts_are_blank(fails):
    assert "all 1,001 texts of column 'text' are blank" in fails("text,label\n" + 1_001 * " ,1\n")


@pytest.mark.parametrize("name", ["file.csv", "file.jsonl", "file.jsonl.gz"])
@pytest.mark.parametrize("content", ["", "\n\n", "\ufeff"])
def test_no_rows(fails, name, content):
    assert "has no rows" in fails(content, name)


def test_a_header_alone(fails):
    assert "has no rows" in fails("text,label\n")


def test_a_text_without_a_label(fails):
    line = fails("text,label\na,1\nb, \n")
    assert line.endswith("1 text has no label in 'label' (line 3); give it one, or delete it")
    first = '{"text": "a", "label": 1}\n'
    assert "no label in 'label' (line 2)" in fails(first + '{"text": "b", "label": null}', "file.jsonl")
    assert "no label in 'label' (line 2)" in fails(first + '{"text": "b"}', "file.jsonl")


def test_texts_without_labels_are_told_all_at_once(fails):
    content = "text,label\n" + "a,1\nb,\n" * 1_200 + " ,\n"
    line = fails(content)
    assert "1,200 texts have no label in 'label' (lines 3, 5, 7, 9, 11, …); give each one, or delete them" in line
    two = fails('{"text": "a", "label": 1}\n{"text": "b"}\n{"text": "c", "label": " "}', "file.jsonl")
    assert "2 texts have no label in 'label' (lines 2, 3); give each one" in two


def test_ragged_rows(fails):
    line = fails("text,label\na,1\n\nb, c,0\n")
    assert "line 4 has 3 columns, the first row 2; put a text that holds ',' between double quotes" in line
    assert "line 2 has 1 columns, the first row 2" in fails("text,label\na\n")
    assert "line 2 has 3 columns, the first row 2" in fails("a,1\nb,c,0\n", columns=Columns("1", "2"))


def test_a_name_that_comes_twice(fails):
    assert "the first row names column 'text' twice" in fails("text,label, text\na,b,c\n")


@pytest.mark.parametrize("ends", [",,", ",  ,\u3000"], ids=["empty", "space"])
def test_columns_that_a_spreadsheet_leaves_without_a_name_are_passed_over(write, ends):
    found = read_texts(write(f"text,label{ends}\na,1,,\nb,0,x,y\n"), GUESS)
    assert (found.texts, found.labels, found.columns) == (["a", "b"], ["1", "0"], ("text", "label"))


def test_of_texts_and_nameless_columns_none_is_taken_for_labels(fails, write):
    assert "which column holds the labels?" in fails("text,,\na,1,2\n")
    assert read_texts(write("text,\na,1\n"), GUESS).labels == ["1"]
    assert "the first row names column '' twice" in fails(",,\ntext,label,\na,1,\n")


def test_quotes_that_do_not_end(fails):
    assert "line 3 is not valid CSV (unexpected end of data)" in fails('text,label\na,1\n"b,0\nc,1\n')
    line = fails('text\tlabel\na\t1\n"Good" film\t1\n', "file.tsv")
    assert "line 3 is not valid TSV" in line and line.endswith("or take all as they stand with --no-quotes")


@pytest.mark.parametrize("name, delimiter", [("file.tsv", "\t"), ("file.csv", ","), ("file.csv.gz", ";")])
def test_quotation_marks_as_they_stand(write, name, delimiter):
    texts = ['"Good" film', '"never ends', 'ends"', '"whole"', 'say ""hi""', '"', "it's"]
    rows = [("text", "label"), *((text, str(number)) for number, text in enumerate(texts))]
    path = write("".join(f"{text}{delimiter}{label}\r\n" for text, label in rows), name)
    found = read_texts(path, GUESS, quotes=False)
    assert (found.texts, found.labels, found.lines) == (texts, list("0123456"), list(range(2, 9)))
    assert found.merged == ()


def test_without_quotes_a_text_that_holds_the_delimiter_is_told_of_the_option(write):
    with pytest.raises(DataError, match="line 2 has 3 columns, the first row 2; .* leave --no-quotes out or say --quo"):
        read_texts(write('text,label\n"a, b",1\n'), GUESS, quotes=False)


def swallowing(place, rows, delimiter="\t"):
    """Returns a file of three columns whose texts begin and end with a quotation mark in lines 3 and 3 + rows."""
    cells = [["1", "x"] for _ in range(rows + 3)]
    texts = ["plain", '"begins', *["between"] * (rows - 1), 'ends"', "plain"]
    for row, text in zip(cells, texts):
        row.insert(place, text)
    header = ["id", "label"]
    header.insert(place, "text")
    return "".join(delimiter.join(row) + "\n" for row in [header, *cells])


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("rows", [1, 2, 30])
def test_rows_that_quotation_marks_hold_together_are_noted(write, place, rows):
    content = swallowing(place, rows)
    found = read_texts(write(content, "file.tsv"), Columns("text", "label"))
    assert found.merged == ((3, 3 + rows),)
    assert len(found.texts) == 3
    (warning,) = warn_of_merged(found, "file.tsv")
    assert warning.startswith(f"warning: file.tsv: quotation marks hold lines 3 to {3 + rows}, which look like rows, ")
    assert warning.endswith("as one text; double those that are part of a quoted text, or take all as they stand with "
                            "--no-quotes")  # fmt: skip
    as_they_stand = read_texts(write(content, "file.tsv"), Columns("text", "label"), quotes=False)
    assert len(as_they_stand.texts) == rows + 3 and warn_of_merged(as_they_stand, "file.tsv") == []


def test_rows_that_are_held_together_again_are_counted(write):
    lines = ["text\tlabel", *['"a\tx', "b\tx", 'c"\tx'] * 3, "d\ty"]
    found = read_texts(write("\n".join(lines), "file.tsv"), GUESS)
    assert found.merged == ((2, 4), (5, 7), (8, 10))
    assert "lines 2 to 4, which look like rows, together as one text, and so do those of 2 later texts;" in str(
        warn_of_merged(found, "file.tsv")
    )


def test_commas_hold_rows_together_too(write):
    found = read_texts(write(swallowing(1, 3, ","), "file.csv"), Columns("text", "label"))
    assert found.merged == ((3, 6),)


@pytest.mark.parametrize(
    "text",
    ["one, two\nthree", "Dear all,\nwe meet, as said, at ten\nYours", "a\n\nb", "a, b\nc\nd, e\nf", "one,\n\ntwo"],
)
@pytest.mark.parametrize("place", [0, 1])
def test_texts_of_several_lines_do_not_look_like_rows(write, text, place):
    rows = [("text", "label"), (text, "x"), ("other", "y")]
    found = read_texts(write(as_csv(row[:: 1 - 2 * place] for row in rows)), GUESS)
    assert (found.texts, found.merged) == ([text, "other"], ())


def test_one_column_has_no_rows_within(write):
    assert read_texts(write('text\n"a\nb\nc"\n'), GUESS, labelled=False).merged == ()


def test_a_row_of_several_lines_with_columns_too_many_names_the_option(fails):
    line = fails('id\ttext\tlabel\n1\t"begins\tx\n"\t2\tends\tx\n', "file.tsv")
    assert "the row of lines 2 to 3 has 5 columns, the first row 3; of quotation marks, double those" in line
    assert line.endswith("--no-quotes")


@pytest.mark.parametrize("line", ["{", '"text"', "[1]", "3", '{"text": "b", "label": 1} x', 5_000 * "[", 5_000 * "9"])
def test_lines_that_are_no_json_objects(fails, line):
    assert "line 3" in fails(f'{{"text": "a", "label": 1}}\n\n{line}\n', "file.jsonl")


@pytest.mark.parametrize("value", [["a"], {"a": 1}])
def test_values_that_are_no_text(fails, value):
    for name in ("text", "label"):
        content = json.dumps({"text": "a", "label": 1, name: value})
        assert f"line 1: {name!r} must hold a text" in fails(content, "file.jsonl")


def test_half_a_surrogate_pair_becomes_the_replacement_character(write):
    content = r'{"text": "cut \ud83d", "label": "\ude00x"}' + "\n" + r'{"text": "\ud83d\ude00", "label": 1}'
    found = read_texts(write(content, "file.jsonl"), GUESS)
    assert (found.texts, found.labels) == (["cut \ufffd", "😀"], ["\ufffdx", "1"])


def test_damaged_gzip(tmp_path):
    whole = gzip.compress(PLAIN.encode() * 1_000)
    wrong_sum = whole[:-8] + bytes(8)
    for content in (whole[:-9], whole[:5], whole[:30] + b"\xff\xff\xff" + whole[33:], wrong_sum, PLAIN.encode()):
        (tmp_path / "file.csv.gz").write_bytes(content)
        with pytest.raises(DataError, match=r"file\.csv\.gz: is damaged, or no gzip file; copy it anew, or name it"):
            read_texts(tmp_path / "file.csv.gz", GUESS)


def test_what_cannot_be_read(tmp_path):
    (tmp_path / "folder.csv").mkdir()
    for name in ("folder.csv", "none.csv"):
        with pytest.raises(DataError, match=rf"{name}: cannot be read \("):
            read_texts(tmp_path / name, GUESS)


@pytest.mark.parametrize("name", ["file.csv", "file.tsv", "file.jsonl"])
def test_a_line_of_10_mb(write, name):
    text = "word " * 2_000_000
    contents = {
        "file.csv": f"text,label\n{text},1\n",
        "file.tsv": f"text\tlabel\n{text}\t1\n",
        "file.jsonl": json.dumps({"text": text, "label": 1}),
    }
    assert read_texts(write(contents[name], name), GUESS).texts == [text]


CELLS = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), max_size=12)
ROWS = st.lists(st.tuples(CELLS.filter(str.strip), CELLS.filter(str.strip)), min_size=1, max_size=6)


@settings(max_examples=60)
@given(ROWS, st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_what_csv_writes_comes_back(tmp_path_factory, rows, quoting, end, packed):
    # Where lines end with LF, Python's writer leaves a CR in a cell without quotes, which ends the row for its reader.
    assume(end == "\r\n" or quoting == csv.QUOTE_ALL or "\r" not in "".join(map("".join, rows)))
    content = as_csv([("text", "label"), *rows], quoting=quoting, lineterminator=end).encode()
    path = tmp_path_factory.getbasetemp() / ("round.csv.gz" if packed else "round.csv")
    path.write_bytes(gzip.compress(content) if packed else content)
    found = read_texts(path, GUESS)
    assert found.texts == [text for text, _ in rows]
    assert found.labels == [label.strip() for _, label in rows]


@settings(max_examples=40)
@given(ROWS, st.booleans())
def test_what_json_writes_comes_back(tmp_path_factory, rows, ascii_only):
    lines = [json.dumps({"label": label, "text": text}, ensure_ascii=ascii_only) for text, label in rows]
    path = tmp_path_factory.getbasetemp() / "round.jsonl"
    path.write_bytes("\n".join(lines).encode())
    found = read_texts(path, GUESS)
    assert found.texts == [text for text, _ in rows]
    assert found.labels == [label.strip() for _, label in rows]
    assert found.lines == list(range(1, len(rows) + 1))


def test_kinds_of_errors(write):
    with pytest.raises(ConfigError):
        read_texts(write(PLAIN), Columns("none"))
    with pytest.raises(DataError):
        read_texts(write("text,label\n"), GUESS)


@pytest.mark.parametrize(
    "line, message",
    [
        ('{"text": "a", "label": NaN}', "line 2 is not valid JSON ('NaN' is no finite number)"),
        ('{"text": "a", "label": 1e999}', "line 2 is not valid JSON ('1e999' is no finite number)"),
        ('{"text": "a", "label": 1, "label": 2}', "line 2 is not valid JSON ('label' occurs twice in one section"),
        ("[" * 100_000, "line 2 is not valid JSON (lists and objects are nested too deeply)"),
    ],
    ids=["NaN", "overflow", "twice", "deep"],
)
def test_json_that_the_standard_does_not_have(fails, line, message):
    assert message in fails('{"text": "x", "label": 0}\n' + line, "file.jsonl")


@pytest.mark.parametrize("name", ["file.csv", "file.jsonl"])
def test_a_text_too_long_is_named_by_its_line(fails, monkeypatch, name):
    monkeypatch.setattr(encoding_of_texts, "TEXT_CHARACTERS", 1_000)
    long = "x" * 1_001
    content = f"text,label\na,1\n{long},0\n" if name == "file.csv" else f'{{"text": "{long}", "label": 1}}\n'
    line = 3 if name == "file.csv" else 1
    assert f"the text in line {line} has 1,001 characters; at most 1,000 are read" in fails(content, name)


@pytest.mark.timeout(10)
def test_many_columns_take_little_time(fails):
    names = ",".join(f"column {number}" for number in range(200_000))
    assert "the first row names column 'column 7' twice" in fails(f"{names},column 7\n")


def test_a_bomb_is_not_unpacked(tmp_path):
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"text,label\n" + b"a" * 50_000_000))
    with pytest.raises(DataError, match=r"a\.csv\.gz: cannot be read \(unpacks to more than 16,777,216 bytes\)"):
        read_texts(tmp_path / "a.csv.gz", GUESS)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.csv")
    with pytest.raises(DataError, match="cannot be read .not an ordinary file"):
        read_texts(tmp_path / "a.csv", GUESS)
