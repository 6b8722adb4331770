"""``python -m gluon_lstm``: the same as the command ``gluon-lstm``, where that is not on the path."""

import sys

from gluon_lstm.cli import main

if __name__ == "__main__":
    sys.exit(main())
