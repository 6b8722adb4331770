"""Labelled texts by name or from a file, and how they are cut into splits."""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Tuple

import numpy as np

from gluon_lstm.bounded import MOST_CLASSES
from gluon_lstm.config import Config, DataConfig, TextConfig
from gluon_lstm.data.corpus_downloads import advice, download_corpus
from gluon_lstm.data.dataset import SPLITS, Origin
from gluon_lstm.data.overlap import adjective, shared_samples
from gluon_lstm.data.places import user_folder
from gluon_lstm.data.sentences import make_sentences
from gluon_lstm.data.splits import TENTH, fold_numbers, split_indices, split_off, usual_validation_size
from gluon_lstm.data.tables import Columns, LabelledTexts, is_table, read_texts, warn_of_blank, warn_of_reading
from gluon_lstm.errors import ConfigError, DataError, shortened, shown

MADE_UP = "sentences"
"""Name of the data set that ``make_sentences`` makes."""
TEST_SEED = 2_005  # never changes, so that accuracies compare between runs and releases
NUMBER = re.compile(r"-?\d{1,18}")
NAMED_CLASSES = 10
"""Most classes that a note names."""


class Corpus(NamedTuple):
    """A corpus by name: the file of each split, without ``.jsonl.gz``; none for a split that it does not have."""

    train: str = "train"
    validation: Optional[str] = None
    test: Optional[str] = "test"


CORPORA: Dict[str, Corpus] = {
    "trec": Corpus(),
    "sst2": Corpus(validation="dev"),
    "sst5": Corpus(validation="dev"),
    "imdb": Corpus(),
    "mr": Corpus(train="all", test=None),
    "subj": Corpus(train="all", test=None),
    "cr": Corpus(train="all", test=None),
    "mpqa": Corpus(train="all", test=None),
}
"""Folder name → files, each line an object with ``text`` and ``label``."""


class RawSplit(NamedTuple):
    """Texts of one split.

    Attributes:
        texts: M texts.
        labels: (M,) int32, the position of each one's label among the class names.
        origin: where they are in the user's own file; ``None`` of a corpus that has a name.
        is_drawn: whether they were drawn from the texts to train on.
    """

    texts: List[str]
    labels: np.ndarray
    origin: Optional[Origin]
    is_drawn: bool = False

    def take(self, indices: np.ndarray, is_drawn: bool = False) -> RawSplit:
        """Returns the texts at ``indices``."""
        origin = None if self.origin is None else self.origin.take(indices)
        return RawSplit([self.texts[index] for index in indices], self.labels[indices], origin, is_drawn)


class RawSplits(NamedTuple):
    """All texts of a data set, before they are cut into tokens.

    Attributes:
        name: name of the data set.
        splits: by name, ``SPLITS``.
        class_names: the labels of the training texts, numbers in their order, else by alphabet.
        notes: lines for the user: which columns were taken, what was left out.
        warnings: split → clauses, see ``shared_samples``.
    """

    name: str
    splits: Dict[str, RawSplit]
    class_names: Tuple[str, ...]
    notes: Tuple[str, ...]
    warnings: Dict[str, Tuple[str, ...]]


def is_text(config: DataConfig) -> bool:
    """Whether the configuration names a set of texts."""
    return config.dataset == MADE_UP or config.dataset in CORPORA or is_table(config.dataset)


def read_corpus(config: Config) -> RawSplits:
    """Reads the texts that the configuration names.

    Raises:
        ConfigError: options that do not fit the data.
        DataError: files that are missing, damaged or of the wrong form.
    """
    sources = _read_sources(config)
    class_names = _class_names(sources["train"].labels)
    if len(class_names) < 2:
        raise DataError(
            f"{_source_name(config, 'train')}: every label is {class_names[0]!r}, and one class alone leaves nothing "
            f"to learn; use labels of two classes or more"
        )
    if len(class_names) > MOST_CLASSES:
        raise DataError(
            f"{_source_name(config, 'train')}: {len(class_names):,} different labels, and at most {MOST_CLASSES:,} are "
            f"told apart; name another --label-column"
        )
    is_own = is_table(config.data.dataset)
    splits = {
        split: _label(texts, class_names, _source_name(config, split), is_own) for split, texts in sources.items()
    }
    name = Path(config.data.dataset).name if is_own else config.data.dataset
    notes = [note for split, texts in sources.items() for note in _notes(texts, _source_name(config, split))]
    if is_own:
        notes += _class_notes(sources["train"].labels, config.data.dataset)
    complete = _complete(splits, config.data, name)
    notes += _absent_classes(complete, class_names)
    # Splits that are made up are drawn apart from each other, so that one sentence in two of them is chance.
    compared = {split: part.texts for split, part in complete.items()} if name != MADE_UP else {}
    return RawSplits(name, complete, class_names, tuple(notes), shared_samples(compared, "text"))


