"""Translations: each text finds its entry, catalogues are whole, and the pages that are kept lack no text."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from string import Formatter

import pytest

from gluon_lstm.article import CLAIMS, ResultsDirectory, Settings, reproduce
from gluon_lstm.article.pages import render_index, render_page
from gluon_lstm.article.translation import (
    CHINESE,
    ENGLISH,
    LANGUAGES,
    Translator,
    make_translator,
    read_catalogue,
    read_entries,
)
from gluon_lstm.errors import RunError

ROOT = Path(__file__).parents[2]
FOLDERS = {
    name: {ENGLISH: ROOT / "docs" / name, CHINESE: ROOT / "docs" / "zh" / name} for name in ("article", "article-full")
}
"""Folder of results, of the quick form and of the full → language → folder of the pages."""
CATALOGUES = sorted((ROOT / "gluon_lstm" / "article" / "locale").glob("*/*.po"))
RESULTS = {
    (folder, path.stem): json.loads(path.read_text("utf-8"))
    for folder, pages in FOLDERS.items()
    for path in sorted(pages[ENGLISH].glob("*.json"))
}
"""Folder and claim → what its file says."""
TRANSLATIONS = [language for language in LANGUAGES if language != ENGLISH]


@pytest.mark.parametrize(
    "text, expected",
    [
        ("one", "eins"),
        ("one\n  and  more", "eins und mehr"),
        ("3 layers", "3 Schichten"),
        ("net one, 3 layers", "Netz eins, 3 Schichten"),
        ("on Linux one", "auf Linux one"),
        ("3 layers of one", "genau: eins"),
        ("0.5 ± 0.1", "0.5 ± 0.1"),
        ("2e-14 layers", "2e-14 Schichten"),
        ("", ""),
    ],
)
def test_a_text_finds_its_entry(text, expected):
    entries = {
        "one": "eins",
        "one and more": "eins und mehr",
        "{n} layers": "{n} Schichten",
        "net {name}, {layers}": "Netz {name}, {layers}",
        "on {machine!s}": "auf {machine}",
        "{n} layers of {what}": "genau: {what}",
        "{n} {anything} of {what}": "ungenau",
    }
    translator = Translator(entries)
    assert translator(text) == expected and translator.missing == []


def test_texts_without_an_entry_stay_and_are_told_once():
    translator = Translator({"{n} layers": "{n} Schichten"})
    assert [translator(text) for text in ("two", "two", "some layers", "2 layers")] == [
        "two", "two", "some Schichten", "2 Schichten"
    ]  # fmt: skip
    assert translator.missing == ["two", "some"]


def test_english_is_left_as_it_is():
    translator = make_translator(ENGLISH)
    assert translator("two\nlines") == "two\nlines" and translator.missing == []


def test_entries_that_are_not_finished_do_not_count():
    catalogue = 'msgid "one"\nmsgstr ""\n\n#, fuzzy\nmsgid "two"\nmsgstr "zwei"\n\nmsgid "a\\n b"\nmsgstr "c"\n'
    assert read_catalogue(io.BytesIO(catalogue.encode())) == {"a b": "c"}


def fields(text):
    """Returns the parameters of an entry: those of texts in braces, those of templates after a per cent sign."""
    return {name for _, name, *_ in Formatter().parse(text) if name is not None}, set(re.findall(r"%\((\w+)\)s", text))


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_catalogues_are_whole(path):
    from babel.messages.pofile import read_po

    with path.open("rb") as stream:
        messages = [message for message in read_po(stream, abort_invalid=True) if message.id]
    assert messages
    for message in messages:
        assert message.string and not message.fuzzy, message.id
        assert fields(message.id) == fields(message.string), message.id
        assert ("%(" in message.id or "%%" in message.id) == ("%(" in message.string or "%%" in message.string)


@pytest.mark.parametrize("language", TRANSLATIONS)
def test_no_text_has_two_entries(language):
    counts = 0
    for path in CATALOGUES:
        if path.parent.name == language:
            with path.open("rb") as stream:
                counts += len(read_catalogue(stream))
    assert counts == len(read_entries(language))


def as_entries(texts):
    """Returns texts as they are to be filled into a catalogue."""
    return "\n".join(f"\nmsgid {json.dumps(text, ensure_ascii=False)}\nmsgstr \"\"" for text in texts)


@pytest.mark.parametrize("language", TRANSLATIONS)
@pytest.mark.parametrize("name", CLAIMS)
def test_every_text_of_a_claim_is_translated(name, language):
    translator, claim = make_translator(language), CLAIMS[name]
    for text in (claim.title, claim.says, claim.remark, claim.experiment):
        translator(text)
    for folder in FOLDERS:
        if (folder, name) in RESULTS:
            render_page(claim, RESULTS[folder, name], translator, {ENGLISH: "", language: ""})
    assert not translator.missing, f"to be added to locale/{language}/{name}.po:\n{as_entries(translator.missing)}"


def ways_of(folder, language):
    """Returns the ways from a language's kept pages to those of each."""
    pages = FOLDERS[folder]
    return ResultsDirectory(pages[ENGLISH], CLAIMS, {CHINESE: pages[CHINESE]}).ways_from(language)


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("name", ["index", "adam"])
def test_each_page_leads_to_the_other_language(folder, name):
    for language, other in ((ENGLISH, CHINESE), (CHINESE, ENGLISH)):
        page = FOLDERS[folder][language] / f"{name}.md"
        (way,) = re.findall(rf"\[{LANGUAGES[other]}\]\(([^)]+)\)", page.read_text("utf-8"))
        assert (page.parent / way).resolve() == FOLDERS[folder][other] / f"{name}.md"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("folder, name", RESULTS)
