"""The classifier of token sequences."""

import doctest

import mxnet as mx
import numpy as np
import pytest

from gluon_lstm.nn import TextClassifier, TokenEmbedding, get_arrays, text
from gluon_lstm.nn.text import check_tokens

OPTIONS = {
    "lstm": {"bidirectional": True},
    "gru": {"encoder": "gru"},
    "rnn": {"encoder": "rnn", "num_layers": 2},
    "lstm cell": {"implementation": "cell", "bidirectional": True},
    "transformer": {"encoder": "transformer", "num_heads": 2},
}
POOLINGS = ("last", "mean", "max", "mean+max", "attention")
LENGTHS = np.array([7, 1, 4, 2, 7], np.int32)

each_encoder = pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)


def make(hybridize=False, **options):
    net = TextClassifier(3, 20, 6, **{"hidden_size": 4, "pooling": "mean+max", **options})
    net.initialize(mx.init.Uniform(0.5))
    if hybridize:
        net.hybridize(static_alloc=True, static_shape=True)
    return net


def run(net, tokens, lengths):
    arguments = [mx.nd.array(tokens, dtype="int32"), mx.nd.array(lengths, dtype="int32")]
    return net(*arguments).asnumpy()


@pytest.fixture
def tokens(rng):
    """Tokens (7, 5) with those of ``LENGTHS`` before the padding, which is 1."""
    made = rng.integers(2, 20, (7, 5)).astype(np.int32)
    made[np.arange(7)[:, np.newaxis] >= LENGTHS] = 1
    return made


def test_an_embedding_is_a_row_for_each_token(tokens, hybridized):
    embedding = TokenEmbedding(20, 6, dropout=0.5)
    embedding.initialize()
    if hybridized:
        embedding.hybridize()
    found = embedding(mx.nd.array(tokens, dtype="int32")).asnumpy()
    weight = embedding.weight.data().asnumpy()
    np.testing.assert_array_equal(found, weight[tokens])
    assert 0.07 < weight.std() < 0.13
    with mx.autograd.record():
        dropped = embedding(mx.nd.array(tokens, dtype="int32"))
    share = np.isclose(dropped.asnumpy(), 0).mean()
    assert 0.3 < share < 0.7
    dropped.backward()
    counts = np.bincount(tokens.ravel(), minlength=20)
    assert (embedding.weight.grad().asnumpy()[counts == 0] == 0).all()


@each_encoder
@pytest.mark.parametrize("pooling", POOLINGS)
def test_padding_and_neighbours_change_nothing(tokens, options, pooling, hybridized):
    net = make(hybridized, pooling=pooling, **options)
    together = run(net, tokens, LENGTHS)
    other = tokens.copy()
    other[np.arange(7)[:, np.newaxis] >= LENGTHS] = 13
    np.testing.assert_array_equal(run(net, other, LENGTHS), together)
    longer = np.concatenate([tokens, np.full((4, 5), 9, np.int32)])
    np.testing.assert_allclose(run(net, longer, LENGTHS), together, atol=2e-6)
    for index, length in enumerate(LENGTHS):
        alone = run(net, tokens[:length, [index]], [length])
        np.testing.assert_allclose(alone[0], together[index], atol=2e-6)
    order = np.array([3, 1, 4, 0, 2])
    np.testing.assert_allclose(run(net, tokens[:, order], LENGTHS[order]), together[order], atol=2e-6)


@each_encoder
def test_gradients_hybridized_are_those_of_the_eager_net(tokens, options):
    gradients = []
    net = make(**options)
    for hybridize in (False, True):
        net.hybridize(hybridize, static_alloc=True, static_shape=True)
        with mx.autograd.record():
            logits = net(mx.nd.array(tokens, dtype="int32"), mx.nd.array(LENGTHS, dtype="int32"))
            loss = (logits * logits).sum()
        loss.backward()
        gradients.append({name: p.grad().asnumpy() for name, p in net.collect_params().items()})
    for name, gradient in gradients[0].items():
        np.testing.assert_allclose(gradients[1][name], gradient, rtol=1e-3, atol=1e-5, err_msg=name)
    embedding = gradients[0][net.embedding.weight.name]
    known = np.isin(np.arange(20), tokens[np.arange(7)[:, np.newaxis] < LENGTHS])
    assert (embedding[~known] == 0).all(), "padding has a gradient"
    assert np.abs(embedding[known]).max() > 0


