"""A linear model of token n-grams, whose scores the head of a network may read beside the encoder's output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Mapping, Optional, Tuple

import numpy as np
from scipy import sparse

from gluon_lstm.data.encoding import TokenSequences
from gluon_lstm.data.splits import fold_numbers

FOLDS = 5
"""Parts that the training texts are cut into; each is scored by a model of the others."""
SMOOTHING = 1.0
"""Count that every n-gram is given in each class beforehand."""
REGULARIZATION = 1.0
"""Inverse of the logistic regression's L2 penalty, as scikit-learn's C."""
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
"""Odd multiplier (2**64 over the golden ratio) that spreads the keys of n-grams over all 64-bit numbers."""
_NAMES = ("keys", "weights", "biases")


@dataclass(frozen=True, eq=False)
class NgramModel:
    """Logistic regression, one class against the rest, on naive Bayes features (NBSVM, Wang and Manning 2012).

    A text's features are its n-grams of 1 to ``order`` tokens, each counted once and
    weighed with the logarithm of the ratio of its shares in the class and in the rest.

    Attributes:
        order: most tokens of an n-gram.
        keys: (G,) uint64, ascending: the hashed n-grams that are known.
        weights: (G, K) float32.
        biases: (K,) float32.
    """

    order: int
    keys: np.ndarray
    weights: np.ndarray
    biases: np.ndarray

    def scores(self, sequences: TokenSequences) -> np.ndarray:
        """Returns each text's log-odds of each class against the rest, (M, K) float32."""
        texts, keys = _ngrams(sequences, self.order)
        places = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        known = self.keys[places] == keys
        shape = (len(sequences.lengths), len(self.keys))
        return _indicators(texts[known], places[known], shape) @ self.weights + self.biases

    def to_arrays(self) -> Dict[str, np.ndarray]:
        """Returns the arrays that ``from_arrays`` reads, by name."""
        return {"order": np.array([self.order]), **{name: getattr(self, name) for name in _NAMES}}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray], num_classes: int) -> Optional[NgramModel]:
        """Returns the model that ``to_arrays`` wrote; ``None`` where the arrays are not those of one."""
        if set(arrays) != {"order", *_NAMES}:
            return None
        keys, weights, biases = (arrays[name] for name in _NAMES)
        shapes = (keys.shape[1:], weights.shape, biases.shape, arrays["order"].shape)
        if shapes != ((), (len(keys), num_classes), (num_classes,), (1,)) or keys.dtype != np.uint64:
            return None
        order = int(arrays["order"][0])
        return cls(order, keys, weights, biases) if order > 0 and len(keys) else None


def fit_ngrams(sequences: TokenSequences, labels: np.ndarray, num_classes: int, order: int) -> NgramModel:
    """Returns the model of labelled texts.

    Args:
        sequences: M texts.
        labels: (M,) integers.
        num_classes: K.
        order: most tokens of an n-gram.
    """
    texts, hashed = _ngrams(sequences, order)
    keys, columns = np.unique(hashed, return_inverse=True)
    features = _indicators(texts, columns, (len(labels), len(keys)))
    often = np.flatnonzero(np.asarray(features.sum(axis=0)).ravel() > 1)
    often = often if len(often) else np.arange(len(keys))
    return _fit(features[:, often], keys[often], labels, num_classes, order)


def cross_fit(sequences: TokenSequences, labels: np.ndarray, num_classes: int, order: int, seed: int) -> np.ndarray:
    """Returns scores (M, K) float32 of training texts, each by a model that has not seen the text.

    A model's scores of its own training texts are far too good, and a network that
    learned from those would believe them of other texts too.

    Args:
        sequences: M texts.
        labels: (M,) integers.
        num_classes: K.
        order: most tokens of an n-gram.
        seed: of the draw that cuts the texts into ``FOLDS`` parts.
    """
    folds = fold_numbers(labels, min(FOLDS, len(labels)), np.random.default_rng(seed))
    scores = np.zeros((len(labels), num_classes), np.float32)
    for fold in np.unique(folds):
        inside, outside = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        model = fit_ngrams(sequences.take(outside), labels[outside], num_classes, order)
        scores[inside] = model.scores(sequences.take(inside))
    return scores


def _fit(features: sparse.csr_matrix, keys: np.ndarray, labels: np.ndarray, num_classes: int, order: int) -> NgramModel:
    """Returns the model of texts whose n-grams are the columns (M, G) of ``features``."""
    ones = [_fit_class(features, labels == label) for label in range(num_classes)[-1 if num_classes == 2 else 0 :]]
    weights, biases = np.stack([w for w, _ in ones], axis=1), np.array([b for _, b in ones])
    if num_classes == 2:
        weights, biases = np.concatenate([-weights, weights], axis=1), np.concatenate([-biases, biases])
    return NgramModel(order, keys, weights.astype(np.float32), biases.astype(np.float32))


def _fit_class(features: sparse.csr_matrix, is_class: np.ndarray) -> Tuple[np.ndarray, float]:
    """Returns weights (G,) and bias of one class against the rest."""
    from sklearn.linear_model import LogisticRegression

    if is_class.all() or not is_class.any():  # none of this class in these folds: nothing speaks for it
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


def _ngrams(sequences: TokenSequences, order: int) -> Tuple[np.ndarray, np.ndarray]:
    """Returns the n-grams of all texts: the text's number, int64, and the hashed n-gram, uint64."""
    numbers, lengths = sequences.numbers.astype(np.uint64) + np.uint64(1), sequences.lengths
    text = np.repeat(np.arange(len(lengths)), lengths)
    left = np.repeat(sequences.offsets[1:], lengths) - np.arange(len(numbers))  # tokens from here to the text's end
    texts: List[np.ndarray] = []
    keys: List[np.ndarray] = []
    key = np.zeros(len(numbers), np.uint64)
    for size in range(1, order + 1):
        starts = slice(max(len(key) - size + 1, 0))
        key[starts] = _hash(key[starts]) + numbers[size - 1 :]
        inside = left >= size
        texts.append(text[inside])
        keys.append(_hash(key[inside]))
    return np.concatenate(texts), np.concatenate(keys)


def _hash(key: np.ndarray) -> np.ndarray:
    """Returns 64-bit numbers mixed up, one to one."""
    key = (key ^ (key >> np.uint64(32))) * _FACTOR
    return key ^ (key >> np.uint64(29))
