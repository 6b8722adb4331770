"""Folders of pictures, one for each class."""

import os
import shutil

import numpy as np
import pytest
from PIL import Image

from gluon_lstm.config import Config, merge
from gluon_lstm.data import load_splits
from gluon_lstm.data.formats import ImageFormat
from gluon_lstm.data.own import read_own_pictures
from gluon_lstm.errors import ConfigError, DataError


def pixels(number, size=(4, 3)):
    """Returns a picture of its own for each number."""
    return np.random.default_rng(number).integers(0, 256, size).astype(np.uint8)


def write(folder, label, numbers, size=(4, 3)):
    (folder / label).mkdir(parents=True, exist_ok=True)
    for number in numbers:
        Image.fromarray(pixels(number, size)).save(folder / label / f"{number:03}.png")


def cut_off(path, count):
    path.write_bytes(path.read_bytes()[:count])


@pytest.fixture
def folder(tmp_path):
    """Thirty pictures of cats and twenty of dogs, without splits."""
    write(tmp_path / "pets", "cat", range(30))
    write(tmp_path / "pets", "dog", range(30, 50))
    (tmp_path / "pets" / ".DS_Store").touch()
    (tmp_path / "pets" / "cat" / ".hidden").touch()
    (tmp_path / "pets" / "README.txt").touch()
    return tmp_path / "pets"


def load(folder, **changes):
    return load_splits(merge(Config(), {"data": {"dataset": str(folder), "augment_shift": 0, **changes}}))


def test_classes_are_the_folders_names_and_pictures_come_by_value(folder):
    splits = load(folder)
    assert [split.class_names for split in splits] == [("cat", "dog")] * 3
    assert [split.name for split in splits] == ["pets"] * 3
    assert [np.bincount(split.labels).tolist() for split in splits] == [[25, 16], [2, 2], [3, 2]]
    known = {pixels(number).tobytes(): int(number >= 30) for number in range(50)}
    found = {image.tobytes(): label for split in splits for image, label in zip(split.images, split.labels)}
    assert found == known


def test_those_to_test_on_are_always_the_same(folder):
    tests = [load(folder, split_seed=seed).test.fingerprint for seed in (0, 1)]
    assert tests[0] == tests[1]
    assert load(folder, split_seed=1).validation.fingerprint != load(folder).validation.fingerprint


def test_folders_of_splits_are_taken_as_they_are(tmp_path):
    for split, numbers in (("train", range(8)), ("validation", range(8, 12)), ("test", range(12, 14))):
        write(tmp_path / split, "a", numbers)
        write(tmp_path / split, "b", [number + 50 for number in numbers])
    splits = load(tmp_path)
    assert [len(split) for split in splits] == [16, 8, 4]
    assert splits.test.images.tobytes() == b"".join(pixels(number).tobytes() for number in (12, 13, 62, 63))
    assert splits.test.labels.tolist() == [0, 0, 1, 1]
    assert len(load(tmp_path, limit_train=4).train) == 4
    with pytest.raises(ConfigError, match="--validation-size 2: .* has a folder validation; leave it out"):
        load(tmp_path, validation_size=2)


@pytest.mark.parametrize("others, message", [
    ((), "has a folder train and none named test; make one, or give .*train$"),
    (("val",), "has a folder train and none named test; make one, rename val, or give .*train$"),
    (("test", "val"), "val: is none of train, validation, test; rename it as one of those, or move it"),
])  # fmt: skip
def test_folders_of_splits_under_another_name_are_told(tmp_path, others, message):
    for split in ("train", *others):
        write(tmp_path / split, "a", range(8))
        write(tmp_path / split, "b", range(50, 58))
    with pytest.raises(DataError, match=message):
        load(tmp_path)


def test_pictures_beside_the_folders_of_splits_are_told(tmp_path):
    for split in ("train", "test"):
        for label in "ab":
            write(tmp_path / split, label, range(3))
    (tmp_path / "README.txt").touch()
    load(tmp_path)
    shutil.copy(tmp_path / "train" / "a" / "000.png", tmp_path / "c.png")
    with pytest.raises(DataError, match="c.png: lies beside the splits' folders, so that its split is unknown"):
        load(tmp_path)


