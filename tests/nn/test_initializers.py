"""How parameters start, by value."""

from __future__ import annotations

import mxnet as mx
import numpy as np
import pytest
import scipy.stats
from kinds import CELL_OPTIONS, each_cell

from gluon_lstm.nn import (
    GRU,
    LSTM,
    RNN,
    ChronoBias,
    GateOrthogonal,
    LSTMCell,
    LSTMEncoder,
    RecurrentLayer,
    SequenceClassifier,
    get_arrays,
)


def arrays_of(block):
    """Returns the parameters of a block as they start."""
    block.initialize()
    return get_arrays(block)


def forget_at(value, coupled):
    """Returns the bias of six units that opens the forget gate by ``value``."""
    return np.repeat([value, 0, 0] if coupled else [0, value, 0, 0], 6)


@pytest.mark.parametrize("bias", [0.0, 1.0, -2.5])
@pytest.mark.parametrize("coupled", [False, True], ids=["four gates", "coupled"])
@pytest.mark.parametrize("layer_norm", [False, True], ids=["plain", "layer norm"])
def test_forget_gate_of_each_direction_starts_at_its_bias(bias, coupled, layer_norm):
    recurrence = LSTM(6, forget_bias=bias, coupled=coupled, layer_norm=layer_norm)
    arrays = arrays_of(RecurrentLayer(recurrence, 3, bidirectional=True))
    for direction in ("forward", "backward"):
        name = f"{direction}_{recurrence.prefix}"
        np.testing.assert_array_equal(arrays[f"{name}i2h_bias"], forget_at(bias, coupled))
        np.testing.assert_array_equal(arrays[f"{name}h2h_bias"], np.zeros(18 if coupled else 24))


@each_cell
def test_forget_gate_starts_at_one_where_nothing_else_is_said(options):
    name = f"{LSTM(6, **options).prefix}i2h_bias"
    biases = {
        "cell": arrays_of(LSTMCell(6, 3, **options))["i2h_bias"],
        "layer": arrays_of(RecurrentLayer(LSTM(6, **options), 3))[f"forward_{name}"],
    }
    options = {{"layer_norm": "cell_layer_norm"}.get(name, name): value for name, value in options.items()}
    biases["encoder"] = arrays_of(LSTMEncoder(6, 3, 2, **options))[f"layers.1.forward_{name}"]
    net = SequenceClassifier(2, 3, 6, bidirectional=True, **options)
    biases["net"] = arrays_of(net)[f"encoder.layers.0.backward_{name}"]
    for place, bias in biases.items():
        np.testing.assert_array_equal(bias, forget_at(1, options.get("coupled", False)), err_msg=place)


@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize("coupled", [False, True], ids=["four gates", "coupled"])
def test_chrono_biases_are_as_the_paper_defines_them(coupled, direction):
    """b_f ~ log(U(1, T - 1)) and b_i = -b_f, by the distribution's own function; the other biases are 0."""
    units, steps = 4000, 784
    recurrence = LSTM(units, "xavier", chrono_steps=steps, coupled=coupled)
    layer = RecurrentLayer(recurrence, 1, bidirectional=True)
    parameter = next(p for name, p in layer.collect_params().items()
                     if name.endswith(f"{direction}_{recurrence.prefix}i2h_bias"))  # fmt: skip
    parameter.initialize()
    gates = dict(zip(recurrence.gates, np.split(parameter.data().asnumpy().astype(float), len(recurrence.gates))))
    uniform = scipy.stats.uniform(loc=1, scale=steps - 2)
    assert scipy.stats.kstest(np.exp(gates["forget"]), uniform.cdf).pvalue > 1e-4
    assert gates["forget"].min() >= 0 and gates["forget"].max() <= np.log(steps - 1) + 1e-6
    if not coupled:
        np.testing.assert_array_equal(gates.pop("input"), -gates["forget"])
    for gate in set(gates) - {"forget"}:
        assert not gates[gate].any(), gate


def test_the_shortest_memory_starts_half_open():
    """With T = 2 the paper's interval is the number 1, whose logarithm is 0."""
    bias = mx.nd.ones(8)
    ChronoBias(2, forget=1, input_gate=0, num_gates=4)(mx.init.InitDesc("i2h_bias"), bias)
    assert not bias.asnumpy().any()


def test_a_memory_of_one_step_is_refused():
    with pytest.raises(ValueError, match="chrono_steps 1: must be at least 2, or 0 for none"):
        LSTM(4, chrono_steps=1)


def test_chrono_reaches_every_layer_of_a_net():
    arrays = arrays_of(SequenceClassifier(2, 3, 6, num_layers=2, bidirectional=True, chrono_steps=50))
    biases = [array for name, array in arrays.items() if name.endswith("i2h_bias")]
    assert len(biases) == 4 and len({bias.tobytes() for bias in biases}) == 4
    for bias in biases:
        np.testing.assert_array_equal(bias[:6], -bias[6:12])
        assert 0 < bias[6:12].max() <= np.log(49) and not bias[12:].any()


def assert_uniform(weights, bound):
    """Asserts that weights are spread evenly from ``-bound`` to ``bound``."""
    assert np.abs(weights).max() <= bound
    assert scipy.stats.kstest(weights.reshape(-1), scipy.stats.uniform(-bound, 2 * bound).cdf).pvalue > 1e-4


