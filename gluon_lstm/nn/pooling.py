"""Pooling: the outputs of all steps become one vector."""

from typing import Optional

from gluon_lstm.nn.graphs import SequenceBlock, count_steps
from gluon_lstm.nn.recurrences import check_choice

POOLINGS = ("last", "mean", "max", "mean+max", "attention")
_LOWEST = -3e38
"""Less than any output; a maximum over steps never takes it, since every sequence has one valid step."""


class Pooling(SequenceBlock):
    """Joins the encoder's last state, or the outputs at a sequence's valid steps by mean, maximum or attention.

    Attention (Yang et al. 2016, equations 5 to 7) weighs the outputs h_t by::

        u_t = tanh(W h_t + b)
        a_t = exp(u_t · v) / Σ_s exp(u_s · v)

    MXNet's own reductions over the first axis cost half as much as the LSTM
    itself, so the mean is a matrix product, and the maximum is taken of one half
    of the steps and the other.

    Args:
        mode: one of ``POOLINGS``.
        input_size: D; attention needs it.
        num_steps: T; the maximum is slower without it inside of a hybridized block that is no ``SequenceBlock``.
    """

    def __init__(self, mode: str = "last", input_size: int = 0, num_steps: Optional[int] = None, **kwargs):
        super().__init__(**kwargs)
        check_choice("pooling", mode, POOLINGS)
        self._modes = mode.split("+")
        self._input_size = input_size
        self._num_steps = num_steps
        self.needs_steps = "max" in self._modes
        if mode == "attention":
            shapes = {"weight": (input_size, input_size), "bias": (input_size,), "vector": (1, input_size)}
            with self.name_scope():
                for name, shape in shapes.items():
                    init = "zeros" if name == "bias" else "xavier"
                    setattr(self, f"attention_{name}", self.params.get(f"attention_{name}", shape=shape, init=init))

    def output_size(self, encoder_size: int) -> int:
        """Returns the length of the pooled vector for encoder outputs of ``encoder_size``."""
        return encoder_size * len(self._modes)

    def hybrid_forward(self, F, outputs, lengths, last, **parameters):
        """Takes outputs (T, N, D), 0 after a sequence's end, lengths (N,) or None, last (N, D); gives (N, D·modes)."""
        pool = {
            "last": lambda: last,
            "mean": lambda: _mean(F, outputs, lengths),
            "max": lambda: self._max(F, outputs, lengths),
            "attention": lambda: self._attend(F, outputs, lengths, **parameters),
        }
        pooled = [pool[mode]() for mode in self._modes]
        return F.concat(*pooled, dim=1) if len(pooled) > 1 else pooled[0]

    def _max(self, F, outputs, lengths):
        """Returns the maximum (N, D) over the valid steps of outputs (T, N, D)."""
        if lengths is not None:
            outputs = F.SequenceMask(outputs, lengths, use_sequence_length=True, value=_LOWEST)
        steps = count_steps(outputs, self._num_steps)
        if steps is None:
            return F.max(outputs, axis=0)
        while steps > 1:
            half, rest = divmod(steps, 2)
            # Of an odd number, the step in the middle is in both halves.
            first = F.slice_axis(outputs, axis=0, begin=0, end=half + rest)
            outputs = F.maximum(first, F.slice_axis(outputs, axis=0, begin=half, end=steps))
            steps = half + rest
        return F.squeeze(outputs, axis=0)

    def _attend(self, F, outputs, lengths, attention_weight, attention_bias, attention_vector):
        """Returns the mean (N, D) of outputs (T, N, D), weighted by attention."""
        size = self._input_size
        hidden = F.tanh(F.FullyConnected(outputs, attention_weight, attention_bias, num_hidden=size, flatten=False))
        scores = F.FullyConnected(hidden, attention_vector, no_bias=True, num_hidden=1, flatten=False)
        if lengths is not None:
            scores = F.SequenceMask(scores, lengths, use_sequence_length=True, value=_LOWEST)
        shares = F.softmax(scores, axis=0)
        return F.squeeze(F.batch_dot(F.transpose(shares, axes=(1, 2, 0)), F.swapaxes(outputs, 0, 1)), axis=1)


def _mean(F, outputs, lengths):
    """Returns the mean (N, D) over the valid steps of outputs (T, N, D), as a product with a row of ones."""
    ones = F.ones_like(F.slice_axis(F.slice_axis(outputs, axis=2, begin=0, end=1), axis=1, begin=0, end=1))
    summed = F.dot(F.reshape(ones, shape=(1, -1)), F.reshape(outputs, shape=(0, -1)))
    total = F.squeeze(F.reshape_like(summed, F.slice_axis(outputs, axis=0, begin=0, end=1)), axis=0)
    counts = F.reshape(F.sum(ones, axis=0), shape=(1, 1)) if lengths is None else F.expand_dims(lengths, axis=1)
    return F.broadcast_div(total, F.cast(counts, dtype="float32"))
