"""Times other ways to compute one bidirectional LSTM layer than the fused operator as it is.

    python benchmarks/operator_forms.py

The shape on which PyTorch and Keras are furthest ahead: 50 steps of 300 features, 150 units a
direction, 64 sequences. Forward and backward, no update; medians over the rounds, each form
in a process of its own, in turn:

* ``operator``: Gluon's bidirectional LSTM, the fused operator with nothing around it;
* ``ours``: ``LSTMEncoder``;
* ``two_operators``: one Gluon LSTM a direction, nothing reversed;
* ``joined_steps``: unrolled, the cells of both directions as one: a matrix product projects all inputs, then
  each step takes one batched product for both directions;
* ``cell``: ``LSTMEncoder(implementation="cell")``, unrolled a direction at a time;
* ``without_onednn``: ``operator`` on MXNet's own kernel;
* ``avx2``: ``operator`` with oneDNN kept from AVX-512, where the processor has it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from typing import Dict, List

from common import run_command, summarize, write_result

STEPS, BATCH, FEATURES, HIDDEN = 50, 64, 300, 150
PASSES = 20
FORMS: Dict[str, Dict[str, str]] = {
    "operator": {},
    "ours": {},
    "two_operators": {},
    "joined_steps": {},
    "cell": {},
    "without_onednn": {"MXNET_USE_MKLDNN_RNN": "0"},
    "avx2": {"DNNL_MAX_CPU_ISA": "AVX2"},
}
"""Form → environment of its process."""


def main() -> None:
    """Times all forms and writes ``docs/results/operator-forms.json``, or one form, and prints its milliseconds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="rounds, of which the median counts (default: 5)")
    parser.add_argument("--form", choices=FORMS, help="time this form once, in this process")
    arguments = parser.parse_args()
    if arguments.form:
        print(json.dumps(milliseconds(arguments.form)))
        return
    found: Dict[str, List[float]] = {name: [] for name in FORMS}
    for _ in range(arguments.rounds):
        for name, environment in FORMS.items():
            command = [sys.executable, os.path.abspath(__file__), "--form", name]
            found[name].append(float(run_command(command, environment).output.splitlines()[-1]))
    medians = {name: statistics.median(values) for name, values in found.items()}
    content = {name: summarize(values) for name, values in found.items()}
    write_result("operator-forms", {"milliseconds": content, "median_milliseconds": medians})
    print({name: round(value, 1) for name, value in medians.items()})


def milliseconds(form: str) -> float:
    """Returns the median time of a pass forward and backward."""
    import gluon_lstm.runtime as runtime

    runtime.prepare()
    import mxnet as mx

    runtime.seed_everything(0)
    block = make(form)
    block.initialize()
    block.hybridize(static_alloc=True, static_shape=True)
    inputs = mx.nd.random.normal(shape=(STEPS, BATCH, FEATURES))
    if form == "joined_steps":
        check_joined_steps(block, inputs)
    inputs.attach_grad()
    times = []
    for _ in range(PASSES + 5):
        start = time.perf_counter()
        with mx.autograd.record():
            outputs = block(inputs)
        (outputs[0] if isinstance(outputs, (tuple, list)) else outputs).backward()
        mx.nd.waitall()
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times[5:])


def make(form: str):
    """Returns the block of a form, which reads (T, N, C)."""
    from mxnet.gluon import HybridBlock, rnn

    from gluon_lstm.nn import LSTMEncoder

    class TwoOperators(HybridBlock):
        def __init__(self):
            super().__init__()
            self.ahead, self.back = (rnn.LSTM(HIDDEN, input_size=FEATURES) for _ in range(2))

        def hybrid_forward(self, F, inputs):
            return F.concat(self.ahead(inputs), self.back(inputs), dim=2)

    makers = {
        "ours": lambda: LSTMEncoder(HIDDEN, FEATURES, bidirectional=True),
        "cell": lambda: LSTMEncoder(HIDDEN, FEATURES, bidirectional=True, implementation="cell", num_steps=STEPS),
        "two_operators": TwoOperators,
        "joined_steps": joined_steps,
    }
    return makers.get(form, lambda: rnn.LSTM(HIDDEN, bidirectional=True, input_size=FEATURES))()


def check_joined_steps(joined, inputs) -> None:
    """Raises SystemExit unless the joined form computes what ``LSTMEncoder`` does from the same weights."""
    import mxnet as mx
    import numpy as np

    from gluon_lstm.nn import LSTMEncoder, get_arrays

    encoder = LSTMEncoder(HIDDEN, FEATURES, bidirectional=True)
    encoder.initialize()
    arrays = get_arrays(encoder)

    def both(name: str) -> List[np.ndarray]:
        """Returns a parameter of each direction, its gates as the joined form has them: the candidate is the last."""
        found = [
            next(arrays[key] for key in arrays if key.endswith(f"{direction}_{name}"))
            for direction in ("forward", "backward")
        ]
        return [np.concatenate([np.split(array, 4)[gate] for gate in (0, 1, 3, 2)]) for array in found]

    joined.i2h.set_data(mx.nd.array(np.concatenate(both("i2h_weight"))))
    joined.bias.set_data(mx.nd.array(np.concatenate(both("i2h_bias")) + np.concatenate(both("h2h_bias"))))
    joined.h2h.set_data(mx.nd.array(np.stack([array.T for array in both("h2h_weight")])))
    difference = np.abs(joined(inputs).asnumpy() - encoder(inputs)[0].asnumpy()).max()
    if not difference < 1e-5:
        raise SystemExit(f"joined_steps does not compute what LSTMEncoder does: they differ by {difference:.1e}")


def joined_steps():
    """Returns a bidirectional LSTM whose step computes both directions at once."""
    from mxnet.gluon import HybridBlock

    class Joined(HybridBlock):
        def __init__(self):
            super().__init__()
            rows = 4 * HIDDEN
            self.i2h = self.params.get("i2h", shape=(2 * rows, FEATURES), init="xavier")
            self.bias = self.params.get("bias", shape=(2 * rows,), init="zeros")
            self.h2h = self.params.get("h2h", shape=(2, HIDDEN, rows), init="xavier")

        def hybrid_forward(self, F, inputs, i2h, bias, h2h):
            rows = 4 * HIDDEN
            projected = F.FullyConnected(inputs, i2h, bias, num_hidden=2 * rows, flatten=False)
            ahead, back = F.split(projected, num_outputs=2, axis=2)
            both = F.stack(ahead, F.flip(back, axis=0), axis=1)  # (T, 2, N, 4·H)
            hidden = cell = None
            outputs = []
            for sums in F.split(both, num_outputs=STEPS, axis=0, squeeze_axis=True):
                if hidden is not None:
                    sums = sums + F.batch_dot(hidden, h2h)
                gates = F.sigmoid(F.slice_axis(sums, axis=2, begin=0, end=3 * HIDDEN))
                candidate = F.tanh(F.slice_axis(sums, axis=2, begin=3 * HIDDEN, end=None))
                entering, kept, leaving = F.split(gates, num_outputs=3, axis=2)
                cell = entering * candidate if cell is None else kept * cell + entering * candidate
                hidden = leaving * F.tanh(cell)
                outputs.append(hidden)
            ahead, back = F.split(F.stack(*outputs, axis=0), num_outputs=2, axis=1, squeeze_axis=True)
            return F.reshape(F.stack(ahead, F.flip(back, axis=0), axis=2), shape=(0, 0, -1))

    return Joined()


if __name__ == "__main__":
    main()
