"""The claims about the article's two programs: what their errors come to, what is trained, and how that is judged."""

from __future__ import annotations

import io
import json
import sys
from collections import Counter

import numpy as np
import pytest

from gluon_lstm.article import CLAIMS, ResultsDirectory, Settings, find_claims, reproduce
from gluon_lstm.article.claim import Record
from gluon_lstm.article.comparison import measure_accuracy, same_within
from gluon_lstm.article.faults import ABSENT, Fault, collect_told, measure_faults, plan_faults, tabulate_faults
from gluon_lstm.article.learning import read_options
from gluon_lstm.article.mnist import FAULTS as FIRST
from gluon_lstm.article.peers import VARIABLE, ask, check_keras, find_keras, keras_program
from gluon_lstm.article.programs import check_runs
from gluon_lstm.article.second_model import FAULTS as SECOND
from gluon_lstm.article.second_model import apply_unit
from gluon_lstm.article.verdicts import Verdict, decide
from gluon_lstm.errors import ConfigError, RunError

T_2 = 4.302652729911275
"""The 97.5 % point of Student's distribution with two degrees of freedom, from tables."""
PROGRAMS = {"mnist": FIRST, "second-model": SECOND}
each_program = pytest.mark.parametrize("name, faults", PROGRAMS.items(), ids=PROGRAMS)


@pytest.fixture
def without_keras(monkeypatch):
    """Has no Keras found."""
    for module in ("faults", "programs"):
        monkeypatch.setattr(f"gluon_lstm.article.{module}.find_keras", lambda: None)


def records_of(faults):
    """Returns the records of the runs that show faults."""
    return [Record(options, measure_faults(options), 0.0) for options in plan_faults(faults)]


def test_errors_of_the_second_program_come_to_what_is_said(without_keras):
    told = collect_told(records_of(SECOND))
    plain = [fault for fault in SECOND if not fault.keras]
    assert len(plain) >= 10
    for fault in plain:
        assert fault.shows in told[fault.snippet], fault.wrong
    assert all(told[fault.snippet] is None for fault in SECOND if fault.keras)


@pytest.mark.skipif(find_keras() is None, reason="needs Keras; see make peers")
def test_errors_in_keras_come_to_what_is_said():
    faults = [fault for fault in (*FIRST, *SECOND) if fault.keras]
    told = collect_told(records_of(faults))
    for fault in faults:
        assert fault.shows in told[fault.snippet], fault.wrong


@pytest.mark.parametrize("faults", PROGRAMS.values(), ids=PROGRAMS)
def test_each_error_has_its_lines_and_a_snippet_of_its_own(faults):
    assert len({fault.snippet for fault in faults}) == len(faults)
    for fault in faults:
        assert fault.lines[0].isdigit() and fault.wrong and fault.meant
        assert fault.keras == ("keras" in fault.snippet)


def test_what_snippets_come_to_is_in_the_table():
    faults = [
        Fault("0", "coloured", "right", "raise ValueError('\\x1b[1mred\\x1b[0m')", "ValueError: red"),
        Fault("1", "wrong", "right", "result = 1 + 1", "result: 2"),
        Fault("2", "other", "right", "1 / 0", "ZeroDivisionError: division"),
        Fault("3", "not so", "right", "result = 'fine'", "ValueError"),
        Fault("4", "long", "right", "raise ValueError('a b\\n' * 500)", "ValueError: a b a b"),
    ]
    rows = list(tabulate_faults(faults, records_of(faults)).rows)
    assert [row[0] for row in rows] == ["0", "1", "2", "3", "4"] and rows[1][1:3] == ("wrong", "right")
    assert rows.pop(0)[3] == "ValueError: red"
    assert rows[0][3] == "result: 2" and rows[1][3] == "ZeroDivisionError: division by zero"
    assert rows[2][3] == "result: fine (not what was expected: ValueError)"
    assert rows[3][3].startswith("ValueError: a b a b") and rows[3][3].endswith("…") and len(rows[3][3]) == 160


def test_snippets_do_not_share_names():
    faults = [Fault("1", "", "", "layer = 1", "result"), Fault("2", "", "", "print(layer)", "NameError")]
    assert list(collect_told(records_of(faults)).values()) == [
        "result: None", "NameError: name 'layer' is not defined"
    ]  # fmt: skip


