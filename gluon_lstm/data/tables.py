"""Files of labelled texts: CSV, TSV and JSON Lines, gzipped or not."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
import re
import zlib
from collections import Counter
from pathlib import Path
from typing import Any, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from gluon_lstm.bounded import TABLE_BYTES, parse_json, read_file, read_unpacked
from gluon_lstm.data.encoding import check_text
from gluon_lstm.errors import ConfigError, DataError, shown

SUFFIXES = (".csv", ".tsv", ".jsonl")
TEXT_NAMES = (
    "text", "sentence", "review", "content", "comment", "message", "body", "question", "tweet", "document",
    "文本", "内容", "评论", "句子", "正文",
)  # fmt: skip
"""Names that columns of texts have, the likeliest first."""
LABEL_NAMES = (
    "label", "class", "category", "target", "sentiment", "tag", "rating", "y", "标签", "类别", "分类", "情感",
)  # fmt: skip
"""Names that columns of labels have, likewise."""
LINE_BREAK = re.compile("\r\n|\r|\n")
TOLD_DELIMITER = re.compile('"?sep=([,;|\t])"?[\r\n]', re.IGNORECASE)
"""A first line that is for Excel alone: it says what parts the columns."""
NAMED_LINES = 5
"""Most lines that are named by their numbers."""
COLUMN_OPTIONS = ("--text-column", "--label-column")
QUOTES_ADVICE = "double those that are part of a quoted text, or take all as they stand with --no-quotes"
"""What to do about quotation marks."""
ENCODINGS = "cp1252 (Windows, Western Europe) or gb18030 (Chinese)"
"""What files of texts that are not UTF-8 are most often written in."""
CONTROLS = re.compile("[\x80-\x9f]")
"""Signs that stand in no text, and in ISO 8859's place of what Windows has there: €, dashes, curly quotation marks."""


class LabelledTexts(NamedTuple):
    """The rows of a file that hold a text.

    Attributes:
        texts: (M,) texts, none of them blank.
        labels: (M,) labels, none of them blank; ``None`` where no column holds any.
        lines: (M,) number of the line in which each row starts, from 1.
        columns: names of the columns that were read: of the texts, and of the labels.
        blank: numbers of the lines whose text is blank.
        merged: first and last line of each row whose quotation marks seem to hold several rows together.
        garbled: numbers of the lines whose text shows that the encoding, of ISO 8859, is not the file's.
    """

    texts: List[str]
    labels: Optional[List[str]]
    lines: List[int]
    columns: Tuple[str, Optional[str]]
    blank: List[int]
    merged: Tuple[Tuple[int, int], ...] = ()
    garbled: Tuple[int, ...] = ()


class Columns(NamedTuple):
    """What the user calls the columns; ``None`` where that is to be guessed.

    Attributes:
        text: the column of texts, which the file must have.
        label: that of labels, likewise.
        usual_text: what the column of texts is called in files like this one, which need not have it.
        usual_label: that of labels, likewise.
    """

    text: Optional[str] = None
    label: Optional[str] = None
    usual_text: Optional[str] = None
    usual_label: Optional[str] = None

    @property
    def named(self) -> Tuple[Optional[str], Optional[str]]:
        """Those that the file must have."""
        return self.text, self.label

    @property
    def usual(self) -> Tuple[Optional[str], Optional[str]]:
        """Those that it need not have."""
        return self.usual_text, self.usual_label


class _Row(NamedTuple):
    """One row of a file.

    Attributes:
        line: the line it starts in.
        values: by column.
        merged_to: the line it ends in, where its quotation marks seem to hold several rows together.
    """

    line: int
    values: Mapping[str, Any]
    merged_to: Optional[int] = None


def is_table(name: str) -> bool:
    """Whether a name is that of a file which ``read_texts`` reads."""
    return name.lower().removesuffix(".gz").endswith(SUFFIXES)


def is_delimited(name: str) -> bool:
    """Whether a name is that of a CSV or TSV file, in which quotation marks may hold a text together."""
    return is_table(name) and _kind(Path(name)) != ".jsonl"


