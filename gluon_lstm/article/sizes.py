"""Nets of different kinds that learn equally many numbers."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from gluon_lstm.config import TRANSFORMER_HEADS, ModelConfig


@cache
def count_weights(config: ModelConfig, features: int, classes: int) -> int:
    """Returns how many numbers a classifier learns, counted in the net itself.

    Args:
        config: the net's options.
        features: C, numbers of a time step; of texts, those of a token's vector, and the vectors are not counted.
        classes: K.
    """
    from gluon_lstm.nn import count_parameters
    from gluon_lstm.nn.build import make_net

    return count_parameters(make_net(config, (None, features), classes))


def equal_units(config: ModelConfig, features: int, classes: int, target: int) -> int:
    """Returns the units a layer with which a net learns as nearly ``target`` numbers as it can.

    Args:
        config: the net's options; its units are not looked at.
        features: C, as of ``count_weights``.
        classes: K.
        target: numbers to be learnt.
    """
    multiple = TRANSFORMER_HEADS if config.encoder == "transformer" else 1

    def count(place: int) -> int:
        return count_weights(replace(config, hidden_size=multiple * place), features, classes)

    low, high = 0, 1
    while count(high) < target:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count(middle) < target else (low, middle)
    return multiple * min((place for place in (low, high) if place), key=lambda place: abs(count(place) - target))