def test_without_keras_the_table_says_so(without_keras):
    rows = tabulate_faults(FIRST, records_of(FIRST)).rows
    assert {row[3] for row in rows} == {ABSENT}


UNKNOWN, ELSE = "Keras was not found", "a line raised something else"


@pytest.mark.parametrize("told, answer, low, reason", [
    (["ValueError: no", None], "no", 0, ""), (["result: 1", "result: 2"], "yes", 1, ""),
    (["result: 1", None], "open", 0, UNKNOWN), ([None, None], "open", 0, UNKNOWN),
    (["ModuleNotFoundError: No module named 'keras'", "result: 1"], "open", 0, ELSE),
], ids=["one stops", "none", "one unknown", "unknown", "stops for something else"])  # fmt: skip
def test_whether_a_program_runs(told, answer, low, reason):
    faults = [Fault(str(n), "", "", f"result = {n}", "ValueError", keras=text is None) for n, text in enumerate(told)]
    records = [
        Record({"snippets": [fault.snippet]}, {"found": text is not None, "told": [text]}, 0.0)
        for fault, text in zip(faults, told)
    ]
    check = check_runs(faults, records)
    assert (check.answer, check.low, check.open_because, check.n) == (answer, low, reason, int(not reason))


def test_another_python_is_asked(tmp_path):
    code = "import json, sys; print('a line'); print(json.dumps([sys.argv[1:], sys.stdin.read()]))"
    assert ask(sys.executable, code, "one", "two", sent=b"three") == [["one", "two"], "three"]


@pytest.mark.parametrize("code, reason", [
    ("raise KeyError('x')", "ended with code 1: KeyError: 'x'"), ("print('text')", "ended with code 0: text"),
    ("", "ended with code 0: it printed nothing"),
], ids=["error", "no JSON", "nothing"])  # fmt: skip
def test_another_python_that_fails_is_told(code, reason):
    with pytest.raises(RunError) as error:
        ask(sys.executable, code)
    assert reason in str(error.value) and VARIABLE in str(error.value) and "\n" not in str(error.value)


def test_another_python_that_cannot_be_run_is_told(tmp_path):
    (tmp_path / "python").write_text("no program", encoding="utf-8")
    with pytest.raises(RunError, match="Permission denied"):
        ask(str(tmp_path / "python"), "")


def test_where_keras_is_may_be_named(monkeypatch, tmp_path):
    monkeypatch.setenv(VARIABLE, sys.executable)
    assert find_keras() == sys.executable
    monkeypatch.setenv(VARIABLE, str(tmp_path / "none"))
    with pytest.raises(ConfigError, match=f"{VARIABLE} .*none: no such file"):
        find_keras()


def test_a_python_without_keras_is_told(monkeypatch, tmp_path):
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\nexec {sys.executable} -S \"$@\"\n", encoding="utf-8")
    python.chmod(0o755)
    monkeypatch.setenv(VARIABLE, str(python))
    with pytest.raises(RunError, match=f"{python}: finds no Keras; name another with"):
        check_keras()


def test_arrays_come_through_a_stream(rng):
    arrays = [rng.integers(0, 256, shape).astype(np.uint8) for shape in ((3, 4, 2), (3,), (1, 4, 2), (1,))]
    stream = io.BytesIO(b"".join(array.tobytes() for array in arrays))
    for array, found in zip(arrays, keras_program.read_arrays(stream, [array.shape for array in arrays])):
        np.testing.assert_array_equal(found, array)


def run_of(name, variant, **training):
    """Returns the options of a claim's run with seed 0, its training changed."""
    plan = CLAIMS[name].plan(Settings(quick=True, seeds=2))
    options = json.loads(json.dumps(next(one for one in plan if one["variant"] == variant)))
    options["config"].setdefault("training", {}).update(training)
    return options


def test_the_linear_model_is_scored_beside_chance():
    options = run_of("mnist", "linear model")
    outcome = CLAIMS["mnist"].measure(options, None)
    _, splits = read_options({**options, "seed": 0}, None)
    (frequent, _), *_ = Counter(splits.train.labels.tolist()).most_common(1)
    assert outcome["chance"] == pytest.approx(np.mean(splits.test.labels == frequent))
    assert 0.93 < outcome["test_accuracy"] < 0.99, "as is well known of these digits"


