"""Folders of PNG pictures, one for each class, whose names are the classes'."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Dict, List, NamedTuple, Sequence, Tuple

import numpy as np

from gluon_lstm.bounded import IMAGE_PIXELS
from gluon_lstm.config import DataConfig
from gluon_lstm.data.dataset import SPLITS, DataSplits, Origin
from gluon_lstm.data.formats import ImageFormat
from gluon_lstm.data.images import ImageDataset, image_options
from gluon_lstm.data.pictures import png_size, read_pictures
from gluon_lstm.data.splits import TENTH, make_splits, split_off, usual_validation_size
from gluon_lstm.errors import ConfigError, DataError

TRAIN, VALIDATION, TEST = SPLITS
TEST_SEED = 1_797
"""Draws the pictures to test on where they have no folder; never changes, so that accuracies compare."""
FEWEST = 3
MAX_VALUE = 255
SUFFIX = ".png"
LOOSE_SUFFIXES = (SUFFIX, ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp")
"""Of pictures, as which files beside the folders are told; others, such as a README, are no samples."""
_ADVICE = (
    "for texts, name a .csv, .tsv or .jsonl file in it, and for images in IDX files give --dataset mnist --data-dir {}"
)


class Picture(NamedTuple):
    """A picture's file, and the class that its folder is named after."""

    path: Path
    label: str


def load_picture_folder(config: DataConfig) -> DataSplits:
    """Returns the splits of a folder of pictures.

    ::

        FOLDER/CLASS/NAME.png          a tenth tests, a tenth of the rest validates
        FOLDER/train/CLASS/NAME.png    with FOLDER/test/… and, where it is there, FOLDER/validation/…

    Colours become grey, transparent parts black. The classes are the training folders' names, sorted.

    Raises:
        ConfigError: options that do not fit the data.
        DataError: pictures that are missing, damaged, of another size, or of a class that is not trained on.
    """
    folder = Path(config.dataset)
    splits = {name: folder / name for name in SPLITS if (folder / name).is_dir()}
    if TRAIN in splits and any(inside.is_dir() for inside in _entries(splits[TRAIN])):
        _check_split_folders(splits, folder)
    else:
        splits = {TRAIN: folder}
    pictures = {name: list_pictures(path, _ADVICE.format(path)) for name, path in splits.items()}
    class_names = _check_classes(pictures, folder)
    size = _check_sizes(pictures)
    found = {
        name: ImageDataset(
            folder.resolve().name, name, read_all(listed, ImageFormat(*size, MAX_VALUE, config.view)),
            np.array([class_names.index(picture.label) for picture in listed], np.int32), class_names,
            origin=origin_of(listed, folder), **image_options(config),
        )
        for name, listed in pictures.items()
    }  # fmt: skip
    return _split(found, config)


def _check_split_folders(splits: Dict[str, Path], folder: Path) -> None:
    """Raises DataError where the folders of splits lack one that is needed, or have another beside them."""
    if TEST not in splits:
        others = [path for path in _entries(folder) if path.is_dir() and path not in splits.values()]
        how = f"make one, rename {others[0].name}" if others else "make one"
        raise DataError(f"{folder}: has a folder {TRAIN} and none named {TEST}; {how}, or give {splits[TRAIN]}")
    for inside in _entries(folder):
        if inside.is_dir() and inside not in splits.values():
            raise DataError(f"{inside}: is none of {', '.join(SPLITS)}; rename it as one of those, or move it")
    _refuse_loose(folder, "the splits' folders, so that its split is unknown")


def list_pictures(folder: Path, advice: str = "make them") -> List[Picture]:
    """Returns the pictures in a folder's folders, those of each class by their names; hidden files are none.

    Args:
        folder: the folder of the classes' folders.
        advice: what to do where it has none, for the end of the error's line.

    Raises:
        DataError: there are none, a class has none, or other files are among them or pictures beside them.
    """
    found = []
    for inside in _entries(folder):
        if not inside.is_dir():
            continue
        _check_class_name(inside)
        paths = _entries(inside)
        deeper = next((path for path in paths if path.is_dir()), None)
        if deeper is not None:
            split = inside.name.lower()
            advice = (f"rename {inside} as {split}" if split in SPLITS and split != inside.name
                      else "move its pictures one folder up")  # fmt: skip
            raise DataError(f"{deeper}: is a folder within a class's; {advice}")
        other = next((path for path in paths if path.suffix.lower() != SUFFIX or not path.is_file()), None)
        if other is not None:
            raise DataError(f"{other}: is no {SUFFIX} file, which is what a class's folder holds; convert or move it")
        if not paths:
            raise DataError(f"{inside}: holds no pictures; put {SUFFIX} files into it, or delete it")
        found += [Picture(path, inside.name) for path in paths]
    if not found:
        raise DataError(f"{folder}: is a folder without folders of pictures, one for each class; {advice}")
    _refuse_loose(folder, "the classes' folders, so that its class is unknown")
    return found


