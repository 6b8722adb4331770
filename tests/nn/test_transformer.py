"""The Transformer encoder by value: against its oracle and PyTorch, padded and not, with its dropout seen to act."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import mxnet as mx
import numpy as np
import pytest
import tape
import transformer_oracle as oracle
from mxnet.base import MXNetError
from mxnet.gluon import HybridBlock, SymbolBlock
from numerics import Measured, check_against, check_close, measure, prepare, run, trace_with
from oracle import each_alone, prefixed, under
from tape import Var

from gluon_lstm.nn import get_arrays, set_arrays
from gluon_lstm.nn.transformer import POSITIONS, SelfAttention, TransformerEncoder

ROOT = Path(__file__).parents[2]

HEADS = 2
SIZES = {"feedforward_size": 12}
LIMIT = {"sinusoidal": {}, "learned": {"max_steps": 110}}
"""Of each kind of positions, the options that say how many steps it is for."""

DROPPED = 0.25
"""Share that the dropout of the tests drops."""

each_kind_of_positions = pytest.mark.parametrize("positions", POSITIONS)
with_and_without_lengths = pytest.mark.parametrize("padded", [False, True], ids=["full", "padded"])


def make(hybridized, num_layers=2, hidden_size=8, num_heads=HEADS, **options) -> TransformerEncoder:
    """Returns an encoder with random parameters, of such sizes that scores are about 1: attention is not uniform."""
    limit = LIMIT[options.get("positions", "sinusoidal")]
    encoder = TransformerEncoder(hidden_size, 4, num_layers, num_heads, **{**SIZES, **limit, **options})
    encoder.initialize()
    arrays = {name: np.random.normal(0, 0.2, array.shape) for name, array in get_arrays(encoder).items()}
    for name, array in arrays.items():
        if name.endswith("gamma"):
            array += 1
        if name.endswith(("query.weight", "key.weight")):
            array *= 2
    set_arrays(encoder, arrays, "random")
    encoder.hybridize(hybridized, static_alloc=True, static_shape=True)
    return encoder


def check(encoder: TransformerEncoder, inputs, lengths=None, num_heads=HEADS) -> None:
    """Asserts that the encoder's outputs and all gradients are the oracle's."""
    check_against(trace_with(oracle.encoder, num_heads=num_heads), encoder, inputs, lengths=lengths)


def expected_values(encoder: TransformerEncoder, inputs, lengths=None) -> list:
    """Returns the oracle's outputs and last state."""
    parameters = {name: Var(array) for name, array in get_arrays(encoder).items()}
    lengths = [len(inputs)] * inputs.shape[1] if lengths is None else lengths
    encoded = each_alone(lambda cut: oracle.encoder(cut, parameters, HEADS), lengths, Var(np.float32(inputs)))
    return [value.value for value in encoded]


def sequences(rng, steps, padded, batch_size=3):
    """Returns inputs (T, N, 4), and if they are padded, lengths (N,) from 1 to T, one of them T."""
    inputs = rng.normal(size=(steps, batch_size, 4))
    lengths = rng.permutation(np.append(rng.integers(1, steps + 1, batch_size - 1), steps))
    return (inputs, lengths) if padded else (inputs,)


# The oracle


def test_weights_of_the_oracle_by_hand():
    weights = oracle.softmax(Var(np.log([[1.0, 3.0, 4.0], [1.0, 1.0, 0.5]]))).value
    np.testing.assert_allclose(weights, [[1 / 8, 3 / 8, 4 / 8], [0.4, 0.4, 0.2]], rtol=1e-14)


# Values and gradients


@each_kind_of_positions
@with_and_without_lengths
@pytest.mark.parametrize("layers", [1, 3])
def test_outputs_last_and_gradients(rng, hybridized, positions, padded, layers):
    encoder = make(hybridized, layers, positions=positions)
    for steps in (7, 1, 100):
        check(encoder, *sequences(rng, steps, padded))


