"""Checks of the options that blocks are made with: each names the option and the values it may take."""

from typing import Iterable


def check_choice(option: str, value: str, choices: Iterable[str]) -> None:
    """Raises ValueError unless ``value`` is among ``choices``."""
    if value not in choices:
        raise ValueError(f"{option} {value!r}: use one of {', '.join(choices)}")


def check_shares(**options: float) -> None:
    """Raises ValueError if an option is not a share that can be dropped: at least 0, below 1."""
    for name, value in options.items():
        if not 0 <= value < 1:
            raise ValueError(f"{name} {value}: must be at least 0 and below 1")


def check_sizes(**options: int) -> None:
    """Raises ValueError if an option is below 1."""
    for name, value in options.items():
        if value < 1:
            raise ValueError(f"{name} {value}: must be at least 1")
