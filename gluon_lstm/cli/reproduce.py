"""Repeat the experiments on what the article says, and write verdicts, figures and pages."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import Any, Dict, Mapping

from gluon_lstm import runtime
from gluon_lstm.cli.loading import check_data_dir

DEFAULT_OUTPUT = "runs/article"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    from gluon_lstm.article.claim import FEWEST_SEEDS, MOST_SEEDS, USUAL_SEEDS
    from gluon_lstm.article.registry import CLAIMS

    others = [f"{claim.id} {claim.full_seeds}" for claim in CLAIMS.values() if claim.full_seeds != USUAL_SEEDS]
    parser.add_argument("claims", nargs="*", metavar="CLAIM", help=f"{', '.join(CLAIMS)} (default: all)")
    parser.add_argument(
        "--quick", action="store_true", help="the short form, on embedded data and generated tasks (default: the full)"
    )
    parser.add_argument(
        "--seeds",
        type=int,
        metavar="N",
        help=f"runs of each kind, {FEWEST_SEEDS} to {MOST_SEEDS} "
        f"(default: {USUAL_SEEDS}; in the full form {', '.join(others)})",
    )
    parser.add_argument(
        "--share",
        type=float,
        metavar="X",
        default=1.0,
        help="share of the training steps that each run takes, to try things; results say so (default: 1)",
    )
    parser.add_argument(
        "--output",
        metavar="DIR",
        default=DEFAULT_OUTPUT,
        help=f"folder of the results; runs that it holds already are not made again (default: {DEFAULT_OUTPUT})",
    )
    parser.add_argument(
        "--chinese",
        metavar="DIR",
        help="folder of the same pages in Chinese, apart from that of the results (default: none are written)",
    )
    parser.add_argument(
        "--data-dir",
        metavar="DIR",
        help="folder of the data sets' folders (default: $GLUON_LSTM_DATA, the cache, a download)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Makes the runs that are missing, writes all results, and prints the verdicts; returns the exit code."""
    from gluon_lstm.article import CLAIMS, ResultsDirectory, Settings, find_claims, reproduce
    from gluon_lstm.article.translation import CHINESE

    claims = find_claims(arguments.claims)
    check_data_dir(arguments.data_dir)
    settings = Settings(arguments.quick, arguments.seeds, arguments.share, data_dir=arguments.data_dir)
    translations = {CHINESE: Path(arguments.chinese)} if arguments.chinese else {}
    directory = ResultsDirectory(Path(arguments.output), CLAIMS, translations)
    # The quick form's nets are so small that one thread is faster; the claim about threads starts processes of its own.
    # Where MXNet is imported already, its count stays; results tell it.
    runtime.prepare(threads=1 if arguments.quick and "mxnet" not in sys.modules else None)
    try:
        results = reproduce(claims, settings, directory, _command(arguments), lambda line: print(line, file=sys.stderr))
    except KeyboardInterrupt:
        if any(directory.exists(claim.id) for claim in claims):
            print(f"the runs that ended are in {directory.path}; the same command makes the others", file=sys.stderr)
        raise
    _print_verdicts(results)
    print(f"pages: {directory.path / 'index.md'}")
    for folder in translations.values():
        print(f"pages in Chinese: {folder / 'index.md'}")
    return 0


def _command(arguments: argparse.Namespace) -> str:
    """Returns the command that makes the same results, without the folders of this machine."""
    words = ["gluon-lstm", "reproduce", *arguments.claims, *(["--quick"] if arguments.quick else [])]
    share = [] if arguments.share == 1 else ["--share", f"{arguments.share:g}"]
    seeds = [] if arguments.seeds is None else ["--seeds", str(arguments.seeds)]
    return shlex.join([*words, *seeds, *share])


def _print_verdicts(results: Mapping[str, Dict[str, Any]]) -> None:
    """Prints each claim's verdict, how its checks were answered, and why some could not be."""
    from rich.console import Console
    from rich.table import Table

    from gluon_lstm.article.pages import count_reasons

    table = Table()
    for name in ("Claim", "Verdict", "Yes", "Open", "No"):
        table.add_column(name, justify="left" if name in ("Claim", "Verdict") else "right")
    for claim, result in results.items():
        answers = [check["answer"] for check in result["checks"]]
        table.add_row(claim, result["verdict"], *(str(answers.count(answer)) for answer in ("yes", "open", "no")))
    Console().print(table)
    for claim, result in results.items():
        share = result["settings"]["share"]
        if share != 1:
            print(f"{claim}: of {share:g} of the training steps, which says nothing of the article")
        for reason, number in count_reasons(result["checks"]).items():
            print(f"{claim}: {number} open for a reason of its own: {reason}")
