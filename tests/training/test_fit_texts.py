"""Whole training runs on texts."""

from dataclasses import replace

import mxnet as mx
import numpy as np
import pytest

from gluon_lstm.config import Config, merge
from gluon_lstm.data import load_splits
from gluon_lstm.errors import ConfigError, DataError
from gluon_lstm.evaluation import Predictor, evaluate, predict, predict_logits
from gluon_lstm.rundir import RunDirectory
from gluon_lstm.runtime import seed_everything
from gluon_lstm.training import Fit, Progress
from gluon_lstm.training.mixture import fit_mixture
from gluon_lstm.training.preparation import prepare_training

MODEL = {"hidden_size": 4, "embedding_size": 3, "dropout": 0.0, "embedding_dropout": 0.0}
TRAINING = {"epochs": 2, "batch_size": 12, "learning_rate": 0.05}
WORDS = {"negative": ["坏", "poor", "cold"], "positive": ["好", "fine", "warm"]}


@pytest.fixture
def corpus(tmp_path):
    """A file of 80 texts, each with a word of its class."""
    rng = np.random.default_rng(0)
    rows = ["text,label"]
    for number in range(80):
        label = ("negative", "positive")[number % 2]
        words = [rng.choice(WORDS[label]), *(f"w{value}" for value in rng.integers(0, 9, rng.integers(0, 7)))]
        rows.append(" ".join(rng.permutation(words)) + f",{label}")
    (tmp_path / "own.csv").write_text("\n".join(rows), encoding="utf-8")
    return str(tmp_path / "own.csv")


@pytest.fixture
def unbalanced(tmp_path):
    """A file of 60 texts, a quarter of which are of one class."""
    rows = [f"{('poor', 'fine')[number % 4 > 0]} w{number % 7} w{number % 5},{number % 4 > 0}" for number in range(60)]
    (tmp_path / "unbalanced.csv").write_text("\n".join(["text,label", *rows]), encoding="utf-8")
    return str(tmp_path / "unbalanced.csv")


@pytest.fixture
def vectors(tmp_path):
    """A file with vectors of four of the words and of one that no text has."""
    rows = [f"{word} {number}.25 -0.5 {number / 8}" for number, word in enumerate(["好", "坏", "w1", "fine", "none"])]
    (tmp_path / "vectors.txt").write_text("\n".join(rows), encoding="utf-8")
    return str(tmp_path / "vectors.txt")


@pytest.fixture
def train(tmp_path, corpus):
    """A function that trains on the texts; returns the fit, the saved model and the log."""

    def run(model=(), training=(), text=(), dataset=corpus):
        sections = {"model": {**MODEL, **dict(model)}, "training": {**TRAINING, **dict(training)}, "text": dict(text)}
        config = merge(Config(), {"data": {"dataset": dataset}, **sections})
        fitting = Fit(config, load_splits(config), [mx.cpu()], Progress(config.training.epochs))
        before = fitting.net.embedding.weight.data().asnumpy() if hasattr(fitting.net, "embedding") else None
        directory = RunDirectory.create(tmp_path / "run", config.to_dict(), force=(tmp_path / "run").exists())
        fitting.run(directory)
        return before, directory.load_model(), directory.read_log()

    return run


@pytest.mark.parametrize(
    "model, training, text",
    [
        ({"ngrams": 2}, {"label_smoothing": 0.1, "class_weights": True}, {}),
        ({"encoder": "transformer"}, {"ema_decay": 0.9}, {"word_dropout": 0.1}),
        ({"ngrams": 1, "encoder": "rnn"}, {"adversarial": 0.5}, {"tokenizer": "characters"}),
    ],
    ids=["n-grams", "transformer", "adversarial"],
)
def test_training_is_repeatable(train, model, training, text):
    (_, one, _), (_, other, _) = (train(model, {**training, "epochs": 1}, text) for _ in range(2))
    assert set(one.parameters) == set(other.parameters)
    for name, array in one.parameters.items():
        np.testing.assert_array_equal(array, other.parameters[name], err_msg=name)


@pytest.mark.parametrize("training", [{}, {"adversarial": 0.5}], ids=["plain", "adversarial"])
def test_texts_are_learned(train, training):
    _, _, log = train({}, {**training, "epochs": 6})
    assert log[-1]["train_accuracy"] > 0.9
    assert log[-1]["train_loss"] < 0.5 * log[0]["train_loss"]


@pytest.mark.parametrize(
    "section, option",
    [("model", {"embedding_training": False}), ("model", {"embedding_dropout": 0.5}), ("text", {"word_dropout": 0.5}),
     ("training", {"label_smoothing": 0.2}), ("training", {"class_weights": True}), ("training", {"adversarial": 0.5}),
     ("training", {"ema_decay": 0.99})],
    ids=lambda value: "" if isinstance(value, str) else next(iter(value)),
)  # fmt: skip
def test_each_option_changes_what_is_learned(train, unbalanced, section, option):
    options = {"training": {"epochs": 1, "batch_size": 4}}
    _, plain, _ = train(**options, dataset=unbalanced)
    _, other, _ = train(**{**options, section: {**options.get(section, {}), **option}}, dataset=unbalanced)
    assert any((plain.parameters[name] != other.parameters[name]).any() for name in plain.parameters)


