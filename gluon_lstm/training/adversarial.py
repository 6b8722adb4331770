"""Adversarial training of text classifiers (Miyato, Dai and Goodfellow 2017)."""

from typing import Tuple

from mxnet import autograd, gluon, nd

from gluon_lstm.nn import TextClassifier

PASSES = 2
"""Forward and backward passes whose gradients a step adds up."""


class AdversarialPass:
    """Gradients of the loss for texts as they are, plus those where each text's embedding is moved to do worse.

    With the embedded text x of tokens x_t, the gradient g of its loss and the length ε::

        r = ε · sqrt(mean_t |x_t|²) · g / |g|

    and the second pass reads x + r. The paper fixes the scale of the embedding by
    normalizing it; here r grows with it, to the same end. Normalized vectors of E numbers have a
    length of √E, so the paper's ε of 5 with E = 256 is about 0.3 here.

    Args:
        net: the classifier, initialized; its gradients, but the embedding's, are added up from now on.
        loss: logits (N, K), labels (N,) → losses (N,).
        length: ε.
    """

    def __init__(self, net: TextClassifier, loss: gluon.HybridBlock, length: float) -> None:
        self._net, self._loss, self._length = net, loss, length
        self._added = [p for p in net.classifier.collect_params().values() if p.grad_req != "null"]
        for parameter in self._added:
            parameter.grad_req = "add"

    def __call__(
        self, tokens: nd.NDArray, lengths: nd.NDArray, labels: nd.NDArray
    ) -> Tuple[nd.NDArray, nd.NDArray]:
        """Leaves the sum of both passes' gradients in the parameters, on the device of the arrays.

        Args:
            tokens: (T, N) int32.
            lengths: (N,) int32.
            labels: (N,) int32.

        Returns:
            Logits (N, K) and losses (N,) of the first pass.
        """
        for parameter in self._added:
            parameter.grad(tokens.context)[:] = 0  # zero_grad would clear those of the other devices too
        with autograd.record():
            embedded = self._net.embedding(tokens)
        plain = embedded.detach()
        logits, losses, gradient = self._run(plain, lengths, labels)
        _, _, moved = self._run(plain + self._move(plain, gradient, lengths), lengths, labels)
        if self._net.embedding.weight.grad_req != "null":
            embedded.backward(gradient + moved)
        return logits, losses

    def _run(
        self, embedded: nd.NDArray, lengths: nd.NDArray, labels: nd.NDArray
    ) -> Tuple[nd.NDArray, nd.NDArray, nd.NDArray]:
        """Returns logits, losses and the gradient (T, N, E) with respect to the embedded texts."""
        embedded.attach_grad()
        with autograd.record():
            logits = self._net.classifier(embedded, lengths)
            losses = self._loss(logits, labels)
        losses.backward()
        return logits, losses, embedded.grad

    def _move(self, embedded: nd.NDArray, gradient: nd.NDArray, lengths: nd.NDArray) -> nd.NDArray:
        """Returns r (T, N, E) for embedded texts and their gradient, which is 0 after a text's end."""
        text = nd.SequenceMask(embedded, lengths, use_sequence_length=True)
        tokens = lengths.astype("float32").reshape((1, -1, 1))
        size = nd.sqrt(nd.sum(text * text, axis=(0, 2), keepdims=True) / tokens)
        # The square of a small gradient is 0 in float32, so its greatest number becomes 1 first.
        greatest = nd.max(nd.abs(gradient), axis=(0, 2), keepdims=True)
        direction = nd.broadcast_div(gradient, greatest + 1e-30)
        norm = nd.sqrt(nd.sum(direction * direction, axis=(0, 2), keepdims=True)) + 1e-12
        return nd.broadcast_mul(direction, self._length * size / norm)
