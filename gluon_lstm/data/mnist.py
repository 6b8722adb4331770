"""MNIST, or any other set of grey images in its four IDX files."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Dict, NamedTuple, Optional

import numpy as np

from gluon_lstm.config import DataConfig
from gluon_lstm.data.dataset import DataSplits
from gluon_lstm.data.downloads import Checksum, Limits, fetch
from gluon_lstm.data.idx import LabelledImages, read_labelled_images
from gluon_lstm.data.images import ImageDataset, image_options
from gluon_lstm.data.places import cache_folder, user_folder
from gluon_lstm.data.splits import make_splits, usual_validation_size
from gluon_lstm.errors import DataError

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)

CHECKSUMS: Dict[str, Checksum] = {
    "train-images-idx3-ubyte": Checksum(
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db", 47_040_016
    ),
    "train-labels-idx1-ubyte": Checksum(
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5", 60_008
    ),
    "t10k-images-idx3-ubyte": Checksum(
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7", 7_840_016
    ),
    "t10k-labels-idx1-ubyte": Checksum(
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2", 10_008
    ),
}
"""The canonical files, unpacked; only downloads must match them."""

DOWNLOAD_LIMITS = Limits(max_bytes=100_000_000)
VALIDATION_SHARE = 12  # a twelfth: 5,000 of MNIST's 60,000, fewer of a smaller set


class Files(NamedTuple):
    """The four files of the data set."""

    train_images: Path
    train_labels: Path
    test_images: Path
    test_labels: Path


def load_mnist(config: DataConfig) -> DataSplits:
    """Returns the splits of ``mnist``: by default 55,000 to train, 5,000 to validate and 10,000 to test.

    The classes are the labels that occur in the training file, whatever numbers lie between them.

    Raises:
        ConfigError: options that do not fit the data set.
        DataError: files that are missing, damaged, of the wrong form or at odds with each other.
    """
    files = find_files(config.data_dir)
    train = read_labelled_images(files.train_images, files.train_labels)
    test = read_labelled_images(files.test_images, files.test_labels)
    _check_agreement(files, train, test)
    known = np.unique(train.labels)
    options = {"name": "mnist", "class_names": tuple(map(str, known)), **image_options(config)}
    pool, held_out = (
        ImageDataset(split=split, images=part.images, labels=_positions(part.labels, known), **options)
        for split, part in (("train", train), ("test", test))
    )
    _warn_of_constant_images(files.train_images, train.images)
    return make_splits(pool, held_out, config, usual_validation_size(len(pool), VALIDATION_SHARE))


def _warn_of_constant_images(path: Path, images: np.ndarray) -> None:
    """Says so where the images that are to be learned from do not differ in a single pixel."""
    if images.min() == images.max():
        reason = f"every pixel of every image is {images.min()}, which leaves nothing to learn"
        print(f"warning: {path}: {reason}; check how the file was written", file=sys.stderr)


def _positions(labels: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Returns the position (M,) int32 of each label among those known, which are sorted and hold all of them."""
    return np.searchsorted(known, labels).astype(np.int32)


def _check_agreement(files: Files, train: LabelledImages, test: LabelledImages) -> None:
    """Raises DataError where there is nothing to tell apart, or a model of the training samples could not be tested."""
    if train.images.shape[1:] != test.images.shape[1:]:
        sizes = ["{} x {}".format(*part.images.shape[1:]) for part in (train, test)]
        raise DataError(f"{files.test_images}: images of {sizes[1]} pixels, but {files.train_images} has {sizes[0]}")
    if train.labels.min() == train.labels.max():
        raise DataError(
            f"{files.train_labels}: every label is {train.labels[0]}, and one class alone leaves nothing to learn; "
            f"use labels of two classes or more"
        )
    unknown = sorted(set(test.labels.tolist()) - set(train.labels.tolist()))
    if unknown:
        raise DataError(
            f"{files.test_labels}: label {unknown[0]} does not occur in {files.train_labels}; leave its images out, "
            "or add some to train on"
        )


def find_files(data_dir: Optional[str]) -> Files:
    """Returns the four files: the user's own, else those in the cache, downloaded where they are missing.

    Args:
        data_dir: folder that holds them or their folder ``mnist``; ``None`` for ``$GLUON_LSTM_DATA``.

    Raises:
        ConfigError: the user's folder does not exist.
        DataError: the folder has only some of the files, or none of them though it was asked for, or the
            download failed.
    """
    folder = user_folder(data_dir)
    for place in [folder / "mnist", folder] if folder else []:
        files = _present(place)
        if len(files) == len(CHECKSUMS):
            return Files(*files.values())
        if files:
            missing = next(name for name in CHECKSUMS if name not in files)
            raise DataError(
                f"{place / missing}: no such file (nor with .gz), though others of mnist are beside it; add it"
            )
    if data_dir:
        raise DataError(f"--data-dir {data_dir}: has none of mnist's files ({', '.join(CHECKSUMS)}, plain or with .gz)")
    cache = cache_folder() / "mnist"
    if folder:
        print(f"note: {folder} has none of mnist's files; {cache} is read in its place", file=sys.stderr)
    files = {**_present(cache), **_download_missing(cache)}
    return Files(*(files[name] for name in CHECKSUMS))


def _present(folder: Path) -> Dict[str, Path]:
    """Returns name → path of those of the four files that ``folder`` has, gzipped or not."""
    found = {}
    for name in CHECKSUMS:
        for path in (folder / f"{name}.gz", folder / name):
            if os.path.exists(path):
                found[name] = path
    return found


def _download_missing(folder: Path) -> Dict[str, Path]:
    """Downloads those of the four files that ``folder`` lacks; returns name → path of the new ones."""
    missing = [name for name in CHECKSUMS if name not in _present(folder)]
    try:
        return {name: _download(name, folder) for name in missing}
    except DataError as error:
        wanted = ", ".join(f"{name}.gz" for name in missing)
        raise DataError(
            f"{error}; put {wanted} into {folder}, or all four files of mnist into DIR/mnist with --data-dir DIR"
        ) from error


def _download(name: str, folder: Path) -> Path:
    """Downloads one of the four files from the first mirror that has it; raises DataError where none has."""
    urls = [f"{mirror}{name}.gz" for mirror in MIRRORS]
    return fetch(urls, folder / f"{name}.gz", CHECKSUMS[name].verify, DOWNLOAD_LIMITS)