def test_each_class_counts_alike_where_that_is_asked_for(unbalanced):
    def losses(**training):
        config = merge(Config(), {"data": {"dataset": unbalanced}, "model": MODEL, "training": training})
        dataset = load_splits(config).train
        seed_everything(0)
        stepper = prepare_training(config, dataset, [mx.cpu()]).stepper
        _, (found,) = stepper.forward_backward(dataset.batch(np.arange(len(dataset))))
        return found.asnumpy(), dataset.labels

    (plain, labels), (weighted, _) = losses(), losses(class_weights=True)
    shares = weighted / plain
    rare, frequent = (shares[labels == label] for label in np.argsort(np.bincount(labels)))
    assert len(frequent) > 2 * len(rare)
    np.testing.assert_allclose([rare.sum(), frequent.sum()], len(labels) / 2, rtol=1e-4)


def test_pretrained_vectors_are_put_in_their_places(train, vectors, capsys):
    before, saved, _ = train({"embedding": vectors})
    vocabulary = saved.input_format["vocabulary"]
    for number, word in enumerate(["好", "坏", "w1", "fine"]):
        np.testing.assert_allclose(before[vocabulary.index(word)], [number + 0.25, -0.5, number / 8], rtol=1e-6)
    known = len(vocabulary) - 2  # without those for unknown words and padding
    assert f"vectors for {4 / known:.1%} of the vocabulary's {known} tokens" in capsys.readouterr().err
    others = before[[vocabulary.index(word) for word in vocabulary if word not in ("好", "坏", "w1", "fine")]]
    pretrained = np.array([[number + 0.25, -0.5, number / 8] for number in range(4)])
    assert 0.5 < others.std() / pretrained.std() < 1.5
    assert (saved.parameters["embedding.weight"] != before).any()


@pytest.mark.parametrize(
    "training",
    [{}, {"weight_decay": 0.1, "optimizer": "adamw"}, {"adversarial": 0.5}, {"ema_decay": 0.9, "epochs": 6}],
    ids=["plain", "decay", "adversarial", "average"],
)  # fmt: skip
def test_a_fixed_embedding_stays_as_it_was_to_the_bit(train, vectors, training):
    before, saved, _ = train({"embedding": vectors, "embedding_training": False}, training)
    np.testing.assert_array_equal(saved.parameters["embedding.weight"], before)


def test_vectors_of_another_size(train, vectors):
    message = r"--embedding-size 9: .*vectors.txt has 3 values a word; use --embedding-size 3"
    with pytest.raises(ConfigError, match=message):
        train({"embedding": vectors, "embedding_size": 9})


def test_vectors_of_another_size_are_refused_at_the_first_line(train, tmp_path):
    (tmp_path / "long.txt").write_text("film 1 2 3\nfilm x\n")
    with pytest.raises(ConfigError, match="long.txt has 3 values a word"):
        train({"embedding": str(tmp_path / "long.txt"), "embedding_size": 9})


def test_vectors_of_other_words(train, vectors):
    with pytest.raises(DataError, match="has none of the .* tokens"):
        train({"embedding": vectors}, text={"vocabulary_size": 1, "tokenizer": "characters"})


@pytest.mark.parametrize(
    "model, training, message",
    [
        ({"ngrams": 2}, {}, "--ngrams 2: acts on texts alone, and digits holds none"),
        ({}, {"adversarial": 1.0}, "--adversarial 1.0: acts on texts alone"),
        ({"embedding": "x.txt"}, {}, "--embedding x.txt: acts on texts alone"),
    ],
)
def test_options_that_act_on_texts_alone(train, model, training, message):
    with pytest.raises(ConfigError, match=message):
        train(model, training, dataset="digits")


@pytest.mark.parametrize("training", [{}, {"ema_decay": 0.9}], ids=["", "averaged"])
def test_network_and_ngrams_are_mixed_as_is_likeliest_on_the_validation_texts(tmp_path, corpus, training):
    sections = {"model": {**MODEL, "ngrams": 2}, "training": {**TRAINING, **training}}
    config = merge(Config(), {"data": {"dataset": corpus}, **sections})
    splits, directory = load_splits(config), RunDirectory.create(tmp_path / "run", {})
    Fit(config, splits, [mx.cpu()], Progress(2)).run(directory)
    model = directory.load_model()
    net = Predictor(config, model, mx.cpu(), "run").net
    logits, validation = predict_logits(net, splits.validation, 12, mx.cpu()), splits.validation
    a, b = fit_mixture(logits, validation.scores, validation.labels)
    np.testing.assert_allclose(model.ngrams.mixture, [a, b], rtol=1e-4)
    mixed = replace(validation, reader=validation.reader._replace(ngrams=model.ngrams))
    predictions = predict(net, mixed, 12, mx.cpu())
    exponentials = np.exp(a * logits + b * validation.scores)
    np.testing.assert_allclose(
        predictions.probabilities, exponentials / exponentials.sum(axis=1, keepdims=True), rtol=1e-4
    )
    evaluation = evaluate(predictions, validation.class_names)
    record = next(record for record in directory.read_log() if record["epoch"] == model.epoch)
    assert evaluation.nll == pytest.approx(record["validation_loss"], rel=1e-5)
    assert evaluation.accuracy == record["validation_accuracy"]


def test_the_network_learns_as_if_there_were_no_ngrams(train):
    (_, alone, _), (_, mixed, _) = train({}, {"epochs": 1}), train({"ngrams": 2}, {"epochs": 1})
    for name, array in alone.parameters.items():
        np.testing.assert_array_equal(mixed.parameters[name], array, err_msg=name)
    assert set(mixed.parameters) == set(alone.parameters)
