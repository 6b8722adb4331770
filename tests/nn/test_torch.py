"""The same numbers from the same weights as PyTorch's layers, whose packed sequences have exact lengths too."""

from __future__ import annotations

import numpy as np
import pytest
from kinds import UNITS, both_directions, each_kind, make_encoder, with_lengths
from numerics import check_close, measure, prepare, some_lengths

from gluon_lstm.nn import get_arrays

torch = pytest.importorskip("torch")
T, N, C, H = 7, 4, 5, UNITS

TENSORS = {"i2h_weight": "weight_ih", "h2h_weight": "weight_hh", "i2h_bias": "bias_ih", "h2h_bias": "bias_hh"}
SUFFIXES = {"forward": "", "backward": "_reverse"}


def torch_name(name: str) -> str:
    """Returns PyTorch's name of a parameter: layers.0.backward_i2h_bias → bias_ih_l0_reverse."""
    _, layer, last = name.split(".")
    direction, own = last.split("_", 1)
    return f"{TENSORS[own]}_l{layer}{SUFFIXES[direction]}"


def peer(kind, layers, bidirectional, arrays):
    """Returns PyTorch's layers with an encoder's parameters."""
    name, _, activation = kind.partition(" ")
    options = {"nonlinearity": activation} if activation else {}
    module = getattr(torch.nn, name.upper())(C, H, layers, bidirectional=bidirectional, **options)
    module.load_state_dict({torch_name(name): torch.from_numpy(array) for name, array in arrays.items()})
    return module


def run_peer(module, inputs, lengths):
    """Returns PyTorch's outputs (T, N, D) and last (N, D), which its final hidden states hold."""
    if lengths is not None:
        inputs = torch.nn.utils.rnn.pack_padded_sequence(inputs, torch.from_numpy(lengths), enforce_sorted=False)
    outputs, state = module(inputs)
    if lengths is not None:
        outputs = torch.nn.utils.rnn.pad_packed_sequence(outputs, total_length=T)[0]
    hidden = state[0] if isinstance(state, tuple) else state
    return outputs, torch.cat(tuple(hidden[-(1 + module.bidirectional) :]), dim=1)


@each_kind
@pytest.mark.parametrize("layers", [1, 2, 3])
@both_directions
@with_lengths
def test_outputs_last_and_gradients(rng, hybridized, kind, layers, bidirectional, padded):
    encoder = prepare(make_encoder(kind, C, H, layers, bidirectional), hybridized)
    module = peer(kind, layers, bidirectional, get_arrays(encoder))
    lengths = some_lengths(T, N) if padded else None
    inputs = torch.tensor(rng.normal(size=(T, N, C)), dtype=torch.float32, requires_grad=True)
    expected = run_peer(module, inputs, lengths)
    weights = [rng.normal(size=tuple(value.shape)).astype(np.float32) for value in expected]
    torch.autograd.backward(expected, [torch.from_numpy(weight) for weight in weights])

    measured = measure(encoder, [inputs.detach().numpy()], weights, lengths)
    check_close(measured.outputs, [value.detach().numpy() for value in expected], "outputs")
    check_close(measured.inputs, inputs.grad.numpy(), "gradient of the inputs")
    gradients = {name: parameter.grad.numpy() for name, parameter in module.named_parameters()}
    assert {torch_name(name) for name in measured.parameters} == set(gradients)
    for name, gradient in measured.parameters.items():
        check_close(gradient, gradients[torch_name(name)], f"gradient of {name}")
