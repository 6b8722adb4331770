"""``report.html`` as it is written: one file, everything escaped; and in a real browser, where there is one."""

from __future__ import annotations

import html
import os
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import mxnet as mx
import numpy as np
import pytest
from browser import browsing, find_browser
from fakes import FakeDataset

from gluon_lstm.config import REPORT_SECTIONS, TextConfig
from gluon_lstm.data import TextDataset, TextReader
from gluon_lstm.data.encoding import Tokenization, build_format
from gluon_lstm.evaluation.explanations import GateTrace, Occlusion, occlude_steps
from gluon_lstm.evaluation.intervals import Interval
from gluon_lstm.evaluation.measures import Temperature
from gluon_lstm.evaluation.outliers import detect_outliers
from gluon_lstm.evaluation.predict import Predictions, softmax
from gluon_lstm.evaluation.report import (
    Provenance,
    StudyOptions,
    compare_studies,
    make_study,
    write_comparison,
    write_report,
)
from gluon_lstm.evaluation.report.study import Study
from gluon_lstm.evaluation.report.words import LEVELS, mark_words
from gluon_lstm.evaluation.robustness import Curve, Level, Robustness
from gluon_lstm.evaluation.speed import Speed
from gluon_lstm.nn import Gates, TextClassifier

TEMPERATURE = Temperature(1.2, "Given.")
HOSTILE = ("zq0 <img src=x onerror=document.title='bad'>", "zq1 </script><script>document.title='bad'</script>",
           "zq2 " + "x" * 10_000, 'zq3 quote " and \' & <b>bold</b>', "zq4 control \x07 \u202e turned",
           "zq5 中文 评论")  # fmt: skip
"""Texts, each with a word of its own that no class has."""
SHOWN = (*HOSTILE[:2], "zq2 " + "x" * 146 + " … " + "x" * 150, HOSTILE[3], "zq4 control \u202e turned", HOSTILE[5])
"""What of them a reader is to see where no words are marked."""
CLASSES = ("</script>", "<img src=x onerror=alert(1)>", "y" * 10_000)


class Elements(HTMLParser):
    """All elements of a page, with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found, self.seen, self._open = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        """Keeps an element."""
        self.found.append((tag, dict(attributes)))
        if tag not in ("meta", "link", "img"):
            self._open.append(self.found[-1])

    def handle_endtag(self, tag):
        """Closes an element."""
        assert self._open.pop()[0] == tag

    def handle_data(self, data):
        """Keeps a text that is seen, with the classes around it."""
        around = [attributes.get("class", "") for _, attributes in self._open]
        if not {"head", "script", "style"} & {tag for tag, _ in self._open} and "heard" not in around:
            self.seen.append((data, around))

    def texts(self, name):
        """Returns what is seen in each run of elements of a class."""
        return "".join(data if name in around else "\n" for data, around in self.seen).split("\n")


def hostile_texts() -> TextDataset:
    """Returns texts that would break a page which shows them as they are."""
    tokenization = Tokenization.from_config(TextConfig())
    texts = HOSTILE * 5
    text_format = build_format(tokenization, tokenization.tokenize(texts), TextConfig(min_count=1))
    labels = np.random.default_rng(0).integers(0, 3, len(texts)).astype(np.int32)
    return TextDataset("<i>texts</i>", "test", texts, text_format.encode(texts), None, labels, CLASSES,
                       TextReader(text_format))  # fmt: skip


def text_study(sections, log=()) -> Study:
    """Returns a study of hostile texts, of which each is taken for another class once or more."""
    dataset, rng = hostile_texts(), np.random.default_rng(1)
    logits = rng.normal(size=(30, 3)) + 0.5 * np.eye(3)[dataset.labels]
    predictions = Predictions(softmax(logits), dataset.labels, logits)
    provenance = Provenance("run <b>1</b>", 7, {"numpy": "1"}, {"Preset": "default"}, "A <b>model</b>.")
    study = make_study(predictions, dataset, provenance, TEMPERATURE, log=log, options=StudyOptions(sections))
    assert {item.text for item in study.errors} in (set(HOSTILE), set())
    return study


def full_study(log) -> Study:
    """Returns a study that has every section, of hostile texts whose words a real net marks."""
    study, rng = text_study(REPORT_SECTIONS, log), np.random.default_rng(2)
    dataset, predictions = study.dataset, study.predictions
    net = TextClassifier(3, len(dataset.reader.format.vocabulary), embedding_size=3, hidden_size=4)
    net.initialize(mx.init.Normal(0.5))
    intervals = (Interval(0.3, 0.95), Interval(0.0, 0.6))
    levels = tuple(Level(s, 0.9 - s, intervals[0], s, intervals[1]) for s in (0.0, 0.1, 0.5))
    errors = [item._replace(occlusion=occlude_steps(net, dataset, item.index, mx.cpu())) for item in study.errors]
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
def plain(tmp_path_factory):
    """The folder of a report whose wrong texts have no marks."""
    folder = tmp_path_factory.mktemp("plain")
    write_report(folder, text_study(("mistakes",)))
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
        studies.append(make_study(predictions, dataset, provenance, TEMPERATURE, options=StudyOptions(())))
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
    assert "\x07" not in source and "y" * 10_000 in source


def squeezed(text):
    """Returns a text without spaces, in small letters, as a tokenizer's words have them."""
    return re.sub(r"\s", "", text).lower()


