"""The claims, in the order of the article's sections."""

from __future__ import annotations

from typing import Dict, List, Sequence

from gluon_lstm.article import (
    adam,
    alternatives,
    augmentation,
    cell,
    depth,
    dropout,
    gradients,
    mnist,
    parallel,
    second_model,
    stability,
    text,
)
from gluon_lstm.article.claim import Claim
from gluon_lstm.errors import ConfigError, did_you_mean, quoted

CLAIMS: Dict[str, Claim] = {
    module.CLAIM.id: module.CLAIM
    for module in (
        gradients, cell, parallel, stability, text, mnist, second_model, adam, augmentation, depth, alternatives,
        dropout,
    )  # fmt: skip
}


def find_claims(names: Sequence[str]) -> List[Claim]:
    """Returns the claims of these names, each once, or all where none is named.

    Raises:
        ConfigError: there is no such claim.
    """
    for name in names:
        if name not in CLAIMS:
            hint = did_you_mean(name, CLAIMS) or f"; choose from {', '.join(CLAIMS)}"
            raise ConfigError(f"{quoted(name)}: no such claim{hint}")
    return [claim for claim in CLAIMS.values() if not names or claim.id in names]
