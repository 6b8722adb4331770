"""Samples that two splits share, which make a model look better than it is."""

from __future__ import annotations

from itertools import combinations
from typing import Dict, Hashable, List, Mapping, Sequence, Tuple

from gluon_lstm.data.dataset import SPLITS


def shared_samples(samples: Mapping[str, Sequence[Hashable]], kind: str) -> Dict[str, Tuple[str, ...]]:
    """Returns split → how many of its samples an earlier split has, too, as clauses; none of where that is none.

    Args:
        samples: what is read, by split; none of splits that are not compared.
        kind: what a sample is called, such as ``text``.
    """
    known = {split: set(samples.get(split, ())) for split in SPLITS[:-1]}
    found: Dict[str, List[str]] = {split: [] for split in SPLITS}
    for split, earlier in combinations(reversed(SPLITS), 2):
        again = sum(sample in known[earlier] for sample in samples.get(split, ()))
        if again:
            clause = f"{again:,} of {len(samples[split]):,} {split} {kind}s are {adjective(earlier)} {kind}s too"
            found[split].append(clause)
    return {split: tuple(clauses) for split, clauses in found.items()}


def adjective(split: str) -> str:
    """Returns what a message calls the samples of a split."""
    return "training" if split == "train" else split
