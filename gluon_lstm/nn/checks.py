"""Checks of the options that blocks are made with: each names the option and the values it may take."""

import inspect
from numbers import Integral, Real
from typing import Any, Callable, Iterable, List

import numpy as np

from gluon_lstm.errors import did_you_mean

_OF_GLUON = ("prefix", "params")
_ELSEWHERE = {
    **dict.fromkeys(("batch_first", "layout", "time_major"), "inputs are always (time steps, batch, features)"),
    **dict.fromkeys(("bias", "use_bias"), "there are always biases"),
    **dict.fromkeys(("return_sequences", "return_state"), "an encoder gives its outputs at all steps and the last"),
    "recurrent_dropout": "recurrent encoders have weight_dropout and zoneout in its place",
    "stateful": "every sequence starts from zeros",
}
"""What to know in the place of an option of PyTorch's, Keras's or Gluon's that has no counterpart of like name."""


def parameter_names(*makers: Callable) -> List[str]:
    """Returns the names of the parameters of some functions or ``__init__``, each once, those of Gluon left out."""
    signatures = [inspect.signature(maker).parameters.values() for maker in makers]
    named = [p.name for parameters in signatures for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    return [name for name in dict.fromkeys(named) if name not in ("self", *_OF_GLUON)]


def check_options(owner: str, options: Iterable[str], known: List[str]) -> None:
    """Raises TypeError if an option's name is neither among ``known`` nor one of Gluon's."""
    for name in options:
        if name not in known and name not in _OF_GLUON:
            hint = f"; {_ELSEWHERE[name]}" if name in _ELSEWHERE else did_you_mean(name, known)
            raise TypeError(f"{owner} has no option {name!r}: it has {', '.join(dict.fromkeys(known))}{hint}")


def check_flags(**options: bool) -> None:
    """Raises ValueError if an option is neither ``True`` nor ``False``."""
    for name, value in options.items():
        if not isinstance(value, (bool, np.bool_)):
            raise ValueError(f"{name} {value!r}: must be True or False")


def check_choice(option: str, value: str, choices: Iterable[str]) -> None:
    """Raises ValueError unless ``value`` is among ``choices``."""
    if value not in choices:
        raise ValueError(f"{option} {value!r}: use one of {', '.join(choices)}")


def check_finite(**options: float) -> None:
    """Raises ValueError if an option is not a finite number."""
    for name, value in options.items():
        if not (_is_number(value, Real) and np.isfinite(value)):
            raise ValueError(f"{name} {value!r}: must be a finite number")


def check_shares(**options: float) -> None:
    """Raises ValueError if an option is not a share that can be dropped: at least 0, below 1."""
    for name, value in options.items():
        if not (_is_number(value, Real) and 0 <= value < 1):
            raise ValueError(f"{name} {value!r}: must be at least 0 and below 1")


def check_sizes(least: int = 1, **options: int) -> None:
    """Raises ValueError if an option is not a whole number, or below ``least``."""
    for name, value in options.items():
        if not _is_number(value, Integral):
            raise ValueError(f"{name} {value!r}: must be a whole number")
        if value < least:
            raise ValueError(f"{name} {value}: must be at least {least}")


def _is_number(value: Any, kind: type) -> bool:
    """Whether a value is a number of a kind; ``True`` and ``False`` are no numbers here."""
    return isinstance(value, kind) and not isinstance(value, bool)
