"""Why a network says what it says about one sample: which time steps mattered, and what its gates did.

A step matters as much as the predicted class becomes less probable without it (occlusion,
Zeiler and Fergus 2014): without a step of measured values these are 0, without a token it
is the unknown one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import mxnet as mx
import numpy as np

from gluon_lstm.data import Batch, SequenceDataset, TextDataset
from gluon_lstm.data.encoding import UNKNOWN, TokenSequences
from gluon_lstm.evaluation.predict import forward, predict, softmax
from gluon_lstm.nn import LSTM, Gates, TextClassifier
from gluon_lstm.nn.encoder import Encoder, GroupedEncoder, RecurrentEncoder

WINDOWS = 64
"""Most parts of a sequence that are left out one by one; in a longer one, several successive steps together."""


class Occlusion(NamedTuple):
    """Which steps of a sample mattered.

    Attributes:
        index: the sample's position in its data set.
        predicted: the most probable class.
        probability: its probability with all steps.
        drops: (T,) float64, by how much less probable it is without each step; negative where the step spoke against.
        tokens: (T,) what each step is; empty where steps are measured values.
    """

    index: int
    predicted: int
    probability: float
    drops: np.ndarray
    tokens: Tuple[str, ...] = ()


class GateTrace(NamedTuple):
    """What one direction of a recurrent layer did with a sample.

    Attributes:
        index: the sample's position in its data set.
        group: number of the group of features that the layer reads, from 1; 0 where there are no groups.
        layer: its number, from 1.
        direction: ``forward`` or ``backward``; steps are in the order of the sample all the same.
        gates: each (T, H) float32.
        cell: (T, H) float32, the memory cell after each step.
        hidden: (T, H or P) float32, what goes out.
    """

    index: int
    group: int
    layer: int
    direction: str
    gates: Gates
    cell: np.ndarray
    hidden: np.ndarray

    @property
    def name(self) -> str:
        """Which layer and direction it is, in words."""
        group = f"group {self.group}, " if self.group else ""
        return f"{group}layer {self.layer}, {self.direction}"


def occlude_steps(net: Any, dataset: SequenceDataset, index: int, device: mx.Context) -> Occlusion:
    """Returns which steps of a sample mattered.

    Args:
        net: called with a batch's arguments, gives logits (N, K).
        dataset: holds the sample.
        index: its position.
        device: where the network's parameters are.
    """
    steps, tokens = len(dataset.batch(np.array([index])).inputs), ()
    windows = _windows(steps)
    if isinstance(dataset, TextDataset):
        tokens = tuple(tokens_of(dataset, index))
        variants = _without_tokens(dataset, index, windows, tokens)
        probabilities = predict(net, variants, len(variants), device).probabilities.astype(np.float64)
    else:
        inputs = _without_values(dataset.batch(np.array([index])), windows)
        probabilities = softmax(forward(net, inputs, device)).astype(np.float64)
    predicted = int(probabilities[0].argmax())
    drops = probabilities[0, predicted] - probabilities[1:, predicted]
    return Occlusion(index, predicted, float(probabilities[0, predicted]), drops[windows.argmax(axis=0)], tokens)


def _without_values(batch: Batch, windows: np.ndarray) -> Tuple[np.ndarray, ...]:
    """Returns a network's arguments for a batch's one sample as it is, and with 0 in each window of its steps."""
    inputs, *others = batch.arguments
    inputs = np.repeat(inputs, len(windows) + 1, axis=1)
    inputs[:, 1:][windows.T] = 0
    return (inputs, *(np.repeat(array, len(windows) + 1, axis=0) for array in others))


def _windows(steps: int) -> np.ndarray:
    """Returns (W, T) bool: the steps of each window, T in all; each step is in one."""
    numbers = np.arange(steps) // -(-steps // WINDOWS)
    return numbers == np.arange(numbers[-1] + 1)[:, np.newaxis]


def tokens_of(dataset: TextDataset, index: int) -> List[str]:
    """Returns the tokens of a text that are read, the unknown ones as they stand in it."""
    tokens = dataset.reader.format.tokenization.tokenize([dataset.text(index)])
    return [tokens.found[number] for number in tokens.sequences.numbers]


def _without_tokens(dataset: TextDataset, index: int, windows: np.ndarray, tokens: Sequence[str]) -> TextDataset:
    """Returns a text as it is, and without each window of its tokens."""
    numbers = np.tile(dataset.sequences.take(np.array([index])).numbers, (len(windows) + 1, 1))
    numbers[1:][windows] = UNKNOWN
    sequences = TokenSequences(numbers.ravel(), len(tokens) * np.arange(len(numbers) + 1))
    text = dataset.text(index)
    texts = [text, *_without_spans(text, _spans(dataset, text, tokens), windows)]
    scores = dataset.reader.scores(sequences, texts)
    labels = np.repeat(dataset.labels[index : index + 1], len(numbers))
    return replace(dataset, texts=texts, sequences=sequences, scores=scores, labels=labels)


def _without_spans(text: str, spans: Sequence[slice], windows: np.ndarray) -> List[str]:
    """Returns a text without each window's spans: models of characters read the text itself."""
    texts = []
    for window in windows:
        inside = [spans[step] for step in np.flatnonzero(window)]
        texts.append(text[: inside[0].start] + " " + text[inside[-1].stop :] if None not in inside else text)
    return texts


