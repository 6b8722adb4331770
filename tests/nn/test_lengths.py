"""What a sequence gets does not depend on its padding or its neighbours; lengths that cannot be are refused."""

from __future__ import annotations

import functools

import mxnet as mx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from kinds import ENCODERS, UNITS, make_encoder
from numerics import TOLERANCE, measure, prepare, run

from gluon_lstm.nn import (
    GroupedEncoder,
    LSTMEncoder,
    Pooling,
    SequenceBlock,
    SequenceClassifier,
    TransformerEncoder,
    get_arrays,
    set_arrays,
)

C, H = 3, 4
WIDE = 34
"""Features that the mark of the padding has two of its own for; for ``C`` it has as many as there are."""
SHORT, LONG, MOST = 5, 40, 3
"""Steps of an unrolled block and of others, and sequences, at most; padding adds up to as many steps again."""

POOLINGS = ("mean", "max", "attention")
"""``last`` is the encoder's, and ``mean+max`` nothing but the two."""


class Pooled(SequenceBlock):
    """An encoder with every pooling: gives outputs (T, N, D), last (N, D), and each pooled (N, D)."""

    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder
        for mode in POOLINGS:
            setattr(self, mode, Pooling(mode, encoder.output_size))

    def hybrid_forward(self, F, inputs, lengths=None):
        """Takes inputs (T, N, C), lengths (N,)."""
        outputs, last = self.encoder(inputs, lengths)
        return (outputs, last, *(getattr(self, mode)(outputs, lengths, last) for mode in POOLINGS))


BUILDERS = {
    **{f"{kind}, fused": functools.partial(make_encoder, kind, C, H, 2, True) for kind in ENCODERS},
    **{f"{kind}, wide": functools.partial(make_encoder, kind, WIDE, H, 1, True) for kind in ("lstm", "gru")},
    **{
        f"{kind}, cell": functools.partial(make_encoder, kind, C, H, 1, True, implementation="cell")
        for kind in ENCODERS
    },
    "residual and layer norm": lambda: LSTMEncoder(H, 2 * H, 2, True, residual=True, layer_norm=True),
    "relu, residual": lambda: LSTMEncoder(H, 2 * H, 1, True, residual=True, activation="relu"),
    "every option": lambda: LSTMEncoder(
        UNITS, C, 1, True, activation="sigmoid", recurrent_activation="hard_sigmoid", peephole=True, coupled=True,
        cell_layer_norm=True, projection_size=5,
    ),
    "transformer": lambda: TransformerEncoder(H, C, 2, 2),
    "learned positions": lambda: TransformerEncoder(H, C, 2, 2, positions="learned", max_steps=2 * LONG),
    "groups": lambda: GroupedEncoder(make_encoder("lstm", 1, H), make_encoder("gru", 1, H, 1, True)),
}  # fmt: skip


@functools.cache
def block_of(way, name):
    """Returns the encoder of a name with every pooling, the same one each time."""
    mx.random.seed(1)
    np.random.seed(1)
    return prepare(Pooled(BUILDERS[name]()), way == "hybridized")


WAYS = [(way, name) for way in ("eager", "hybridized") for name in BUILDERS]


def with_each_block(check):
    """Returns a test that calls ``check(block, C, longest T, data to draw from)`` many times for each block.

    A graph for any number of steps has the most; an unrolled block, with a graph for each of them, has short ones.
    """

    @pytest.mark.parametrize("way, name", WAYS, ids=map(", ".join, WAYS))
    def test(way, name):
        block = block_of(way, name)
        unrolled = any(getattr(layer, "needs_steps", False) for layer in getattr(block.encoder, "layers", ()))

        @settings(max_examples=5 if unrolled or way == "eager" else 12)
        @given(data=st.data())
        def try_out(data):
            check(block, block.encoder.input_size, SHORT if unrolled else LONG, data)

        try_out()

    return test


anything = st.one_of(st.floats(width=32), st.floats(-3, 3, width=32))


