"""The look that all pictures share: colours, fonts, names that fit.

Colours are Okabe and Ito's (2008), which people of every kind of colour vision tell apart;
lines differ in their dashes and markers too. No function touches pyplot's global state.
"""

from __future__ import annotations

import re
import warnings
from functools import cache
from pathlib import Path
from typing import Any, Iterable, Optional, Set, Tuple

import matplotlib
import numpy as np
from matplotlib import font_manager
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from rich.text import Text

BLUE, VERMILION, GREY = "#0072B2", "#D55E00", "#666666"
PALETTE = (BLUE, VERMILION, "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C7A00")
DASHES = ("-", "--", "-.", ":")
MARKERS = "osD^vPX*"
DPI = 120
MAKER = "gluon-lstm"
"""What pictures say of the software that made them."""
COMPRESSION = 3
"""Of PNG files, 0 to 9; more takes twice the time and saves a twentieth."""
_HEAD = 512
"""First bytes of a PNG, among which its text is."""
NAME_WIDTH = 24
"""Columns that a class name takes at most, along an axis or in the terminal's table."""
CJK_FONTS = (
    "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans SC", "Source Han Sans SC", "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei", "PingFang SC", "Hiragino Sans GB", "Heiti SC", "Microsoft YaHei", "SimHei",
    "AR PL UMing CN", "Droid Sans Fallback", "Arial Unicode MS",
)  # fmt: skip
"""Fonts with Chinese characters that systems bring, the best first."""


def new_figure(width: float, height: float, layout: Optional[str] = "constrained") -> Figure:
    """Returns an empty figure of a size in inches; ``layout`` as in Matplotlib, ``None`` for places that are given."""
    return Figure(figsize=(width, height), dpi=DPI, layout=layout)


def line_style(number: int) -> dict:
    """Returns what sets one of several lines apart: colour, dashes, marker."""
    return {
        "color": PALETTE[number % len(PALETTE)],
        "linestyle": DASHES[number % len(DASHES)],
        "marker": MARKERS[number % len(MARKERS)],
    }


def percent_axis(axis: Any, decimals: Optional[int] = None) -> None:
    """Writes an axis of shares in percent; its label has the sign."""
    axis.set_major_formatter(PercentFormatter(xmax=1, decimals=decimals, symbol=""))


def legend_outside(figure: Figure, columns: int) -> None:
    """Puts the legend of all axes below them, where it covers nothing; needs the constrained layout."""
    figure.legend(loc="outside lower center", ncols=columns, fontsize=8)


def save(figure: Figure, path: Path, title: str = "") -> None:
    """Writes a figure as PNG, whose title ``is_own`` finds again; characters that no font here has become boxes."""
    canvas = FigureCanvasAgg(figure)
    with style(), warnings.catch_warnings():
        # The report tells of them (``missing_characters``); a warning for each glyph would say no more.
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        canvas.draw()  # once; savefig draws a figure twice, the first time for its layout alone
    pixels = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    facts = PngInfo()
    facts.add_text("Software", MAKER)
    if title:
        facts.add_text("Title", title)
    pixels.save(path, format="png", dpi=(figure.dpi, figure.dpi), compress_level=COMPRESSION, pnginfo=facts)


def is_own(path: Path, title: str = "") -> bool:
    """Whether ``save`` wrote a picture, with this title if one is given; raises OSError where it cannot be read."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    facts = [f"Software\0{MAKER}", *([f"Title\0{title}"] if title else [])]
    return all(b"tEXt" + fact.encode() in head for fact in facts)


def short_name(name: str, width: int = NAME_WIDTH) -> str:
    """Returns a class name on one line, cut to ``width`` columns; a Chinese character takes two."""
    text = Text(one_line(name))
    text.truncate(width, overflow="ellipsis")
    return text.plain


def one_line(text: str) -> str:
    """Returns a text with control characters and runs of white space as single spaces."""
    return " ".join(re.sub(r"[\x00-\x1f\x7f-\x9f]", " ", text).split())


def missing_characters(texts: Iterable[str]) -> str:
    """Returns the characters of the texts that none of the fonts used has, each once, in order."""
    known = _characters(fonts())
    return "".join(sorted(set("".join(map(short_name, texts))) - {chr(code) for code in known}))


@cache
def fonts() -> Tuple[str, ...]:
    """Returns the font families to draw with: Matplotlib's own, then one with Chinese where there is one."""
    installed = set(font_manager.get_font_names())
    return ("DejaVu Sans", *[name for name in CJK_FONTS if name in installed][:1])


@cache
def _characters(families: Tuple[str, ...]) -> Set[int]:
    """Returns the code points that the font families have between them."""
    paths = (font_manager.findfont(font_manager.FontProperties(family=family)) for family in families)
    return set().union(*(font_manager.get_font(path).get_charmap() for path in paths))


def style() -> Any:
    """Returns a context in which figures get the report's look."""
    return matplotlib.rc_context(
        {
            "font.family": list(fonts()),
            "text.parse_math": False,  # a dollar sign in a class name is a dollar sign
            "axes.grid": True,
            "grid.alpha": 0.3,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlesize": 11,
            "legend.frameon": False,
        }
    )