@pytest.mark.parametrize("hidden_size, heads", [(8, 1), (8, 8), (5, 1), (9, 3)])
def test_every_number_of_heads(rng, hybridized, hidden_size, heads):
    encoder = make(hybridized, hidden_size=hidden_size, num_heads=heads)
    check(encoder, *sequences(rng, 6, padded=True), num_heads=heads)
    assert encoder.output_size == hidden_size


@each_kind_of_positions
@with_and_without_lengths
def test_every_length_and_batch_size_after_hybridizing(rng, positions, padded):
    encoder = make(True, positions=positions)
    for steps, batch_size in ((5, 3), (3, 3), (9, 1), (5, 8), (110, 2), (5, 3)):
        check(encoder, *sequences(rng, steps, padded, batch_size))


def test_gradients_add_up_where_one_graph_holds_the_encoder_often(rng, hybridized):
    encoder = make(hybridized, num_layers=1)
    inputs, weights = rng.normal(size=(4, 2, 4)), [rng.normal(size=(4, 2, 8)), rng.normal(size=(2, 8))]

    class Often(HybridBlock):
        def __init__(self):
            super().__init__()
            self.encoder = encoder

        def hybrid_forward(self, F, inputs):
            runs = [self.encoder(inputs) for _ in range(9)]
            return tuple(F.add_n(*parts) for parts in zip(*runs))

    often = Often()
    once = measure(encoder, [inputs], weights)
    often.hybridize(hybridized, static_alloc=True, static_shape=True)
    nine = measure(often, [inputs], weights)
    check_close(nine.inputs[0], 9 * once.inputs[0])
    for name, gradient in once.parameters.items():
        check_close(nine.parameters[f"encoder.{name}"], 9 * gradient, name)


def test_sinusoidal_positions_have_no_limit(rng, hybridized):
    check(make(hybridized, num_layers=1), *sequences(rng, 1100, padded=True, batch_size=1))


def test_learned_positions_are_1024_unless_told():
    encoder = prepare(TransformerEncoder(8, 4, positions="learned"), hybridized=False)
    assert get_arrays(encoder)["positions.table"].shape == (1024, 8)


def test_feedforward_is_four_times_as_wide_unless_told(rng):
    arrays = get_arrays(prepare(TransformerEncoder(8, 4), hybridized=False))
    assert arrays["layers.0.feedforward_in.weight"].shape == (32, 8)


def test_sinusoids_far_into_a_sequence():
    encoder = TransformerEncoder(8, 4)
    positions = encoder.positions(mx.nd.arange(5000)).asnumpy()[:, 0]
    np.testing.assert_allclose(positions, oracle.sinusoids(5000, 8), atol=1e-7)


@pytest.mark.parametrize("dtype", ["int32", "int64", "float64"])
def test_lengths_of_any_dtype(rng, hybridized, dtype):
    encoder = make(hybridized, num_layers=1)
    inputs, lengths = sequences(rng, 5, padded=True)
    outputs = encoder(mx.nd.array(inputs), mx.nd.array(lengths, dtype=dtype))
    check_close([output.asnumpy() for output in outputs], expected_values(encoder, inputs, lengths))


def test_initial_weights():
    encoder = TransformerEncoder(64, 64, positions="learned")
    encoder.initialize()
    arrays = get_arrays(encoder)
    assert arrays["positions.table"].std() == pytest.approx(np.sqrt(0.5), rel=0.02)
    for name, array in arrays.items():
        if name.endswith(("bias", "beta")):
            assert not array.any()
        if name.endswith("weight"):
            bound = np.sqrt(6 / sum(array.shape))
            assert 0.98 * bound < np.abs(array).max() <= bound


# Against PyTorch


def torch_encoder(encoder: TransformerEncoder, num_layers: int):
    """Returns PyTorch's layers and last normalization with the parameters of an encoder, in float64."""
    torch = pytest.importorskip("torch")
    arrays = {name: torch.tensor(array, dtype=torch.float64) for name, array in get_arrays(encoder).items()}
    size, width = arrays["layers.0.feedforward_in.weight"].shape[::-1]
    options = {"dim_feedforward": width, "dropout": 0.0, "norm_first": True, "dtype": torch.float64}
    layer = torch.nn.TransformerEncoderLayer(size, HEADS, **options)
    norm = torch.nn.LayerNorm(size, dtype=torch.float64)
    stack = torch.nn.TransformerEncoder(layer, num_layers, norm, enable_nested_tensor=False)
    stack.load_state_dict(torch_state(torch, arrays, num_layers))
    return stack


