"""The pages of README and site: their code, and how it is carried out."""

import io
import os
import re
import shlex
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import List, NamedTuple, Sequence

import pytest

from gluon_lstm.cli import main

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in (*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md")))
}
"""Path from the root → text of every page."""

FEW_SECTIONS = ("--sections", "mistakes,speed")


class Block(NamedTuple):
    """A block of code: its language, with ``no-run`` where that is said; the code; and the line that follows it."""

    language: str
    code: str
    next_line: str


class Outcome(NamedTuple):
    """How a command ended: exit code, and what it wrote."""

    code: int
    out: str
    err: str


def blocks_of(text: str) -> List[Block]:
    """Returns the blocks of code in a page, in turn."""
    found = re.findall(r"^```([^\n]*)\n(.*?)^```(?=\n*([^\n]*))", text, flags=re.MULTILINE | re.DOTALL)
    return [Block(*parts) for parts in found]


def lines_of(code: str) -> List[str]:
    """Returns the commands in a block for a shell, without comments."""
    lines = code.replace("\\\n", " ").splitlines()
    return [command for command in (line.partition(" #")[0].strip() for line in lines) if command]


def run_command(command: str, extra: Sequence[str] = ()) -> Outcome:
    """Runs a ``gluon-lstm`` command in this process, ``cat FILE |`` in front of it included."""
    feeder, _, command = command.rpartition("|")
    arguments = [*shlex.split(command)[1:], *extra]
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        if feeder:
            cat, name = shlex.split(feeder)
            assert cat == "cat"
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(Path(name).read_bytes())))
        try:
            code = main(arguments)
        except SystemExit as end:
            code = end.code
    return Outcome(code, out.getvalue(), err.getvalue())


def run_line(line: str) -> None:
    """Runs a line for a shell, which must end well: commands of the program in this process, others by bash.

    A whole report takes long, and has tests of its own: of one that is asked for without sections, two are written.
    """
    if re.match(r"(cat \S+ \| )?gluon-lstm ", line):
        outcome = run_command(line, FEW_SECTIONS if re.fullmatch(r"gluon-lstm evaluate \S+", line) else ())
        assert outcome.code == 0, f"{line}\n{outcome.err}"
    else:
        subprocess.run(["bash", "-c", line], check=True, capture_output=True, timeout=60, env=environment())


def run_python(code: str, name: str) -> str:
    """Runs a block of Python: one that does without this package, in a process that never imported it.

    Returns:
        What it prints.
    """
    if "gluon_lstm" in code or "mxnet" not in code:
        with redirect_stdout(io.StringIO()) as out:
            exec(compile(code, name, "exec"), {"__name__": "__main__"})
        return out.getvalue()
    command = [sys.executable, "-c", code]
    return subprocess.run(command, check=True, timeout=60, env=environment(), stdout=subprocess.PIPE, text=True).stdout


def assert_printed(printed: str, shown: str) -> None:
    """Checks that a page shows what its code prints: the same words, and numbers that another machine may round."""
    found, expected = (re.findall(r"[-+]?\d[\d.]*(?:e[-+]?\d+)?|[^\s\d]+", text) for text in (printed, shown))
    assert [is_number(part) or part for part in found] == [is_number(part) or part for part in expected], printed
    pairs = [(float(one), float(other)) for one, other in zip(found, expected) if is_number(one) and is_number(other)]
    assert [one for one, _ in pairs] == pytest.approx([other for _, other in pairs], rel=0.05), printed


def is_number(text: str) -> bool:
    """Whether a text is a number, and not a version such as 1.9.1."""
    return re.fullmatch(r"[-+]?\d+(\.\d*)?(e[-+]?\d+)?", text) is not None


def environment() -> dict:
    """Returns the environment of a process that is to find this Python and this checkout."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
