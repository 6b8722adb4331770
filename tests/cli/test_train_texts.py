"""A person's own texts, from the file to the report; and every mistake in them, told in one line."""

import csv
import gzip
import io
import json
import re
import shutil

import numpy as np
import pytest
from markdown_it import MarkdownIt

import gluon_lstm
from gluon_lstm.cli import main
from gluon_lstm.config import Config, merge
from gluon_lstm.data import load_split

SMALL = ("--hidden-size", "4", "--embedding-size", "4", "--batch-size", "8", "--epochs", "1", "--threads", "1")
LABELS = ("好评", "差评", "<script>", "😀 \u202eשלום")


def rows(count=40):
    """Returns texts with line breaks, quotes, markup, right-to-left marks and emoji, and their labels."""
    rng = np.random.default_rng(0)
    forms = ["这部电影{}，很好！", '<script>alert("{}")</script>', "\u202eשלום {}\u202c", "👩\u200d🚀 one\ntwo {}"]
    numbers = [" ".join(map(str, rng.integers(0, 9, 1 + n % 5))) for n in range(count)]
    return [(forms[n % 4].format(numbers[n]), LABELS[n % 4]) for n in range(count)]


def table(samples, header=("text", "label")):
    file = io.StringIO(newline="")
    csv.writer(file).writerows([header, *samples] if header else samples)
    return file.getvalue()


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run on texts of one's own, in a folder with the file; tests leave it as it is."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "评论.csv").write_bytes(("\ufeff" + table(rows())).encode("utf-8"))
    run = folder / "run"
    assert main(["train", "--dataset", str(folder / "评论.csv"), "--output", str(run), "--ngrams", "2", *SMALL]) == 0
    return run


def test_texts_and_labels_come_through_intact(trained, cli):
    assert cli("evaluate", trained).code == 0
    report = trained / "evaluation" / "test"
    with (report / "predictions.csv").open(encoding="utf-8", newline="") as file:
        header, *lines = csv.reader(file)
    assert header[:4] == ["index", "line", "label", "predicted"] and {name[2:] for name in header[4:]} == set(LABELS)
    assert {line[2] for line in lines} <= set(LABELS)
    assert len(lines) == 4
    metrics = json.loads((report / "metrics.json").read_text(encoding="utf-8"))
    assert {item["class"] for item in metrics["per_class"]} == set(LABELS)
    text = (report / "report.md").read_text(encoding="utf-8")
    assert "<script>" not in MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
    assert "好评" in text and "😀" in text and "评论.csv" in text
    shutil.rmtree(trained / "evaluation")


def test_a_loaded_run_says_what_evaluate_says(trained, cli):
    assert cli("evaluate", trained, "--split", "validation", "--quick").code == 0
    path = trained / "evaluation" / "validation" / "predictions.csv"
    with path.open(encoding="utf-8", newline="") as file:
        header, *lines = csv.reader(file)
    shutil.rmtree(trained / "evaluation")
    predictor = gluon_lstm.load(trained)
    config = json.loads((trained / "config.json").read_text(encoding="utf-8"))
    assert config["dataset"]["splits"]["validation"]["samples"] == len(lines)
    dataset = load_split(merge(Config(), config), "validation", predictor.reader)
    assert set(dataset.texts) < {text for text, _ in rows()}
    probabilities = predictor.predict_proba(dataset.texts)
    assert tuple(name[2:] for name in header[4:]) == predictor.class_names
    np.testing.assert_allclose(probabilities, [list(map(float, line[4:])) for line in lines], atol=1e-6)
    assert predictor.predict(dataset.texts) == [line[3] for line in lines]
    assert [dataset.origin.places[int(line[0])] for line in lines] == [int(line[1]) for line in lines]


def test_what_a_person_sees(cli, tmp_path):
    lines = "".join(f"{n}\tw{n % 7}\t{n % 2}\n" for n in range(30))
    (tmp_path / "own.tsv").write_text("id\treview\tstars\n" + lines + "30\t \t1\n")
    outcome = cli("train", "--dataset", tmp_path / "own.tsv", "--label-column", "stars", *SMALL)
    assert outcome.code == 0
    assert f"warning: {tmp_path / 'own.tsv'}: 1 blank text left out (line 32)" in outcome.err
    assert "25 train, 2 validation, 3 test; 2 classes" in outcome.err
    assert "model in runs/own-default-0;" in outcome.out
    assert (tmp_path / "work" / "runs" / "own-default-0" / "model" / "vocabulary.json").is_file()


