"""What the tests of the data share: a cache of their own, and texts as numbers."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Callable, Sequence

import numpy as np
import pytest

from gluon_lstm.data import mnist, texts, tokenizers
from gluon_lstm.data.encoding import TokenSequences


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    """The folder that stands in for the user's cache; the user's own data are not seen either."""
    monkeypatch.delenv("GLUON_LSTM_DATA", raising=False)
    for module in (mnist, texts, tokenizers):
        monkeypatch.setattr(module, "cache_folder", lambda: tmp_path / "cache")
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def as_sequences() -> Callable[..., TokenSequences]:
    """A function that makes sequences of lists of numbers."""

    def make(rows: Sequence[Sequence[int]]) -> TokenSequences:
        numbers = np.array([number for row in rows for number in row], np.int32)
        return TokenSequences(numbers, np.cumsum([0, *map(len, rows)]).astype(np.int64))

    return make


@pytest.fixture(scope="session")
def pieces_source(tmp_path_factory) -> Path:
    """A SentencePiece model of a few made-up sentences."""
    sentencepiece = pytest.importorskip("sentencepiece")
    folder = tmp_path_factory.mktemp("pieces")
    words = [first + second for first in ("un", "re", "pre", "over") for second in ("do", "make", "view", "load")]
    lines = [" ".join(words[start:] + words[:start]) for start in range(len(words))]
    (folder / "corpus.txt").write_text("\n".join(lines))
    options = {"vocab_size": 30, "num_threads": 1, "minloglevel": 2}
    sentencepiece.SentencePieceTrainer.train(
        input=str(folder / "corpus.txt"), model_prefix=str(folder / "pieces"), **options
    )
    return folder / "pieces.model"


@pytest.fixture
def pieces_model(pieces_source, tmp_path) -> Path:
    """A copy of the SentencePiece model for one test."""
    return Path(shutil.copy(pieces_source, tmp_path))
