"""Chinese words around the Chinese pages of a site whose language is English.

Sphinx has one language a site. Here the pages below ``zh/`` get the words of buttons and headings from its Chinese
catalogue, or from ``WORDS``, and a navigation that begins with their own part of it.
"""

import functools
import gettext
import re
from pathlib import Path

import sphinx.locale

FOLDER, CAPTION = "zh/", "中文"
WORDS = {
    "Back to top": "回到顶部",
    "Home": "首页",
    "Next": "下一页",
    "On this page": "本页目录",
    "Previous": "上一页",
    "Skip to content": "跳到正文",
}
"""Words of the theme that Sphinx's catalogue does not have."""


class _Chinese(gettext.NullTranslations):
    """Translates by ``WORDS``, else by Sphinx's catalogue."""

    def gettext(self, message):
        return WORDS.get(message) or super().gettext(message)


def _make_translator():
    catalogue = Path(sphinx.locale.__file__).parent
    translator = _Chinese()
    translator.add_fallback(gettext.translation("sphinx", catalogue, ["zh_CN"]))
    return translator


def _use_words(app, pagename, templatename, context, doctree, chinese):
    """Tells browsers which pages are in Chinese, and has the templates' words in it there."""
    is_chinese = pagename.startswith(FOLDER)
    if is_chinese:
        context["language"] = "zh-CN"
    app.builder.templates.environment.install_gettext_translations(chinese if is_chinese else app.translator)


def _put_own_parts_first(app, pagename, templatename, context, doctree):
    """Begins the navigation of the Chinese pages with their parts; the theme has made it by then."""
    if pagename.startswith(FOLDER) and "furo_navigation_tree" in context:
        start, *parts = re.split(r'(?=<p class="caption")', context["furo_navigation_tree"])
        parts.sort(key=lambda part: CAPTION not in part.partition("</p>")[0])
        context["furo_navigation_tree"] = start + "".join(parts)


def setup(app):
    """Connects the functions above to what Sphinx does."""
    app.connect("html-page-context", functools.partial(_use_words, chinese=_make_translator()))
    app.connect("html-page-context", _put_own_parts_first, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": False}
