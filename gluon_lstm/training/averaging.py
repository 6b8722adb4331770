"""A moving average of the weights."""

from contextlib import contextmanager
from typing import Iterator, List

from mxnet import gluon, nd


class MovingAverage:
    """Exponential moving average of parameters (Polyak and Juditsky 1992), the one that is validated and kept.

    It is brought up to date every ``INTERVAL`` steps with the decay that those steps
    have together, which costs a tenth and changes the average by less than a step's noise.
    Before the first of these there is no average yet: the weights are used as they are.

    Args:
        parameters: initialized parameters.
        decay: per step, 0 to 1.

    Attributes:
        steps: training steps that it has seen, those that were left out included.
        parameters: those averaged.
        averages: one array a parameter, in the same order.
    """

    INTERVAL = 10

    def __init__(self, parameters: gluon.ParameterDict, decay: float) -> None:
        self.parameters: List[gluon.Parameter] = list(parameters.values())
        self._decay = decay**self.INTERVAL
        self.steps = 0
        self.averages = self._copy()

    def update(self) -> None:
        """Takes note of one training step."""
        self.steps += 1
        if self.steps % self.INTERVAL:
            return
        # Early on, a short memory keeps the initial weights from dominating the average.
        updates = self.steps // self.INTERVAL
        decay = min(self._decay, updates / (updates + 9))
        for average, parameter in zip(self.averages, self.parameters):
            # In this form the average of a weight that never changes is that weight, to the last bit.
            average += (1 - decay) * (parameter.list_data()[0] - average)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Puts the averages in the parameters' place for the length of a ``with`` block."""
        if self.steps < self.INTERVAL:  # they are still the initial weights
            yield
            return
        current = self._copy()
        self._assign(self.averages)
        try:
            yield
        finally:
            self._assign(current)

    def _copy(self) -> List[nd.NDArray]:
        return [parameter.list_data()[0].copy() for parameter in self.parameters]  # equal on every device

    def _assign(self, values: List[nd.NDArray]) -> None:
        for parameter, value in zip(self.parameters, values):
            parameter.set_data(value)
