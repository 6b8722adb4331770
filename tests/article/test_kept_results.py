"""Results in the docs: what is judged of their runs today is what their files say."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from gluon_lstm.article import CLAIMS, ResultsDirectory, gradients
from gluon_lstm.article.claim import Record
from gluon_lstm.article.verdicts import decide

DOCS = Path(__file__).parents[2] / "docs"
KEPT = [(folder, name) for folder in ("article", "article-full")
        for name in CLAIMS if (DOCS / folder / f"{name}.json").exists()]  # fmt: skip

DIGITS = 12 if sys.version_info >= (3, 11) else 9
"""The SciPy that there is for Python 3.9 and 3.10 gives other last digits of Student's quantiles."""


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
        assert _rounded(value) == _rounded(kept[part]), part


def _rounded(value):
    """Returns a value whose numbers have ``DIGITS``, for sums are in another order on another processor."""
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


@pytest.mark.parametrize("folder", ["article", "article-full"])
def test_norms_that_are_kept_are_seen_to_leave_float32_where_they_do(folder):
    """A norm that was rounded to fewer digits than the greatest number of float32 would be told as measured."""
    for run in ResultsDirectory(DOCS / folder, CLAIMS).read("gradients")["runs"]:
        norms = [norm for name in ("norms_before", "norms_after") for norm in run["outcome"].get(name, [])]
        assert all(norm <= gradients.CEILING and (norm < 3.4e38 or norm == gradients.CEILING) for norm in norms)
