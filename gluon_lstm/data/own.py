"""A file of the user's own, read as a trained model reads its data: labelled or not."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Container, Hashable, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from gluon_lstm.data.dataset import Origin, SequenceDataset
from gluon_lstm.data.formats import ImageFormat
from gluon_lstm.data.idx import read_idx
from gluon_lstm.data.images import ImageDataset
from gluon_lstm.data.picture_folders import list_pictures, origin_of, read_all
from gluon_lstm.data.pictures import read_pictures
from gluon_lstm.data.tables import SUFFIXES, Columns, is_table, read_texts, warn_of_blank, warn_of_reading
from gluon_lstm.data.text import TextDataset, TextReader
from gluon_lstm.errors import ConfigError, DataError

SPLIT = "data"
"""What the split of such a file is called."""
NAMED = 5
"""Most labels that an error's line names."""
WARNING = "warning: "
"""How a note begins that tells of something left out or doubtful."""


class OwnData(NamedTuple):
    """What a file holds.

    Attributes:
        dataset: its samples; without labels, each has the first class's.
        labelled: whether the labels are the file's.
        notes: lines for the user.
        warnings: sentences about what was left out, and what was doubtful.
    """

    dataset: SequenceDataset
    labelled: bool
    notes: Tuple[str, ...]
    warnings: Tuple[str, ...]


class _Labels(NamedTuple):
    """Positions (M,) int32 of labels among the classes, and of the samples (M,) that have a known one."""

    labels: np.ndarray
    kept: np.ndarray
    notes: Tuple[str, ...]


def read_own_texts(
    path: Path,
    reader: TextReader,
    class_names: Sequence[str],
    columns: Columns = Columns(),  # noqa: B008 - it cannot be changed
    encoding: str = "utf-8",
    ignore_unknown: bool = False,
    labelled: bool = True,
    quotes: bool = True,
) -> OwnData:
    """Reads a file of texts.

    Args:
        path: CSV, TSV or JSON Lines.
        reader: how the model reads texts.
        class_names: the classes it knows, in its order.
        columns: where texts and labels are; a column of labels that is named must be full, one that is guessed may
            be empty from end to end.
        encoding: of the text.
        ignore_unknown: whether samples with labels that the model does not know are left out.
        labelled: whether labels are read, where there are any.
        quotes: whether quotation marks of CSV and TSV hold a text together; if not, they are part of it.

    Raises:
        UserError: the file cannot be used.
    """
    if not is_table(path.name):
        raise ConfigError(f"{path}: the run reads texts; give a file that ends in {', '.join(SUFFIXES)}, or with .gz")
    if not os.path.isfile(path):
        raise DataError(f"{path}: {_what_it_is(path)}; name a file of texts")
    needed = True if columns.label is not None else None if labelled else False
    found = read_texts(path, columns, encoding, labelled=needed, quotes=quotes)
    labels = found.labels if labelled else None
    known = _positions(path, labels, len(found.texts), class_names, ignore_unknown)
    texts = [found.texts[index] for index in known.kept]
    sequences = reader.format.encode(texts)
    dataset = TextDataset(
        path.name, SPLIT, texts, sequences, reader.scores(sequences, texts), known.labels, tuple(class_names), reader,
        origin=Origin(path.name, "line", found.lines).take(known.kept),
    )  # fmt: skip
    text, label = found.columns
    notes = [f"{path}: texts from column {text!r}, " + (f"labels from {label!r}" if label else "no labels")]
    notes += [*warn_of_reading(found, str(path)), *warn_of_blank(found, str(path)), *known.notes]
    return OwnData(dataset, labels is not None, tuple(notes), _sentences(path, notes))


def tell_known(own: OwnData, known: Container[Hashable]) -> OwnData:
    """Returns the data with a warning of how many samples are known, if any are.

    Args:
        own: what a file holds.
        known: texts, or the bytes of images, that a model was trained on.
    """
    dataset = own.dataset
    is_text = isinstance(dataset, TextDataset)
    samples, kind = (dataset.texts, "text") if is_text else ([image.tobytes() for image in dataset.images], "image")
    again = sum(sample in known for sample in samples)
    if not again:
        return own
    clause = f"{again:,} of {len(samples):,} {kind}s are training {kind}s too"
    return own._replace(dataset=replace(dataset, warnings=(*dataset.warnings, clause)))


