"""Ranking, against scikit-learn; replicates, against scikit-learn's weighted numbers."""

from __future__ import annotations

import numpy as np
import pytest
from samples import random_predictions
from sklearn.metrics import average_precision_score, roc_auc_score, top_k_accuracy_score

from gluon_lstm.evaluation.ranking import (
    ClassRanking,
    mean_ranking,
    mean_replicates,
    precision_recall_curve,
    rank_classes,
    ranking_replicates,
    roc_curve,
    top_k_accuracy,
)


def test_top_k_equals_scikit_learn():
    probabilities, labels, _ = random_predictions(classes=7, gain=0.5)
    found = top_k_accuracy(probabilities, labels)
    assert list(found) == [2, 3, 5]
    for k, share in found.items():
        assert share == pytest.approx(top_k_accuracy_score(labels, probabilities, k=k))


def test_top_k_of_few_classes_and_of_equal_probabilities():
    assert top_k_accuracy(np.full((4, 3), 1 / 3), np.array([0, 1, 2, 2])) == {2: 0.5}
    assert top_k_accuracy(np.full((4, 2), 0.5), np.array([0, 1, 1, 1])) == {}


def test_classes_equal_scikit_learn():
    probabilities, labels, _ = random_predictions(gain=1.0)
    for k, (area, precision) in enumerate(rank_classes(probabilities, labels)):
        assert area == pytest.approx(roc_auc_score(labels == k, probabilities[:, k]), abs=1e-12)
        assert precision == pytest.approx(average_precision_score(labels == k, probabilities[:, k]), abs=1e-12)


def test_a_class_without_samples_is_undefined_and_left_out():
    probabilities, labels, _ = random_predictions(classes=3)
    labels = np.where(labels == 2, 1, labels)
    classes = rank_classes(probabilities, labels)
    assert classes[2] == ClassRanking(None, None)
    assert mean_ranking(classes).roc_auc == pytest.approx(np.mean([item.roc_auc for item in classes[:2]]))
    assert mean_ranking([ClassRanking(None, None)]) == ClassRanking(None, None)


@pytest.mark.parametrize("rounded", [False, True], ids=["distinct", "tied"])
def test_replicates_equal_scikit_learns_weighted_numbers(rng, rounded):
    probabilities, labels, _ = random_predictions(samples=120, classes=3, gain=1.0)
    if rounded:
        probabilities = probabilities.round(1)
    counts = rng.multinomial(120, np.full(120, 1 / 120), 5).T.astype(np.float32)
    found = ranking_replicates(probabilities, labels, counts)
    means = mean_replicates(found)
    for r in range(5):
        parts = [(labels == k, probabilities[:, k]) for k in range(3)]
        areas = [roc_auc_score(*part, sample_weight=counts[:, r]) for part in parts]
        precisions = [average_precision_score(*part, sample_weight=counts[:, r]) for part in parts]
        np.testing.assert_allclose(found.roc_auc[:, r], areas, atol=1e-9)
        np.testing.assert_allclose(found.average_precision[:, r], precisions, atol=1e-9)
        assert means.roc_auc[r] == pytest.approx(np.mean(areas), abs=1e-9)
        assert means.average_precision[r] == pytest.approx(np.mean(precisions), abs=1e-9)


def test_a_replicate_without_a_class_leaves_it_out():
    probabilities, labels = np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([0, 1])
    found = mean_replicates(ranking_replicates(probabilities, labels, np.array([[1, 2], [1, 0]], np.float32)))
    assert found.roc_auc.tolist()[0] == 1.0 and np.isnan(found.roc_auc[1])


def test_curves_have_the_areas_of_the_numbers():
    probabilities, labels, _ = random_predictions(gain=1.0)
    item = rank_classes(probabilities, labels)[1]
    x, y = roc_curve(probabilities[:, 1], labels == 1)
    assert np.trapz(y, x) == pytest.approx(item.roc_auc)
    recall, precision = precision_recall_curve(probabilities[:, 1], labels == 1)
    assert (np.diff(recall) * precision[1:]).sum() == pytest.approx(item.average_precision)
