"""Adversarial training against the formula of Miyato, Dai and Goodfellow (2017), written anew in PyTorch."""

from __future__ import annotations

import mxnet as mx
import numpy as np
import pytest
from mxnet import nd

from gluon_lstm.nn import TextClassifier, get_arrays
from gluon_lstm.nn.exchange import to_torch
from gluon_lstm.training.adversarial import AdversarialPass
from gluon_lstm.training.loss import ClassificationLoss

torch = pytest.importorskip("torch")
T, N, K, VOCABULARY, E, HIDDEN = 6, 5, 3, 15, 8, 4
LENGTHS, LABELS = np.array([6, 1, 4, 2, 6], np.int32), np.array([0, 1, 2, 0, 1], np.int32)
EPSILON = 2.0
"""The paper's ε: the length of each text's step."""
ENCODER = "classifier.encoder."


@pytest.fixture
def net():
    """A classifier whose words have vectors of length √E, which the paper's normalized ones have in the mean."""
    made = TextClassifier(K, VOCABULARY, E, hidden_size=HIDDEN, bidirectional=True, pooling="mean+max")
    made.initialize(mx.init.Uniform(0.5))
    vectors = made.embedding.weight.data().asnumpy()
    vectors *= np.sqrt(E) / np.linalg.norm(vectors, axis=1, keepdims=True)
    made.embedding.weight.set_data(nd.array(vectors))
    return made


class Peer:
    """The same classifier in PyTorch, which reads each text by itself and without padding."""

    def __init__(self, arrays) -> None:
        self.lstm = torch.nn.LSTM(E, HIDDEN, bidirectional=True)
        weights = to_torch(arrays, ENCODER)
        self.lstm.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()})
        self.words, self.weight, self.bias = (
            torch.tensor(arrays[name], requires_grad=True)
            for name in ("embedding.weight", "classifier.head.0.weight", "classifier.head.0.bias")
        )

    def loss(self, embedded, label):
        """-log p(y | s; θ) of one embedded text (T, E)."""
        outputs, _ = self.lstm(embedded)
        pooled = torch.cat([outputs.mean(dim=0), outputs.max(dim=0).values])
        return torch.nn.functional.cross_entropy(self.weight @ pooled + self.bias, torch.tensor(int(label)))

    def adversarial_loss(self, tokens, label):
        """-log p(y | s; θ) - log p(y | s + r; θ) with r = ε g / ‖g‖₂, g = -∇_s log p(y | s; θ), a constant."""
        embedded = self.words[torch.from_numpy(tokens).long()]
        loss = self.loss(embedded, label)
        (gradient,) = torch.autograd.grad(loss, embedded, retain_graph=True)
        step = EPSILON * gradient / torch.linalg.vector_norm(gradient)
        return loss + self.loss(embedded + step.detach(), label)

    def gradients(self):
        """Gradients by our names, as PyTorch names the encoder's."""
        own = {"embedding.weight": self.words, "classifier.head.0.weight": self.weight,
               "classifier.head.0.bias": self.bias}  # fmt: skip
        return {name: value.grad.numpy() for name, value in {**own, **dict(self.lstm.named_parameters())}.items()}


def test_gradients_are_the_papers(net, rng):
    tokens = rng.integers(2, VOCABULARY, (T, N)).astype(np.int32)
    tokens[np.arange(T)[:, np.newaxis] >= LENGTHS] = 1
    arguments = [nd.array(array, dtype="int32") for array in (tokens, LENGTHS, LABELS)]
    loss = ClassificationLoss()
    loss.initialize()
    AdversarialPass(net, loss, EPSILON / np.sqrt(E))(*arguments)
    found = {name: parameter.grad().asnumpy() for name, parameter in net._collect_params_with_prefix().items()}

    peer = Peer(get_arrays(net))
    for index, length in enumerate(LENGTHS):
        peer.adversarial_loss(tokens[:length, index], LABELS[index]).backward()
    expected = peer.gradients()
    ours = {**to_torch(found, ENCODER), **{name: found[name] for name in found if not name.startswith(ENCODER)}}
    assert set(ours) == set(expected)
    for name, gradient in expected.items():
        np.testing.assert_allclose(ours[name], gradient, rtol=1e-3, atol=1e-5, err_msg=name)
