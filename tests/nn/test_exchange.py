"""Weights from and to PyTorch and Keras: the same outputs there and here, and nothing lost on the way."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import mxnet as mx
import numpy as np
import pytest
from numerics import prepare, run
from oracle import children, prefixed, under
from scipy.special import expit as sigmoid

from gluon_lstm.errors import RunError
from gluon_lstm.nn import GRUEncoder, LSTMEncoder, RNNEncoder, SequenceClassifier, get_arrays, set_arrays
from gluon_lstm.nn.exchange import from_keras, from_torch, load_safetensors, save_safetensors, to_keras, to_torch

STEPS, BATCH, FEATURES, UNITS = 6, 3, 4, 5
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
ENCODERS = {"LSTM": LSTMEncoder, "GRU": GRUEncoder, "RNN": RNNEncoder}
KERAS_NAMES = {"LSTM": "LSTM", "GRU": "GRU", "RNN": "SimpleRNN"}

PEERS_PYTHON = Path(__file__).resolve().parents[2] / ".venv-peers" / "bin" / "python"

each_cell = pytest.mark.parametrize("cell", GATES)
each_of_torch = pytest.mark.parametrize("cell, here, there", [
    pytest.param("LSTM", {}, {}, id="LSTM"),
    pytest.param("LSTM", {"projection_size": 2}, {"proj_size": 2}, id="projected LSTM"),
    pytest.param("GRU", {}, {}, id="GRU"),
    pytest.param("RNN", {}, {}, id="RNN"),
    pytest.param("RNN", {"activation": "relu"}, {"nonlinearity": "relu"}, id="relu RNN"),
])  # fmt: skip
projections_aside = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN:UserWarning")
each_stack = pytest.mark.parametrize("layers", [1, 2, 3])
each_direction = pytest.mark.parametrize("bidirectional", [False, True], ids=["uni", "bi"])


def random_weights(rng, cell, layers=1, bidirectional=False, projected=0):
    """Returns an encoder's arrays by our names, float32."""
    rows, state = GATES[cell] * UNITS, projected or UNITS
    arrays = {}
    for layer in range(layers):
        shapes = {
            "i2h_weight": (rows, state * (1 + bidirectional) if layer else FEATURES),
            "h2h_weight": (rows, state),
            "i2h_bias": (rows,),
            "h2h_bias": (rows,),
        }
        if projected:
            shapes["h2r_weight"] = (projected, UNITS)
        for direction in ("forward", "backward")[: 1 + bidirectional]:
            named = {f"layers.{layer}.{direction}_{name}": shape for name, shape in shapes.items()}
            arrays.update({name: rng.normal(0, 0.4, shape).astype(np.float32) for name, shape in named.items()})
    return arrays


def random_inputs(rng):
    """Returns (T, N, C) float32."""
    return rng.normal(size=(STEPS, BATCH, FEATURES)).astype(np.float32)


# Our convention, from its equations.


def our_step(cell, x, h, c, p):
    """One step from x (N, C), h (N, H or P) and c (N, H) to the next h and c."""
    a, b = x @ p["i2h_weight"].T + p["i2h_bias"], h @ p["h2h_weight"].T + p["h2h_bias"]
    if cell == "RNN":
        return np.tanh(a + b), c
    if cell == "GRU":
        (a_r, a_z, a_n), (b_r, b_z, b_n) = np.split(a, 3, axis=1), np.split(b, 3, axis=1)
        r, z = sigmoid(a_r + b_r), sigmoid(a_z + b_z)
        return (1 - z) * np.tanh(a_n + r * b_n) + z * h, c
    a_i, a_f, a_g, a_o = np.split(a + b, 4, axis=1)
    c = sigmoid(a_f) * c + sigmoid(a_i) * np.tanh(a_g)
    h = sigmoid(a_o) * np.tanh(c)
    return h @ p["h2r_weight"].T if "h2r_weight" in p else h, c


