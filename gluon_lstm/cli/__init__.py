"""The command line: one module a command."""

from gluon_lstm.cli.main import main

__all__ = ["main"]