@st.composite
def batches(draw, longest):
    """Draws lengths up to ``longest``, steps more than needed, a stream for the sequences, and what pads them."""
    lengths = draw(st.lists(st.integers(1, longest), min_size=1, max_size=MOST))
    extra = draw(st.integers(0, longest))
    seed = draw(st.integers(0, 2**31))
    filling = draw(arrays(np.float32, 8, elements=anything, fill=st.nothing()))
    return lengths, extra, np.random.default_rng(seed), filling


def fill(sequences, steps, filling):
    """Returns sequences (length, C) side by side as (T, N, C); ``filling`` goes round and round after their ends."""
    width = sequences[0].shape[1]
    inputs = np.resize(filling, (steps, len(sequences), width)).astype(np.float32)
    for n, sequence in enumerate(sequences):
        inputs[: len(sequence), n] = sequence
    return inputs


def close(actual, expected, scale=None):
    """Whether two arrays are the same within rounding, which ``scale`` or the expected array measures."""
    return np.linalg.norm(actual - expected) <= TOLERANCE * np.linalg.norm(expected if scale is None else scale)


@with_each_block
def test_a_sequence_in_a_batch_is_the_sequence_alone(block, width, longest, data):
    lengths, extra, rng, filling = data.draw(batches(longest))
    sequences = [rng.normal(size=(length, width)) for length in lengths]
    outputs, *pooled = run(block, fill(sequences, max(lengths) + extra, filling), lengths=lengths)
    for n, (sequence, length) in enumerate(zip(sequences, lengths)):
        outputs_alone, *pooled_alone = run(block, sequence[:, None])
        assert close(outputs[:length, [n]], outputs_alone)
        assert not outputs[length:, n].any()
        for value, alone in zip(pooled, pooled_alone):
            assert close(value[[n]], alone)


@with_each_block
def test_padding_and_its_contents_have_no_gradient(block, width, longest, data):
    lengths, extra, rng, filling = data.draw(batches(longest))
    sequences = [rng.normal(size=(length, width)) for length in lengths]
    steps = max(lengths)
    outputs = run(block, fill(sequences, steps, [0.0]), lengths=lengths)
    weights = [rng.normal(size=output.shape) for output in outputs]
    # The outputs at padded steps have weights too, which must not matter.
    longer = [np.concatenate([weights[0], rng.normal(size=(extra, *weights[0].shape[1:]))]), *weights[1:]]
    tight = measure(block, [fill(sequences, steps, [0.0])], weights, lengths)
    wide = measure(block, [fill(sequences, steps + extra, filling)], longer, lengths)
    (tight_inputs,), (wide_inputs,) = tight.inputs, wide.inputs
    for n, length in enumerate(lengths):
        assert close(wide_inputs[:length, n], tight_inputs[:length, n], scale=tight_inputs)
        assert not wide_inputs[length:, n].any()
    # Of attention to equal steps little remains but rounding, which is measured by all gradients together.
    everything = np.concatenate([gradient.ravel() for gradient in tight.parameters.values()])
    for parameter, gradient in tight.parameters.items():
        assert close(wide.parameters[parameter], gradient, scale=everything), parameter


@with_each_block
def test_neighbours_and_places_in_the_batch_do_not_matter(block, width, longest, data):
    lengths, extra, rng, filling = data.draw(batches(longest))
    order = data.draw(st.permutations(range(MOST)))
    sequences = [rng.normal(size=(length, width)) for length in lengths]
    # The first sequence, among others of its own batch and among quite other ones.
    others = [rng.normal(size=(rng.integers(1, longest + 1), width)) * 10 for _ in range(MOST - 1)]
    company = [(sequences[:1] + others)[place] for place in order]
    place, length = list(order).index(0), lengths[0]
    here = run(block, fill(sequences, longest, filling), lengths=lengths)
    there = run(block, fill(company, longest + extra, filling[::-1]), lengths=[len(s) for s in company])
    assert close(there[0][:length, place], here[0][:length, 0])
    for a, b in zip(there[1:], here[1:]):
        assert close(a[place], b[0])


