"""Pooling: the outputs of all steps become one vector."""

from typing import Optional

from mxnet.gluon import HybridBlock

from gluon_lstm.nn.steps import split_steps


class Pooling(HybridBlock):
    """Joins the encoder's last state, or the mean or maximum of its outputs over time.

    MXNet's own reductions over the first axis cost half as much as the LSTM
    itself, so the mean is a matrix product, and the maximum, where T is known,
    is taken pair by pair.

    Args:
        mode: ``last``, ``mean``, ``max`` or ``mean+max``.
        num_steps: T; a hybridized maximum is slower where it is ``None``.
    """

    def __init__(self, mode: str = "last", num_steps: Optional[int] = None, **kwargs):
        super().__init__(**kwargs)
        self._modes = mode.split("+")
        self._num_steps = num_steps
        unknown = set(self._modes) - {"last", "mean", "max"}
        if unknown:
            raise ValueError(f"pooling {mode!r}: use last, mean, max or mean+max")

    def output_size(self, encoder_size: int) -> int:
        """Returns the length of the pooled vector for encoder outputs of ``encoder_size``."""
        return encoder_size * len(self._modes)

    def hybrid_forward(self, F, outputs, last):
        """Takes outputs (T, N, D) and last (N, D); gives (N, D·modes)."""
        pool = {"last": lambda: last, "mean": lambda: _mean(F, outputs), "max": lambda: self._max(F, outputs)}
        pooled = [pool[mode]() for mode in self._modes]
        return F.concat(*pooled, dim=1) if len(pooled) > 1 else pooled[0]

    def _max(self, F, outputs):
        """Returns the maximum (N, D) over time of outputs (T, N, D)."""
        steps = split_steps(F, outputs, self._num_steps)
        if steps is None:
            return F.max(outputs, axis=0)
        while len(steps) > 1:
            pairs = zip(steps[::2], steps[1::2])
            steps = [F.maximum(*pair) for pair in pairs] + steps[len(steps) // 2 * 2 :]
        return steps[0]


def _mean(F, outputs):
    """Returns the mean (N, D) over time of outputs (T, N, D), as a product with a row of 1 / T."""
    ones = F.ones_like(F.slice_axis(F.slice_axis(outputs, axis=2, begin=0, end=1), axis=1, begin=0, end=1))
    shares = F.broadcast_div(ones, F.sum(ones, axis=0, keepdims=True))
    summed = F.dot(F.reshape(shares, shape=(1, -1)), F.reshape(outputs, shape=(0, -1)))
    return F.squeeze(F.reshape_like(summed, F.slice_axis(outputs, axis=0, begin=0, end=1)), axis=0)
