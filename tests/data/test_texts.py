"""From a configuration to data sets of texts, and the cache of their tokens."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from gluon_lstm.arrays import pack_arrays
from gluon_lstm.config import Config, merge
from gluon_lstm.data import StoredSplits, corpora, load_split, load_splits, registry, texts
from gluon_lstm.data.encoding import UNKNOWN, Tokenization
from gluon_lstm.data.ngrams import fit_ngrams
from gluon_lstm.data.texts import tokenize_texts

TOKENIZATION = Tokenization("words", True, 400, "start")
TEXTS = ["a fine film", "好电影 😀", "<unk> \u202e"]


def config(**sections):
    return merge(Config(), sections)


@pytest.fixture
def corpus(tmp_path):
    """A file of 60 texts of two classes: one word in two is the class's."""
    rng = np.random.default_rng(0)
    words = [["好", "fine", "warm"], ["坏", "poor", "cold"]]
    rows = [" ".join([rng.choice(words[n % 2]), f"w{rng.integers(30)}"]) + f",{'负正'[n % 2]}" for n in range(60)]
    (tmp_path / "own.csv").write_text("text,label\n" + "\n".join(rows), encoding="utf-8")
    return str(tmp_path / "own.csv")


def test_splits_of_a_file(corpus):
    splits = load_splits(config(data={"dataset": corpus}))
    assert [len(split) for split in splits] == [49, 5, 6]
    assert [split.split for split in splits] == ["train", "validation", "test"]
    assert {split.class_names for split in splits} == {("正", "负")}
    assert {split.name for split in splits} == {"own.csv"}
    assert sorted(text for split in splits for text in split.texts) == sorted(
        line.rsplit(",", 1)[0] for line in Path(corpus).read_text(encoding="utf-8").splitlines()[1:]
    )
    for split in splits:
        assert all(("好" in text or "fine" in text or "warm" in text) == (split.class_names[label] == "负")
                   for text, label in zip(split.texts, split.labels))  # fmt: skip


def test_the_vocabulary_comes_from_the_training_texts_alone(corpus):
    train, validation, test = load_splits(config(data={"dataset": corpus}))
    known = set(train.reader.format.vocabulary[2:])
    assert known == {word for text in train.texts for word in text.split()}
    assert train.unknown_share == 0
    for split in (validation, test):
        expected = np.mean([word not in known for text in split.texts for word in text.split()])
        assert split.unknown_share == pytest.approx(expected)
        assert split.reader is train.reader


def test_options_reach_the_vocabulary_and_the_texts(corpus):
    text = {"vocabulary_size": 4, "max_length": 1, "truncate": "end", "word_dropout": 0.25}
    train = load_splits(config(data={"dataset": corpus}, text=text)).train
    assert len(train.reader.format.vocabulary) == 6
    assert (train.lengths == 1).all()
    assert train.word_dropout == 0.25


def test_a_split_is_read_as_the_trained_model_reads(corpus):
    options = config(data={"dataset": corpus}, model={"ngrams": 2})
    splits = load_splits(options)
    for split in splits[1:]:
        again = load_split(options, split.split, splits.train.reader)
        assert again.fingerprint == split.fingerprint
        np.testing.assert_array_equal(again.sequences.numbers, split.sequences.numbers)
        np.testing.assert_array_equal(again.scores, split.scores)
    other = load_splits(config(data={"dataset": corpus}, text={"vocabulary_size": 1})).train.reader
    assert (load_split(options, "test", other).sequences.numbers == UNKNOWN).any()


def test_a_corpus_is_read_once_for_all_its_splits(corpus, monkeypatch):
    options, calls = config(data={"dataset": corpus}), []
    reader = load_splits(options).train.reader
    monkeypatch.setattr(registry, "read_corpus", lambda asked: calls.append(asked) or corpora.read_corpus(asked))
    stored, names = StoredSplits(options), ("test", "validation", "test")
    assert calls == []
    found = [stored.read(name, reader).fingerprint for name in names]
    assert stored.training_samples() == set(load_splits(options).train.texts)
    assert calls == [options]
    assert found == [load_split(options, name, reader).fingerprint for name in names]


def test_all_but_the_training_texts_are_scored_by_the_model_of_these(corpus):
    train, *others = load_splits(config(data={"dataset": corpus, "split_seed": 3}, model={"ngrams": 2}))
    model = fit_ngrams((train.sequences,), train.labels, 2, (2,))
    assert train.scores is None
    for split in others:
        np.testing.assert_allclose(split.scores, model.scores((split.sequences,)), rtol=1e-6)
    assert all(split.scores is None for split in load_splits(config(data={"dataset": corpus})))


