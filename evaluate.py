"""Evaluates a trained run; the same as ``gluon-lstm evaluate``."""

import sys

from gluon_lstm.cli import main

if __name__ == "__main__":
    sys.exit(main(["evaluate", *sys.argv[1:]]))
