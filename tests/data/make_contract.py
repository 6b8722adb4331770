"""Trains the two small runs that later releases must still load, and writes down what they answer.

    python tests/data/make_contract.py

writes ``tests/data/contract/``: for a run on images and one on texts, with n-grams, the run directory, samples, and the
probability of each class. A release that changes the format of run directories keeps these files, adds a folder made
by its own form of this script beside them, and reads both.
"""

from __future__ import annotations

import csv
import shutil
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
}  # fmt: skip
TEXTS = (
    "We doubt that the film was dull.", "Everybody agrees that this novel was warm.", "nothing known here", "好的！",
    "It is plain that the concert, which a dull critic saw in Oslo, seemed brilliant.", "x", "warm " * 450,
    "Nobody agrees that her last album had been charming", "I WOULD NEVER SAY THAT", "👩\u200d🚀 it's 5°!",
)  # fmt: skip


def main() -> None:
    """Makes the folder anew."""
    shutil.rmtree(CONTRACT, ignore_errors=True)
    for dataset, options in OPTIONS.items():
        with tempfile.TemporaryDirectory() as folder:
            run = Path(folder) / "run"
            assert gluon_lstm(["train", "--dataset", dataset, "--threads", "1", *options, "--output", str(run)]) == 0
            for name in KEPT:
                copy = shutil.copytree if (run / name).is_dir() else shutil.copy
                (CONTRACT / dataset / "run").mkdir(parents=True, exist_ok=True)
                copy(run / name, CONTRACT / dataset / "run" / name)
    images = load_splits(Config()).test.images[:24]
    header = struct.pack(">HBB3I", 0, 8, 3, *images.shape)
    (CONTRACT / "digits" / "images-ubyte").write_bytes(header + images.tobytes())
    (CONTRACT / "sentences" / "texts.txt").write_text("".join(f"{text}\n" for text in TEXTS), encoding="utf-8")
    write_answers("digits", images)
    write_answers("sentences", TEXTS)


def write_answers(dataset: str, samples: Any) -> None:
    """Writes the probability of each class for each sample."""
    predictor = load(CONTRACT / dataset / "run")
    with open(CONTRACT / dataset / "answers.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(predictor.class_names)
        writer.writerows([f"{value:.9g}" for value in row] for row in predictor.predict_proba(samples))


if __name__ == "__main__":
    main()