def test_the_made_up_sentences():
    splits = load_splits(config(data={"dataset": "sentences"}))
    assert [len(split) for split in splits] == [3_000, 500, 1_000]
    assert splits.train.class_names == ("negative", "positive")
    assert splits.test.unknown_share == 0


def same(one, other):
    np.testing.assert_array_equal(one.sequences.numbers, other.sequences.numbers)
    np.testing.assert_array_equal(one.sequences.offsets, other.sequences.offsets)
    assert one.sequences.numbers.dtype == other.sequences.numbers.dtype
    assert one.sequences.offsets.dtype == other.sequences.offsets.dtype
    assert one.found == other.found


@pytest.fixture
def cached(monkeypatch, cache):
    """The one file in the cache, once the texts have been cut."""
    monkeypatch.setattr(texts, "CACHED_FROM", 1)
    same(tokenize_texts(TOKENIZATION, TEXTS), TOKENIZATION.tokenize(TEXTS))
    (file,) = (cache / "tokens").iterdir()
    return file


def test_few_texts_are_not_cached(cache):
    tokenize_texts(TOKENIZATION, TEXTS)
    assert not cache.exists()


def test_the_second_time_tokens_come_from_the_cache(cached, monkeypatch):
    expected = TOKENIZATION.tokenize(TEXTS)
    monkeypatch.setattr(Tokenization, "tokenize", lambda *arguments: pytest.fail("was cut again"))
    same(tokenize_texts(TOKENIZATION, TEXTS), expected)


@pytest.mark.parametrize(
    "tokenization, others",
    [
        (Tokenization("characters", True, 400, "start"), TEXTS),
        (Tokenization("words", False, 400, "start"), TEXTS),
        (Tokenization("words", True, 1, "start"), TEXTS),
        (Tokenization("words", True, 400, "end"), TEXTS),
        (TOKENIZATION, TEXTS[:2]),
        (TOKENIZATION, ["a fine", " film" + TEXTS[1], TEXTS[2]]),
        (TOKENIZATION, ["a fine film\ud83d", *TEXTS[1:]]),
    ],
)
def test_other_texts_and_another_cut_have_a_file_of_their_own(cached, tokenization, others):
    same(tokenize_texts(tokenization, others), tokenization.tokenize(others))
    assert len(list(cached.parent.iterdir())) == 2


def flipped(content, place):
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:-1],
        lambda content: content + b"\0",
        lambda content: flipped(content, 0),
        lambda content: flipped(content, len(content) // 2),
        lambda content: flipped(content, len(content) - 1),
        lambda content: b"x" * len(content),
    ],
)
def test_a_damaged_file_is_passed_over_and_replaced(cached, damage):
    whole = cached.read_bytes()
    cached.write_bytes(damage(whole))
    same(tokenize_texts(TOKENIZATION, TEXTS), TOKENIZATION.tokenize(TEXTS))
    assert cached.read_bytes() == whole


def test_a_cache_that_cannot_be_used_stops_nothing(monkeypatch, cache):
    monkeypatch.setattr(texts, "CACHED_FROM", 1)
    cache.write_text("a file where the folder should be")
    same(tokenize_texts(TOKENIZATION, TEXTS), TOKENIZATION.tokenize(TEXTS))
    assert cache.read_text() == "a file where the folder should be"


WHOLE = {"found": np.frombuffer(b'["a", "b"]', np.uint8), "numbers": np.array([0, 1, 1], np.int32),
         "offsets": np.array([0, 2, 3])}  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [
        {"found": None},
        {"more": np.zeros(3)},
        {"found": np.frombuffer(b'["a"]', np.uint8)},
        {"found": np.frombuffer(b"{", np.uint8)},
        {"found": np.frombuffer(b"[1, 2]", np.uint8)},
        {"numbers": np.array([0, -1, 1], np.int32)},
        {"numbers": np.array([0, 1, 1])},
        {"offsets": np.array([0, 3, 2, 3])},
        {"offsets": np.array([0, 2])},
        {"offsets": np.array([[0, 3]])},
        {"offsets": np.array([], np.int64)},
    ],
    ids=["lacking", "more", "few", "no JSON", "no texts", "negative", "type", "order", "short", "axes", "none"],
)
def test_arrays_of_another_form_are_passed_over(tmp_path, changes):
    for arrays, is_whole in ((WHOLE, True), ({**WHOLE, **changes}, False)):
        content = pack_arrays({name: array for name, array in arrays.items() if array is not None})
        (tmp_path / "tokens").write_bytes(hashlib.sha256(content).digest() + content)
        assert (texts._read_cached(tmp_path / "tokens") is not None) is is_whole
