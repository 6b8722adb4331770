"""Pooling: the outputs of all steps become one vector."""

from typing import Any, Optional, Sequence

from gluon_lstm.config import POOLINGS
from gluon_lstm.nn.checks import check_choice, check_sizes
from gluon_lstm.nn.graphs import SequenceBlock, join_features, split_steps

_LOWEST = -3e38
"""Less than any output; a maximum over steps never takes it, since every sequence has one valid step."""


class Pooling(SequenceBlock):
    """Joins the encoder's last state, or the outputs at a sequence's valid steps by mean, maximum or attention.

    Called as ``pooling(outputs (T, N, D), lengths (N,) or None, last (N, D))``, it gives (N, D), or (N, 2·D) for
    ``mean+max``; ``last`` may be left out unless it is the mode. The outputs must be 0 after a sequence's end, as an
    encoder's are: a layer with a bias in between makes them others, which the mean would then hold.

    Attention (Yang et al. 2016, equations 5 to 7) weighs the outputs h_t by::

        u_t = tanh(W h_t + b)
        a_t = exp(u_t · v) / Σ_s exp(u_s · v)

    MXNet's own reductions over the first axis cost as much as a fused LSTM's
    forward pass, so the mean is a matrix product, and the maximum a pooling
    operator's or, where T is known, taken pair by pair; then the mean is a sum
    of the same steps, whose gradients meet those of the maximum step by step, in
    the processor's cache.

    Args:
        mode: one of ``config.POOLINGS``.
        input_size: D; attention needs it.
        num_steps: T, where it is always the same: the maximum is a third faster.

    Example:
        >>> import mxnet as mx
        >>> from gluon_lstm.nn import LSTMEncoder
        >>> encoder, pooling = LSTMEncoder(hidden_size=16, input_size=4), Pooling("mean+max")
        >>> encoder.initialize()
        >>> lengths = mx.nd.array([7, 2, 5])
        >>> encoded = encoder(mx.nd.ones((7, 3, 4)), lengths)
        >>> pooling(encoded.outputs, lengths).shape
        (3, 32)
    """

    def __init__(self, mode: str = "last", input_size: int = 0, num_steps: Optional[int] = None, **kwargs):
        super().__init__(**kwargs)
        check_choice("pooling", mode, POOLINGS)
        check_sizes(int(mode == "attention"), input_size=input_size)
        if num_steps is not None:
            check_sizes(num_steps=num_steps)
        self._modes = mode.split("+")
        self._input_size = input_size
        self.num_steps = num_steps if "max" in self._modes else None
        if mode == "attention":
            shapes = {"weight": (input_size, input_size), "bias": (input_size,), "vector": (1, input_size)}
            with self.name_scope():
                for name, shape in shapes.items():
                    init = "zeros" if name == "bias" else "xavier"
                    setattr(self, f"attention_{name}", self.params.get(f"attention_{name}", shape=shape, init=init))

    def output_size(self, encoder_size: int) -> int:
        """Returns the length of the pooled vector for encoder outputs of ``encoder_size``."""
        return encoder_size * len(self._modes)

    def __repr__(self) -> str:
        return f"Pooling({'+'.join(self._modes)})"

    def hybrid_forward(self, F, outputs, lengths=None, last=None, **parameters):
        """Takes outputs (T, N, D), 0 after a sequence's end, lengths (N,) or None, last (N, D); gives (N, D·modes)."""
        if last is None and "last" in self._modes:
            raise ValueError("pooling 'last' without a last state: call it with outputs, lengths or None, and last")
        steps = split_steps(F, outputs, self.num_steps) if self.num_steps and lengths is None else None
        pool = {
            "last": lambda: last,
            "mean": lambda: _mean(F, outputs, lengths, self.input_type) if steps is None else _mean_of(F, steps),
            "max": lambda: self._max(F, outputs, lengths) if steps is None else _maximum_of(F, steps),
            "attention": lambda: self._attend(F, outputs, lengths, **parameters),
        }
        pooled = [pool[mode]() for mode in self._modes]
        return join_features(F, *pooled, axis=1)

    def _max(self, F, outputs, lengths):
        """Returns the maximum (N, D) over the valid steps of outputs (T, N, D)."""
        valid = outputs
        if lengths is not None:
            valid = F.SequenceMask(outputs, lengths, use_sequence_length=True, value=_LOWEST)
        if self.num_steps is None:
            # (1, T, N·D): the pooling operator's layout with the channels last.
            flat = F.expand_dims(F.reshape(valid, shape=(0, -1)), axis=0)
            highest = F.Pooling(flat, kernel=(1,), pool_type="max", global_pool=True, layout="NWC")
            highest = F.squeeze(F.reshape_like(highest, F.slice_axis(valid, axis=0, begin=0, end=1)), axis=0)
            # The operator passes over a NaN, which would hide that a net is broken; a sum does not.
            return highest + 0 * F.BlockGrad(_sum(F, outputs))
        return _maximum_of(F, split_steps(F, valid, self.num_steps))

    def _attend(self, F, outputs, lengths, attention_weight, attention_bias, attention_vector):
        """Returns the mean (N, D) of outputs (T, N, D), weighted by attention."""
        size = self._input_size
        hidden = F.tanh(F.FullyConnected(outputs, attention_weight, attention_bias, num_hidden=size, flatten=False))
        scores = F.FullyConnected(hidden, attention_vector, no_bias=True, num_hidden=1, flatten=False)
        if lengths is not None:
            scores = F.SequenceMask(scores, lengths, use_sequence_length=True, value=_LOWEST)
        shares = F.softmax(scores, axis=0)
        return F.squeeze(F.batch_dot(F.transpose(shares, axes=(1, 2, 0)), F.swapaxes(outputs, 0, 1)), axis=1)


def _maximum_of(F, steps: Sequence[Any]):
    """Returns the maximum (N, D) of the outputs (N, D) at all steps, taken pair by pair."""
    while len(steps) > 1:
        pairs = zip(steps[::2], steps[1::2])
        steps = [F.maximum(*pair) for pair in pairs] + steps[len(steps) // 2 * 2 :]
    return steps[0]


def _mean_of(F, steps: Sequence[Any]):
    """Returns the mean (N, D) of the outputs (N, D) at all steps."""
    return F.add_n(*steps) / len(steps)


def _sum(F, outputs):
    """Returns the sum (N, D) over the steps of outputs (T, N, D), as a product with a row of ones."""
    row = F.reshape(_ones(F, outputs), shape=(1, -1))
    summed = F.dot(row, F.reshape(outputs, shape=(0, -1)))
    return F.squeeze(F.reshape_like(summed, F.slice_axis(outputs, axis=0, begin=0, end=1)), axis=0)


def _mean(F, outputs, lengths, dtype: str):
    """Returns the mean (N, D) over the valid steps of outputs (T, N, D) of a type, which are 0 at the others."""
    if lengths is None:
        counts = F.reshape(F.sum(_ones(F, outputs), axis=0), shape=(1, 1))
    else:
        counts = F.expand_dims(lengths, axis=1)
    return F.broadcast_div(_sum(F, outputs), F.cast(counts, dtype=dtype))


def _ones(F, outputs):
    """Returns a one for each step, (T, 1, 1)."""
    return F.ones_like(F.slice_axis(F.slice_axis(outputs, axis=2, begin=0, end=1), axis=1, begin=0, end=1))