def test_texts_without_marks_are_seen_as_they_are(plain):
    page = Elements((plain / "report.html").read_text(encoding="utf-8"))
    seen = page.texts("text")
    for text in SHOWN:
        assert text in seen, text[:40]
    assert "mark" not in {tag for tag, _ in page.found}
    assert not [name for _, attributes in page.found for name in attributes if name.startswith("on")]
    assert [tag for tag, _ in page.found].count("script") == 1


def test_words_that_a_net_marked_are_seen_as_they_are(source):
    page = Elements(source)
    marked = squeezed("".join(data for data, around in page.seen if "text" in around))
    for text in (*HOSTILE[:2], HOSTILE[3], HOSTILE[5]):
        assert squeezed(text) in marked, text
    assert "zq2" + "x" * 39 + "…" in marked and "zq4control" in marked and "\u202e" in marked


def test_marks_are_told_to_those_who_do_not_see_them(source):
    marks = re.findall(r'<mark class="(for|against)(\d)">(.*?)</mark>', source)
    in_texts = [mark for mark in marks if "heard" in mark[2]]
    assert len(in_texts) == len(marks) - 2 > 10, "all but the two of the legend"
    for direction, level, content in in_texts:
        assert content.startswith(f'<span class="heard">[{direction} {level}: </span>')
        assert content.endswith('<span class="heard">]</span>')
    css = source[source.index("<style>") : source.index("</style>")]
    assert "clip-path" in css[css.index(".heard") :].split("}")[0], "seen by nobody, and not hidden from screen readers"


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
    assert "he model's confidence is" in text and "What to worry about" in text
    assert "30 samples are few" in text and "Confidence hardly tells" in text
    assert "Under the change that harmed most, words dropped, 40.00 % are right instead of 90.00 %." in text


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
    study = make_study(case.predictions, case.dataset, provenance, TEMPERATURE, options=StudyOptions(()))
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
def test_the_table_of_classes_is_seen_whole_on_a_wide_screen(browser, tmp_path, make_case, provenance):
    case = make_case(["class 0", "class 1", "class 2"], kind=FakeDataset)
    study = make_study(case.predictions, case.dataset, provenance, TEMPERATURE, options=StudyOptions(()))
    write_report(tmp_path, study)
    page = shown(browser, tmp_path)
    region = "document.querySelector('#classes .scroll')"
    assert page.run(f"{region}.scrollWidth <= {region}.clientWidth")
    page.look(360)
    assert page.run(f"{region}.scrollWidth > {region}.clientWidth")
    assert page.run(f"getComputedStyle({region}).overflowX") == "auto"


@needs_browser
def test_light_and_dark_differ(page):
    grounds = []
    for dark in (False, True):
        page.look(1200, dark=dark)
        grounds.append(page.run("getComputedStyle(document.body).backgroundColor"))
    assert grounds == ["rgb(255, 255, 255)", "rgb(20, 23, 26)"]


TEXTS = """[...document.querySelectorAll('#mistakes .text')].filter(e => e.getBoundingClientRect().height).map(e => {
  const copy = e.cloneNode(true);
  copy.querySelectorAll('.heard').forEach(part => part.remove());
  return copy.textContent;
})"""


@needs_browser
def test_hostile_texts_are_seen_in_the_browser(browser, folder, plain):
    page = shown(browser, plain)
    seen = page.run(TEXTS)
    assert all(text in seen for text in SHOWN) and page.run("document.title") != "bad"
    marked = squeezed("".join(shown(browser, folder).run(TEXTS)))
    assert all(squeezed(text) in marked for text in (*HOSTILE[:2], HOSTILE[3], HOSTILE[5]))
    assert page.run("document.title") != "bad" and page.complaints == []


@needs_browser
def test_a_shrunk_picture_is_shown_at_its_full_size(page):
    picture = "document.querySelector('#training .picture')"
    width, full = (f"{picture}.querySelector('img').{name}" for name in ("clientWidth", "naturalWidth"))
    page.look(400)
    page.run("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    button = f"{picture}.nextElementSibling"
    before = page.run(width)
    assert page.run(full) > before + 1
    assert not page.run(f"{button}.hidden") and page.run(f"{button}.getAttribute('aria-pressed')") == "false"
    page.run(f"{button}.click()")
    assert page.run(f"{width} + 2 >= {full}") and page.run(f"{button}.getAttribute('aria-pressed')") == "true"
    assert page.run("document.documentElement.scrollWidth") <= 400
    page.run(f"{button}.click()")
    assert page.run(width) == before


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