def test_pages_that_are_kept_say_what_the_files_say(folder, name, language):
    pages = FOLDERS[folder]
    page = render_page(CLAIMS[name], RESULTS[folder, name], make_translator(language), ways_of(folder, language))
    assert (pages[language] / f"{name}.md").read_text("utf-8") == page
    assert not re.search(r"。 (?!\|)", page), "a full-width stop has its space in itself"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("folder", FOLDERS)
def test_the_index_that_is_kept_has_all_results(folder, language):
    translator = make_translator(language)
    results = {name: RESULTS[folder, name] for name in CLAIMS if (folder, name) in RESULTS}
    index = (FOLDERS[folder][language] / "index.md").read_text("utf-8")
    assert index == render_index(results, translator, ways_of(folder, language))
    assert f"--output docs/{folder} " in index and translator.missing == []
    assert {result["settings"]["quick"] for result in results.values()} == {folder == "article"}


@pytest.mark.parametrize("language", TRANSLATIONS)
def test_every_verdict_and_answer_has_a_word(language):
    from gluon_lstm.article import Verdict

    translator = make_translator(language)
    words = {*(verdict.value for verdict in Verdict), "undecided", "yes", "open", "no"}
    assert len(set(map(translator, words))) == len(words) and translator.missing == []


@pytest.fixture
def folders(tmp_path):
    """Two folders that do not exist yet: of results, and of pages in Chinese."""
    return tmp_path / "docs" / "results", tmp_path / "docs" / "zh" / "pages"


def test_pages_in_chinese_lead_to_the_results_and_texts_without_translation_are_told(claim, folders):
    results, pages = folders
    told = []
    directory = ResultsDirectory(results, CLAIMS, {CHINESE: pages})
    result = reproduce([claim], Settings(quick=True, seeds=2), directory, "gluon-lstm reproduce fake", told.append)
    assert {path.name for path in pages.iterdir()} == {"fake.md", "index.md"}
    page, english = ((folder / "fake.md").read_text("utf-8") for folder in (pages, results))
    assert "](../../results/fake-values.png)" in page and "](../../results/fake.json)" in page
    assert "](fake-values.png)" in english and "## What was examined" in english
    assert "*The values*\n\n图中文字为英文。\n" in page and "texts in the figures" not in english
    assert "## 检验了什么" in page and f"**{make_translator(CHINESE)(result['fake']['verdict'])}**" in page
    links = re.findall(r"\]\(([^)]+)\)", page)
    assert len(links) >= 3 and all((pages / link).exists() for link in links)
    (line,) = (line for line in told if "translation" in line)
    assert re.fullmatch(r"fake: \d+ texts have no translation \(zh\) and stay English, such as 'A claim'", line)


@pytest.mark.parametrize("way", [".", "inside", ".."])
def test_pages_in_chinese_have_a_folder_of_their_own(claim, tmp_path, way):
    results = tmp_path / "docs" / "results"
    directory = ResultsDirectory(results, CLAIMS, {CHINESE: results / way})
    with pytest.raises(RunError, match="must be apart from the results in .*; choose another folder with --chinese"):
        reproduce([claim], Settings(quick=True, seeds=2), directory, "gluon-lstm reproduce fake")
    assert not results.exists()


@pytest.mark.parametrize("name", ["notes.md", "fake.json", "fake-values.png"])
def test_a_folder_of_pages_with_other_files_is_refused(claim, measure, folders, name):
    results, pages = folders
    pages.mkdir(parents=True)
    (pages / name).write_text("mine", encoding="utf-8")
    directory = ResultsDirectory(results, CLAIMS, {CHINESE: pages})
    with pytest.raises(RunError, match=f"holds '{name}', which is no part of results; .* with --chinese"):
        reproduce([claim], Settings(quick=True, seeds=2), directory, "gluon-lstm reproduce fake")
    assert measure.asked == [] and [path.name for path in pages.iterdir()] == [name]
