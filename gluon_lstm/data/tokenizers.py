"""How a text is cut into tokens."""

from __future__ import annotations

import base64
import functools
import logging
import re
import unicodedata
from contextlib import suppress
from typing import Callable, List, Optional

from gluon_lstm.bounded import SENTENCEPIECE_BYTES, read_file
from gluon_lstm.data.places import cache_folder
from gluon_lstm.errors import ConfigError, DataError

WORD = re.compile(r"<br\s*/?>|\w+(?:['’]\w+)*|[^\w\s]")
"""A line break of HTML; letters, digits and underscores, with apostrophes between them; or one other visible sign."""

CHINESE = re.compile("[\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
"""A Chinese ideograph, or a sign of Japanese kana: of writing without spaces between words."""

Tokenize = Callable[[str], List[str]]


def make_tokenizer(name: str, lowercase: bool, sentencepiece: Optional[str] = None) -> Tokenize:
    """Returns the function that cuts a text into tokens.

    Texts are first brought into Unicode's composed form (NFC), so that a letter with
    an accent is one character however it was typed.

    ==================  ================================================================
    ``words``           the matches of ``WORD``: ``It's 5°!`` → ``it's``, ``5``, ``°``, ``!``
    ``characters``      each character, space between words included
    ``jieba``           Chinese words, as jieba finds them with its own dictionary
    ``sentencepiece``   the pieces of a SentencePiece model
    ==================  ================================================================

    Args:
        name: one of ``config.TOKENIZERS``.
        lowercase: whether capital letters become small ones.
        sentencepiece: the model's bytes in base64, for ``sentencepiece``.

    Raises:
        ConfigError: the library that it needs is not installed.
        DataError: the bytes are no SentencePiece model.
    """
    makers = {
        "words": lambda: WORD.findall,
        "characters": lambda: _characters,
        "jieba": _jieba,
        "sentencepiece": lambda: _sentencepiece(sentencepiece or ""),
    }
    cut = makers[name]()

    def tokenize(text: str) -> List[str]:
        text = unicodedata.normalize("NFC", text)
        return cut(text.lower() if lowercase else text)

    return tokenize


def read_sentencepiece_model(path: str) -> str:
    """Returns the bytes of a SentencePiece model in base64.

    Raises:
        ConfigError: the library is not installed.
        DataError: the file cannot be read, or is no model.
    """
    try:
        content = read_file(path, SENTENCEPIECE_BYTES)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"--sentencepiece-model {path}: {reason}") from error
    try:
        _load_sentencepiece(content)
    except RuntimeError as error:
        raise DataError(f"--sentencepiece-model {path}: is no SentencePiece model") from error
    return base64.b64encode(content).decode("ascii")


def _characters(text: str) -> List[str]:
    return list(text.strip())


def _jieba() -> Tokenize:
    try:
        import jieba
    except ImportError as error:
        raise ConfigError("--tokenizer jieba: is not installed; pip install 'gluon-lstm[chinese]'") from error
    jieba.setLogLevel(logging.CRITICAL)  # it tells at length that it could not write its cache, which is no matter
    # Its cache is read by marshal, which a file of somebody else's can crash: so not the folder that all users share.
    folder = cache_folder()
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    jieba.dt.tmp_dir = str(folder)

    def cut(text: str) -> List[str]:
        return [token for token in jieba.cut(text) if not token.isspace()]

    return cut


@functools.lru_cache(maxsize=2)  # reading a model takes longer than cutting a text
def _sentencepiece(model: str) -> Tokenize:
    try:
        processor = _load_sentencepiece(base64.b64decode(model))
    except (ValueError, RuntimeError) as error:
        raise DataError("--tokenizer sentencepiece: the run's model of it is damaged; train again") from error
    # Half a surrogate pair has no bytes, and the library takes nothing else.
    return lambda text: processor.encode(text.encode("utf-8", "replace").decode("utf-8"), out_type=str)


def _load_sentencepiece(content: bytes):
    """Returns a processor of a model; raises RuntimeError where the bytes are none."""
    try:
        import sentencepiece
    except ImportError as error:
        message = "--tokenizer sentencepiece: is not installed; pip install 'gluon-lstm[sentencepiece]'"
        raise ConfigError(message) from error
    processor = sentencepiece.SentencePieceProcessor()
    processor.LoadFromSerializedProto(content)  # the constructor takes no bytes for no model
    return processor
