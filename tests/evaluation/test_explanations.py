"""Which steps mattered, against models whose answer is known; gates, against the layer that they are of."""

from __future__ import annotations

import mxnet as mx
import numpy as np
import pytest
from scipy.special import softmax

from gluon_lstm.config import TextConfig
from gluon_lstm.data import ImageDataset, TextDataset, TextReader
from gluon_lstm.data.encoding import Tokenization, build_format
from gluon_lstm.evaluation.explanations import WINDOWS, occlude_steps, tokens_of, trace_gates
from gluon_lstm.nn import SequenceClassifier, TextClassifier


class WeighedSteps(mx.gluon.HybridBlock):
    """Logits (N, 2): minus and plus the sum of step t's first value times t."""

    def hybrid_forward(self, F, inputs):
        """(T, N, C) → (N, 2)."""
        first = F.squeeze(F.slice_axis(inputs, axis=2, begin=0, end=1), axis=2)
        weighed = F.sum(F.broadcast_mul(first, F.expand_dims(F.arange(inputs.shape[0]), axis=1)), axis=0)
        return F.stack(-weighed, weighed, axis=1)


class CountedTokens(mx.gluon.HybridBlock):
    """Logits (N, 2): minus and plus the number of tokens that are number 2 of the vocabulary."""

    def hybrid_forward(self, F, tokens, lengths):
        """(T, N) → (N, 2)."""
        counted = F.sum(F.cast(tokens == 2, "float32"), axis=0)
        return F.stack(-counted, counted, axis=1)


def images(steps, seed=0):
    pictures = np.random.default_rng(seed).integers(0, 256, (3, steps, 4)).astype(np.uint8)
    return ImageDataset("noise", "test", pictures, np.zeros(3, np.int32), ("a", "b"))


def texts(*given, **options):
    tokenization = Tokenization.from_config(TextConfig(**options))
    text_format = build_format(tokenization, tokenization.tokenize(given), TextConfig(min_count=1))
    reader = TextReader(text_format)
    labels = np.zeros(len(given), np.int32)
    return TextDataset("mine", "test", given, text_format.encode(given), None, labels, ("a", "b"), reader)


def test_a_step_matters_as_much_as_is_lost_without_it():
    dataset = images(6)
    found = occlude_steps(WeighedSteps(), dataset, 1, mx.cpu())
    parts = np.arange(6) * dataset.images[1, :, 0] / 255
    whole = softmax([-parts.sum(), parts.sum()])[1]
    expected = [whole - softmax([-(parts.sum() - part), parts.sum() - part])[1] for part in parts]
    np.testing.assert_allclose(found.drops, expected, atol=1e-6)
    assert (found.index, found.predicted, found.tokens) == (1, 1, ())
    assert found.probability == pytest.approx(whole, abs=1e-6)


def test_a_long_sequence_is_left_out_in_windows():
    found = occlude_steps(WeighedSteps(), images(2 * WINDOWS + 1), 0, mx.cpu())
    assert found.drops.shape == (2 * WINDOWS + 1,)
    assert len(np.unique(found.drops.reshape(-1, 3), axis=1).T) == 1, "three steps together"


def test_a_token_matters_as_much_as_is_lost_without_it():
    dataset = texts("good good film", "film")
    assert dataset.reader.format.vocabulary[2] in ("good", "film")
    found = occlude_steps(CountedTokens(), dataset, 0, mx.cpu())
    counted = dataset.reader.format.vocabulary[2]
    n = "good good film".split().count(counted)
    lost = softmax([-n, n])[1] - softmax([1 - n, n - 1])[1]
    expected = [lost if token == counted else 0.0 for token in found.tokens]
    assert found.tokens == ("good", "good", "film")
    np.testing.assert_allclose(found.drops, expected, atol=1e-6)


@pytest.mark.parametrize(
    "truncate, kept, left",
    [
        ("start", ["b", "word"], ["a Word word", "a Word b"]),
        ("end", ["a", "word"], ["Word b word", "a b word"]),
    ],
)
def test_characters_are_read_without_the_word_too(truncate, kept, left, monkeypatch):
    dataset = texts("a Word b word", truncate=truncate, max_length=2)
    seen = []
    monkeypatch.setattr(TextReader, "scores", lambda reader, sequences, given: seen.extend(given))
    assert tokens_of(dataset, 0) == kept
    occlude_steps(CountedTokens(), dataset, 0, mx.cpu())
    assert [" ".join(text.split()) for text in seen] == ["a Word b word", *left]