def torch_state(torch, arrays, num_layers: int):
    """Returns parameters by PyTorch's names; the keys get a bias, to show that it is of no effect."""
    state = {"norm.weight": arrays["norm.gamma"], "norm.bias": arrays["norm.beta"]}
    for layer in (f"layers.{index}." for index in range(num_layers)):
        p = under(arrays, layer)
        parts = [p[f"attention.{part}.weight"] for part in ("query", "key", "value")]
        query, value = p["attention.query.bias"], p["attention.value.bias"]
        renamed = {
            "self_attn.in_proj_weight": torch.cat(parts),
            "self_attn.in_proj_bias": torch.cat([query, torch.randn_like(query), value]),
        }
        for ours, theirs in (("attention.output", "self_attn.out_proj"), ("feedforward_in", "linear1"),
                             ("feedforward_out", "linear2")):  # fmt: skip
            renamed.update({f"{theirs}.{kind}": p[f"{ours}.{kind}"] for kind in ("weight", "bias")})
        for ours, theirs in (("attention_norm", "norm1"), ("feedforward_norm", "norm2")):
            renamed.update({f"{theirs}.weight": p[f"{ours}.gamma"], f"{theirs}.bias": p[f"{ours}.beta"]})
        state.update(prefixed(layer, renamed))
    return state


@with_and_without_lengths
@pytest.mark.parametrize("layers", [1, 3])
def test_layers_are_those_of_pytorch(rng, hybridized, padded, layers):
    torch = pytest.importorskip("torch")
    encoder = make(hybridized, layers)
    inputs, *lengths = sequences(rng, 9, padded)
    variable = Var(inputs)
    parameters = {name: Var(array) for name, array in get_arrays(encoder).items()}
    embedded = tape.stack([oracle.embedding(variable[:, column], parameters) for column in range(3)], axis=1)
    x = torch.tensor(embedded.value, requires_grad=True)
    valid = np.arange(9)[:, None] < (lengths[0] if padded else np.full(3, 9))
    mask = torch.tensor(~valid.T) if padded else None
    expected = torch_encoder(encoder, layers)(x, src_key_padding_mask=mask)
    weights = rng.normal(size=(9, 3, 8)) * valid[:, :, None]
    expected.backward(torch.tensor(weights))
    measured = measure(encoder, [inputs, *lengths], [weights, np.zeros((3, 8))])
    check_close(measured.outputs[0], expected.detach().numpy() * valid[:, :, None])
    check_close(measured.inputs[0], tape.gradients([embedded], [x.grad.numpy()], [variable])[0])


# Padding and neighbours


def measure_one(encoder, inputs, lengths, weights) -> Measured:
    """Runs forward and backward with a loss of the outputs and ``last`` of the first sequence alone."""
    outputs = np.zeros((*inputs.shape[:2], 8))
    outputs[: len(weights), 0] = weights
    last = np.zeros((inputs.shape[1], 8))
    last[0] = weights[0]
    return measure(encoder, [inputs, lengths], [outputs, last])


@each_kind_of_positions
def test_padding_and_neighbours_do_not_matter(rng, hybridized, positions):
    encoder = make(hybridized, positions=positions)
    own, weights = rng.normal(size=(6, 1, 4)), rng.normal(size=(6, 8))
    alone = measure_one(encoder, own, [6], weights)
    for steps, batch_size, filling in ((6, 3, 1.0), (9, 1, 1e30), (40, 2, np.nan), (9, 3, np.inf)):
        inputs = rng.normal(size=(steps, batch_size, 4))
        inputs[:6, :1], inputs[6:, 0] = own, filling
        among = measure_one(encoder, inputs, [6, *rng.integers(1, steps, batch_size - 1)], weights)
        check_close((among.outputs[0][:6, :1], among.outputs[1][:1]), alone.outputs, "outputs")
        check_close(among.inputs[0][:6, :1], alone.inputs[0], "gradient of the inputs")
        check_close(list(among.parameters.values()), list(alone.parameters.values()), "gradients of the parameters")
        assert not among.outputs[0][6:, 0].any()
        assert not among.inputs[0][6:].any() and not among.inputs[0][:, 1:].any()


