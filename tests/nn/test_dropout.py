"""Every kind of dropout is seen to act in training, on the share that was asked for, and not to act in prediction.

Most tests set the parameters so that a layer hands its inputs on (``pass_through``):
what is 0 in the outputs was then dropped.
"""

from __future__ import annotations

import mxnet as mx
import numpy as np
import oracle
import pytest
from kinds import each_implementation, each_kind, make_encoder, with_lengths
from numerics import check_close, measure, prepare, run, some_lengths
from tape import Var

from gluon_lstm import runtime
from gluon_lstm.nn import (
    LSTM,
    RNN,
    GRUEncoder,
    LSTMEncoder,
    RecurrentLayer,
    RNNEncoder,
    SequenceClassifier,
    get_arrays,
    set_arrays,
)

P = 0.25
"""Share that the tests drop."""


def train(block, *inputs, lengths=None):
    """Returns the block's outputs in training."""
    with mx.autograd.record():
        return run(block, *inputs, lengths=lengths)


def assert_share(hits, expected):
    """Asserts that a share of the independent draws in ``hits`` is as expected, within five standard deviations."""
    assert np.mean(hits) == pytest.approx(expected, abs=5 * np.sqrt(expected * (1 - expected) / np.size(hits)))


def pass_through(block) -> None:
    """Sets a block's recurrent parameters so that a unit's output is its input, but for a tanh where there is one.

    The state has no part in it: the LSTM's input and output gates are open and its
    forget gate is closed, the GRU's update gate is closed, and U is 0.
    """
    biases = {4: [50, -200, 0, 50], 3: [0, -200, 0], 1: [0]}
    arrays = {name: np.zeros_like(array) for name, array in get_arrays(block).items()}
    for name, array in arrays.items():
        if name.endswith("i2h_weight"):
            size = array.shape[1]
            gates = len(array) // size
            candidate = {4: 2, 3: 2, 1: 0}[gates]
            array[candidate * size : (candidate + 1) * size] = np.eye(size)
            arrays[name.replace("weight", "bias")][:] = np.repeat(biases[gates], size)
    set_arrays(block, arrays, "pass_through")


def positive(rng, *shape):
    """Returns inputs none of which is 0 or small."""
    return rng.uniform(0.5, 1, size=shape).astype(np.float32)


def test_a_residual_connection_carries_what_is_not_dropped(rng, hybridized):
    encoder = prepare(RNNEncoder(16, 16, 2, activation="relu", dropout=P, residual=True), hybridized)
    pass_through(encoder)
    inputs = positive(rng, 5, 50, 16)
    added = train(encoder, inputs)[0] / (2 * inputs) - 1  # each layer hands on what it reads, and that is added
    np.testing.assert_allclose(added, np.where(added > 0.5, 1 / (1 - P), 0), atol=1e-5)
    assert_share(added > 0.5, 1 - P)


@pytest.mark.filterwarnings("ignore:dropout 0.25 acts between layers:UserWarning")
@each_kind
@each_implementation
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("at_input", [0.0, 0.5])
def test_dropout_acts_once_in_each_gap_between_layers(rng, hybridized, kind, implementation, layers, at_input):
    options = {"implementation": implementation, "dropout": P, "input_dropout": at_input}
    encoder = prepare(make_encoder(kind, 16, 16, layers, **options), hybridized)
    pass_through(encoder)
    inputs = positive(rng, 5, 50, 16)
    assert (run(encoder, inputs)[0] != 0).all(), "nothing is dropped in prediction"
    outputs = train(encoder, inputs)[0]
    kept = (1 - P) ** (layers - 1) * (1 - at_input)
    assert_share(outputs != 0, kept)
    if kind == "rnn relu":
        np.testing.assert_allclose(outputs[outputs != 0], (inputs / kept)[outputs != 0], rtol=1e-5)


