"""The numbers of ``metrics.json`` computed again from labels and probabilities, by other means than the package's."""

from __future__ import annotations

import csv
import math
from fractions import Fraction
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Sequence

import numpy as np
import pytest
from scipy.special import softmax
from sklearn import metrics as sk

BINS = 15
NOT_COMPUTED = ("version", "samples_sha256", "notes", "robustness", "out_of_distribution")
"""Keys of ``metrics.json`` that do not follow from the predictions alone; intervals have tests of their own."""


class Rows(NamedTuple):
    """What ``predictions.csv`` holds: class names (K,), labels (M,), probabilities (M, K) float32."""

    names: List[str]
    labels: np.ndarray
    probabilities: np.ndarray


def read_rows(path: Path) -> Rows:
    """Reads ``predictions.csv``; nine digits bring each float32 back."""
    with open(path, newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    names = [name[2:] for name in header[3:]]
    labels = np.array([names.index(row[1]) for row in rows])
    return Rows(names, labels, np.array([row[3:] for row in rows], float).astype(np.float32))


def assert_recomputed(content: Dict[str, Any], rows: Rows) -> None:
    """Compares every number of ``metrics.json`` with what follows from the predictions, within 1e-6."""
    expected = recompute(rows, content["temperature"])
    keys = {key for key in content if "_ci95" not in key and key not in NOT_COMPUTED}
    assert keys == set(expected)
    assert content["n"] == len(rows.labels)
    per_class = expected.pop("per_class")
    assert content["confusion"] == expected.pop("confusion")
    for key, value in expected.items():
        assert content[key] == (value if value is None else pytest.approx(value, abs=1e-6)), key
    assert [item["class"] for item in content["per_class"]] == rows.names
    for item, numbers in zip(content["per_class"], per_class):
        assert {key for key in item if "_ci95" not in key} == {"class", *numbers}
        for key, value in numbers.items():
            assert item[key] == (value if value is None else pytest.approx(value, abs=1e-6)), (item["class"], key)


def recompute(rows: Rows, temperature: Optional[float]) -> Dict[str, Any]:
    """Returns key → number, nested as in ``metrics.json``."""
    _, labels, probabilities = rows
    scaled = None
    if temperature is not None:
        logits = np.log(np.maximum(probabilities.astype(float), 1e-12))
        scaled = softmax(logits / temperature, axis=1).astype(np.float32)
    both = (probabilities, probabilities if scaled is None else scaled)
    parts = [{**calibration(labels, part), **by_chance(part)} for part in both]
    confidence, right = probabilities.max(axis=1).astype(float), probabilities.argmax(axis=1) == labels
    wrong = tied_errors(confidence, right)
    answered = {share: math.ceil(Fraction(share) * len(labels)) for share in ("0.8", "0.9", "0.95")}
    return {
        "n": len(labels),
        **predicted_classes(rows),
        **ranking(rows),
        **parts[0],
        **{f"{key}_scaled": None if scaled is None else value for key, value in parts[1].items()},
        "temperature": temperature,
        "aurc": np.mean([sum(wrong[: k + 1]) / (k + 1) for k in range(len(wrong))]),
        "accuracy_at_coverage": {share: 1 - sum(wrong[:k]) / k for share, k in answered.items()},
        "confusion": [[int(((labels == i) & (probabilities.argmax(axis=1) == j)).sum()) for j in range(len(rows.names))]
                      for i in range(len(rows.names))],
    }  # fmt: skip


def predicted_classes(rows: Rows) -> Dict[str, Any]:
    """Returns the numbers of the predicted classes, scikit-learn's over the classes that have samples."""
    _, labels, probabilities = rows
    predicted, present = probabilities.argmax(axis=1), np.unique(labels)
    shared = {"labels": present, "zero_division": 0}
    is_defined = len(present) > 1 and len(np.unique(predicted)) > 1
    return {
        "accuracy": sk.accuracy_score(labels, predicted),
        "balanced_accuracy": sk.recall_score(labels, predicted, average="macro", **shared),
        "macro_f1": sk.f1_score(labels, predicted, average="macro", **shared),
        "weighted_f1": sk.f1_score(labels, predicted, average="weighted", **shared),
        "matthews_correlation": sk.matthews_corrcoef(labels, predicted) if is_defined else None,
    }


def ranking(rows: Rows) -> Dict[str, Any]:
    """Returns the numbers of each class against the rest, their means, and those of the k most probable classes."""
    names, labels, probabilities = rows
    predicted, per_class = probabilities.argmax(axis=1), []
    for k in range(len(names)):
        of_it, said = labels == k, predicted == k
        hits, is_both = int((of_it & said).sum()), 0 < of_it.sum() < len(labels)
        per_class.append({
            "support": int(of_it.sum()),
            "precision": hits / said.sum() if said.any() else None,
            "recall": hits / of_it.sum() if of_it.any() else None,
            "f1": 2 * hits / (of_it.sum() + said.sum()) if of_it.any() else None,
            "roc_auc": sk.roc_auc_score(of_it, probabilities[:, k]) if is_both else None,
            "average_precision": sk.average_precision_score(of_it, probabilities[:, k]) if is_both else None,
        })  # fmt: skip
    order = [sorted(range(len(names)), key=lambda k, row=row: (-row[k], k)) for row in probabilities]
    means = {}
    for key in ("roc_auc", "average_precision"):
        defined = [item[key] for item in per_class if item[key] is not None]
        means[key] = sum(defined) / len(defined) if defined else None
    ks = [k for k in (2, 3, 5) if k < len(names)]
    top = {str(k): np.mean([label in row[:k] for label, row in zip(labels, order)]) for k in ks}
    return {**means, "top_k_accuracy": top, "per_class": per_class}


def calibration(labels: np.ndarray, probabilities: np.ndarray) -> Dict[str, float]:
    """Returns the numbers of the probabilities."""
    confidence, right = probabilities.max(axis=1).astype(float), probabilities.argmax(axis=1) == labels
    ranks, n = sorted(confidence), len(labels)
    uppers = [ranks[math.ceil(Fraction(n * i, BINS)) - 1] for i in range(1, BINS + 1)]
    width = np.ceil(confidence * BINS).astype(int)
    mass = np.array([min(upper for upper in uppers if upper >= value) for value in confidence])
    errors = [gaps(confidence, right, numbers) for numbers in (width, mass)]
    true = probabilities[np.arange(n), labels].astype(float)
    return {
        "nll": -np.log(np.maximum(true, 1e-12)).mean(),
        "brier": np.square(probabilities.astype(float) - np.eye(probabilities.shape[1])[labels]).sum(axis=1).mean(),
        "ece": sum(gap * count for gap, count in errors[0]) / n,
        "mce": max(gap for gap, _ in errors[0]),
        "ece_equal_mass": sum(gap * count for gap, count in errors[1]) / n,
        "mce_equal_mass": max(gap for gap, _ in errors[1]),
    }


def gaps(confidence: np.ndarray, right: np.ndarray, numbers: np.ndarray) -> List[tuple]:
    """Returns each bin's distance of accuracy and confidence, and its samples."""
    parts = [numbers == number for number in np.unique(numbers)]
    return [(abs(right[part].mean() - confidence[part].mean()), part.sum()) for part in parts]


def by_chance(probabilities: np.ndarray) -> Dict[str, float]:
    """Returns what the calibration error is of samples that are right with their confidence as the chance.

    The draws are the package's: with others, the numbers would be about the same.
    """
    confidence = probabilities.max(axis=1).astype(float)
    numbers = np.ceil(confidence * BINS).astype(int)
    drawn = np.random.default_rng(20_240_607).random((1_000, len(confidence)), np.float32)
    surplus = (drawn < confidence.astype(np.float32)) - confidence
    parts = [surplus[:, numbers == number].sum(axis=1) for number in np.unique(numbers)]
    errors = np.abs(parts).sum(axis=0) / len(confidence)
    return {"ece_by_chance": errors.mean(), "ece_by_chance_p95": np.percentile(errors, 95)}


def tied_errors(confidence: np.ndarray, right: np.ndarray) -> Sequence[float]:
    """Returns how wrong each sample is, the most confident first; equally confident ones share their mistakes."""
    errors = []
    for value in sorted(set(confidence), reverse=True):
        group = ~right[confidence == value]
        errors += [group.mean()] * len(group)
    return errors
