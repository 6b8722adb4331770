"""What blocks are made and called with: each mistake has its line, and what is right is taken however it is spelled."""

from __future__ import annotations

import warnings

import mxnet as mx
import numpy as np
import pytest
from kinds import ENCODERS, each_kind, make_encoder
from numerics import flat, prepare, some_lengths

from gluon_lstm.config import ModelConfig
from gluon_lstm.errors import NoEffectWarning
from gluon_lstm.nn import (
    LSTM,
    GroupedEncoder,
    GRUCell,
    GRUEncoder,
    LSTMCell,
    LSTMEncoder,
    Pooling,
    RecurrentLayer,
    RNNCell,
    RNNEncoder,
    SequenceClassifier,
    TextClassifier,
    TransformerEncoder,
    build_net,
    get_arrays,
    set_arrays,
)
from gluon_lstm.nn.transformer import SelfAttention, TransformerLayer

T, N, C, H = 5, 3, 4, 6

BLOCKS = {
    **{kind: lambda kind=kind: make_encoder(kind, C, H, 1, True) for kind in ENCODERS},
    "transformer": lambda: TransformerEncoder(H, C, num_heads=2),
    "groups": lambda: GroupedEncoder(*(make_encoder("lstm", C // 2, H) for _ in range(2))),
    "classifier": lambda: SequenceClassifier(3, C, H),
    "layer": lambda: RecurrentLayer(LSTM(H), C),
    "unrolled layer": lambda: RecurrentLayer(LSTM(H), C, implementation="cell"),
}
"""Blocks that read (T, N, C), by name."""

each_block = pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS)

WITH_LENGTHS = {**BLOCKS, "texts": lambda: TextClassifier(3, 20, C, hidden_size=H, bidirectional=True)}
"""Blocks that take lengths, by name."""

each_with_lengths = pytest.mark.parametrize("block", WITH_LENGTHS.values(), ids=WITH_LENGTHS)


def inputs_of(rng, block):
    """Returns inputs that a block reads: tokens (T, N), or features (T, N, C)."""
    if isinstance(block, TextClassifier):
        return mx.nd.array(rng.integers(0, block.vocabulary_size, size=(T, N)), dtype="int32")
    return mx.nd.array(rng.normal(size=(T, N, C)))


def refused(kind, message, call, *arguments, **options):
    """Asserts that a call raises an error of one line, which ``message`` is all of."""
    with pytest.raises(kind, match=f"^{message}$") as caught:
        call(*arguments, **options)
    assert "\n" not in str(caught.value)


# Calls.


@each_with_lengths
def test_lengths_may_be_given_by_name(rng, hybridized, block):
    block = prepare(block(), hybridized)
    inputs, lengths = inputs_of(rng, block), mx.nd.array(some_lengths(T, N))
    for given in ((lengths,), (None,)):
        for a, b in zip(block(inputs, lengths=given[0]), block(inputs, *given)):
            np.testing.assert_array_equal(a.asnumpy(), b.asnumpy())
    with pytest.raises(ValueError, match=r"lengths\[0\] is 6"):
        block(inputs, lengths=mx.nd.array([6, 1, 1]))
    with pytest.raises(TypeError, match="lengths of type list: wrap them"):
        block(inputs, lengths=[5, 1, 1])


@pytest.mark.parametrize("name", ["layer", "texts"])
def test_lengths_are_not_taken_twice(rng, name):
    block, lengths = prepare(WITH_LENGTHS[name](), False), mx.nd.array([1, 1, 1])
    refused(TypeError, "lengths are given twice: give them by place or by name", block, inputs_of(rng, block), lengths,
            lengths=lengths)  # fmt: skip


@pytest.mark.parametrize("kind", [list, tuple])
def test_states_in_the_place_of_lengths_are_refused(hybridized, kind):
    block, state = prepare(LSTMEncoder(H, C), hybridized), mx.nd.zeros((1, N, H))
    message = f"a {kind.__name__} of arrays as lengths: these take no states, since every sequence starts from zeros"
    refused(TypeError, message, block, mx.nd.zeros((T, N, C)), kind([state, state]))


@pytest.mark.parametrize("make", [
    lambda: Pooling("mean+max", num_steps=T),
    lambda: SequenceClassifier(3, C, H, pooling="max", num_steps=T),
    lambda: TextClassifier(3, 20, C, hidden_size=H, pooling="max", num_steps=T),
])  # fmt: skip
def test_other_time_steps_than_told_are_refused_where_the_maximum_needs_them(rng, hybridized, make):
    block = prepare(make(), hybridized)
    inputs = inputs_of(rng, block)
    block(inputs)
    for steps in (T - 1, 2 * T):
        message = f"inputs of {steps} time steps: made with num_steps=5; leave it out to read others"
        refused(ValueError, message, block, mx.nd.concat(inputs, inputs, dim=0)[:steps])


@pytest.mark.parametrize("steps", [T - 1, 2 * T])
def test_what_unrolls_by_itself_reads_other_time_steps_than_told(rng, hybridized, steps):
    told = prepare(LSTMEncoder(H, C, peephole=True, num_steps=T), hybridized)
    free = prepare(LSTMEncoder(H, C, peephole=True), hybridized)
    set_arrays(free, get_arrays(told), "told")
    inputs = mx.nd.array(rng.normal(size=(steps, N, C)))
    np.testing.assert_array_equal(told(inputs).outputs.asnumpy(), free(inputs).outputs.asnumpy())


@each_block
@pytest.mark.parametrize("dtype", ["float64", "float16", "int32", "uint8"])
def test_inputs_of_another_type_are_refused(hybridized, block, dtype):
    block = prepare(block(), hybridized)
    message = rf"inputs of type {dtype}: cast them with inputs.astype\('float32'\)"
    refused(TypeError, message, block, mx.nd.zeros((T, N, C), dtype=dtype))


def test_a_block_that_was_cast_reads_inputs_of_its_new_type(rng, hybridized):
    layer, inputs = prepare(BLOCKS["unrolled layer"](), hybridized), mx.nd.array(rng.normal(size=(T, N, C)))
    expected = layer(inputs).asnumpy()
    layer.cast("float64")
    np.testing.assert_allclose(layer(inputs.astype("float64")).asnumpy(), expected, rtol=1e-4, atol=1e-6)
    refused(TypeError, r"inputs of type float32: cast them with inputs.astype\('float64'\)", layer, inputs)


@pytest.mark.parametrize("cell", [LSTMCell, GRUCell, RNNCell])
def test_a_cell_that_was_cast_reads_arrays_of_its_new_type(rng, hybridized, cell):
    cell = prepare(cell(H, C), hybridized)
    arrays = [mx.nd.array(rng.normal(size=(N, size))) for size in (C, *cell.recurrence.state_sizes)]
    expected = flat(cell(*arrays))
    cell.cast("float64")
    for a, e in zip(flat(cell(*(array.astype("float64") for array in arrays))), expected):
        np.testing.assert_allclose(a.asnumpy(), e.asnumpy(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("cell", [LSTMCell, GRUCell, RNNCell])
def test_cells_called_with_what_does_not_fit(hybridized, cell):
    cell = prepare(cell(H, C), hybridized)
    names = ["inputs", "hidden", "cell"][: 3 if isinstance(cell, LSTMCell) else 2]
    fitting = [mx.nd.zeros((N, C if name == "inputs" else H)) for name in names]
    cell(*fitting)
    refused(TypeError, f"{type(cell).__name__} needs {', '.join(names)}: 1 arrays given", cell, fitting[0])
    for place, name in enumerate(names):
        width = fitting[place].shape[1]

        def call(array, place=place):
            return cell(*fitting[:place], array, *fitting[place + 1 :])

        for shape in ((N, width + 1), (width,), (1, N, width)):
            shown = str(shape).replace("(", r"\(").replace(")", r"\)")
            message = rf"{name} of shape {shown}: needs \(batch, {width} features\)"
            refused(ValueError, message, call, mx.nd.zeros(shape))
        refused(TypeError, f"{name} of type float64: cast them .*", call, mx.nd.zeros((N, width), dtype="float64"))
        refused(TypeError, f"{name} of type ndarray: wrap them .*", call, np.zeros((N, width)))


# Names of options.


@pytest.mark.parametrize("make, message", [
    (lambda: LSTMEncoder(H, C, hiden_size=3), "LSTMEncoder has no option 'hiden_size': it has hidden_size, input_size, "
     "num_layers, bidirectional, dropout, activation, .*, zoneout, .*; did you mean 'hidden_size'?"),
    (lambda: LSTMEncoder(H, C, peepholes=True), "LSTMEncoder has no option 'peepholes': .*; did you mean 'peephole'?"),
    (lambda: GRUEncoder(H, C, zone_out=0.1), "GRUEncoder has no option 'zone_out': .*; did you mean 'zoneout'?"),
    (lambda: GRUEncoder(H, C, activation="relu"), "GRUEncoder has no option 'activation': it has .*"),
    (lambda: RNNEncoder(H, C, batch_first=True),
     r"RNNEncoder has no option 'batch_first': it has .*; inputs are always \(time steps, batch, features\)"),
    (lambda: LSTMEncoder(H, C, recurrent_dropout=0.1), "LSTMEncoder has no option 'recurrent_dropout': it has .*; "
     "recurrent encoders have weight_dropout and zoneout in its place"),
    (lambda: RNNEncoder(H, C, clipping=True), "RNNEncoder has no option 'clipping': it has (?!.*did you mean).*"),
    (lambda: GRUCell(H, C, bias=False), "GRUCell has no option 'bias': it has hidden_size, input_size; there are .*"),
    (lambda: TransformerEncoder(H, C, heads=2), "TransformerEncoder has no option 'heads': .*mean 'num_heads'?"),
    (lambda: RecurrentLayer(LSTM(H), C, zonout=0.1), "RecurrentLayer has no option 'zonout': .*mean 'zoneout'?"),
    (lambda: LSTMCell(H, C, peep_hole=True), "LSTMCell has no option 'peep_hole': .*did you mean 'peephole'?"),
    (lambda: SequenceClassifier(3, C, poolling="max"),
     "SequenceClassifier with encoder 'lstm' has no option 'poolling': .*did you mean 'pooling'?"),
    (lambda: SequenceClassifier(3, C, encoder="gru", peephole=True),
     "SequenceClassifier with encoder 'gru' has no option 'peephole': .*"),
    (lambda: SequenceClassifier(3, C, encoder="transformer", zoneout=0.1),
     "SequenceClassifier with encoder 'transformer' has no option 'zoneout': .*num_heads.*"),
])  # fmt: skip
def test_options_of_another_name_are_refused(make, message):
    refused(TypeError, message.replace("?", r"\?").replace(r"(\?!", "(?!"), make)


def test_each_option_is_listed_once():
    with pytest.raises(TypeError, match="has no option 'foo': it has ") as caught:
        SequenceClassifier(3, C, foo=1)
    names = str(caught.value).split("it has ")[1].split("; ")[0].split(", ")
    assert sorted(names) == sorted(set(names))


def test_a_class_of_ones_own_may_have_options_of_its_own():
    class Own(LSTMEncoder):
        def __init__(self, size, factor=2, **options):
            super().__init__(size * factor, C, **options)

    assert Own(3, factor=4, zoneout=0.1, prefix="own_").output_size == 12
    message = r"Own has no option 'faktor': it has size, factor, .*; did you mean 'factor'\?"
    refused(TypeError, message, Own, 3, faktor=2)


# Values of options.

MAKERS = {
    "encoder": lambda **o: LSTMEncoder(**{"hidden_size": H, "input_size": C, **o}),
    "layer": lambda **o: RecurrentLayer(LSTM(H), **{"input_size": C, **o}),
    "cell": lambda **o: GRUCell(**{"hidden_size": H, "input_size": C, **o}),
    "classifier": lambda **o: SequenceClassifier(**{"num_classes": 3, "input_size": C, "hidden_size": H, **o}),
    "pooling": lambda **o: Pooling("max", **o),
    "transformer": lambda **o: TransformerEncoder(**{"hidden_size": 8, "input_size": C, **o}),
    "learned positions": lambda **o: TransformerEncoder(8, C, positions="learned", **o),
    "transformer layer": lambda **o: TransformerLayer(**{"hidden_size": 8, "num_heads": 2, **o}),
    "attention": lambda **o: SelfAttention(**{"hidden_size": 8, "num_heads": 2, **o}),
}
SIZES = [
    ("encoder", "hidden_size", 1), ("encoder", "input_size", 1), ("encoder", "num_layers", 1),
    ("encoder", "projection_size", 0), ("encoder", "num_steps", 1), ("layer", "input_size", 1),
    ("cell", "hidden_size", 1), ("cell", "input_size", 1), ("classifier", "num_classes", 2),
    ("classifier", "input_size", 1), ("classifier", "hidden_size", 1), ("classifier", "num_layers", 1),
    ("classifier", "groups", 1), ("classifier", "head_size", 0), ("classifier", "num_steps", 1),
    ("pooling", "num_steps", 1), ("pooling", "input_size", 0), ("transformer", "hidden_size", 1),
    ("transformer", "input_size", 1), ("transformer", "num_layers", 1), ("transformer", "num_heads", 1),
    ("transformer", "feedforward_size", 1), ("learned positions", "max_steps", 1),
    ("transformer layer", "feedforward_size", 1),
    ("attention", "hidden_size", 1), ("attention", "num_heads", 1),
]  # fmt: skip
"""Where a size is an option, its name, and the least that it may be."""


@pytest.mark.parametrize("where, option, least", SIZES)
def test_sizes_that_are_none_are_refused(where, option, least):
    for value in (True, 2.0, 12.5, "12", np.float32(2)):
        shown = repr(value).replace("(", r"\(").replace(")", r"\)")
        refused(ValueError, f"{option} {shown}: must be a whole number", MAKERS[where], **{option: value})
    for value in (least - 1, -7):
        refused(ValueError, f"{option} {value}: must be at least {least}", MAKERS[where], **{option: value})


@pytest.mark.parametrize("kind", [np.int32, np.int64])
def test_sizes_of_numpy_are_taken(rng, hybridized, kind):
    net = SequenceClassifier(kind(3), kind(C), kind(H), kind(2), True, head_size=kind(7), groups=kind(2))
    assert prepare(net, hybridized)(mx.nd.array(rng.normal(size=(T, N, C)))).shape == (N, 3)


@pytest.mark.parametrize("option", ["dropout", "input_dropout", "zoneout", "zoneout_cell", "weight_dropout"])
@pytest.mark.parametrize("value", [1, 1.0, -0.1, np.nan, True, "0.5", None])
def test_shares_that_are_none_are_refused(option, value):
    message = f"{option} {value!r}: must be at least 0 and below 1"
    refused(ValueError, message, MAKERS["encoder"], **{option: value})
    refused(ValueError, message, MAKERS["classifier"], **{option: value})


@pytest.mark.parametrize("option", ["bidirectional", "locked_dropout", "residual", "layer_norm", "peephole", "coupled"])
@pytest.mark.parametrize("value", [0.3, 2, "yes", None])
def test_switches_that_are_none_are_refused(option, value):
    refused(ValueError, f"{option} {value!r}: must be True or False", MAKERS["encoder"], **{option: value})


@pytest.mark.parametrize("value", ["1", None, np.nan, -np.inf, True])
def test_a_forget_bias_that_is_no_finite_number_is_refused(value):
    refused(ValueError, f"forget_bias {value!r}: must be a finite number", MAKERS["encoder"], forget_bias=value)
    assert MAKERS["encoder"](forget_bias=np.float32(-2)).layers[0].recurrence.forget_bias == -2


# Options without effect.

OF_ONE_LAYER = "dropout 0.3 acts between layers, and there is 1: use input_dropout"
OF_LOCKS = "locked_dropout has no effect without dropout between layers or input_dropout"


@each_kind
@pytest.mark.parametrize("options, message", [
    ({"dropout": 0.3}, OF_ONE_LAYER),
    ({"dropout": 0.3, "input_dropout": 0.2, "locked_dropout": True}, OF_ONE_LAYER),
    ({"locked_dropout": True}, OF_LOCKS),
    ({"locked_dropout": True, "num_layers": 2}, OF_LOCKS),
])  # fmt: skip
def test_dropout_without_effect_is_warned_of(kind, options, message):
    with pytest.warns(NoEffectWarning, match=f"^{message}$") as caught:
        make_encoder(kind, C, H, **options)
    assert len(caught) == 1


@pytest.mark.parametrize("options", [{}, {"num_layers": 2, "dropout": 0.0}])
def test_a_configuration_without_effect_is_warned_of_as_its_encoder(options):
    with pytest.warns(NoEffectWarning, match=f"^{OF_LOCKS}$") as caught:
        build_net(ModelConfig(locked_dropout=True, **options), (T, C), 3, [mx.cpu()])
    assert len(caught) == 1


def test_warnings_lead_to_the_line_that_made_the_encoder():
    with pytest.warns(NoEffectWarning) as caught:
        GRUEncoder(H, C, dropout=0.3)
    assert caught[0].filename == __file__


@pytest.mark.parametrize("make", [
    lambda: LSTMEncoder(H, C, 2, dropout=0.3),
    lambda: LSTMEncoder(H, C, 2, dropout=0.3, locked_dropout=True),
    lambda: LSTMEncoder(H, C, input_dropout=0.3, locked_dropout=True),
    lambda: TransformerEncoder(8, C, dropout=0.3),
    lambda: SequenceClassifier(3, C, H, dropout=0.3),
    lambda: SequenceClassifier(3, C, H, dropout=0.3, encoder="transformer", num_heads=2),
    lambda: build_net(ModelConfig(locked_dropout=True, num_layers=2), (T, C), 3, [mx.cpu()]),
])  # fmt: skip
def test_dropout_that_acts_is_not_warned_of(make):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make()
