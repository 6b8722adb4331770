"""A block that was cast to float64 computes in float64, by the same equations."""

from __future__ import annotations

import mxnet as mx
import numpy as np
import oracle
import pytest
import tape
from kinds import UNITS, each_implementation, each_kind, make_encoder, trace_kind, with_lengths
from numerics import flat, prepare, some_lengths
from tape import Var

from gluon_lstm.nn import (
    GroupedEncoder,
    LSTMEncoder,
    SequenceClassifier,
    TextClassifier,
    TransformerEncoder,
    get_arrays,
)

T, N, C, H = 5, 3, 4, UNITS


def relative(actual, expected) -> float:
    """Returns how far an array is from the one expected, relative to its norm."""
    return np.linalg.norm(actual - expected) / np.linalg.norm(expected)


@each_kind
@each_implementation
@pytest.mark.parametrize("input_size", [C, 34])
@with_lengths
def test_outputs_and_gradients_are_those_of_the_equations(rng, hybridized, kind, implementation, input_size, padded):
    encoder = prepare(make_encoder(kind, input_size, H, 2, True, implementation=implementation), hybridized)
    encoder.cast("float64")
    # MXNet's fused operator rounds what a relu lets through to float32.
    tolerance = 1e-6 if (kind, implementation) == ("rnn relu", "fused") else 1e-13
    inputs, lengths = rng.normal(size=(T, N, input_size)), some_lengths(T, N) if padded else None
    variables = Var(inputs), {name: Var(array) for name, array in get_arrays(encoder).items()}
    trace = trace_kind(kind, bidirectional=True)
    expected = (oracle.each_alone(lambda cut: trace(cut, variables[1]), lengths, variables[0]) if padded
                else trace(*variables))  # fmt: skip
    weights = [rng.normal(size=value.shape) for value in expected]
    (gradient,) = tape.gradients(expected, weights, [variables[0]])

    array = mx.nd.array(inputs, dtype="float64")
    array.attach_grad()
    with mx.autograd.record():
        outputs = list(encoder(array, mx.nd.array(lengths) if padded else None))
    mx.autograd.backward(outputs, [mx.nd.array(weight, dtype="float64") for weight in weights])
    for output, value in zip(outputs, expected):
        assert relative(output.asnumpy(), value.value) < tolerance
    assert relative(array.grad.asnumpy(), gradient) < tolerance


@pytest.mark.parametrize("dtype", ["float16", np.float16, "int32", np.uint8])
def test_types_that_gates_cannot_be_closed_in_are_refused(rng, hybridized, dtype):
    for block in (LSTMEncoder(H, C), GroupedEncoder(LSTMEncoder(H, C)), SequenceClassifier(3, C, H)):
        prepare(block, hybridized)
        inputs, lengths = mx.nd.array(rng.normal(size=(T, N, C))), mx.nd.array(some_lengths(T, N))
        before = [output.asnumpy() for output in flat(block(inputs, lengths))]
        message = f"^dtype '{np.dtype(dtype).name}': use one of float32, float64$"
        with pytest.raises(ValueError, match=message):
            block.cast(dtype)
        for output, expected in zip(flat(block(inputs, lengths)), before):
            np.testing.assert_array_equal(output.asnumpy(), expected)


NETS = {
    "last": lambda: SequenceClassifier(3, C, H),
    "mean+max": lambda: SequenceClassifier(3, C, H, encoder="gru", pooling="mean+max", head_size=5),
    "max of known steps": lambda: SequenceClassifier(3, C, H, 2, True, pooling="max", num_steps=T, groups=2),
    "attention": lambda: SequenceClassifier(3, C, H, pooling="attention", layer_norm=True),
    "transformer": lambda: TransformerEncoder(H, C),
    "learned positions": lambda: TransformerEncoder(H, C, positions="learned"),
    "groups": lambda: GroupedEncoder(LSTMEncoder(H, C // 2), LSTMEncoder(H + 1, C // 2, cell_layer_norm=True)),
    "texts": lambda: TextClassifier(3, 20, C, hidden_size=H, pooling="mean"),
}


@pytest.mark.parametrize("make", NETS.values(), ids=NETS)
@with_lengths
def test_every_block_computes_the_same_up_to_rounding(rng, hybridized, make, padded):
    net = prepare(make(), hybridized)
    tokens = isinstance(net, TextClassifier)
    inputs = (
        mx.nd.array(rng.integers(0, 20, (T, N)), dtype="int32") if tokens else mx.nd.array(rng.normal(size=(T, N, C)))
    )
    lengths = [mx.nd.array(some_lengths(T, N))] if padded else []
    before = [output.asnumpy() for output in flat(net(inputs, *lengths))]
    net.cast("float64")
    after = [output.asnumpy() for output in flat(net(inputs if tokens else inputs.astype("float64"), *lengths))]
    for single, double in zip(before, after):
        assert double.dtype == np.float64
        assert 0 < relative(single, double) < 1e-5
