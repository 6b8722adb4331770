"""Gradients in training, where units and weights are dropped, by value against the oracle with the masks drawn.

MXNet draws from one stream, in the order of the operators. So the shapes that a
pass asks for are noted, and after seeding anew the same draws are made of ones:
what comes out is what the pass multiplies with when it runs from that seed.
"""

from __future__ import annotations

from typing import Dict, Iterator, List, Mapping, NamedTuple, Sequence

import mxnet as mx
import numpy as np
import oracle
import pytest
import tape
from kinds import ENCODERS, UNITS, each_implementation, each_kind, make_encoder, with_lengths
from numerics import check_close, double, measure, prepare, run, some_lengths
from tape import Var

from gluon_lstm.nn import get_arrays

T, N, C, H, P = 5, 4, 6, UNITS, 0.25
DROP_SEED = 11


class Draws(NamedTuple):
    """What the dropouts of one layer multiply with in a pass: 0, or what makes up for the zeros.

    Attributes:
        features: (T or 1, N, C) for its inputs; ``None`` where none are dropped.
        weights: by direction, (G·H, H) for U.
        zones: by direction and step, one (N, H) for each array of the state that has zoneout.
    """

    features: object
    weights: Dict[str, np.ndarray]
    zones: Dict[str, Dict[int, List[np.ndarray]]]


def draws_of(encoder, inputs, lengths, monkeypatch) -> Iterator[np.ndarray]:
    """Returns what each dropout of a training pass from ``DROP_SEED`` multiplies with, in the order they are made."""
    asked, drop = [], mx.nd.Dropout

    def noting(data, **options):
        asked.append((data.shape, options))
        return drop(data, **options)

    encoder.hybridize(False)
    with monkeypatch.context() as patch, mx.autograd.record():
        patch.setattr(mx.nd, "Dropout", noting)
        run(encoder, inputs, lengths=lengths)
    mx.random.seed(DROP_SEED)
    with mx.autograd.record():
        draws = [drop(mx.nd.ones(shape), **options).asnumpy() for shape, options in asked]
    assert 0 < np.mean(np.concatenate([draw.ravel() for draw in draws]) == 0) < 1
    return iter(draws)


def sort(draws: Iterator[np.ndarray], layers: int, directions: Sequence[str], options: Mapping) -> List[Draws]:
    """Returns the draws by layer: features first, then the weights of each direction, then its steps."""
    sorted_draws, zoned = [], [name for name in ("zoneout", "zoneout_cell") if name in options]
    for layer in range(layers):
        features = next(draws) if "dropout" in options and layer or "input_dropout" in options and not layer else None
        weights = {name: next(draws) for name in directions if "weight_dropout" in options}
        zones = {
            name: {t: [next(draws) for _ in zoned] for t in (reversed(range(T)) if name == "backward" else range(T))}
            for name in directions
        }
        sorted_draws.append(Draws(features, weights, zones))
    assert not list(draws), "each draw has its place"
    return sorted_draws


def direction(inputs: Var, p, cell: str, name: str, draws: Draws, n: int, options: Mapping, **own) -> Var:
    """One sequence, inputs (T, 1, C) → outputs (T, 1, H): zoneout as Krueger et al. (2017), equations 4 and 6."""
    if name in draws.weights:
        p = {**p, "h2h_weight": p["h2h_weight"] * double(draws.weights[name])}
    steps = range(len(inputs.value))
    state, outputs = [Var(np.zeros((1, H)))] * (1 + (cell == "lstm")), {}
    zoned = [name in options for name in ("zoneout", "zoneout_cell")]
    for t in reversed(steps) if name == "backward" else steps:
        masks = iter(draws.zones[name][t])
        new = oracle.STEPS[cell](inputs[t], *state, p, **own)[: len(state)]
        state = [
            old + (next(masks)[n : n + 1] > 0).astype(float) * (update - old) if has_zoneout else update
            for has_zoneout, old, update in zip(zoned, state, new)
        ]
        outputs[t] = state[0]
    return tape.stack([outputs[t] for t in steps])


