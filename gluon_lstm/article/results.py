"""The folder of results: the only reader and writer of it.

::

    OUTPUT/
      CLAIM.json          settings, every run's options and outcome, checks and verdict, origin
      CLAIM-NAME.png      its figures
      CLAIM.md            its page, made from the JSON file, with MADE_HERE at its end
      index.md            all verdicts, likewise

    TRANSLATION/         the same pages in another language, which lead to the files above
"""

from __future__ import annotations

import datetime
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence

from gluon_lstm import runtime
from gluon_lstm.article.claim import Record, Settings
from gluon_lstm.article.translation import ENGLISH
from gluon_lstm.atomic import replacing_file
from gluon_lstm.errors import RunError
from gluon_lstm.rundir.files import explained, read_json, write_json

RESULTS_VERSION = 1
ORIGIN = ("command", "date", "machine", "versions")
"""What a result says of where its numbers come from, as ``describe_origin`` returns it."""
INDEX = "index.md"
MADE_HERE = "<!-- made by gluon-lstm reproduce -->"
"""What pages end with, and pages of others do not, which are not replaced."""
ADVICE = "choose another folder with --output"
"""What to do about a folder or file that cannot be used, for the end of an error's line."""
ADVICE_ON_DAMAGE = f"{ADVICE}, or delete the file, and its runs are made anew"
"""The same about a file whose content is damaged."""
_ADVICE_ON_PAGES = "choose another folder with --chinese"
_CHECKOUT = Path(__file__).resolve().parents[2]
_CHECKS = [dict(says=str, unit=str, mean=float, low=float, high=float, least=float, answer=str)]
_FORM = {
    "settings": {"quick": bool, "seeds": int, "share": float},
    "verdict": (str, type(None)),
    "checks": _CHECKS,
    "further": _CHECKS,
    "notes": [str],
    "listings": [{"title": str, "code": str}],
    "tables": [{"title": str, "columns": [str], "rows": [[str]]}],
    "figures": [{"file": str, "caption": str}],
    "runs": [{"options": dict, "outcome": dict, "seconds": float, "commit": (str, type(None)), "date": str,
              "machine": str}],
    "versions": dict,
    **dict.fromkeys(("command", "date", "machine"), str),
}
"""What every reader of a claim's file needs, as ``_has_form`` takes it."""
_MOST_LEVELS = 20
"""Of lists and objects in each other in a run; those of the claims have four."""


class ResultsDirectory:
    """A folder that results go into, and come back from.

    Args:
        path: the folder.
        claims: ids of all claims there are.
        translations: language → folder of the pages in it, apart from that of the results.

    Attributes:
        path: the folder.
        languages: those of the pages, English first.
    """

    def __init__(self, path: Path, claims: Iterable[str], translations: Optional[Mapping[str, Path]] = None) -> None:
        self.path, self._claims = Path(path), tuple(claims)
        self._pages = {ENGLISH: self.path, **(translations or {})}
        self.languages = tuple(self._pages)

    def check(self, settings: Mapping[str, Settings]) -> None:
        """Raises RunError where the folder holds files that are none of results, or results that would be lost.

        Args:
            settings: claim → how thoroughly it is to be examined.
        """
        self._check_apart()
        for folder in self._pages.values():
            with explained(folder, self._advice(folder)):
                for entry in sorted(folder.iterdir()) if folder.exists() else ():
                    self._check_entry(entry)
        for claim, own in settings.items():
            self.records(claim, own)
        self.finished()  # which the index needs at the end, hours later

    def records(self, claim: str, settings: Settings) -> List[Record]:
        """Returns the runs of a claim that were made already.

        Raises:
            RunError: its file is damaged, or is of settings whose results these would replace.
        """
        path = self.path / f"{claim}.json"
        if not self.exists(claim):
            return []
        content = self.read(claim)
        kept = content["settings"]
        if (kept["quick"], kept["share"]) != (settings.quick, settings.share):
            form, share = "quick" if kept["quick"] else "full", kept["share"]
            steps = "" if share == settings.share else f" with {share:.0%} of the training steps (--share {share:g})"
            raise RunError(f"{path}: holds results of the {form} form{steps}, which these would replace; {ADVICE}")
        if kept["seeds"] > settings.seeds:
            raise RunError(f"{path}: holds results of {kept['seeds']} seeds; give as many with --seeds, or {ADVICE}")
        return [Record(**record) for record in content["runs"]]

    def read(self, claim: str) -> Dict[str, Any]:
        """Returns the content of a claim's file.

        Raises:
            RunError: there is none, or it is damaged or of another version.
        """
        path = self.path / f"{claim}.json"
        content = read_json(path, advice=ADVICE_ON_DAMAGE)
        if (content.get("version"), content.get("claim")) != (RESULTS_VERSION, claim) or not _is_whole(content):
            raise RunError(f"{path}: holds no results of {claim} that this release reads; {ADVICE_ON_DAMAGE}")
        return content

    def exists(self, claim: str) -> bool:
        """Whether there is a file of a claim."""
        return (self.path / f"{claim}.json").exists()

    def finished(self) -> List[str]:
        """Returns the claims all of whose runs were made."""
        return [claim for claim in self._claims if self.exists(claim) and self.read(claim)["verdict"]]

    def write(
        self,
        claim: str,
        settings: Settings,
        records: Sequence[Record],
        findings: Mapping[str, Any],
        origin: Mapping[str, Any],
    ) -> None:
        """Writes a claim's file.

        Args:
            claim: its id.
            settings: those of the runs.
            records: the runs made so far.
            findings: verdict, checks, tables, figures and so on; the verdict is ``None`` before all runs were made.
            origin: where the numbers come from.
        """
        kept = {"quick": settings.quick, "seeds": settings.seeds, "share": settings.share}
        content = {"version": RESULTS_VERSION, "claim": claim, "settings": kept, **findings, **origin,
                   "runs": [record._asdict() for record in records]}  # fmt: skip
        with explained(self.path, ADVICE):
            write_json(self.path / f"{claim}.json", content)

    def ways_from(self, language: str) -> Dict[str, str]:
        """Returns what links from a language's pages to those of each start with: nothing, or ``../FOLDER/``.

        Files of the results are in the folder of the English ones.
        """
        ways = {other: os.path.relpath(folder, self._pages[language]) for other, folder in self._pages.items()}
        return {other: "" if way == os.curdir else f"{Path(way).as_posix()}/" for other, way in ways.items()}

    def write_text(self, name: str, text: str, language: str = ENGLISH) -> None:
        """Writes a page in one of the languages."""
        folder = self._pages[language]
        with explained(folder, self._advice(folder)):
            folder.mkdir(parents=True, exist_ok=True)
            with replacing_file(folder / name) as temporary:
                temporary.write_text(text, encoding="utf-8")

    def write_figure(self, name: str, figure: Any) -> None:
        """Writes a Matplotlib figure as PNG."""
        from gluon_lstm.evaluation import plots

        with explained(self.path, ADVICE), replacing_file(self.path / name) as temporary:
            plots.save(figure, temporary)

    def _advice(self, folder: Path) -> str:
        """Returns what to do about a folder that cannot be used."""
        return ADVICE if folder == self.path else _ADVICE_ON_PAGES

    def _check_apart(self) -> None:
        """Raises RunError where the pages of two languages would share a folder, or one would lie in another."""
        first, *others = (folder.resolve() for folder in self._pages.values())
        for folder in others:
            if first == folder or first in folder.parents or folder in first.parents:
                raise RunError(f"{folder}: must be apart from the results in {first}; {_ADVICE_ON_PAGES}")

    def _check_entry(self, entry: Path) -> None:
        """Raises RunError where an entry of a folder is no part of results or pages, whatever its name."""
        ids = "|".join(map(re.escape, self._claims))
        kinds = r"\.json|\.md|-[a-z-]+\.png" if entry.parent == self.path else r"\.md"
        if not re.fullmatch(rf"index\.md|({ids})({kinds})|\..*", entry.name) or not entry.is_file():
            raise RunError(
                f"{entry.parent}: holds {entry.name!r}, which is no part of results; {self._advice(entry.parent)}"
            )
        if _is_foreign(entry):
            advice = self._advice(entry.parent)
            raise RunError(f"{entry}: was not made by this command, which would replace it; move it, or {advice}")


