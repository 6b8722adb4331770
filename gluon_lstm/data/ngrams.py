"""A linear model of n-grams, whose scores of each class a network may mix with its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, Iterator, Mapping, Optional, Tuple

import numpy as np
from scipy import sparse

from gluon_lstm.config import MOST_CHARACTERS, MOST_TOKENS
from gluon_lstm.data.encoding import TokenSequences

SMOOTHING = 1.0
"""Count that every n-gram is given in each class beforehand."""
REGULARIZATION = 0.3
"""Inverse of the logistic regression's L2 penalty, as scikit-learn's C."""
MOST_SYMBOLS = (MOST_TOKENS, MOST_CHARACTERS)
"""Of an n-gram: tokens, and characters."""
BLOCK = 1_000
"""Texts that are scored together."""
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
"""Odd multiplier (2**64 over the golden ratio) that spreads the keys of n-grams over all 64-bit numbers."""
_NAMES = ("keys", "weights", "biases", "mixture")

Streams = Tuple[TokenSequences, ...]
"""The same texts as one or more sequences each."""


@dataclass(frozen=True, eq=False)
class NgramModel:
    """Logistic regression, one class against the rest, on naive Bayes features (NBSVM, Wang and Manning 2012).

    A text comes as one or more sequences, such as its tokens and its characters. Its
    features are the n-grams of each, counted once and weighed with the logarithm of the
    ratio of its shares in the class and in the rest.

    Attributes:
        orders: for each sequence, most symbols of an n-gram; 0 for none.
        keys: (G,) uint64, ascending: the hashed n-grams that are known.
        weights: (G, K) float32.
        biases: (K,) float32.
        mixture: (2,) float32, what a network's logits and this model's scores are multiplied with to be added.
    """

    orders: Tuple[int, ...]
    keys: np.ndarray
    weights: np.ndarray
    biases: np.ndarray
    mixture: np.ndarray = field(default_factory=lambda: np.ones(2, np.float32))

    def mix(self, logits: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """Returns a network's logits (M, K) float32 with this model's scores (M, K) mixed in."""
        return self.mixture[0] * logits + self.mixture[1] * scores

    def scores(self, streams: Streams) -> np.ndarray:
        """Returns each text's log-odds of each class against the rest, (M, K) float32."""
        count = len(streams[0].lengths)
        blocks = (np.arange(start, min(start + BLOCK, count)) for start in range(0, count, BLOCK))
        return np.concatenate([self._score(_take(streams, block)) for block in blocks])

    def _score(self, streams: Streams) -> np.ndarray:
        """Returns the scores of texts whose n-grams are all held in memory together."""
        texts, keys = _ngrams(streams, self.orders)
        places = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        known = self.keys[places] == keys
        shape = (len(streams[0].lengths), len(self.keys))
        return _indicators(texts[known], places[known], shape) @ self.weights + self.biases

    def to_arrays(self) -> Dict[str, np.ndarray]:
        """Returns the arrays that ``from_arrays`` reads, by name."""
        return {"orders": np.array(self.orders), **{name: getattr(self, name) for name in _NAMES}}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray], num_classes: int) -> Optional[NgramModel]:
        """Returns the model that ``to_arrays`` wrote; ``None`` where the arrays are not those of one."""
        if set(arrays) != {"orders", *_NAMES}:
            return None
        keys, weights, biases, mixture = (arrays[name] for name in _NAMES)
        orders = arrays["orders"]
        shapes = ((orders.ndim, orders.dtype.kind), (keys.ndim, keys.dtype), weights.shape, biases.shape, mixture.shape)
        expected = ((1, "i"), (1, np.uint64), (keys.size, num_classes), (num_classes,), (2,))
        if shapes != expected or not keys.size:
            return None
        most = MOST_SYMBOLS[: len(orders)]
        in_range = len(orders) == len(most) and (orders >= 0).all() and (orders <= most).all() and orders.any()
        in_order = bool((keys[1:] > keys[:-1]).all())
        numbers = (weights, biases, mixture)
        are_finite = all(array.dtype == np.float32 and np.isfinite(array).all() for array in numbers)
        return cls(tuple(orders.tolist()), keys, *numbers) if in_range and in_order and are_finite else None


