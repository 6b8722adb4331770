"""Texts as a data set."""

import dataclasses
from dataclasses import replace

import numpy as np
import pytest

from gluon_lstm.config import TextConfig
from gluon_lstm.data.encoding import UNKNOWN, Tokenization, build_format, pad
from gluon_lstm.data.formats import read_format
from gluon_lstm.data.ngrams import fit_ngrams
from gluon_lstm.data.text import TextDataset, TextReader

TEXTS = ["<script>alert(1)</script>", "\u202eשלום", "👩\u200d🚀 to the moon", "这部电影很好", "plain words", "to to"]
LABELS = np.array([0, 1, 1, 0, 2, 1], np.int32)


@pytest.fixture
def make():
    """A function that makes a data set of the texts."""
    tokenization = Tokenization("words", True, 400, "start")
    tokens = tokenization.tokenize(TEXTS)
    text_format = build_format(tokenization, tokens, TextConfig())
    sequences = text_format.numericalize(tokens)

    def build(ngrams=False, **options):
        reader = TextReader(text_format, fit_ngrams((sequences,), LABELS, 3, (2,)) if ngrams else None)
        values = {"name": "own", "split": "train", "texts": TEXTS, "sequences": sequences, "labels": LABELS}
        classes = ("neg", "<b>", "中性")
        values.update(scores=reader.scores(sequences, TEXTS), class_names=classes, reader=reader)
        return TextDataset(**{**values, **options})

    return build


def test_a_batch(make):
    dataset = make(ngrams=True)
    indices = np.array([4, 0, 5])
    batch = dataset.batch(indices)
    np.testing.assert_array_equal(batch.inputs, pad(dataset.sequences.take(indices)))
    np.testing.assert_array_equal(batch.lengths, dataset.lengths[indices])
    np.testing.assert_array_equal(batch.labels, LABELS[indices])
    assert [array.dtype.name for array in batch] == ["int32", "int32", "int32", "int64"]
    assert all(array.flags.c_contiguous for array in batch)
    assert len(batch.arguments) == 2


def test_logits_are_mixed_with_the_ngram_models_scores(make, rng):
    logits = rng.normal(size=(6, 3)).astype(np.float32)
    np.testing.assert_array_equal(make().mix(logits), logits)
    dataset = make(ngrams=True)
    np.testing.assert_allclose(dataset.mix(logits), logits + dataset.scores, rtol=1e-6)
    ngrams = replace(dataset.reader.ngrams, mixture=np.array([0.5, 3.0], np.float32))
    mixed = replace(dataset, reader=dataset.reader._replace(ngrams=ngrams))
    np.testing.assert_allclose(mixed.mix(logits), 0.5 * logits + 3 * dataset.scores, rtol=1e-5)


def test_texts_stay_as_they_were(make):
    dataset = make()
    assert [dataset.text(index) for index in range(len(dataset))] == TEXTS
    assert dataset.subset(np.array([3, 1])).text(0) == TEXTS[3]
    vocabulary = dataset.reader.format.vocabulary
    words = [[vocabulary[number] for number in column[column != 1]] for column in dataset.batch(np.arange(6)).inputs.T]
    assert words[1] == ["\u202e", "שלום"]
    assert words[2][:3] == ["👩", "\u200d", "🚀"]


def test_a_subset(make):
    dataset = make(ngrams=True, word_dropout=0.5)
    part = dataset.subset(np.array([5, 2]), "validation")
    assert (part.split, part.texts, part.labels.tolist()) == ("validation", [TEXTS[5], TEXTS[2]], [1, 1])
    assert dataset.subset(np.array([5])).split == "train"
    whole = dataset.batch(np.array([5, 2]))
    for found, expected in zip(part.batch(np.arange(2)), whole._replace(indices=np.arange(2))):
        np.testing.assert_array_equal(found, expected)


def test_word_dropout_makes_its_share_of_tokens_unknown_and_nothing_else(make):
    texts = 200 * TEXTS
    dataset = make(word_dropout=0.3)
    dataset = dataset.subset(np.tile(np.arange(6), 200))
    plain = dataset.batch(np.arange(len(texts)))
    dropped = dataset.batch(np.arange(len(texts)), np.random.default_rng(0))
    changed = plain.inputs != dropped.inputs
    assert (dropped.inputs[changed] == UNKNOWN).all()
    assert not changed[np.arange(len(changed))[:, np.newaxis] >= plain.lengths].any()
    tokens = plain.lengths.sum()
    assert abs(changed.sum() / tokens - 0.3) < 4 * np.sqrt(0.21 / tokens)
    np.testing.assert_array_equal(dataset.batch(np.arange(len(texts))).inputs, plain.inputs)
    again = dataset.batch(np.arange(len(texts)), np.random.default_rng(0))
    np.testing.assert_array_equal(again.inputs, dropped.inputs)


def test_the_fingerprint_follows_texts_labels_and_their_order(make):
    dataset = make()
    assert dataset.fingerprint == make(name="other", split="test").fingerprint
    others = [
        make(texts=[*TEXTS[:5], "to tO"]),
        make(labels=np.array([0, 1, 1, 0, 2, 0], np.int32)),
        make(class_names=("neg", "<b>", "x")),
        dataset.subset(np.array([1, 0, 2, 3, 4, 5])),
        dataset.subset(np.arange(5)),
        make(texts=["a", "b 0"], labels=LABELS[:2]),
        make(texts=["a b", "0"], labels=LABELS[:2]),
    ]
    assert len({dataset.fingerprint, *(other.fingerprint for other in others)}) == 8


def test_what_others_need_to_know(make):
    dataset = make()
    vocabulary = dataset.reader.format.vocabulary
    assert dataset.step_shape == (None, len(vocabulary))
    assert dataset.symbols
    assert len(dataset) == 6
    assert dataset.lengths.tolist() == [11, 2, 6, 1, 2, 2]
    assert dataset.input_format["kind"] == "text"
    assert read_format(dataset.input_format, "source") == dataset.reader.format
    assert dataset.unknown_share == 0
    with pytest.raises(dataclasses.FrozenInstanceError):
        dataset.name = "other"


def test_the_share_of_unknown_tokens(make, as_sequences):
    assert make(sequences=as_sequences([[0, 2], [0], [3, 4, 5]])).unknown_share == pytest.approx(2 / 6)
