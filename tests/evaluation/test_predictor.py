"""A trained run on texts, loaded to predict."""

import mxnet as mx
import numpy as np
import pytest

from gluon_lstm.config import Config, merge
from gluon_lstm.data import load_splits
from gluon_lstm.errors import ConfigError, DataError, RunError
from gluon_lstm.evaluation import Predictor, predict
from gluon_lstm.evaluation.predictor import load
from gluon_lstm.nn import build_net, get_arrays
from gluon_lstm.rundir import RunDirectory, SavedModel

HARD_TEXTS = ["<script>'好'</script>", "\u202eשלום", "👩\u200d🚀", "这部电影很好", "<unk> <pad>", "\ud83d", "zebra"]


@pytest.fixture(scope="module", params=[0, 5], ids=["", "n-grams"])
def trained(request, tmp_path_factory):
    """Configuration, splits and folder of a run whose net has random weights; it learned nothing."""
    folder = tmp_path_factory.mktemp("texts")
    words = np.random.default_rng(0).integers(0, 40, (50, 6))
    rows = [" ".join(f"w{word}" for word in row[: 1 + index % 6]) + f" 好,{'负正'[index % 2]}"
            for index, row in enumerate(words)]  # fmt: skip
    (folder / "own.csv").write_text("text,label\n" + "\n".join(rows), encoding="utf-8")
    model = {"hidden_size": 4, "embedding_size": 5, "ngrams": request.param}
    config = merge(Config(), {"data": {"dataset": str(folder / "own.csv")}, "model": model})
    splits = load_splits(config)
    net = build_net(config.model, splits.train.step_shape, 2, [mx.cpu()], symbols=True)
    net.initialize(mx.init.Uniform(0.5), force_reinit=True)
    directory = RunDirectory.create(folder / "run", config.to_dict())
    train = splits.train
    directory.save_model(
        SavedModel(get_arrays(net), train.class_names, train.step_shape, train.input_format, 1, 0.5, 0.7,
                   train.reader.ngrams)
    )  # fmt: skip
    return config, splits, directory.path, net


@pytest.fixture
def predictor(trained):
    return load(trained[2])


def test_probabilities_are_those_of_the_net_that_was_saved(trained, predictor):
    _, splits, _, net = trained
    for split in splits[1:]:
        expected = predict(net, split, 7, mx.cpu()).probabilities
        np.testing.assert_allclose(predictor.predict_proba(split.texts), expected, atol=1e-6)
        np.testing.assert_allclose(predict(predictor.net, split, 3, mx.cpu()).probabilities, expected, atol=1e-6)
        assert predictor.predict(split.texts) == [("正", "负")[index] for index in expected.argmax(axis=1)]
    assert predictor.class_names == ("正", "负")


def test_a_predictor_tells_what_it_reads_and_answers(predictor):
    assert repr(predictor) == "Predictor(texts; 2 classes: 正, 负)"


@pytest.mark.parametrize("batch_size", [0, -1])
@pytest.mark.parametrize("name", ["predict_proba", "predict_lines"])
def test_a_batch_size_that_is_none_is_refused(predictor, name, batch_size):
    with pytest.raises(ValueError, match=f"batch_size must be at least 1, not {batch_size}"):
        getattr(predictor, name)(HARD_TEXTS, batch_size)


def test_a_model_predicts_on_one_device(trained):
    with pytest.raises(ConfigError, match="device 'cpu:0,1': a model predicts on one"):
        load(trained[2], device="cpu:0,1")


@pytest.mark.parametrize("batch_size", [1, 2, 3, 100])
def test_a_text_says_the_same_alone_and_among_others(predictor, batch_size):
    together = predictor.predict_proba(HARD_TEXTS, batch_size)
    alone = np.concatenate([predictor.predict_proba([text]) for text in HARD_TEXTS])
    np.testing.assert_allclose(together, alone, atol=1e-6)
    np.testing.assert_allclose(together.sum(axis=1), 1, atol=1e-6)
    assert (together.dtype, together.shape) == (np.float32, (len(HARD_TEXTS), 2))


def test_texts_in_other_containers(predictor):
    expected = predictor.predict_proba(["w1 w2", "好"])
    for texts in (("w1 w2", "好"), np.array(["w1 w2", "好"]), np.array(["w1 w2", "好"], object)):
        np.testing.assert_array_equal(predictor.predict_proba(texts), expected)


class Column:
    """A column as pandas has it after rows were shuffled: what is asked for by number is looked up in an index."""

    def __init__(self, texts):
        self._texts = texts
        self.shape = (len(texts),)

    def __len__(self):
        return len(self._texts)

    def __iter__(self):
        return iter(self._texts)

    def __getitem__(self, label):
        return self._texts[::-1][label]