def read_texts(
    path: Path,
    columns: Columns,
    encoding: str = "utf-8",
    labelled: Optional[bool] = True,
    quotes: bool = True,
) -> LabelledTexts:
    """Reads a file of texts.

    Args:
        path: a CSV, TSV or JSON Lines file, as its name says; one that ends in ``.gz`` is unpacked.
        columns: where texts and labels are.
        encoding: of the text; a byte-order mark is passed over.
        labelled: whether there must be labels; if not, a column that lacks any of them is passed over. ``None`` for
            labels in all rows or in none.
        quotes: whether quotation marks of CSV and TSV hold a text together; if not, they are part of it.

    Raises:
        ConfigError: no such encoding or column, or a column that has to be named.
        DataError: the file cannot be read, has other bytes than the encoding allows, or a row without what it needs.
    """
    content = _decode(path, _read_bytes(path), encoding)
    is_json = _kind(path) == ".jsonl"
    rows = list(_json_rows(path, content) if is_json else _delimited_rows(path, content, columns, quotes))
    if not rows:
        raise DataError(f"{path}: has no rows; give a file with texts")
    text, label = _find_columns(path, list(rows[0].values), columns, labelled)
    full = [row for row in rows if _value(path, row, text).strip()]
    if not labelled and label is not None:
        found = [_is_labelled(row, label) for row in full]
        label = label if (any(found) if labelled is None else all(found)) else None
    filled = {row.line for row in full}
    if not full:
        raise DataError(f"{path}: all {len(rows):,} texts of column {text!r} are blank; choose another --text-column")
    texts = [_value(path, row, text) for row in full]
    for row, value in zip(full, texts):
        check_text(value, f"{path}: the text in line {row.line}")
    return LabelledTexts(
        texts=texts,
        labels=None if label is None else _labels(path, full, label),
        lines=[row.line for row in full],
        columns=(text, label),
        blank=[row.line for row in rows if row.line not in filled],
        merged=tuple((row.line, row.merged_to) for row in rows if row.merged_to is not None),
        garbled=_garbled(full, texts, encoding),
    )


def _garbled(rows: Sequence[_Row], texts: Sequence[str], encoding: str) -> Tuple[int, ...]:
    """Returns the lines of texts that were read as ISO 8859, such as latin-1, and hold control characters.

    ISO 8859 refuses no byte, so that a file of another encoding is read all the same. Of UTF-8 nothing is
    said: there the control characters are the file's own, as in the reviews of IMDB.
    """
    if not codecs.lookup(encoding).name.startswith("iso8859"):
        return ()
    return tuple(row.line for row, text in zip(rows, texts) if CONTROLS.search(text))


def warn_of_reading(texts: LabelledTexts, source: str) -> List[str]:
    """Returns the user's warnings of what was read, but may not have been meant so."""
    return [*warn_of_merged(texts, source), *_warn_of_garbled(texts, source)]


def warn_of_blank(texts: LabelledTexts, source: str) -> List[str]:
    """Returns the user's warning of blank texts, which a data set leaves out, if there are any."""
    if not texts.blank:
        return []
    plural = "s" * (len(texts.blank) != 1)
    return [f"warning: {source}: {len(texts.blank):,} blank text{plural} left out ({named_lines(texts.blank)})"]


def _warn_of_garbled(texts: LabelledTexts, source: str) -> List[str]:
    """Returns the user's warning of an encoding that seems to be another one, if it does."""
    if not texts.garbled:
        return []
    count = len(texts.garbled)
    hold = f"{count:,} texts hold" if count > 1 else "1 text holds"
    return [
        f"warning: {source}: {hold} control characters ({named_lines(texts.garbled)}), so the encoding is likely "
        f"another one; of a file from Windows, --encoding cp1252"
    ]


def warn_of_merged(texts: LabelledTexts, source: str) -> List[str]:
    """Returns the user's warning of rows that quotation marks seem to hold together, if there are any."""
    if not texts.merged:
        return []
    (first, last), *others = texts.merged
    more = f", and so do those of {len(others):,} later texts" if others else ""
    return [
        f"warning: {source}: quotation marks hold lines {first} to {last}, which look like rows, together as one "
        f"text{more}; {QUOTES_ADVICE}"
    ]


def named_lines(lines: Sequence[int]) -> str:
    """Returns how a message names lines: ``line 3``, or ``lines`` and the first few numbers."""
    numbers = ", ".join(map(str, lines[:NAMED_LINES])) + (", …" if len(lines) > NAMED_LINES else "")
    return f"line{'s' * (len(lines) != 1)} {numbers}"


def _kind(path: Path) -> str:
    """Returns the ending that says how the file is written."""
    return Path(path.name.lower().removesuffix(".gz")).suffix


def _read_bytes(path: Path) -> bytes:
    """Returns a file's content, unpacked."""
    try:
        return (read_unpacked if path.name.lower().endswith(".gz") else read_file)(path, TABLE_BYTES)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path}: is damaged, or no gzip file; copy it anew, or name it without .gz") from error
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from error


