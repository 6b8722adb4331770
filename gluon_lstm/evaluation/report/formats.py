"""How numbers and names are written in a report."""

from __future__ import annotations

import html
import re
from typing import Any, Optional

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


def excerpt(text: str) -> str:
    """Returns a text's beginning and end, at most ``EXCERPT`` characters."""
    half = EXCERPT // 2
    return text if len(text) <= EXCERPT else f"{text[:half]} … {text[-half:]}"


def markdown(text: Any) -> str:
    """Returns a text so that Markdown shows it as it is, on one line, inside a table's cell too."""
    return re.sub(r"([\\`*_\[\]|~$])", r"\\\1", html.escape(plots.one_line(str(text)), quote=False))
