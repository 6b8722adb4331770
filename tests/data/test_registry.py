from dataclasses import fields

import pytest

from gluon_lstm.config import Config, DataConfig
from gluon_lstm.data.registry import dataset_names, load_splits
from gluon_lstm.errors import ConfigError


def test_help_names_every_data_set():
    (field,) = (item for item in fields(DataConfig) if item.name == "dataset")
    assert all(name in field.metadata["help"] for name in dataset_names())


def test_unknown_name_lists_the_known_ones():
    with pytest.raises(ConfigError, match="--dataset cifar: no such data set; choose from digits, mnist"):
        load_splits(Config(data=DataConfig(dataset="cifar")))