def _is_foreign(entry: Path) -> bool:
    """Whether a file that has a page's or a figure's name is none; what is wrong with a JSON file is told when read."""
    if entry.suffix == ".md":
        end = f"{MADE_HERE}\n".encode("ascii")
        with entry.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - len(end)))
            return file.read(len(end)) != end
    if entry.suffix == ".png":
        from gluon_lstm.evaluation import plots

        return not plots.is_own(entry)
    return False


def _is_whole(content: Mapping[str, Any]) -> bool:
    """Whether a claim's file has what every reader of it needs."""
    return (
        _has_form(content, _FORM)
        and all(isinstance(version, str) for version in content["versions"].values())
        and all(table["rows"] for table in content["tables"])
        and bool(content["runs"])
        and all(set(run) == set(Record._fields) and _is_nested_within(run, _MOST_LEVELS) for run in content["runs"])
    )


def _has_form(value: Any, form: Any) -> bool:
    """Whether a value is of a form.

    Args:
        value: of a JSON file.
        form: a type, of which ``float`` takes whole numbers, too; several in a tuple; of a list's items in a list; or
            an object's names, with the form of each, beside which it may have others.
    """
    if isinstance(form, tuple):
        return any(_has_form(value, one) for one in form)
    if isinstance(form, list):
        return isinstance(value, list) and all(_has_form(item, form[0]) for item in value)
    if isinstance(form, dict):
        has_names = isinstance(value, dict) and set(form) <= set(value)
        return has_names and all(_has_form(value[name], one) for name, one in form.items())
    if form is float:
        return type(value) in (int, float) and abs(value) <= sys.float_info.max
    return type(value) is form


def _is_nested_within(value: Any, levels: int) -> bool:
    """Whether so many levels of lists and objects hold a value."""
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return not inside or (levels > 0 and all(_is_nested_within(item, levels - 1) for item in inside))


def describe_origin(command: str) -> Dict[str, Any]:
    """Returns where numbers come from: the command, its date, versions and machine."""
    described = runtime.describe()
    threads = runtime.tell_threads(described.pop("threads"))
    machine = f"{described.pop('processor')}, {described.pop('machine')}, {threads}"
    return {"command": command, "date": datetime.date.today().isoformat(), "machine": machine, "versions": described}


def read_commit() -> Optional[str]:
    """Returns the commit of the checkout that this package runs from, marked where code differs; ``None`` elsewhere.

    Pages and results, which the runs themselves write, are no code.
    """
    commit = _ask_git("describe", "--always", "--abbrev=12")
    changed = _ask_git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs")
    return commit + "-dirty" * bool(changed) or None


def _ask_git(*arguments: str) -> str:
    """Returns what git answers about the checkout; nothing where there is none, or no git."""
    if not (_CHECKOUT / ".git").exists():
        return ""
    try:
        answer = subprocess.run(["git", *arguments], cwd=_CHECKOUT, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return answer.stdout.strip()