def test_classes_are_counted_and_nothing_in_them_reaches_the_terminal(cli, tmp_path):
    samples = [(f"a {n}", ("x\x1b[31m" if n % 2 else "X\x1b[31m") + "y" * 100) for n in range(30)]
    (tmp_path / "own.csv").write_bytes(table(samples).encode("utf-8"))
    err = cli("train", "--dataset", tmp_path / "own.csv", "--dry-run", *SMALL).err
    assert ": classes: X\\x1b[31myyy" in err and "y… 15, x\\x1b[31my" in err
    assert "differ only in capitals or spaces, and are 2 classes" in err
    assert "\x1b" not in err


def test_clauses_taken_for_words_are_told_at_once(cli, tmp_path):
    samples = [(f"这部电影真的很好看{'好' * (n % 4)}，推荐大家去看", n % 2) for n in range(40)]
    (tmp_path / "own.csv").write_bytes(table(samples).encode("utf-8"))
    command = ("train", "--dataset", tmp_path / "own.csv", "--dry-run", *SMALL)
    assert ", of which --tokenizer words takes a whole clause, " in cli(*command).err
    assert "whole clause" not in cli(*command, "--tokenizer", "characters").err


UNQUOTED = "text\tlabel\n" + "".join(f'"word{n % 3} {n}\tpos\nword{n % 5} {n}"\tneg\n' for n in range(20))
"""A TSV file whose texts begin or end with a quotation mark; who minds these takes two rows for one."""


def test_quotation_marks_as_they_stand_from_training_to_prediction(cli, tmp_path):
    (tmp_path / "own.tsv").write_text(UNQUOTED)
    outcome = cli("train", "--output", "run", "--dataset", tmp_path / "own.tsv", "--no-quotes", *SMALL)
    assert outcome.code == 0, outcome.err
    assert "warning" not in outcome.err
    assert "33 train, 3 validation, 4 test; 2 classes" in outcome.err
    config = tmp_path / "work" / "run" / "config.json"
    assert json.loads(config.read_text())["text"]["quotes"] is False
    assert cli("evaluate", "run", "--quick", "--data", tmp_path / "own.tsv").code == 0
    with (tmp_path / "work" / "run" / "evaluation" / "data" / "predictions.csv").open(newline="") as file:
        assert len(list(csv.reader(file))) == 1 + 40
    predict = ("predict", "run", "--input", tmp_path / "own.tsv", "--with-input")
    answers = list(csv.reader(io.StringIO(cli(*predict).out, newline="")))
    assert [row[-1] for row in answers][1:3] == ['"word0 0', 'word0 0"']
    merged = cli(*predict, "--quotes")
    assert len(list(csv.reader(io.StringIO(merged.out, newline="")))) == 1 + 20
    assert "quotation marks hold lines 2 to 3, which look like rows, together" in merged.err


def test_rows_that_quotation_marks_hold_together_are_told_in_training_and_evaluation(cli, trained, tmp_path):
    lines = "".join(f"w{n % 7}\t{LABELS[n % 2]}\n" for n in range(40))
    content = f'text\tlabel\n{lines}"begins\t{LABELS[0]}\nends"\t{LABELS[1]}\n'
    (tmp_path / "own.tsv").write_text(content, encoding="utf-8")
    warning = f"warning: {tmp_path / 'own.tsv'}: quotation marks hold lines 42 to 43, which look like rows, together"
    assert warning in cli("train", "--dataset", tmp_path / "own.tsv", "--dry-run", *SMALL).err
    assert warning in cli("evaluate", trained, "--quick", "--data", tmp_path / "own.tsv").err
    shutil.rmtree(trained / "evaluation")


@pytest.mark.parametrize("name", ["own.jsonl", "own.jsonl.gz"])
def test_files_of_three_splits(cli, tmp_path, name):
    def write(stem, samples):
        content = "".join(json.dumps({"text": t, "label": label}) + "\n" for t, label in samples).encode()
        path = tmp_path / f"{stem}-{name}"
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return path

    files = [write("train", rows(24)), "--validation-file", write("v", rows(8)), "--test-file", write("t", rows(4))]
    outcome = cli("train", "--output", "run", "--dataset", *files, *SMALL)
    assert outcome.code == 0
    assert "24 train, 8 validation, 4 test; 4 classes" in outcome.err
    assert cli("evaluate", "run", "--quick").code == 0


