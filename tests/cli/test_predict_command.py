"""predict on texts: the numbers of ``load(RUN).predict_proba``, in every format, from every source."""

import csv
import gzip
import io
import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from commands import ROOT

import gluon_lstm
from gluon_lstm.cli import main

SMALL = ("--hidden-size", "5", "--embedding-size", "4", "--epochs", "1")
TEXTS = ["We doubt that the film was dull.", "Everybody agrees that this novel was warm.", "little known here."]
WILD = ['<script>alert("1")</script>', "\u202egpj.exe\u202c שלום", "👩‍💻 great, really", "这部电影很好",
        "two\nlines\rof", 'a "quote", a comma']  # fmt: skip
WILD_CLASSES = ['<b>"a", b</b>', "\x1b[31mred", "好"]


@pytest.fixture(scope="session")
def text_run(tmp_path_factory):
    """A run on sentences; tests leave it as it is."""
    run = tmp_path_factory.mktemp("texts") / "run"
    options = ("--dataset", "sentences", "--limit-train", "60", *SMALL)
    assert main(["train", "--output", str(run), *options]) == 0
    return run


@pytest.fixture(scope="session")
def wild_run(tmp_path_factory):
    """A run whose classes have names that a format could trip over."""
    folder = tmp_path_factory.mktemp("wild")
    rows = [{"text": f"text {index} {index % 3}", "label": WILD_CLASSES[index % 3]} for index in range(60)]
    (folder / "own.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert main(["train", "--output", str(folder / "run"), "--dataset", str(folder / "own.jsonl"), *SMALL]) == 0
    return folder / "run"


@pytest.fixture
def work(tmp_path):
    """The folder that the test is in."""
    return tmp_path / "work"


@pytest.fixture
def feed(monkeypatch):
    """A function that puts bytes into standard input."""
    return lambda content: monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


@pytest.fixture
def start(text_run):
    """A function that starts ``predict RUN --input -`` in a process of its own, which is ended with the test."""
    processes = []

    def run(*options, **streams):
        code = "import sys; from gluon_lstm.cli import main; sys.exit(main())"
        command = [sys.executable, "-c", code, "predict", str(text_run), "--input", "-", *options]
        pipe = subprocess.PIPE
        streams = {"stdin": pipe, "stdout": pipe, "stderr": pipe, **streams}
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii"}
        processes.append(subprocess.Popen(command, env=environment, **streams))
        return processes[-1]

    yield run
    for process in processes:
        process.kill()
        process.communicate()


def csv_rows(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


def check_rows(rows, run, texts):
    """Checks indices, labels and probabilities of CSV against the predictor's."""
    predictor = gluon_lstm.load(run)
    assert [int(row["index"]) for row in rows] == list(range(len(texts)))
    assert [row["predicted"] for row in rows] == predictor.predict(texts)
    expected = predictor.predict_proba(texts)
    np.testing.assert_allclose([float(row["probability"]) for row in rows], expected.max(axis=1), rtol=1e-5)
    if f"p:{predictor.class_names[0]}" in rows[0]:
        found = [[float(row[f"p:{name}"]) for name in predictor.class_names] for row in rows]
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_texts_of_the_command_line_get_an_answer_to_read(cli, text_run):
    code, out, err = cli("predict", text_run, *TEXTS)
    assert (code, err) == (0, "")
    names, lines = gluon_lstm.load(text_run).class_names, out.splitlines()
    for text, row, name, answer in zip(TEXTS, gluon_lstm.load(text_run).predict_proba(TEXTS), lines[::2], lines[1::2]):
        best, other = row.argmax(), row.argmin()
        assert name == text
        assert answer == f"  {names[best]} {row[best]:.2%}  ({names[other]} {row[other]:.2%})"
    assert len(lines) == 6


def test_flags_may_stand_anywhere(cli, text_run):
    expected = cli("predict", text_run, "--format", "csv", *TEXTS)
    assert expected.code == 0
    flag = ("--format", "csv")
    for order in ((TEXTS[0], *flag, *TEXTS[1:]), (*TEXTS, *flag), (*flag, "--", *TEXTS)):
        assert cli("predict", text_run, *order) == expected
    check_rows(csv_rows(expected.out), text_run, TEXTS)


@pytest.mark.parametrize("before", [[], ["--format", "csv"], ["good", "--format", "csv"]])
def test_a_text_that_starts_with_a_dash(cli, text_run, before):
    code, out, _ = cli("predict", text_run, *before, "--", "-bad", "--format")
    assert code == 0
    assert len(out.splitlines()) == (4 if not before else 3 + ("good" in before))


@pytest.mark.parametrize("options", [[], ["--probabilities"]])
@pytest.mark.parametrize("name, pack", [("a.txt", bytes), ("a.txt.gz", gzip.compress), ("-", None)])
def test_lines(cli, text_run, work, feed, name, pack, options):
    content = "\r\n".join(TEXTS).encode("utf-8-sig")
    if pack is None:
        feed(content)
    else:
        (work / name).write_bytes(pack(content))
    code, out, err = cli("predict", text_run, "--input", name, *options)
    assert (code, err) == (0, "")
    check_rows(csv_rows(out), text_run, TEXTS)
    assert ("p:positive" in out) == bool(options)


def test_more_lines_than_a_chunk(cli, text_run, feed):
    texts = [TEXTS[index % 3] + " very" * (index % 7) for index in range(600)]
    feed("\n".join(texts).encode())
    check_rows(csv_rows(cli("predict", text_run, "--input", "-").out), text_run, texts)


def write_table(path, rows):
    """Writes rows, each a dict, as the file's name says."""
    with (gzip.open if path.suffix == ".gz" else open)(path, "wt", encoding="utf-8", newline="") as file:
        if ".jsonl" in path.name:
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        else:
            writer = csv.DictWriter(file, rows[0], delimiter="\t" if ".tsv" in path.name else ",")
            writer.writeheader()
            writer.writerows(rows)


@pytest.mark.parametrize("label", [None, "", "unknown"])
@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.csv.gz", "a.jsonl.gz"])
def test_tables_with_labels_and_without(cli, text_run, work, name, label):
    rows = [{"id": index, "text": text} for index, text in enumerate(TEXTS)]
    if label is not None:
        rows = [{**row, "label": label if index else "positive"} for index, row in enumerate(rows)]
    write_table(work / name, rows)
    code, out, err = cli("predict", text_run, "--input", name)
    assert (code, err) == (0, f"{name}: texts from column 'text'\n")
    check_rows(csv_rows(out), text_run, TEXTS)


def test_a_column_by_name(cli, refuses, text_run, work):
    write_table(work / "a.csv", [{"one": "x", "two": text, "three": "y"} for text in TEXTS])
    check_rows(csv_rows(cli("predict", text_run, "--input", "a.csv", "--text-column", "two").out), text_run, TEXTS)
    assert "which column holds the texts? name it by --text-column" in refuses("predict", text_run, "--input", "a.csv")
    line = refuses("predict", text_run, "--input", "a.csv", "--text-column", "four")
    assert "a.csv: has no column 'four'; name another by --text-column: 'one', 'two', 'three'" in line


def test_the_column_of_the_training_is_looked_for_first(cli, work):
    rows = [{"title": f"text {index % 2}", "text": "nothing", "label": index % 2} for index in range(40)]
    write_table(work / "own.csv", rows)
    assert cli("train", "--output", "run", "--dataset", "own.csv", "--text-column", "title", *SMALL).code == 0
    code, out, err = cli("predict", "run", "--input", "own.csv")
    assert (code, err) == (0, "own.csv: texts from column 'title'\n")
    check_rows(csv_rows(out), "run", [row["title"] for row in rows])


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_wild_texts_come_through(cli, wild_run, work, name):
    write_table(work / name, [{"text": text} for text in WILD])
    code, out, _ = cli("predict", wild_run, "--input", name, "--probabilities", "--with-input")
    assert code == 0
    rows = csv_rows(out)
    check_rows(rows, wild_run, WILD)
    assert [row["text"] for row in rows] == WILD
    out = cli("predict", wild_run, "--input", name, "--probabilities", "--with-input", "--format", "jsonl").out
    objects = [json.loads(line) for line in out.split("\n")[:-1]]
    assert [row["text"] for row in objects] == WILD
    expected = gluon_lstm.load(wild_run).predict_proba(WILD)
    assert [list(row["probabilities"]) for row in objects] == [sorted(WILD_CLASSES)] * len(WILD)
    np.testing.assert_allclose([list(row["probabilities"].values()) for row in objects], expected, rtol=1e-5)
    assert [row["probability"] for row in objects] == [max(row["probabilities"].values()) for row in objects]
    assert [row["predicted"] for row in objects] == gluon_lstm.load(wild_run).predict(WILD)


def test_half_a_surrogate_pair_becomes_the_sign_for_what_cannot_be_read(cli, text_run, work):
    (work / "a.jsonl").write_text('{"text": "a \\ud83d b"}\n')
    options = ("predict", text_run, "--input", "a.jsonl", "--with-input")
    assert csv_rows(cli(*options).out)[0]["text"] == "a \ufffd b"
    assert json.loads(cli(*options, "--format", "jsonl").out)["text"] == "a \ufffd b"


def test_nothing_commands_the_terminal(cli, refuses, wild_run):
    hostile = "\x1b]0;title\x07 \u202eabc \x9b31m\u2028 \x7f 👩‍💻"
    code, out, _ = cli("predict", wild_run, hostile, "x" * 1000, "two\nlines")
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == "\\x1b]0;title\\x07 \\u202eabc \\x9b31m\\u2028 \\x7f 👩‍💻"
    assert "\\x1b[31mred" in lines[1]
    assert lines[2] == "x" * 79 + "…"
    assert lines[4] == "two\\nlines"
    assert "\x1b" not in out
    assert "\x1b" not in refuses("predict", wild_run, "--input", "\x1b[31m.doc")


def test_many_classes_are_shown_in_short(cli, work):
    rows = [{"text": f"text {index % 15}", "label": f"class {index % 15}"} for index in range(300)]
    write_table(work / "own.csv", rows)
    assert cli("train", "--output", "run", "--dataset", "own.csv", *SMALL).code == 0
    answer = cli("predict", "run", "text 3").out.splitlines()[1]
    assert answer.count("%") == 10
    assert answer.endswith(" and 5 more)")
    shares = [float(part.rpartition(" ")[2]) for part in answer.split("%")[:-1]]
    assert shares == sorted(shares, reverse=True)


def test_blank_lines_keep_their_place(cli, text_run, feed, work):
    texts = ["", TEXTS[0], "  \t", *[""] * 5, TEXTS[1], ""]
    warning = "warning: blank lines, which have no label: 8 (line 1, 3, 4, 5, 6, …)\n"
    for name in ("-", "a.txt"):
        feed("\n".join(texts).encode() + b"\n")
        (work / "a.txt").write_text("\n".join(texts) + "\n")
        code, out, err = cli("predict", text_run, "--input", name, "--probabilities", "--with-input")
        assert (code, err) == (0, warning)
        rows = csv_rows(out)
        assert [row["index"] for row in rows] == list(map(str, range(10)))
        assert [row["text"] for row in rows] == texts
        assert [bool(row["predicted"]) for row in rows] == [bool(text.strip()) for text in texts]
        assert rows[0]["probability"] == rows[0]["p:positive"] == ""
        check_rows([{**rows[1], "index": 0}, {**rows[8], "index": 1}], text_run, TEXTS[:2])


def test_a_blank_line_is_null_in_json_lines(cli, text_run, feed):
    feed(b"\n \n")
    out = cli("predict", text_run, "--input", "-", "--format", "jsonl").out
    assert [json.loads(line) for line in out.splitlines()] == [
        {"index": index, "predicted": None, "probability": None} for index in range(2)
    ]
    feed(b"\n")
    row = json.loads(cli("predict", text_run, "--input", "-", "--format", "jsonl", "--probabilities").out)
    assert row["probabilities"] is None
    feed(b"\n")
    assert cli("predict", text_run, "--input", "-", "--format", "text").out == "\n  blank\n"


def test_a_blank_text_in_a_table_keeps_its_place(cli, text_run, work):
    write_table(work / "a.csv", [{"id": 1, "text": "two\nlines"}, {"id": 2, "text": " "}, {"id": 3, "text": TEXTS[0]}])
    code, out, err = cli("predict", text_run, "--input", "a.csv")
    assert code == 0
    assert [bool(row["predicted"]) for row in csv_rows(out)] == [True, False, True]
    assert "warning: blank lines, which have no label: 1 (line 4)\n" in err
    assert err.endswith("warning: texts without a token that the model knows: 1 (line 2)\n")


def test_texts_of_unknown_tokens_alone_are_counted_at_the_end(cli, text_run, feed):
    lines = [TEXTS[0], "", "好", *["zzz qqq"] * 600, TEXTS[1], "zzz film"]
    feed("\n".join(lines).encode())
    code, out, err = cli("predict", text_run, "--input", "-")
    assert code == 0 and len(csv_rows(out)) == len(lines)
    assert err.splitlines() == [
        "warning: blank lines, which have no label: 1 (line 2)",
        "warning: texts without a token that the model knows: 601 (line 3, 4, 5, 6, 7, …)",
    ]
    assert cli("predict", text_run, TEXTS[0], "zzz").err == (
        "warning: texts without a token that the model knows: 1 (text 2)\n"
    )


def test_no_lines_are_no_answers(cli, text_run, feed):
    feed(b"")
    assert cli("predict", text_run, "--input", "-") == (0, "index,predicted,probability\n", "")
    feed(b"")
    assert cli("predict", text_run, "--input", "-", "--format", "jsonl") == (0, "", "")


def test_a_line_of_ten_megabytes(cli, text_run, feed):
    text = "We doubt that the film was dull . " * 300_000
    feed(f"{text}\n{TEXTS[0]}".encode())
    check_rows(csv_rows(cli("predict", text_run, "--input", "-").out), text_run, [text, TEXTS[0]])


def test_another_encoding(cli, refuses, text_run, work):
    (work / "a.txt").write_bytes("好的\n很好\n".encode("gb18030"))
    options = ("predict", text_run, "--input", "a.txt", "--with-input")
    assert [row["text"] for row in csv_rows(cli(*options, "--encoding", "gb18030").out)] == ["好的", "很好"]
    assert "a.txt: line 1: byte 0 (0xba) is not utf-8; name the --encoding" in refuses(*options)
    assert "--encoding klingon: no such encoding" in refuses(*options, "--encoding", "klingon")


def test_the_output_is_a_file_as_a_whole(cli, text_run, work):
    (work / "a.txt").write_bytes("\n".join(TEXTS).encode())
    code, out, err = cli("predict", text_run, "--input", "a.txt", "--output", "new/out.csv")
    assert (code, out, err) == (0, "predictions: new/out.csv\n", "")
    check_rows(csv_rows((work / "new" / "out.csv").read_text(encoding="utf-8")), text_run, TEXTS)
    before = (work / "new" / "out.csv").read_bytes()
    (work / "bad.txt").write_bytes((b"good " * 3_999 + b"good\n") * 100 + b"\xff")
    code, out, err = cli("predict", text_run, "--input", "bad.txt", "--output", "new/out.csv", "--force")
    assert (code, out) == (2, "")
    assert err.startswith("gluon-lstm predict: bad.txt: line 101: byte 2000000 (0xff) is not utf-8")
    assert [path.name for path in (work / "new").iterdir()] == ["out.csv"]
    assert (work / "new" / "out.csv").read_bytes() == before


def test_texts_of_the_command_line_go_to_a_file_as_csv(cli, text_run, work):
    assert cli("predict", text_run, *TEXTS, "--output", "out.csv").code == 0
    check_rows(csv_rows((work / "out.csv").read_text()), text_run, TEXTS)


def test_a_file_named_jsonl_holds_json_lines_unless_told_otherwise(cli, text_run, work):
    assert cli("predict", text_run, *TEXTS, "--output", "out.JSONL").code == 0
    expected = cli("predict", text_run, *TEXTS, "--format", "jsonl").out
    assert (work / "out.JSONL").read_text(encoding="utf-8") == expected
    assert cli("predict", text_run, *TEXTS, "--output", "csv.jsonl", "--format", "csv").code == 0
    check_rows(csv_rows((work / "csv.jsonl").read_text(encoding="utf-8")), text_run, TEXTS)


@pytest.mark.parametrize(
    "options, message",
    [
        ([], "what is to be classified? give a text or picture after the run, or a file with --input"),
        (["text", "--input", "a.txt"], "--input and a text or picture on the command line: give one of them"),
        ([" "], "text 1 is blank"),
        (["good", ""], "text 2 is blank"),
        (["a.txt"], "a.txt: is a file; to classify the texts in it, name it with --input"),
        (["a.png"], "a.png: is a picture, and the run reads texts"),
        (["\udcff"], "text 1 holds bytes that are no text; give it in a file with --encoding"),
        (["--input", "a.png"], "--input a.png: the run reads texts; give a file that ends in .txt, .csv, .tsv"),
        (["--input", "none.txt"], "none.txt: cannot be read (No such file or directory)"),
        (["--input", "none.csv"], "none.csv: cannot be read (No such file or directory)"),
        (["--input", "nul.txt"], "nul.txt: line 1 holds a NUL character"),
        (["--input", "nul.csv"], "nul.csv: line 2 holds a NUL character"),
        (["--input", "a.txt", "--output", "a.txt"], "--output a.txt: is what is to be read; choose another file"),
        (["good", "--output", "a.txt"], "--output a.txt: exists; choose another file, or replace it with --force"),
        (["good", "--output", "folder"], "--output folder: cannot be written (Is a directory); choose another file"),
        (["good", "--output", "a.txt/b"], "--output a.txt/b: cannot be written (Not a directory); choose another"),
        (["good", "--format", "xml"], "argument --format: invalid choice: 'xml'"),
        (["good", "--device", "gpu:0,1"], "--device gpu:0,1: predict runs on one device; name one of them"),
        (["good", "--threads", "0"], "--threads 0: must be at least 1"),
        (["good", "--epoch", "3"], "unrecognized arguments: --epoch 3"),
        (["good", "--inputs", "a.txt"], "unrecognized arguments: --inputs a.txt; did you mean '--input'?"),
    ],
)
def test_mistakes(refuses, text_run, work, options, message):
    (work / "a.txt").write_text("good")
    (work / "a.png").write_text("not looked at")
    (work / "nul.txt").write_bytes(b"b\0d\ngood")
    (work / "nul.csv").write_bytes(b"text\nb\0d")
    (work / "folder").mkdir()
    assert message in refuses("predict", text_run, *options)


def test_what_is_no_run(refuses):
    assert "none: no such run directory; train one" in refuses("predict", "none", "text")
    assert "required: RUN" in refuses("predict")


def test_a_closed_standard_input(refuses, text_run, monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    assert "--input -: standard input is closed; name a file" in refuses("predict", text_run, "--input", "-")


def test_flags_without_effect_are_named(cli, text_run, feed):
    flags = ("--invert", "--encoding", "utf-8", "--text-column", "a", "--quotes")
    code, _, err = cli("predict", text_run, TEXTS[0], *flags)
    assert code == 0
    assert err.splitlines() == [
        "warning: --invert has no effect: the run reads texts",
        "warning: --encoding has no effect: needs --input",
        "warning: --text-column has no effect: needs --input",
        "warning: --quotes has no effect: needs --input",
    ]
    feed(TEXTS[0].encode())
    err = cli("predict", text_run, "--input", "-", "--text-column", "a").err
    assert err == "warning: --text-column has no effect: each line is a text; needs a .csv, .tsv or .jsonl file\n"


def test_who_writes_slowly_is_answered_line_by_line(start):
    process = start("--with-input")
    for number, text in enumerate(("good film", "好 film")):
        process.stdin.write(f"{text}\n".encode())
        process.stdin.flush()
        if number == 0:
            assert process.stdout.readline() == b"index,predicted,probability,text\n"
        assert process.stdout.readline().decode().strip().endswith(f",{text}")
    process.stdin.write(b"last")
    out, err = process.communicate(timeout=60)
    assert out.endswith(b",last\n")
    assert (process.returncode, err) == (0, b"")


@pytest.mark.parametrize(
    "bad, message",
    [
        (b"caf\xe9\nnever", "line 3: byte {} (0xe9) is not utf-8; name the --encoding"),
        (b"a\0b\nnever", "line 3 holds a NUL character"),
    ],
    ids=["byte", "nul"],
)
@pytest.mark.parametrize("name", ["-", "a.txt"])
def test_lines_before_one_that_cannot_be_read_are_answered(cli, text_run, feed, work, name, bad, message):
    content = "\n".join(TEXTS[:2]).encode() + b"\n"
    feed(content + bad)
    (work / "a.txt").write_bytes(content + bad)
    code, out, err = cli("predict", text_run, "--input", name)
    assert code == 2
    check_rows(csv_rows(out), text_run, TEXTS[:2])
    source = "standard input" if name == "-" else name
    assert err.startswith(f"gluon-lstm predict: {source}: {message.format(len(content) + 3)}")
    assert err.count("\n") == 1


def test_a_reader_that_leaves_ends_it_without_a_word(start):
    process = start()
    process.stdin.write(b"good\n")
    process.stdin.flush()
    assert process.stdout.readline() == b"index,predicted,probability\n"
    process.stdout.close()
    try:
        process.stdin.write(b"good\n" * 300)
        process.stdin.close()
    except BrokenPipeError:
        pass
    assert process.wait(timeout=60) == 128 + signal.SIGPIPE
    assert process.stderr.read() == b""
    process.stdin = process.stdout = None


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_a_full_disk_is_one_line(start):
    with open("/dev/full", "w") as full:
        process = start(stdout=full)
        _, err = process.communicate(b"good\n", timeout=60)
    assert process.returncode == 2
    assert err.startswith(b"gluon-lstm: standard output cannot be written (No space left on device)")
    assert err.count(b"\n") == 1
