import os
import signal

import pytest

from gluon_lstm.training.interrupts import SIGNALS, held_signals


@pytest.fixture(autouse=True)
def python_handles_ctrl_c():
    """Gives Ctrl-C its usual meaning, which a shell takes from the processes that it starts in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def handlers():
    return [signal.getsignal(number) for number in SIGNALS]


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_is_held_and_told(number):
    before = handlers()
    with held_signals() as received:
        assert received == []
        os.kill(os.getpid(), number)
        assert received == [number]
    assert handlers() == before


@pytest.mark.parametrize("first", SIGNALS)
def test_a_second_ctrl_c_ends_at_once(first):
    before = handlers()
    with pytest.raises(KeyboardInterrupt), held_signals():
        os.kill(os.getpid(), first)
        os.kill(os.getpid(), signal.SIGINT)
    assert handlers() == before


def test_an_error_leaves_the_handlers_as_they_were():
    before = handlers()
    with pytest.raises(ValueError), held_signals():
        raise ValueError
    assert handlers() == before
