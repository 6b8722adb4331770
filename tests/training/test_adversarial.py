"""Adversarial training, against two passes by hand with MXNet's plain autograd."""

import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, nd

from gluon_lstm.data import Batch
from gluon_lstm.nn import TextClassifier, get_arrays, set_arrays
from gluon_lstm.training import Stepper
from gluon_lstm.training.adversarial import AdversarialPass
from gluon_lstm.training.loss import ClassificationLoss

LENGTHS = np.array([6, 1, 4, 2, 6, 3], np.int32)
LABELS = np.array([0, 1, 2, 0, 1, 2], np.int32)
ENCODERS = {
    "lstm": {"bidirectional": True},
    "gru": {"encoder": "gru"},
    "rnn": {"encoder": "rnn"},
    "transformer": {"encoder": "transformer", "num_heads": 2},
}
LENGTH = 0.7
CPU = (mx.cpu(),)


@pytest.fixture
def tokens(rng):
    """Tokens (6, 6), padded by 1."""
    made = rng.integers(2, 15, (6, 6)).astype(np.int32)
    made[np.arange(6)[:, np.newaxis] >= LENGTHS] = 1
    return made


def make_net(devices=CPU, hybridize=False, **options):
    net = TextClassifier(3, 15, 5, **{"hidden_size": 4, "pooling": "mean+max", **options})
    net.initialize(mx.init.Uniform(0.5), ctx=list(devices))
    if hybridize:
        net.hybridize(static_alloc=True, static_shape=True)
    return net


def make_loss(hybridize=False, devices=CPU):
    loss = ClassificationLoss(0.1)
    loss.initialize(ctx=list(devices))
    if hybridize:
        loss.hybridize(static_alloc=True)
    return loss


def arguments(tokens, lengths=LENGTHS, labels=LABELS):
    return [nd.array(array, dtype="int32") for array in (tokens, lengths, labels)]


def gradients(net):
    return {name: p.grad().asnumpy().copy() for name, p in net.collect_params().items() if p.grad_req != "null"}


def perturbation(embedded, gradient, lengths):
    """Returns r of the docstring, each text by itself, in float64."""
    moved = np.zeros(embedded.shape)
    for index, length in enumerate(lengths):
        x, g = (array[:length, index].astype(np.float64) for array in (embedded, gradient))
        moved[:length, index] = LENGTH * np.sqrt((x**2).sum() / length) * g / np.linalg.norm(g)
    return moved


def by_hand(net, loss, tokens, lengths=LENGTHS, labels=LABELS):
    """Returns the gradients of both passes added up, and the perturbation; each pass from the tokens, with "write"."""
    tokens, lengths_, labels_ = arguments(tokens, lengths, labels)
    total, inputs = {}, []
    move = 0
    for _ in range(2):
        with autograd.record():
            embedded = net.embedding(tokens) + move
            embedded.attach_grad()  # cuts the tape here
            inputs.append(embedded)
            losses = loss(net.classifier(embedded, lengths_), labels_)
        losses.backward()
        with autograd.record():
            again = net.embedding(tokens)
        again.backward(embedded.grad)
        for name, gradient in gradients(net).items():
            total[name] = total.get(name, 0) + gradient
        move = nd.array(perturbation(embedded.asnumpy(), embedded.grad.asnumpy(), lengths))
    return total, inputs[1].asnumpy() - inputs[0].asnumpy(), losses.asnumpy()


def assert_same(found, expected):
    assert set(found) == set(expected)
    for name, gradient in expected.items():
        np.testing.assert_allclose(found[name], gradient, rtol=1e-3, atol=2e-5, err_msg=name)


@pytest.mark.parametrize("options", ENCODERS.values(), ids=ENCODERS)
def test_gradients_are_those_of_two_passes_by_hand(tokens, options, hybridized):
    net, loss = make_net(hybridize=hybridized, **options), make_loss(hybridized)
    expected, *_ = by_hand(net, loss, tokens)
    adversarial = AdversarialPass(net, loss, LENGTH)
    for _ in range(2):  # the second time, the first's gradients must be gone
        logits, losses = adversarial(*arguments(tokens))
        assert_same(gradients(net), expected)
    plain = net(*arguments(tokens)[:-1])
    np.testing.assert_allclose(logits.asnumpy(), plain.asnumpy(), atol=1e-6)
    np.testing.assert_allclose(losses.asnumpy(), loss(plain, nd.array(LABELS, dtype="int32")).asnumpy(), atol=1e-5)


@pytest.mark.parametrize("options", ENCODERS.values(), ids=ENCODERS)
def test_texts_move_by_their_length_uphill_and_padding_stays(tokens, options, monkeypatch):
    net, loss = make_net(**options), make_loss()
    seen = []
    adversarial = AdversarialPass(net, loss, LENGTH)
    run = adversarial._run
    monkeypatch.setattr(adversarial, "_run", lambda *given: seen.append((given[0], run(*given))) or seen[-1][1])
    adversarial(*arguments(tokens))
    (plain, (_, before, _)), (moved, (_, after, _)) = seen
    _, expected, _ = by_hand(make_copy(net, options), loss, tokens)
    difference = (moved - plain).asnumpy()
    np.testing.assert_allclose(difference, expected, atol=1e-5)
    padding = np.arange(6)[:, np.newaxis] >= LENGTHS
    assert (difference[padding] == 0).all()
    squares = (plain.asnumpy() ** 2).sum(axis=2)
    size = np.sqrt(np.where(padding, 0, squares).sum(axis=0) / LENGTHS)
    np.testing.assert_allclose(np.sqrt((difference**2).sum(axis=(0, 2))), LENGTH * size, rtol=1e-4)
    assert after.asnumpy().mean() > before.asnumpy().mean()


