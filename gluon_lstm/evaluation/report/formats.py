"""How numbers, names and pages are written in a report."""

from __future__ import annotations

import html
import re
from typing import Any, Optional

from jinja2 import Environment, PackageLoader, StrictUndefined

from gluon_lstm.evaluation import plots

EXCERPT = 300
"""Characters of a text that the report shows: its beginning and its end."""
UNDEFINED = "–"


def percent(share: Optional[float]) -> str:
    """Returns a share as ``99.12 %``, or a dash where it is undefined."""
    return UNDEFINED if share is None else f"{100 * share:.2f} %"


def decimal(number: Optional[float]) -> str:
    """Returns a number as ``0.1234``, or a dash where it is undefined."""
    return UNDEFINED if number is None else f"{number:.4f}"


def count(number: int) -> str:
    """Returns a count as ``10,000``."""
    return f"{number:,}"


def counted(number: int, noun: str) -> str:
    """Returns a count of something as ``1 sample`` or ``10,000 samples``."""
    return f"{count(number)} {noun}{'s' * (number != 1)}"


def excerpt(text: str) -> str:
    """Returns a text's beginning and end, at most ``EXCERPT`` characters."""
    half = EXCERPT // 2
    return text if len(text) <= EXCERPT else f"{text[:half]} … {text[-half:]}"


def markdown(text: Any) -> str:
    """Returns a text so that Markdown shows it as it is, on one line, inside a table's cell too."""
    return re.sub(r"([\\`*_\[\]|~$])", r"\\\1", html.escape(plots.one_line(str(text)), quote=False))


def page_environment(package: str, is_html: bool) -> Environment:
    """Returns the Jinja2 environment of a package's templates, in which a name that is not given is an error.

    Args:
        package: the package, whose templates are in its folder ``templates``.
        is_html: whether values are escaped as HTML; those of Markdown go through ``markdown``.
    """
    return Environment(
        loader=PackageLoader(package),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=is_html,
    )
