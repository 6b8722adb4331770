"""Stacks of layers, and groups of stacks: outputs at every step and the last state, by value."""

from __future__ import annotations

import mxnet as mx
import numpy as np
import oracle
import pytest
from kinds import UNITS, both_directions, each_implementation, each_kind, make_encoder, trace_kind, with_lengths
from numerics import check_against, check_close, measure, prepare, run, some_lengths, trace_with

from gluon_lstm.nn import LSTM, GroupedEncoder, LSTMEncoder, RecurrentLayer, RNNEncoder, get_arrays, set_arrays

T, N, C, H = 5, 3, 4, UNITS


@each_kind
@pytest.mark.parametrize("layers", [1, 2, 3])
@both_directions
@with_lengths
@each_implementation
def test_outputs_last_and_gradients(rng, hybridized, kind, layers, bidirectional, padded, implementation):
    encoder = prepare(make_encoder(kind, C, H, layers, bidirectional, implementation=implementation), hybridized)
    lengths = some_lengths(T, N) if padded else None
    check_against(trace_kind(kind, bidirectional=bidirectional), encoder, rng.normal(size=(T, N, C)), lengths=lengths)


@each_kind
@each_implementation
def test_hundred_steps(rng, kind, implementation):
    encoder = prepare(make_encoder(kind, C, H, 1, True, implementation=implementation), hybridized=True)
    check_against(trace_kind(kind, bidirectional=True), encoder, rng.normal(size=(100, 2, C)), lengths=[100, 61])


@each_implementation
@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_gradients_reach_back_a_hundred_steps(rng, kind, implementation):
    encoder = prepare(make_encoder(kind, C, H, implementation=implementation), hybridized=True)
    arrays = get_arrays(encoder)
    for name, array in arrays.items():
        if name.endswith("i2h_bias"):
            array[H : 2 * H] += 5  # the LSTM's forget gate and the GRU's update gate: keep what there is
    set_arrays(encoder, arrays, "long memory")
    inputs = mx.nd.array(rng.normal(size=(100, 2, C)))
    inputs.attach_grad()
    with mx.autograd.record():
        last = encoder(inputs).last
    last.backward()
    reach = inputs.grad.norm(axis=(1, 2)).asnumpy()
    assert reach[:10].max() > 1e-4 * reach[-1]  # what is cut off anywhere between is 0
    check_against(trace_kind(kind), encoder, inputs.asnumpy().astype(np.float64))


@each_kind
@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 3, 4), (2, 1, 7)])
@with_lengths
def test_extreme_shapes(rng, hybridized, kind, shape, padded):
    steps, batch_size, input_size = shape
    encoder = prepare(make_encoder(kind, input_size, H, 1, True), hybridized)
    lengths = some_lengths(steps, batch_size) if padded else None
    check_against(trace_kind(kind, bidirectional=True), encoder, rng.normal(size=shape), lengths=lengths)


each_closed_kind = pytest.mark.parametrize("kind", ["lstm", "gru", "rnn relu"])


@each_closed_kind
@pytest.mark.parametrize("input_size", [1, 16, 17, 34, 48])
@with_lengths
def test_every_width_of_the_mark_of_the_padding(rng, hybridized, kind, input_size, padded):
    encoder = prepare(make_encoder(kind, input_size, H, 1, True), hybridized)
    lengths = some_lengths(T, N) if padded else None
    check_against(trace_kind(kind, bidirectional=True), encoder, rng.normal(size=(T, N, input_size)), lengths=lengths)


@each_closed_kind
@pytest.mark.parametrize("hidden_size", [17, 24])
@with_lengths
def test_every_width_of_the_mark_between_layers(rng, hybridized, kind, hidden_size, padded):
    encoder = prepare(make_encoder(kind, C, hidden_size, 2, True), hybridized)
    lengths = some_lengths(T, N) if padded else None
    check_against(trace_kind(kind, bidirectional=True), encoder, rng.normal(size=(T, N, C)), lengths=lengths)


