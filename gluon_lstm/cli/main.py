"""Finds the command, runs it, and turns a user's error into one line."""

from __future__ import annotations

import argparse
import signal
import sys
import warnings
from typing import List, NoReturn, Optional

from gluon_lstm import __version__
from gluon_lstm.cli import evaluate, find_lr, predict, reproduce, train
from gluon_lstm.cli.interrupts import lasting_interrupts
from gluon_lstm.cli.output import (
    OutputError,
    accept_all_signs,
    checked_output,
    discard_output,
    forgiving_errors,
    visible,
)
from gluon_lstm.errors import NoEffectWarning, UserError, did_you_mean

COMMANDS = {"train": train, "evaluate": evaluate, "predict": predict, "find-lr": find_lr, "reproduce": reproduce}


MOST_CHARACTERS = 20_000
"""Of an error's line: a name in a file can be as long as the file."""
SHORTAGES = ("bad_alloc", "Failed to allocate", "out of memory")
"""What MXNet's errors say where memory runs out, on the processor and on a GPU."""


class _Parser(argparse.ArgumentParser):
    """A parser whose complaint is one line, and which takes arguments before and after flags."""

    def parse_known_args(self, args=None, namespace=None):
        """Parses as its base does, with the nearest flag where one is not known.

        Arguments after a flag go to the one that takes any number of them. Before
        Python 3.13, argparse gives it those before the first flag alone.
        """
        namespace, rest = super().parse_known_args(args, namespace)
        flags = (action for action in self._actions if action.option_strings)
        empty = next((action for action in flags if getattr(namespace, action.dest, None) == ""), None)
        if empty:  # of a variable that was never set: to go on without it would be to do something else
            self.error(f"{empty.option_strings[0]} is empty; give it a value or leave it out")
        end = rest.index("--") if "--" in rest else len(rest)
        unknown = [text.partition("=")[0] for text in rest[:end] if text.startswith("-") and " " not in text]
        if unknown:
            hint = did_you_mean(unknown[0], self._option_string_actions)
            self.error(f"unrecognized arguments: {' '.join(rest)}{hint}")
        many = next((action.dest for action in self._actions if action.nargs in ("*", "+")), None)
        if many is None or not rest:
            return namespace, rest
        setattr(namespace, many, [*getattr(namespace, many), *rest[:end], *rest[end + 1 :]])
        return namespace, []

    def error(self, message: str) -> NoReturn:
        """Ends the process with exit code 2 and that line."""
        self.exit(2, _one_line(f"{self.prog}: {message} (see {self.prog} --help)") + "\n")


def _one_line(text: str) -> str:
    """Returns the text on one line that cannot command the terminal, whatever a name or value brought into it."""
    line = " ".join(map(visible, text.splitlines()))
    return line if len(line) <= MOST_CHARACTERS else f"{line[:MOST_CHARACTERS]}…"


def build_parser() -> argparse.ArgumentParser:
    """Returns the parser of all commands."""
    parser = _Parser(prog="gluon-lstm", description="LSTM sequence classification on Apache MXNet Gluon.")
    parser.add_argument("--version", action="version", version=f"gluon-lstm {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)
    for name, module in COMMANDS.items():
        summary = module.__doc__.splitlines()[0]
        command = commands.add_parser(name, help=summary, description=module.__doc__, allow_abbrev=False,
                                      formatter_class=argparse.RawDescriptionHelpFormatter)
        module.add_arguments(command)
    return parser


def main(argv: Optional[List[str]] = None) -> int:
    """Runs one command.

    Args:
        argv: the arguments after the program's name; those of the process if ``None``.

    Returns:
        The exit code: 0, 2 for a mistake in the arguments or files, or where
        standard output cannot be written, 3 where training diverged, 128 plus
        the signal's number where one ended it.
    """
    with forgiving_errors(), lasting_interrupts():
        return _run_checked(argv)


def _run_checked(argv: Optional[List[str]]) -> int:
    """Runs one command and returns its exit code, or that of standard output that cannot be written."""
    try:
        accept_all_signs()
        with checked_output(), warnings.catch_warnings():
            # ``cli.idle`` tells of options without effect, by their flags' names.
            warnings.simplefilter("ignore", NoEffectWarning)
            return _run(argv)
    except (OutputError, BrokenPipeError) as error:
        discard_output()
        if isinstance(error, BrokenPipeError) or isinstance(error.__cause__, BrokenPipeError):
            return 128 + signal.SIGPIPE  # The reader, such as head, has left.
        print(f"gluon-lstm: standard output cannot be written ({error}); free space or redirect it", file=sys.stderr)
        return 2


def _run(argv: Optional[List[str]]) -> int:
    """Runs one command and returns its exit code, or that of a user's error."""
    arguments = build_parser().parse_args(argv)
    try:
        return COMMANDS[arguments.command].run(arguments)
    except UserError as error:
        print(_one_line(f"gluon-lstm {arguments.command}: {error}"), file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print(f"gluon-lstm {arguments.command}: interrupted", file=sys.stderr)
        return 128 + signal.SIGINT
    except Exception as error:
        if not is_shortage(error):
            raise
        print(_one_line(f"gluon-lstm {arguments.command}: out of memory; use fewer or shorter samples, "
                        "a smaller --batch-size or a smaller net, or free memory"), file=sys.stderr)  # fmt: skip
        return 2


def is_shortage(error: Exception) -> bool:
    """Whether an error says that memory ran out."""
    # By its name, as MXNet may not be imported yet.
    is_of_mxnet = type(error).__name__ == "MXNetError"
    return isinstance(error, MemoryError) or is_of_mxnet and any(words in str(error) for words in SHORTAGES)
