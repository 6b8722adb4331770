"""The update rules."""

from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

import mxnet as mx
from mxnet import gluon, nd

from gluon_lstm.config import TrainingConfig


@mx.optimizer.register
class FusedAdam(mx.optimizer.Optimizer):
    """Adam (Kingma and Ba 2015), which updates many parameters in one call.

    With the moments m and v of the gradient g, step t and rate α::

        α_t = α · sqrt(1 - β2^t) / (1 - β1^t)
        w  ← w - α_t · m / (sqrt(v) + ε) - α · decay · w

    The last term is decoupled weight decay (AdamW, Loshchilov and Hutter 2019).
    MXNet's ``Adam`` takes one call a parameter, and it has no ``AdamW``.

    Args:
        beta1: decay of the first moment.
        beta2: decay of the second moment.
        epsilon: ε.
        decay: decoupled weight decay; the L2 penalty's is ``wd``.
        **kwargs: of ``mx.optimizer.Optimizer``.

    Attributes:
        gradient_scale: (1,) float32, what the next update multiplies all gradients with on its way, which spares a
            pass over them; ``None`` for nothing.
    """

    MOST_PARAMETERS = 45
    """The operator's kernel has room for 50."""

    def __init__(
        self, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8, decay: float = 0.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.beta1, self.beta2, self.epsilon, self.decay = beta1, beta2, epsilon, decay
        self.aggregate_num = self.MOST_PARAMETERS
        self.gradient_scale: Optional[nd.NDArray] = None

    def create_state(self, index: int, weight: nd.NDArray) -> Tuple[nd.NDArray, nd.NDArray]:
        """Returns the moments m and v, zeros in the shape of ``weight``."""
        return nd.zeros_like(weight), nd.zeros_like(weight)

    def update(
        self,
        indices: Sequence[int],
        weights: Sequence[nd.NDArray],
        gradients: Sequence[nd.NDArray],
        states: Sequence[Tuple[nd.NDArray, nd.NDArray]],
    ) -> None:
        """Updates the weights and their moments in place."""
        self._update_count(indices)
        rates = self._get_lrs(indices)
        penalties = self._get_wds(indices)
        rescale = self.rescale_grad if self.gradient_scale is None else self.gradient_scale * self.rescale_grad
        if any(penalties):
            if self.gradient_scale is not None:  # it lies on the first device
                rescale = rescale.as_in_context(weights[0].context)
            terms = zip(gradients, weights, penalties)
            gradients = [gradient + weight * (wd / rescale) for gradient, weight, wd in terms]
        means, variances = zip(*states)
        nd.contrib.multi_adamw_update(
            weights,
            gradients,
            means,
            variances,
            rescale,
            out=weights,
            size=len(weights),
            lrs=[rate * self._bias_correction(index) for rate, index in zip(rates, indices)],
            wds=[rate * self.decay for rate in rates],
            etas=[1.0] * len(weights),
            beta1=self.beta1,
            beta2=self.beta2,
            epsilon=self.epsilon,
        )

    def _bias_correction(self, index: int) -> float:
        """Returns α_t / α of the step that ``index`` has reached."""
        step = self._index_update_count[index]
        return (1 - self.beta2**step) ** 0.5 / (1 - self.beta1**step)


def make_trainer(parameters: gluon.ParameterDict, config: TrainingConfig) -> gluon.Trainer:
    """Returns a trainer that updates the parameters as the configuration says."""
    options: Dict[str, Any] = {"learning_rate": config.learning_rate}
    options["decay" if config.optimizer == "adamw" else "wd"] = config.weight_decay
    if config.optimizer == "sgd":
        options["momentum"] = config.momentum
    rule = {"adam": "fusedadam", "adamw": "fusedadam"}.get(config.optimizer, config.optimizer)
    return gluon.Trainer(parameters, rule, options, update_on_kvstore=False)


def optimizer_states(trainer: gluon.Trainer) -> List[Dict[int, List[nd.NDArray]]]:
    """Returns, for each device, the position of each parameter that is trained → its arrays in the optimizer.

    Those of a parameter that was never updated are made. The arrays are the optimizer's own.
    """
    states = []
    for device, updater in enumerate(trainer._updaters):
        for index, parameter in enumerate(trainer._params):
            if index not in updater.states and parameter.grad_req != "null":
                weight = parameter.list_data()[device]
                updater.states[index] = trainer.optimizer.create_state_multi_precision(index, weight)
                updater.states_synced[index] = True
        states.append({index: _arrays_of(state) for index, state in updater.states.items()})
    return states


def _arrays_of(state: Any) -> List[nd.NDArray]:
    """Returns the arrays in what MXNet's optimizers keep for a parameter: nothing, an array, or several."""
    if state is None:
        return []
    return [state] if isinstance(state, nd.NDArray) else list(state)


def count_updates(trainer: gluon.Trainer) -> int:
    """Returns how many updates the trainer has made."""
    return trainer.optimizer.num_update


def set_updates(trainer: gluon.Trainer, updates: int) -> None:
    """Has the trainer go on as after so many updates of every parameter."""
    optimizer = trainer.optimizer
    optimizer.num_update = updates
    trained = [index for index, parameter in enumerate(trainer._params) if parameter.grad_req != "null"]
    for device in trainer._params[0].list_ctx():
        counts = optimizer._all_index_update_counts.setdefault(device.device_id, {})
        counts.clear()
        counts.update(dict.fromkeys(trained, updates))


class Clipping(NamedTuple):
    """What gradients need for their global norm to be within a limit, still being computed.

    Attributes:
        norm: (1,) float32, the norm as it is.
        scale: (1,) float32, at most 1, what they must be multiplied with.
    """

    norm: nd.NDArray
    scale: nd.NDArray


def measure_clipping(gradients: Sequence[nd.NDArray], limit: float) -> Clipping:
    """Returns the global norm of gradients of one device, and the scale that brings it down to ``limit``."""
    norm = nd.multi_sum_sq(*gradients, num_arrays=len(gradients)).sum().sqrt()
    return Clipping(norm, limit / nd.maximum(norm, limit))