def make_image_net(**options):
    net = SequenceClassifier(num_classes=2, input_size=4, hidden_size=5, **options)
    net.initialize(mx.init.Normal(0.5))
    net.hybridize()
    return net


@pytest.mark.parametrize("options", [{}, {"bidirectional": True}, {"activation": "relu"}, {"peephole": True},
                                     {"coupled": True}, {"projection_size": 3}, {"zoneout": 0.3},
                                     {"num_layers": 3, "bidirectional": True, "residual": True, "layer_norm": True},
                                     {"num_layers": 2, "dropout": 0.5, "implementation": "cell"}], ids=str)  # fmt: skip
def test_each_layer_and_direction_ends_in_its_own_outputs(options):
    net, dataset = make_image_net(**options), images(6)
    traces = trace_gates(net, dataset, 2, mx.cpu())
    names = ["forward", "backward"][: 1 + options.get("bidirectional", False)]
    layers = range(1, 1 + options.get("num_layers", 1))
    assert [(trace.layer, trace.direction) for trace in traces] == [(n, name) for n in layers for name in names]
    outputs = mx.nd.array(dataset.batch(np.array([2])).inputs)
    for number, layer in enumerate(net.encoder.layers):
        before, outputs = outputs, layer(outputs)
        hidden = [trace.hidden for trace in traces if trace.layer == number + 1]
        np.testing.assert_allclose(np.concatenate(hidden, axis=1), outputs.asnumpy()[:, 0], atol=1e-6)
        if options.get("residual"):  # what the next layer reads, put together by hand
            outputs = net.encoder.norms[number](outputs + before if before.shape == outputs.shape else outputs)


@pytest.mark.parametrize("direction, order", [("forward", 1), ("backward", -1)])
def test_gates_make_the_cell_that_is_shown(direction, order):
    traces = trace_gates(make_image_net(bidirectional=True), images(6), 2, mx.cpu())
    (trace,) = (trace for trace in traces if trace.direction == direction)
    gates, cell = (np.array(part)[..., ::order, :] for part in (trace.gates, trace.cell))
    entry, forget, candidate, output = gates
    before = np.concatenate([np.zeros((1, 5)), cell[:-1]])
    np.testing.assert_allclose(cell, forget * before + entry * candidate, atol=1e-6)
    np.testing.assert_allclose(trace.hidden[::order], output * np.tanh(cell), atol=1e-6)
    assert all(((0 <= gate) & (gate <= 1)).all() for gate in (entry, forget, output))


def test_each_group_reads_its_own_features():
    net, dataset = make_image_net(groups=2, bidirectional=True), images(6)
    traces = trace_gates(net, dataset, 0, mx.cpu())
    assert [(trace.group, trace.direction) for trace in traces] == [
        (1, "forward"), (1, "backward"), (2, "forward"), (2, "backward"),
    ]  # fmt: skip
    outputs = net.encoder(mx.nd.array(dataset.batch(np.array([0])).inputs)).outputs.asnumpy()[:, 0]
    np.testing.assert_allclose(np.concatenate([trace.hidden for trace in traces], axis=1), outputs, atol=1e-6)
    assert traces[3].name == "group 2, layer 1, backward"


def test_gates_of_texts():
    dataset = texts("good good film", "film")
    net = TextClassifier(2, len(dataset.reader.format.vocabulary), embedding_size=3, hidden_size=5)
    net.initialize()
    (trace,) = trace_gates(net, dataset, 0, mx.cpu())
    assert trace.cell.shape == (3, 5) and trace.name == "layer 1, forward"


@pytest.mark.parametrize("encoder", ["gru", "rnn", "transformer"])
def test_other_cells_have_no_such_gates(encoder):
    options = {"num_heads": 1} if encoder == "transformer" else {}
    assert trace_gates(make_image_net(encoder=encoder, **options), images(6), 0, mx.cpu()) == ()
