import subprocess
import sys
import textwrap
from pathlib import Path

import mxnet as mx
import numpy as np
import pytest

from gluon_lstm.config import TrainingConfig
from gluon_lstm.data import Batch
from gluon_lstm.nn import SequenceClassifier, build_net, get_arrays, set_arrays
from gluon_lstm.training import Stepper

ROOT = Path(__file__).parents[2]
PLAIN = {"optimizer": "sgd", "momentum": 0.0, "clip_norm": 0.0}


@pytest.fixture
def make_stepper(splits, make_config):
    """A function that makes a net and its stepper; every net starts from the same weights."""
    start = {}

    def make(device_ids=(0,), **training):
        config, devices = make_config(**training), [mx.cpu(number) for number in device_ids]
        net = build_net(config.model, splits.train.step_shape, 4, devices)
        start.update(start or get_arrays(net))
        set_arrays(net, start, "start")
        return net, Stepper(net, config.training, devices)

    return make


def moved(net, stepper, batch, rate=1.0):
    """Returns how far one step moves all parameters, as one vector, and the step's result."""
    before = np.concatenate([array.ravel() for array in get_arrays(net).values()])
    result = stepper.step(batch, rate)
    after = np.concatenate([array.ravel() for array in get_arrays(net).values()])
    return after - before, result


def take(batch, index):
    return batch._replace(
        inputs=np.ascontiguousarray(batch.inputs[:, index]), labels=batch.labels[index], indices=batch.indices[index]
    )


def test_a_step_goes_along_the_mean_gradient_of_its_samples(make_stepper, batch):
    whole, _ = moved(*make_stepper(**PLAIN), batch)
    alone = [moved(*make_stepper(**PLAIN), take(batch, [index]))[0] for index in range(len(batch.labels))]
    assert np.linalg.norm(whole) > 0.1
    np.testing.assert_allclose(whole, np.mean(alone, axis=0), atol=1e-6)


def test_the_rate_is_that_of_the_step(make_stepper, batch):
    whole, _ = moved(*make_stepper(**PLAIN), batch, rate=1.0)
    half, _ = moved(*make_stepper(**PLAIN), batch, rate=0.5)
    np.testing.assert_allclose(half, whole / 2, atol=1e-6)


def test_a_result_holds_each_samples_loss_and_logits(make_stepper, batch):
    net, stepper = make_stepper(**PLAIN)
    logits = net(mx.nd.array(batch.inputs)).asnumpy().astype(np.float64)
    losses = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(7), batch.labels]
    _, result = moved(net, stepper, batch)
    np.testing.assert_allclose(result.logits[0].asnumpy(), logits, atol=1e-5)
    np.testing.assert_allclose(result.losses[0].asnumpy(), losses, atol=1e-5)
    np.testing.assert_array_equal(result.labels, batch.labels)
    assert result.gradient_norm is None


def test_every_eighth_step_tells_the_weights(make_stepper, batch):
    net, stepper = make_stepper(**PLAIN)
    *others, watched = (moved(net, stepper, batch)[1].weight_squares for _ in range(8))
    squares = [np.square(p.data().asnumpy()).sum() for p in net.collect_params().values()]
    np.testing.assert_allclose(watched.asnumpy(), squares, rtol=1e-5)
    assert others == [None] * 7


@pytest.mark.parametrize("limit", [0.01, 100.0])
def test_the_mean_gradient_is_clipped_to_its_greatest_norm(make_stepper, batch, limit):
    plain, _ = moved(*make_stepper(**PLAIN), batch)
    norm = np.linalg.norm(plain)
    clipped, result = moved(*make_stepper(**{**PLAIN, "clip_norm": limit}), batch)
    np.testing.assert_allclose(clipped, plain * min(1, limit / norm), atol=1e-6)
    assert result.gradient_norm.asscalar() == pytest.approx(norm, rel=1e-4)


def test_clipped_gradients_are_what_adam_is_given(make_stepper, batch):
    limit, rate, mean, square = 0.05, 0.01, 0.0, 0.0
    net, stepper = make_stepper(optimizer="adam", clip_norm=limit)
    batches = [batch._replace(inputs=factor * batch.inputs) for factor in (1.0, 0.02)]  # of gradients far apart in norm
    for step, part in enumerate(batches, 1):
        plain, plain_stepper = make_stepper(**PLAIN)
        set_arrays(plain, get_arrays(net), "the same")
        gradient = -moved(plain, plain_stepper, part)[0].astype(np.float64)
        assert np.linalg.norm(gradient) > limit
        gradient *= limit / np.linalg.norm(gradient)
        mean, square = 0.9 * mean + 0.1 * gradient, 0.999 * square + 0.001 * gradient**2
        # In the order of Kingma and Ba's section 2, as MXNet's: epsilon is added before the bias of v is taken out.
        corrected = rate * np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
        expected = -corrected * mean / (np.sqrt(square) + 1e-8)
        found, _ = moved(net, stepper, part, rate)
        assert np.linalg.norm(found - expected) < 0.01 * np.linalg.norm(expected)