def _read_sources(config: Config) -> Dict[str, LabelledTexts]:
    """Returns the texts of each split that somebody has drawn."""
    name = config.data.dataset
    if name == MADE_UP:
        _refuse_files(config.text, name)
        return {split: LabelledTexts(*make_sentences(split), [], ("text", "label"), []) for split in SPLITS}
    if name in CORPORA:
        _refuse_files(config.text, name)
        folder = find_corpus(name, config.data.data_dir)
        files = CORPORA[name]._asdict().items()
        paths = {split: folder / f"{file}.jsonl.gz" for split, file in files if file}
        return {split: read_texts(path, Columns("text", "label")) for split, path in paths.items()}
    paths = {"train": name, "validation": config.text.validation_file, "test": config.text.test_file}
    columns = Columns(config.text.text_column, config.text.label_column)
    return {
        split: read_texts(_existing(path, split), columns, config.text.encoding, quotes=config.text.quotes)
        for split, path in paths.items()
        if path is not None
    }


def _refuse_files(text: TextConfig, name: str) -> None:
    """Raises ConfigError where the user names a file of a split that the data set brings itself."""
    for option, value in (("--validation-file", text.validation_file), ("--test-file", text.test_file)):
        if value is not None:
            raise ConfigError(f"{option} {value}: --dataset {name} has its own splits; leave it out")


def _existing(path: str, split: str) -> Path:
    """Returns the path of a file that the user named, or raises DataError."""
    option = {"train": "--dataset", "validation": "--validation-file", "test": "--test-file"}[split]
    if not is_table(path):
        raise ConfigError(f"{option} {path}: give a file that ends in .csv, .tsv or .jsonl, or one of these with .gz")
    if not Path(path).is_file():
        raise DataError(f"{option} {path}: {'not an ordinary file' if os.path.exists(path) else 'no such file'}")
    return Path(path)


def _source_name(config: Config, split: str) -> str:
    """Returns what an error's line calls the place where a split's texts are from."""
    given = {"validation": config.text.validation_file, "test": config.text.test_file}.get(split)
    return given or (config.data.dataset if is_table(config.data.dataset) else f"{config.data.dataset} ({split})")


def find_corpus(name: str, data_dir: Optional[str]) -> Path:
    """Returns the folder with a corpus's files: the user's own, else that of the cache, downloaded if it is missing.

    Args:
        name: one of ``CORPORA``.
        data_dir: folder that holds the corpus's folder, or its files; ``None`` for ``$GLUON_LSTM_DATA``.

    Raises:
        ConfigError: the user's folder does not exist.
        DataError: the folder has only some of the files, or none of them though it was asked for, or the corpus
            cannot be downloaded.
    """
    parent = user_folder(data_dir)
    files = [f"{file}.jsonl.gz" for file in CORPORA[name] if file]
    for folder in (parent / name, parent) if parent else ():
        if all((folder / file).is_file() for file in files):
            return folder
    missing = [file for file in files if parent and not (parent / name / file).is_file()]
    if missing and (data_dir is not None or len(missing) < len(files)):
        raise DataError(f"{parent / name / missing[0]}: no such file; {advice(name, files)}")
    return download_corpus(name, files)


def _class_names(labels: List[str]) -> Tuple[str, ...]:
    """Returns the different labels, by value where all are whole numbers, else by alphabet."""
    found = set(labels)
    is_number = all(NUMBER.fullmatch(label) for label in found)
    return tuple(sorted(found, key=(lambda label: (int(label), label)) if is_number else None))


def _label(texts: LabelledTexts, class_names: Tuple[str, ...], source: str, is_own: bool) -> RawSplit:
    """Returns texts with their labels' positions, or raises DataError where training texts do not have a label."""
    positions = {name: position for position, name in enumerate(class_names)}
    for index, label in enumerate(texts.labels):
        if label not in positions:
            line = texts.lines[index] if texts.lines else index + 1
            raise DataError(f"{source}: line {line}: label {label!r} does not occur in the training texts")
    labels = np.array([positions[label] for label in texts.labels], np.int32)
    origin = Origin(Path(source).name, "line", texts.lines, texts.columns) if is_own else None
    return RawSplit(texts.texts, labels, origin)