@pytest.mark.parametrize("kind", ENCODERS)
@pytest.mark.parametrize("implementation", ["fused", "cell"])
def test_a_state_that_grows_does_not_grow_on_in_the_padding(hybridized, kind, implementation):
    encoder = prepare(make_encoder(kind, C, H, implementation=implementation), hybridized)
    growing = {name: np.abs(array) + 2 for name, array in get_arrays(encoder).items()}
    set_arrays(encoder, growing, "growing")
    inputs, weights = np.ones((100, 1, C)), [np.ones((100, 1, H)), np.ones((1, H))]
    long = measure(encoder, [inputs], weights, lengths=[2])
    short = measure(encoder, [inputs[:2]], [weights[0][:2], weights[1]])
    assert close(long.outputs[1], short.outputs[1])
    assert close(long.inputs[0][:2], short.inputs[0])
    for parameter, gradient in short.parameters.items():
        assert close(long.parameters[parameter], gradient), parameter


def blocks_with_lengths():
    """Returns a block of every class that takes lengths, by name."""
    return {
        "fused layer": make_encoder("lstm", C, H).layers[0],
        "reversed layer": make_encoder("rnn tanh", C, H, 1, True).layers[0],
        "unrolled layer": make_encoder("gru", C, H, 1, True, implementation="cell").layers[0],
        "encoder": make_encoder("lstm", C, H, 2, True),
        "groups": GroupedEncoder(*(make_encoder("lstm", 1, H) for _ in range(C))),
        "classifier": SequenceClassifier(2, C, H, pooling="mean+max"),
    }


REFUSED = [
    ([5, 0, 3], r"lengths\[1\] is 0(\.0)?: must be a whole number from 1 to 5, the time steps"),
    ([5, 1, -1], r"lengths\[2\] is -1(\.0)?: must be a whole number from 1 to 5"),
    ([6, 1, 7], r"lengths\[0\] is 6(\.0)?: must be a whole number from 1 to 5"),
    ([5, 1.5, 3], r"lengths\[1\] is 1.5: must be a whole number from 1 to 5"),
    ([5, np.nan, 3], r"lengths\[1\] is nan: must be a whole number from 1 to 5"),
    ([5, 1, np.inf], r"lengths\[2\] is inf: must be a whole number from 1 to 5"),
    ([5, 3], r"lengths of shape \(2,\) for a batch of 3: give one length a sequence"),
    ([5, 3, 2, 1], r"lengths of shape \(4,\) for a batch of 3: give one length a sequence$"),
    ([5, 3, 2, 1, 1], r"lengths of shape \(5,\) .*; the batch is the second axis of inputs, after time$"),
    ([[5], [3], [2]], r"lengths of shape \(3, 1\) for a batch of 3"),
]
"""Lengths for three sequences of five steps, and what is said of them."""


@pytest.mark.parametrize("which", blocks_with_lengths())
def test_lengths_that_cannot_be_are_refused(rng, hybridized, monkeypatch, which):
    block = prepare(blocks_with_lengths()[which], hybridized)
    inputs = mx.nd.array(rng.normal(size=(5, 3, C)))
    assert all(np.isfinite(array).all() for array in run(block, np.ones((5, 3, C)), lengths=[5, 1, 3]))
    monkeypatch.setattr(type(block), "forward", lambda *args: pytest.fail("the lengths have reached MXNet"))
    for lengths, message in REFUSED:
        with pytest.raises(ValueError, match=f"^{message}"):
            block(inputs, mx.nd.array(lengths))


@pytest.mark.parametrize("lengths", [[5, 0, 3], [6, 1, 1], [5, 3]])
def test_pooling_alone_refuses_them_too(rng, hybridized, lengths):
    pooling = prepare(Pooling("max"), hybridized)
    outputs, last = mx.nd.array(rng.normal(size=(5, 3, 2))), mx.nd.zeros((3, 2))
    with pytest.raises(ValueError, match="^lengths"):
        pooling(outputs, mx.nd.array(lengths), last)
