"""One hybridized block for every shape: a graph for each form of its arguments, and no more than are allowed."""

from __future__ import annotations

import json

import mxnet as mx
import numpy as np
import pytest
from kinds import UNITS, each_implementation, make_encoder, trace_kind
from mxnet.gluon import SymbolBlock, nn
from numerics import check_against, check_close, prepare, run, some_lengths

from gluon_lstm.nn import GroupedEncoder, RNNEncoder, SequenceBlock, SequenceClassifier, graphs

C, H = 4, UNITS

SHAPES = [(5, 3), (5, 1), (2, 3), (5, 3), (1, 2), (8, 4), (2, 3)]
"""T and N, some of them twice, so that a graph is met again after others."""


def make(implementation="auto", kind="lstm", hybridized=True):
    """Returns a bidirectional encoder with random parameters."""
    return prepare(make_encoder(kind, C, H, 1, True, implementation=implementation), hybridized)


@each_implementation
@pytest.mark.parametrize("kind", ["lstm", "gru", "rnn tanh", "rnn relu"])
def test_every_shape_with_and_without_lengths_in_turn(rng, kind, implementation):
    encoder = make(implementation, kind)
    for steps, batch_size in SHAPES:
        for lengths in (some_lengths(steps, batch_size), None):
            inputs = rng.normal(size=(steps, batch_size, C))
            check_against(trace_kind(kind, bidirectional=True), encoder, inputs, lengths=lengths)
    lengths_of_graphs = {steps for steps, _ in SHAPES} if implementation == "cell" else {None}
    assert set(encoder._graphs) == {(t, given) for t in lengths_of_graphs for given in ((True,), (True, True))}


@pytest.mark.parametrize("options", [{}, {"static_alloc": True}, {"static_alloc": True, "static_shape": True}])
def test_every_way_to_hybridize(rng, options):
    encoder = make("cell")
    encoder.hybridize(**options)
    for steps, batch_size in SHAPES:
        lengths = some_lengths(steps, batch_size)
        inputs = rng.normal(size=(steps, batch_size, C))
        check_against(trace_kind("lstm", bidirectional=True), encoder, inputs, lengths=lengths)


def test_lengths_of_none_are_no_lengths(rng, hybridized):
    encoder, inputs = make(hybridized=hybridized), mx.nd.array(rng.normal(size=(5, 3, C)))
    for a, b in zip(encoder(inputs, None), encoder(inputs)):
        np.testing.assert_array_equal(a.asnumpy(), b.asnumpy())


def test_lengths_of_whole_sequences_are_no_lengths(rng, hybridized):
    encoder, inputs = make(hybridized=hybridized), rng.normal(size=(5, 3, C))
    check_close(run(encoder, inputs, lengths=[5, 5, 5]), run(encoder, inputs))


@pytest.fixture
def built(monkeypatch):
    """The keys of all graphs that are built, in their order, of three that a block may keep."""
    monkeypatch.setattr(graphs, "MOST_GRAPHS", 3)
    steps, original = [], graphs.SequenceBlock._build_cache
    monkeypatch.setattr(
        graphs.SequenceBlock,
        "_build_cache",
        lambda block, *args: steps.append(args[0].shape[0]) or original(block, *args),
    )
    return steps


def test_the_number_of_kept_graphs_is_capped_and_the_one_unused_for_longest_goes(rng, built):
    encoder = make("cell")
    for steps in (2, 3, 4, 2, 5, 3, 2, 6, 7, 5):
        check_against(trace_kind("lstm", bidirectional=True), encoder, rng.normal(size=(steps, 2, C)))
        assert len(encoder._graphs) <= 3
    # 2 was met again before 5 came, so 3 went; then 4, 5 and so on.
    assert built == [2, 3, 4, 5, 3, 6, 7, 5]
    assert {key[0] for key in encoder._graphs} == {6, 7, 5}