@pytest.mark.parametrize(
    "options",
    [
        ("--tokenizer", "characters", "--adversarial", "0.5", "--word-dropout", "0.1", "--class-weights"),
        ("--encoder", "transformer", "--label-smoothing", "0.1", "--vocabulary-size", "5", "--min-count", "2"),
    ],
    ids=["adversarial", "transformer"],
)
def test_a_dry_run_goes_through_all(cli, tmp_path, options):
    (tmp_path / "own.csv").write_bytes(table(rows()).encode("utf-8"))
    outcome = cli("train", "--dataset", tmp_path / "own.csv", "--dry-run", *SMALL, *options)
    assert outcome.code == 0
    assert "dry run: training, validation, saving and evaluation work" in outcome.out
    assert list((tmp_path / "work").iterdir()) == []


GOOD = table(rows())
BAD = {
    "empty file": ("", (), "has no rows; give a file with texts"),
    "missing column": (GOOD, ("--text-column", "body"), "has no column 'body'; name another by --text-column: 'text'"),
    "missing label column": (GOOD, ("--label-column", "stars"), "name another by --label-column: 'text', 'label'"),
    "one column twice": (GOOD, ("--text-column", "text", "--label-column", "text"), "--label-column are both 'text'"),
    "which column": (table([(1, 2, 3)] * 9, "abc"), (), "the texts? name it by --text-column: 'a', 'b', 'c'"),
    "one class": (table([("a", "x")] * 9), (), "every label is 'x', and one class alone leaves nothing to learn"),
    "all blank": (table([(" ", "x"), ("", "y")]), (), "all 2 texts of column 'text' are blank"),
    "no label": (GOOD + "text,\n", (), "1 text has no label in 'label' (line "),
    "ragged": (GOOD + "a,b,c\n", (), "has 3 columns, the first row 2"),
    "open quote": (GOOD + '"a,b\n', (), "is not valid CSV (unexpected end of data)"),
    "lone quotes": (GOOD + '"Good" film,x\n', (), "or take all as they stand with --no-quotes"),
    "NUL": (GOOD + "a\0,b\n", (), "holds a NUL character"),
    "encoding": (GOOD.encode() + b"caf\xe9,x\n", (), f"byte {len(GOOD.encode()) + 3} (0xe9) is not utf-8"),
    "no such encoding": (GOOD, ("--encoding", "utf-9"), "--encoding utf-9: no such encoding"),
    "name twice": ("text,text\na,b\n", (), "the first row names column 'text' twice"),
    "too few": (table([("a", "x"), ("b", "y")]), (), "2 texts of 2 labels are too few to train, validate and test on"),
    "rare tokens": (GOOD, ("--min-count", "9999"), "--min-count 9999: no token occurs that often"),
    "many folds": (GOOD, ("--folds", "41"), "has 40 texts; use fewer"),
    "no vectors": (GOOD, ("--embedding", "none.txt"), "--embedding none.txt: No such file or directory"),
    "no model": (GOOD, ("--tokenizer", "sentencepiece"), "--sentencepiece-model: each needs the other"),
    "no file": (GOOD, ("--test-file", "none.csv"), "--test-file none.csv: no such file"),
    "no kind of file": (GOOD, ("--test-file", "none.txt"), "--test-file none.txt: give a file that ends in .csv"),
    "vocabulary": (GOOD, ("--vocabulary-size", "0"), "--vocabulary-size 0: must be at least 1"),
}


@pytest.mark.parametrize("content, options, message", BAD.values(), ids=BAD)
def test_bad_files_and_options(refuses, tmp_path, content, options, message):
    (tmp_path / "own.csv").write_bytes(content.encode() if isinstance(content, str) else content)
    assert message in refuses("train", "--output", "run", "--dataset", tmp_path / "own.csv", *SMALL, *options)


def test_a_label_that_training_lacks(refuses, tmp_path):
    (tmp_path / "own.csv").write_bytes(GOOD.encode("utf-8"))
    (tmp_path / "v.csv").write_text("text,label\na,好评\nb,中评\n", encoding="utf-8")
    line = refuses("train", "--dataset", tmp_path / "own.csv", "--validation-file", tmp_path / "v.csv", *SMALL)
    assert f"{tmp_path / 'v.csv'}: line 3: label '中评' does not occur in the training texts" in line


