"""Probabilities of a network, against NumPy."""

from __future__ import annotations

import mxnet as mx
import numpy as np
import pytest
from scipy.special import softmax as scipy_softmax

from gluon_lstm.errors import DataError
from gluon_lstm.evaluation.predict import check_compatible, predict, softmax


class StepSums(mx.gluon.HybridBlock):
    """Logits are the sums over the time steps, divided by the lengths where there are any."""

    def hybrid_forward(self, F, inputs, lengths=None):
        """(T, N, C) → (N, C)."""
        sums = F.sum(inputs, axis=0) / 100
        return sums if lengths is None else F.broadcast_div(sums, F.cast(F.expand_dims(lengths, axis=1), "float32"))


class Dropped(mx.gluon.nn.HybridSequential):
    """Step sums behind a dropout that must not act."""

    def __init__(self) -> None:
        super().__init__()
        self.add(mx.gluon.nn.Dropout(0.9), StepSums())


@pytest.mark.parametrize("hybridize", [False, True])
@pytest.mark.parametrize("batch_size", [1, 4, 5, 10, 64])
def test_probabilities_are_those_of_every_sample_in_order(make_dataset, hybridize, batch_size):
    dataset, net = make_dataset(samples=10), Dropped()
    if hybridize:
        net.hybridize(static_alloc=True)
    predictions = predict(net, dataset, batch_size, mx.cpu())
    expected = scipy_softmax(dataset.inputs.sum(axis=0, dtype=np.float64) / 100, axis=1)
    np.testing.assert_allclose(predictions.probabilities, expected, rtol=1e-5)
    np.testing.assert_array_equal(predictions.labels, dataset.labels)
    assert predictions.probabilities.dtype == np.float32
    assert predictions.predicted.tolist() == expected.argmax(axis=1).tolist()
    assert len(set(dataset.batch_sizes)) == 1, "one compiled shape"


def test_lengths_reach_the_network(make_dataset):
    dataset = make_dataset(samples=5, lengths=np.array([1, 2, 3, 4, 2], np.int32))
    predictions = predict(StepSums(), dataset, 2, mx.cpu())
    expected = scipy_softmax(dataset.inputs.sum(axis=0) / 100 / dataset.lengths[:, None], axis=1)
    np.testing.assert_allclose(predictions.probabilities, expected, rtol=1e-5)


def test_progress_goes_to_the_error_stream(make_dataset, capfd):
    dataset = make_dataset(samples=6)
    shown = predict(StepSums(), dataset, 2, mx.cpu(), progress=True)
    out, err = capfd.readouterr()
    assert out == "" and "predicting" in err and "0/3" in err
    np.testing.assert_array_equal(shown.probabilities, predict(StepSums(), dataset, 2, mx.cpu()).probabilities)
    assert capfd.readouterr() == ("", "")


def test_empty_data_set_is_refused(make_dataset):
    with pytest.raises(DataError, match=r"fake \(test\): has no samples"):
        predict(StepSums(), make_dataset(samples=0), 4, mx.cpu())


def test_output_that_is_not_finite_is_refused(make_dataset):
    dataset = make_dataset(samples=6)
    dataset.inputs[:, 4, 0] = 3e38  # finite, and their sum is not
    with pytest.raises(DataError, match="not finite for 1 samples, first for sample 4"):
        predict(StepSums(), dataset, 4, mx.cpu())


def test_input_that_is_not_finite_is_refused_before_the_network_sees_it(make_dataset):
    dataset = make_dataset(samples=6)
    dataset.inputs[2, 4, 0] = np.nan
    with pytest.raises(DataError, match=r"fake \(test\): sample 4: inputs are not all finite"):
        predict(None, dataset, 6, mx.cpu())


def test_logits_are_those_that_the_probabilities_come_from(make_dataset):
    predictions = predict(StepSums(), make_dataset(samples=6), 4, mx.cpu())
    np.testing.assert_array_equal(softmax(predictions.logits), predictions.probabilities)


def test_softmax_of_great_logits_is_finite():
    probabilities = softmax(np.array([[1e4, 0, -1e4], [3, 3, 3]], np.float32))
    np.testing.assert_allclose(probabilities, [[1, 0, 0], [1 / 3] * 3], rtol=1e-6)


def test_data_of_the_same_form_is_accepted(make_dataset):
    dataset = make_dataset(steps=4, features=3, classes=2)
    assert check_compatible(dataset, (4, 3), ["class 0", "class 1"]) is None
    assert check_compatible(dataset, (None, 3), ["class 0", "class 1"]) is None


@pytest.mark.parametrize(
    "step_shape, class_names, message",
    [
        ((4, 28), ["class 0", "class 1"], "a time step has 3 features, the model reads 28"),
        ((9, 3), ["class 0", "class 1"], "a sequence has 4 time steps, the model reads 9"),
        ((4, 3), ["class 0"], "has 2 classes, the model knows 1"),
        ((4, 3), ["class 0", "b\n"], r"class 1 is 'class 1', the model has 'b\\n' there"),
    ],
)
def test_data_of_another_form_is_refused_in_one_line(make_dataset, step_shape, class_names, message):
    with pytest.raises(DataError, match=message) as caught:
        check_compatible(make_dataset(steps=4, features=3, classes=2), step_shape, class_names)
    assert "\n" not in str(caught.value)