def _notes(texts: LabelledTexts, source: str) -> List[str]:
    """Returns what the user should know about a file: the columns that were taken, and what was left out."""
    text, label = texts.columns
    notes = [f"{source}: texts from column {text!r}, labels from column {label!r}"] if is_table(source) else []
    return [*notes, *warn_of_reading(texts, source), *warn_of_blank(texts, source)]


def _class_notes(labels: List[str], source: str) -> List[str]:
    """Returns how many texts of a file each class has, and warnings of labels that are all but alike."""
    counts = Counter(labels)
    named = ", ".join(f"{shortened(label)} {count:,}" for label, count in counts.most_common(NAMED_CLASSES))
    more = f" and {len(counts) - NAMED_CLASSES:,} more" if len(counts) > NAMED_CLASSES else ""
    alike = defaultdict(list)
    for label in counts:
        alike["".join(label.casefold().split())].append(label)
    return [f"{source}: classes: {named}{more}"] + [
        f"warning: {source}: the labels {', '.join(map(shown, group))} differ only in capitals or spaces, and are "
        f"{len(group)} classes; write them alike if they are one"
        for group in [group for group in alike.values() if len(group) > 1][:NAMED_CLASSES]
    ]


def _absent_classes(splits: Dict[str, RawSplit], class_names: Tuple[str, ...]) -> List[str]:
    """Returns which classes a split has no text of."""
    found = []
    for split in SPLITS:
        counts = np.bincount(splits[split].labels, minlength=len(class_names))
        absent = [class_names[index] for index in np.flatnonzero(counts == 0)]
        if absent:
            shown = ", ".join(map(repr, absent[:5])) + (", …" if len(absent) > 5 else "")
            found.append(f"warning: no {adjective(split)} text has the label {shown}")
    return found


def _complete(splits: Dict[str, RawSplit], config: DataConfig, name: str) -> Dict[str, RawSplit]:
    """Returns all three splits: those that were drawn already, and the others drawn from the training texts."""
    pool = splits["train"]
    if config.folds and "test" in splits:
        raise ConfigError(f"--folds {config.folds}: {name} has a test split; leave it out")
    if "test" not in splits:
        held_out = _held_out(pool.labels, config, name)
        splits = {**splits, "test": pool.take(held_out, is_drawn=True)}
        pool = pool.take(np.setdiff1d(np.arange(len(pool.labels)), held_out))
    if "validation" in splits and config.validation_size is not None:
        raise ConfigError(f"--validation-size {config.validation_size}: {name} has a validation split; leave it out")
    size = 0 if "validation" in splits else usual_validation_size(len(pool.labels), TENTH)
    if config.validation_size is None and size > _spare(pool.labels):
        raise _too_few(pool.labels, "train and validate on", name)
    parts = split_indices(pool.labels, config, size, name)
    drawn = splits.get("validation", pool.take(parts.drawn, is_drawn=True))
    return {"train": pool.take(parts.rest), "validation": drawn, "test": splits["test"]}


def _held_out(labels: np.ndarray, config: DataConfig, name: str) -> np.ndarray:
    """Returns the positions of the samples to test on: a fold, or a tenth that is always the same."""
    if not config.folds:
        size = max(1, len(labels) // TENTH)
        if size > _spare(labels):
            raise _too_few(labels, "train, validate and test on", name)
        return split_off(labels, size, np.random.default_rng(TEST_SEED)).drawn
    if config.folds > len(labels):
        raise ConfigError(f"--folds {config.folds}: {name} has {len(labels)} texts; use fewer")
    numbers = fold_numbers(labels, config.folds, np.random.default_rng(config.split_seed))
    return np.flatnonzero(numbers == (config.fold or 0))


def _spare(labels: np.ndarray) -> int:
    """Returns how many samples there are beside one of each class."""
    return len(labels) - np.count_nonzero(np.bincount(labels))


def _too_few(labels: np.ndarray, purpose: str, name: str) -> DataError:
    """Returns the error of texts that are fewer than their labels ask for."""
    num_classes = np.count_nonzero(np.bincount(labels))
    return DataError(
        f"{name}: {len(labels)} texts of {num_classes} labels are too few to {purpose}; "
        f"give more, or name another --label-column"
    )
