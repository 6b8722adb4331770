"""What every claim has: one interface for all of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from gluon_lstm.article.verdicts import Check
from gluon_lstm.errors import ConfigError

FEWEST_SEEDS, MOST_SEEDS = 2, 100
"""An interval needs two seeds."""
USUAL_SEEDS = 3
"""Of a claim that has no number of its own, and of the quick form, so that it takes minutes."""

Options = Mapping[str, Any]
"""What one run is, as plain values: two runs of the same options at one commit are the same run.

What is fixed in a claim's code, such as how many samples are scored, is not among them: whoever changes that deletes
the claim's file, so that all its runs are made again."""
Outcome = Dict[str, Any]
"""What a run came to, as plain values."""


@dataclass(frozen=True)
class Settings:
    """How thoroughly claims are examined.

    Attributes:
        quick: whether on embedded data and generated tasks alone, in minutes; else on the full data too.
        seeds: runs of each kind, with the seeds 0, 1, …; ``None`` for as many as the claim and the form have.
        share: share of each run's training steps that is taken; 1 but for tests of the machinery.
        data_dir: folder of the data sets; ``None`` for where they are looked for otherwise.
    """

    quick: bool = False
    seeds: Optional[int] = None
    share: float = 1.0
    data_dir: Optional[str] = None

    def __post_init__(self) -> None:
        if self.seeds is not None and not FEWEST_SEEDS <= self.seeds <= MOST_SEEDS:
            raise ConfigError(f"--seeds {self.seeds}: must be from {FEWEST_SEEDS} to {MOST_SEEDS}; "
                              f"an interval needs {FEWEST_SEEDS}")  # fmt: skip
        if not 0 < self.share <= 1:
            raise ConfigError(f"--share {self.share:g}: must be above 0, at most 1")

    def of(self, claim: Claim) -> Settings:
        """Returns the settings with the claim's own number of seeds, where none is asked for."""
        own = USUAL_SEEDS if self.quick else claim.full_seeds
        return self if self.seeds is not None else replace(self, seeds=own)

    def steps(self, quick: int, full: int) -> int:
        """Returns how many training steps, or epochs, a run takes: those of the form, cut to the share."""
        return max(1, round(self.share * (quick if self.quick else full)))


class Record(NamedTuple):
    """A run that was made.

    Attributes:
        options: what it was.
        outcome: what it came to.
        seconds: wall-clock time it took.
        commit: the checkout's commit it was made with; ``None`` where that is unknown.
        date: the day, as YYYY-MM-DD; ``None`` until the run is written.
        machine: processor, system, cores and threads; likewise.
    """

    options: Options
    outcome: Outcome
    seconds: float
    commit: Optional[str] = None
    date: Optional[str] = None
    machine: Optional[str] = None


class Table(NamedTuple):
    """A table for the page; its cells are texts, the first column names the row."""

    title: str
    columns: Tuple[str, ...]
    rows: Tuple[Tuple[str, ...], ...]


class Listing(NamedTuple):
    """Lines of Python for the page, and what they are about."""

    title: str
    code: str


class Findings(NamedTuple):
    """What a claim's runs say.

    Attributes:
        checks: what the verdict follows from.
        tables: the numbers.
        further: checks that do not count, for they are of what was mended first.
        notes: sentences that follow from the numbers.
        listings: code that the numbers are about.
    """

    checks: Tuple[Check, ...]
    tables: Tuple[Table, ...]
    further: Tuple[Check, ...] = ()
    notes: Tuple[str, ...] = ()
    listings: Tuple[Listing, ...] = ()


class Picture(NamedTuple):
    """A figure, the end of its file's name, and what it shows."""

    name: str
    caption: str
    figure: Any


@dataclass(frozen=True)
class Claim:
    """Something that the article says, and how it is examined.

    Attributes:
        id: its name on the command line and of its files.
        title: its page's heading.
        says: what the article says, in a phrase of our own.
        section: the article's section that says so.
        experiment: what is measured and how, as Markdown.
        remark: what is to be put right in the article's words, whatever the runs say, as Markdown.
        plan: settings → the options of every run.
        measure: makes one run: its options, and the folder of data sets or ``None`` → its outcome.
        judge: the records of all runs → findings.
        draw: the same → pictures.
        quick_note: what the quick form cannot show, for its pages, as Markdown.
        full_seeds: seeds of the full form, where none are asked for.
    """

    id: str
    title: str
    says: str
    section: str
    experiment: str
    remark: str
    plan: Callable[[Settings], List[Options]]
    measure: Callable[[Options, Optional[str]], Outcome]
    judge: Callable[[Sequence[Record]], Findings]
    draw: Callable[[Sequence[Record]], List[Picture]]
    quick_note: str = ""
    full_seeds: int = USUAL_SEEDS