@each_kind
@with_lengths
def test_locked_dropout_drops_the_same_features_at_all_steps(rng, hybridized, kind, padded):
    options = {"dropout": P, "input_dropout": P, "locked_dropout": True}
    encoder = prepare(make_encoder(kind, 16, 16, 2, **options), hybridized)
    pass_through(encoder)
    lengths = some_lengths(5, 60) if padded else None
    kept = train(encoder, positive(rng, 5, 60, 16), lengths=lengths)[0] != 0
    for n, length in enumerate(lengths if padded else [5] * 60):
        np.testing.assert_array_equal(kept[:length, n], np.broadcast_to(kept[0, n], (length, 16)))
    assert_share(kept[0], (1 - P) ** 2)
    assert len(np.unique(kept[0], axis=0)) > 1, "each sequence has a draw of its own"


def test_dropout_that_is_not_locked_is_drawn_for_each_step(rng, hybridized):
    encoder = prepare(make_encoder("lstm", 16, 16, 2, dropout=P), hybridized)
    pass_through(encoder)
    kept = train(encoder, positive(rng, 2, 200, 16))[0] != 0
    assert_share(kept[0] & kept[1], (1 - P) ** 2)



@each_implementation
def test_weight_dropout_drops_the_same_weights_at_every_step_and_for_all_sequences(hybridized, implementation):
    """A relu network whose inputs are single ones shows a column of U at the step after."""
    size = 20
    layer = prepare(RecurrentLayer(RNN(size, activation="relu"), size, True, weight_dropout=P,
                                   implementation=implementation), hybridized)  # fmt: skip
    pass_through(layer)
    ones = {name: np.ones((size, size)) for name in ("forward_h2h_weight", "backward_h2h_weight")}
    set_arrays(layer, {**get_arrays(layer), **ones}, "ones")
    inputs = np.zeros((5, 2 * size, size))
    inputs[0, :size] = inputs[2, size:] = np.eye(size)
    np.testing.assert_array_equal(run(layer, inputs)[0][1, :size, :size], np.ones((size, size)))
    outputs = train(layer, inputs)[0]
    early, late = outputs[1, :size, :size].T, outputs[3, size:, :size].T
    backward = outputs[1, size:, size:].T
    np.testing.assert_array_equal(early, late)
    np.testing.assert_allclose(early[early != 0], 1 / (1 - P), rtol=1e-5)
    assert_share(early != 0, 1 - P)
    assert_share(backward != 0, 1 - P)
    assert ((backward != 0) != (early != 0)).any(), "each direction drops weights of its own"
    assert (train(layer, inputs)[0][1, :size, :size].T != early).any(), "each call drops others"


def valid_steps(sequences, lengths, backward):
    """Yields each sequence (length, …) as its direction reads it, of arrays (T, N, …)."""
    for n, length in enumerate(lengths):
        yield [array[:length, n][:: -1 if backward else 1] for array in sequences]


def assert_kept(values, before, news):
    """Asserts that a share P of the values is the one before, and that all others are the new ones."""
    kept, taken = (np.isclose(values, other, rtol=1e-5) for other in (before, news))
    assert (kept ^ taken).all(), "a unit has its old value or its new one"
    assert_share(kept, P)


@with_lengths
@pytest.mark.parametrize("backward", [False, True], ids=["forward", "backward"])
def test_zoneout_keeps_the_share_of_units_that_was_asked_for(rng, hybridized, padded, backward):
    """A cell that hands its inputs on, which differ from step to step, shows which units kept the value before."""
    layer = prepare(RecurrentLayer(LSTM(16, activation="relu"), 16, backward, zoneout=P), hybridized)
    pass_through(layer)
    steps = np.arange(8, dtype=np.float32)[:, None, None]
    inputs, lengths = positive(rng, 8, 60, 16) + steps, some_lengths(8, 60) if padded else [8] * 60
    outputs = train(layer, inputs, lengths=lengths if padded else None)[0][..., -16:]
    runs = list(valid_steps((outputs, inputs), lengths, backward))
    before = [np.concatenate([np.zeros((1, 16)), values[:-1]]) for values, _ in runs]
    assert_kept(*map(np.concatenate, ([values for values, _ in runs], before, [news for _, news in runs])))