def test_a_neighbour_changes_not_a_bit(rng, hybridized):
    encoder = make(hybridized)
    inputs, lengths = sequences(rng, 7, padded=True)
    before = run(encoder, inputs, lengths)
    inputs[:, 1:] *= -3
    lengths[1:] = [2, 5]
    for old, new in zip(before, run(encoder, inputs, lengths)):
        np.testing.assert_array_equal(old[..., 0, :], new[..., 0, :])


def test_nan_stays_in_its_sequence_and_shows(rng, hybridized):
    encoder = make(hybridized)
    inputs, lengths = sequences(rng, 7, padded=True)
    inputs[0, 1, 2] = np.nan
    outputs, last = run(encoder, inputs, lengths)
    assert np.isnan(outputs[: lengths[1], 1]).all() and np.isnan(last[1]).all()
    assert np.isfinite(outputs[:, ::2]).all() and np.isfinite(last[::2]).all()


def attention_that_shows_its_weights(size: int, hybridized: bool, dropout=0.0) -> SelfAttention:
    """Returns attention with one head whose outputs (T, 1, T), from unit vectors as inputs, are its weights.

    Scores are 0 until ``query.bias`` is set: with inputs of unit vectors, its entry j is √T times that of key j.
    """
    attention = prepare(SelfAttention(size, 1, dropout), hybridized)
    arrays = {name: np.zeros_like(array) for name, array in get_arrays(attention).items()}
    for part in ("key", "value", "output"):
        arrays[f"{part}.weight"] = np.eye(size)
    set_arrays(attention, arrays, "identities")
    return attention


@pytest.mark.parametrize("score", [0.0, 50.0, -50.0, -1e6, -1e35])
def test_weight_of_a_padded_key_is_zero(hybridized, score):
    attention = attention_that_shows_its_weights(6, hybridized)
    scores = np.where(np.arange(6) < 4, score, 1e3)
    set_arrays(attention, {**get_arrays(attention), "query.bias": scores * np.sqrt(6)}, "scores")
    weights = attention(mx.nd.array(np.eye(6)[:, None]), mx.nd.full((1, 6), 4, dtype="int32")).asnumpy()[:, 0]
    np.testing.assert_allclose(weights[:, :4], 0.25, rtol=1e-6)
    np.testing.assert_array_equal(weights[:, 4:], 0)


# Dropout

ONES = {
    "after positions": {"projection.bias": 1 / 8},
    "attention branch": {"layers.0.attention.output.bias": 1},
    "feedforward branch": {"layers.0.feedforward_out.bias": 1},
    "attention weights": {"layers.0.attention.value.bias": 1, "layers.0.attention.output.weight": np.eye(64)},
}
"""For each place where dropout acts, parameters that bring ones there and zeros to all places before it.

With H = 64, the factor √H makes ones of the 1/8. With one unit a head and one step, the dropout of an
attention weight drops its unit, of which the branch's own dropout then drops some more.
"""


@pytest.mark.parametrize("place", ONES)
def test_dropout_keeps_the_share_asked_for(rng, hybridized, place):
    encoder = make(hybridized, 1, 64, num_heads=64, dropout=DROPPED, positions="learned", max_steps=1)
    zeros = {name: np.zeros_like(array) for name, array in get_arrays(encoder).items()}
    ones = {name: zeros[name] + value for name, value in ONES[place].items()}
    set_arrays(encoder, {**zeros, **ones, "norm.gamma": zeros["norm.gamma"] + 1}, place)
    inputs = rng.normal(size=(1, 100, 4))
    # Normalized, equal units are 0; where some are dropped, these are below 0 and the others above.
    np.testing.assert_allclose(run(encoder, inputs)[0], 0, atol=1e-3)
    with mx.autograd.record():
        outputs = run(encoder, inputs)[0]
    kept = (1 - DROPPED) ** (2 if place == "attention weights" else 1)
    assert np.mean(outputs > 0) == pytest.approx(kept, abs=5 * np.sqrt(kept * (1 - kept) / outputs.size))