@pytest.mark.parametrize("kind", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("initializer", ["xavier", "lecun"])
def test_input_weights_start_as_their_paper_defines_them(kind, initializer):
    """Variance 2 / (C + rows), or 1 / C, in every layer and direction; the rows are those of all gates."""
    mx.random.seed(0)
    net = SequenceClassifier(2, 1, 50, encoder=kind, num_layers=2, bidirectional=True, input_initializer=initializer)
    weights = {name: array for name, array in arrays_of(net).items() if name.endswith("i2h_weight")}
    assert len(weights) == 4
    for name, array in weights.items():
        rows, inputs = array.shape
        assert inputs == (100 if "layers.1" in name else 1)
        assert_uniform(array, np.sqrt(6 / (rows + inputs) if initializer == "xavier" else 3 / inputs))


@pytest.mark.parametrize("recurrence", [GRU(6), RNN(6)], ids=["gru", "rnn"])
def test_other_biases_start_at_zero(recurrence):
    arrays = arrays_of(RecurrentLayer(recurrence, 3))
    assert not arrays["forward_i2h_bias"].any()
    assert not arrays["forward_h2h_bias"].any()


def test_peepholes_start_closed_and_normalizations_neutral():
    arrays = arrays_of(LSTMCell(8, 3, **CELL_OPTIONS["all"]))
    starts = {"forget_peephole": 0, "output_peephole": 0, "cell_shift": 0, "h2h_bias": 0, "i2h_scale": 1,
              "h2h_scale": 1, "cell_scale": 1}  # fmt: skip
    for name, value in starts.items():
        np.testing.assert_array_equal(arrays[name], np.full_like(arrays[name], value), err_msg=name)


@pytest.mark.parametrize("size", [1, 2, 16])
@pytest.mark.parametrize("make, gates", [
    (LSTM, 4), (GRU, 3), (RNN, 1), (lambda size: LSTM(size, coupled=True), 3),
], ids=["lstm", "gru", "rnn", "coupled"])  # fmt: skip
def test_every_gate_of_a_recurrent_weight_starts_orthogonal(size, make, gates):
    recurrence = make(size)
    arrays = arrays_of(RecurrentLayer(recurrence, 3, bidirectional=True))
    weights = [arrays[f"{direction}_{recurrence.prefix}h2h_weight"] for direction in ("forward", "backward")]
    blocks = [block for weight in weights for block in np.split(weight, gates)]
    for block in blocks:
        np.testing.assert_allclose(block @ block.T, np.eye(size), atol=1e-6)
    if size > 1:
        assert len({block.tobytes() for block in blocks}) == 2 * gates, "each is drawn anew"


def test_orthogonal_matrices_are_uniform():
    """Without the correction of the signs the diagonal of an orthogonal matrix would lean to one side."""
    weight = mx.nd.zeros((4000, 2))
    GateOrthogonal()(mx.init.InitDesc("h2h_weight"), weight)
    blocks = weight.asnumpy().reshape(-1, 2, 2)
    # Uniform over the circle: mean 0, variance 1 / 2, and as many reflections as rotations.
    np.testing.assert_allclose(blocks.mean(axis=0), np.zeros((2, 2)), atol=5 * np.sqrt(0.5 / 2000))
    assert np.linalg.det(blocks).mean() == pytest.approx(0, abs=5 / np.sqrt(2000))


def assert_xavier(weight, name=""):
    """Asserts that a weight is uniform between Glorot and Bengio's bounds, up to which it comes close."""
    bound = np.sqrt(6 / sum(weight.shape))
    assert 0.9 * bound < np.abs(weight).max() <= bound, name
    assert weight.std() == pytest.approx(bound / np.sqrt(3), rel=0.2), name


def test_xavier_is_the_other_choice():
    weight = arrays_of(RecurrentLayer(LSTM(16, "xavier"), 3))["forward_h2h_weight"]
    assert_xavier(weight)
    assert not np.allclose(weight[:16] @ weight[:16].T, np.eye(16), atol=0.1)


def test_recurrent_weights_of_a_projection_which_are_not_square_are_xavier():
    arrays = arrays_of(RecurrentLayer(LSTM(16, projection_size=12), 3))
    for name in ("forward_h2h_weight", "forward_h2r_weight"):
        assert_xavier(arrays[name], name)


def test_weights_of_inputs_attention_and_head_are_xavier():
    arrays = arrays_of(SequenceClassifier(4, 30, hidden_size=20, head_size=50, pooling="attention"))
    names = ("encoder.layers.0.forward_i2h_weight", "pooling.attention_weight", "head.0.weight", "head.1.weight")
    for name in names:
        assert_xavier(arrays[name], name)
    for name in ("head.0.bias", "head.1.bias", "pooling.attention_bias"):
        assert not arrays[name].any(), name


def test_seed_decides_the_start():
    drawn = []
    for seed in (1, 1, 2):
        np.random.seed(seed)
        mx.random.seed(seed)
        net = SequenceClassifier(4, 3, 5, 2, True, head_size=6, pooling="attention", projection_size=3)
        drawn.append(arrays_of(net))
    first, same, other = drawn
    for name in first:
        np.testing.assert_array_equal(first[name], same[name])
        assert name.endswith("bias") or (first[name] != other[name]).any()


def test_weight_that_is_no_stack_of_squares_is_refused():
    with pytest.raises(ValueError, match="h2h_weight: 10 rows are no whole number of 4 × 4 blocks"):
        GateOrthogonal()(mx.init.InitDesc("h2h_weight"), mx.nd.zeros((10, 4)))
