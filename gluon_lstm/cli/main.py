"""Finds the command, runs it, and turns a user's error into one line."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from typing import List, NoReturn, Optional

from gluon_lstm import __version__
from gluon_lstm.cli import evaluate, find_lr, train
from gluon_lstm.errors import UserError

COMMANDS = {"train": train, "evaluate": evaluate, "find-lr": find_lr}


class _Parser(argparse.ArgumentParser):
    """A parser whose complaint is one line."""

    def error(self, message: str) -> NoReturn:
        """Ends the process with exit code 2 and that line."""
        self.exit(2, _one_line(f"{self.prog}: {message} (see {self.prog} --help)") + "\n")


def _one_line(text: str) -> str:
    """Returns the text on one line, whatever a file's name or a value brought into it."""
    return " ".join(text.splitlines())


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
        The exit code: 0, 2 for a mistake in the arguments or files, 3 where
        training diverged, 128 plus the signal's number where one ended it.
    """
    arguments = build_parser().parse_args(argv)
    try:
        return COMMANDS[arguments.command].run(arguments)
    except UserError as error:
        print(_one_line(f"gluon-lstm {arguments.command}: {error}"), file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except BrokenPipeError:
        # The reader, such as head, has left; Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
