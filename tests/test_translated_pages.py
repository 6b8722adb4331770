"""Pages in two languages say the same: commands, code, figures, links."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import List, NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAIRS = {
    "README.md": "README.zh-CN.md",
    "docs/tutorial.md": "docs/zh/tutorial.md",
    "docs/article-corrected.md": "docs/zh/article-corrected.md",
}
"""Page → the same in Chinese."""
each_pair = pytest.mark.parametrize("names", PAIRS.items(), ids=lambda names: names[0])


class Page(NamedTuple):
    """A page, taken apart.

    Attributes:
        path: from the project's root.
        blocks: kind and lines of each code block.
        rows: cells of each table's rows.
        headings: levels of the headings.
        text: all but code blocks.
    """

    path: Path
    blocks: List[tuple]
    rows: List[List[str]]
    headings: List[int]
    text: str


def read(name):
    """Returns a page, taken apart."""
    content = (ROOT / name).read_text(encoding="utf-8")
    blocks = re.findall(r"^ *```([^\n]*)\n(.*?)^ *```", content, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"^ *```.*?^ *```\n", "", content, flags=re.MULTILINE | re.DOTALL)
    lines = [line for line in text.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    headings = [len(marks) for marks in re.findall(r"^(#+) ", text, flags=re.MULTILINE)]
    return Page(Path(name), [(kind, block.splitlines()) for kind, block in blocks], rows, headings, text)


def commands(page):
    """Returns the blocks of code without comments, and of those that show a folder the names alone."""
    return [
        (kind, [re.sub(r"\s*#.*", "", line) if kind else line.split("  (")[0].split()[:1] for line in lines])
        for kind, lines in map(unexplained, page.blocks)
    ]


def unexplained(block):
    """Returns a block without what stands far to the right of its lines, the meanings of equations."""
    kind, lines = block
    return kind, [re.sub(r"(?<=\S) {3,}.*", "", line) for line in lines]


def numbers(text):
    """Returns how often each number is in a text, but for those in the links' targets."""
    return Counter(re.findall(r"\d+(?:[.,]\d+)*", re.sub(r"\]\([^)]*\)", "]", text)))


def code_of(text):
    """Returns how often each piece of code is in a text."""
    return Counter(re.sub(r"\s+", " ", code) for code in re.findall(r"`([^`]+)`", text))


def targets(page):
    """Returns the links' and pictures' targets from the project's root, those of headings without the heading."""
    found = re.findall(r"\]\(([^)#]+)", page.text)
    return [target if "://" in target else (ROOT / page.path.parent / target).resolve() for target in found]


def in_chinese(target):
    """Returns the Chinese form of a link's target, where there is one; of a pair of pages always the same one."""
    if not isinstance(target, Path):
        return target
    pairs = {ROOT / one: ROOT / other for one, other in PAIRS.items()}
    if target in pairs or DOCS not in target.parents:
        return pairs.get(target, target)
    form = DOCS / "zh" / target.relative_to(DOCS)
    return form if form.exists() else target


@each_pair
def test_code_is_the_same(names):
    english, chinese = map(read, names)
    assert commands(english) == commands(chinese)
    if names[0].startswith("docs/"):
        assert list(map(unexplained, english.blocks)) == list(map(unexplained, chinese.blocks))


@each_pair
def test_headings_and_tables_have_the_same_form(names):
    english, chinese = map(read, names)
    assert english.headings == chinese.headings
    assert [len(row) for row in english.rows] == [len(row) for row in chinese.rows]


@each_pair
def test_numbers_are_the_same_in_tables_row_by_row(names):
    english, chinese = map(read, names)
    for one, other in zip(english.rows, chinese.rows):
        assert [numbers(cell) for cell in one] == [numbers(cell) for cell in other]


@each_pair
def test_numbers_and_names_are_the_same_in_the_text(names):
    english, chinese = map(read, names)
    assert numbers(english.text) == numbers(chinese.text)
    assert code_of(english.text) == code_of(chinese.text)


@each_pair
def test_links_lead_to_the_same_places_or_to_their_chinese_form(names):
    english, chinese = ({in_chinese(target) for target in targets(read(name))} for name in names)
    assert chinese - {DOCS / "zh" / "index.md"} == english - {DOCS / "zh" / "index.md"}
    assert all(target.exists() for target in chinese if isinstance(target, Path))


@each_pair
def test_each_leads_to_the_other(names):
    for here, there in (names, names[::-1]):
        assert (ROOT / there).resolve() in targets(read(here))[:2]