def test_a_class_may_be_named_train(tmp_path):
    write(tmp_path, "train", range(9))
    write(tmp_path, "tram", range(50, 59))
    assert load(tmp_path).train.class_names == ("train", "tram")


def test_without_a_folder_of_them_those_to_validate_on_are_drawn(tmp_path):
    for split, numbers in (("train", range(20)), ("test", range(20, 22))):
        write(tmp_path / split, "a", numbers)
        write(tmp_path / split, "b", [number + 50 for number in numbers])
    assert [len(split) for split in load(tmp_path)] == [36, 4, 4]
    assert [len(split) for split in load(tmp_path, validation_size=10)] == [30, 10, 4]


def test_pictures_know_their_files_however_they_are_split(folder, tmp_path):
    write(tmp_path / "split" / "train", "cat", range(6))
    write(tmp_path / "split" / "train", "dog", range(30, 36))
    write(tmp_path / "split" / "test", "dog", [40])
    for parent, count in ((folder, 50), (tmp_path / "split", 13)):
        found = {}
        for split in load(parent):
            assert (split.origin.source, split.origin.unit) == (parent.name, "file")
            found.update(zip(split.origin.places, split.images))
        assert len(found) == count
        for place, image in found.items():
            np.testing.assert_array_equal(image, pixels(int(place[-7:-4])))
            assert (parent / place).is_file()


def test_names_that_are_no_utf_8(folder):
    os.rename(folder / "cat" / "000.png", os.fsencode(folder / "cat") + b"/\xff.png")
    places = [place for split in load(folder) for place in split.origin.places]
    assert "cat/\\xff.png" in places and "cat/000.png" not in places
    os.rename(folder / "dog", os.fsencode(folder) + b"/\xff")
    with pytest.raises(DataError, match="pets/\udcff: names a class, and is no UTF-8; rename it"):
        load(folder)


def test_colours_become_grey_and_what_is_transparent_black(tmp_path):
    for label in "ab":
        write(tmp_path, label, range(3))
    Image.new("RGBA", (3, 4), (255, 255, 255, 0)).save(tmp_path / "a" / "000.png")
    Image.new("RGB", (3, 4), (0, 255, 0)).save(tmp_path / "a" / "001.png")
    found = {image.tobytes() for split in load(tmp_path) for image in split.images}
    assert {bytes(12), bytes([150] * 12)} <= found


@pytest.mark.parametrize(
    "spoil, message",
    [
        (lambda f: write(f, "dog", [99], size=(4, 4)), r"dog/099.png: has 4 x 4 pixels .*, .*cat/000.png 4 x 3; bring"),
        (lambda f: (f / "dog" / "099.jpg").touch(), "dog/099.jpg: is no .png file, .*; convert or move it"),
        (lambda f: shutil.copy(f / "cat" / "000.png", f), "pets/000.png: lies beside the classes' folders, .*; move"),
        (lambda f: (f / "a.JPG").touch(), "pets/a.JPG: lies beside the classes' folders"),
        (lambda f: (f / "dog" / "more").mkdir(), "dog/more: is a folder within a class's; move its pictures one "),
        (lambda f: (f / "dog" / "099.png").touch(), "dog/099.png: is empty; copy it anew"),
        (lambda f: os.mkfifo(f / "dog" / "099.png"), "dog/099.png: is no .png file, .*; convert or move it"),
        (lambda f: (f / "dog" / "099.png").write_bytes(b"GIF89a"), "dog/099.png: is no PNG picture, whatever its name"),
        (lambda f: cut_off(f / "dog" / "031.png", 45), "031.png: is damaged"),
        (lambda f: cut_off(f / "dog" / "031.png", 8), "031.png: is damaged .it ends within its header"),
        (lambda f: (f / "eel").mkdir(), "eel: holds no pictures; put .png files into it, or delete it"),
        (lambda f: write(f, "eel", range(2)), "class 'eel' has too few pictures .* .2.; give 3 or more of each class"),
    ],
    ids=["size", "JPEG", "loose", "loose JPEG", "folder", "empty", "pipe", "GIF", "cut off", "cut off in header",
         "empty class", "rare class"],
)  # fmt: skip
def test_what_cannot_be_used_is_named(folder, spoil, message):
    spoil(folder)
    with pytest.raises(DataError, match=message):
        load(folder)


