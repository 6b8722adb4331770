import os
import signal

import pytest

from gluon_lstm.training.interrupts import SIGNALS, held_signals


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


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_that_the_process_was_started_to_ignore_stays_ignored(number):
    signal.signal(number, signal.SIG_IGN)
    with held_signals() as received:
        os.kill(os.getpid(), number)
        assert received == []
    assert signal.getsignal(number) is signal.SIG_IGN


def test_an_error_leaves_the_handlers_as_they_were():
    before = handlers()
    with pytest.raises(ValueError), held_signals():
        raise ValueError
    assert handlers() == before
