"""Texts as numbers, against plain Python."""

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gluon_lstm.config import TextConfig
from gluon_lstm.data.encoding import (
    PADDING,
    UNKNOWN,
    TextFormat,
    Tokenization,
    TokenSequences,
    build_format,
    pad,
    warn_of_clauses,
)
from gluon_lstm.data.tokenizers import make_tokenizer
from gluon_lstm.errors import ConfigError, DataError

WORDS = Tokenization("words", True, 400, "start")
SPECIAL = ("<unk>", "<pad>")
TEXTS = ["B b b a a c", "a D d d d", "e <unk> <pad> 好 😀 \u202e <script>"]


def build(texts=TEXTS, tokenization=WORDS, **options):
    return build_format(tokenization, tokenization.tokenize(texts), TextConfig(**options))


def rows(sequences):
    """Returns sequences as lists."""
    return [sequences.numbers[start:end].tolist() for start, end in zip(sequences.offsets, sequences.offsets[1:])]


@given(st.lists(st.text("ab \n好", max_size=12), max_size=5), st.sampled_from(["words", "characters"]),
       st.integers(1, 6), st.sampled_from(["start", "end"]))  # fmt: skip
def test_cut_texts_are_the_tokenizers_tokens_without_one_end(texts, name, most, truncate):
    tokens = Tokenization(name, False, most, truncate).tokenize(texts)
    whole = [make_tokenizer(name, False)(text) for text in texts]
    expected = [row[-most:] if truncate == "start" else row[:most] for row in whole]
    assert [[tokens.found[number] for number in row] for row in rows(tokens.sequences)] == expected
    assert len(set(tokens.found)) == len(tokens.found)
    assert list(dict.fromkeys(token for row in expected for token in row)) == tokens.found
    assert (tokens.sequences.numbers.dtype, tokens.sequences.offsets.dtype) == (np.int32, np.int64)


def test_the_vocabulary_is_the_most_frequent_tokens_first_and_by_alphabet_among_equals():
    counts = Counter(token for text in TEXTS for token in make_tokenizer("words", True)(text))
    expected = sorted(counts, key=lambda token: (-counts[token], token))
    assert build().vocabulary == (*SPECIAL, *expected)
    for size in (1, 2, 5, len(expected)):
        assert build(vocabulary_size=size).vocabulary == (*SPECIAL, *expected[:size])
    for least in (2, 3, 4):
        often = [token for token in expected if counts[token] >= least]
        assert build(min_count=least).vocabulary == (*SPECIAL, *often)
        assert build(min_count=least, vocabulary_size=1).vocabulary == (*SPECIAL, *often[:1])


def test_no_token_is_frequent_enough():
    with pytest.raises(DataError, match="--min-count 5: no token occurs that often in the training texts; use less"):
        build(min_count=5)


def test_tokens_named_like_the_special_ones_are_unknown():
    spaces = replace(WORDS, tokenizer="characters")
    tokens = spaces.tokenize(["ab"])._replace(found=["<unk>", "<pad>"])
    with pytest.raises(DataError, match="--min-count 1"):
        build_format(spaces, tokens, TextConfig())
    tokens = spaces.tokenize(["abcc"])._replace(found=["<unk>", "<pad>", "x"])
    text_format = build_format(spaces, tokens, TextConfig())
    assert text_format.vocabulary == (*SPECIAL, "x")
    assert text_format.numericalize(tokens).numbers.tolist() == [UNKNOWN, UNKNOWN, 2, 2]


def test_texts_become_numbers_of_the_vocabulary():
    text_format = build(vocabulary_size=6)
    texts = ["a zebra, a B!", "D", "好 😀"]
    numbers = {token: number for number, token in enumerate(text_format.vocabulary)}
    expected = [[numbers.get(token, UNKNOWN) for token in make_tokenizer("words", True)(text)] for text in texts]
    assert rows(text_format.encode(texts)) == expected
    assert expected[0][1] == UNKNOWN
    assert rows(text_format.numericalize(text_format.tokenization.tokenize(texts))) == expected


def test_no_texts():
    sequences = build().encode([])
    assert rows(sequences) == []
    assert sequences.lengths.shape == (0,)
    assert rows(sequences.take(np.array([], np.int64))) == []


@pytest.mark.parametrize(
    "texts, message",
    [
        ("one text", "give a list of texts, not one text"),
        (["a", 3], r"texts\[1\] is of type int: the model reads texts"),
        ([None], r"texts\[0\] is of type NoneType"),
        ([b"a"], r"texts\[0\] is of type bytes"),
        (["a", " \n"], r"texts\[1\] is blank"),
        ([""], r"texts\[0\] is blank"),
    ],
)
def test_what_is_no_text(texts, message):
    with pytest.raises(DataError, match=message):
        build().encode(texts)


@given(st.lists(st.lists(st.integers(2, 99), min_size=1, max_size=5), min_size=1, max_size=6), st.data())
def test_taking_and_padding(as_sequences, lists, data):
    sequences = as_sequences(lists)
    indices = data.draw(st.lists(st.integers(0, len(lists) - 1), min_size=1, max_size=8))
    taken = sequences.take(np.array(indices))
    expected = [lists[index] for index in indices]
    assert rows(taken) == expected
    assert taken.lengths.tolist() == list(map(len, expected))
    padded = pad(taken)
    steps = max(map(len, expected))
    assert padded.T.tolist() == [row + [PADDING] * (steps - len(row)) for row in expected]
    assert (padded.dtype, padded.flags.c_contiguous) == (np.int32, True)