def _what_it_is(path: Path) -> str:
    """Returns what a path that is no file is."""
    # Not by the path's own methods, which raise OSError where a name is too long.
    return "is a folder" if os.path.isdir(path) else "not an ordinary file" if os.path.exists(path) else "no such file"


def read_own_pictures(
    path: Path,
    image_format: ImageFormat,
    class_names: Sequence[str],
    ignore_unknown: bool = False,
    labelled: bool = True,
) -> OwnData:
    """Reads pictures: an IDX file, whose labels are those of the file named ``labels-idx1`` where it is named
    ``images-idx3``; a PNG, which has none; or a folder of PNG pictures for each class, which is named after it.

    Args:
        path: the file or folder.
        image_format: how the model reads pictures.
        class_names: the classes it knows, in its order.
        ignore_unknown: whether samples with labels that the model does not know are left out.
        labelled: whether labels are read, where there are any.

    Raises:
        UserError: a file cannot be used.
    """
    if os.path.isdir(path):
        pictures = list_pictures(path)
        images, source = read_all(pictures, image_format), path if labelled else None
        origin = origin_of(pictures, path)
        labels = [picture.label for picture in pictures] if labelled else None
    elif os.path.isfile(path):
        images, source = read_pictures(path, image_format), _labels_beside(path) if labelled else None
        origin = Origin(path.name, "position", range(len(images)))
        labels = None if source is None else [str(label) for label in read_idx(source, 1)]
    else:
        raise DataError(f"{path}: {_what_it_is(path)}; the run reads pictures, so give a PNG or IDX file, or a folder")
    if labels is not None and len(labels) != len(images):
        raise DataError(f"{path} holds {len(images)} images but {source} {len(labels)} labels")
    known = _positions(source or path, labels, len(images), class_names, ignore_unknown)
    dataset = ImageDataset(
        path.name,
        SPLIT,
        images[known.kept],
        known.labels,
        tuple(class_names),
        image_format.max_value,
        image_format.view,
        origin=origin.take(known.kept),
    )
    note = f"{path}: " + (f"labels from {source}" if source else "no labels")
    return OwnData(dataset, labels is not None, (note, *known.notes), _sentences(path, known.notes))


def _sentences(path: Path, notes: Sequence[str]) -> Tuple[str, ...]:
    """Returns the warnings among the notes as sentences that name files of the data's folder without it."""
    folder = f"{path.parent}{os.sep}"
    return tuple(
        f"{note.removeprefix(WARNING).replace(folder, '', 1)}." for note in notes if note.startswith(WARNING)
    )


def _labels_beside(path: Path) -> Optional[Path]:
    """Returns the file with the labels of a file of images, packed or not; ``None`` where there is none."""
    plain = path.name.removesuffix(".gz").replace("images-idx3", "labels-idx1")
    candidates = [path.with_name(name) for name in (plain, f"{plain}.gz")]
    return next((place for place in candidates if place.name != path.name and os.path.isfile(place)), None)


def _positions(
    path: Path, labels: Optional[List[str]], count: int, class_names: Sequence[str], ignore_unknown: bool
) -> _Labels:
    """Returns the labels as positions, or raises DataError where the model does not know them."""
    if labels is None:
        return _Labels(np.zeros(count, np.int32), np.arange(count), ())
    places = {name: place for place, name in enumerate(class_names)}
    numbers = np.array([places.get(label, -1) for label in labels], np.int32)
    kept = np.flatnonzero(numbers >= 0)
    if len(kept) == count:
        return _Labels(numbers, kept, ())
    unknown = Counter(label for label in labels if label not in places)
    named = ", ".join(f"{label!r} ({times:,})" for label, times in unknown.most_common(NAMED))
    more = f" and {len(unknown) - NAMED} more" if len(unknown) > NAMED else ""
    text = f"{count - len(kept):,} of {count:,} labels are unknown to the model: {named}{more}"
    if not len(kept):
        raise DataError(f"{path}: {text}; it knows {_known(class_names)}; none is left")
    if not ignore_unknown:
        raise DataError(f"{path}: {text}; leave these samples out with --ignore-unknown-labels")
    return _Labels(numbers[kept], kept, (f"{WARNING}{path}: {text}; left out",))


def _known(class_names: Sequence[str]) -> str:
    """Returns the classes that a model knows for an error's line, the first of many."""
    return ", ".join(map(repr, class_names[:NAMED])) + (", …" if len(class_names) > NAMED else "")
