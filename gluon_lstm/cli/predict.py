"""Classify texts or pictures of your own with a trained run.

gluon-lstm predict RUN "a text" "another"         an answer to read, for each text
gluon-lstm predict RUN --input texts.csv          a row for each text of a file
tail -f log | gluon-lstm predict RUN --input -    a row for each line of a pipe
gluon-lstm predict RUN seven.png three.png        the same for a run on images

Lines of a .txt file or a pipe are answered as they arrive, at most 256 at a time, and each
answer is written at once; where a line cannot be read, those before it are answered first. A
PNG becomes grey, and its values, from 0 to 255, are scaled to those of the training (digits: 0
to 16); an IDX file has them already. Put -- before a text that starts with a dash.
"""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Callable, Iterator, List, NamedTuple, Optional, Sequence, Union

import numpy as np

from gluon_lstm import runtime
from gluon_lstm.atomic import check_replaceable, replacing_file
from gluon_lstm.cli.answers import FORMATS, Answer, Style
from gluon_lstm.cli.options import add_quotes_argument
from gluon_lstm.cli.output import accept_all_signs, output_explained
from gluon_lstm.cli.samples import Samples, check_source, open_pictures, open_texts
from gluon_lstm.cli.trained import add_runtime_arguments, read_config_of_run
from gluon_lstm.data.formats import read_format
from gluon_lstm.data.picture_folders import SUFFIX
from gluon_lstm.errors import ConfigError
from gluon_lstm.rundir import RunDirectory

NAMED_LINES = 5
"""Most lines of a kind that are named."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("run", metavar="RUN", help="run directory that train made")
    parser.add_argument(
        "samples", metavar="SAMPLE", nargs="*", help="a text, or pictures: a PNG or IDX file, or a folder of PNG"
    )
    parser.add_argument(
        "--input",
        metavar="FILE",
        help="texts: .txt, a text a line, .csv, .tsv or .jsonl, each also with .gz, or - for the lines of standard "
        "input; pictures: PNG or IDX, or a folder of PNG (default: what is on the command line)",
    )
    parser.add_argument("--output", metavar="FILE", help="where answers go, as a whole (default: standard output)")
    parser.add_argument("--force", action="store_true", help="replace the output if it exists (default: no)")
    parser.add_argument(
        "--format",
        choices=FORMATS,
        help="of the answers (default: jsonl with an --output so named, csv with others or --input, else text)",
    )
    for name, text in (("probabilities", "give the probability of every class"),
                       ("with-input", "give the text, or the picture's file, with each answer"),
                       ("invert", "pictures are dark on white")):  # fmt: skip
        parser.add_argument(f"--{name}", action="store_true", default=None, help=f"{text} (default: no)")
    parser.add_argument(
        "--text-column",
        metavar="NAME",
        help="column of the texts, by name, or by number from 1 in a file without names "
        "(default: the one that the training named, if it did, else guessed by name)",
    )
    parser.add_argument("--encoding", metavar="NAME", help="of the texts (default: utf-8)")
    add_quotes_argument(parser)
    add_runtime_arguments(parser)


class _Lines:
    """Lines of one kind that were met: how many, and the first ones.

    Args:
        kind: what the warning calls them.
        noun: what it calls one by its number.
    """

    def __init__(self, kind: str, noun: str = "line") -> None:
        self.kind, self.noun, self.count = kind, noun, 0
        self.first: List[int] = []

    def add(self, line: int) -> None:
        """Counts a line."""
        self.count += 1
        if len(self.first) < NAMED_LINES:
            self.first.append(line)

    def warn(self) -> None:
        """Prints them on the standard error stream, if there are any."""
        if self.count:
            lines = ", ".join(map(str, self.first)) + (", …" if self.count > len(self.first) else "")
            print(f"warning: {self.kind}: {self.count:,} ({self.noun} {lines})", file=sys.stderr)


class _Met(NamedTuple):
    """Lines that the user is warned of at the end."""

    blank: _Lines
    unknown: _Lines


def run(arguments: argparse.Namespace) -> int:
    """Predicts as the arguments say; returns the exit code."""
    check_source(arguments)
    directory = RunDirectory.open(arguments.run)
    config, model = read_config_of_run(directory, arguments), directory.load_model()
    source = str(directory.path / "model")
    blank = _Lines("blank lines, which have no label")
    unknown = _Lines("texts without a token that the model knows", "text" if arguments.input is None else "line")
    input_format = read_format(model.input_format, source)
    _check_output(arguments)
    with ExitStack() as stack:
        if input_format.symbols:
            samples = open_texts(arguments, config.text, stack)
        else:
            samples = open_pictures(arguments, input_format)
        runtime.prepare(config.runtime.threads)
        from gluon_lstm.evaluation import Predictor

        predictor = Predictor(config, model, runtime.devices(config.runtime.device)[0], source)
        column = ("text" if input_format.symbols else "file") if arguments.with_input else None
        style = Style(predictor.class_names, bool(arguments.probabilities), column)
        with _output(arguments) as write:
            _write(_answer(predictor, samples, _Met(blank, unknown)), style, _format(arguments), write)
    blank.warn()
    unknown.warn()
    if arguments.output is not None:
        print(f"predictions: {arguments.output}")
    return 0


def _format(arguments: argparse.Namespace) -> str:
    """Returns the name of the answers' format."""
    if arguments.format:
        return arguments.format
    if arguments.output and arguments.output.lower().endswith(".jsonl"):
        return "jsonl"
    return "text" if arguments.input is None and arguments.output is None else "csv"


