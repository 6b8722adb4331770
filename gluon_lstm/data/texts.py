"""From texts to data sets: tokens, vocabulary, n-grams."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Optional, Sequence

import numpy as np

from gluon_lstm.arrays import pack_arrays, unpack_arrays
from gluon_lstm.atomic import replacing_file
from gluon_lstm.bounded import WEIGHT_BYTES, parse_json, read_file
from gluon_lstm.config import Config
from gluon_lstm.data.corpora import RawSplits, read_corpus
from gluon_lstm.data.dataset import SPLITS, DataSplits
from gluon_lstm.data.encoding import Tokenization, Tokens, TokenSequences, build_format, warn_of_clauses
from gluon_lstm.data.ngrams import fit_ngrams
from gluon_lstm.data.places import cache_folder
from gluon_lstm.data.text import TextDataset, TextReader

CACHED_FROM = 1_000_000
"""Characters from which on the tokens of texts are kept, so that they are cut only once."""
CACHE_VERSION = 2


def load_texts(config: Config) -> DataSplits:
    """Returns the splits of a set of texts; vocabulary and n-gram model come from the training texts alone.

    Raises:
        ConfigError: options that do not fit the data.
        DataError: files that are missing, damaged or of the wrong form.
    """
    raw = read_corpus(config)
    tokenization = Tokenization.from_config(config.text)
    tokens = {split: tokenize_texts(tokenization, raw.splits[split].texts) for split in SPLITS}
    raw = raw._replace(notes=(*raw.notes, *warn_of_clauses(tokenization, tokens["train"])))
    text_format = build_format(tokenization, tokens["train"], config.text)
    sequences = {split: text_format.numericalize(tokens[split]) for split in SPLITS}
    reader, train = TextReader(text_format), raw.splits["train"]
    orders = (config.model.ngrams, config.model.character_ngrams)
    if any(orders):
        streams = reader.streams(sequences["train"], train.texts, orders)
        reader = TextReader(text_format, fit_ngrams(streams, train.labels, len(raw.class_names), orders))
    return DataSplits(*(_dataset(config, raw, split, reader, sequences[split], split != "train") for split in SPLITS))


def texts_as(config: Config, raw: RawSplits, split: str, reader: TextReader) -> TextDataset:
    """Returns one split of what ``read_corpus`` read as the reader of a trained model has it."""
    sequences = reader.format.numericalize(tokenize_texts(reader.format.tokenization, raw.splits[split].texts))
    return _dataset(config, raw, split, reader, sequences)


def _dataset(
    config: Config,
    raw: RawSplits,
    split: str,
    reader: TextReader,
    sequences: TokenSequences,
    scored: bool = True,
) -> TextDataset:
    """Returns a split's texts as a data set, scored by the reader's n-gram model, if it has one, where that is asked.

    Scores of texts that the n-gram model was made from are far too good to learn from.
    """
    return TextDataset(
        name=raw.name,
        split=split,
        texts=raw.splits[split].texts,
        sequences=sequences,
        scores=reader.scores(sequences, raw.splits[split].texts) if scored else None,
        labels=raw.splits[split].labels,
        class_names=raw.class_names,
        reader=reader,
        word_dropout=config.text.word_dropout,
        notes=raw.notes if split == "train" else (),
        warnings=raw.warnings[split],
        origin=raw.splits[split].origin,
        is_drawn=raw.splits[split].is_drawn,
    )


def tokenize_texts(tokenization: Tokenization, texts: Sequence[str]) -> Tokens:
    """Returns texts cut into tokens, from the cache where these have been cut before."""
    if sum(map(len, texts)) < CACHED_FROM:
        return tokenization.tokenize(texts)
    path = cache_folder() / "tokens" / f"{_cache_key(tokenization, texts)}.tokens"
    tokens = _read_cached(path)
    if tokens is None:
        tokens = tokenization.tokenize(texts)
        # The cache saves time alone: a full disk must not stop a training.
        with suppress(OSError):
            _write_cached(path, tokens)
    return tokens


def _cache_key(tokenization: Tokenization, texts: Sequence[str]) -> str:
    """Returns the SHA-256 of all that tokens depend on."""
    digest = hashlib.sha256(json.dumps({"version": CACHE_VERSION, **asdict(tokenization)}, sort_keys=True).encode())
    for text in texts:
        content = text.encode("utf-8", "surrogatepass")
        digest.update(len(content).to_bytes(8, "little"))
        digest.update(content)
    return digest.hexdigest()


def _write_cached(path: Path, tokens: Tokens) -> None:
    """Writes tokens as arrays, the list of those found as JSON in bytes, behind the checksum of all that."""
    found = np.frombuffer(json.dumps(tokens.found).encode("ascii"), np.uint8)
    content = pack_arrays({"found": found, **tokens.sequences._asdict()})
    with replacing_file(path) as temporary:
        temporary.write_bytes(hashlib.sha256(content).digest() + content)


def _read_cached(path: Path) -> Optional[Tokens]:
    """Returns the tokens from the cache; ``None`` where they are not there, or damaged."""
    size = hashlib.sha256().digest_size
    try:
        content = read_file(path, WEIGHT_BYTES)
        if hashlib.sha256(content[size:]).digest() != content[:size]:
            return None
        arrays = unpack_arrays(content[size:])
        found = parse_json(arrays.pop("found").tobytes())
        sequences = TokenSequences(**arrays)
    except (OSError, ValueError, TypeError, KeyError):
        return None
    is_list = isinstance(found, list) and all(isinstance(token, str) for token in found)
    return Tokens(sequences, found) if is_list and sequences.are_valid(len(found)) else None
