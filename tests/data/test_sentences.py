"""The made-up sentences: the same every time, and labelled as their words say."""

import hashlib

import pytest

from gluon_lstm.data.sentences import AFFIRMING, BAD, GOOD, NEGATING, SIZES, make_sentences


def expected_label(sentence):
    """Returns the label that a reader finds: by how the sentence begins, and by its last word."""
    denies = sentence.lower().startswith(tuple(start.lower() for start in NEGATING))
    assert denies != sentence.lower().startswith(tuple(start.lower() for start in AFFIRMING))
    last = sentence.rstrip(".").rsplit(" ", 1)[1]
    assert (last in GOOD) != (last in BAD)
    return "positive" if (last in GOOD) != denies else "negative"


@pytest.mark.parametrize("split", SIZES)
def test_labels_follow_from_the_words(split):
    texts, labels = make_sentences(split)
    assert len(texts) == len(labels) == SIZES[split]
    assert [expected_label(text) for text in texts] == labels
    assert 0.45 < labels.count("positive") / len(labels) < 0.55
    assert make_sentences(split) == (texts, labels)


def test_the_last_word_alone_is_right_seven_times_in_ten():
    texts, labels = make_sentences("train")
    right = sum((text.rstrip(".").rsplit(" ", 1)[1] in GOOD) == (label == "positive")
                for text, label in zip(texts, labels))  # fmt: skip
    assert 0.67 < right / len(texts) < 0.73


def test_splits_hardly_share_sentences():
    train, validation, test = (set(make_sentences(split)[0]) for split in SIZES)
    for one, other in ((train, validation), (train, test), (validation, test)):
        assert len(one & other) < 0.05 * min(len(one), len(other))


def test_the_sentences_never_change():
    digest = hashlib.sha256("\n".join(make_sentences("test")[0]).encode()).hexdigest()
    assert digest[:16] == "8984925dd36157b5"
