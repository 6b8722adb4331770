"""Files of labelled texts: CSV, TSV and JSON Lines, gzipped or not."""

from __future__ import annotations

import csv
import io
import json
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


class LabelledTexts(NamedTuple):
    """The rows of a file that hold a text.

    Attributes:
        texts: (M,) texts, none of them blank.
        labels: (M,) labels, none of them blank; ``None`` where no column holds any.
        lines: (M,) number of the line in which each row starts, from 1.
        columns: names of the columns that were read: of the texts, and of the labels.
        blank: numbers of the lines whose text is blank.
    """

    texts: List[str]
    labels: Optional[List[str]]
    lines: List[int]
    columns: Tuple[str, Optional[str]]
    blank: List[int]


class Columns(NamedTuple):
    """What the user calls the columns; ``None`` where that is to be guessed."""

    text: Optional[str] = None
    label: Optional[str] = None


class _Row(NamedTuple):
    """One row of a file: the line it starts in, and its values by column."""

    line: int
    values: Mapping[str, Any]


def is_table(name: str) -> bool:
    """Whether a name is that of a file which ``read_texts`` reads."""
    return name.lower().removesuffix(".gz").endswith(SUFFIXES)


def read_texts(path: Path, columns: Columns, encoding: str = "utf-8", labelled: bool = True) -> LabelledTexts:
    """Reads a file of texts.

    Args:
        path: a CSV, TSV or JSON Lines file, as its name says; one that ends in ``.gz`` is unpacked.
        columns: where texts and labels are.
        encoding: of the text; a byte-order mark is passed over.
        labelled: whether there must be labels; if not, a column that lacks any of them is passed over.

    Raises:
        ConfigError: no such encoding or column, or a column that has to be named.
        DataError: the file cannot be read, has other bytes than the encoding allows, or a row without what it needs.
    """
    content = _decode(path, _read_bytes(path), encoding)
    rows = _json_rows(path, content) if _kind(path) == ".jsonl" else _delimited_rows(path, content, columns)
    rows = list(rows)
    if not rows:
        raise DataError(f"{path}: has no rows; give a file with texts")
    text, label = _find_columns(path, list(rows[0].values), columns, labelled)
    full = [row for row in rows if _value(path, row, text).strip()]
    if not labelled and label is not None and not all(_is_labelled(row, label) for row in full):
        label = None
    filled = {row.line for row in full}
    if not full:
        raise DataError(f"{path}: all {len(rows):,} texts of column {text!r} are blank; choose another --text-column")
    texts = [_value(path, row, text) for row in full]
    for row, value in zip(full, texts):
        check_text(value, f"{path}: the text in line {row.line}")
    return LabelledTexts(
        texts=texts,
        labels=None if label is None else [_label(path, row, label) for row in full],
        lines=[row.line for row in full],
        columns=(text, label),
        blank=[row.line for row in rows if row.line not in filled],
    )


def _kind(path: Path) -> str:
    """Returns the ending that says how the file is written."""
    return Path(path.name.lower().removesuffix(".gz")).suffix


def _read_bytes(path: Path) -> bytes:
    """Returns a file's content, unpacked."""
    try:
        return (read_unpacked if path.name.lower().endswith(".gz") else read_file)(path, TABLE_BYTES)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from error
    except (EOFError, zlib.error) as error:
        raise DataError(f"{path}: is damaged, its gzip data end early or are wrong; copy it anew") from error


