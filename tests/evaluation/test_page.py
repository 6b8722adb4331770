"""``report.html`` as it is written: one file, everything escaped; and in a real browser, where there is one."""

from __future__ import annotations

import html
import os
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from browser import browsing, find_browser
from fakes import FakeDataset

from gluon_lstm.config import TextConfig
from gluon_lstm.data import TextDataset, TextReader
from gluon_lstm.data.encoding import Cutting, build_format
from gluon_lstm.evaluation.explanations import GateTrace, Occlusion
from gluon_lstm.evaluation.measures import Temperature
from gluon_lstm.evaluation.outliers import detect_outliers
from gluon_lstm.evaluation.predict import Predictions, softmax
from gluon_lstm.evaluation.report import (
    Provenance,
    Studying,
    compare_studies,
    make_study,
    write_comparison,
    write_report,
)
from gluon_lstm.evaluation.report.study import Study
from gluon_lstm.evaluation.report.words import LEVELS, mark_words
from gluon_lstm.evaluation.robustness import Curve, Level, Robustness
from gluon_lstm.evaluation.speed import Speed
from gluon_lstm.nn import Gates

TEMPERATURE = Temperature(1.2, "Given.")
HOSTILE = ("<img src=x onerror=document.title='bad'>", "</script><script>document.title='bad'</script>",
           "x" * 10_000, 'quote " and \' & <b>bold</b>', "control \x07 \u202e turned", "中文 评论")  # fmt: skip
CLASSES = ("</script>", "<img src=x onerror=alert(1)>", "y" * 10_000)


class Elements(HTMLParser):
    """All elements of a page, with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        """Keeps an element."""
        self.found.append((tag, dict(attributes)))


def hostile_texts() -> TextDataset:
    """Returns texts that would break a page which shows them as they are."""
    cutting = Cutting.from_config(TextConfig())
    texts = HOSTILE * 5
    text_format = build_format(cutting, cutting.cut(texts), TextConfig(min_count=1))
    labels = np.random.default_rng(0).integers(0, 3, len(texts)).astype(np.int32)
    return TextDataset("<i>texts</i>", "test", texts, text_format.encode(texts), None, labels, CLASSES,
                       TextReader(text_format))  # fmt: skip


def full_study(log) -> Study:
    """Returns a study that has every section, of hostile texts."""
    dataset, rng = hostile_texts(), np.random.default_rng(1)
    logits = rng.normal(size=(30, 3)) + 2 * np.eye(3)[dataset.labels]
    predictions = Predictions(softmax(logits), dataset.labels, logits)
    provenance = Provenance("run <b>1</b>", 7, {"numpy": "1"}, {"Preset": "default"})
    study = make_study(predictions, dataset, provenance, TEMPERATURE, log=log)
    levels = tuple(Level(strength, 0.9 - strength, (0.3, 0.95), strength) for strength in (0.0, 0.1, 0.5))
    errors = [
        item._replace(
            occlusion=Occlusion(item.index, 0, 0.9, rng.normal(size=3), ("<img src=x>", "x" * 10_000, "word"))
        )
        for item in study.errors
    ]
    return replace(
        study,
        errors=errors,
        occlusion=Occlusion(3, 1, 0.8, rng.normal(size=3), ("<b>a</b>", "$x$", "中")),
        traces=[
            GateTrace(3, 0, 1, name, Gates(*rng.random((4, 3, 8))), *rng.normal(size=(2, 3, 8)))
            for name in ("forward", "backward")
        ],
        robustness=Robustness(30, (Curve("words dropped", "% of the words", levels),)),
        outliers=detect_outliers(predictions, predictions, "<u>others</u>"),
        speed=Speed(1000.0, 500, 1.5, 2.5),
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder of a report that has every section, of hostile texts."""
    folder = tmp_path_factory.mktemp("page")
    log = [
        {"epoch": epoch, "train_loss": 1 / epoch, "train_accuracy": 0.9, "validation_loss": 1.0,
         "validation_accuracy": 0.8, "best": epoch == 2} for epoch in (1, 2)
    ]  # fmt: skip
    write_report(folder, full_study(log))
    return folder


