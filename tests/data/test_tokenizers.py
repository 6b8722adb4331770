"""How texts are cut into tokens."""

import builtins
import os
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gluon_lstm.data import tokenizers
from gluon_lstm.data.tokenizers import make_tokenizer, read_sentencepiece_model
from gluon_lstm.errors import ConfigError, DataError

ANY_TEXT = st.text(st.characters(blacklist_categories=("Cs",)), max_size=40)


@pytest.mark.parametrize(
    "text, expected",
    [
        ("It's 5°!", ["It's", "5", "°", "!"]),
        ("good<br />bad<br>so<BR>", ["good", "<br />", "bad", "<br>", "so", "<", "BR", ">"]),
        ("l’été d'Aix 'quoted'", ["l’été", "d'Aix", "'", "quoted", "'"]),
        ("state-of-the-art snake_case", ["state", "-", "of", "-", "the", "-", "art", "snake_case"]),
        ("...", [".", ".", "."]),
        ("<script>", ["<", "script", ">"]),
        ("<unk>", ["<", "unk", ">"]),
        ("很好！", ["很好", "！"]),
        ("👍🏽 ok", ["👍", "🏽", "ok"]),
        ("\u202eשלום", ["\u202e", "שלום"]),
        (" \t\n\u3000", []),
        ("", []),
    ],
)
def test_words(text, expected):
    assert make_tokenizer("words", lowercase=False)(text) == expected


def test_lower_case_comes_before_the_cut():
    assert make_tokenizer("words", lowercase=True)("SO GOOD<BR />Ünd") == ["so", "good", "<br />", "ünd"]


@pytest.mark.parametrize("name", ["words", "characters"])
def test_letters_with_accents_are_the_same_however_they_were_typed(name):
    tokenize = make_tokenizer(name, lowercase=False)
    decomposed = unicodedata.normalize("NFD", "café Ångström")
    assert decomposed != "café Ångström"
    assert tokenize(decomposed) == tokenize("café Ångström")


@given(ANY_TEXT, st.booleans())
def test_words_leave_out_nothing_but_space(text, lowercase):
    tokens = make_tokenizer("words", lowercase)(text)
    composed = unicodedata.normalize("NFC", text)
    composed = composed.lower() if lowercase else composed
    assert re.sub(r"\s", "", "".join(tokens)) == re.sub(r"\s", "", composed)
    assert bool(tokens) == bool(text.strip())


@given(ANY_TEXT)
def test_characters_are_all_of_the_stripped_text(text):
    tokens = make_tokenizer("characters", lowercase=False)(text)
    assert "".join(tokens) == unicodedata.normalize("NFC", text).strip()
    assert all(len(token) == 1 for token in tokens)
    assert bool(tokens) == bool(text.strip())


def test_jieba():
    jieba = pytest.importorskip("jieba")
    text = "我来到北京清华大学，很好 OK"
    tokens = make_tokenizer("jieba", lowercase=True)(text)
    assert tokens == [token.lower() for token in jieba.lcut(text) if not token.isspace()]
    assert "".join(tokens) == text.replace(" ", "").lower()
    assert "北京" in tokens


def test_sentencepiece(pieces_model):
    import sentencepiece

    processor = sentencepiece.SentencePieceProcessor(model_file=str(pieces_model))
    model = read_sentencepiece_model(str(pieces_model))
    for text in ("undo preview overload", "zebra 好 <unk>", ""):
        tokens = make_tokenizer("sentencepiece", lowercase=False, sentencepiece=model)(text)
        assert tokens == processor.encode(text, out_type=str)
    tokens = make_tokenizer("sentencepiece", lowercase=True, sentencepiece=model)("Undo PREVIEW")
    assert "".join(tokens).replace("▁", " ").strip() == "undo preview"


def test_half_a_surrogate_pair_is_no_reason_to_stop(pieces_model):
    model = read_sentencepiece_model(str(pieces_model))
    for name in ("words", "characters", "sentencepiece"):
        assert make_tokenizer(name, True, model)("undo \ud83d")


def test_files_that_are_no_sentencepiece_model(tmp_path):
    pytest.importorskip("sentencepiece")
    (tmp_path / "text.model").write_text("no model")
    (tmp_path / "empty.model").write_bytes(b"")
    for name in ("text", "empty"):
        with pytest.raises(DataError, match=rf"--sentencepiece-model .*{name}\.model: is no SentencePiece model"):
            read_sentencepiece_model(str(tmp_path / f"{name}.model"))
    with pytest.raises(DataError, match="none.model: No such file"):
        read_sentencepiece_model(str(tmp_path / "none.model"))
    with pytest.raises(DataError, match="Is a directory"):
        read_sentencepiece_model(str(tmp_path))


@pytest.mark.parametrize("model", ["no base64", "bm8gbW9kZWw=", ""])
def test_a_damaged_model_in_base64(model):
    pytest.importorskip("sentencepiece")
    with pytest.raises(DataError, match="the run's model of it is damaged; train again"):
        make_tokenizer("sentencepiece", True, model)


@pytest.mark.parametrize("name, extra", [("jieba", "chinese"), ("sentencepiece", "sentencepiece")])
def test_a_library_that_is_not_installed(monkeypatch, name, extra):
    importing = builtins.__import__

    def without(module, *arguments, **options):
        if module == name:
            raise ImportError(module)
        return importing(module, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    message = rf"--tokenizer {name}: is not installed; pip install 'gluon-lstm\[{extra}\]'"
    with pytest.raises(ConfigError, match=message):
        make_tokenizer(name, lowercase=True)


def test_jieba_keeps_its_cache_where_others_cannot_write(monkeypatch, tmp_path):
    jieba = pytest.importorskip("jieba")
    monkeypatch.setattr(tokenizers, "cache_folder", lambda: tmp_path / "own")
    make_tokenizer("jieba", lowercase=True)
    assert jieba.dt.tmp_dir == str(tmp_path / "own")
    assert (tmp_path / "own").is_dir()


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="--sentencepiece-model .*pipe: not an ordinary file"):
        read_sentencepiece_model(str(tmp_path / "pipe"))