def test_dropout_of_attention_weights_scales_those_kept(hybridized):
    attention = attention_that_shows_its_weights(50, hybridized, DROPPED)
    inputs = mx.nd.array(np.eye(50)[:, None])
    np.testing.assert_allclose(attention(inputs).asnumpy(), 1 / 50, rtol=1e-6)
    with mx.autograd.record():
        weights = attention(inputs).asnumpy()
    kept = 1 - DROPPED
    np.testing.assert_allclose(weights[weights != 0], 1 / 50 / kept, rtol=1e-5)
    assert np.mean(weights != 0) == pytest.approx(kept, abs=5 * np.sqrt(kept * (1 - kept) / weights.size))


@with_and_without_lengths
@pytest.mark.parametrize("dropout", [0.0, DROPPED])
def test_dropout_is_drawn_anew_in_training_and_absent_in_prediction(rng, hybridized, padded, dropout):
    encoder = make(hybridized, num_layers=1, dropout=dropout)
    arguments = sequences(rng, 5, padded)
    expected = expected_values(encoder, *arguments)
    check_close(run(encoder, *arguments), expected)
    with mx.autograd.record():
        first, second = run(encoder, *arguments), run(encoder, *arguments)
    for a, b in zip(first, second):
        assert (a != b).any() == bool(dropout)
    check_close(run(encoder, *arguments), expected)


def test_one_seed_drops_the_same(rng, hybridized):
    encoder = make(hybridized, num_layers=1, dropout=DROPPED)
    arguments, drawn = sequences(rng, 5, padded=True), []
    for _ in range(2):
        mx.random.seed(3)
        with mx.autograd.record():
            drawn.append(run(encoder, *arguments)[0])
    np.testing.assert_array_equal(*drawn)


def test_gradient_in_training_is_that_of_the_units_kept(rng, hybridized):
    encoder = make(hybridized, dropout=DROPPED)
    inputs, lengths = sequences(rng, 5, padded=True)
    weights = [rng.normal(size=(5, 3, 8)), rng.normal(size=(3, 8))]

    def at(inputs) -> Measured:
        mx.random.seed(3)
        return measure(encoder, [inputs, lengths], weights)

    def loss(measured) -> float:
        return sum((output * weight).sum() for output, weight in zip(measured.outputs, weights))

    gradient = at(inputs).inputs[0]
    size, step = np.linalg.norm(gradient), 0.01
    uphill, downhill = (loss(at(inputs + sign * step * gradient / size)) for sign in (1, -1))
    # Differences of float32 are good for no more; other units dropped would be off by the whole.
    assert (uphill - downhill) / (2 * step) == pytest.approx(size, rel=0.01)


# Graphs that leave the block


@each_kind_of_positions
@with_and_without_lengths
def test_export_and_import(rng, tmp_path, positions, padded):
    encoder = make(True, positions=positions, dropout=DROPPED)
    run(encoder, *sequences(rng, 5, padded))
    encoder.export(str(tmp_path / "net"))
    names = ["data0", "data1"] if padded else ["data"]
    imported = SymbolBlock.imports(str(tmp_path / "net-symbol.json"), names, str(tmp_path / "net-0000.params"))
    for steps, batch_size in ((5, 3), (12, 1), (2, 4)):
        arguments = sequences(rng, steps, padded, batch_size)
        for a, b in zip(run(imported, *arguments), run(encoder, *arguments)):
            np.testing.assert_array_equal(a, b)
    if positions == "learned":
        with pytest.raises(MXNetError):
            run(imported, *sequences(rng, 111, padded))