@pytest.fixture(scope="module")
def source(folder):
    """The page as text."""
    return (folder / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """The folder of a page that compares runs with hostile names, two of which differ in their seed alone."""
    folder, dataset = tmp_path_factory.mktemp("compared"), hostile_texts()
    studies = []
    for seed, name in enumerate((*CLASSES[:2], "z" * 300)):
        logits = np.random.default_rng(seed).normal(size=(30, 3)) + np.eye(3)[dataset.labels]
        predictions = Predictions(softmax(logits), dataset.labels, logits)
        provenance = Provenance(name, seed, {"numpy": "1"}, {})
        studies.append(make_study(predictions, dataset, provenance, TEMPERATURE, studying=Studying(())))
    write_comparison(folder, compare_studies(studies, {"<b>two</b>": [0, 1]}))
    return folder


def test_every_picture_is_in_the_page_and_has_an_alternative_text(folder, source):
    images = [attributes for tag, attributes in Elements(source).found if tag == "img"]
    assert len(images) == len(list(folder.glob("*.png"))) == 13
    assert all(image["src"].startswith("data:image/png;base64,") and len(image["alt"]) > 20 for image in images)


def test_the_page_needs_nothing_else_and_is_small(source):
    elements = Elements(source).found
    links = [value for _, attributes in elements for name, value in attributes.items() if name in ("src", "href")]
    assert all(link.startswith(("#", "data:")) for link in links)
    assert "url(" not in source and "@import" not in source and "fetch(" not in source
    assert len(source) < 5_000_000


def test_what_the_data_say_is_text(source):
    elements = Elements(source).found
    assert [tag for tag, _ in elements].count("script") == 1
    assert not [name for _, attributes in elements for name in attributes if name.startswith("on")]
    assert not {tag for tag, _ in elements} & {"i", "u"}
    assert "&lt;img src=x onerror" in source and "&lt;/script&gt;" in source
    assert "\x07" not in source and "y" * 10_000 in source


def test_sections_are_headed_and_linked(source):
    elements = Elements(source).found
    identifiers = [attributes["id"] for tag, attributes in elements if tag == "section" and "id" in attributes]
    links = [attributes["href"][1:] for tag, attributes in elements if tag == "a" and "class" not in attributes]
    assert links == identifiers and len(identifiers) == len(set(identifiers)) == 13
    levels = [int(tag[1]) for tag, _ in elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1 and all(b - a <= 1 for a, b in zip(levels, levels[1:]))


def test_the_summary_comes_first_in_sentences(source):
    start = source[source.index("<main") : source.index('id="numbers"')]
    text = html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", start)))
    assert re.search(r"\d+\.\d\d % of the 30 samples", text)
    assert "with 95 % confidence the accuracy on such samples is between" in text
    assert "The model's confidence is" in text and "What to worry about" in text
    assert "30 samples are few" in text and "Confidence hardly tells" in text
    assert "Under the strongest change tried, words dropped, 40.00 % are right instead of 90.00 %." in text


def test_marks_follow_the_drops():
    words = mark_words(Occlusion(0, 1, 0.9, np.array([0.4, -0.4, 0.1, 0.0]), ("a", "b", "c", "d")))
    assert [(word.text, word.level) for word in words] == [("a", LEVELS), ("b", -LEVELS), ("c", 1), ("d", 0)]
    assert [word.level for word in mark_words(Occlusion(0, 1, 0.9, np.zeros(2), ("a", "b")))] == [0, 0]


def test_a_long_text_is_marked_at_its_ends():
    tokens = tuple(map(str, range(500)))
    words = [word.text for word in mark_words(Occlusion(0, 1, 0.9, np.ones(500), tokens))]
    assert words == [*tokens[:60], "…", *tokens[-60:]]


def test_numbers_alone_make_a_page_without_pictures(tmp_path, make_case, provenance):
    case = make_case(["class 0", "class 1", "class 2"], kind=FakeDataset)
    study = make_study(case.predictions, case.dataset, provenance, TEMPERATURE, studying=Studying(()))
    write_report(tmp_path, study)
    assert {path.name for path in tmp_path.iterdir()} == {"metrics.json", "predictions.csv", "report.md", "report.html"}
    assert "<img" not in (tmp_path / "report.html").read_text(encoding="utf-8")


needs_browser = pytest.mark.skipif(find_browser() is None, reason="no Chromium is installed")
LIMITS = """[...document.querySelectorAll("body *")].filter(e => !e.closest(".scroll, .picture, .skip"))
  .filter(e => e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 80))"""
ROWS = "[...document.querySelectorAll('#classes tbody tr')].map(r => r.cells[%d].textContent)"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """A browser's page."""
    with browsing(tmp_path_factory.mktemp("browser")) as page:
        yield page


@pytest.fixture
def page(browser, folder):
    """The report in the browser."""
    return shown(browser, folder)


@pytest.fixture(params=["report", "comparison"])
def either(request, browser, folder, compared):
    """The report in the browser, then the page that compares runs."""
    return shown(browser, {"report": folder, "comparison": compared}[request.param])


def shown(browser, folder):
    """Returns a browser that shows a folder's page, as wide as a screen."""
    browser.complaints.clear()
    browser.look(1200)
    browser.open(folder / "report.html")
    return browser


@needs_browser
def test_it_opens_without_complaint_and_runs_nothing_of_the_data(either):
    assert either.complaints == []
    assert "bad" not in either.run("document.title")
    assert either.run("[...document.images].every(i => i.complete && i.naturalWidth > 100)")


@needs_browser
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1200, 700, 360])
def test_nothing_is_wider_than_the_window(either, width, dark):
    either.look(width, dark=dark)
    assert either.run("document.documentElement.scrollWidth") <= width
    assert either.run(LIMITS) == []


