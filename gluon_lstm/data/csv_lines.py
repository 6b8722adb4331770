"""Lines of CSV as every reader takes them."""

from __future__ import annotations

import csv
import io
from typing import Any, Iterable


def csv_line(cells: Iterable[Any]) -> str:
    """Returns a row of CSV, ended by a line feed."""
    row = io.StringIO(newline="")
    # Before Python 3.13, the writer leaves a text with \r without quotes unless rows end with it.
    csv.writer(row, lineterminator="\r\n").writerow(cells)
    return row.getvalue()[:-2] + "\n"
