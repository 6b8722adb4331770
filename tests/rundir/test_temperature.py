"""The temperature that a run keeps."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from gluon_lstm.errors import RunError
from gluon_lstm.rundir import (
    FittedTemperature,
    RunDirectory,
    SavedModel,
    model_checksum,
    read_temperature,
    write_temperature,
)

FITTED = FittedTemperature(1.25, 500, 30, 0.4, 0.39, "abc")
MODEL = SavedModel({"w": np.zeros(3, np.float32), "b": np.ones(2, np.float32)}, ("x", "y"), (None, 3), {}, 1, 0.5, 0.7)


@pytest.fixture
def run(tmp_path):
    return RunDirectory.create(tmp_path / "run", {})


def test_it_comes_back(run):
    assert read_temperature(run, "abc") is None
    write_temperature(run, FITTED)
    assert read_temperature(run, "abc") == FITTED


def test_that_of_another_model_or_release_is_none(run):
    write_temperature(run, FITTED)
    assert read_temperature(run, "abd") is None
    path = run.path / "evaluation" / "temperature.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "version": 1}))
    assert read_temperature(run, "abc") is None


@pytest.mark.parametrize("changes", [{"temperature": "1"}, {"temperature": 0}, {"temperature": -1.5},
                                     {"samples": 1.5}, {"more": 1}], ids=str)  # fmt: skip
def test_a_damaged_one_is_told(run, changes):
    write_temperature(run, FITTED)
    path = run.path / "evaluation" / "temperature.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    with pytest.raises(RunError, match="temperature.json: holds no temperature; delete it") as caught:
        read_temperature(run, "abc")
    assert "\n" not in str(caught.value)


def test_it_is_part_of_a_run(run):
    write_temperature(run, FITTED)
    RunDirectory.create(run.path, {}, force=True)
    assert read_temperature(run, "abc") is None


def test_the_checksum_is_of_names_and_numbers():
    checksum = model_checksum(MODEL)
    backwards = dict(reversed(MODEL.parameters.items()))
    assert checksum == model_checksum(replace(MODEL, parameters=backwards, epoch=9))
    changed = [{"w": np.zeros(3, np.float32), "c": np.ones(2, np.float32)},
               {"w": np.zeros(3, np.float32), "b": np.full(2, 2, np.float32)},
               {"w": np.zeros((3, 1), np.float32), "b": np.ones(2, np.float32)}]  # fmt: skip
    assert len({checksum, *(model_checksum(replace(MODEL, parameters=part)) for part in changed)}) == 4
