"""Times of training steps: what is timed, how often, and with how many threads."""

import subprocess

import pytest

from gluon_lstm import training
from gluon_lstm.article import step_times
from gluon_lstm.article.step_times import Case, Measurement, time_cases, time_in_process

MEASUREMENT = Measurement(batch_size=2, features=3, classes=4, rounds=3, updates=2, seed=1)
RNN, LSTM = ({"encoder": encoder, "hidden_size": 4, "bidirectional": False} for encoder in ("rnn", "lstm"))


def test_each_case_takes_its_steps_and_the_median_counts(monkeypatch):
    """A stand-in for the stepper moves the clock by T² ms at a step, and by a second more at the first of each net."""
    clock, steps = [0.0], {}

    class Clock:
        def __init__(self, net, config, devices):
            self.started = False

        def step(self, batch, rate):
            assert batch.inputs.shape[1:] == (2, 3) and batch.labels.max() < 4
            length = len(batch.inputs)
            steps[length] = steps.get(length, 0) + 1
            clock[0] += length**2 / 1000 + (not self.started)
            self.started = True

    monkeypatch.setattr(training, "Stepper", Clock)
    monkeypatch.setattr(step_times.time, "perf_counter", lambda: clock[0])
    assert time_cases([Case(RNN, 5), Case(LSTM, 7)], MEASUREMENT) == pytest.approx([25, 49])
    assert steps == {5: 2 * (1 + 3), 7: 2 * (1 + 3)}


def test_a_process_has_the_threads_it_is_given(monkeypatch):
    code = "import gluon_lstm, os; print('[' + os.environ['OMP_NUM_THREADS'] + ']')"
    monkeypatch.setattr(step_times, "CODE", code)
    assert time_in_process([], MEASUREMENT, 3) == [3]


def test_a_process_that_fails_is_an_error(monkeypatch):
    monkeypatch.setattr(step_times, "CODE", "raise SystemExit(7)")
    with pytest.raises(subprocess.CalledProcessError, match="status 7"):
        time_in_process([Case(LSTM, 2)], MEASUREMENT, 1)
