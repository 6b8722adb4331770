"""All arrays that training changes, by name, and back."""

from __future__ import annotations

from typing import Dict, List, Mapping, Optional

import mxnet as mx
import numpy as np
from mxnet import gluon, nd

from gluon_lstm.errors import RunError
from gluon_lstm.training.averaging import MovingAverage
from gluon_lstm.training.optimizers import optimizer_states


class TrainingArrays:
    """A net's parameters, its optimizer's moments, and the moving average of the weights.

    Their names are ``parameters.NAME``, ``optimizer.NAME.NUMBER`` and ``average.NAME``,
    with the parameters' structural names. All devices hold the same values.

    Args:
        net: the net, initialized.
        trainer: what updates it.
        average: the moving average, if there is one.
    """

    def __init__(self, net: gluon.HybridBlock, trainer: gluon.Trainer, average: Optional[MovingAverage]) -> None:
        self._parameters: Dict[str, gluon.Parameter] = net._collect_params_with_prefix()
        self._names = {id(parameter): name for name, parameter in self._parameters.items()}
        self._net, self._trainer, self._average = net, trainer, average

    def copy(self) -> Dict[str, np.ndarray]:
        """Returns a copy of every array."""
        return {name: copies[0].asnumpy() for name, copies in self._all().items()}

    def check(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Raises RunError unless ``restore`` can take the arrays: names, shapes and types are right, values finite."""
        needed = {name: (copies[0].shape, np.dtype(copies[0].dtype)) for name, copies in self._all().items()}
        found = {name: (array.shape, array.dtype) for name, array in arrays.items()}
        odd = sorted(name for name in set(needed) | set(found) if needed.get(name) != found.get(name))
        if odd:
            raise RunError(f"the checkpoint is of another model or optimizer (differs in {odd[0]!r})")
        for name, array in arrays.items():
            if not np.isfinite(array).all():
                raise RunError(f"the checkpoint's {name!r} holds values that are not finite")

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Takes over the values of arrays that ``check`` has found right."""
        for name, copies in self._all().items():
            for copy in copies:
                copy[:] = mx.nd.array(arrays[name], ctx=copy.context, dtype=copy.dtype)

    def _all(self) -> Dict[str, List[nd.NDArray]]:
        """Returns each array by name, on every device."""
        arrays = {f"parameters.{name}": parameter.list_data() for name, parameter in self._parameters.items()}
        trained = self._trainer._params
        devices = optimizer_states(self._trainer)
        for index, first in devices[0].items():
            for number in range(len(first)):
                name = f"optimizer.{self._names[id(trained[index])]}.{number}"
                arrays[name] = [states[index][number] for states in devices]
        if self._average:
            names = [self._names[id(parameter)] for parameter in self._average.parameters]
            arrays.update({f"average.{name}": [array] for name, array in zip(names, self._average.averages)})
        return arrays
