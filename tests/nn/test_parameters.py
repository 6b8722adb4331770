"""Parameters as arrays, and back."""

from __future__ import annotations

import mxnet as mx
import numpy as np
import pytest
from numerics import prepare, run

from gluon_lstm.errors import RunError
from gluon_lstm.nn import (
    GRUEncoder,
    LSTMCell,
    LSTMEncoder,
    RNNEncoder,
    SequenceClassifier,
    count_parameters,
    get_arrays,
    set_arrays,
)
from gluon_lstm.nn.exchange import to_torch

OPTIONS = {"num_classes": 3, "input_size": 4, "hidden_size": 5}
WEIGHT = "encoder.layers.0.forward_i2h_weight"


@pytest.fixture
def net():
    """A small classifier with random parameters."""
    return prepare(SequenceClassifier(**OPTIONS), hybridized=False)


def test_names_follow_the_structure(net):
    layer = [f"encoder.layers.0.forward_{name}" for name in ("h2h_bias", "h2h_weight", "i2h_bias", "i2h_weight")]
    assert sorted(get_arrays(net)) == [*layer, "head.0.bias", "head.0.weight"]
    assert sorted(get_arrays(net.encoder.layers[0])) == [name.split(".")[-1] for name in layer]


def test_arrays_are_copies(net):
    arrays = get_arrays(net)
    arrays[WEIGHT][:] = 7
    assert (get_arrays(net)[WEIGHT] != 7).all()
    set_arrays(net, arrays, "test")
    arrays[WEIGHT][:] = 8
    assert (get_arrays(net)[WEIGHT] == 7).all()


def test_a_net_with_the_arrays_of_another_is_the_other(rng, hybridized):
    options = {**OPTIONS, "num_layers": 2, "bidirectional": True, "groups": 2, "head_size": 6, "dropout": 0.5}
    one, other = (prepare(SequenceClassifier(**options), hybridized) for _ in range(2))
    inputs = rng.normal(size=(6, 3, 4))
    assert (run(one, inputs)[0] != run(other, inputs)[0]).all()
    set_arrays(other, get_arrays(one), "one")
    np.testing.assert_array_equal(run(one, inputs)[0], run(other, inputs)[0])