def test_what_unrolled_graphs_hold_together_is_capped_but_for_the_newest(rng, built, monkeypatch):
    monkeypatch.setattr(graphs, "MOST_GRAPHS", 32)
    monkeypatch.setattr(graphs, "MOST_OUTPUTS", 2 * H * 20)  # 20 steps of one sequence in both directions
    encoder, kept = make("cell"), []
    for shape in ((4, 2), (3, 2), (3, 1), (6, 2), (4, 2), (12, 2), (2, 1)):
        check_against(trace_kind("lstm", bidirectional=True), encoder, rng.normal(size=(*shape, C)))
        kept.append([key[0] for key in encoder._graphs])
    # With (6, 2) there are 3 + 12 of the 20; with (4, 2) there would be 23; and (12, 2) is too large by itself.
    assert kept == [[4], [4, 3], [4, 3], [3, 6], [6, 4], [12], [2]]
    assert built == [4, 3, 6, 4, 12, 2]


def test_graphs_of_the_fused_operator_count_for_nothing(rng, built, monkeypatch):
    monkeypatch.setattr(graphs, "MOST_OUTPUTS", 0)
    encoder = make("fused")
    for lengths in (None, [1, 2], None, [2, 2]):
        run(encoder, rng.normal(size=(5, 2, C)), lengths=lengths)
    assert built == [5, 5]


def test_a_graph_for_all_steps_is_built_once_for_each_form(rng, built):
    encoder = make("fused")
    for steps in (5, 3, 8, 2, 9):
        run(encoder, rng.normal(size=(steps, 2, C)))
        run(encoder, rng.normal(size=(steps, 2, C)), lengths=[1, 2])
    assert built == [5, 5]


@pytest.mark.parametrize("block, steps_matter", [
    (lambda: make_encoder("lstm", C, H), False),
    (lambda: make_encoder("lstm", C, H, 2, implementation="cell"), True),
    (lambda: GroupedEncoder(make_encoder("lstm", 2, H), make_encoder("lstm", 2, H, zoneout=0.1)), True),
    (lambda: SequenceClassifier(2, C, H, pooling="last"), False),
    (lambda: SequenceClassifier(2, C, H, pooling="mean"), False),
    (lambda: SequenceClassifier(2, C, H, pooling="attention"), False),
    (lambda: SequenceClassifier(2, C, H, pooling="max"), False),
    (lambda: SequenceClassifier(2, C, H, pooling="mean+max"), False),
])  # fmt: skip
def test_a_graph_for_each_number_of_steps_only_where_they_matter(rng, block, steps_matter):
    block = prepare(block(), hybridized=True)
    for steps in (4, 6, 4):
        run(block, rng.normal(size=(steps, 2, C)))
    assert {key[0] for key in block._graphs} == ({4, 6} if steps_matter else {None})


def test_new_parameters_reach_every_kept_graph(rng):
    encoder, inputs = make("cell"), [rng.normal(size=(steps, 2, C)) for steps in (3, 5)]
    for _ in range(2):
        for array in inputs:
            check_against(trace_kind("lstm", bidirectional=True), encoder, array)
        for parameter in encoder.collect_params().values():
            parameter.set_data(parameter.data() * 0.5)


def test_hybridizing_again_forgets_the_graphs(rng):
    encoder, inputs = make("cell"), rng.normal(size=(3, 2, C))
    check_against(trace_kind("lstm", bidirectional=True), encoder, inputs)
    encoder.hybridize(False)
    assert not encoder._graphs
    check_against(trace_kind("lstm", bidirectional=True), encoder, inputs)
    encoder.hybridize()
    check_against(trace_kind("lstm", bidirectional=True), encoder, inputs)


def test_a_call_that_fails_leaves_the_block_usable(rng):
    encoder = make("cell")
    with pytest.raises(Exception, match="(?i)shape"):
        run(encoder, rng.normal(size=(5, 2, C + 1)))
    for steps in (3, 5):
        check_against(trace_kind("lstm", bidirectional=True), encoder, rng.normal(size=(steps, 2, C)))


class Reader(SequenceBlock):
    """Reads word numbers (T, N)."""

    def __init__(self, encoder):
        super().__init__()
        self.embedding, self.encoder = nn.Embedding(9, C), encoder

    def hybrid_forward(self, F, words, lengths=None):
        """Takes words (T, N), lengths (N,) or None; gives outputs (T, N, D)."""
        return self.encoder(self.embedding(words), lengths).outputs


