"""The site: its code runs as it stands, its links lead somewhere, and it is built without a warning."""

import importlib
import os
import re
import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from pages import DOCS, PAGES, ROOT, assert_printed, blocks_of, environment, lines_of, run_command, run_line, run_python

import gluon_lstm
from gluon_lstm.article import CLAIMS
from gluon_lstm.cli.main import build_parser
from gluon_lstm.cli.options import given_flags
from gluon_lstm.config import merge, preset

WALKED = [name for name in PAGES if re.fullmatch(r"docs/(index|tutorial|how-to/[^/]+)\.md", name)]
"""Pages whose code is run from top to bottom in one folder; those in Chinese have the same code."""
LANGUAGES = ("sh", "python")
REASON = re.compile(r"\*(Not run by the tests: \w|测试不运行这一段：\w)")
API = ("nn", "nn.exchange", "data", "training", "evaluation", "rundir", "config", "runtime", "errors")
SITE_PYTHON = sys.executable if find_spec("sphinx") else str(ROOT / ".venv-docs" / "bin" / "python")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", WALKED)
def test_code_runs_as_it_stands(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GLUON_LSTM_DATA", raising=False)
    printed = ""
    for number, block in enumerate(blocks_of(PAGES[page]), 1):
        if block.language == "sh":
            for line in lines_of(block.code):
                run_line(line)
        if block.language == "text" and printed:
            assert_printed(printed, block.code)
        printed = run_python(block.code, f"{page}, block {number}") if block.language == "python" else ""


def test_how_to_pages_have_code_that_runs():
    run = {page: [b for b in blocks_of(PAGES[page]) if b.language in LANGUAGES] for page in WALKED}
    assert all(run.values()) and sum(map(len, run.values())) >= 20


def test_code_that_does_not_run_says_why():
    for page in WALKED:
        for block in blocks_of(PAGES[page]):
            language, _, mark = block.language.partition(" ")
            if language in LANGUAGES:
                assert mark in ("", "no-run"), f"{page}: {block.language}"
                assert bool(mark) == bool(REASON.match(block.next_line)), f"{page}: {block.code}"


def test_a_mistake_in_a_file_is_answered_as_shown(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("reviews.csv").write_text("review,label\nThe film was fine.,good\nThe film was dull.,\n")
    assert shown("docs/how-to/own-data.md") == run_command("gluon-lstm train --dataset reviews.csv").err.strip()


def test_a_device_that_is_missing_is_answered_as_shown():
    import mxnet as mx

    if mx.context.num_gpus():
        pytest.skip("this machine has a GPU")
    assert shown("docs/how-to/devices.md") == run_command("gluon-lstm train --device gpu:0").err.strip()


def test_what_resuming_refuses_is_answered_as_shown():
    line = "--epochs: --resume goes on with the run's own options; leave this out"
    assert f"| `{line}` |" in PAGES["docs/how-to/resume.md"]
    assert line in run_command("gluon-lstm train --resume runs/often --epochs 9").err


def test_the_recipe_of_pixels_is_that_of_the_preset():
    section = PAGES["docs/pixel-by-pixel.md"].partition("## The recipe\n")[2].partition("<!-- pixel-trials")[0]
    words = shlex.split(" ".join(re.findall(r"^\| `(--[^`]+)` \|", section, flags=re.MULTILINE)))
    given = given_flags(build_parser().parse_args(["train", *words]))
    assert len(words) > 12 and merge(preset("sequential"), given) == preset("sequential")


def test_no_two_pages_make_one_folder():
    """Who follows one page after the other meets no folder that is there; a page and its translation are one."""
    makers = {}
    for page, text in PAGES.items():
        original = page.replace("docs/zh/", "docs/").replace(".zh-CN", "")
        for line in (line for block in blocks_of(text) if block.language[:2] == "sh" for line in lines_of(block.code)):
            made = re.search(r"gluon-lstm (?:train|reproduce) .*--output (\S+)", line)
            if made:
                makers.setdefault(made[1], set()).add(original)
    assert len(makers) > 20
    assert {folder: pages for folder, pages in makers.items() if len(pages) > 1} == {}


def test_the_start_pages_have_the_same_code():
    pages = (PAGES["docs/index.md"], PAGES["docs/zh/index.md"])
    english, chinese = ([block.code for block in blocks_of(page) if block.language in LANGUAGES] for page in pages)
    assert english and english == chinese


def shown(page):
    """Returns the error's line that a page shows."""
    (line,) = (block.code.strip() for block in blocks_of(PAGES[page]) if block.code.startswith("gluon-lstm train: "))
    return line


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    for target, anchor in re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]+))?\)", PAGES[page]):
        if "://" in target:
            continue
        file = (ROOT / page).parent / target if target else ROOT / page
        assert file.exists(), f"{page}: {target}"
        assert not anchor or anchor in anchors(file), f"{page}: {target}#{anchor}"