@with_lengths
@pytest.mark.parametrize("backward", [False, True], ids=["forward", "backward"])
def test_zoneout_of_the_cell_keeps_the_share_that_was_asked_for(rng, hybridized, padded, backward):
    """With all gates open the hidden state is the cell before plus the input (Krueger et al. 2017, equation 6)."""
    layer = prepare(RecurrentLayer(LSTM(16, activation="relu"), 16, backward, zoneout_cell=P), hybridized)
    pass_through(layer)
    biases = {name: np.repeat([50.0, 50, 0, 50], 16) for name in get_arrays(layer) if name.endswith("i2h_bias")}
    set_arrays(layer, {**get_arrays(layer), **biases}, "open")
    inputs, lengths = positive(rng, 8, 60, 16), some_lengths(8, 60) if padded else [8] * 60
    outputs = train(layer, inputs, lengths=lengths if padded else None)[0][..., -16:]
    runs = [(values - news, news) for values, news in valid_steps((outputs, inputs), lengths, backward)]
    after, before = [cell[1:] for cell, _ in runs], [cell[:-1] for cell, _ in runs]
    news = [cell[:-1] + added[:-1] for cell, added in runs]
    assert not runs[0][0][0].any()
    assert_kept(*map(np.concatenate, (after, before, news)))


@pytest.mark.parametrize("kind", ["gru", "rnn relu"])
def test_zoneout_of_the_other_cells(rng, hybridized, kind):
    encoder = prepare(make_encoder(kind, 16, 16, zoneout=P), hybridized)
    pass_through(encoder)
    outputs = train(encoder, positive(rng, 8, 60, 16))[0]
    assert_share(outputs == np.concatenate([np.zeros((1, 60, 16)), outputs[:-1]]), P)


@with_lengths
def test_zoneout_in_prediction_is_the_expectation(rng, hybridized, padded):
    hidden, cell = 0.3, 0.1
    layer = prepare(RecurrentLayer(LSTM(5), 4, zoneout=hidden, zoneout_cell=cell), hybridized)
    p = {name: Var(array) for name, array in oracle.under(get_arrays(layer), "forward_").items()}
    inputs, lengths = rng.normal(size=(6, 3, 4)).astype(np.float32), some_lengths(6, 3)
    state, expected = [np.zeros((3, 5))] * 2, []
    for x in inputs:
        new = oracle.lstm_step(Var(x), *map(Var, state), p)[:2]
        state = [z * old + (1 - z) * step.value for z, old, step in zip((hidden, cell), state, new)]
        expected.append(state[0])
    expected = np.stack(expected)
    if padded:
        expected *= np.arange(6)[:, None, None] < lengths[:, None]
    check_close(run(layer, inputs, lengths=lengths if padded else None), expected)


@pytest.mark.parametrize("make", [GRUEncoder, RNNEncoder])
def test_zoneout_of_a_cell_that_is_not_there_is_refused(make):
    with pytest.raises(ValueError, match="zoneout_cell 0.1: only an LSTM has a cell; use zoneout"):
        make(5, 4, zoneout_cell=0.1)


def test_gradient_in_training_is_that_of_the_units_kept(rng, hybridized):
    encoder = prepare(make_encoder("rnn relu", 8, 8, 2, dropout=P), hybridized)
    pass_through(encoder)
    measured = measure(encoder, [positive(rng, 5, 6, 8)], [np.ones((5, 6, 8)), np.zeros((6, 8))])
    kept = measured.outputs[0] != 0
    assert 0 < kept.mean() < 1
    np.testing.assert_allclose(measured.inputs[0], kept / (1 - P), rtol=1e-5)


RANDOM = {
    "dropout": {"dropout": P},
    "locked dropout": {"dropout": P, "locked_dropout": True},
    "input dropout": {"input_dropout": P},
    "weight dropout": {"weight_dropout": P},
    "zoneout": {"zoneout": P},
    "zoneout of the cell": {"zoneout_cell": P},
    "all": {
        "dropout": P, "input_dropout": P, "locked_dropout": True, "weight_dropout": P, "zoneout": P, "zoneout_cell": P,
    },
}  # fmt: skip
each_random = pytest.mark.parametrize("options", RANDOM.values(), ids=RANDOM)


