"""What model a report is about, in a sentence and as facts of a table."""

from __future__ import annotations

from typing import Any, Dict

from gluon_lstm.config import Config, ModelConfig
from gluon_lstm.evaluation.report.formats import count, percent
from gluon_lstm.rundir import SavedModel

ENCODERS = {"lstm": "LSTM", "gru": "GRU", "rnn": "plain recurrent network", "transformer": "Transformer"}
"""``--encoder`` → what it is called in a sentence."""


def model_sentence(config: Config, model: SavedModel) -> str:
    """Returns what model it is: encoder, sizes, parameters, and the epoch that it is of."""
    ngrams = "" if model.ngrams is None else ", mixed with a linear model of n-grams"
    return (
        f"The model, with {count(parameters_of(model))} parameters, is {_encoder(config.model)}{ngrams}; it is that of "
        f"epoch {model.epoch} of at most {config.training.epochs}, where {percent(model.validation_accuracy)} of the "
        f"validation samples were right."
    )


def _encoder(config: ModelConfig) -> str:
    """Returns what an encoder is made of."""
    name = ENCODERS[config.encoder]
    article = "an" if name == "LSTM" else "a"
    both = "" if config.encoder == "transformer" else " in each direction" if config.bidirectional else ", forward"
    layers = f"{config.num_layers} layer{'s' * (config.num_layers != 1)}"
    groups = f" for each of {config.groups} groups of features" if config.groups > 1 else ""
    return f"{article} {name} of {layers} with {count(config.hidden_size)} units{both}{groups}"


def model_facts(config: Config, model: SavedModel) -> Dict[str, Any]:
    """Returns the same as rows of a table, name → value; of texts, without the groups that pictures' features have."""
    parts = config.model
    facts = {
        "Encoder": parts.encoder,
        "Layers": parts.num_layers,
        "Units of a layer and direction": count(parts.hidden_size),
        "Directions": 2 if parts.bidirectional and parts.encoder != "transformer" else 1,
        **({} if model.reads_texts else {"Groups of features": parts.groups}),
        "Pooling": parts.pooling,
        "Parameters": count(parameters_of(model)),
        "Epoch of the model": f"{model.epoch} of at most {config.training.epochs}",
        "Validation accuracy of that epoch": percent(model.validation_accuracy),
    }
    if model.ngrams is not None:
        facts["N-grams, tokens and characters"] = f"up to {parts.ngrams} and {parts.character_ngrams}"
    return facts


def parameters_of(model: SavedModel) -> int:
    """Returns how many numbers the network has learned; those of an n-gram model beside it do not count."""
    return sum(int(array.size) for array in model.parameters.values())
