"""One encoder used many times in a graph, and gradients added up over passes: right by value.

MXNet's linalg.gemm, with static memory, gave a wrong gradient to a weight that one
graph uses more than eight times; and the gradient of + between two parameters,
in a graph, adds to one what the other held before. Neither may be met here.
"""

from __future__ import annotations

import functools

import oracle
import pytest
import tape
from kinds import UNITS, each_implementation, each_kind, make_encoder, trace_kind, with_lengths
from numerics import check_against, check_close, measure, prepare, run, some_lengths

from gluon_lstm.nn import LSTMEncoder, SequenceBlock, SequenceClassifier, TransformerEncoder

T, N, C, H = 4, 3, 5, UNITS
USES = 9


class Repeated(SequenceBlock):
    """Reads nine parts of the features, one after the other, with one encoder: outputs (T, N, 9·D)."""

    def __init__(self, encoder):
        super().__init__()
        self.encoder, self.input_size = encoder, USES * encoder.input_size

    def hybrid_forward(self, F, inputs, lengths=None):
        """Takes inputs (T, N, 9·C), lengths (N,) or None."""
        parts = F.split(inputs, num_outputs=USES, axis=2)
        return F.concat(*(self.encoder(part, lengths).outputs for part in parts), dim=2)


def trace_repeated(kind):
    """Returns the oracle of ``Repeated``."""
    trace = trace_kind(kind, bidirectional=True)

    def repeated(inputs, arrays):
        arrays = oracle.under(arrays, "encoder.")
        return tape.concat([trace(inputs[:, :, k * C : (k + 1) * C], arrays)[0] for k in range(USES)], axis=2)

    return repeated


ADDING = {
    "every option of the cell": functools.partial(
        LSTMEncoder, H, C, 2, True, activation="sigmoid", recurrent_activation="hard_sigmoid", peephole=True,
        coupled=True, cell_layer_norm=True, projection_size=5, layer_norm=True,
    ),
    "residual": functools.partial(LSTMEncoder, H, 2 * H, 2, True, residual=True),
    "transformer": functools.partial(TransformerEncoder, H, C),
    "learned positions": functools.partial(TransformerEncoder, H, C, positions="learned"),
    "used nine times, fused": lambda: Repeated(make_encoder("lstm", C, H, 1, True)),
    "used nine times, cell": lambda: Repeated(make_encoder("gru", C, H, 1, True, implementation="cell")),
    "mark of one feature": lambda: make_encoder("lstm", 17, H, 1, True),
    "mark of two features, then of 16": lambda: make_encoder("gru", 34, 24, 2, True),
    "classifier": functools.partial(SequenceClassifier, 3, C, H, pooling="attention", head_size=24),
}  # fmt: skip


@each_kind
@each_implementation
@with_lengths
def test_one_encoder_used_nine_times_in_a_graph(rng, hybridized, kind, implementation, padded):
    block = prepare(Repeated(make_encoder(kind, C, H, 1, True, implementation=implementation)), hybridized)
    lengths = some_lengths(T, N) if padded else None
    check_against(trace_repeated(kind), block, rng.normal(size=(T, N, USES * C)), lengths=lengths)


@each_kind
@each_implementation
@with_lengths
@pytest.mark.parametrize("layers", [1, 2])
def test_gradients_add_up_over_passes_where_they_are_asked_to(rng, hybridized, kind, implementation, padded, layers):
    encoder = prepare(make_encoder(kind, C, H, layers, True, implementation=implementation), hybridized)
    check_adding(rng, encoder, padded)


@pytest.mark.parametrize("name", ADDING)
@with_lengths
def test_gradients_of_other_blocks_add_up_too(rng, hybridized, name, padded):
    check_adding(rng, prepare(ADDING[name](), hybridized), padded)


def check_adding(rng, block, padded):
    """Asserts that with ``grad_req="add"`` passes of several shapes leave the sum of what each gives alone."""
    passes = [(rng.normal(size=(t, N, block.input_size)), some_lengths(t, N) if padded else None) for t in (T, 7, T)]
    weights = [[rng.normal(size=output.shape) for output in run(block, i, lengths=n)] for i, n in passes]

    def gradients():
        """Yields each pass's gradients, right after it."""
        for (inputs, lengths), weight in zip(passes, weights):
            yield measure(block, [inputs], weight, lengths).parameters

    alone = list(gradients())
    for parameter in block.collect_params().values():
        parameter.grad_req = "add"
    for number, found in enumerate(gradients(), 1):
        for name, gradient in found.items():
            check_close(gradient, sum(one[name].astype(float) for one in alone[:number]), f"{number}: {name}")
