"""The data sets that can be asked for."""

from __future__ import annotations

import functools
import os
from dataclasses import replace
from pathlib import Path
from typing import Callable, Dict, Hashable, Optional, Set, Tuple

from gluon_lstm.config import Config, DataConfig, flag
from gluon_lstm.data.corpora import CORPORA, MADE_UP, RawSplits, find_corpus, is_text, read_corpus
from gluon_lstm.data.dataset import SPLITS, DataSplits, SequenceDataset
from gluon_lstm.data.digits import load_digits
from gluon_lstm.data.mnist import find_files, load_mnist
from gluon_lstm.data.overlap import shared_samples
from gluon_lstm.data.picture_folders import load_picture_folder
from gluon_lstm.data.splits import check_folds
from gluon_lstm.data.text import TextReader
from gluon_lstm.data.texts import load_texts, texts_as
from gluon_lstm.errors import ConfigError, DataError, quoted

LOADERS: Dict[str, Callable[[DataConfig], DataSplits]] = {"digits": load_digits, "mnist": load_mnist}


def dataset_names() -> Tuple[str, ...]:
    """Returns the names that ``load_splits`` knows."""
    return (*LOADERS, MADE_UP, *CORPORA)


def is_looked_for(dataset: str) -> bool:
    """Whether a data set's files are looked for, in ``data_dir`` first: others are embedded, made up or a file."""
    return dataset in ("mnist", *CORPORA)


def find_data(dataset: str, data_dir: Optional[str]) -> None:
    """Sees to it that a data set's files are there, downloaded where they must be; of others than such it does nothing.

    Args:
        dataset: its name.
        data_dir: folder of the data sets; ``None`` for where they are looked for otherwise.

    Raises:
        ConfigError: ``data_dir`` does not exist.
        DataError: files are missing and cannot be downloaded.
    """
    if dataset == "mnist":
        find_files(data_dir)
    elif is_looked_for(dataset):
        find_corpus(dataset, data_dir)


def is_picture_folder(dataset: str) -> bool:
    """Whether a data set is a folder of pictures; known names come first, whatever folders there are."""
    return dataset not in dataset_names() and os.path.isdir(dataset)


def load_splits(config: Config) -> DataSplits:
    """Reads the data set that the configuration names.

    Raises:
        ConfigError: no such data set, or options that do not fit it.
        DataError: files that are missing, damaged or of the wrong form.
    """
    check_folds(config.data)
    name = config.data.dataset
    if is_text(config.data):
        return load_texts(config)
    loader = LOADERS.get(name, load_picture_folder if is_picture_folder(name) else None)
    if loader is None:
        raise ConfigError(f"--dataset {name}: {_advice(name)}")
    if config.data.folds:
        why = f"{name} has a test split" if name in LOADERS else "folders of pictures are not cut into folds yet"
        raise ConfigError(f"--folds {config.data.folds}: {why}; leave it out")
    return _with_warnings(loader(config.data))


def load_stored_splits(config: Config) -> DataSplits:
    """Reads the data set that a run was trained on.

    Raises:
        DataError: it is not there, as where a path leads elsewhere from another folder.
        UserError: as of ``load_splits``.
    """
    _check_stored(config)
    return load_splits(config)


def _check_stored(config: Config) -> None:
    """Raises DataError where a file or folder that a run was trained on is not where its configuration says."""
    data, text = config.data, config.text
    paths = {
        "dataset": None if data.dataset in dataset_names() else data.dataset,
        "data_dir": data.data_dir if is_looked_for(data.dataset) else None,
        "validation_file": text.validation_file,
        "test_file": text.test_file,
    }
    for name, path in paths.items():
        if path is None or os.path.exists(os.path.expanduser(path)):
            continue
        advice = "the run was trained with it; bring it back"
        if os.path.isabs(path):
            raise DataError(f"{flag(name)} {path}: no such file or folder; {advice}")
        raise DataError(f"{flag(name)} {path}: no such file or folder in {Path.cwd()}; {advice}, or give the command "
                        "in the folder that it was trained in")  # fmt: skip


def _with_warnings(splits: DataSplits) -> DataSplits:
    """Returns splits of images that tell of images which two of them have."""
    images = {split.split: [image.tobytes() for image in split.images] for split in splits}
    warnings = shared_samples(images, "image")
    return DataSplits(*(replace(getattr(splits, name), warnings=warnings[name]) for name in SPLITS))


def _advice(name: str) -> str:
    """Returns what to give in the place of a data set that there is not."""
    if name.lower().removesuffix(".gz").endswith(".json") and Path(name).is_file():
        return "JSON arrays are not read, but JSON Lines are: an object a line, in a file that ends in .jsonl"
    if name.lower().endswith((".npz", ".npy")):
        return "NumPy's files are not read; write images as IDX files, as README.md shows under “Your own images”"
    if "idx" in Path(name).name.lower() and os.path.isfile(name):
        return f"is an IDX file; four of them are read by --dataset mnist --data-dir {quoted(Path(name).parent)}"
    if name.lower().endswith(".png") and os.path.isfile(name):
        return "is a single picture; name the folder that has a folder of pictures for each class"
    if Path(name).is_file():
        return "is no form of file that is read; labelled texts come as .csv, .tsv or .jsonl"
    own = "a .csv, .tsv or .jsonl file, or a folder of pictures"
    return f"no such data set; choose from {', '.join(dataset_names())}, or give {own}"


class StoredSplits:
    """The splits of a data set, for models that were trained; its files are read once, when they are first needed.

    Args:
        config: names the data set.
    """

    def __init__(self, config: Config) -> None:
        self.config = config

    @functools.cached_property
    def _corpus(self) -> RawSplits:
        _check_stored(self.config)
        return read_corpus(self.config)

    @functools.cached_property
    def _splits(self) -> DataSplits:
        return load_stored_splits(self.config)

    def read(self, split: str, reader: Optional[TextReader] = None) -> SequenceDataset:
        """Returns one split, texts as the reader of a trained model has them; errors as of ``load_stored_splits``."""
        if reader is not None and is_text(self.config.data):
            return texts_as(self.config, self._corpus, split, reader)
        return getattr(self._splits, split)

    def training_samples(self) -> Set[Hashable]:
        """Returns what the training split holds: texts, or the bytes of images; errors as of ``load_stored_splits``."""
        if is_text(self.config.data):
            return set(self._corpus.splits["train"].texts)
        return {image.tobytes() for image in self._splits.train.images}


def load_split(config: Config, split: str, reader: Optional[TextReader] = None) -> SequenceDataset:
    """Reads one split, texts as the reader of a trained model has them; errors as of ``load_splits``."""
    if reader is not None and is_text(config.data):
        return texts_as(config, read_corpus(config), split, reader)
    return getattr(load_splits(config), split)