def test_the_unit_as_printed_gives_the_same_for_every_image(rng):
    given = apply_unit(rng.integers(0, 256, (5, 28, 28)))
    np.testing.assert_allclose(given, np.full((5, 2), 1 / (1 + np.exp(-0.25))))
    options = run_of("second-model", "the unit as printed")
    _, splits = read_options({**options, "seed": 0}, None)
    # Which of the classes is answered hangs on the last bit where two are about as frequent.
    shares = [float(np.mean(splits.test.labels == label)) for label in range(10)]
    outcome = CLAIMS["second-model"].measure(options, None)
    assert outcome["test_accuracy"] in shares and outcome["differs"] is False


@pytest.mark.parametrize("differs, mean", [(False, 0.0), (True, -5.0)], ids=["for no image", "for some"])
def test_which_of_two_frequent_classes_is_answered_is_no_effect(differs, mean):
    records = outcomes("second-model", {"the unit as printed": 0.05})
    for record in records:
        if record.options.get("program") == "unit":
            record.outcome["differs"] = differs
    assert CLAIMS["second-model"].judge(records).checks[1].mean == pytest.approx(mean)


@pytest.mark.parametrize("variant, rate, diverged", [("rows, relu", 1e3, True), ("rows, tanh", 1e-3, False)])
def test_a_training_that_diverges_is_counted(variant, rate, diverged):
    options = run_of("mnist", variant, epochs=1, learning_rate=rate)
    outcome = measure_accuracy(options, None)
    assert outcome["diverged"] == diverged and (outcome["test_accuracy"] == 0) == diverged


def test_without_keras_nothing_is_trained_there(without_keras):
    assert CLAIMS["mnist"].measure(run_of("mnist", "Keras, rows, relu"), None) == {"found": False}


@pytest.mark.skipif(find_keras() is None, reason="needs Keras; see make peers")
def test_keras_trains_the_same_net():
    outcome = CLAIMS["mnist"].measure(run_of("mnist", "Keras, rows, relu", epochs=2), None)
    assert outcome["found"] and not outcome["diverged"] and outcome["versions"]["keras"]
    assert 0.2 < outcome["test_accuracy"] < 0.97


def test_two_means_are_the_same_within_a_margin():
    """By hand: differences of 1, 2 and 3 points have a mean of 2 and a half width of T / √3."""
    half = T_2 / np.sqrt(3)
    check = same_within("…", [0.91, 0.92, 0.93], [0.90, 0.90, 0.90], 5.0, "points", 100)
    assert check.mean == pytest.approx(5 - 2) and check.low == pytest.approx(5 - (2 + half))
    assert check.high == pytest.approx(5) and check.least == 0 and check.answer == "yes"
    turned = same_within("…", [0.90, 0.90, 0.90], [0.91, 0.92, 0.93], 5.0, "points", 100)
    assert (turned.mean, turned.low, turned.high) == pytest.approx((check.mean, check.low, check.high))


@pytest.mark.parametrize("one, margin, answer", [
    ([10, 10], 1, "no"), ([0.5, 0.5], 1, "yes"), ([-3, 3], 1, "open"), ([-10, -10], 1, "no"),
])  # fmt: skip
def test_answers_about_a_margin(one, margin, answer):
    assert same_within("…", one, [0, 0], margin, "points").answer == answer


def outcomes(name, accuracies, keras=True):
    """Returns records of a claim's plan with the accuracy of each variant as given, a little more with each seed."""
    records = []
    for options in CLAIMS[name].plan(Settings(quick=True, seeds=3)):
        kind, accuracy = options.get("program"), accuracies.get(options["variant"], 0.9)
        if "snippets" in options:
            there = keras or not options["keras"]
            shown = {fault.snippet: fault.shows for fault in PROGRAMS[name]}
            outcome = {"found": there, "told": [f"E: {shown[s]} …" for s in options["snippets"]] if there else []}
        elif kind == "linear":
            outcome = {"test_accuracy": accuracy, "chance": 0.1}
        elif kind == "keras" and not keras:
            outcome = {"found": False}
        else:
            outcome = {"found": True, "diverged": False, "test_accuracy": accuracy + options.get("seed", 0) / 1000}
            outcome.update({"versions": {"keras": "3.1", "tensorflow": "2.2"}} if kind == "keras" else {})
            outcome.update({"differs": False} if kind == "unit" else {})
        records.append(Record(options, outcome, 1.0))
    return records


