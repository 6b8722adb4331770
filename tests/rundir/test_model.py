"""The model of a run on texts: vocabulary and n-grams beside the parameters."""

import json
from dataclasses import replace

import numpy as np
import pytest

from gluon_lstm.data.encoding import TextFormat, Tokenization
from gluon_lstm.data.formats import read_format
from gluon_lstm.data.ngrams import NgramModel
from gluon_lstm.errors import DataError, RunError
from gluon_lstm.rundir import RunDirectory, SavedModel

TOKENS = ("<unk>", "<pad>", "好", "😀", "\u202e", "<script>", "\u2028", 'say "', "\\", "\ufffd", "é", "\x1c")
FORMAT = TextFormat(Tokenization("words", True, 400, "start"), TOKENS)
NGRAMS = NgramModel(
    (2, 0),
    np.array([1, 2**63, 2**64 - 1], np.uint64),
    np.eye(3, 2, dtype=np.float32),
    np.array([0.5, -0.5], np.float32),
)
MODEL = SavedModel(
    parameters={"embedding.weight": np.arange(24, dtype=np.float32).reshape(12, 2)},
    class_names=("负\u202e", "<b>"),
    step_shape=(None, 12),
    input_format={"kind": "text", **FORMAT.to_dict()},
    epoch=3,
    validation_accuracy=0.5,
    validation_loss=0.25,
    ngrams=NGRAMS,
)


@pytest.fixture
def run(tmp_path):
    made = RunDirectory.create(tmp_path / "run", {})
    made.save_model(MODEL)
    return made


def fails(run):
    with pytest.raises(RunError) as caught:
        run.load_model()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def change(path, **values):
    """Changes values of a JSON file."""
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **values}), encoding="utf-8")


def test_what_was_saved_comes_back(run):
    again = run.load_model()
    for name in ("class_names", "step_shape", "input_format", "epoch", "validation_accuracy", "validation_loss"):
        assert getattr(again, name) == getattr(MODEL, name), name
    assert list(again.parameters) == ["embedding.weight"]
    np.testing.assert_array_equal(again.parameters["embedding.weight"], MODEL.parameters["embedding.weight"])
    assert again.ngrams.orders == (2, 0)
    for name in ("keys", "weights", "biases"):
        np.testing.assert_array_equal(getattr(again.ngrams, name), getattr(NGRAMS, name))
        assert getattr(again.ngrams, name).dtype == getattr(NGRAMS, name).dtype
    assert read_format(again.input_format, "run") == FORMAT


def test_the_vocabulary_is_a_file_that_a_person_can_read(run):
    assert sorted(path.name for path in (run.path / "model").iterdir()) == [
        "model.json", "parameters.safetensors", "vocabulary.json",
    ]  # fmt: skip
    text = (run.path / "model" / "vocabulary.json").read_text(encoding="utf-8")
    assert "好" in text and "😀" in text
    assert json.loads(text) == {"version": 1, "tokens": list(TOKENS)}
    assert "vocabulary" not in json.loads((run.path / "model" / "model.json").read_text())["input_format"]


def test_saving_leaves_the_model_as_it_was(run):
    run.save_model(MODEL)
    assert MODEL.input_format["vocabulary"] == list(TOKENS)


def test_without_ngrams(run):
    run.save_model(replace(MODEL, ngrams=None))
    assert run.load_model().ngrams is None


def test_a_run_on_texts_can_be_replaced(run):
    RunDirectory.create(run.path, {}, force=True)
    assert [path.name for path in run.path.iterdir()] == ["config.json"]


@pytest.mark.parametrize("edit", [lambda text: text.replace("好", "坏"), lambda text: text + "\n", lambda text: "{"])
def test_a_vocabulary_edited_by_hand(run, edit):
    path = run.path / "model" / "vocabulary.json"
    path.write_text(edit(path.read_text(encoding="utf-8")), encoding="utf-8")
    line = f"{path}: damaged, its checksum is not the recorded one; train again or restore a copy"
    assert fails(run) == line


def test_a_vocabulary_that_is_missing(run):
    (run.path / "model" / "vocabulary.json").unlink()
    assert "vocabulary.json: cannot be read (" in fails(run)


def test_a_description_without_its_vocabularys_checksum(run):
    path = run.path / "model" / "model.json"
    values = json.loads(path.read_text(encoding="utf-8"))
    del values["vocabulary_sha256"]
    path.write_text(json.dumps(values))
    with pytest.raises(DataError, match="describes samples of a kind that this release does not know"):
        read_format(run.load_model().input_format, "model.json")


@pytest.mark.parametrize("value", [3, "x", [1]])
def test_a_checksum_that_is_none(run, value):
    change(run.path / "model" / "model.json", vocabulary_sha256=value)
    assert "vocabulary.json: damaged" in fails(run)


@pytest.mark.parametrize("value", [None, [], "text"])
def test_an_input_format_that_is_none(run, value):
    change(run.path / "model" / "model.json", input_format=value)
    assert "does not describe a model" in fails(run)


@pytest.mark.parametrize(
    "changed",
    [
        {"orders": (0, 0)}, {"keys": np.zeros(0, np.uint64), "weights": np.zeros((0, 2), np.float32)},
        {"biases": np.zeros(3, np.float32)}, {"weights": np.zeros((3, 3), np.float32)},
    ],
    ids=str,
)  # fmt: skip
def test_ngrams_of_another_form(run, changed):
    run.save_model(replace(MODEL, ngrams=replace(NGRAMS, **changed)))
    assert "parameters.safetensors: holds n-grams of another form" in fails(run)