def _decode(path: Path, content: bytes, encoding: str) -> str:
    """Returns the text that the bytes stand for."""
    is_utf8 = encoding.lower().replace("-", "").replace("_", "") == "utf8"
    try:
        text = content.decode("utf-8-sig" if is_utf8 else encoding)
    except LookupError as error:
        raise ConfigError(f"--encoding {encoding}: no such encoding; use utf-8, cp1252, gb18030, …") from error
    except UnicodeError as error:
        # A codec that passes over a byte-order mark counts from behind it.
        offset = len(content) - len(getattr(error, "object", content)) + getattr(error, "start", 0)
        shown, advice = content[offset : offset + 1].hex(), encoding_advice(content)
        raise DataError(f"{path}: byte {offset} (0x{shown}) is not {encoding}; {advice}") from error
    position = text.find("\0")
    if position >= 0:
        line = text.count("\n", 0, position) + 1
        raise DataError(f"{path}: line {line} holds a NUL character; is it a text file, and of another --encoding?")
    return text.removeprefix("\ufeff")


def encoding_advice(start: bytes) -> str:
    """Returns what to do about a file that begins with these bytes, and is not of the encoding it was taken for."""
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "it begins with UTF-16's byte-order mark: use --encoding utf-16"
    return f"name the --encoding, such as {ENCODINGS}"


def _json_rows(path: Path, content: str) -> Iterator[_Row]:
    """Yields the objects of JSON Lines."""
    for number, line in enumerate(content.split("\n"), 1):
        if not line.strip():
            continue
        try:
            values = parse_json(line)
        except ValueError as error:
            raise DataError(f"{path}: line {number} is not valid JSON ({error})") from error
        if not isinstance(values, dict):
            raise DataError(f"{path}: line {number} must hold an object such as {{\"text\": …, \"label\": …}}")
        yield _Row(number, values)


def _delimited_rows(path: Path, content: str, columns: Columns, quotes: bool) -> Iterator[_Row]:
    """Yields the rows of CSV or TSV, by the names in the first row, or by number where the user counts columns."""
    told = TOLD_DELIMITER.match(content)
    delimiter = "\t" if _kind(path) == ".tsv" else told[1] if told else _delimiter(content)
    csv.field_size_limit(max(csv.field_size_limit(), len(content)))
    quoting = csv.QUOTE_MINIMAL if quotes else csv.QUOTE_NONE
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=delimiter, quoting=quoting, strict=True)
    names: Optional[Sequence[str]] = None
    line = 1
    try:
        if told:
            next(reader)
        line = reader.line_num + 1
        for cells in reader:
            if cells and names is None and not _counted(columns, cells):
                names = _header(path, cells)
            elif cells:
                names = names or [str(number) for number in range(1, len(cells) + 1)]
                end = reader.line_num
                if len(cells) != len(names):
                    place = f"line {line} has" if end == line else f"the row of lines {line} to {end} has"
                    problem = f"{place} {len(cells)} columns, the first row {len(names)}"
                    raise DataError(f"{path}: {problem}; {_columns_advice(delimiter, quotes, end > line)}")
                merged = end > line and _holds_rows(cells, delimiter)
                values = dict(zip(names, cells))
                if len(values) < len(names):
                    del values[""]
                yield _Row(line, values, end if merged else None)
            line = reader.line_num + 1
    except csv.Error as error:
        problem = f"line {line} is not valid {_kind(path)[1:].upper()} ({error})"
        raise DataError(f"{path}: {problem}; of quotation marks, {QUOTES_ADVICE}") from error


def _columns_advice(delimiter: str, quotes: bool, is_long: bool) -> str:
    """Returns what to do about a row of too many or too few columns; ``is_long``: it goes over several lines."""
    if not quotes:
        return f"if quotation marks hold texts with {delimiter!r} together, leave --no-quotes out or say --quotes"
    if is_long:
        return f"of quotation marks, {QUOTES_ADVICE}"
    return f"put a text that holds {delimiter!r} between double quotes"


def _holds_rows(cells: Sequence[str], delimiter: str) -> bool:
    """Whether a cell looks like the end of one row, whole rows, and the start of another.

    That is what comes of texts that begin with a quotation mark in a file whose marks mean nothing. Of
    each line the delimiters are counted, so that a text of several lines with a comma here and there is
    none; a row's end and another's start alone, without a whole row, tell of it only in TSV.
    """
    most = len(cells) - 1
    for place, cell in enumerate(cells):
        start, *others = LINE_BREAK.split(cell)
        whole = [line.count(delimiter) for line in others[:-1] if line.strip()]
        outer = (start.count(delimiter), others[-1].count(delimiter)) if others else None
        if most and outer == (most - place, place) and set(whole) <= {most} and (whole or delimiter == "\t"):
            return True
    return False


