"""Runs what is not measured yet, and writes results, figures and pages."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Set

from gluon_lstm.article.claim import Claim, Findings, Options, Picture, Record, Settings
from gluon_lstm.article.peers import check_keras, find_keras
from gluon_lstm.article.results import ADVICE_ON_DAMAGE, ORIGIN, ResultsDirectory, describe_origin, read_commit
from gluon_lstm.article.verdicts import decide
from gluon_lstm.errors import RunError, UserError
from gluon_lstm.rundir.lock import locked
from gluon_lstm.runtime import free_memory

UNFINISHED = {"verdict": None, **dict.fromkeys(("checks", "further", "notes", "tables", "listings", "figures"), [])}


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
        DataError: data of a run that is to be made are missing; told before the first run, as is the next.
        ConfigError: the Python that is named for Keras does not exist.
        RunError: that Python has no Keras; or the folder holds something else, cannot be written, or another process
            writes into it.
    """
    directory.check({claim.id: settings.of(claim) for claim in claims})
    _check_needs(claims, settings, directory)
    commit = read_commit()
    with locked(directory.path):
        for claim in claims:
            was_there, own = directory.exists(claim.id), settings.of(claim)
            records = _measure(claim, own, directory, command, commit, tell)
            with told_as_damage(directory.path / f"{claim.id}.json") if was_there else nullcontext():
                findings, pictures = claim.judge(records), claim.draw(records)
            _conclude(claim, own, directory, records, findings, pictures, tell)
    return {claim.id: directory.read(claim.id) for claim in claims}


class _Work(NamedTuple):
    """What is to be done for a claim.

    Attributes:
        plan: options of all its runs, in their order.
        made: records of the runs that were made earlier.
        kept: those of them that are not to be made again.
    """

    plan: List[Options]
    made: List[Record]
    kept: List[Record]

    def missing(self) -> List[Options]:
        """Returns the options of the runs to be made."""
        kept = [record.options for record in self.kept]
        return [options for options in self.plan if options not in kept]


def _survey(claim: Claim, settings: Settings, directory: ResultsDirectory) -> _Work:
    """Returns what is made of a claim's runs, and what is not."""
    plan = [json.loads(json.dumps(options)) for options in claim.plan(settings)]
    made = directory.records(claim.id, settings)
    return _Work(plan, made, [run for run in made if run.options in plan and not _can_be_tried_now(run)])


def _check_needs(claims: Sequence[Claim], settings: Settings, directory: ResultsDirectory) -> None:
    """Raises UserError where a run would find its data, or Keras's Python, missing, perhaps after hours of others."""
    from gluon_lstm.data import find_data

    found: Set[str] = set()
    for claim in claims:
        missing = _survey(claim, settings.of(claim), directory).missing()
        needed = {dataset for options in missing for dataset in _datasets(options)} - found
        try:
            for dataset in sorted(needed):
                find_data(dataset, settings.data_dir)
            if any(options.get("keras") or options.get("program") == "keras" for options in missing):
                check_keras()
        except UserError as error:
            raise type(error)(f"claim {claim.id}: {error}") from error
        found |= needed


def _datasets(options: Mapping[str, Any]) -> Iterator[str]:
    """Yields the names of data sets in a run's options, wherever they stand."""
    for name, value in options.items():
        if name == "dataset":
            yield value
        elif isinstance(value, Mapping):
            yield from _datasets(value)


def _measure(
    claim: Claim,
    settings: Settings,
    directory: ResultsDirectory,
    command: str,
    commit: Optional[str],
    tell: Callable[[str], None],
) -> List[Record]:
    """Makes the runs of a claim that are missing, and returns the records of all, in their order."""
    plan, made, kept = work = _survey(claim, settings, directory)
    dropped = sum(record.options not in plan for record in made)
    if dropped:
        tell(f"{claim.id}: {dropped} of {len(made)} earlier runs are no part of this release's claim, and are left out")
    missing = work.missing()
    tell(f"{claim.id}: {len(missing)} of {len(plan)} runs to make")
    for number, options in enumerate(missing, 1):
        record, origin = _run(claim, options, settings), describe_origin(command)
        kept.append(record._replace(commit=commit, date=origin["date"], machine=origin["machine"]))
        directory.write(claim.id, settings, kept, UNFINISHED, origin)
        tell(f"{claim.id}: run {number} of {len(missing)}, {record.seconds:.1f} s")
    return sorted(kept, key=lambda record: plan.index(record.options))


def _can_be_tried_now(record: Record) -> bool:
    """Whether a run could not be made for want of Keras, which is there now."""
    return not record.outcome.get("found", True) and find_keras() is not None


def _run(claim: Claim, options: Options, settings: Settings) -> Record:
    """Makes one run."""
    start = time.perf_counter()
    outcome = claim.measure(options, settings.data_dir)
    free_memory()
    return Record(options, outcome, round(time.perf_counter() - start, 2))


@contextmanager
def told_as_damage(path: Path) -> Iterator[None]:
    """Turns what outcomes of another form than a claim's own end in into a RunError that names their file."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise RunError(f"{path}: its runs cannot be judged ({reason}); {ADVICE_ON_DAMAGE}") from error


def _conclude(
    claim: Claim,
    settings: Settings,
    directory: ResultsDirectory,
    records: Sequence[Record],
    findings: Findings,
    pictures: Sequence[Picture],
    tell: Callable[[str], None],
) -> None:
    """Writes the file, figures and pages of a claim that has been judged, and the index."""
    from gluon_lstm.article import pages

    figures = [{"file": f"{claim.id}-{picture.name}.png", "caption": picture.caption} for picture in pictures]
    content = {
        "verdict": decide(findings.checks).value,
        "checks": [check.to_dict() for check in findings.checks],
        "further": [check.to_dict() for check in findings.further],
        "notes": list(findings.notes),
        "tables": [table._asdict() for table in findings.tables],
        "listings": [listing._asdict() for listing in findings.listings],
        "figures": figures,
    }
    for figure, picture in zip(figures, pictures):
        directory.write_figure(figure["file"], picture.figure)
    # Runs that were made earlier keep their origin, however they are judged today.
    written = directory.read(claim.id)
    directory.write(claim.id, settings, records, content, {name: written[name] for name in ORIGIN})
    pages.write_pages(directory, claim, tell)