def anchors(page):
    """Returns the names that a page's headings have in links, as GitHub makes them."""
    text = re.sub(r"^```.*?^```", "", page.resolve().read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ +(.*?) *$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_page_is_in_the_navigation():
    text = PAGES["docs/index.md"]
    entries = {line for block in blocks_of(text) if block.language == "{toctree}" for line in block.code.splitlines()}
    patterns = [re.search(r"[^<>]+(?=>$)|^[^<>]+$", entry)[0] for entry in entries if entry and entry[0] != ":"]
    for page in PAGES:
        path = Path(page)
        if path.parts[0] == "docs" and page != "docs/index.md":
            assert any(path.relative_to("docs").with_suffix("").match(pattern) for pattern in patterns), page


def test_claims_are_listed_in_the_articles_order():
    folders = re.findall(r"^(\S*article(?:-full)?)/index$", PAGES["docs/index.md"], flags=re.MULTILINE)
    assert sorted(folders) == ["article", "article-full", "zh/article", "zh/article-full"]
    for folder in folders:
        listed = re.findall(rf"^{folder}/(?!index)(.+)$", PAGES["docs/index.md"], flags=re.MULTILINE)
        assert listed == [name for name in CLAIMS if f"docs/{folder}/{name}.md" in PAGES]
    assert all(f"docs/article/{name}.md" in PAGES for name in CLAIMS)


def test_the_api_has_every_public_name():
    page = PAGES["docs/api/index.md"]
    assert all(f"{name}`" in page for name in gluon_lstm.__all__)
    for home, name in re.findall(r"`~(gluon_lstm[\w.]*)\.(\w+)`", page):
        assert getattr(importlib.import_module(home), name) is getattr(gluon_lstm, name)
    modules = {name for text in PAGES.values() for name in re.findall(r"automodule:: gluon_lstm\.(\S+)", text)}
    assert modules == set(API)


def test_code_of_pages_imports_public_modules_alone():
    code = "\n".join(block.code for text in PAGES.values() for block in blocks_of(text) if block.language == "python")
    named = set(re.findall(r"^(?:from|import) gluon_lstm\.([\w.]+)", code, flags=re.MULTILINE))
    assert named and named <= set(API)


@pytest.mark.timeout(400)
@pytest.mark.skipif(not os.path.exists(SITE_PYTHON), reason="Sphinx is not installed here; make docs installs it")
def test_the_site_is_built_without_a_warning(tmp_path):
    options = ["-W", "--keep-going", "-q", "-d", tmp_path / "cache"]
    command = [SITE_PYTHON, "-m", "sphinx", *options, DOCS, tmp_path / "site"]
    built = subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=360)
    assert built.returncode == 0, built.stderr
    english, chinese = ("en", "Search", "On this page", "First steps"), ("zh-CN", "搜索", "本页目录", "中文")
    pages = (("index", english), ("tutorial", english), ("zh/tutorial", chinese), ("zh/article/cell", chinese))
    for page, words in pages:
        text = (tmp_path / "site" / f"{page}.html").read_text(encoding="utf-8")
        language, search, contents, first = words
        assert re.search(r'<html[^>]* lang="([^"]+)"', text)[1] == language
        assert re.search(r'class="sidebar-search" placeholder="([^"]+)"', text)[1] == search
        assert contents in text or page == "index"  # which has no list of its headings
        assert re.search(r'class="caption-text">([^<]+)', text)[1] == first
    for name in API:
        module = importlib.import_module(f"gluon_lstm.{name}")
        page = (tmp_path / "site" / "api" / f"{name.rpartition('.')[2]}.html").read_text(encoding="utf-8")
        names = getattr(module, "__all__", ())
        assert not [member for member in names if f'id="gluon_lstm.{name}.{member}"' not in page]
