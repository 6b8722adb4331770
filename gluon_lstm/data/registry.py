"""The data sets that can be asked for by name."""

from __future__ import annotations

from typing import Callable, Dict, Tuple

from gluon_lstm.config import DataConfig
from gluon_lstm.data.dataset import DataSplits
from gluon_lstm.data.digits import load_digits
from gluon_lstm.data.mnist import load_mnist
from gluon_lstm.errors import ConfigError

LOADERS: Dict[str, Callable[[DataConfig], DataSplits]] = {"digits": load_digits, "mnist": load_mnist}


def dataset_names() -> Tuple[str, ...]:
    """Returns the names that ``load_splits`` knows."""
    return tuple(LOADERS)


def load_splits(config: DataConfig) -> DataSplits:
    """Reads the data set that the configuration names.

    Raises:
        ConfigError: no such data set, or options that do not fit it.
        DataError: files that are missing, damaged or of the wrong form.
    """
    if config.dataset not in LOADERS:
        raise ConfigError(f"--dataset {config.dataset}: no such data set; choose from {', '.join(dataset_names())}")
    return LOADERS[config.dataset](config)
