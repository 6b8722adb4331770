"""Words of a wrong text, marked by how much they mattered."""

from __future__ import annotations

from typing import List, NamedTuple

import numpy as np

from gluon_lstm.evaluation import plots
from gluon_lstm.evaluation.explanations import Occlusion

LEVELS = 4
"""Strengths of a mark in either direction."""
ENDS = 60
"""Tokens that are shown of each end of a longer text."""
WIDTH = 40
"""Columns of a token at most."""


class MarkedWord(NamedTuple):
    """A word and its mark: above 0 it speaks for the predicted class, below 0 against it, 0 neither."""

    text: str
    level: int


def mark_words(occlusion: Occlusion) -> List[MarkedWord]:
    """Returns a text's words with their marks, those of the word that mattered most the strongest."""
    most = np.abs(occlusion.drops).max()
    levels = np.rint(LEVELS * occlusion.drops / most).astype(int) if most > 0 else np.zeros(len(occlusion.drops), int)
    words = [MarkedWord(plots.short_name(token, WIDTH), int(level)) for token, level in zip(occlusion.tokens, levels)]
    return words if len(words) <= 2 * ENDS else [*words[:ENDS], MarkedWord("…", 0), *words[-ENDS:]]
