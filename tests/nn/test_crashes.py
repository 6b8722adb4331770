"""What ends a process that uses MXNet's operators as they are must not end one that uses these blocks.

SequenceReverse, SequenceLast and SequenceMask read and write outside of their
arrays where a length is below 1 or above T, which is a segmentation fault, then or
later. So each case runs in a process of its own, which may crash or hang alone.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

BEGINNING = """
import json
from gluon_lstm.nn import *
import mxnet as mx
import numpy as np
T, N, C, H = 5, 3, 4, 3
inputs = mx.nd.array(np.random.normal(size=(T, N, C)))
inputs.attach_grad()

def ready(block, hybridized):
    block.initialize()
    block.hybridize(hybridized, static_alloc=True, static_shape=True)
    return block

def refuses(block, lengths, others):
    try:
        with mx.autograd.record():
            block(inputs, mx.nd.array(lengths), *others)
        mx.nd.waitall()
    except ValueError as error:
        return str(error).startswith("lengths")
    return False
"""

BAD_LENGTHS = """
WRONG = ([T + 1] * N, [10**6, 1, 1], [1, -1, 1], [-(10**6), 1, 1], [0, 0, 0], [1, 2, float("nan")], [1.5, 1, 1],
         [1], [1] * (N + 1))
accepted = []
for hybridized in (False, True):
    for block, *others in (
        (RecurrentLayer(RNN(H), C, True),),  # SequenceReverse
        (RecurrentLayer(LSTM(H, peephole=True), C, True),),  # SequenceMask
        (LSTMEncoder(H, C, 2, True),),  # SequenceLast
        (GroupedEncoder(GRUEncoder(H, C // 2), RNNEncoder(H, C // 2)),),
        (SequenceClassifier(2, C, H, pooling="mean+max"),),
        (Pooling("max", C), mx.nd.zeros((N, C))),
    ):
        ready(block, hybridized)
        accepted += [(block.name, lengths) for lengths in WRONG if not refuses(block, lengths, others)]
        # The block is as good as before, forward and backward.
        with mx.autograd.record():
            outputs = block(inputs, mx.nd.array([T, 1, 2]), *others)
        mx.autograd.backward(outputs if isinstance(outputs, (list, tuple)) else [outputs])
        mx.nd.waitall()
        assert 0 < np.abs(inputs.grad.asnumpy()).sum() < np.inf, block.name
print(json.dumps(accepted))
"""

LAST_OF_THE_FUSED_OPERATOR = """
spreads = []
for hybridized in (False, True):
    for encoder in (LSTMEncoder, GRUEncoder, RNNEncoder):
        for bidirectional in (False, True):
            block = ready(encoder(H, C, 1, bidirectional), hybridized)
            for lengths in ((), (mx.nd.array([T, 1, 2]),), (mx.nd.array([T, T, T]),)):
                for _ in range(3):
                    with mx.autograd.record():
                        last = block(inputs, *lengths)[1]
                    last.backward()
                mx.nd.waitall()
                spreads.append(float(inputs.grad.asnumpy().std()))
print(json.dumps(spreads))
"""


def run_alone(code: str):
    """Runs code in a new process and returns what it prints; fails if a signal ends it, or it hangs."""
    command = [sys.executable, "-c", BEGINNING + code]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT, env=environment)
    assert result.returncode == 0, f"ended by {result.returncode} (below 0: a signal)\n{result.stderr[-2000:]}"
    return json.loads(result.stdout)


@pytest.mark.timeout(90)
def test_lengths_that_crash_mxnet_are_refused():
    assert run_alone(BAD_LENGTHS) == []


@pytest.mark.timeout(90)
def test_gradient_of_the_last_state_alone_comes_through_the_fused_operator():
    spreads = run_alone(LAST_OF_THE_FUSED_OPERATOR)
    assert len(spreads) == 36
    assert all(0 < spread < 10 for spread in spreads)


EXPORTED = """
import sys
from gluon_lstm.nn import *
import mxnet as mx
import numpy as np
options = {"lstm": {}, "rnn": {}, "gru": {"implementation": "cell"}, "transformer": {"num_heads": 1}}
inputs = mx.nd.array(np.random.normal(size=(5, 3, 4)))
for encoder in options:
    recurrent = {"bidirectional": True} if encoder != "transformer" else {}
    net = SequenceClassifier(2, 4, 3, encoder=encoder, pooling="mean+max", **recurrent, **options[encoder])
    net.initialize()
    net.hybridize(static_alloc=True, static_shape=True)
    net(inputs, mx.nd.array([1, 2, 3]))
    net.export(sys.argv[1])
    files = (f"{sys.argv[1]}-symbol.json", ["data0", "data1"], f"{sys.argv[1]}-0000.params")
    exported = mx.gluon.SymbolBlock.imports(*files)
    for given, meant in (([0, -7, 99], [1, 1, 5]), ([np.nan, 2.5, 1e30], [1, 2, 5])):
        np.testing.assert_allclose(
            exported(inputs, mx.nd.array(given)).asnumpy(), net(inputs, mx.nd.array(meant)).asnumpy(), rtol=1e-5)
print("done")
"""


def test_lengths_that_crash_mxnet_do_not_crash_an_exported_graph(tmp_path):
    command = [sys.executable, "-W", "ignore", "-c", EXPORTED, str(tmp_path / "net")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=100)
    assert (done.returncode, done.stdout.split()) == (0, ["done"]), done.stderr