@each_random
@with_lengths
def test_training_draws_anew_and_prediction_does_not_draw(rng, hybridized, options, padded):
    encoder = prepare(LSTMEncoder(8, 8, 2, True, **options), hybridized)
    plain = prepare(LSTMEncoder(8, 8, 2, True), hybridized)
    set_arrays(plain, get_arrays(encoder), "encoder")
    inputs, lengths = rng.normal(size=(4, 3, 8)), some_lengths(4, 3) if padded else None
    predicted = run(encoder, inputs, lengths=lengths)
    for first, again in zip(predicted, run(encoder, inputs, lengths=lengths)):
        np.testing.assert_array_equal(first, again)
    if not {"zoneout", "zoneout_cell"} & set(options):
        check_close(predicted, run(plain, inputs, lengths=lengths))
    trained = [train(encoder, inputs, lengths=lengths)[0] for _ in range(2)]
    assert (trained[0] != trained[1]).any()
    assert (trained[0] != predicted[0]).any()


def test_a_share_of_nothing_draws_nothing(rng, hybridized):
    encoder = prepare(LSTMEncoder(8, 8, 2, True, dropout=0.0, weight_dropout=0.0, zoneout=0.0), hybridized)
    inputs = rng.normal(size=(6, 3, 8))
    # oneDNN has a kernel of its own for training; with AVX-512 it rounds in another way.
    np.testing.assert_allclose(train(encoder, inputs)[0], run(encoder, inputs)[0], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("head_size", [0, 100])
def test_dropout_acts_on_the_pooled_vector_before_the_head(rng, hybridized, head_size):
    """With an identity as the head each logit is a pooled unit, dropped or not."""
    net = prepare(SequenceClassifier(100, 100, 100, encoder="rnn", dropout=P, head_size=head_size), hybridized)
    pass_through(net)
    arrays = get_arrays(net)
    heads = {name: np.eye(100) for name in arrays if name.startswith("head.") and name.endswith("weight")}
    set_arrays(net, {**arrays, **heads}, "identity")
    inputs = positive(rng, 1, 50, 100)
    plain = run(net, inputs)[0]
    assert (plain != 0).all(), "nothing is dropped in prediction"
    dropped = train(net, inputs)[0]
    kept = dropped != 0
    assert_share(kept, 1 - P)
    np.testing.assert_allclose(dropped[kept], plain[kept] / (1 - P), rtol=1e-5)


def trained_bytes(hybridized, options) -> bytes:
    """Returns the bytes of outputs and gradients of a new net's first steps after seeding."""
    runtime.seed_everything(5)
    net = SequenceClassifier(3, 4, 8, 2, True, pooling="mean+max", **options)
    net.initialize()
    net.hybridize(hybridized, static_alloc=True, static_shape=True)
    inputs = np.random.normal(size=(4, 3, 4))
    steps = [measure(net, [inputs], [np.ones((3, 3))], lengths) for lengths in (None, [4, 2, 3], None)]
    arrays = [array for step in steps for array in (*step.outputs, *step.inputs, *step.parameters.values())]
    return b"".join(array.tobytes() for array in arrays)


@pytest.mark.parametrize("options", [RANDOM[name] for name in ("dropout", "weight dropout", "all")])
def test_the_same_seed_gives_the_same_bytes_whatever_ran_before(rng, hybridized, options):
    first = trained_bytes(hybridized, options)
    # Draws of other sizes and kinds, eager and hybridized, that leave MXNet's streams elsewhere.
    mx.nd.random.normal(shape=(rng.integers(1, 1000),)).wait_to_read()
    for other in ("weight dropout", "all"):
        train(prepare(LSTMEncoder(5, 3, 2, **RANDOM[other]), not hybridized), rng.normal(size=(4, 2, 3)))
    assert trained_bytes(hybridized, options) == first
    runtime.seed_everything(6)
    assert trained_bytes(hybridized, options) == first