def _delimiter(content: str) -> str:
    """Returns what parts the columns of a CSV file: a comma, a semicolon where commas are decimal, or a tab."""
    first = LINE_BREAK.split(content.lstrip("\r\n"), maxsplit=1)[0]
    return max(",;\t", key=first.count)


def _header(path: Path, cells: Sequence[str]) -> List[str]:
    """Returns the columns' names, of which those that are blank may occur again: spreadsheets leave such columns."""
    names = [cell.strip() for cell in cells]
    twice, count = Counter(filter(None, names)).most_common(1)[0] if any(names) else ("", len(names))
    if count > 1:
        raise DataError(f"{path}: the first row names column {shown(twice)} twice; give each its own name")
    return names


def _counted(columns: Columns, first: Sequence[str]) -> bool:
    """Whether the user counts columns, in a file whose first row has no such names."""
    told = list(filter(None, columns.named)) or list(filter(None, columns.usual))
    return bool(told) and all(name.isdecimal() and name not in first for name in told)


def _find_columns(
    path: Path, names: List[str], columns: Columns, labelled: Optional[bool]
) -> Tuple[str, Optional[str]]:
    """Returns the names of the columns of texts and labels."""
    text, label = (_named(path, names, name, option) for name, option in zip(columns.named, COLUMN_OPTIONS))
    usual_text, usual_label = (name if name in names else None for name in columns.usual)
    text = text or (usual_text if usual_text != label else None)
    label = label or (usual_label if usual_label != text else None)
    text = text or _guess(names, TEXT_NAMES, label)
    label = label or _guess(names, LABEL_NAMES, text)
    if text is None and len(names) == (2 if label in names else 1):
        text = next(name for name in names if name != label)
    if label is None and labelled and len(names) == 2 and text is not None:
        label = next(name for name in names if name != text)
    for found, option in zip((text, label), COLUMN_OPTIONS):
        if found is None and (labelled or option == "--text-column"):
            holds = "texts" if option == "--text-column" else "labels"
            counted = "" if _kind(path) == ".jsonl" else "; of a file without a row of names, give the column's number"
            raise ConfigError(f"{path}: which column holds the {holds}? name it by {option}: {_listed(names)}{counted}")
    if text == label:
        raise ConfigError(f"{path}: --text-column and --label-column are both {text!r}; name two columns")
    return text, label


def _named(path: Path, names: List[str], name: Optional[str], option: str) -> Optional[str]:
    """Returns the column that the user named, if any."""
    if name is not None and name not in names:
        raise ConfigError(f"{path}: has no column {name!r}; name another by {option}: {_listed(names)}")
    return name


def _listed(names: List[str]) -> str:
    """Returns column names for an error's line."""
    shown = ", ".join(repr(name if len(name) <= 40 else name[:39] + "…") for name in names[:20])
    return shown + (f" and {len(names) - 20} more" if len(names) > 20 else "")


def _guess(names: List[str], likely: Sequence[str], taken: Optional[str]) -> Optional[str]:
    """Returns the column with the likeliest name."""
    by_name = {name.strip().lower(): name for name in names if name != taken}
    return next((by_name[name] for name in likely if name in by_name), None)


def _value(path: Path, row: _Row, column: str) -> str:
    """Returns the text in a row's column."""
    value = row.values.get(column)
    if value is None:
        if column in row.values:
            return ""
        raise DataError(f"{path}: line {row.line} has no {column!r}; each row needs one")
    if isinstance(value, (dict, list)):
        raise DataError(f"{path}: line {row.line}: {column!r} must hold a text, not {type(value).__name__}")
    return _whole(value) if isinstance(value, str) else json.dumps(value)


def _whole(text: str) -> str:
    """Returns a text with U+FFFD in the place of half surrogate pairs, which JSON can hold and no file can."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _is_labelled(row: _Row, column: str) -> bool:
    """Whether a row has a label."""
    value = row.values.get(column)
    return value is not None and not isinstance(value, (dict, list)) and bool(str(value).strip())


def _labels(path: Path, rows: Sequence[_Row], column: str) -> List[str]:
    """Returns the labels of rows, without space around them, or raises DataError that names all rows without one."""
    labels = [_value(path, row, column).strip() if column in row.values else "" for row in rows]
    missing = [row.line for row, label in zip(rows, labels) if not label]
    if missing:
        several = len(missing) > 1
        raise DataError(
            f"{path}: {len(missing):,} text{'s have' if several else ' has'} no label in {column!r} "
            f"({named_lines(missing)}); give {'each' if several else 'it'} one, or delete {'them' if several else 'it'}"
        )
    return labels