def test_taking_copies(as_sequences):
    sequences = as_sequences([[2, 3], [4]])
    sequences.take(np.arange(2)).numbers[:] = 0
    assert sequences.numbers.tolist() == [2, 3, 4]


def test_a_format_comes_back_from_json():
    text_format = build(tokenization=Tokenization("words", True, 7, "end"))
    values = json.loads(json.dumps(text_format.to_dict()))
    again = TextFormat.from_dict(values)
    assert again == text_format
    assert rows(again.encode(TEXTS)) == rows(text_format.encode(TEXTS))


@pytest.mark.parametrize(
    "change",
    [
        {"tokenizer": "letters"}, {"tokenizer": None}, {"tokenizer": ["words"]}, {"lowercase": 1}, {"max_length": 0},
        {"max_length": True}, {"max_length": 2.0}, {"truncate": "middle"}, {"sentencepiece": 3}, {"other": 1},
        {"vocabulary": None}, {"vocabulary": ["a"]}, {"vocabulary": ["<pad>", "<unk>", "a"]}, {"vocabulary": "<unk>"},
        {"vocabulary": ["<unk>", "<pad>", 3]}, {"tokenizer": "sentencepiece"}, {"sentencepiece": "bm8="},
    ],
    ids=str,
)  # fmt: skip
def test_values_that_describe_no_format(change):
    assert TextFormat.from_dict({**build().to_dict(), **change}) is None


def test_a_value_that_is_missing():
    for name in ("tokenizer", "lowercase", "max_length", "truncate", "vocabulary"):
        values = build().to_dict()
        del values[name]
        assert TextFormat.from_dict(values) is None


@pytest.mark.parametrize("options", [{"tokenizer": "sentencepiece"}, {"sentencepiece_model": "x.model"}])
def test_sentencepiece_and_its_model_need_each_other(options):
    with pytest.raises(ConfigError, match="--tokenizer sentencepiece and --sentencepiece-model: each needs the other"):
        Tokenization.from_config(TextConfig(**options))


def test_a_sentencepiece_model_travels_with_the_format(pieces_model):
    options = TextConfig(tokenizer="sentencepiece", sentencepiece_model=str(pieces_model))
    tokenization = Tokenization.from_config(options)
    text_format = build(["undo redo undo"], tokenization)
    pieces_model.rename(pieces_model.with_suffix(".moved"))
    again = TextFormat.from_dict(json.loads(json.dumps(text_format.to_dict())))
    assert rows(again.encode(["undo redo"])) == rows(text_format.encode(["undo redo"]))


def test_a_text_whose_every_sign_a_tokenizer_drops_is_one_unknown_token(pieces_model):
    options = TextConfig(tokenizer="sentencepiece", sentencepiece_model=str(pieces_model))
    tokenization = Tokenization.from_config(options)
    texts = ["undo", "\u200b\x01", "redo"]
    assert make_tokenizer("sentencepiece", True, tokenization.sentencepiece)(texts[1]) == []
    tokens = tokenization.tokenize(texts)
    text_format = build_format(tokenization, tokens, TextConfig())
    for sequences in (text_format.numericalize(tokens), text_format.encode(texts)):
        assert rows(sequences)[1] == [UNKNOWN]
        assert (sequences.lengths > 0).all()


def test_offsets_are_whole_numbers_even_of_nothing():
    assert isinstance(WORDS.tokenize([]).sequences, TokenSequences)
    assert WORDS.tokenize([""]).sequences.offsets.tolist() == [0, 0]


CLAUSES = ["这部电影很好，演员的表演也不错！", "故事太无聊了，完全不值得看。"]
WARNING = ", of which --tokenizer words takes a whole clause, "


@pytest.mark.parametrize(
    "texts, start",
    [
        # Clauses of 6, 8, 6 and 6 characters, and 4 signs.
        (CLAUSES, "warning: 87% of the training texts is Chinese or Japanese" + WARNING + "6.5 characters on average"),
        (["映画はとても良かった", "ラーメンを食べた"], "warning: 100% of the training texts is Chinese or Japanese"),
        ([*CLAUSES, *CLAUSES, "Some English in the same file, less than that"], "warning: 5"),
    ],
)
def test_clauses_taken_for_words_are_warned_of(texts, start):
    (line,) = warn_of_clauses(WORDS, WORDS.tokenize(texts))
    assert line.startswith(start)
    assert line.endswith("for one word; use --tokenizer characters or jieba")
    assert warn_of_clauses(replace(WORDS, tokenizer="characters"), WORDS.tokenize(texts)) == []


@pytest.mark.parametrize(
    "texts",
    [["这 部 电影 很 好 ， 演员 的 表演 也 不错 ！"], ["这部电影很好 is what they said about it"], ["plain English"],
     ["영화가 정말 재미있었어요"], ["<unk>", "… !"], []],
    ids=["spaces between words", "less than half", "English", "Korean", "signs", "none"],
)  # fmt: skip
def test_other_texts_are_no_clauses(texts):
    assert warn_of_clauses(WORDS, WORDS.tokenize(texts)) == []


@given(st.lists(st.lists(st.sampled_from([UNKNOWN, PADDING, 2, 3]), max_size=4), max_size=6))
def test_sequences_of_unknown_tokens_alone(given_rows):
    numbers = np.array([number for row in given_rows for number in row], np.int32)
    offsets = np.cumsum([0, *map(len, given_rows)]).astype(np.int64)
    expected = [len(row) > 0 and set(row) == {UNKNOWN} for row in given_rows]
    assert TokenSequences(numbers, offsets).are_unknown.tolist() == expected
