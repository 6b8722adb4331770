"""LSTM sequence classification on Apache MXNet Gluon."""

from importlib import import_module

from gluon_lstm import runtime
from gluon_lstm.version import __version__

# MXNet reads its thread count when it is imported, so this comes before any of the names below.
runtime.prepare_import()

_HOMES = {
    "SequenceClassifier": "gluon_lstm.nn",
    "LSTMCell": "gluon_lstm.nn",
    "LSTMEncoder": "gluon_lstm.nn",
    "GRUEncoder": "gluon_lstm.nn",
    "RNNEncoder": "gluon_lstm.nn",
    "TransformerEncoder": "gluon_lstm.nn",
    "TextClassifier": "gluon_lstm.nn",
    "Predictor": "gluon_lstm.evaluation",
    "load": "gluon_lstm.evaluation",
    "seed_everything": "gluon_lstm.runtime",
}

__all__ = ["__version__", *sorted(_HOMES)]


def __dir__():
    """Returns the names there are, with those that are imported when they are first used."""
    return sorted({*globals(), *__all__})


def __getattr__(name: str):
    """Imports a public name when it is first used, so that ``--help`` need not wait for MXNet."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'gluon_lstm' has no attribute {name!r}")
