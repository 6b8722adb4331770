"""The net that reads generated sequences: gradients, losses, training."""

from __future__ import annotations

import numpy as np
import pytest

from gluon_lstm import runtime
from gluon_lstm.article import sequences
from gluon_lstm.article.tasks import TASKS

STEPS, NUMBER, HIDDEN = 7, 4, 3
ADDING = TASKS["adding"]


@pytest.fixture
def probe(rng):
    """A few sequences of the adding problem."""
    return ADDING.make(rng, NUMBER, STEPS)


def arrays_of(net):
    """Returns the net's weights by the ends of their names, and puts random biases in them first."""
    arrays = {}
    for name, parameter in net.collect_params().items():
        if name.endswith("bias"):
            parameter.set_data(parameter.data() + 0.3 * sequences.nd.random.normal(shape=parameter.shape))
        ends = [end for end in ("i2h_weight", "h2h_weight", "i2h_bias", "h2h_bias") if name.endswith(end)]
        arrays[ends[0] if ends else "head_" + name.rpartition("_")[2]] = parameter.data().asnumpy()
    return arrays


def test_gradients_of_an_rnn_are_those_of_the_chain_rule(probe):
    net = sequences.make_reader(ADDING, "rnn", HIDDEN)
    p = {name: array.astype(float) for name, array in arrays_of(net).items()}
    states, hidden = [], np.zeros((NUMBER, HIDDEN))
    for x in probe.inputs.astype(float):
        hidden = np.tanh(x @ p["i2h_weight"].T + p["i2h_bias"] + hidden @ p["h2h_weight"].T + p["h2h_bias"])
        states.append(hidden)
    told = hidden @ p["head_weight"].T + p["head_bias"]
    gradient = 2 * (told - probe.targets[:, np.newaxis]) * p["head_weight"]
    expected = []
    for hidden in reversed(states):
        expected.append(np.sqrt((gradient**2).sum(axis=1).mean()))
        gradient = gradient * (1 - hidden**2) @ p["h2h_weight"]
    np.testing.assert_allclose(sequences.gradient_norms(net, probe), expected[::-1], rtol=1e-5)


@pytest.mark.parametrize("kind, options", [("lstm", {"forget_bias": 0.0}), ("lstm", {}), ("gru", {}), ("rnn", {})],
                         ids=["lstm-0", "lstm-1", "gru", "rnn"])  # fmt: skip
def test_gradients_are_pytorchs(probe, kind, options):
    torch = pytest.importorskip("torch")
    net = sequences.make_reader(ADDING, kind, HIDDEN, **options)
    p = {name: torch.tensor(array) for name, array in arrays_of(net).items()}
    cell = {"lstm": torch.nn.LSTMCell, "gru": torch.nn.GRUCell, "rnn": torch.nn.RNNCell}[kind](2, HIDDEN)
    names = {"weight_ih": "i2h_weight", "weight_hh": "h2h_weight", "bias_ih": "i2h_bias", "bias_hh": "h2h_bias"}
    cell.load_state_dict({theirs: p[ours] for theirs, ours in names.items()})
    state, states = torch.zeros(NUMBER, HIDDEN), []
    memory = torch.zeros(NUMBER, HIDDEN)
    for x in torch.tensor(probe.inputs):
        if kind == "lstm":
            state, memory = cell(x, (state, memory))
        else:
            state = cell(x, state)
        state.retain_grad()
        states.append(state)
    told = state @ p["head_weight"].T + p["head_bias"]
    ((told[:, 0] - torch.tensor(probe.targets)) ** 2).sum().backward()
    expected = [s.grad.pow(2).sum(dim=1).mean().sqrt().item() for s in states]
    np.testing.assert_allclose(sequences.gradient_norms(net, probe), expected, rtol=1e-4)


def test_gain_multiplies_the_recurrent_weights(random_seed):
    plain, large = [], []
    for kept, gain in ((plain, 1.0), (large, 4.0)):
        np.random.seed(random_seed % 2**31)
        net = sequences.make_reader(ADDING, "lstm", HIDDEN, gain)
        kept.extend(p.data().asnumpy() for n, p in net.collect_params().items() if n.endswith("h2h_weight"))
    np.testing.assert_allclose(large[0], 4 * plain[0], rtol=1e-6)


def test_losses_are_squared_errors_or_cross_entropies(rng, probe):
    net = sequences.make_reader(ADDING, "gru", HIDDEN)
    told = net(sequences.nd.array(probe.inputs)).asnumpy()[:, 0]
    np.testing.assert_allclose(sequences.losses_of(net, probe).asnumpy(), (told - probe.targets) ** 2, rtol=1e-5)
    task = TASKS["copying"]
    net, copying = sequences.make_reader(task, "lstm", HIDDEN), task.make(rng, NUMBER, 2)
    outputs = net(sequences.nd.array(copying.inputs)).asnumpy().astype(float)
    shares = np.exp(outputs) / np.exp(outputs).sum(axis=2, keepdims=True)
    right = np.take_along_axis(shares, copying.targets[..., np.newaxis], axis=2)[..., 0]
    np.testing.assert_allclose(sequences.losses_of(net, copying).asnumpy(), -np.log(right).mean(axis=0), rtol=1e-4)


def test_training_makes_the_error_small(rng):
    net = sequences.make_reader(TASKS["recall"], "lstm", 8)
    errors = sequences.train_reader(net, rng, 4, 150, 32, 0.02, points=3)
    assert errors.updates == [50, 100, 150]
    assert errors.losses == sorted(errors.losses, reverse=True)
    assert sequences.mean_loss(net, rng, 200, 4) < 0.1


def test_a_training_ends_once_the_loss_is_small_enough(rng):
    def train(enough):
        runtime.seed_everything(0)
        net = sequences.make_reader(TASKS["recall"], "lstm", 8)
        return sequences.train_reader(net, np.random.default_rng(0), 4, 150, 32, 0.02, points=15, enough=enough)

    whole = train(0.0)
    between = (whole.losses[3] + min(whole.losses[:3])) / 2
    assert whole.losses[3] < between and len(whole.losses) == 15
    cut = train(between)
    assert cut.updates == whole.updates[:4]
    assert cut.losses[-1] < between <= min(cut.losses[:-1])


def test_fewer_updates_than_points_are_noted_each(rng):
    net = sequences.make_reader(TASKS["recall"], "rnn", 4)
    assert sequences.train_reader(net, rng, 3, 2, 4, 0.01).updates == [1, 2]
