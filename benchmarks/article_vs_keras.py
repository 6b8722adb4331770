"""Trains the article's model here and in Keras, in turn, on the same images.

    python benchmarks/article_vs_keras.py --peers .venv-peers/bin/python --seeds 5

Both see the same 55,000 training images, in batches of 32, for five epochs; the
epoch that does best on the same 5,000 validation images is scored on the 10,000
test images. An epoch's seconds are those of its training alone. Run it alone on
the machine; Keras uses the thread count that is faster for it, of 1 and 2, in the
second epoch of a trial: in the first it compiles its graph. Ours uses the preset's,
and is tried with both, too.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from pathlib import Path
from typing import Any, Dict, List, Sequence

import numpy as np
from common import ROOT, run_command, summarize, write_result
from presets import run_folder, run_seed

from gluon_lstm.config import Config, DataConfig
from gluon_lstm.data import load_splits

EPOCHS = 5


def main() -> None:
    """Runs all seeds, both sides of each after the other, and writes ``docs/results/article-vs-keras.json``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", required=True, help="Python of the environment that has Keras")
    parser.add_argument("--seeds", type=int, default=5, help="seeds 0 to N - 1 (default: 5)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = save_data(Path(folder) / "mnist.npz")
        trials = {count: run_keras(arguments.peers, data, seed=0, threads=count, epochs=2) for count in (1, 2)}
        ours = {count: run_ours(0, ["--threads", str(count)], "mnist-article-trial", epochs=2) for count in (1, 2)}
        threads = faster(trials)
        pairs = []
        for seed in range(arguments.seeds):
            pairs.append({"ours": run_ours(seed), "keras": run_keras(arguments.peers, data, seed, threads)})
            print(json.dumps(pairs[-1]), flush=True)
    tried = {"keras_trial_epoch_seconds": seconds_of(trials), "our_trial_epoch_seconds": seconds_of(ours)}
    write_result("article-vs-keras", {"keras_threads": threads, **tried, **summary(pairs), "runs": pairs})


def faster(trials: Dict[int, Dict[str, Any]]) -> int:
    """Returns the thread count whose second epoch was the shortest."""
    return min(trials, key=lambda count: trials[count]["epoch_seconds"][1])


def seconds_of(trials: Dict[int, Dict[str, Any]]) -> Dict[str, List[float]]:
    """Returns the seconds of each epoch by thread count, as JSON names it."""
    return {str(count): trial["epoch_seconds"] for count, trial in trials.items()}


def save_data(path: Path) -> Path:
    """Writes the images and labels of every split for Keras."""
    splits = load_splits(Config(data=DataConfig(dataset="mnist")))._asdict()
    images = {f"{name}_images": split.images for name, split in splits.items()}
    np.savez(path, **images, **{f"{name}_labels": split.labels for name, split in splits.items()})
    return path


def run_ours(seed: int, options: Sequence[str] = (), name: str = "mnist-article", epochs: int = EPOCHS):
    """Trains the preset ``article`` anew; returns test accuracy, seconds of each epoch, memory and threads."""
    (ROOT / run_folder(name, seed)).with_suffix(".json").unlink(missing_ok=True)
    figures = run_seed(seed, name, ["--dataset", "mnist", "--preset", "article", "--epochs", str(epochs), *options])
    kept = {name: figures[name] for name in ("test_accuracy", "peak_mib", "threads")}
    return {**kept, "epoch_seconds": figures["each_epoch_seconds"]}


def run_keras(python: str, data: Path, seed: int, threads: int, epochs: int = EPOCHS) -> Dict[str, Any]:
    """Trains the same model in Keras; returns what ``keras_article.py`` prints, with its memory and threads."""
    options = ["--seed", str(seed), "--threads", str(threads), "--epochs", str(epochs)]
    finished = run_command([python, "benchmarks/keras_article.py", str(data), *options])
    figures = json.loads(finished.output.splitlines()[-1])
    return {**figures, "peak_mib": finished.peak_mib, "threads": str(threads)}


def summary(pairs: List[Dict[str, Any]]) -> Dict[str, Any]:
    """Returns both sides' accuracy over the seeds, their median epoch, and the ratio of the medians.

    Each run's first epoch, in which Keras compiles its graph, is left out.
    """
    sides = {}
    for side in ("ours", "keras"):
        epochs = [seconds for pair in pairs for seconds in pair[side]["epoch_seconds"][1:]]
        accuracy = summarize([pair[side]["test_accuracy"] for pair in pairs])
        sides[side] = {"test_accuracy": accuracy, "median_epoch_seconds": statistics.median(epochs)}
    ratio = sides["ours"]["median_epoch_seconds"] / sides["keras"]["median_epoch_seconds"]
    difference = sides["ours"]["test_accuracy"]["mean"] - sides["keras"]["test_accuracy"]["mean"]
    return {**sides, "epoch_time_ratio": ratio, "accuracy_difference": difference}


if __name__ == "__main__":
    main()
