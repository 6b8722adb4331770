"""The files of a report, read back and computed anew."""

from __future__ import annotations

import csv
import io
import json
import re

import numpy as np
import pytest
from markdown_it import MarkdownIt
from PIL import Image
from rich.console import Console
from sklearn.metrics import f1_score, log_loss, precision_recall_fscore_support

from gluon_lstm.config import REPORT_SECTIONS
from gluon_lstm.data.dataset import Origin
from gluon_lstm.evaluation.measures import Temperature, measure
from gluon_lstm.evaluation.predict import Predictions
from gluon_lstm.evaluation.report import BRIEF, StudyOptions, make_study, terminal_table, write_report
from gluon_lstm.evaluation.report.formats import markdown
from gluon_lstm.evaluation.report.narrative import summarize

ODD_NAMES = ["a|b", "<script>alert(1)</script>", 'say "yes", no', "two\nlines", "中文", "\\*_`[x](y)` $z$ ~~&lt;\\"]
FILES = {
    "metrics.json", "predictions.csv", "report.md", "report.html",
    "confusion_matrix.png", "learning_curves.png", "most_confident_errors.png",
}  # fmt: skip
TEMPERATURE = Temperature(1.5, "Given.")
CURVES = {"calibration.png", "confidence.png", "precision_recall.png", "risk_coverage.png", "roc.png"}


@pytest.fixture
def write(tmp_path, provenance, log):
    """A function that writes a case's report and returns its folder."""

    def write(case, records=log, sections=BRIEF):
        case.dataset.class_names = tuple(case.class_names)
        study = make_study(case.predictions, case.dataset, provenance, TEMPERATURE, log=records,
                           options=StudyOptions(sections))  # fmt: skip
        write_report(tmp_path, study)
        return tmp_path

    return write


def read_metrics(directory):
    """Reads ``metrics.json``, refusing NaN and Infinity."""

    def refuse(constant):
        raise ValueError(constant)

    return json.loads((directory / "metrics.json").read_text(encoding="utf-8"), parse_constant=refuse)


