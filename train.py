"""Trains a classifier; the same as ``gluon-lstm train``."""

import sys

from gluon_lstm.cli import main

if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))
