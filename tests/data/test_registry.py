from dataclasses import fields

import pytest

from gluon_lstm.config import Config, DataConfig
from gluon_lstm.data.registry import dataset_names, load_splits
from gluon_lstm.errors import ConfigError


def test_names():
    corpora = ("trec", "sst2", "sst5", "imdb", "mr", "subj", "cr", "mpqa")
    assert dataset_names() == ("digits", "mnist", "sentences", *corpora)


def test_help_names_every_data_set():
    (field,) = (item for item in fields(DataConfig) if item.name == "dataset")
    assert all(name in field.metadata["help"] for name in dataset_names())


def test_unknown_name_lists_the_known_ones():
    message = r"--dataset cifar: no such data set; choose from digits, mnist, .*, or give a \.csv, \.tsv"
    with pytest.raises(ConfigError, match=message):
        load_splits(Config(data=DataConfig(dataset="cifar")))


@pytest.mark.parametrize("name", ["digits", "mnist"])
def test_folds_are_for_data_without_a_test_split(name):
    with pytest.raises(ConfigError, match=f"--folds 2: {name} has a test split; leave it out"):
        load_splits(Config(data=DataConfig(dataset=name, folds=2)))


def test_an_idx_file_is_told_how_it_is_read(tmp_path):
    (tmp_path / "train-images-idx3-ubyte").touch()
    message = f"is an IDX file; four of them are read by --dataset mnist --data-dir {tmp_path}$"
    with pytest.raises(ConfigError, match=message):
        load_splits(Config(data=DataConfig(dataset=str(tmp_path / "train-images-idx3-ubyte"))))