@pytest.mark.parametrize("options", [
    {"residual": True},
    {"layer_norm": True},
    {"residual": True, "layer_norm": True},
], ids=["residual", "layer norm", "both"])  # fmt: skip
@pytest.mark.parametrize("input_size", [C, 2 * H], ids=["first layer of another size", "all of one size"])
@pytest.mark.parametrize("kind", ["lstm", "rnn tanh"])
@with_lengths
def test_residual_and_layer_norm(rng, hybridized, kind, options, input_size, padded):
    encoder = prepare(make_encoder(kind, input_size, H, 2, True, **options), hybridized)
    trace, lengths = trace_kind(kind, bidirectional=True, **options), some_lengths(T, N) if padded else None
    check_against(trace, encoder, rng.normal(size=(T, N, input_size)), lengths=lengths)


@with_lengths
def test_every_option_of_the_cell_reaches_all_layers(rng, hybridized, padded):
    options = {
        "activation": "sigmoid", "recurrent_activation": "hard_sigmoid", "peephole": True, "coupled": True,
        "cell_layer_norm": True, "projection_size": 5,
    }  # fmt: skip
    encoder = prepare(LSTMEncoder(H, C, 2, True, **options), hybridized)
    lengths = some_lengths(T, N) if padded else None
    trace = trace_with(oracle.encoder, bidirectional=True, **options)
    check_against(trace, encoder, rng.normal(size=(T, N, C)), lengths=lengths)


@pytest.mark.parametrize("kind", ["lstm", "gru"])
@pytest.mark.parametrize("groups", [1, 2, 3])
@both_directions
@with_lengths
def test_groups(rng, hybridized, kind, groups, bidirectional, padded):
    encoder = prepare(GroupedEncoder(*(make_encoder(kind, 2, H, 1, bidirectional) for _ in range(groups))), hybridized)
    trace = trace_kind(kind, oracle.grouped_encoder, bidirectional=bidirectional)
    lengths = some_lengths(T, N) if padded else None
    check_against(trace, encoder, rng.normal(size=(T, N, 2 * groups)), lengths=lengths)


@pytest.mark.parametrize("sizes", [((2, H), (2, 2 * H)), ((2, H), (4, H)), ((3, H), (1, 5), (2, 2 * H))], ids=str)
@both_directions
@with_lengths
def test_groups_of_different_sizes(rng, hybridized, sizes, bidirectional, padded):
    encoder = GroupedEncoder(*(make_encoder("gru", size, units, 1, bidirectional) for size, units in sizes))
    width = sum(size for size, _ in sizes)
    assert encoder.input_size == width and encoder.output_size == sum(u for _, u in sizes) * (1 + bidirectional)
    trace = trace_kind("gru", oracle.grouped_encoder, bidirectional=bidirectional)
    lengths = some_lengths(T, N) if padded else None
    check_against(trace, prepare(encoder, hybridized), rng.normal(size=(T, N, width)), lengths=lengths)


def test_groups_need_encoders():
    with pytest.raises(ValueError, match=r"^GroupedEncoder without encoders: give one for each group of features$"):
        GroupedEncoder()
    for wrong in ([make_encoder("lstm", 2, H)] * 2, RecurrentLayer(LSTM(H), 2), 4):
        message = f"^a group's encoder of type {type(wrong).__name__}: give encoders, such as LSTMEncoder$"
        with pytest.raises(TypeError, match=message):
            GroupedEncoder(make_encoder("lstm", 2, H), wrong)


def test_group_does_not_see_the_features_of_another(rng, hybridized):
    encoder = prepare(GroupedEncoder(*(make_encoder("lstm", 2, H) for _ in range(2))), hybridized)
    inputs = rng.normal(size=(T, N, 4))
    before = run(encoder, inputs)
    inputs[:, :, 2:] += 1
    for old, new in zip(before, run(encoder, inputs)):
        np.testing.assert_array_equal(old[..., :H], new[..., :H])
        assert (old[..., H:] != new[..., H:]).all()


@each_kind
@both_directions
@with_lengths
def test_last_joins_forward_at_the_last_valid_step_and_backward_at_the_first(
    rng, hybridized, kind, bidirectional, padded
):
    encoder = prepare(make_encoder(kind, C, H, 2, bidirectional), hybridized)
    lengths = some_lengths(T, N) if padded else None
    outputs, last = run(encoder, rng.normal(size=(T, N, C)), lengths=lengths)
    final = outputs[(lengths if padded else np.full(N, T)) - 1, np.arange(N)]
    np.testing.assert_array_equal(last, np.concatenate([final[:, :H], outputs[0, :, H:]], axis=1))