@needs_browser
def test_light_and_dark_differ(page):
    grounds = []
    for dark in (False, True):
        page.look(1200, dark=dark)
        grounds.append(page.run("getComputedStyle(document.body).backgroundColor"))
    assert grounds == ["rgb(255, 255, 255)", "rgb(20, 23, 26)"]


@needs_browser
def test_tables_sort_by_mouse_and_by_keyboard(page):
    before = page.run(ROWS % 6)
    numbers = sorted(map(int, before))
    page.run("document.querySelectorAll('#classes th button')[6].click()")
    assert list(map(int, page.run(ROWS % 6))) == numbers
    page.run("document.querySelectorAll('#classes th button')[6].focus()")
    page.press("Enter", 13)
    assert list(map(int, page.run(ROWS % 6))) == numbers[::-1]
    assert page.run("document.querySelectorAll('#classes th')[6].getAttribute('aria-sort')") == "descending"
    page.run("document.querySelector('#classes th button').click()")
    assert page.run(ROWS % 0) == page.run(
        f"({ROWS % 0}).sort((a, b) => a.localeCompare(b, undefined, {{numeric: true}}))"
    )
    assert len(page.run("[...document.querySelectorAll('#classes th[aria-sort]')].map(h => h.textContent)")) == 1


@needs_browser
def test_the_first_tab_leads_past_the_links(page):
    page.press("Tab", 9)
    assert page.run("document.activeElement.className") == "skip"
    page.press("Enter", 13)
    assert page.run("location.hash") == "#main"
    assert page.complaints == []


@needs_browser
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_an_accessibility_check_finds_nothing_serious(either, dark):
    path = os.environ.get("AXE_CORE")
    if not path:
        pytest.skip("AXE_CORE does not name a file with axe-core")
    either.look(1200, dark=dark)
    either.run(Path(path).read_text(encoding="utf-8"))
    violations = either.run("axe.run().then(found => found.violations.map(v => [v.impact, v.id, v.nodes[0].html]))")
    assert [item for item in violations if item[0] in ("serious", "critical")] == []
