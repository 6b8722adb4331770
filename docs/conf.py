"""How Sphinx builds the site; ``make docs`` calls it."""

import dataclasses
import os
import re
import sys
from pathlib import Path

from gluon_lstm.config import flag
from gluon_lstm.version import __version__

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
PAGES_OF_THE_ROOT = {
    ROOT / "README.md": DOCS / "readme.md",
    ROOT / "SECURITY.md": DOCS / "security.md",
    ROOT / "CHANGELOG.md": DOCS / "changelog.md",
    ROOT / "README.zh-CN.md": DOCS / "zh" / "readme.md",
}
"""Files that stand beside ``docs``, where readers of the repository look for them → the pages that show them."""

sys.path.insert(0, str(DOCS / "_extensions"))

project = "gluon-lstm"
version = release = __version__
language = "en"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode", "sphinx_copybutton",
              "chinese_pages"]  # fmt: skip

myst_heading_anchors = 4
smartquotes_action = "D"

autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
maximum_signature_line_length = 88
napoleon_numpy_docstring = False
# Attributes are a list below the class: as members of their own, those of named tuples would be there twice.
napoleon_use_ivar = True

html_theme = "furo"
html_title = "gluon-lstm"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_copyright = False
html_show_sphinx = False
copybutton_exclude = ".linenos, .gp, .go"


def show_page_of_the_root(app, docname, source):
    """Puts the file's text in the place of a page that shows one, and sends links to such files to their pages."""
    page = DOCS / f"{docname}.md"
    origin = next((file for file, shown in PAGES_OF_THE_ROOT.items() if shown == page), page)
    if origin != page:
        source[0] = origin.read_text(encoding="utf-8")
        app.env.note_dependency(str(origin))
    source[0] = move_links(source[0], origin.parent, page.parent)


def move_links(text, before, after):
    """Returns Markdown whose links to files, relative to the folder ``before``, lead there from the folder ``after``.

    A link to a file that a page of the site shows leads to that page.
    """

    def move(match):
        file = (before / match[1]).resolve()
        if not match[1] or not file.exists():
            return match[0]
        target = PAGES_OF_THE_ROOT.get(file, file)
        return f"]({Path(os.path.relpath(target, after)).as_posix()}{match[2]}"

    return re.sub(r"\]\(([^)#\s:]+)([)#])", move, text)


def skip_field_of_tuple(app, what, name, obj, skip, options):
    """Leaves out what Python itself says of a named tuple's fields; their meaning stands in the class's text."""
    return True if (getattr(obj, "__doc__", None) or "").startswith("Alias for field number") else None


def hide_signature_of_options(app, what, name, obj, options, signature, returns):
    """Leaves out a signature of dozens of options, which ``mend_text`` lists."""
    return ("", None) if what == "class" and options_of(obj) else None


def options_of(obj):
    """Returns the fields of a section of the configuration; none of anything else."""
    items = dataclasses.fields(obj) if dataclasses.is_dataclass(obj) else ()
    return [item for item in items if "help" in item.metadata]


def mend_text(app, what, name, obj, options, lines):
    """Adds the options of a section of the configuration, and keeps ``K.`` from being taken for a list's first item."""
    lines[:] = [re.sub(r"^(\s*\w+: )(\w\.)", r"\1\\\2", line) for line in lines]
    for item in options_of(obj) if what == "class" else ():
        text = re.sub(r"(--[\w-]+)", r"``\1``", item.metadata["help"])
        lines += ["", f"``{flag(item.name)}`` (default: ``{item.default}``)", f"   {text}"]


def setup(app):
    """Connects the functions above to what Sphinx does."""
    app.connect("source-read", show_page_of_the_root)
    app.connect("autodoc-skip-member", skip_field_of_tuple)
    app.connect("autodoc-process-signature", hide_signature_of_options)
    app.connect("autodoc-process-docstring", mend_text, priority=400)  # before Napoleon reads it
