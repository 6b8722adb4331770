"""Results in the docs: what is judged of their runs today is what their files say."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from gluon_lstm.article import CLAIMS, ResultsDirectory, gradients
from gluon_lstm.article.claim import Record
from gluon_lstm.article.verdicts import decide

DOCS = Path(__file__).parents[2] / "docs"
KEPT = [(folder, name) for folder in ("article", "article-full")
        for name in CLAIMS if (DOCS / folder / f"{name}.json").exists()]  # fmt: skip


@pytest.mark.parametrize("folder, name", KEPT)
def test_runs_that_are_kept_are_judged_as_their_file_says(folder, name):
    kept = ResultsDirectory(DOCS / folder, CLAIMS).read(name)
    findings = CLAIMS[name].judge([Record(**run) for run in kept["runs"]])
    judged = json.loads(json.dumps({
        "verdict": decide(findings.checks).value,
        "checks": [check.to_dict() for check in findings.checks],
        "further": [check.to_dict() for check in findings.further],
        "notes": findings.notes,
        "tables": [table._asdict() for table in findings.tables],
    }))  # fmt: skip
    for part, value in judged.items():
        assert _is_same(value, kept[part]), part


def _is_same(one, other):
    """Whether two values agree, numbers to nine digits: sums have another order on another processor, and quantiles
    other last digits with another SciPy."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_is_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_is_same, one, other))
    if isinstance(one, float) and isinstance(other, (int, float)):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)
    return one == other


def test_what_differs_is_seen():
    kept = {"checks": [{"mean": 1.0, "answer": "no"}]}
    assert _is_same({"checks": [{"mean": 1.0 + 1e-11, "answer": "no"}]}, kept)
    assert not _is_same({"checks": [{"mean": 1.0 + 1e-8, "answer": "no"}]}, kept)
    assert not _is_same({"checks": [{"mean": 1.0, "answer": "yes"}]}, kept)
    assert not _is_same({"checks": [*kept["checks"], {}]}, kept) and not _is_same({}, kept)


@pytest.mark.parametrize("folder", ["article", "article-full"])
def test_norms_that_are_kept_are_seen_to_leave_float32_where_they_do(folder):
    """A norm that was rounded to fewer digits than the greatest number of float32 would be told as measured."""
    for run in ResultsDirectory(DOCS / folder, CLAIMS).read("gradients")["runs"]:
        norms = [norm for name in ("norms_before", "norms_after") for norm in run["outcome"].get(name, [])]
        assert all(norm <= gradients.CEILING and (norm < 3.4e38 or norm == gradients.CEILING) for norm in norms)
