"""Runs what is not measured yet, and writes results, figures and pages."""

from __future__ import annotations

import json
import time
from typing import Any, Callable, Dict, List, Sequence

from gluon_lstm.article.claim import Claim, Options, Record, Settings
from gluon_lstm.article.results import ORIGIN, ResultsDirectory, describe_origin, read_commit
from gluon_lstm.article.verdicts import decide
from gluon_lstm.rundir.lock import locked
from gluon_lstm.runtime import free_memory

UNFINISHED = {"verdict": None, "checks": [], "tables": [], "figures": []}


def reproduce(
    claims: Sequence[Claim],
    settings: Settings,
    directory: ResultsDirectory,
    command: str,
    tell: Callable[[str], None] = lambda line: None,
) -> Dict[str, Dict[str, Any]]:
    """Examines claims one by one; runs that a folder holds already are not made again.

    Args:
        claims: the claims.
        settings: how thoroughly.
        directory: where results go; written after every run.
        command: what the results name as their command.
        tell: told of each claim and run in a line.

    Returns:
        Each claim's file, by its id.

    Raises:
        RunError: the folder holds something else, cannot be written, or another process writes into it.
    """
    directory.check(settings, [claim.id for claim in claims])
    commit = read_commit()
    with locked(directory.path):
        for claim in claims:
            records = _measure(claim, settings, directory, command, commit, tell)
            _conclude(claim, settings, directory, records, tell)
    return {claim.id: directory.read(claim.id) for claim in claims}


def _measure(claim, settings, directory, command, commit, tell) -> List[Record]:
    """Makes the runs of a claim that are missing, and returns the records of all, in their order."""
    plan = [json.loads(json.dumps(options)) for options in claim.plan(settings)]
    made = directory.records(claim.id, settings)
    kept = [record for record in made if record.options in plan]
    missing = [options for options in plan if options not in [record.options for record in kept]]
    tell(f"{claim.id}: {len(missing)} of {len(plan)} runs to make")
    for number, options in enumerate(missing, 1):
        record = _run(claim, options, settings, commit)
        kept.append(record)
        directory.write(claim.id, settings, kept, UNFINISHED, describe_origin(command))
        tell(f"{claim.id}: run {number} of {len(missing)}, {record.seconds:.1f} s")
    return sorted(kept, key=lambda record: plan.index(record.options))


def _run(claim: Claim, options: Options, settings: Settings, commit) -> Record:
    """Makes one run."""
    start = time.perf_counter()
    outcome = claim.measure(options, settings.data_dir)
    free_memory()
    return Record(options, outcome, round(time.perf_counter() - start, 2), commit)


def _conclude(claim: Claim, settings: Settings, directory: ResultsDirectory, records, tell) -> None:
    """Judges a claim whose runs are all made, and writes its file, figures and pages, and the index."""
    from gluon_lstm.article import pages

    findings, pictures = claim.judge(records), claim.draw(records)
    figures = [{"file": f"{claim.id}-{picture.name}.png", "caption": picture.caption} for picture in pictures]
    content = {
        "verdict": decide(findings.checks).value,
        "checks": [check.to_dict() for check in findings.checks],
        "tables": [table._asdict() for table in findings.tables],
        "figures": figures,
    }
    for figure, picture in zip(figures, pictures):
        directory.write_figure(figure["file"], picture.figure)
    # Runs that were made earlier keep their origin, however they are judged today.
    written = directory.read(claim.id)
    directory.write(claim.id, settings, records, content, {name: written[name] for name in ORIGIN})
    pages.write_pages(directory, claim, tell)
