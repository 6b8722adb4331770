"""How parameters start, by value."""

from __future__ import annotations

import mxnet as mx
import numpy as np
import pytest

from gluon_lstm.nn import GateOrthogonal, LSTMCell, LSTMLayer, SequenceClassifier, get_arrays


def arrays_of(block):
    """Returns the parameters of a block as they start."""
    block.initialize()
    return get_arrays(block)


def gates(array):
    """Returns the parts of an array for the gates i, f, g, o."""
    return np.split(array, 4)


@pytest.mark.parametrize("bias", [0.0, 1.0, -2.5])
@pytest.mark.parametrize("implementation", ["fused", "cell"])
def test_forget_gate_of_each_direction_starts_at_its_bias(bias, implementation):
    layer = LSTMLayer(6, 3, bidirectional=True, forget_bias=bias, implementation=implementation)
    arrays = arrays_of(layer)
    for direction in ("forward", "backward"):
        np.testing.assert_array_equal(arrays[f"{direction}_i2h_bias"], np.repeat([0, bias, 0, 0], 6))
        np.testing.assert_array_equal(arrays[f"{direction}_h2h_bias"], np.zeros(24))


def test_forget_gate_starts_at_one_where_nothing_else_is_said():
    biases = {
        "cell": arrays_of(LSTMCell(6, 3))["bias"],
        "layer": arrays_of(LSTMLayer(6, 3))["forward_i2h_bias"],
        "net": arrays_of(SequenceClassifier(2, 3, hidden_size=6))["encoder.layers.0.forward_i2h_bias"],
    }
    for name, bias in biases.items():
        np.testing.assert_array_equal(bias, np.repeat([0, 1, 0, 0], 6), err_msg=name)


@pytest.mark.parametrize("size", [1, 2, 16])
def test_every_gate_of_a_recurrent_weight_starts_orthogonal(size):
    arrays = arrays_of(LSTMLayer(size, 3, bidirectional=True))
    weights = [arrays[f"{direction}_h2h_weight"] for direction in ("forward", "backward")]
    blocks = [block for weight in weights for block in gates(weight)]
    for block in blocks:
        np.testing.assert_allclose(block @ block.T, np.eye(size), atol=1e-6)
    if size > 1:
        assert len({block.tobytes() for block in blocks}) == 8, "each is drawn anew"


def test_cell_starts_orthogonal():
    for block in gates(arrays_of(LSTMCell(5, 3))["h2h_weight"]):
        np.testing.assert_allclose(block @ block.T, np.eye(5), atol=1e-6)


def test_orthogonal_matrices_are_uniform():
    """Without the correction of the signs the diagonal of an orthogonal matrix would lean to one side."""
    weight = mx.nd.zeros((4000, 2))
    GateOrthogonal()(mx.init.InitDesc("h2h_weight"), weight)
    blocks = weight.asnumpy().reshape(-1, 2, 2)
    # Uniform over the circle: mean 0, variance 1 / 2, and as many reflections as rotations.
    np.testing.assert_allclose(blocks.mean(axis=0), np.zeros((2, 2)), atol=5 * np.sqrt(0.5 / 2000))
    assert np.linalg.det(blocks).mean() == pytest.approx(0, abs=5 / np.sqrt(2000))


def test_xavier_is_the_other_choice():
    weight = arrays_of(LSTMLayer(16, 3, recurrent_initializer="xavier"))["forward_h2h_weight"]
    bound = np.sqrt(6 / (64 + 16))
    assert 0.9 * bound < np.abs(weight).max() <= bound
    assert not np.allclose(weight[:16] @ weight[:16].T, np.eye(16), atol=0.1)


def test_weights_of_inputs_and_head_are_xavier():
    arrays = arrays_of(SequenceClassifier(4, 30, hidden_size=20, head_size=50))
    for name in ("encoder.layers.0.forward_i2h_weight", "head.0.weight", "head.1.weight"):
        bound = np.sqrt(6 / sum(arrays[name].shape))
        assert 0.9 * bound < np.abs(arrays[name]).max() <= bound, name
    for name in ("head.0.bias", "head.1.bias"):
        assert not arrays[name].any(), name


def test_seed_decides_the_start():
    drawn = []
    for seed in (1, 1, 2):
        np.random.seed(seed)
        mx.random.seed(seed)
        drawn.append(arrays_of(SequenceClassifier(4, 3, hidden_size=5, num_layers=2, bidirectional=True, head_size=6)))
    first, same, other = drawn
    for name in first:
        np.testing.assert_array_equal(first[name], same[name])
        assert name.endswith("bias") or (first[name] != other[name]).any()


def test_weight_that_is_no_stack_of_squares_is_refused():
    with pytest.raises(ValueError, match="h2h_weight: 10 rows are no whole number of 4 × 4 blocks"):
        GateOrthogonal()(mx.init.InitDesc("h2h_weight"), mx.nd.zeros((10, 4)))
