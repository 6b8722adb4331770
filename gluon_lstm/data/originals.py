"""Text corpora as their authors wrote them: each format read into texts and labels."""

from __future__ import annotations

import re
from typing import Dict, List, Mapping, NamedTuple, Optional, Sequence

SENTIMENTS = ("very negative", "negative", "neutral", "positive", "very positive")
"""Labels of the Stanford treebank's trees, 0 to 4."""
POLARITIES = ("negative", "negative", None, "positive", "positive")
"""The same without the neutral trees, which are left out."""
FOLDERS = {"neg": "negative", "pos": "positive"}
REVIEW_NAME = re.compile(r"aclImdb/(train|test)/(neg|pos)/\d+_\d+\.txt", re.ASCII)

_LEAF = re.compile(r"\([0-4] ([^()]+)\)")
_ROOT = re.compile(r"\(([0-4]) ")
_ESCAPES = {
    "-LRB-": "(", "-RRB-": ")", "-LSB-": "[", "-RSB-": "]", "-LCB-": "{", "-RCB-": "}",
}  # fmt: skip
"""How the Penn Treebank writes brackets, since it uses brackets itself."""


class Sample(NamedTuple):
    """A text and its label."""

    text: str
    label: str


def read_questions(content: bytes) -> List[Sample]:
    """Returns the questions of a TREC file, whose lines are such as ``DESC:manner How does it work ?``.

    The label is the coarse one, before the colon. The only byte outside ASCII,
    0xF0 in "sister?city", is damage and reads as a space.

    Raises:
        ValueError: a line is not of that form.
    """
    samples = []
    for number, line in enumerate(content.replace(b"\xf0", b" ").split(b"\n"), 1):
        labels, _, text = line.decode("latin-1").strip().partition(" ")
        coarse, colon, _ = labels.partition(":")
        if labels and not (coarse and colon and text):
            raise ValueError(f"line {number} is not a label, a space and a question")
        if labels:
            samples.append(Sample(text, coarse))
    return samples


def read_trees(content: bytes, label_names: Sequence[Optional[str]]) -> List[Sample]:
    """Returns the sentences of a Stanford treebank file, a tree a line: ``(3 (2 It) (3 works))``.

    Words stay apart by one space; escaped brackets and slashes are brackets and slashes again.

    Args:
        content: the file, UTF-8.
        label_names: name of each label of a whole sentence; ``None`` leaves such sentences out.

    Raises:
        ValueError: a line is not a tree.
    """
    samples = []
    for number, line in enumerate(content.decode("utf-8").split("\n"), 1):
        tree = line.strip()
        if not tree:
            continue
        root, words = _ROOT.match(tree), _LEAF.findall(tree)
        if root is None or not words or tree.count("(") != tree.count(")"):
            raise ValueError(f"line {number} is not a tree")
        label = label_names[int(root[1])]
        if label is not None:
            samples.append(Sample(" ".join(map(_unescape, words)), label))
    return samples


def _unescape(word: str) -> str:
    """Returns a word of the Penn Treebank as people write it."""
    for escape, bracket in _ESCAPES.items():
        word = word.replace(escape, bracket)
    return word.replace("\\/", "/").replace("\\*", "*")


def read_sentences(content: bytes, label: str) -> List[Sample]:
    """Returns the sentences of one of Pang and Lee's files, one a line, all with the same label."""
    texts = (_decode_western(line).strip() for line in content.split(b"\n"))
    return [Sample(text, label) for text in texts if text]


def _decode_western(line: bytes) -> str:
    """Returns a line of Windows-1252, or of Latin-1 where it has one of the five bytes that Windows-1252 lacks."""
    try:
        return line.decode("cp1252")
    except UnicodeDecodeError:
        return line.decode("latin-1")


def read_reviews(members: Mapping[str, bytes]) -> Dict[str, List[Sample]]:
    """Returns the reviews of each split of the Large Movie Review Dataset, sorted by file name, negative first.

    Line breaks ``<br />`` stay as they are.

    Args:
        members: name → content of the files whose names ``REVIEW_NAME`` matches.

    Raises:
        ValueError: a review is not UTF-8.
    """
    splits: Dict[str, List[Sample]] = {"train": [], "test": []}
    for name in sorted(members):
        split, folder = REVIEW_NAME.fullmatch(name).groups()
        splits[split].append(Sample(members[name].decode("utf-8"), FOLDERS[folder]))
    return splits
