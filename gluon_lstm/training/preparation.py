"""What a training needs before its first step: a net for the data, and what trains it."""

from __future__ import annotations

import sys
from typing import NamedTuple, Sequence

import mxnet as mx
from mxnet.gluon import HybridBlock

from gluon_lstm.config import Config, ModelConfig, preset
from gluon_lstm.data import SequenceDataset
from gluon_lstm.data.encoding import PADDING
from gluon_lstm.data.vectors import read_vectors
from gluon_lstm.errors import ConfigError
from gluon_lstm.nn import TokenEmbedding, build_net
from gluon_lstm.nn.text import INITIAL_DEVIATION
from gluon_lstm.training.loss import balanced_weights
from gluon_lstm.training.step import Stepper


class Prepared(NamedTuple):
    """A net that is ready to be trained, and what trains it."""

    net: HybridBlock
    stepper: Stepper


def prepare_training(config: Config, train: SequenceDataset, devices: Sequence[mx.Context]) -> Prepared:
    """Returns a new net for the training data, with pretrained vectors where it has such, and its stepper.

    Raises:
        ConfigError: options that do not fit the data or each other.
        DataError: the file of vectors cannot be used.
    """
    _check_options(config, train)
    num_classes = len(train.class_names)
    net = build_net(config.model, train.step_shape, num_classes, devices, train.symbols)
    if train.symbols:
        _prepare_embedding(net.embedding, config.model, train.reader.format.vocabulary)
    weights = balanced_weights(train.labels, num_classes) if config.training.class_weights else None
    return Prepared(net, Stepper(net, config.training, devices, weights))


def _check_options(config: Config, train: SequenceDataset) -> None:
    """Raises ConfigError where the configuration asks for what only texts, or only images, have."""
    usual = preset(config.preset)
    if train.symbols and usual.data.view != Config().data.view:
        raise ConfigError(f"--preset {config.preset}: is for images, and {train.name} holds texts; "
                          "use another, such as text")  # fmt: skip
    options = {"--adversarial": config.training.adversarial, "--ngrams": config.model.ngrams,
               "--character-ngrams": config.model.character_ngrams,
               "--embedding": config.model.embedding}  # fmt: skip
    if train.symbols or not any(options.values()):
        return
    if usual.model.ngrams:
        raise ConfigError(f"--preset {config.preset}: is for texts, and {train.name} holds none; "
                          "name texts with --dataset")  # fmt: skip
    flag, value = next(item for item in options.items() if item[1])
    raise ConfigError(f"{flag} {value}: acts on texts alone, and {train.name} holds none; leave it out")


def _prepare_embedding(embedding: TokenEmbedding, config: ModelConfig, vocabulary: Sequence[str]) -> None:
    """Puts pretrained vectors, if any, in their tokens' places, and keeps them as they are where that is asked for."""
    if config.embedding:
        pretrained = read_vectors(config.embedding, vocabulary, config.embedding_size)
        known = len(vocabulary) - PADDING - 1
        share = (pretrained.found > PADDING).sum() / max(known, 1)
        print(f"{config.embedding}: vectors for {share:.1%} of the vocabulary's {known:,} tokens", file=sys.stderr)
        weight = embedding.weight.list_data()[0].asnumpy()
        weight *= pretrained.vectors.std() / INITIAL_DEVIATION  # the other tokens' vectors, on the same scale
        weight[pretrained.found] = pretrained.vectors
        embedding.weight.set_data(mx.nd.array(weight))
    elif not config.embedding_training:
        print("warning: --no-embedding-training keeps random word vectors: no --embedding was given", file=sys.stderr)
    if not config.embedding_training:
        embedding.weight.grad_req = "null"