@each_implementation
@pytest.mark.parametrize("dtype", ["int32", "int64", "uint8", "float32"])
def test_a_block_of_ones_own_that_reads_word_numbers(rng, hybridized, implementation, dtype):
    reader = prepare(Reader(make_encoder("lstm", C, H, 1, True, implementation=implementation)), hybridized)
    words, lengths = rng.integers(0, 9, size=(5, 3)), some_lengths(5, 3)
    for length_type in ("float32", "int32"):
        outputs = reader(mx.nd.array(words, dtype=dtype), mx.nd.array(lengths, dtype=length_type)).asnumpy()
        for n, length in enumerate(lengths):
            alone = reader(mx.nd.array(words[:length, n : n + 1], dtype=dtype)).asnumpy()
            check_close(outputs[:length, n : n + 1], alone)
            assert not outputs[length:, n].any()


NETS = {
    "lstm": {"num_layers": 2, "bidirectional": True, "pooling": "last", "dropout": 0.25, "head_size": 7},
    "gru": {"encoder": "gru", "bidirectional": True, "pooling": "attention"},
    "rnn": {"encoder": "rnn", "bidirectional": True, "pooling": "mean"},
    "groups": {"groups": 2, "pooling": "mean", "residual": True, "num_layers": 2},
    "mark of two features, then of 16": {"input_size": 34, "hidden_size": 24, "num_layers": 2, "bidirectional": True},
}


def imported(net, path, names):
    """Returns what ``export`` wrote as a block that knows nothing of this package."""
    net.export(str(path / "net"))
    return SymbolBlock.imports(str(path / "net-symbol.json"), names, str(path / "net-0000.params"))


@pytest.mark.parametrize("padded", [False, True], ids=["full", "padded"])
@pytest.mark.parametrize("options", NETS.values(), ids=NETS)
def test_export_gives_the_same_logits_at_other_shapes(rng, tmp_path, options, padded):
    net = prepare(SequenceClassifier(3, **{"input_size": C, "hidden_size": H, **options}), hybridized=True)
    run(net, rng.normal(size=(6, 3, net.input_size)), lengths=some_lengths(6, 3) if padded else None)
    copy = imported(net, tmp_path, ["data0", "data1"] if padded else ["data"])
    for steps, batch_size in SHAPES:
        inputs = rng.normal(size=(steps, batch_size, net.input_size))
        lengths = some_lengths(steps, batch_size) if padded else None
        check_close(run(copy, inputs, lengths=lengths), run(net, inputs, lengths=lengths))


@pytest.mark.parametrize("options", [
    {"implementation": "cell", "pooling": "mean+max"},
    {"activation": "relu", "peephole": True, "bidirectional": True, "pooling": "max"},
], ids=["cell", "options"])  # fmt: skip
def test_export_of_an_unrolled_net_gives_the_same_logits_at_its_length(rng, tmp_path, options):
    net = prepare(SequenceClassifier(3, C, H, **options), hybridized=True)
    for steps in (4, 6):
        run(net, rng.normal(size=(steps, 3, C)), lengths=some_lengths(steps, 3))
    copy = imported(net, tmp_path, ["data0", "data1"])
    for batch_size in (3, 1, 5):
        inputs, lengths = rng.normal(size=(6, batch_size, C)), some_lengths(6, batch_size)
        check_close(run(copy, inputs, lengths=lengths), run(net, inputs, lengths=lengths))


def test_exported_graph_runs_on_the_fused_operator(rng, tmp_path):
    net = prepare(SequenceClassifier(3, C, H, 2, True), hybridized=True)
    run(net, rng.normal(size=(6, 3, C)), lengths=[6, 2, 3])
    net.export(str(tmp_path / "net"))
    operators = [node["op"] for node in json.loads((tmp_path / "net-symbol.json").read_text())["nodes"]]
    assert operators.count("RNN") == 2


def test_a_block_in_a_block_has_the_outer_ones_graphs(rng):
    net = prepare(SequenceClassifier(3, C, H, encoder="rnn", implementation="cell"), hybridized=True)
    for steps in (3, 5):
        run(net, rng.normal(size=(steps, 2, C)))
    assert len(net._graphs) == 2
    assert isinstance(net.encoder, RNNEncoder) and not net.encoder._graphs