def our_outputs(cell, inputs, arrays):
    """Runs an encoder in float64: inputs (T, N, C) → outputs (T, N, D)."""
    outputs = inputs.astype(np.float64)
    for prefix in children(arrays, "layers."):
        parts = [(under(arrays, f"{prefix}{name}_"), stride) for name, stride in (("forward", 1), ("backward", -1))]
        outputs = np.concatenate([our_direction(cell, outputs[::s], p)[::s] for p, s in parts if p], axis=2)
    return outputs


def our_direction(cell, inputs, p):
    """Runs one direction: inputs (T, N, C) → outputs (T, N, H or P)."""
    h = np.zeros((inputs.shape[1], p["h2h_weight"].shape[1]))
    c, outputs = np.zeros((inputs.shape[1], p["h2h_weight"].shape[0] // GATES[cell])), []
    for x in inputs:
        h, c = our_step(cell, x, h, c, p)
        outputs.append(h)
    return np.stack(outputs)


# PyTorch.


def torch_module(cell, layers, bidirectional, **options):
    """Returns a module of PyTorch with the parameters it was born with."""
    torch = pytest.importorskip("torch")
    torch.manual_seed(int(np.random.randint(2**31)))
    return getattr(torch.nn, cell)(FEATURES, UNITS, layers, bidirectional=bidirectional, **options)


def torch_outputs(module, inputs):
    """Runs a module of PyTorch: inputs (T, N, C) → outputs (T, N, D)."""
    import torch

    with torch.inference_mode():
        return module(torch.from_numpy(inputs))[0].numpy()


def make_encoder(cell, layers, bidirectional, hybridized=False, **options):
    """Returns an encoder with random parameters."""
    encoder = ENCODERS[cell](UNITS, FEATURES, num_layers=layers, bidirectional=bidirectional, **options)
    return prepare(encoder, hybridized)


@projections_aside
@each_of_torch
@each_stack
@each_direction
def test_encoder_with_torch_weights_computes_what_torch_does(rng, hybridized, cell, here, there, layers, bidirectional):
    module, inputs = torch_module(cell, layers, bidirectional, **there), random_inputs(rng)
    encoder = make_encoder(cell, layers, bidirectional, hybridized, **here)
    set_arrays(encoder, from_torch(module.state_dict()), "torch")
    outputs, last = run(encoder, inputs)
    np.testing.assert_allclose(outputs, torch_outputs(module, inputs), atol=1e-5)
    size = outputs.shape[2] // (1 + bidirectional)
    np.testing.assert_array_equal(last, np.concatenate([outputs[-1, :, :size], outputs[0, :, size:]], axis=1))


@projections_aside
@each_of_torch
@each_stack
@each_direction
def test_torch_with_the_weights_of_an_encoder_computes_what_it_does(rng, cell, here, there, layers, bidirectional):
    torch = pytest.importorskip("torch")
    encoder, inputs = make_encoder(cell, layers, bidirectional, **here), random_inputs(rng)
    module = torch_module(cell, layers, bidirectional, **there)
    state = to_torch(get_arrays(encoder))
    assert list(state) == list(module.state_dict())
    module.load_state_dict({name: torch.from_numpy(array) for name, array in state.items()})
    np.testing.assert_allclose(torch_outputs(module, inputs), run(encoder, inputs)[0], atol=1e-5)


@each_cell
@each_stack
@each_direction
def test_every_cell_of_torch_follows_our_equations(rng, cell, layers, bidirectional):
    module, inputs = torch_module(cell, layers, bidirectional), random_inputs(rng)
    expected = our_outputs(cell, inputs, from_torch(module.state_dict()))
    np.testing.assert_allclose(torch_outputs(module, inputs), expected, atol=1e-5)


@projections_aside
@each_stack
@each_direction
def test_a_projected_lstm_of_torch_follows_our_equations(rng, layers, bidirectional):
    module, inputs = torch_module("LSTM", layers, bidirectional, proj_size=2), random_inputs(rng)
    arrays = from_torch(module.state_dict())
    assert arrays["layers.0.forward_h2r_weight"].shape == (2, UNITS)
    np.testing.assert_allclose(torch_outputs(module, inputs), our_outputs("LSTM", inputs, arrays), atol=1e-5)
    assert list(to_torch(arrays)) == list(module.state_dict())


@each_cell
def test_a_torch_module_without_biases_gets_zeros(rng, cell):
    module, inputs = torch_module(cell, 2, True, bias=False), random_inputs(rng)
    arrays = from_torch(module.state_dict())
    assert not any(array.any() for name, array in arrays.items() if name.endswith("bias"))
    np.testing.assert_allclose(torch_outputs(module, inputs), our_outputs(cell, inputs, arrays), atol=1e-5)


def test_the_recurrent_part_of_a_whole_torch_model_is_found_by_its_prefix(rng):
    module = torch_module("LSTM", 1, True)
    state = {**prefixed("encoder.", module.state_dict()), "head.weight": np.ones((2, 10)), "steps": np.int64(3)}
    arrays = from_torch(state, prefix="encoder.")
    assert_same(arrays, from_torch(module.state_dict()))
    net = SequenceClassifier(3, FEATURES, UNITS, bidirectional=True)
    net.initialize()
    set_arrays(net.encoder, arrays, "torch")
    assert_same(to_torch(get_arrays(net), prefix="encoder."), to_torch(arrays))


@each_cell
@each_stack
@each_direction
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_torch_round_trip_is_exact(rng, cell, layers, bidirectional, dtype):
    arrays = {name: a.astype(dtype) for name, a in random_weights(rng, cell, layers, bidirectional).items()}
    assert_same(from_torch(to_torch(arrays)), arrays)


def test_projected_torch_round_trip_is_exact(rng):
    arrays = random_weights(rng, "LSTM", 2, True, projected=2)
    assert_same(from_torch(to_torch(arrays)), arrays)


def test_results_share_no_memory_with_what_was_given(rng):
    arrays = random_weights(rng, "LSTM")
    before = {name: array.copy() for name, array in arrays.items()}
    for result in (to_torch(arrays).values(), *to_keras(arrays), from_torch(to_torch(arrays)).values()):
        for array in result:
            array[:] = 7
    assert_same(arrays, before)


def assert_same(actual, expected):
    """Asserts that the same names hold the same arrays of the same types, in the same order."""
    assert list(actual) == list(expected)
    for name, array in expected.items():
        assert actual[name].dtype == array.dtype
        np.testing.assert_array_equal(actual[name], array)


# Keras, from its documentation.


def keras_step(cell, x, h, c, kernel, recurrent, bias):
    """One step of Keras's LSTM, GRU (``reset_after=True``) or SimpleRNN: the next h and c."""
    if cell == "RNN":
        return np.tanh(x @ kernel + h @ recurrent + bias), c
    if cell == "GRU":
        x_z, x_r, x_h = np.split(x @ kernel + bias[0], 3, axis=1)
        h_z, h_r, h_h = np.split(h @ recurrent + bias[1], 3, axis=1)
        z, r = sigmoid(x_z + h_z), sigmoid(x_r + h_r)
        return z * h + (1 - z) * np.tanh(x_h + r * h_h), c
    i, f, candidate, o = np.split(x @ kernel + h @ recurrent + bias, 4, axis=1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(candidate)
    return sigmoid(o) * np.tanh(c), c


def keras_outputs(cell, inputs, layers):
    """Runs Keras layers in float64 by their arrays: inputs (T, N, C) → outputs (T, N, D)."""
    outputs = inputs.astype(np.float64)
    for layer in layers:
        parts = [(layer[:3], 1), (layer[3:], -1)]
        outputs = np.concatenate([keras_direction(cell, outputs[::s], w)[::s] for w, s in parts if w], axis=2)
    return outputs


def keras_direction(cell, inputs, weights):
    """Runs one direction: inputs (T, N, C) → outputs (T, N, H)."""
    h = c = np.zeros((inputs.shape[1], UNITS))
    outputs = []
    for x in inputs:
        h, c = keras_step(cell, x, h, c, *weights)
        outputs.append(h)
    return np.stack(outputs)


def random_keras(rng, cell, layers=1, bidirectional=False):
    """Returns what ``get_weights()`` of each Keras layer gives, float32."""
    columns, directions = GATES[cell] * UNITS, 1 + bidirectional
    bias = (2, columns) if cell == "GRU" else (columns,)
    sizes = [FEATURES] + [UNITS * directions] * (layers - 1)
    shapes = [[(size, columns), (UNITS, columns), bias] * directions for size in sizes]
    return [[rng.normal(0, 0.4, shape).astype(np.float32) for shape in layer] for layer in shapes]


@each_cell
@each_stack
@each_direction
def test_keras_weights_compute_the_same_here(rng, cell, layers, bidirectional):
    weights, inputs = random_keras(rng, cell, layers, bidirectional), random_inputs(rng)
    arrays = from_keras(weights)
    expected = keras_outputs(cell, inputs, weights)
    np.testing.assert_allclose(our_outputs(cell, inputs, arrays), expected, atol=1e-12)
    encoder = make_encoder(cell, layers, bidirectional)
    set_arrays(encoder, arrays, "keras")
    np.testing.assert_allclose(run(encoder, inputs)[0], expected, atol=1e-5)


@each_cell
@each_stack
@each_direction
def test_our_weights_compute_the_same_in_keras(rng, cell, layers, bidirectional):
    arrays, inputs = random_weights(rng, cell, layers, bidirectional), random_inputs(rng)
    expected = our_outputs(cell, inputs, arrays)
    np.testing.assert_allclose(keras_outputs(cell, inputs, to_keras(arrays)), expected, atol=1e-5)


@each_cell
@each_stack
@each_direction
def test_keras_round_trip_is_exact(rng, cell, layers, bidirectional):
    weights = random_keras(rng, cell, layers, bidirectional)
    returned = to_keras(from_keras(weights))
    assert [len(layer) for layer in returned] == [len(layer) for layer in weights]
    for actual, expected in zip(sum(returned, []), sum(weights, [])):
        assert actual.dtype == expected.dtype and actual.flags.c_contiguous
        np.testing.assert_array_equal(actual, expected)


def test_our_two_biases_are_one_in_keras(rng):
    arrays = random_weights(rng, "LSTM")
    [[_, _, bias]] = to_keras(arrays)
    np.testing.assert_array_equal(bias, arrays["layers.0.forward_i2h_bias"] + arrays["layers.0.forward_h2h_bias"])
    again = from_keras(to_keras(arrays))
    np.testing.assert_array_equal(again["layers.0.forward_i2h_bias"], bias)
    assert not again["layers.0.forward_h2h_bias"].any()


@each_cell
@each_direction
def test_keras_layers_without_biases_get_zeros(rng, cell, bidirectional):
    weights = random_keras(rng, cell, 2, bidirectional)
    for array in [layer[position] for layer in weights for position in range(2, len(layer), 3)]:
        array[:] = 0
    without = [[array for array in layer if array.any()] for layer in weights]
    assert_same(from_keras(without), from_keras(weights))


def keras_python():
    """Returns a Python that has Keras: this one, or that of ``make peers``."""
    if importlib.util.find_spec("keras"):
        return sys.executable
    if not PEERS_PYTHON.exists():
        pytest.skip("keras is not installed; make peers does it")
    return str(PEERS_PYTHON)


KERAS_SCRIPT = """
import json, sys
import keras
import numpy as np

for line in sys.stdin:
    path, units, kind, layers, bidirectional, options = json.loads(line)
    data = dict(np.load(path))
    stack = [getattr(keras.layers, kind)(units, return_sequences=True, **options) for _ in range(layers)]
    stack = [keras.layers.Bidirectional(layer) for layer in stack] if bidirectional else stack
    model = keras.Sequential([keras.Input(data["inputs"].shape[1:]), *stack])
    for n, layer in enumerate(stack):
        if f"{n}.0" in data:
            layer.set_weights([data[f"{n}.{i}"] for i in range(len(layer.get_weights()))])
        else:
            draw = np.random.default_rng(n).normal
            layer.set_weights([w + 0.1 * draw(size=w.shape) for w in layer.get_weights()])
    weights = {f"{n}.{i}": w for n, layer in enumerate(stack) for i, w in enumerate(layer.get_weights())}
    np.savez(path, outputs=model.predict(data["inputs"], verbose=0), **weights)
    print("done", flush=True)
"""


@pytest.fixture(scope="module")
def keras_process():
    """Real Keras in a process of its own, whose libraries may not go with MXNet's; it takes seconds to start."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [keras_python(), "-c", KERAS_SCRIPT]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, text=True, env=environment, **pipes) as process:
        yield process
        process.stdin.close()


@pytest.fixture
def run_keras(keras_process, tmp_path):
    """A function that makes layers in real Keras, with weights if there are any; returns outputs and weights."""

    def run(inputs, kind, layers, bidirectional, weights=(), **options):
        path = tmp_path / "arrays.npz"
        given = {f"{n}.{i}": array for n, layer in enumerate(weights) for i, array in enumerate(layer)}
        np.savez(path, inputs=inputs.swapaxes(0, 1), **given)
        request = [str(path), UNITS, kind, layers, bidirectional, options]
        keras_process.stdin.write(json.dumps(request) + "\n")
        keras_process.stdin.flush()
        assert keras_process.stdout.readline() == "done\n"
        data = dict(np.load(path))
        counts = [sum(name.startswith(f"{n}.") for name in data) for n in range(layers)]
        return data["outputs"].swapaxes(0, 1), [[data[f"{n}.{i}"] for i in range(c)] for n, c in enumerate(counts)]

    return run


@each_cell
@each_direction
def test_real_keras_computes_the_same_both_ways(rng, run_keras, cell, bidirectional):
    inputs, arrays = random_inputs(rng), random_weights(rng, cell, 2, bidirectional)
    kind = KERAS_NAMES[cell]
    outputs, weights = run_keras(inputs, kind, 2, bidirectional)
    np.testing.assert_allclose(our_outputs(cell, inputs, from_keras(weights)), outputs, atol=1e-5)
    outputs, _ = run_keras(inputs, kind, 2, bidirectional, to_keras(arrays))
    np.testing.assert_allclose(our_outputs(cell, inputs, arrays), outputs, atol=1e-5)


def test_a_real_keras_gru_with_reset_before_is_refused(rng, run_keras):
    _, weights = run_keras(random_inputs(rng), "GRU", 1, False, reset_after=False)
    with pytest.raises(ValueError, match="reset_after=False"):
        from_keras(weights)


@pytest.mark.parametrize("export", [to_torch, to_keras])
def test_coupled_gates_are_not_taken_for_a_gru(export):
    encoder = LSTMEncoder(UNITS, 3, coupled=True)
    encoder.initialize()
    with pytest.raises(ValueError, match="coupled"):
        export(get_arrays(encoder))
    gru = GRUEncoder(UNITS, 3)
    gru.initialize()
    with pytest.raises(RunError, match="another model"):
        set_arrays(encoder, get_arrays(gru), "gru")


@pytest.mark.parametrize("export", [to_torch, to_keras])
@pytest.mark.parametrize("options", [
    {"peephole": True}, {"cell_layer_norm": True}, {"layer_norm": True}, {"coupled": True},
], ids=str)  # fmt: skip
def test_options_that_only_our_encoders_have_are_told(export, options):
    encoder = LSTMEncoder(UNITS, 3, **options)
    encoder.initialize()
    arrays = prefixed("encoder.", get_arrays(encoder))
    with pytest.raises(ValueError, match="' is of an option that PyTorch and Keras do not have; use an encoder "):
        export(arrays, "encoder.")


def test_arrays_of_mxnet_are_taken(rng, tmp_path):
    weights = random_weights(rng, "LSTM", 2, True)
    arrays = {name: mx.nd.array(array, dtype=array.dtype) for name, array in weights.items()}
    assert_same(from_torch(to_torch(arrays)), weights)
    save_safetensors(tmp_path / "model.safetensors", arrays)
    loaded = load_safetensors(tmp_path / "model.safetensors")
    assert_same({name: loaded[name] for name in weights}, weights)


# Files.


def test_a_torch_state_dict_goes_through_a_file_in_both_directions(rng, tmp_path):
    safetensors_torch = pytest.importorskip("safetensors.torch", exc_type=ImportError)
    module, path = torch_module("LSTM", 2, True), tmp_path / "model.safetensors"
    safetensors_torch.save_file(module.state_dict(), path)
    arrays = from_torch(load_safetensors(path))
    assert_same(arrays, from_torch(module.state_dict()))
    doubled = {name: 2 * array for name, array in arrays.items()}
    save_safetensors(path, to_torch(doubled))
    module.load_state_dict(safetensors_torch.load_file(path))
    assert_same(from_torch(module.state_dict()), doubled)


def test_views_are_written_as_they_read(rng, tmp_path):
    array = rng.normal(size=(3, 4))
    save_safetensors(tmp_path / "new" / "view.safetensors", {"transposed": array.T, "reversed": array[::-1]})
    loaded = load_safetensors(tmp_path / "new" / "view.safetensors")
    np.testing.assert_array_equal(loaded["transposed"], array.T)
    np.testing.assert_array_equal(loaded["reversed"], array[::-1])


def damaged(path):
    """Writes a file that ends early."""
    save_safetensors(path, {"a": np.zeros(8)})
    path.write_bytes(path.read_bytes()[:-8])


def brain_floats(path):
    """Writes a file of a number format that NumPy does not have."""
    header = json.dumps({"a": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))


@pytest.mark.parametrize("write, message", [
    (lambda path: None, "No such file"),
    (lambda path: path.mkdir(), "Is a directory"),
    (lambda path: path.write_text("weights"), "cannot be read as a safetensors file"),
    (damaged, "cannot be read as a safetensors file"),
    (brain_floats, "holds numbers of a type that NumPy lacks .*BF16.*float32"),
])  # fmt: skip
def test_files_that_cannot_be_read_are_refused(tmp_path, write, message):
    path = tmp_path / "model.safetensors"
    write(path)
    with pytest.raises(RunError, match=f"model.safetensors: .*{message}") as caught:
        load_safetensors(path)
    assert "\n" not in str(caught.value)


def test_nothing_is_written_where_an_array_cannot_be_read(tmp_path):
    with pytest.raises(ValueError, match="'b' holds <U1 values"):
        save_safetensors(tmp_path / "model.safetensors", {"a": np.zeros(2), "b": ["x"]})
    assert not list(tmp_path.iterdir())


def test_a_block_in_the_place_of_its_arrays_is_not_written(tmp_path):
    with pytest.raises(ValueError, match="LSTMEncoder given where arrays by name are needed; give get_arrays"):
        save_safetensors(tmp_path / "model.safetensors", LSTMEncoder(UNITS, 3))
    assert not list(tmp_path.iterdir())


# What does not fit.


def changed(name, value):
    """Returns a function that puts another value under a name, or takes it away."""
    return lambda arrays: {n: a for n, a in {**arrays, name: value}.items() if a is not None}


@pytest.mark.parametrize("change, message", [
    (changed("weight_hh_l1", None), "'weight_hh_l1' is missing"),
    (changed("weight_hh_l0", None), "'weight_hh_l0' is missing"),
    (changed("bias_hh_l0_reverse", None), "'bias_hh_l0_reverse' is missing"),
    (changed("weight_ih_l3", np.ones((20, 10))), "'weight_ih_l2' is missing"),
    (changed("weight_hr_l1", np.ones((2, 5))), "'weight_hr_l0' is missing"),
    (changed("head.weight", np.ones((2, 5))), "'head.weight' is no recurrent weight such as 'weight_ih_l0'"),
    (changed("weight_ih_l1", np.ones((20, 4))), r"'weight_ih_l1' has shape \(20, 4\), but \(20, 10\) goes with"),
    (changed("bias_ih_l0", np.ones((20, 1))), r"'bias_ih_l0' has shape \(20, 1\), but \(20,\) goes with"),
    (changed("weight_ih_l0", np.ones(20)), r"'weight_ih_l0' has shape \(20,\); a matrix is needed"),
    (changed("weight_hh_l0", np.ones((20, 0))), r"'weight_hh_l0' has shape \(20, 0\); a matrix is needed"),
    (changed("weight_hh_l0", np.ones((10, 5))), r"\(10, 5\): 10 is not 5 units .* 1 \(RNN\), 3 \(GRU\), 4 \(LSTM\)"),
    (changed("weight_hh_l0", np.ones((21, 5))), "21 is not 5 units times"),
    (changed("bias_ih_l1", np.full(20, np.nan)), "'bias_ih_l1' holds values that are not finite"),
    (changed("bias_ih_l1", np.full(20, -np.inf)), "'bias_ih_l1' holds values that are not finite"),
    (changed("bias_ih_l1", np.ones(20, int)), "'bias_ih_l1' holds int64 values"),
    (changed("bias_ih_l1", [[1.0], [1.0, 2.0]]), "'bias_ih_l1' cannot be read as an array"),
    (lambda arrays: {}, "there are no arrays"),
])  # fmt: skip
def test_state_dicts_that_do_not_fit_are_refused(rng, change, message):
    state = to_torch(random_weights(rng, "LSTM", 2, True))
    refused(message, lambda: from_torch(change(state)))


def test_a_tensor_that_numpy_cannot_read_is_refused(rng):
    torch = pytest.importorskip("torch")
    state = to_torch(random_weights(rng, "LSTM"))
    for tensor in (torch.ones(20, requires_grad=True), torch.ones(20, dtype=torch.bfloat16)):
        state["bias_ih_l0"] = tensor
        refused("'bias_ih_l0' cannot be read as an array .*float32", lambda: from_torch(state))


def test_a_projection_of_another_cell_is_refused(rng):
    state = {**to_torch(random_weights(rng, "GRU")), "weight_hr_l0": np.ones((5, 5))}
    refused("'weight_hr_l0': only an LSTM has a projection", lambda: from_torch(state))


@pytest.mark.parametrize("convert", [to_torch, to_keras])
@pytest.mark.parametrize("change, message", [
    (changed("layers.0.forward_peephole", np.ones(15)), "'layers.0.forward_peephole' is no recurrent weight"),
    (changed("layers.0.backward_h2h_bias", None), "'layers.0.backward_h2h_bias' is missing"),
    (changed("layers.0.forward_i2h_weight", np.ones((20, 4, 1))), r"\(20, 4, 1\); a matrix is needed"),
    (changed("layers.1.forward_h2h_weight", np.ones((16, 4))), r"has shape \(16, 4\), but \(20, 5\) goes with"),
    (changed("layers.1.forward_h2h_bias", np.full(20, np.inf)), "not finite"),
    (lambda arrays: {n: a for n, a in arrays.items() if "bias" not in n}, "'layers.0.forward_i2h_bias' is missing"),
])  # fmt: skip
def test_arrays_of_ours_that_do_not_fit_are_refused(rng, convert, change, message):
    refused(message, lambda: convert(change(random_weights(rng, "LSTM", 2, True))))


def test_a_wrong_prefix_is_refused(rng):
    arrays = prefixed("encoder.", random_weights(rng, "LSTM"))
    less = changed("encoder.layers.0.forward_h2h_bias", None)(arrays)
    refused("no name starts with 'lstm.': the names are encoder.layers.0", lambda: to_torch(arrays, "lstm."))
    refused("'encoder.layers.0.forward_i2h_weight' is no recurrent weight", lambda: to_torch(arrays))
    refused("'encoder.layers.0.forward_h2h_bias' is missing", lambda: to_keras(less, "encoder."))


@pytest.mark.parametrize("names, prefix, advice", [
    (["lstm."], "", "give prefix='lstm.'"),
    (["module.encoder."], "", "give prefix='module.encoder.'"),
    (["forth.", "back."], "", "give prefix='forth.' or 'back.'"),
    (["lstm."], "rnn.", "give prefix='lstm.'"),
    ([""], "lstm.", "give prefix=''"),
    ([], "", "there are no recurrent weights under any prefix"),
    ([], "lstm.", "there are no recurrent weights under any prefix"),
])  # fmt: skip
@pytest.mark.parametrize("convert, back", [(from_torch, to_torch), (to_torch, from_torch)])
def test_the_prefix_to_give_is_told(rng, convert, back, names, prefix, advice):
    weights = random_weights(rng, "LSTM", 2, True)
    weights = to_torch(weights) if convert is from_torch else weights
    arrays = {name: array for start in names for name, array in prefixed(start, weights).items()}
    refused(f"; {advice}$", lambda: convert({"embedding.weight": np.ones((5, 4)), **arrays}, prefix))


class Module:
    """What has the method that a module of PyTorch is known by."""

    def state_dict(self):
        return {}


def test_a_module_in_the_place_of_its_weights_is_refused():
    encoder = LSTMEncoder(UNITS, FEATURES)
    refused(r"^Module given where arrays by name are needed; give its state_dict\(\)$", lambda: from_torch(Module()))
    message = r"^LSTMEncoder given where arrays by name are needed; give get_arrays\(\) of it$"
    refused(message, lambda: to_torch(encoder))
    refused(message, lambda: to_keras(encoder))
    refused("^list given where arrays by name are needed; give a dict$", lambda: from_torch([np.ones(3)]))


def test_a_real_module_of_torch_in_the_place_of_its_weights_is_refused():
    module = torch_module("LSTM", 1, False)
    refused(r"LSTM given where arrays by name are needed; give its state_dict\(\)", lambda: from_torch(module))


def test_keras_has_no_projection(rng):
    refused("hold a projection", lambda: to_keras(random_weights(rng, "LSTM", projected=2)))


def with_array(layer, position, value):
    """Returns a function that puts another array into a layer."""
    return lambda layers: [[value if (n, i) == (layer, position) else a for i, a in enumerate(arrays)]
                           for n, arrays in enumerate(layers)]  # fmt: skip


@pytest.mark.parametrize("change, message", [
    (lambda layers: [], "there are no layers"),
    (lambda layers: layers[0], r"layers\[0\]: ndarray given; give one get_weights\(\) a layer"),
    (lambda layers: [layers[0][:1]], r"layers\[0\] has 1 arrays; a recurrent layer has"),
    (lambda layers: [layers[0], layers[1][:3]], r"'layers\[1\] backward kernel' is missing"),
    (lambda layers: [layers[0][:3], layers[1]], r"'layers\[0\] backward kernel' is missing"),
    (with_array(0, 2, np.ones(15)), r"'layers\[0\] bias' has shape \(15,\), that of a GRU with reset_after=False"),
    (with_array(0, 2, np.ones((3, 15))), r"'layers\[0\] bias' has shape \(3, 15\), but \(2, 15\) goes with"),
    (with_array(0, 0, np.ones(15)), r"'layers\[0\] kernel' has shape \(15,\); a matrix is needed"),
    (with_array(0, 1, np.ones((5, 11))), r"'layers\[0\] recurrent_kernel' has shape \(5, 11\): 11 is not 5 units"),
    (with_array(1, 0, np.ones((4, 15))), r"'layers\[1\] kernel' has shape \(4, 15\), but \(10, 15\) goes with"),
    (with_array(1, 4, np.ones((6, 18))), r"'layers\[1\] backward recurrent_kernel' has shape \(6, 18\), but \(5, 15\)"),
    (with_array(1, 5, np.full((2, 15), np.nan)), r"'layers\[1\] backward bias' holds values that are not finite"),
])  # fmt: skip
def test_keras_layers_that_do_not_fit_are_refused(rng, change, message):
    refused(message, lambda: from_keras(change(random_keras(rng, "GRU", 2, True))))


def refused(message, call):
    """Asserts that a call raises ValueError with one line that matches ``message``."""
    with pytest.raises(ValueError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