@pytest.mark.parametrize(
    "content, size, message",
    [
        ("a 1 2\nb 1 2 3\n", 2, "line 2 has 3 values, the lines before 2"),
        ("很好 1 2\n", 2, "has none of the "),
        ("a 1 2\n好 nan 1\n", 2, "line 2 holds values that are not finite"),
        ("a 1 2\n好 1 1\n", 4, "--embedding-size 4: "),
    ],
)
def test_bad_vectors(refuses, tmp_path, content, size, message):
    (tmp_path / "own.csv").write_bytes((table([(f"好 w{n}", n % 2) for n in range(20)])).encode("utf-8"))
    (tmp_path / "vectors.txt").write_text(content, encoding="utf-8")
    options = ("--dataset", tmp_path / "own.csv", "--embedding", tmp_path / "vectors.txt", *SMALL)
    assert message in refuses("train", *options, "--embedding-size", str(size))


def test_random_vectors_that_are_not_trained_are_told(cli, tmp_path):
    (tmp_path / "own.csv").write_bytes(GOOD.encode("utf-8"))
    (tmp_path / "vectors.txt").write_text("film 1 2 3 4\n电 1 1 1 1\n", encoding="utf-8")
    options = ("train", "--dataset", tmp_path / "own.csv", *SMALL, "--tokenizer", "characters", "--dry-run")
    warning = "warning: --no-embedding-training keeps random word vectors: no --embedding was given\n"
    assert warning in cli(*options, "--no-embedding-training").err
    for others in ((), ("--no-embedding-training", "--embedding", tmp_path / "vectors.txt")):
        outcome = cli(*options, *others)
        assert outcome.code == 0 and warning not in outcome.err


def test_a_vocabulary_edited_by_hand(refuses, trained, tmp_path):
    run = shutil.copytree(trained, tmp_path / "work" / "run")
    vocabulary = run / "model" / "vocabulary.json"
    vocabulary.write_text(vocabulary.read_text(encoding="utf-8").replace("script", "scrip"), encoding="utf-8")
    assert f"{vocabulary}: damaged, its checksum is not the recorded one" in refuses("evaluate", run)


def test_texts_that_are_gone(refuses, trained, tmp_path):
    run = shutil.copytree(trained, tmp_path / "work" / "run")
    config = json.loads((run / "config.json").read_text(encoding="utf-8"))
    config["data"]["dataset"] = "gone.csv"
    (run / "config.json").write_text(json.dumps(config), encoding="utf-8")
    assert "--dataset gone.csv: no such file" in refuses("evaluate", run)


@pytest.fixture
def find_lr(cli, tmp_path):
    """A function that runs find-lr on a few texts; returns how it ended, and the plot's bytes."""
    (tmp_path / "own.csv").write_bytes(GOOD.encode("utf-8"))
    (tmp_path / "vectors.txt").write_text("这部电影 1 2 3 4\n0 9 -9 9 -9\n1 5 5 5 5\n", encoding="utf-8")
    small = [option for option in SMALL if option not in ("--epochs", "1")] + ["1"]

    def run(*options):
        plot = tmp_path / "plot.png"
        outcome = cli("find-lr", "--dataset", tmp_path / "own.csv", "--output", plot, "--steps", 20, *small, *options)
        assert outcome.code == 0, outcome.err
        return plot.read_bytes()

    return run


def test_a_range_test_minds_what_a_training_does(find_lr, tmp_path):
    plain = find_lr()
    for options in (("--embedding", tmp_path / "vectors.txt"), ("--adversarial", "1")):
        assert find_lr(*options) != plain, options


@pytest.mark.parametrize("option", ["--adversarial", "--ngrams"])
def test_a_range_test_on_images_refuses_what_acts_on_texts(refuses, option):
    assert f"{option} 1" in refuses("find-lr", option, "1", "--threads", "1")


def test_texts_that_train_and_test_are_told_in_training_and_in_the_report(cli, tmp_path):
    (tmp_path / "own.csv").write_text(table([(f"w{n % 3} number {n}", LABELS[n % 2]) for n in range(30)]), "utf-8")
    options = ("--dataset", tmp_path / "own.csv", "--test-file", tmp_path / "own.csv", "--output", tmp_path / "run")
    outcome = cli("train", *options, *SMALL)
    told = ["3 of 30 test texts are validation texts too", "27 of 30 test texts are training texts too"]
    assert [f"warning: {line}" for line in told] == re.findall("warning: .* too", outcome.err)
    assert cli("evaluate", tmp_path / "run", "--quick").code == 0
    report = (tmp_path / "run" / "evaluation" / "test" / "report.md").read_text(encoding="utf-8")
    assert all(f"{line}, so that these figures flatter the model." in report for line in told)
