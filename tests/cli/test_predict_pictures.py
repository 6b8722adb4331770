"""predict on pictures: the numbers of ``load(RUN).predict_proba``, from PNG and IDX files."""

import csv
import gzip
import io
import json

import numpy as np
import pytest
from commands import idx
from PIL import Image
from sklearn.datasets import load_digits

import gluon_lstm
from gluon_lstm.errors import DataError


@pytest.fixture(scope="session")
def digits():
    """The first pictures of the digits, (300, 8, 8) uint8 from 0 to 16."""
    return load_digits().images[:300].astype(np.uint8)


@pytest.fixture
def png(tmp_path):
    """A function that writes a digit, 0 to 16, as a PNG file in the test's folder."""

    def write(name, digit):
        Image.fromarray(np.rint(digit * (255 / 16)).astype(np.uint8)).save(tmp_path / "work" / name, format="PNG")
        return name

    return write


def check(out, run, images):
    rows = list(csv.DictReader(io.StringIO(out)))
    predictor = gluon_lstm.load(run)
    expected = predictor.predict_proba(images)
    assert [int(row["index"]) for row in rows] == list(range(len(images)))
    assert [row["predicted"] for row in rows] == predictor.predict(images)
    found = [[float(row[f"p:{name}"]) for name in predictor.class_names] for row in rows]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    return rows


def test_pictures_get_an_answer_to_read(cli, trained, digits, png):
    code, out, err = cli("predict", trained, png("a.png", digits[0]), png("b.png", digits[1]))
    assert (code, err) == (0, "")
    lines, expected = out.splitlines(), gluon_lstm.load(trained).predict_proba(digits[:2])
    assert lines[::2] == ["a.png", "b.png"]
    for answer, row in zip(lines[1::2], expected):
        assert answer.startswith(f"  {row.argmax()} {row.max():.2%}  (")
        assert answer.count("%") == 10


def test_a_png_by_value(cli, trained, digits, png):
    out = cli("predict", trained, "--input", png("a.png", digits[5]), "--probabilities").out
    check(out, trained, digits[5:6])
    out = cli("predict", trained, "--input", png("a.png", 16 - digits[5]), "--probabilities", "--invert").out
    check(out, trained, digits[5:6])


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_idx_files_by_value(cli, trained, digits, tmp_path, pack):
    (tmp_path / "work" / "images").write_bytes(pack(idx(digits)))
    code, out, err = cli("predict", trained, "--input", "images", "--probabilities", "--with-input")
    assert (code, err) == (0, "")
    rows = check(out, trained, digits)
    assert [row["file"] for row in rows[::299]] == ["images[0]", "images[299]"]


def test_several_files_as_json_lines(cli, trained, digits, png):
    names = [png(f"{index}.png", digits[index]) for index in range(3)]
    out = cli("predict", trained, *names, "--format", "jsonl", "--with-input").out
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row["file"] for row in rows] == names
    assert [row["predicted"] for row in rows] == gluon_lstm.load(trained).predict(digits[:3])


@pytest.mark.parametrize("option", [(), ("--input",)], ids=["as a sample", "as the input"])
def test_a_folder_stands_for_the_pictures_in_it(cli, trained, digits, png, tmp_path, option):
    (tmp_path / "work" / "inbox" / "old.png").mkdir(parents=True)
    (tmp_path / "work" / "inbox" / "notes.txt").touch()
    (tmp_path / "work" / "inbox" / ".hidden.png").touch()
    names = [png(f"inbox/{index}.PNG", digits[index]) for index in (2, 0, 1)]
    out = cli("predict", trained, *option, "inbox", "--format", "csv", "--probabilities", "--with-input").out
    assert [row["file"] for row in check(out, trained, digits[:3])] == sorted(names)


@pytest.mark.parametrize(
    "options, message",
    [
        (["a.png", "empty"], "empty: holds no .png files; name a folder that does, or the files"),
        (["some text"], "some text: no such file; the run reads pictures, so give PNG or IDX files"),
        (["a.png", "none.png"], "none.png: no such file"),
        (["--input", "-"], "-: no such file; the run reads pictures"),
        (["--input", "texts.csv"], "texts.csv: is neither a PNG picture nor an IDX file, which are what the run reads"),
        (["a.png", "big.png"], "big.png: has 9 x 7 pixels (height x width), the model reads 8 x 8; scale it to that"),
        (["big"], "big: has 9 x 8 pixels (height x width), the model reads 8 x 8"),
        (["bright"], "bright: has values up to 200, the model reads 0 to 16; give values as in its training"),
        (["a.png", "--output", "a.png"], "--output a.png: is what is to be read"),
        ([".", "--output", "a.png", "--force"], "--output a.png: is what is to be read"),
        (["./", "--output", "link.csv", "--force"], "--output link.csv: is what is to be read"),
        (["--input", ".", "--output", "a.png", "--force"], "--output a.png: is what is to be read"),
    ],
)
def test_mistakes(refuses, trained, digits, png, tmp_path, options, message):
    work = tmp_path / "work"
    png("a.png", digits[0])
    png("big.png", np.zeros((9, 7)))
    (work / "big").write_bytes(idx(np.zeros((2, 9, 8), np.uint8)))
    (work / "bright").write_bytes(idx(np.full((2, 8, 8), 200, np.uint8)))
    (work / "texts.csv").write_text("text\ngood\n")
    (work / "empty").mkdir()
    (work / "link.csv").symlink_to("a.png")
    assert message in refuses("predict", trained, *options)


@pytest.mark.parametrize("name", ["config.json", "model/parameters.safetensors"])
def test_the_run_is_not_replaced(refuses, trained, digits, png, name):
    file, picture = trained / name, png("a.png", digits[0])
    before = file.read_bytes()
    message = refuses("predict", trained, "--input", picture, "--output", file, "--force")
    assert f"--output {file}: is a part of the run; choose another file" in message
    assert file.read_bytes() == before


def test_flags_without_effect_are_named(cli, trained, digits, png):
    err = cli("predict", trained, png("a.png", digits[0]), "--encoding", "utf-8", "--text-column", "a").err
    assert err.splitlines() == [
        "warning: --encoding has no effect: the run reads pictures",
        "warning: --text-column has no effect: the run reads pictures",
    ]


def test_an_output_that_is_not_finite_is_no_blank_answer(trained, digits):
    predictor = gluon_lstm.load(trained)
    for parameter in predictor.net.collect_params().values():
        parameter.set_data(parameter.data() * np.nan)
    with pytest.raises(DataError, match="images: the model's output is not finite; train again"):
        predictor.predict_proba(digits)