def read_predictions(directory):
    """Reads ``predictions.csv`` into its header and rows."""
    with open(directory / "predictions.csv", newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    return header, rows


def read_report(directory):
    """Returns ``report.md`` as source and as HTML."""
    source = (directory / "report.md").read_text(encoding="utf-8")
    return source, MarkdownIt("commonmark").enable("table").render(source)


def test_every_file_is_written(make_case, write):
    directory = write(make_case(list("abc")), sections=REPORT_SECTIONS)
    assert {path.name for path in directory.iterdir()} == FILES | CURVES
    for path in directory.glob("*.png"):
        with Image.open(path) as image:
            image.load()
            assert min(image.size) > 200


@pytest.mark.parametrize("names", [list("abc"), ODD_NAMES])
def test_numbers_come_back_from_the_predictions(make_case, write, names):
    directory = write(make_case(names))
    metrics, (header, rows) = read_metrics(directory), read_predictions(directory)
    labels = [names.index(row[1]) for row in rows]
    predicted = [names.index(row[2]) for row in rows]
    probabilities = np.array([row[3:] for row in rows], float)
    assert header == ["index", "label", "predicted", *(f"p:{name}" for name in names)]
    assert [int(row[0]) for row in rows] == list(range(30))
    assert probabilities.argmax(axis=1).tolist() == predicted
    assert metrics["n"] == len(rows)
    assert metrics["accuracy"] == pytest.approx(np.mean(np.equal(labels, predicted)), abs=1e-6)
    assert metrics["macro_f1"] == pytest.approx(f1_score(labels, predicted, average="macro"), abs=1e-6)
    normalized = probabilities / probabilities.sum(axis=1, keepdims=True)
    assert metrics["nll"] == pytest.approx(log_loss(labels, normalized), abs=1e-6)
    columns = zip(*precision_recall_fscore_support(labels, predicted))
    for item, name, expected in zip(metrics["per_class"], names, columns):
        assert item["class"] == name
        assert (item["precision"], item["recall"], item["f1"], item["support"]) == pytest.approx(expected, abs=1e-6)


def test_probabilities_come_back_bit_for_bit(make_case, write):
    case = make_case(list("abc"))
    _, rows = read_predictions(write(case))
    np.testing.assert_array_equal(np.array([row[3:] for row in rows], np.float32), case.predictions.probabilities)


def test_report_says_how_good_how_sure_and_where_from(make_case, write):
    directory = write(make_case(list("abc")))
    (source, page), metrics = read_report(directory), read_metrics(directory)
    assert f"**{100 * metrics['accuracy']:.2f} %** of the 30 samples (fake, test)" in source
    assert f"{100 * metrics['accuracy_ci95'][0]:.2f} %" in source
    assert f"<td style=\"text-align:right\">{metrics['nll']:.4f}</td>" in page
    assert all(fact in source for fact in ("run\\_1", "| Seed | 7 |", "| Version of mxnet | 1.9.1 |", "0" * 64))
    for recall in (item["recall"] for item in metrics["per_class"]):
        assert f"{100 * recall:.2f} %" in source


def test_pictures_are_relative_links_with_alternative_texts(make_case, write):
    directory = write(make_case(list("abc")))
    pictures = re.findall(r'<img src="([^"]*)" alt="([^"]*)"', read_report(directory)[1])
    assert {name for name, _ in pictures} == {name for name in FILES if name.endswith(".png")}
    assert all(len(text) > 20 for _, text in pictures)


def test_odd_class_names_show_as_they_are(make_case, write):
    _, page = read_report(write(make_case(ODD_NAMES)))
    cells = re.findall(r"<td[^>]*>(.*?)</td>", page)
    shown = [
        "a|b", "&lt;script&gt;alert(1)&lt;/script&gt;", "say &quot;yes&quot;, no", "two lines", "中文",
        "\\*_`[x](y)` $z$ ~~&amp;lt;\\",
    ]  # fmt: skip
    assert all(name in cells for name in shown)
    assert "<script" not in page
    rows = re.findall(r"<tr>(.*?)</tr>", page, flags=re.DOTALL)
    assert {row.count("</t") for row in rows} <= {2, 3, 4, 5, 8}, "no name split a row"


def test_markdown_escapes_what_a_table_would_read():
    assert markdown("a|b\n*c* <i>") == "a\\|b \\*c\\* &lt;i&gt;"


def test_without_errors_the_report_says_so(make_case, write):
    directory = write(make_case(list("abc"), gain=50.0))
    source, _ = read_report(directory)
    assert "every sample was classified correctly" in source
    assert {path.name for path in directory.iterdir()} == FILES - {"most_confident_errors.png"}
    assert "most_confident_errors" not in source


def test_other_samples_than_images_have_no_pictures(make_case, make_dataset, write):
    directory = write(make_case(list("abc"), kind=type(make_dataset())))
    source, _ = read_report(directory)
    assert "most_confident_errors" not in source and "| Sample | True class |" in source
    assert not (directory / "most_confident_errors.png").exists()


def test_without_a_log_there_are_no_curves(make_case, write):
    directory = write(make_case(list("abc")), records=[])
    assert "learning_curves" not in read_report(directory)[0]
    assert not (directory / "learning_curves.png").exists()


def test_undefined_numbers_are_null_and_dashes(make_case, write):
    case = make_case(list("abcd"))
    case.predictions.labels[:] = 0
    case.predictions.probabilities[:, 3] = 0
    directory = write(case)
    last = read_metrics(directory)["per_class"][3]
    assert last == {"class": "d", "precision": None, "recall": None, "f1": None, "support": 0, "roc_auc": None,
                    "average_precision": None, "precision_ci95": None, "recall_ci95": None,
                    "f1_ci95": None, "roc_auc_ci95": None, "average_precision_ci95": None}  # fmt: skip
    assert "| d | – | – | – | – | – | 0 |" in read_report(directory)[0]
    assert any("No sample is of classes 'b', 'c', 'd'" in note for note in read_metrics(directory)["notes"])


def test_a_single_sample_makes_a_report(make_case, write):
    directory = write(make_case(list("ab"), samples=1))
    assert read_metrics(directory)["n"] == 1
    source = read_report(directory)[0]
    assert "of the 1 sample (fake, test)" in source and "Measures on 1 sample:" in source
    assert "A single sample tells little" in source and " 1 samples" not in source


def test_characters_without_a_font_are_returned(make_case, provenance, tmp_path):
    case = make_case(["a", "b\U000f0000"])
    case.dataset.class_names = tuple(case.class_names)
    study = make_study(case.predictions, case.dataset, provenance, TEMPERATURE, options=StudyOptions(()))
    assert write_report(tmp_path, study) == "\U000f0000"


def test_the_same_predictions_give_the_same_bytes(make_case, write):
    contents = []
    for _ in range(2):
        directory = write(make_case(list("abc")))
        contents.append({path.name: path.read_bytes() for path in directory.iterdir()})
    assert contents[0] == contents[1]


def numbers_of(case):
    """Returns the numbers of a case."""
    return measure(case.predictions, case.class_names, Temperature(None, "Not scaled."))


def shown_on_terminal(case, **options):
    """Returns what the terminal's table prints."""
    stream = io.StringIO()
    Console(file=stream, width=80, **options).print(terminal_table(numbers_of(case)))
    return stream.getvalue()


def test_terminal_shows_the_numbers_as_plain_text(make_case):
    case = make_case(ODD_NAMES)
    text, numbers = shown_on_terminal(case), numbers_of(case)
    evaluation, content = numbers.evaluation, numbers.to_dict()
    shares = ("accuracy", "balanced_accuracy", "macro_f1", "ece")
    others = ("matthews_correlation", "roc_auc", "average_precision", "nll", "brier")
    cells = {line.strip("│").split("│")[1].strip() for line in text.splitlines() if line.startswith("│")}
    expected = {f"{100 * content[name]:.2f} %" for name in shares} | {f"{content[name]:.4f}" for name in others}
    assert expected <= cells
    assert f"{100 * evaluation.accuracy:.2f} %" in text and f"{evaluation.nll:.4f}" in text
    assert all(f"{100 * item.recall:.2f} %" in text for item in evaluation.per_class)
    assert "\x1b" not in text and "<script>" in text and "two lines" in text


@pytest.mark.parametrize("length", [3, 300])
def test_terminal_table_fits_eighty_columns(make_case, length):
    text = shown_on_terminal(make_case(["[red]" + "x" * length, "[/]" + "y" * length]))
    assert max(map(len, text.splitlines())) <= 80
    assert "[red]x" in text


def test_terminal_shows_the_worst_of_many_classes(make_case):
    case = make_case([f"class {index}" for index in range(100)], samples=300)
    text = shown_on_terminal(case)
    assert "The 20 of 100 classes with the least F1" in text
    f1 = [item.f1 for item in numbers_of(case).evaluation.per_class if item.f1 is not None]
    assert f"{100 * min(f1):.2f} %" in text and len(text.splitlines()) < 40


@pytest.mark.parametrize("classes, most", [(3, 10), (30, 10), (31, 100)])
def test_of_many_classes_the_table_has_more_of_the_frequent_mistakes(make_case, write, classes, most):
    names = [f"class {index}" for index in range(classes)]
    folder = write(make_case(names, samples=600, gain=1.0))
    source, _ = read_report(folder)
    lines = source[source.index("The most frequent mistakes:") :].splitlines()
    end = lines.index("", 2)
    assert lines[2] == "| True class | Taken for | Times | Share of the true class | "
    counts = np.array(read_metrics(folder)["confusion"])
    pairs = [(counts[i, j], i, j) for i in range(classes) for j in range(classes) if i != j and counts[i, j]]
    rows = [[cell.strip() for cell in line.strip("| ").split("|")] for line in lines[4:end]]
    assert len(rows) == min(most, len(pairs))
    assert [int(row[2]) for row in rows] == sorted((count for count, _, _ in pairs), reverse=True)[: len(rows)]
    for true, predicted, count, share in rows:
        i, j = names.index(true), names.index(predicted)
        assert counts[i, j] == int(count) and share == f"{100 * counts[i, j] / counts[i].sum():.2f} %"


def test_notes_are_told_once(make_case, write):
    case = make_case(list("abcd"), gain=50.0)
    case.predictions.labels[case.predictions.labels == 3] = 0
    for sections in (BRIEF, REPORT_SECTIONS):
        directory = write(case, sections=sections)
        source = read_report(directory)[0]
        for note in ("No sample is of class 'd'", "Given."):
            assert source.count(note) == 1, (note, sections)
        assert read_metrics(directory)["notes"].count("Given.") == 1


def test_numbers_without_an_interval_are_called_as_in_the_tables(make_case, write):
    names = [f"{index} " + 60 * "x" for index in range(40)]
    case = make_case(names, samples=400, gain=50.0)
    source, _ = read_report(write(case))
    (line,) = [line for line in source.splitlines() if line.startswith("No 95 % interval of")]
    shown = re.findall("“([^”]*)”", line)
    assert len(shown) == 5 and re.search(r"”, and \d+ more: all but a few replicates", line) and "x" * 9 not in line
    assert all(f"| {name} | " in source for name in shown), "tables have rows of these names"


def test_the_place_in_the_users_file_stands_behind_the_index(make_case, provenance, tmp_path):
    case = make_case(list("abc"), samples=3)
    case.dataset.origin = Origin("mine.csv", "line", [2, 5, 9])
    study = make_study(case.predictions, case.dataset, provenance, TEMPERATURE, options=StudyOptions(BRIEF))
    write_report(tmp_path, study)
    header, rows = read_predictions(tmp_path)
    assert header[:4] == ["index", "line", "label", "predicted"]
    assert [row[:2] for row in rows] == [["0", "2"], ["1", "5"], ["2", "9"]]
    assert "with its line in mine.csv, counted from 1." in read_report(tmp_path)[0]


def test_wrong_samples_of_the_users_file_have_their_place(make_case, provenance, tmp_path):
    case = make_case(list("abc"), samples=3)
    probabilities = np.roll(np.eye(3, dtype=np.float32)[case.dataset.labels], 1, axis=1)
    case.dataset.origin = Origin("pets", "file", ["cat/<b>.png", "cat/b|c.png", "dog/d.png"])
    study = make_study(Predictions(probabilities, case.dataset.labels), case.dataset, provenance, TEMPERATURE,
                       options=StudyOptions(BRIEF))  # fmt: skip
    write_report(tmp_path, study)
    source, _ = read_report(tmp_path)
    assert "| Sample | Place | True class | Predicted | Probability |\n| ---: | --- | --- | --- | ---: |\n" in source
    assert "| 0 | file cat/&lt;b&gt;.png | " in source and "| 1 | file cat/b\\|c.png | " in source
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<small>sample 0, file cat/&lt;b&gt;.png</small>" in page


def test_intervals_are_sorted_by_their_low_ends(make_case, write):
    page = (write(make_case(list("abc")), sections=REPORT_SECTIONS) / "report.html").read_text(encoding="utf-8")
    cells = re.findall(r'<td class="number"(?: data-value="([^"]*)")?>([^<]* to [^<]*)</td>', page)
    assert len(cells) > 15
    for value, text in cells:
        low = text.split(" to ")[0]
        number = float(low.replace(" %", "")) / (100 if "%" in low else 1)
        assert float(value) == pytest.approx(number, abs=1e-4)
    assert not re.findall(r"<td>[^<(]*\d to [^<]*</td>", page), "none is sorted as a text"


@pytest.mark.parametrize("gain, temperature, worse", [(3.0, 20.0, True), (0.0, 3.0, False), (3.0, 1.0, False)])
def test_scaling_that_made_the_calibration_worse_is_a_worry(make_case, provenance, gain, temperature, worse):
    case = make_case(list("abc"), samples=200, gain=gain)
    study = make_study(case.predictions, case.dataset, provenance, Temperature(temperature, "Given."),
                       options=StudyOptions(BRIEF))  # fmt: skip
    scores = np.log(case.predictions.probabilities.astype(np.float64)) / temperature
    after = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    errors = [expected_error(part, case.predictions.labels) for part in (case.predictions.probabilities, after)]
    assert (errors[1] > errors[0] + 1e-4) == worse
    found = [worry for worry in summarize(study).worries if worry.startswith("Temperature scaling made")]
    shown = f"{100 * errors[1]:.2f} %"
    line = f"Temperature scaling made that worse: afterwards the expected calibration error, {shown}, is greater"
    assert len(found) == worse and all(worry.startswith(line) for worry in found)


def expected_error(probabilities, labels):
    """Returns the expected calibration error in 15 bins, bin by bin from its definition."""
    confidence, correct = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    inside = [(confidence > low / 15) & (confidence <= (low + 1) / 15) for low in range(15)]
    return sum(abs(confidence[part].mean() - correct[part].mean()) * part.mean() for part in inside if part.any())
