"""Trains the small runs that later releases must still load, and writes down what they answer.

    python tests/data/make_contract.py digits sentences resumable

makes these folders of ``tests/data/contract/`` anew: for a run on images and one on texts, with n-grams, the run
directory, samples, and the probability of each class; and a run that was ended within an epoch, with its checkpoints,
and what it ends in once it is gone on with. A release that changes the format of run directories keeps these files,
adds folders made by its own form of this script beside them, and reads both.
"""

from __future__ import annotations

import csv
import os
import shutil
import signal
import struct
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1])]

from gluon_lstm.cli import main as gluon_lstm  # noqa: E402
from gluon_lstm.config import Config  # noqa: E402
from gluon_lstm.data import load_splits  # noqa: E402
from gluon_lstm.evaluation import load  # noqa: E402
from gluon_lstm.training import Fit  # noqa: E402

CONTRACT = HERE / "contract"
KEPT = ("config.json", "log.jsonl", "model")
"""Of a run directory; events are TensorBoard's."""
OPTIONS = {
    "digits": (
        "--hidden-size", "8", "--epochs", "12", "--batch-size", "32", "--learning-rate", "0.01", "--num-layers", "2",
    ),
    "sentences": (
        "--hidden-size", "8", "--embedding-size", "8", "--epochs", "12", "--ngrams", "2", "--character-ngrams", "3",
        "--encoder", "gru", "--pooling", "attention", "--limit-train", "1200", "--batch-size", "32",
        "--learning-rate", "0.01", "--dropout", "0", "--embedding-dropout", "0",
    ),
    "resumable": (
        "--hidden-size", "6", "--limit-train", "300", "--batch-size", "20", "--epochs", "8", "--learning-rate", "0.02",
        "--optimizer", "adamw", "--ema-decay", "0.5", "--augment-rotate", "3", "--checkpoint-every", "6",
        "--keep-checkpoints", "1",
    ),
}  # fmt: skip
INTERRUPTED_AT = 71
"""Times that a training has asked for its learning rate: at each step, and once after each epoch of 15."""
TEXTS = (
    "We doubt that the film was dull.", "Everybody agrees that this novel was warm.", "nothing known here", "好的！",
    "It is plain that the concert, which a dull critic saw in Oslo, seemed brilliant.", "x", "warm " * 450,
    "Nobody agrees that her last album had been charming", "I WOULD NEVER SAY THAT", "👩\u200d🚀 it's 5°!",
)  # fmt: skip


def make_digits() -> None:
    """Makes the run on images."""
    train("digits")
    images = load_splits(Config()).test.images[:24]
    header = struct.pack(">HBB3I", 0, 8, 3, *images.shape)
    (CONTRACT / "digits" / "images-ubyte").write_bytes(header + images.tobytes())
    write_answers(CONTRACT / "digits" / "run", images, CONTRACT / "digits")


def make_sentences() -> None:
    """Makes the run on texts."""
    train("sentences")
    (CONTRACT / "sentences" / "texts.txt").write_text("".join(f"{text}\n" for text in TEXTS), encoding="utf-8")
    write_answers(CONTRACT / "sentences" / "run", TEXTS, CONTRACT / "sentences")


def train(dataset: str) -> None:
    """Trains a run, and keeps what its evaluation reads."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        command = ["train", "--dataset", dataset, "--threads", "1", *OPTIONS[dataset], "--output", str(run)]
        assert gluon_lstm(command) == 0
        for name in KEPT:
            copy = shutil.copytree if (run / name).is_dir() else shutil.copy
            (CONTRACT / dataset / "run").mkdir(parents=True, exist_ok=True)
            copy(run / name, CONTRACT / dataset / "run" / name)


def make_resumable() -> None:
    """Makes the run that was ended within an epoch."""
    run, rate, steps = CONTRACT / "resumable" / "run", Fit._rate, []

    def interrupt(self: Fit, step: int) -> float:
        steps.append(step)
        if len(steps) == INTERRUPTED_AT:
            os.kill(os.getpid(), signal.SIGTERM)
        return rate(self, step)

    Fit._rate = interrupt
    command = ["train", "--threads", "1", *OPTIONS["resumable"], "--output", str(run)]
    assert gluon_lstm(command) == 128 + signal.SIGTERM
    shutil.rmtree(run / "events")
    with tempfile.TemporaryDirectory() as folder:
        ended = Path(shutil.copytree(run, Path(folder) / "run"))
        assert gluon_lstm(["train", "--resume", str(ended)]) == 0
        shutil.copy(ended / "log.jsonl", CONTRACT / "resumable" / "log.jsonl")
        write_answers(ended, load_splits(Config()).test.images[:24], CONTRACT / "resumable")


def write_answers(run: Path, samples: Any, folder: Path) -> None:
    """Writes the probability of each class for each sample, as a run's model gives it."""
    predictor = load(run)
    with open(folder / "answers.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(predictor.class_names)
        writer.writerows([f"{value:.9g}" for value in row] for row in predictor.predict_proba(samples))


MAKERS = {"digits": make_digits, "sentences": make_sentences, "resumable": make_resumable}


def main(*names: str) -> None:
    """Makes the folders named anew."""
    for name in names:
        shutil.rmtree(CONTRACT / name, ignore_errors=True)
        MAKERS[name]()


if __name__ == "__main__":
    main(*sys.argv[1:])
