"""The pages' texts in another language than English.

Texts are written in English where they arise: in the templates, in the claims, in the result files. Their
translations are gettext catalogues, ``locale/LANGUAGE/NAME.po``, one a claim beside ``names.po``, what claims
share, and ``pages.po``, the templates. An id may have parameters: ``{layers} layers, as wide`` is that of
``2 layers, as wide``. What a parameter stands for is translated too, unless it is written as ``{machine!s}``;
``{low:n}`` stands for a number alone.
"""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path
from string import Formatter
from typing import BinaryIO, Dict, List, Mapping, NamedTuple, Optional, Pattern

ENGLISH, CHINESE = "en", "zh"
LANGUAGES = {ENGLISH: "English", CHINESE: "中文"}
"""Languages of the pages → what they call themselves."""
_NUMBER = r"[-+]?\d[\d.,]*(?:e[-+]?\d+)?%?"


class _Form(NamedTuple):
    """An entry with parameters.

    Attributes:
        pattern: what its id fits, a group a parameter.
        translation: with the same parameters.
        verbatim: parameters whose values stay as they are.
    """

    pattern: Pattern[str]
    translation: str
    verbatim: frozenset


class Translator:
    """Translates texts, and takes note of those that it cannot.

    Args:
        entries: English → the other language, both with the same parameters; ``None`` leaves all texts in English.

    Attributes:
        missing: the texts that no entry fits, in the order in which they came.
        is_english: whether all texts stay as they are.
    """

    def __init__(self, entries: Optional[Mapping[str, str]]) -> None:
        self.missing: List[str] = []
        self.is_english = entries is None
        self._entries = entries
        # The more of an id is fixed, the more it says: such ids are tried first.
        with_parameters = sorted((name for name in entries or {} if parameters(name)), key=_fixed_length, reverse=True)
        self._forms = [_read_form(name, entries[name]) for name in with_parameters]

    def __call__(self, text: str) -> str:
        """Returns a text's translation, or the text where there is none; one without letters is the same in all."""
        english = one_line(text)
        if self._entries is None or not any(map(str.isalpha, english)) or re.fullmatch(_NUMBER, english):
            return text
        if english in self._entries:
            return self._entries[english]
        for form in self._forms:
            match = form.pattern.fullmatch(english)
            if match:
                values = match.groupdict()
                return form.translation.format_map({n: v if n in form.verbatim else self(v) for n, v in values.items()})
        if english not in self.missing:
            self.missing.append(english)
        return text


def make_translator(language: str) -> Translator:
    """Returns the translator of the pages into one of ``LANGUAGES``."""
    return Translator(None if language == ENGLISH else read_entries(language))


def read_entries(language: str, folder: Optional[Path] = None) -> Dict[str, str]:
    """Returns all entries of a language's catalogues, in a folder such as ``locale``, by default that of the pages."""
    entries: Dict[str, str] = {}
    catalogues = (folder or resources.files("gluon_lstm.article") / "locale") / language
    for file in sorted(catalogues.iterdir(), key=lambda file: file.name):
        with file.open("rb") as stream:
            entries.update(read_catalogue(stream))
    return entries


def read_catalogue(stream: BinaryIO) -> Dict[str, str]:
    """Returns a gettext catalogue's entries that are translated, as they stand on one line.

    Raises:
        babel.messages.pofile.PoFileError: it is none.
    """
    from babel.messages.pofile import read_po

    messages = read_po(stream, abort_invalid=True)
    return {one_line(m.id): m.string for m in messages if m.id and m.string and not m.fuzzy}


def parameters(text: str) -> Dict[str, Optional[str]]:
    """Returns a text's parameters, each with its conversion: ``{"machine": "s"}`` of ``{machine!s}``."""
    return {name: conversion for _, name, _, conversion in Formatter().parse(text) if name is not None}


def one_line(text: str) -> str:
    """Returns a text with single spaces in the place of all white space, as it is looked up."""
    return " ".join(text.split())


def _read_form(english: str, translation: str) -> _Form:
    """Returns an entry with parameters."""
    parts: List[str] = []
    for fixed, name, kind, _ in Formatter().parse(english):
        parts.append(re.escape(fixed))
        if name is not None:
            parts.append(f"(?P<{name}>{_NUMBER if kind == 'n' else '.+?'})")
    verbatim = frozenset(name for name, conversion in parameters(english).items() if conversion)
    return _Form(re.compile("".join(parts)), translation, verbatim)


def _fixed_length(english: str) -> int:
    """Returns how many characters of an id are no parameters."""
    return sum(len(fixed) for fixed, *_ in Formatter().parse(english))