def _refuse_loose(folder: Path, beside: str) -> None:
    """Raises DataError where pictures lie in a folder itself, which would be left out."""
    for inside in _entries(folder):
        if inside.suffix.lower() in LOOSE_SUFFIXES and inside.is_file():
            raise DataError(f"{inside}: lies beside {beside}; move it into one of them, or away")


def _check_class_name(folder: Path) -> None:
    """Raises DataError where a folder's name cannot be that of a class, which files of text are to hold."""
    try:
        folder.name.encode("utf-8")
    except UnicodeEncodeError as error:
        raise DataError(f"{folder}: names a class, and is no UTF-8; rename it") from error


def list_files(folder: Path) -> List[Path]:
    """Returns the pictures that lie in a folder itself, by their names; hidden files are none.

    Raises:
        DataError: there are none.
    """
    found = [path for path in _entries(folder) if path.suffix.lower() == SUFFIX and path.is_file()]
    if not found:
        inside = next((path for path in _entries(folder) if path.is_dir()), None)
        advice = "name a folder that does, or the files" if inside is None else f"name one that does, such as {inside}"
        raise DataError(f"{folder}: holds no {SUFFIX} files; {advice}")
    return found


def origin_of(pictures: Sequence[Picture], folder: Path) -> Origin:
    """Returns where pictures are in a folder; bytes of a name that are no UTF-8 are written out, as ``\\xff``."""
    names = [os.fsencode(picture.path.relative_to(folder).as_posix()) for picture in pictures]
    return Origin(folder.resolve().name, "file", [name.decode("utf-8", "backslashreplace") for name in names])


def read_all(pictures: Sequence[Picture], image_format: ImageFormat) -> np.ndarray:
    """Returns pictures (N, H, W) uint8; raises DataError where one is damaged or of another size."""
    return np.concatenate([read_pictures(picture.path, image_format) for picture in pictures])


def _entries(folder: Path) -> List[Path]:
    """Returns what a folder holds, but for hidden files, by their names."""
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise DataError(f"{folder}: cannot be read ({error.strerror}); change its permissions") from error


def _check_classes(pictures: Dict[str, List[Picture]], folder: Path) -> Tuple[str, ...]:
    """Returns the classes; raises DataError where there is one alone, or one that is not trained on."""
    class_names = tuple(dict.fromkeys(picture.label for picture in pictures[TRAIN]))
    if len(class_names) < 2:
        raise DataError(
            f"{folder}: all pictures to train on are in the folder {class_names[0]!r}, and one class alone leaves "
            "nothing to learn; make a folder for each class"
        )
    for picture in (picture for listed in pictures.values() for picture in listed):
        if picture.label not in class_names:
            raise DataError(
                f"{picture.path.parent}: is of a class that no folder to train on has; name it as one of those, or "
                "delete it"
            )
    return class_names


def _check_sizes(pictures: Dict[str, List[Picture]]) -> Tuple[int, int]:
    """Returns the height and width of all pictures; raises DataError where they differ."""
    first = pictures[TRAIN][0].path
    size = png_size(first)
    if size[0] * size[1] > IMAGE_PIXELS:
        raise DataError(f"{first}: has {size[0] * size[1]:,} pixels; at most {IMAGE_PIXELS:,} are read")
    for picture in (picture for listed in pictures.values() for picture in listed):
        found = png_size(picture.path)
        if found != size:
            raise DataError(
                f"{picture.path}: has {found[0]} x {found[1]} pixels (height x width), {first} {size[0]} x {size[1]}; "
                "bring all to one size"
            )
    return size


def _split(found: Dict[str, ImageDataset], config: DataConfig) -> DataSplits:
    """Returns the splits that have folders of their own, and draws the others from the pictures to train on."""
    pool, test, validation = found[TRAIN], found.get(TEST), found.get(VALIDATION)
    if test is None:
        pool, test = _draw_test(pool)
    if validation is None:
        return make_splits(pool, test, config, usual_validation_size(len(pool), TENTH))
    if config.validation_size is not None:
        raise ConfigError(
            f"--validation-size {config.validation_size}: {pool.name} has a folder validation; leave it out"
        )
    return DataSplits(make_splits(pool, test, config, 0).train, validation, test)


def _draw_test(pool: ImageDataset) -> Tuple[ImageDataset, ImageDataset]:
    """Returns what is left to train on, and a tenth to test on, which is always the same."""
    counts = np.bincount(pool.labels)
    rarest = int(np.argmin(counts))
    if counts[rarest] < FEWEST:
        raise DataError(
            f"{pool.name}: class {pool.class_names[rarest]!r} has too few pictures to train, validate and test on "
            f"({counts[rarest]}); give {FEWEST} or more of each class, or folders {TRAIN} and {TEST}"
        )
    parts = split_off(pool.labels, max(1, len(pool) // TENTH), np.random.default_rng(TEST_SEED))
    return pool.subset(parts.rest), pool.subset(parts.drawn, TEST)
