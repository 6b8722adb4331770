"""The encoders and cells that the tests go through, with their oracles."""

from __future__ import annotations

from typing import Callable

import oracle
import pytest
from numerics import trace_with

from gluon_lstm.nn import GRU, LSTM, RNN, GRUEncoder, LSTMEncoder, RNNEncoder

ENCODERS = {
    "lstm": (LSTMEncoder, {}),
    "gru": (GRUEncoder, {}),
    "rnn tanh": (RNNEncoder, {"activation": "tanh"}),
    "rnn relu": (RNNEncoder, {"activation": "relu"}),
}
"""Class, and options beside those that all share."""

RECURRENCES = {"lstm": LSTM, "gru": GRU, "rnn tanh": RNN, "rnn relu": RNN}

CELL_OPTIONS = {
    "plain": {},
    "relu": {"activation": "relu"},
    "sigmoid": {"activation": "sigmoid"},
    "hard sigmoid": {"activation": "hard_sigmoid"},
    "recurrent hard sigmoid": {"recurrent_activation": "hard_sigmoid"},
    "recurrent tanh": {"recurrent_activation": "tanh"},
    "recurrent relu": {"recurrent_activation": "relu"},
    "peephole": {"peephole": True},
    "coupled": {"coupled": True},
    "layer norm": {"layer_norm": True},
    "projection": {"projection_size": 5},
    "peephole, coupled": {"peephole": True, "coupled": True},
    "layer norm, projection": {"layer_norm": True, "projection_size": 5},
    "hard, peephole, projection": {"recurrent_activation": "hard_sigmoid", "peephole": True, "projection_size": 5},
    "all": {
        "activation": "sigmoid", "recurrent_activation": "hard_sigmoid", "peephole": True, "coupled": True,
        "layer_norm": True, "projection_size": 5,
    },
}  # fmt: skip
"""Options of ``nn.recurrences.LSTM``, each alone and several together; the oracle's names are the same."""

UNITS = 8
"""H: of fewer, relus may all be 0, and layer normalization leaves so little that rounding shows in the rest."""

each_kind = pytest.mark.parametrize("kind", ENCODERS)
each_cell = pytest.mark.parametrize("options", CELL_OPTIONS.values(), ids=CELL_OPTIONS)
both_directions = pytest.mark.parametrize("bidirectional", [False, True], ids=["uni", "bi"])
with_lengths = pytest.mark.parametrize("padded", [False, True], ids=["full", "padded"])
each_implementation = pytest.mark.parametrize("implementation", ["fused", "cell"])


def make_encoder(kind: str, input_size=4, hidden_size=3, num_layers=1, bidirectional=False, **options):
    """Returns an encoder that is not yet initialized."""
    encoder, own = ENCODERS[kind]
    return encoder(hidden_size, input_size, num_layers, bidirectional, **own, **options)


def make_recurrence(kind: str, hidden_size: int):
    """Returns the cell of a kind."""
    return RECURRENCES[kind](hidden_size, **ENCODERS[kind][1])


def trace_kind(kind: str, function: Callable = oracle.encoder, **options) -> Callable:
    """Returns the oracle of a kind: of its encoder, or of another function around its cell."""
    return trace_with(function, cell=kind.split()[0], **ENCODERS[kind][1], **options)