def make_copy(net, options):
    copy = make_net(**options)
    set_arrays(copy, get_arrays(net), "copy")
    return copy


def test_a_small_move_makes_every_texts_loss_greater(tokens):
    net, loss = make_net(bidirectional=True), make_loss()
    adversarial = AdversarialPass(net, loss, 0.01)
    losses = []
    run = adversarial._run
    adversarial._run = lambda *given: losses.append(run(*given)) or losses[-1]
    adversarial(*arguments(tokens))
    assert (losses[1][1] > losses[0][1]).asnumpy().all()


@pytest.mark.parametrize("options", ENCODERS.values(), ids=ENCODERS)
def test_padding_changes_nothing(tokens, options, hybridized):
    net = make_net(hybridize=hybridized, **options)
    adversarial = AdversarialPass(net, make_loss(hybridized), LENGTH)
    found = []
    other = tokens.copy()
    other[np.arange(6)[:, np.newaxis] >= LENGTHS] = 7
    for padded in (tokens, other, np.concatenate([tokens, np.full((3, 6), 7, np.int32)])):
        adversarial(*arguments(padded))
        found.append(gradients(net))
    for gradient in found[1:]:
        assert_same(gradient, found[0])


@pytest.mark.parametrize("size", [1.0, 1e-15, 1e-25, 1e-35, 0.0])
def test_gradients_however_small_move_by_the_length_or_less(tokens, rng, size):
    adversarial = AdversarialPass(make_net(), make_loss(), LENGTH)
    embedded = rng.normal(size=(6, 6, 5)).astype(np.float32)
    gradient = rng.normal(size=(6, 6, 5)).astype(np.float32)
    gradient[np.arange(6)[:, np.newaxis] >= LENGTHS] = 0
    expected = perturbation(embedded, gradient, LENGTHS)
    lengths = nd.array(LENGTHS, dtype="int32")
    moved = adversarial._move(nd.array(embedded), nd.array(gradient * np.float32(size)), lengths).asnumpy()
    assert np.isfinite(moved).all()
    if size >= 1e-25:
        np.testing.assert_allclose(moved, expected, rtol=1e-4)
    assert (np.abs(moved) <= 1.01 * np.abs(expected)).all()


def test_a_fixed_embedding_is_moved_and_not_trained(tokens):
    net, loss = make_net(), make_loss()
    expected, *_ = by_hand(net, loss, tokens)
    net.embedding.weight.grad_req = "null"
    AdversarialPass(net, loss, LENGTH)(*arguments(tokens))
    del expected[net.embedding.weight.name]
    assert_same(gradients(net), expected)


def as_batch(tokens, index=slice(None)):
    """Returns the samples at ``index``."""
    part = np.ascontiguousarray(tokens[:, index])
    return Batch(part, LENGTHS[index], LABELS[index], np.arange(6)[index])


def moved_by_a_step(net, stepper, batch, rate=1.0):
    """Returns how far one step moves all parameters, as one vector, and its result."""
    before = np.concatenate([array.ravel() for array in get_arrays(net).values()])
    result = stepper.step(batch, rate)
    return np.concatenate([array.ravel() for array in get_arrays(net).values()]) - before, result


@pytest.fixture
def make_stepper(make_config):
    """A function that makes a net and its stepper; every net starts from the same weights."""
    start = {}

    def make(devices=CPU, **training):
        net = make_net(devices, hybridize=True)
        start.update(start or get_arrays(net))
        set_arrays(net, start, "start")
        options = {"optimizer": "sgd", "momentum": 0.0, "clip_norm": 0.0, "adversarial": LENGTH, **training}
        return net, Stepper(net, make_config(**options).training, devices)

    return make


def test_a_step_goes_along_the_mean_of_both_passes_and_all_samples(tokens, make_stepper):
    net, stepper = make_stepper(label_smoothing=0.1)
    copy = make_copy(net, {})
    expected, *_ = by_hand(copy, make_loss(), tokens)
    by_name = {name: p.name for name, p in copy._collect_params_with_prefix().items()}
    ordered = np.concatenate([expected[by_name[name]].ravel() for name in get_arrays(copy)])
    found, _ = moved_by_a_step(net, stepper, as_batch(tokens))
    np.testing.assert_allclose(found, -ordered / 12, atol=1e-5)


@pytest.mark.parametrize("options", [{}, {"clip_norm": 0.02}], ids=["", "clipped"])
@pytest.mark.parametrize("count", [6, 5, 1])
def test_devices_share_a_batch_and_end_where_one_would(tokens, make_stepper, options, count):
    batch = as_batch(tokens, slice(count))
    expected, alone = moved_by_a_step(*make_stepper(**options), batch)
    devices = [mx.cpu(1), mx.cpu(2)]
    net, stepper = make_stepper(devices, **options)
    found, shared = moved_by_a_step(net, stepper, batch)
    assert np.linalg.norm(expected) > 0.01
    np.testing.assert_allclose(found, expected, atol=1e-5)
    losses = np.concatenate([part.asnumpy() for part in shared.losses])
    np.testing.assert_allclose(losses, alone.losses[0].asnumpy(), atol=1e-5)