@each_kind
@with_lengths
def test_fused_equals_cell(rng, hybridized, kind, padded):
    fused, cell = (
        prepare(make_encoder(kind, C, H, 2, True, implementation=implementation), hybridized)
        for implementation in ("fused", "cell")
    )
    set_arrays(cell, get_arrays(fused), "fused")
    inputs, lengths = rng.normal(size=(T, N, C)), some_lengths(T, N) if padded else None
    weights = [rng.normal(size=output.shape) for output in run(fused, inputs)]
    a, b = (measure(encoder, [inputs], weights, lengths) for encoder in (fused, cell))
    check_close((*a.outputs, *a.inputs), (*b.outputs, *b.inputs))
    check_close(list(a.parameters.values()), list(b.parameters.values()))


@each_kind
def test_lengths_of_whole_numbers_are_taken_as_they_are(rng, hybridized, kind):
    encoder = prepare(make_encoder(kind, C, H, 1, True), hybridized)
    inputs, lengths = mx.nd.array(rng.normal(size=(T, N, C))), [5, 2, 4]
    expected = run(encoder, inputs, lengths=lengths)
    for dtype in ("int32", "int64"):
        found = encoder(inputs, mx.nd.array(lengths, dtype=dtype))
        for a, e in zip(found, expected):
            np.testing.assert_array_equal(a.asnumpy(), e)


@each_kind
@pytest.mark.parametrize("shape", [(6, 4), (6, 3, 5), (6, 3, 4, 1)])
def test_inputs_of_another_shape_are_refused(hybridized, kind, shape):
    encoder = prepare(make_encoder(kind, C, H), hybridized)
    with pytest.raises(ValueError, match=r"needs \(time steps, batch, 4 features\)"):
        encoder(mx.nd.zeros(shape))


@each_kind
def test_what_is_no_array_of_mxnets_is_told_how_to_become_one(rng, hybridized, kind):
    encoder, inputs = prepare(make_encoder(kind, C, H), hybridized), rng.normal(size=(T, N, C))
    with pytest.raises(TypeError, match=r"inputs of type ndarray: wrap them as mx.nd.array\(inputs\)"):
        encoder(inputs)
    with pytest.raises(TypeError, match=r"lengths of type list: wrap them as mx.nd.array\(lengths\)"):
        encoder(mx.nd.array(inputs), [1, 2, 3])


@each_kind
def test_results_have_names(rng, hybridized, kind):
    encoded = prepare(make_encoder(kind, C, H, 1, False), hybridized)(mx.nd.array(rng.normal(size=(T, N, C))))
    np.testing.assert_array_equal(encoded.last.asnumpy(), encoded.outputs[-1].asnumpy())


@pytest.mark.parametrize("options, message", [
    ({"residual": True, "input_size": 5}, "residual: one layer of input size 5 gives 3; nothing to add"),
    ({"activation": "softmax"}, "activation 'softmax': use one of tanh, relu, sigmoid, hard_sigmoid"),
    ({"recurrent_activation": "tan"}, "recurrent_activation 'tan': use one of tanh, relu, sigmoid, hard_sigmoid"),
    ({"recurrent_initializer": "ones"}, "recurrent_initializer 'ones': use one of orthogonal, xavier"),
    ({"input_initializer": "ones"}, "input_initializer 'ones': use one of xavier, lecun"),
    ({"projection_size": 3}, "projection_size 3: must be less than hidden_size"),
    ({"projection_size": -1}, "projection_size -1: must be at least 0"),
    ({"implementation": "fussed"}, "implementation 'fussed': use one of auto, fused, cell"),
    ({"implementation": "fused", "peephole": True}, "the fused operator cannot compute this cell's options"),
    ({"implementation": "fused", "zoneout": 0.1}, "the fused operator cannot compute this cell's options"),
])  # fmt: skip
def test_options_it_does_not_have_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        make_encoder("lstm", **options)


def test_an_rnn_has_two_activations():
    with pytest.raises(ValueError, match="activation 'sigmoid': use one of tanh, relu"):
        RNNEncoder(3, 4, activation="sigmoid")
