"""What a person sees while a run trains."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import Any, Callable, Iterator, Mapping, Optional, TextIO

from tqdm import tqdm

from gluon_lstm.training.epoch import Tally


class Progress:
    """A progress bar an epoch on a terminal; a plain line an epoch everywhere.

    Args:
        epochs: number of epochs.
        stream: where to; standard error if ``None``.
    """

    def __init__(self, epochs: int, stream: Optional[TextIO] = None) -> None:
        self._epochs = epochs
        self._stream = stream or sys.stderr

    @contextmanager
    def epoch(self, number: int, samples: int) -> Iterator[Callable[[Tally], None]]:
        """Shows one epoch's samples/s, loss and time left; gives the function that is told of each step."""
        bar = tqdm(
            total=samples,
            desc=f"epoch {number}/{self._epochs}",
            unit=" samples",
            leave=False,
            file=self._stream,
            disable=None,
            dynamic_ncols=True,
        )

        def show(tally: Tally) -> None:
            bar.set_postfix_str(f"loss {tally.loss:.4f}", refresh=False)
            bar.update(tally.samples - bar.n)

        with bar:
            yield show if not bar.disable else lambda tally: None

    def epoch_done(self, record: Mapping[str, Any]) -> None:
        """Prints an epoch's line."""
        print(
            f"epoch {record['epoch']:>3}/{self._epochs}"
            f"  loss {record['train_loss']:.4f}  accuracy {record['train_accuracy']:7.2%}"
            f"  validation loss {record['validation_loss']:.4f}  accuracy {record['validation_accuracy']:7.2%}"
            f"  rate {record['learning_rate']:.2g}  {record['seconds']:.1f} s"
            f"  {record['samples_per_second']:,.0f}/s{'  best' if record['best'] else ''}",
            file=self._stream,
            flush=True,
        )
