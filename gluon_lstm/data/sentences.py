"""Made-up sentences whose label depends on words far apart: the text to try things on without a download."""

from __future__ import annotations

from functools import cache
from typing import List, Sequence, Tuple

import numpy as np

SIZES = {"train": 3_000, "validation": 500, "test": 1_000}
SEED = 1_997  # never changes, so that accuracies compare between runs and releases

AFFIRMING = ("I would say that", "everybody agrees that", "it is plain that", "we found that", "she insists that")
NEGATING = ("I would never say that", "nobody agrees that", "it is untrue that", "we doubt that", "she denies that")
SUBJECTS = ("the film", "this novel", "the concert", "that play", "her last album", "the new series", "his speech")
ASIDES = (
    "which a {} critic saw in {}", "that opened on a {} evening in {}", "which followed a {} exhibition in {}",
    "that my {} neighbour brought from {}", "which was shown with a {} comedy in {}",
)  # fmt: skip
PLACES = ("Oslo", "Lima", "Accra", "Hanoi", "Quebec", "Naples", "Kyoto", "Perth")
VERBS = ("was", "seemed", "turned out to be", "had been", "remained", "felt")
GOOD = ("brilliant", "moving", "delightful", "clever", "gripping", "warm", "superb", "charming")
BAD = ("dull", "clumsy", "tedious", "shallow", "hollow", "annoying", "dreadful", "bland")
LABELS = ("negative", "positive")


def make_sentences(split: str) -> Tuple[List[str], List[str]]:
    """Returns the sentences of a split and their labels; the same ones every time.

    A sentence affirms, or in three of ten denies, that something is good or bad: one that
    denies the bad is positive. Between the two words that decide stand one or two asides
    with adjectives of their own, which say nothing. A model that looks at words alone, or at few
    side by side, is right seven times in ten.

    Args:
        split: ``train``, ``validation`` or ``test``.
    """
    texts, labels = zip(*_make(split))
    return list(texts), list(labels)


@cache
def _make(split: str) -> Tuple[Tuple[str, str], ...]:
    """Returns the sentences of a split with their labels, which takes a fifth of a second, but only once."""
    rng = np.random.default_rng([SEED, list(SIZES).index(split)])
    return tuple(_sentence(rng) for _ in range(SIZES[split]))


def _sentence(rng: np.random.Generator) -> Tuple[str, str]:
    """Returns one sentence and its label."""
    denies, good = rng.random(2) < (0.3, 0.5)
    asides = [
        _pick(ASIDES, rng).format(_pick(GOOD + BAD, rng), _pick(PLACES, rng)) for _ in range(rng.integers(1, 3))
    ]
    words = [
        _pick(NEGATING if denies else AFFIRMING, rng),
        _pick(SUBJECTS, rng),
        " and ".join(asides),
        _pick(VERBS, rng),
        _pick(GOOD if good else BAD, rng),
    ]
    sentence = " ".join(words) + "."
    return sentence[0].upper() + sentence[1:], LABELS[int(good != denies)]


def _pick(choices: Sequence[str], rng: np.random.Generator) -> str:
    return choices[rng.integers(len(choices))]