def test_it_is_an_embedding_before_a_classifier(tokens, hybridized):
    net = make(hybridized, bidirectional=True, head_size=5)
    embedded = net.embedding.weight.data()[mx.nd.array(tokens, dtype="int32")]
    expected = net.classifier(embedded, mx.nd.array(LENGTHS)).asnumpy()
    np.testing.assert_allclose(run(net, tokens, LENGTHS), expected, atol=1e-6)


def test_many_shapes_in_one_static_net(tokens):
    net, eager = make(True, bidirectional=True), make(bidirectional=True)
    for (_, source), (_, target) in zip(net.collect_params().items(), eager.collect_params().items()):
        target.set_data(source.data())
    for steps, count in [(7, 5), (3, 2), (7, 5), (1, 1), (7, 2), (3, 5)]:
        lengths = np.minimum(LENGTHS[:count], steps)
        part = tokens[:steps, :count]
        np.testing.assert_allclose(run(net, part, lengths), run(eager, part, lengths), atol=2e-6)


@pytest.mark.parametrize(
    "tokens, message",
    [
        (np.array([[0, 20]], np.int32), "tokens from 0 to 20: must be from 0 to 19"),
        (np.array([[-1, 3]], np.int32), "tokens from -1 to 3: must be from 0 to 19"),
        (np.array([[0.0, 2.0]], np.float32), "tokens of type float32: must be whole numbers"),
        (np.array([1, 2], np.int32), r"tokens of shape \(2,\): needs \(time steps, batch\)"),
        (np.zeros((2, 1, 3), np.int32), r"tokens of shape \(2, 1, 3\)"),
    ],
)
def test_tokens_that_mxnet_would_take_for_others(tokens, message, hybridized):
    net = make(hybridized)
    with pytest.raises(ValueError, match=message):
        net(mx.nd.array(tokens, dtype=tokens.dtype), mx.nd.array([1]))
    with pytest.raises(ValueError, match=message):
        check_tokens(tokens, 20)


@pytest.mark.parametrize("lengths", [[0, 2], [3, 1], [1], [1.5, 1], [np.nan, 1]], ids=str)
def test_lengths_that_mxnet_would_crash_on(lengths, hybridized):
    net = make(hybridized)
    with pytest.raises(ValueError, match="lengths"):
        net(mx.nd.zeros((2, 2), dtype="int32"), mx.nd.array(lengths))


@pytest.mark.parametrize("tokens", [np.zeros((2, 2), np.int32), [[0, 1]]], ids=["ndarray", "list"])
def test_what_is_no_array_of_mxnet_is_refused(tokens, hybridized):
    message = rf"tokens of type {type(tokens).__name__}: wrap them as mx.nd.array\(tokens, dtype='int32'\)"
    with pytest.raises(TypeError, match=f"^{message}$"):
        make(hybridized)(tokens)


def test_example_of_the_docstring_runs():
    results = doctest.testmod(text)
    assert results.attempted > 0
    assert results.failed == 0


@pytest.mark.parametrize("options", [{"vocabulary_size": 0}, {"embedding_size": 0}, {"embedding_dropout": 1.0}])
def test_sizes_and_shares(options):
    with pytest.raises(ValueError, match=next(iter(options)).split("_")[-1]):
        TextClassifier(**{"num_classes": 2, "vocabulary_size": 3, **options})


def test_names_of_the_parameters():
    names = set(get_arrays(make()))
    assert "embedding.weight" in names
