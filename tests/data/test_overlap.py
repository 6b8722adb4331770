"""Samples that two splits share."""

from gluon_lstm.data.overlap import shared_samples


def test_what_an_earlier_split_has_is_counted():
    samples = {"train": ["a", "b", "b", "c"], "validation": ["b", "d"], "test": ["a", "a", "d", "e"]}
    assert shared_samples(samples, "text") == {
        "train": (),
        "validation": ("1 of 2 validation texts are training texts too",),
        "test": ("1 of 4 test texts are validation texts too", "2 of 4 test texts are training texts too"),
    }


def test_splits_that_share_nothing_or_are_not_compared():
    none = {"train": (), "validation": (), "test": ()}
    assert shared_samples({"train": [1, 1], "validation": [2], "test": [3]}, "image") == none
    assert shared_samples({}, "image") == none
