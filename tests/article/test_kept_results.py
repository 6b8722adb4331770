"""Results in the docs: what is judged of their runs today is what their files say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gluon_lstm.article import CLAIMS, ResultsDirectory
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
        assert _rounded(value) == _rounded(kept[part]), part


def _rounded(value):
    """Returns a value whose numbers have twelve digits, for sums are in another order on another processor."""
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return float(f"{value:.12g}") if isinstance(value, float) else value