def test_a_column_is_read_in_its_order_and_not_by_its_index(predictor):
    expected = predictor.predict_proba(HARD_TEXTS)
    np.testing.assert_array_equal(predictor.predict_proba(Column(HARD_TEXTS)), expected)
    np.testing.assert_array_equal(predictor.predict_lines(Column(HARD_TEXTS)).probabilities, expected)
    with pytest.raises(DataError, match=r"texts\[0\] is of type NoneType"):
        predictor.predict(Column([None, "w1"]))


def test_texts_that_come_one_after_the_other(predictor):
    expected = predictor.predict_proba(HARD_TEXTS)
    np.testing.assert_array_equal(predictor.predict_proba(text for text in HARD_TEXTS), expected)
    np.testing.assert_array_equal(predictor.predict_lines(iter(HARD_TEXTS)).probabilities, expected)
    assert predictor.predict(iter(())) == []


@pytest.mark.parametrize("texts", [[], (), np.array([], str)], ids=["list", "tuple", "array"])
def test_no_texts_have_no_labels(predictor, texts):
    assert predictor.predict(texts) == []
    for probabilities in (predictor.predict_proba(texts), predictor.predict_lines(texts).probabilities):
        assert (probabilities.shape, probabilities.dtype) == ((0, 2), np.float32)


def test_a_blank_text_among_others_can_be_marked_as_the_error_says(predictor):
    probabilities = predictor.predict_lines(["w1 w2", " ", "w3"]).probabilities
    np.testing.assert_array_equal(np.isnan(probabilities).all(axis=1), [False, True, False])
    np.testing.assert_allclose(probabilities[[0, 2]], predictor.predict_proba(["w1 w2", "w3"]), atol=1e-6)


@pytest.mark.parametrize(
    "texts, message",
    [
        ("one text", "give a list of texts, not one text"),
        (["w1", ""], r"texts\[1\] is blank: leave it out, or give all to predict_lines, which marks it NaN"),
        (["w1", None], r"texts\[1\] is of type NoneType"),
        (np.zeros((2, 8, 8)), r"give a list of texts, or one column of a table, not an array of shape \(2, 8, 8\)"),
        (np.array([["w1"], ["w2"]]), r"one column of a table, not an array of shape \(2, 1\)"),
        (np.array("w1"), r"not an array of shape \(\)"),
        (np.zeros(2), r"texts\[0\] is of type float64"),
    ],
    ids=["one", "blank", "None", "images", "table", "scalar", "numbers"],
)
def test_what_is_no_text(predictor, texts, message):
    with pytest.raises(DataError, match=message):
        predictor.predict_proba(texts)


@pytest.mark.parametrize("texts", ["one text", ["w1", None], [b"w1"]], ids=["one", "None", "bytes"])
def test_lines_that_are_no_texts(predictor, texts):
    with pytest.raises(DataError, match="^texts"):
        predictor.predict_lines(texts)


def test_only_data_of_its_vocabulary_and_classes_fit(trained, predictor):
    config, splits, *_ = trained
    predictor.check(splits.test)
    other = load_splits(merge(config, {"text": {"vocabulary_size": 3}})).test
    with pytest.raises(DataError, match="a time step has 5 features"):
        predictor.check(other)


def test_a_vocabulary_edited_by_hand(trained, tmp_path):
    config, _, path, _ = trained
    directory = RunDirectory.create(tmp_path / "copy", config.to_dict())
    directory.save_model(RunDirectory.open(path).load_model())
    load(directory.path)
    vocabulary = directory.path / "model" / "vocabulary.json"
    vocabulary.write_text(vocabulary.read_text(encoding="utf-8").replace("好", "坏"), encoding="utf-8")
    with pytest.raises(RunError, match="vocabulary.json: damaged"):
        load(directory.path)


def test_a_configuration_that_says_otherwise_of_the_ngrams(trained):
    config, _, path, _ = trained
    other = merge(config, {"model": {"ngrams": 0 if config.model.ngrams else 2}})
    with pytest.raises(RunError, match="run: its n-gram model and config.json disagree"):
        Predictor(other, RunDirectory.open(path).load_model(), mx.cpu(), "run")


def test_an_option_that_had_no_effect_in_training_is_not_told_again(trained):
    config, splits, path, _ = trained
    other = merge(config, {"model": {"locked_dropout": True}})  # of one layer
    predictor = Predictor(other, RunDirectory.open(path).load_model(), mx.cpu(), "run")
    assert predictor.predict_proba(splits.test.texts).shape == (len(splits.test.texts), 2)