def stack(inputs: Var, arrays, kind: str, draws: List[Draws], n: int, options: Mapping) -> tuple:
    """The stack of layers in training over sequence ``n``, (T, 1, C) → outputs (T, 1, D) and last (1, D)."""
    outputs, cell = inputs, kind.split()[0]
    for number, drawn in enumerate(draws):
        if drawn.features is not None:
            outputs = outputs * double(drawn.features[: len(outputs.value), n : n + 1])
        outputs = tape.concat([
            direction(outputs, oracle.under(arrays, f"layers.{number}.{name}_"), cell, name, drawn, n, options,
                      **ENCODERS[kind][1])
            for name in drawn.zones
        ], axis=2)  # fmt: skip
    return outputs, tape.concat([outputs[-1][:, :H], outputs[0][:, H:]], axis=1)


def check_training(monkeypatch, rng, hybridized, kind, options, *, layers=2, bidirectional=True, padded=False):
    """Asserts that outputs and all gradients of a training pass are the oracle's with the masks that were drawn."""
    encoder = prepare(make_encoder(kind, C, H, layers, bidirectional, **options), hybridized)
    inputs, lengths = double(rng.normal(size=(T, N, C))), some_lengths(T, N) if padded else None
    directions = ("forward", "backward")[: 1 + bidirectional]
    draws = sort(draws_of(encoder, inputs, lengths, monkeypatch), layers, directions, options)
    variable = Var(inputs)
    parameters = {name: Var(double(array)) for name, array in get_arrays(encoder).items()}
    sequences = iter(range(N))  # each_alone takes them in turn
    values = oracle.each_alone(
        lambda cut: stack(cut, parameters, kind, draws, next(sequences), options),
        lengths if padded else [T] * N,
        variable,
    )
    weights = [double(rng.normal(size=value.shape)) for value in values]
    expected = tape.gradients(values, weights, [variable, *parameters.values()])
    encoder.hybridize(hybridized, static_alloc=True, static_shape=True)
    mx.random.seed(DROP_SEED)
    measured = measure(encoder, [inputs], weights, lengths)
    check_close(measured.outputs, [value.value for value in values], "outputs")
    check_close(measured.inputs[0], expected[0], "gradient of the inputs")
    for name, gradient in zip(parameters, expected[1:]):
        check_close(measured.parameters[name], gradient, f"gradient of {name}")


@each_kind
@each_implementation
@with_lengths
@pytest.mark.parametrize("locked", [False, True], ids=["each step", "locked"])
def test_dropout(monkeypatch, rng, hybridized, kind, implementation, padded, locked):
    options = {"dropout": P, "input_dropout": P, "locked_dropout": locked, "implementation": implementation}
    check_training(monkeypatch, rng, hybridized, kind, options, padded=padded)


@each_kind
@each_implementation
@with_lengths
def test_weight_dropout(monkeypatch, rng, hybridized, kind, implementation, padded):
    options = {"weight_dropout": P, "implementation": implementation}
    check_training(monkeypatch, rng, hybridized, kind, options, padded=padded)


@each_kind
@with_lengths
def test_zoneout(monkeypatch, rng, hybridized, kind, padded):
    check_training(monkeypatch, rng, hybridized, kind, {"zoneout": P}, padded=padded)


@with_lengths
@pytest.mark.parametrize("options", [{"zoneout_cell": P}, {"zoneout": 0.1, "zoneout_cell": 0.5}], ids=["cell", "both"])
def test_zoneout_of_the_cell(monkeypatch, rng, hybridized, options, padded):
    """In one direction and layer: an eager pass draws for the last cell too, which a graph does not, unread."""
    check_training(monkeypatch, rng, hybridized, "lstm", options, layers=1, bidirectional=False, padded=padded)


@each_kind
@with_lengths
def test_all_together(monkeypatch, rng, hybridized, kind, padded):
    options = {"dropout": P, "input_dropout": P, "locked_dropout": True, "weight_dropout": P, "zoneout": P}
    check_training(monkeypatch, rng, hybridized, kind, options, bidirectional=False, padded=padded)