def test_folders_that_leave_nothing_to_learn(tmp_path):
    with pytest.raises(DataError, match="is a folder without folders of pictures, one for each class; for texts, name"):
        load(tmp_path)
    write(tmp_path, "only", range(9))
    with pytest.raises(DataError, match="all pictures to train on are in the folder 'only'"):
        load(tmp_path)


def test_a_picture_that_claims_to_be_large_is_not_unpacked(folder):
    path = folder / "cat" / "000.png"
    content = path.read_bytes()
    path.write_bytes(content[:16] + (2**20).to_bytes(4, "big") * 2 + content[24:])
    with pytest.raises(DataError, match="000.png: has 1,099,511,627,776 pixels; at most 16,777,216 are read"):
        load(folder)


def test_a_class_that_is_not_trained_on(tmp_path):
    for split in ("train", "test"):
        for label in ("a", "b"):
            write(tmp_path / split, label, range(4))
    write(tmp_path / "test", "c", range(1))
    with pytest.raises(DataError, match="test/c: is of a class that no folder to train on has"):
        load(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_must_not_be_read(folder):
    (folder / "cat").chmod(0)
    with pytest.raises(DataError, match="cat: cannot be read .Permission denied.; change its permissions"):
        load(folder)


def test_views_and_augmentation_are_those_of_other_images(folder):
    splits = load(folder, view="columns", augment_shift=1)
    assert splits.train.step_shape == (3, 4)
    assert splits.train.augmentation.shift == 1
    with pytest.raises(ConfigError, match="--folds 3: folders of pictures are not cut into folds yet; leave it out"):
        load(folder, folds=3)


def test_a_trained_model_reads_such_a_folder_with_labels_or_without(folder):
    image_format = ImageFormat(4, 3, 16, "rows")
    found = read_own_pictures(folder, image_format, ("cat", "dog"))
    assert found.labelled and np.bincount(found.dataset.labels).tolist() == [30, 20]
    np.testing.assert_array_equal(found.dataset.images[31], np.rint(pixels(31) * (16 / 255)))
    with pytest.raises(DataError, match=r"20 of 50 labels are unknown to the model: 'dog' \(20\)"):
        read_own_pictures(folder, image_format, ("cat", "cow"))
    assert not read_own_pictures(folder, image_format, ("cat", "cow"), labelled=False).labelled


def test_pictures_that_train_and_test_are_told(tmp_path):
    for label, first in (("cat", 0), ("dog", 100)):
        write(tmp_path / "train", label, range(first, first + 20))
        write(tmp_path / "test", label, range(first + 18, first + 23))
    splits = load(tmp_path, validation_size=2)
    validating = sum(image.tobytes() in {pixels(n).tobytes() for n in (18, 19, 118, 119)}
                     for image in splits.validation.images)  # fmt: skip
    told = f"{4 - validating} of 10 test images are training images too"
    assert (splits.train.warnings, splits.validation.warnings) == ((), ())
    assert splits.test.warnings[-1] == told and len(splits.test.warnings) == 1 + (validating > 0)
    assert splits.test.subset(np.arange(3)).warnings == ()


def test_a_split_whose_name_has_a_capital_is_told(tmp_path):
    for split in ("Train", "Test"):
        write(tmp_path / split, "a", range(8))
    with pytest.raises(DataError, match="Test/a: is a folder within a class's; rename .*Test as test$"):
        load(tmp_path)