def _spans(dataset: TextDataset, text: str, tokens: Sequence[str]) -> List[Optional[slice]]:
    """Returns where each token stands in a text; ``None`` for one that is not found, such as a piece of SentencePiece.

    They are looked for from that end which was not cut off.
    """
    tokenization = dataset.reader.format.tokenization
    backward = tokenization.truncate == "start"
    folded = text.lower() if tokenization.lowercase and len(text.lower()) == len(text) else text
    spans: List[Optional[slice]] = []
    low, high = 0, len(folded)
    for token in reversed(tokens) if backward else tokens:
        start = folded.rfind(token, low, high) if backward else folded.find(token, low, high)
        spans.append(None if start < 0 else slice(start, start + len(token)))
        if start >= 0:
            low, high = (low, start) if backward else (start + len(token), high)
    return spans[::-1] if backward else spans


def trace_gates(net: Any, dataset: SequenceDataset, index: int, device: mx.Context) -> Tuple[GateTrace, ...]:
    """Returns what each direction of each layer did with a sample, the first layer first; nothing where no LSTM is."""
    batch = dataset.batch(np.array([index]))
    array = batch.inputs if batch.lengths is None else batch.inputs[: batch.lengths[0]]
    inputs = mx.nd.array(array, ctx=device, dtype=array.dtype)
    if isinstance(net, TextClassifier):
        net, inputs = net.classifier, net.embedding(inputs)
    if isinstance(net.encoder, GroupedEncoder):
        groups = enumerate(net.encoder.split(mx.nd, inputs), 1)
        return tuple(trace for group, pair in groups for trace in _traces_of(*pair, index, group))
    return tuple(_traces_of(net.encoder, inputs, index))


def _traces_of(encoder: Encoder, inputs: mx.nd.NDArray, index: int, group: int = 0) -> Iterator[GateTrace]:
    """Yields what an encoder's layers did with a sample (T, 1, C)."""
    if not (isinstance(encoder, RecurrentEncoder) and isinstance(encoder.layers[0].recurrence, LSTM)):
        return
    for layer, directions in enumerate(encoder.trace(inputs), 1):
        for direction, gates, *states in directions:
            arrays = [array.asnumpy()[:, 0] for array in (*gates, *states)]
            yield GateTrace(index, group, layer, direction, Gates(*arrays[: len(gates)]), *arrays[len(gates) :])
