"""Pooling: the outputs of all steps become one vector."""

from mxnet.gluon import HybridBlock


class Pooling(HybridBlock):
    """Joins the encoder's last state, or the mean or maximum of its outputs over time.

    Args:
        mode: ``last``, ``mean``, ``max`` or ``mean+max``.
    """

    def __init__(self, mode: str = "last", **kwargs):
        super().__init__(**kwargs)
        self._modes = mode.split("+")
        unknown = set(self._modes) - {"last", "mean", "max"}
        if unknown:
            raise ValueError(f"pooling {mode!r}: use last, mean, max or mean+max")

    def output_size(self, encoder_size: int) -> int:
        """Returns the length of the pooled vector for encoder outputs of ``encoder_size``."""
        return encoder_size * len(self._modes)

    def hybrid_forward(self, F, outputs, last):
        """Takes outputs (T, N, D) and last (N, D); gives (N, D·modes)."""
        pooled = [last if mode == "last" else getattr(F, mode)(outputs, axis=0) for mode in self._modes]
        return F.concat(*pooled, dim=1) if len(pooled) > 1 else pooled[0]