class Outer(HybridBlock):
    """A block that, hybridized, shows the encoder only symbols."""

    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder

    def hybrid_forward(self, F, *arguments):
        return self.encoder(*arguments)


# What is refused


@with_and_without_lengths
def test_more_steps_than_learned_positions_are_refused(rng, hybridized, padded):
    encoder = make(hybridized, num_layers=1, positions="learned")
    with pytest.raises(ValueError, match="reads up to max_steps = 110 steps, not 111"):
        run(encoder, *sequences(rng, 111, padded))
    outer = Outer(encoder)
    outer.hybridize(True, static_alloc=True, static_shape=True)
    check_close(run(outer, *(arguments := sequences(rng, 110, padded))), run(encoder, *arguments))
    with pytest.raises(MXNetError):
        run(outer, *sequences(rng, 111, padded))


@pytest.mark.parametrize("lengths, message", [
    ([1, 0, 5], r"lengths\[1\] is 0.0: must be a whole number from 1 to 5"),
    ([1, 5, 6], r"lengths\[2\] is 6.0: "),
    ([-1, 2, 3], r"lengths\[0\] is -1.0: "),
    ([1.5, 2, 3], r"lengths\[0\] is 1.5: "),
    ([1, np.nan, 3], r"lengths\[1\] is nan: "),
    ([1, 2], r"lengths of shape \(2,\) for a batch of 3"),
    ([[1, 2, 3]], r"lengths of shape \(1, 3\) for a batch of 3"),
])  # fmt: skip
def test_lengths_out_of_range_are_refused(rng, hybridized, lengths, message):
    with pytest.raises(ValueError, match=message):
        run(make(hybridized, num_layers=1), rng.normal(size=(5, 3, 4)), lengths)


def test_lengths_out_of_range_in_a_graph_do_not_crash():
    script = """
        import sys
        sys.path[:0] = [".", "tests/nn"]
        import gluon_lstm
        import numpy as np
        from test_transformer import Outer, make, measure

        outer = Outer(make(False))
        outer.hybridize(True, static_alloc=True, static_shape=True)
        inputs, weights = np.random.normal(size=(5, 3, 4)), [np.ones((5, 3, 8)), np.arange(24).reshape(3, 8)]
        for given, means in (([-7, 0, 1], [1, 1, 1]), ([6, 100000, 1e30], [5, 5, 5]), ([-1e30, 3, 9], [1, 3, 5])):
            a, b = (measure(outer, [inputs, lengths], weights) for lengths in (given, means))
            for x, y in zip((*a.outputs, a.inputs[0]), (*b.outputs, b.inputs[0])):
                np.testing.assert_array_equal(x, y)
        print("done")
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert (done.returncode, done.stdout.split()) == (0, ["done"]), done.stderr


@pytest.mark.parametrize("options, message", [
    ({"num_heads": 3}, "hidden_size 8 cannot be split into num_heads = 3 equal heads"),
    ({"num_heads": 0}, "num_heads 0: must be at least 1"),
    ({"hidden_size": 0}, "hidden_size 0: must be at least 1"),
    ({"num_layers": 0}, "num_layers 0: must be at least 1"),
    ({"positions": "learned", "max_steps": 0}, "max_steps 0: must be at least 1"),
    ({"max_steps": 50}, "max_steps 50: sinusoidal positions read any number of steps; leave it out"),
    ({"positions": "sinusoidal", "max_steps": 0}, "max_steps 0: sinusoidal positions read any number of steps"),
    ({"dropout": 1.0}, "dropout 1.0: must be at least 0 and below 1"),
    ({"dropout": -0.1}, "dropout -0.1: must be at least 0 and below 1"),
    ({"positions": "none"}, "positions 'none': use one of sinusoidal, learned"),
])  # fmt: skip
def test_options_it_does_not_have_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        TransformerEncoder(**{"hidden_size": 8, "input_size": 4, **options})


def test_a_forgotten_batch_axis_is_refused(hybridized):
    with pytest.raises(ValueError, match=r"inputs of shape \(9, 4\): needs \(time steps, batch, 4 features\)"):
        make(hybridized)(mx.nd.ones((9, 4)))