def _check_output(arguments: argparse.Namespace) -> None:
    """Raises ConfigError where the output cannot be written, or would take the place of the input or of the run."""
    if arguments.output is None:
        return
    output = Path(arguments.output)
    with output_explained(output):
        check_replaceable(output)
    if output.exists() and output.resolve().is_relative_to(Path(arguments.run).resolve()):
        raise ConfigError(f"--output {output}: is a part of the run; choose another file")
    for name in [*arguments.samples, arguments.input]:
        if name is not None and output.exists() and _is_read(name, output):
            raise ConfigError(f"--output {output}: is what is to be read; choose another file")
    if output.exists() and not arguments.force:
        raise ConfigError(f"--output {output}: exists; choose another file, or replace it with --force")


def _is_read(name: str, output: Path) -> bool:
    """Whether a file that exists is the input of this name, or a picture in the folder of this name."""
    if os.path.isdir(name):
        file = output.resolve()
        return file.suffix.lower() == SUFFIX and os.path.samefile(name, file.parent)
    return os.path.exists(name) and os.path.samefile(name, output)


@contextmanager
def _output(arguments: argparse.Namespace) -> Iterator[Callable[[str], None]]:
    """Gives the function that writes answers: into a file that appears as a whole, or at once to standard output."""
    if arguments.output is None:
        accept_all_signs(None if _format(arguments) == "text" else "utf-8")
        yield lambda text: print(text, end="", flush=True)
        return
    output = Path(arguments.output)
    with output_explained(output), replacing_file(output) as temporary:
        with open(temporary, "w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            yield file.write


def _answer(predictor, samples: Iterator[Samples], met: _Met) -> Iterator[List[Answer]]:
    """Yields the answers to each chunk of samples, and counts the lines that the user is warned of."""
    start = 0
    for names, values, lines in samples:
        rows: List[Optional[np.ndarray]] = list(_predict(predictor, values, lines, met))
        for place, row in enumerate(rows):
            if np.isnan(row[0]):
                met.blank.add(lines[place])
                rows[place] = None
        yield [Answer(start + place, *pair) for place, pair in enumerate(zip(names, rows))]
        start += len(rows)


def _predict(predictor, values: Union[List[str], np.ndarray], lines: Sequence[int], met: _Met) -> np.ndarray:
    """Returns the probabilities (N, K) of samples, NaN for a blank text, and counts those of unknown tokens alone."""
    if predictor.reader is None:
        return predictor.predict_proba(values)
    probabilities, are_unknown = predictor.predict_lines(values)
    for place in np.flatnonzero(are_unknown):
        met.unknown.add(lines[place])
    return probabilities


def _write(answers: Iterator[List[Answer]], style: Style, name: str, write: Callable[[str], None]) -> None:
    """Writes the answers; what stands before them comes with the first, so that a bad file leaves nothing."""
    head, row = FORMATS[name]
    start = head(style)
    for chunk in answers:
        write(start + "".join(row(style, answer) for answer in chunk))
        start = ""
    if start:
        write(start)