def _decode(path: Path, content: bytes, encoding: str) -> str:
    """Returns the text that the bytes stand for."""
    is_utf8 = encoding.lower().replace("-", "").replace("_", "") == "utf8"
    try:
        text = content.decode("utf-8-sig" if is_utf8 else encoding)
    except LookupError as error:
        raise ConfigError(f"--encoding {encoding}: no such encoding; use utf-8, gb18030, latin-1, …") from error
    except UnicodeError as error:
        # A codec that passes over a byte-order mark counts from behind it.
        offset = len(content) - len(getattr(error, "object", content)) + getattr(error, "start", 0)
        shown = content[offset : offset + 1].hex()
        raise DataError(f"{path}: byte {offset} (0x{shown}) is not {encoding}; name the --encoding") from error
    position = text.find("\0")
    if position >= 0:
        line = text.count("\n", 0, position) + 1
        raise DataError(f"{path}: line {line} holds a NUL character; is it a text file, and of another --encoding?")
    return text.removeprefix("\ufeff")


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


def _delimited_rows(path: Path, content: str, columns: Columns) -> Iterator[_Row]:
    """Yields the rows of CSV or TSV, by the names in the first row, or by number where the user counts columns."""
    delimiter = "\t" if _kind(path) == ".tsv" else _delimiter(content)
    csv.field_size_limit(max(csv.field_size_limit(), len(content)))
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=delimiter, strict=True)
    names: Optional[Sequence[str]] = None
    line = 1
    try:
        for cells in reader:
            if cells and names is None and not _counted(columns, cells):
                names = _header(path, cells)
            elif cells:
                names = names or [str(number) for number in range(1, len(cells) + 1)]
                if len(cells) != len(names):
                    raise DataError(
                        f"{path}: line {line} has {len(cells)} columns, the first row {len(names)}; "
                        f"put a text that holds {delimiter!r} between double quotes"
                    )
                yield _Row(line, dict(zip(names, cells)))
            line = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"{path}: line {line} is not valid {_kind(path)[1:].upper()} ({error})") from error


def _delimiter(content: str) -> str:
    """Returns what parts the columns of a CSV file: a comma, or the semicolon of spreadsheets with decimal commas."""
    first = content.lstrip("\r\n").partition("\n")[0]
    return ";" if first.count(";") > first.count(",") else ","


def _header(path: Path, cells: Sequence[str]) -> List[str]:
    names = [cell.strip() for cell in cells]
    twice, count = Counter(names).most_common(1)[0]
    if count > 1:
        raise DataError(f"{path}: the first row names column {shown(twice)} twice; give each its own name")
    return names


def _counted(columns: Columns, first: Sequence[str]) -> bool:
    """Whether the user counts columns, in a file whose first row has no such names."""
    named = [name for name in columns if name is not None]
    return bool(named) and all(name.isdecimal() and name not in first for name in named)


def _find_columns(path: Path, names: List[str], columns: Columns, labelled: bool) -> Tuple[str, Optional[str]]:
    """Returns the names of the columns of texts and labels."""
    text = _named(path, names, columns.text, "--text-column") or _guess(names, TEXT_NAMES, columns.label)
    label = _named(path, names, columns.label, "--label-column") or _guess(names, LABEL_NAMES, text)
    if text is None and len(names) == (2 if label in names else 1):
        text = next(name for name in names if name != label)
    if label is None and labelled and len(names) == 2 and text is not None:
        label = next(name for name in names if name != text)
    for found, option in ((text, "--text-column"), (label, "--label-column")):
        if found is None and (labelled or option == "--text-column"):
            raise ConfigError(f"{path}: which column is it? name one by {option}: {_listed(names)}")
    if text == label:
        raise ConfigError(f"{path}: --text-column and --label-column are both {text!r}; name two columns")
    return text, label


def _named(path: Path, names: List[str], name: Optional[str], option: str) -> Optional[str]:
    """Returns the column that the user named, if any."""
    if name is not None and name not in names:
        raise ConfigError(f"{option} {name}: {path} has no such column; it has {_listed(names)}")
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


def _label(path: Path, row: _Row, column: str) -> str:
    """Returns the label in a row, without space around it."""
    label = _value(path, row, column).strip()
    if not label:
        raise DataError(f"{path}: line {row.line} has a text and no label in {column!r}; give it one or delete it")
    return label