def fit_ngrams(streams: Streams, labels: np.ndarray, num_classes: int, orders: Tuple[int, ...]) -> NgramModel:
    """Returns the model of labelled texts.

    Args:
        streams: the sequences of M texts.
        labels: (M,) integers.
        num_classes: K.
        orders: for each sequence, most symbols of an n-gram; one of them is above 0.
    """
    texts, hashed = _ngrams(streams, orders)
    keys, columns = np.unique(hashed, return_inverse=True)
    features = _indicators(texts, columns, (len(labels), len(keys)))
    often = np.flatnonzero(np.asarray(features.sum(axis=0)).ravel() > 1)
    often = often if len(often) else np.arange(len(keys))
    return NgramModel(tuple(orders), keys[often], *_fit(features[:, often], labels, num_classes))


def _take(streams: Streams, indices: np.ndarray) -> Streams:
    """Returns the sequences of the texts at ``indices``."""
    return tuple(stream.take(indices) for stream in streams)


def _fit(features: sparse.csr_matrix, labels: np.ndarray, num_classes: int) -> Tuple[np.ndarray, np.ndarray]:
    """Returns weights (G, K) and biases (K,) float32 for texts whose n-grams are the columns (M, G) of ``features``."""
    ones = [_fit_class(features, labels == label) for label in range(num_classes)[-1 if num_classes == 2 else 0 :]]
    weights, biases = np.stack([w for w, _ in ones], axis=1), np.array([b for _, b in ones])
    if num_classes == 2:
        weights, biases = np.concatenate([-weights, weights], axis=1), np.concatenate([-biases, biases])
    return weights.astype(np.float32), biases.astype(np.float32)


def _fit_class(features: sparse.csr_matrix, is_class: np.ndarray) -> Tuple[np.ndarray, float]:
    """Returns weights (G,) and bias of one class against the rest."""
    from sklearn.linear_model import LogisticRegression

    if is_class.all() or not is_class.any():  # none of this class, or no other: nothing speaks for it
        return np.zeros(features.shape[1]), 0.0
    ratio = _log_share(features, is_class) - _log_share(features, ~is_class)
    # The dual solver is the fastest with more features than samples; its seed makes the order of its steps repeatable.
    regression = LogisticRegression(
        C=REGULARIZATION, solver="liblinear", dual=True, tol=1e-2, max_iter=1000, random_state=0
    )
    regression.fit(features.multiply(ratio).tocsr(), is_class)
    return regression.coef_[0] * ratio, float(regression.intercept_[0])


def _log_share(features: sparse.csr_matrix, rows: np.ndarray) -> np.ndarray:
    """Returns the logarithm of each n-gram's share (G,) of all n-grams of the texts ``rows``."""
    counts = SMOOTHING + np.asarray(features[rows].sum(axis=0)).ravel()
    return np.log(counts / counts.sum())


def _indicators(texts: np.ndarray, columns: np.ndarray, shape: Tuple[int, int]) -> sparse.csr_matrix:
    """Returns a matrix float32 of ones where a text has an n-gram."""
    matrix = sparse.csr_matrix((np.ones(len(texts), np.float32), (texts, columns)), shape=shape)
    matrix.data[:] = 1  # an n-gram that a text has twice was added up
    return matrix


def _ngrams(streams: Streams, orders: Tuple[int, ...]) -> Tuple[np.ndarray, np.ndarray]:
    """Returns the n-grams of all texts: the text's number, int64, and the hashed n-gram, uint64."""
    found = [_stream_ngrams(stream, order, salt) for salt, (stream, order) in enumerate(zip(streams, orders))]
    texts, keys = zip(*(part for parts in found for part in parts))
    return np.concatenate(texts), np.concatenate(keys)


def _stream_ngrams(sequences: TokenSequences, order: int, salt: int) -> Iterator[Tuple[np.ndarray, np.ndarray]]:
    """Yields texts and hashed n-grams of one sequence a text, size by size; the salt tells streams apart."""
    numbers, lengths = sequences.numbers.astype(np.uint64) + np.uint64(1), sequences.lengths
    text = np.repeat(np.arange(len(lengths)), lengths)
    left = np.repeat(sequences.offsets[1:], lengths) - np.arange(len(numbers))  # symbols from here to the text's end
    key = np.full(len(numbers), salt << 40, np.uint64)  # no symbol's number is so great
    for size in range(1, order + 1):
        starts = slice(max(len(key) - size + 1, 0))
        key[starts] = _hash(key[starts]) + numbers[size - 1 :]
        inside = left >= size
        yield text[inside], _hash(key[inside])


def _hash(key: np.ndarray) -> np.ndarray:
    """Returns 64-bit numbers mixed up, one to one."""
    key = (key ^ (key >> np.uint64(32))) * _FACTOR
    return key ^ (key >> np.uint64(29))
