"""A run that an earlier release ended within an epoch is gone on with, and ends as it did there."""

import csv
import json
import shutil
from pathlib import Path

import mxnet as mx
import numpy as np
import pytest

from gluon_lstm.data import load_splits
from gluon_lstm.data.idx import read_idx
from gluon_lstm.evaluation import load
from gluon_lstm.rundir import RunDirectory
from gluon_lstm.training import Fit, Progress

CONTRACT = Path(__file__).parents[1] / "data" / "contract"
STEPS, EPOCHS = 67, 8
ATOL = 1e-3
"""Processors add up in other orders. Weights that differ by a rounding each change the answers by less than 1e-6."""


@pytest.fixture
def ended(tmp_path):
    """A copy of the run."""
    return RunDirectory(shutil.copytree(CONTRACT / "resumable" / "run", tmp_path / "run"))


def go_on(directory):
    """Goes on with a run to its end; returns the steps that it had, and what its model answers."""
    config = directory.read_config()
    fitting = Fit(config, load_splits(config), [mx.cpu()], Progress(config.training.epochs))
    fitting.resume(directory)
    before = fitting.steps
    fitting.run(directory)
    return before, load(directory.path).predict_proba(read_idx(CONTRACT / "digits" / "images-ubyte", 3))


def records(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_it_goes_on_where_it_was_and_ends_as_it_did(ended):
    with open(CONTRACT / "resumable" / "answers.csv", newline="", encoding="utf-8") as file:
        expected = np.array(list(csv.reader(file))[1:], float)
    known = records(CONTRACT / "resumable" / "log.jsonl")
    before, answers = go_on(ended)
    assert before == STEPS
    assert (expected.max(axis=0) - expected.min(axis=0)).max() > 0.2
    np.testing.assert_allclose(answers, expected, atol=ATOL, rtol=0)
    log = ended.read_log()
    assert len(log) == len(known) == EPOCHS
    assert log[:4] == known[:4]  # seconds, too: these epochs were trained there
    for name in ("train_loss", "validation_loss", "learning_rate", "gradient_norm"):
        np.testing.assert_allclose([r[name] for r in log], [r[name] for r in known], rtol=1e-3, err_msg=name)


def test_each_of_its_checkpoints_is_read(ended):
    entries = ended.checkpoints.entries()
    assert [entry.step for entry in entries][-1] == STEPS and len(entries) > 1
    for entry in entries:
        assert ended.checkpoints.read(entry).step == entry.step