@pytest.mark.parametrize("keras", [True, False], ids=["with Keras", "without Keras"])
def test_the_first_program_is_judged_by_hand(keras):
    records = outcomes("mnist", {"linear model": 0.90, "rows, relu": 0.95, "pixels, relu": 0.30}, keras)
    findings = CLAIMS["mnist"].judge(records)
    means = [100 * (0.951 - 0.1), 100 * (0.951 - 0.9), 100 * (0.301 - 0.1), 100 * (0.301 - 0.9)]
    assert [check.mean for check in findings.further[:4]] == pytest.approx(means)
    assert [check.answer for check in findings.further] == ["yes", "yes", "no", "no", *["no"] * keras]
    assert [check.answer for check in findings.checks] == ["no" if keras else "open"]
    if keras:
        assert findings.further[4].mean == pytest.approx(3 - 5)
    assert ("(Keras 3.1 on TensorFlow 2.2)" in findings.tables[0].title) == keras
    text = dict((row[0], row[1]) for row in findings.tables[0].rows)
    assert text["linear model"] == "0.900" and text["most frequent class"] == "0.100"
    assert text["rows, relu"].startswith("0.951 ± ")
    assert text["Keras, rows, relu"] == (text["rows, tanh"] if keras else ABSENT)
    (picture,) = CLAIMS["mnist"].draw(records)
    assert [len(ax.get_xticks()) for ax in picture.figure.axes] == [3 if keras else 2, 2]


def test_the_second_program_is_judged_by_hand():
    accuracies = {"linear model": 0.93, "article-cell": 0.95, "article": 0.99, "the unit as printed": 0.1}
    findings = CLAIMS["second-model"].judge(outcomes("second-model", accuracies))
    assert [check.mean for check in findings.checks] == [0, pytest.approx(0)]
    assert [check.answer for check in findings.checks] == ["no", "no"]
    assert [check.mean for check in findings.further] == pytest.approx([85.1, 2.1, -1])
    assert [check.answer for check in findings.further] == ["yes", "yes", "no"]
    assert ("the unit, syntax and shapes mended, a linear model on it", "0.100", "") in findings.tables[0].rows


@each_program
def test_what_was_mended_does_not_count(name, faults):
    """All that was mended is as good as can be, and the verdict is of the program as printed."""
    findings = CLAIMS[name].judge(outcomes(name, {"linear model": 0.5, "the unit as printed": 0.1}))
    assert "yes" in {check.answer for check in findings.further}
    assert decide(findings.checks) is Verdict.NOT_SUPPORTED


@each_program
def test_each_claim_names_its_errors_and_has_their_lines(name, faults):
    findings = CLAIMS[name].judge(outcomes(name, {}))
    (table,) = (table for table in findings.tables if "running" in table.title)
    assert [row[0] for row in table.rows] == [fault.lines for fault in faults]
    assert [listing.code for listing in findings.listings] == [fault.snippet.strip() for fault in faults]
    for fault, listing in zip(faults, findings.listings):
        assert listing.title == f"Line{'s' * (not fault.lines.isdigit())} {fault.lines}: {fault.wrong}"


def test_a_page_has_texts_to_the_left_and_numbers_to_the_right(tmp_path, without_keras):
    directory = ResultsDirectory(tmp_path / "results", CLAIMS)
    settings = Settings(quick=True, seeds=2, share=0.05)
    result = reproduce(find_claims(["second-model"]), settings, directory, "gluon-lstm reproduce")["second-model"]
    page = (directory.path / "second-model.md").read_text(encoding="utf-8")
    assert "| --- | --- | --- | --- |\n| 62 | a parenthesis is missing" in page
    assert "| --- | ---: | ---: |\n| article-cell | 0." in page
    assert f"**{result['verdict']}** · quick form, 2 seeds" in page and ABSENT in page
    assert (directory.path / "second-model-accuracy.png").exists()
    assert "Python rejects the whole program\n\n```python\nlayer = Layer name='memory', units=2)\n```\n" in page
    judged, mended = page.split("## Mended, beyond the verdict\n")
    for check in result["further"]:
        assert check["says"] in mended and check["says"] not in judged
