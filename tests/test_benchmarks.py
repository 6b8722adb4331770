"""The benchmarks see that what they time computes the same, before they time it."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
LENGTHS = np.array([7, 1, 4])


@pytest.fixture
def exact_lengths(monkeypatch):
    """The benchmark's module."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("exact_lengths")


def test_exact_forms_agree_and_those_that_ignore_lengths_differ(exact_lengths, capsys):
    apart = exact_lengths.check_forms(LENGTHS, hidden=6, embedding=5)
    assert {"ours", "fused", "per_direction"} <= set(apart)
    assert all((difference <= 1e-6) == (name in exact_lengths.EXACT) for name, difference in apart.items())
    assert "fused: ignores lengths, differs from ours by" in capsys.readouterr().out


@pytest.mark.parametrize("name, offset", [("per_direction", 1e-3), ("fused", 0.0)])
def test_forms_that_are_not_what_they_are_said_to_be_are_not_timed(exact_lengths, monkeypatch, name, offset):
    outputs = exact_lengths.outputs_of_forms
    monkeypatch.setattr(
        exact_lengths,
        "outputs_of_forms",
        lambda *arguments: {**outputs(*arguments), name: outputs(*arguments)["ours"] + offset},
    )
    with pytest.raises(SystemExit, match=f"^{name} does not compute what it is said to"):
        exact_lengths.check_forms(LENGTHS, hidden=6, embedding=5)
