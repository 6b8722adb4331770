"""What a report says of the model that it is about."""

from __future__ import annotations

import numpy as np
import pytest

from gluon_lstm.cli.reporting import provenance_of
from gluon_lstm.config import Config, merge
from gluon_lstm.evaluation.report import model_facts, model_sentence
from gluon_lstm.rundir import RunDirectory, SavedModel

PARAMETERS = {"a": np.zeros((30, 40), np.float32), "b": np.zeros(34, np.float32)}


def model(ngrams=None, kind="image") -> SavedModel:
    """Returns a model of 1,234 parameters."""
    return SavedModel(PARAMETERS, ("a", "b"), (8, 8), {"kind": kind}, 3, 0.9125, 0.3, ngrams)


@pytest.mark.parametrize(
    "options, told, directions",
    [
        ({}, "an LSTM of 1 layer with 128 units in each direction", 2),
        ({"bidirectional": False, "num_layers": 2}, "an LSTM of 2 layers with 128 units, forward", 1),
        ({"encoder": "gru", "hidden_size": 2048}, "a GRU of 1 layer with 2,048 units in each direction", 2),
        ({"encoder": "rnn", "groups": 2},
         "a plain recurrent network of 1 layer with 128 units in each direction for each of 2 groups of features", 2),
        ({"encoder": "transformer", "num_layers": 3}, "a Transformer of 3 layers with 128 units", 1),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)  # fmt: skip
def test_the_sentence_names_encoder_sizes_parameters_and_epoch(options, told, directions):
    config = merge(Config(), {"model": options, "training": {"epochs": 7}, "data": {"view": "rows+columns"}})
    assert model_sentence(config, model()) == (
        f"The model, with 1,234 parameters, is {told}; it is that of epoch 3 of at most 7, where 91.25 % of the "
        f"validation samples were right."
    )
    facts = model_facts(config, model())
    assert facts["Parameters"] == "1,234" and facts["Epoch of the model"] == "3 of at most 7"
    assert facts["Encoder"] == config.model.encoder and facts["Directions"] == directions


def test_a_mixture_is_told():
    config = merge(Config(), {"model": {"ngrams": 3, "character_ngrams": 5}})
    sentence = model_sentence(config, model(ngrams=object()))
    assert "in each direction, mixed with a linear model of n-grams; it is that" in sentence
    assert model_facts(config, model(ngrams=object()))["N-grams, tokens and characters"] == "up to 3 and 5"


def test_of_texts_nothing_is_told_that_pictures_alone_have(tmp_path):
    assert model_facts(Config(), model())["Groups of features"] == 1
    assert "Groups of features" not in model_facts(Config(), model(kind="text"))
    run = RunDirectory.create(tmp_path / "run", Config().to_dict())
    details = [provenance_of("run", run, Config(), model(kind=kind)).details for kind in ("image", "text")]
    assert ["View" in facts for facts in details] == [True, False]
    assert not any("Training samples" in facts for facts in details)


def test_it_is_told_how_much_the_training_had(tmp_path):
    record = {**Config().to_dict(), "dataset": {"splits": {"train": {"samples": 2_000, "sha256": "x"}}}}
    details = provenance_of("run", RunDirectory.create(tmp_path / "run", record), Config(), model()).details
    assert details["Training samples"] == "2,000"