@pytest.mark.parametrize("layers, bidirectional, groups, head_size", [
    (1, False, 1, 0), (1, True, 1, 7), (2, True, 1, 0), (3, True, 1, 7), (3, False, 2, 7), (2, True, 2, 0),
])  # fmt: skip
def test_count(layers, bidirectional, groups, head_size):
    directions, hidden_size, input_size, classes = 1 + bidirectional, 5, 4, 3
    joined = hidden_size * directions
    sizes = [input_size // groups] + [joined] * (layers - 1)
    encoder = sum(directions * 4 * hidden_size * (size + hidden_size + 2) for size in sizes)
    dense = [joined * groups] + [head_size] * bool(head_size) + [classes]
    head = sum((size + 1) * units for size, units in zip(dense, dense[1:]))
    net = SequenceClassifier(
        **OPTIONS, num_layers=layers, bidirectional=bidirectional, groups=groups, head_size=head_size
    )  # fmt: skip
    assert count_parameters(net) == groups * encoder + head
    assert count_parameters(net.encoder) == groups * encoder


@pytest.mark.parametrize("options, expected", [
    ({}, 4 * 5 * (4 + 5 + 2)),
    ({"peephole": True}, 4 * 5 * (4 + 5 + 2) + 3 * 5),
    ({"coupled": True}, 3 * 5 * (4 + 5 + 2)),
    ({"coupled": True, "peephole": True}, 3 * 5 * (4 + 5 + 2) + 2 * 5),
    ({"projection_size": 2}, 4 * 5 * (4 + 2 + 2) + 2 * 5),
    ({"layer_norm": True}, 4 * 5 * (4 + 5 + 4) + 2 * 5),
])  # fmt: skip
def test_count_of_a_cell(options, expected):
    assert count_parameters(LSTMCell(5, 4, **options)) == expected


OTHERS = {
    "more layers": (lambda: LSTMEncoder(5, 4, 3), "3 layers of LSTM, one direction, 5 units"),
    "fewer layers": (lambda: LSTMEncoder(5, 4, 1), "1 layer of LSTM, one direction, 5 units"),
    "both directions": (lambda: LSTMEncoder(5, 4, 2, True), "2 layers of LSTM, both directions, 5 units"),
    "a GRU": (lambda: GRUEncoder(5, 4, 2), "2 layers of GRU, one direction, 5 units"),
    "an RNN": (lambda: RNNEncoder(5, 4, 2), "2 layers of RNN, one direction, 5 units"),
    "coupled gates": (
        lambda: LSTMEncoder(5, 4, 2, coupled=True), "2 layers of LSTM with coupled gates, one direction, 5 units",
    ),
    "a projection": (
        lambda: LSTMEncoder(7, 4, 2, projection_size=5), "2 layers of LSTM, one direction, 7 units, projected to 5",
    ),
    "more units": (lambda: LSTMEncoder(6, 4, 2), "2 layers of LSTM, one direction, 6 units"),
}  # fmt: skip
"""Encoders, and what is said of each beside one of two layers of five units."""


@pytest.mark.parametrize("other, described", OTHERS.values(), ids=OTHERS)
def test_weights_of_another_encoder_are_described(other, described):
    encoder, other = prepare(LSTMEncoder(5, 4, 2), False), prepare(other(), False)
    needed = "2 layers of LSTM, one direction, 5 units"
    for block, arrays, found, wanted in (
        (encoder, get_arrays(other), described, needed),
        (other, get_arrays(encoder), needed, described),
    ):
        message = f"^file: .*: {found}, where the model has {wanted}; make the model with the same options$"
        with pytest.raises(RunError, match=message):
            set_arrays(block, arrays, "file")


def test_weights_for_another_input_size_are_told_by_their_shape():
    encoder, other = prepare(LSTMEncoder(5, 4), False), prepare(LSTMEncoder(5, 3), False)
    with pytest.raises(RunError, match=r"^file: .* has shape \(20, 3\), the model needs \(20, 4\)$"):
        set_arrays(encoder, get_arrays(other), "file")


def test_arrays_of_mxnet_are_taken(net):
    twice = {name: mx.nd.array(2 * array) for name, array in get_arrays(net).items()}
    set_arrays(net, twice, "twice")
    for name, array in get_arrays(net).items():
        np.testing.assert_array_equal(array, twice[name].asnumpy())


@pytest.mark.parametrize("prefix", ["", "encoder."])
def test_names_of_pytorch_are_to_be_converted(net, prefix):
    state = {prefix + name: array for name, array in to_torch(get_arrays(net.encoder)).items()}
    with pytest.raises(RunError, match="these are PyTorch's names; convert them with exchange.from_torch$"):
        set_arrays(net.encoder, state, "file")


def test_weights_of_a_part_or_of_the_whole_are_told_from_each_other(net):
    with pytest.raises(RunError, match="names that start with 'encoder.' fit; give those alone, without it$"):
        set_arrays(net.encoder, get_arrays(net), "file")
    with pytest.raises(RunError, match="they fit the block's part 'encoder'; set those of that part$"):
        set_arrays(net, get_arrays(net.encoder), "file")


def missing(arrays):
    """Takes an array away."""
    return {name: array for name, array in arrays.items() if name != WEIGHT}


def changed(value):
    """Returns a function that puts another value in the place of one array."""
    return lambda arrays: {**arrays, WEIGHT: value}


@pytest.mark.parametrize("change, message", [
    (missing, rf"holds the parameters of another model \(lacks '{WEIGHT}'\)"),
    (lambda arrays: {**arrays, "head.1.bias": np.zeros(3)}, r"of another model \(has an unexpected 'head.1.bias'\)"),
    (lambda arrays: {}, "of another model"),
    (changed(np.zeros((20, 5))), rf"'{WEIGHT}' has shape \(20, 5\), the model needs \(20, 4\)"),
    (changed(np.zeros(80)), r"has shape \(80,\), the model needs \(20, 4\)"),
    (changed(np.full((20, 4), np.nan)), f"'{WEIGHT}' holds values that are not finite"),
    (changed(np.full((20, 4), -np.inf)), "not finite"),
])  # fmt: skip
def test_arrays_that_do_not_fit_are_refused_and_leave_the_net_as_it_was(net, change, message):
    before = get_arrays(net)
    ones = {name: np.ones_like(array) for name, array in before.items()}
    with pytest.raises(RunError, match=f"^model/parameters.bin: .*{message}") as caught:
        set_arrays(net, change(ones), "model/parameters.bin")
    assert "\n" not in str(caught.value)
    for name, array in get_arrays(net).items():
        np.testing.assert_array_equal(array, before[name])
