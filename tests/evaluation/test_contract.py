"""Run directories that an earlier release made load, and answer as they did. ``data/make_contract.py`` made them."""

import csv
from pathlib import Path

import numpy as np
import pytest

from gluon_lstm.data.idx import read_idx
from gluon_lstm.errors import DataError
from gluon_lstm.evaluation import load
from gluon_lstm.rundir import RunDirectory

CONTRACT = Path(__file__).parents[1] / "data" / "contract"


def answers(dataset):
    """Returns class names and probabilities (N, K) as the release answered that made the run."""
    with open(CONTRACT / dataset / "answers.csv", newline="", encoding="utf-8") as file:
        names, *rows = csv.reader(file)
    return tuple(names), np.array(rows, float)


def samples(dataset):
    if dataset == "digits":
        return read_idx(CONTRACT / dataset / "images-ubyte", 3)
    return (CONTRACT / dataset / "texts.txt").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("dataset, count", [("digits", 24), ("sentences", 10)])
def test_a_run_of_an_earlier_release_answers_as_it_did(dataset, count):
    names, expected = answers(dataset)
    predictor = load(CONTRACT / dataset / "run")
    assert predictor.class_names == names
    assert len(expected) == count
    # What a constant answer could pass would be no contract.
    assert (expected.max(axis=0) - expected.min(axis=0)).max() > 0.2
    np.testing.assert_allclose(predictor.predict_proba(samples(dataset)), expected, atol=1e-5, rtol=0)


def test_a_model_of_pictures_does_not_answer_lines():
    with pytest.raises(DataError, match="^predict_lines: the model reads pictures; give them to predict_proba$"):
        load(CONTRACT / "digits" / "run").predict_lines(["a line"])


@pytest.mark.parametrize("batch_size", [1, 7, 24, 100])
def test_pictures_say_the_same_in_batches_of_any_size(batch_size):
    predictor, images = load(CONTRACT / "digits" / "run"), samples("digits")
    found = predictor.predict_proba(images, batch_size)
    np.testing.assert_allclose(found, answers("digits")[1], atol=1e-5, rtol=0)


@pytest.mark.parametrize("dataset, epochs", [("digits", 12), ("sentences", 12)])
def test_its_configuration_and_log_are_read(dataset, epochs):
    run = RunDirectory.open(CONTRACT / dataset / "run")
    assert run.read_config().data.dataset == dataset
    assert run.read_config().training.epochs == len(run.read_log()) == epochs