# Adam divides by the size of each gradient, and so makes the rounding of the smallest ones large.
@pytest.mark.parametrize(
    "options, tolerance",
    [
        pytest.param(PLAIN, 1e-5, id="sgd"),
        pytest.param({"optimizer": "sgd", "clip_norm": 0.05}, 1e-5, id="clipped"),
        pytest.param({"optimizer": "adam"}, 1e-2, id="adam"),
        pytest.param({"optimizer": "adam", "weight_decay": 0.01, "clip_norm": 0.05}, 1e-2, id="adam, penalty, clipped"),
    ],
)
# Not cpu(0) and cpu(1): MXNet's default device must play no part.
@pytest.mark.parametrize("size", [7, 2, 1])
def test_devices_share_a_batch_and_end_where_one_would(make_stepper, batch, size, options, tolerance):
    batch = take(batch, slice(size))
    net, stepper = make_stepper(**options)
    shared_net, shared_stepper = make_stepper(device_ids=(1, 2), **options)
    for _ in range(3):
        expected, alone = moved(net, stepper, batch, 0.1)
        found, shared = moved(shared_net, shared_stepper, batch, 0.1)
        # A step is the difference of weights of about 1 in 32 bits, which alone rounds each by 1e-7.
        rounding = 1e-7 * np.sqrt(len(expected))
        assert np.linalg.norm(found - expected) < tolerance * np.linalg.norm(expected) + rounding
        losses = np.concatenate([part.asnumpy() for part in shared.losses])
        np.testing.assert_allclose(losses, alone.losses[0].asnumpy(), atol=1e-5)
    for parameter in shared_net.collect_params().values():
        first, second = (array.asnumpy() for array in parameter.list_data())
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("layers", [1, 2])
def test_devices_share_a_batch_with_lengths(rng, layers):
    nets = []
    for device_ids in ([0], [1, 2]):
        devices = [mx.cpu(number) for number in device_ids]
        net = SequenceClassifier(3, 34, 24, layers, bidirectional=True, pooling="mean+max")
        net.initialize(ctx=devices)
        net.hybridize(static_alloc=True, static_shape=True)
        if nets:
            set_arrays(net, get_arrays(nets[0][0]), "the other")
        nets.append((net, Stepper(net, TrainingConfig(**PLAIN), devices)))
    lengths, labels = np.array([6, 1, 5, 2, 6, 3, 4], np.int32), rng.integers(0, 3, 7).astype(np.int32)
    inputs = rng.normal(size=(6, 7, 34)).astype(np.float32)
    for size in (7, 2, 1):
        batch = Batch(np.ascontiguousarray(inputs[:, :size]), lengths[:size], labels[:size], np.arange(size))
        (expected, alone), (found, shared) = (moved(*pair, batch, 0.1) for pair in nets)
        assert np.linalg.norm(found - expected) < 1e-5 * np.linalg.norm(expected) + 1e-7 * np.sqrt(len(expected))
        losses = np.concatenate([part.asnumpy() for part in shared.losses])
        np.testing.assert_allclose(losses, alone.losses[0].asnumpy(), atol=1e-5)


def test_results_keep_their_values_while_later_steps_run(make_stepper, splits):
    net, stepper = make_stepper(learning_rate=0.1)
    batches = [splits.train.batch(np.arange(start, start + 10)) for start in range(0, 50, 10)]
    results = [stepper.step(batch, 0.1) for batch in batches]
    net, stepper = make_stepper(learning_rate=0.1)
    for batch, late in zip(batches, results):
        expected = stepper.step(batch, 0.1)
        np.testing.assert_array_equal(late.losses[0].asnumpy(), expected.losses[0].asnumpy())
        np.testing.assert_array_equal(late.logits[0].asnumpy(), expected.logits[0].asnumpy())
        np.testing.assert_array_equal(late.gradient_norm.asnumpy(), expected.gradient_norm.asnumpy())


def test_a_step_leaves_the_batch_as_it_was(make_stepper, batch):
    copies = [array.copy() for array in (batch.inputs, batch.labels)]
    make_stepper(**PLAIN)[1].step(batch, 1.0).losses[0].wait_to_read()
    for array, copy in zip((batch.inputs, batch.labels), copies):
        np.testing.assert_array_equal(array, copy)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc and trims glibc's heap")
@pytest.mark.parametrize(
    "features, units, layers",
    [
        pytest.param(16, 8, 1, id="stacks"),
        pytest.param(48, 8, 1, id="blocks"),
        pytest.param(16, 24, 2, id="blocks between layers"),
    ],
)
def test_a_step_loses_no_memory(features, units, layers):
    script = """
        import os, sys
        import gluon_lstm
        import mxnet as mx
        import numpy as np
        from gluon_lstm import SequenceClassifier
        from gluon_lstm.config import TrainingConfig
        from gluon_lstm.data import Batch
        from gluon_lstm.runtime import trim_memory
        from gluon_lstm.training import Stepper

        features, units, layers = map(int, sys.argv[1:])
        net = SequenceClassifier(3, features, units, layers, bidirectional=True, pooling="mean+max")
        net.initialize()
        net.hybridize(static_alloc=True, static_shape=True)
        stepper = Stepper(net, TrainingConfig(), [mx.cpu()])
        lengths, labels = np.array([5, 1, 6, 2], np.int32), np.array([0, 1, 2, 0], np.int32)
        batch = Batch(np.zeros((6, 4, features), np.float32), lengths, labels, np.arange(4))

        def size_after(steps):
            for _ in range(steps):
                stepper.step(batch, 1e-3).losses[0].wait_to_read()  # steps that queue up have memory of their own
            mx.nd.waitall()
            trim_memory()
            with open("/proc/self/statm") as file:
                return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

        before = size_after(500)  # by when the pools of memory are full
        print((size_after(1000) - before) / 1000)
    """
    command = [sys.executable, "-c", textwrap.dedent(script), *map(str, (features, units, layers))]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60, check=True)
    assert float(done.stdout) < 500, "bytes a step; each gradient of a concat of oneDNN's would lose 2 KB"
