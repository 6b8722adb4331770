"""A classifier of token sequences."""

from typing import Any

import mxnet as mx
import numpy as np
from mxnet import nd
from mxnet.gluon import HybridBlock

from gluon_lstm.nn.checks import check_shares, check_sizes
from gluon_lstm.nn.classifier import SequenceClassifier
from gluon_lstm.nn.graphs import SequenceBlock, check_is_array

INITIAL_DEVIATION = 0.1
"""Standard deviation of the embedding's numbers at the start."""


class TokenEmbedding(HybridBlock):
    """A vector for each token; in training some of its numbers are dropped.

    Args:
        vocabulary_size: V, tokens.
        embedding_size: E, numbers a token.
        dropout: share of the numbers dropped in training.
    """

    def __init__(self, vocabulary_size: int, embedding_size: int, dropout: float = 0.0, **kwargs):
        super().__init__(**kwargs)
        check_sizes(vocabulary_size=vocabulary_size, embedding_size=embedding_size)
        check_shares(dropout=dropout)
        self._sizes, self._dropout = (vocabulary_size, embedding_size), dropout
        with self.name_scope():
            self.weight = self.params.get("weight", shape=self._sizes, init=mx.init.Normal(INITIAL_DEVIATION))

    def hybrid_forward(self, F, tokens, weight):
        """Takes tokens (T, N) int32, 0 to V - 1; gives their vectors (T, N, E) float32."""
        embedded = F.Embedding(tokens, weight, input_dim=self._sizes[0], output_dim=self._sizes[1])
        return F.Dropout(embedded, p=self._dropout) if self._dropout else embedded


class TextClassifier(SequenceBlock):
    """Classifies sequences of tokens: an embedding, then a ``SequenceClassifier``.

    Called as ``net(tokens (T, N) int32)``, or ``net(tokens, lengths (N,))`` where the sequences
    of a batch are padded.

    Args:
        num_classes: K.
        vocabulary_size: V; tokens are numbers from 0 to V - 1.
        embedding_size: E, numbers that stand for a token.
        embedding_dropout: share of these dropped in training.
        prefix: as in Gluon.
        params: as in Gluon.
        **options: of the ``SequenceClassifier``.

    Attributes:
        embedding: tokens → vectors.
        classifier: vectors → logits.

    Example:
        >>> import mxnet as mx
        >>> net = TextClassifier(num_classes=2, vocabulary_size=1000, hidden_size=32)
        >>> net.initialize()
        >>> tokens = mx.nd.array([[4, 7], [9, 3], [5, 0]], dtype="int32")  # three words, and two with padding
        >>> net(tokens, mx.nd.array([3, 2])).shape
        (2, 2)
    """

    def __init__(
        self,
        num_classes: int,
        vocabulary_size: int,
        embedding_size: int = 128,
        embedding_dropout: float = 0.0,
        *,
        prefix=None,
        params=None,
        **options: Any,
    ):
        super().__init__(prefix=prefix, params=params)
        self.vocabulary_size = vocabulary_size
        with self.name_scope():
            self.embedding = TokenEmbedding(vocabulary_size, embedding_size, embedding_dropout)
            self.classifier = SequenceClassifier(num_classes, embedding_size, **options)
        self.num_steps = self.classifier.num_steps

    def __call__(self, tokens, *others, lengths=None):
        """Runs the block, once tokens that MXNet would take for others are refused.

        Args:
            tokens: (T, N) int32.
            *others: lengths (N,), where they are given by place.
            lengths: (N,), where they are given by name.

        Raises:
            TypeError: tokens are no array of MXNet's.
            ValueError: tokens are not (T, N) whole numbers from 0 to V - 1; lengths as of ``SequenceBlock``.
        """
        check_is_array("tokens", tokens, ", dtype='int32'")
        if isinstance(tokens, nd.NDArray):
            check_tokens(tokens.asnumpy(), self.vocabulary_size)
        return super().__call__(tokens, *others, lengths=lengths)

    def hybrid_forward(self, F, tokens, lengths=None):
        """Takes tokens (T, N) int32, lengths (N,) or None; gives logits (N, K) float32."""
        return self.classifier(self.embedding(tokens), lengths)


def check_tokens(tokens: np.ndarray, vocabulary_size: int) -> None:
    """Raises ValueError unless tokens are (T, N) whole numbers from 0 to V - 1; MXNet moves others into that range."""
    if tokens.ndim != 2:
        raise ValueError(f"tokens of shape {tokens.shape}: needs (time steps, batch)")
    if tokens.dtype.kind not in "iu":
        raise ValueError(f"tokens of type {tokens.dtype}: must be whole numbers; use tokens.astype('int32')")
    if tokens.size and not 0 <= tokens.min() <= tokens.max() < vocabulary_size:
        raise ValueError(f"tokens from {tokens.min()} to {tokens.max()}: must be from 0 to {vocabulary_size - 1}")
