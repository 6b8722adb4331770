"""Changed images and texts, by value where chance plays no part, by what may change where it does."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from gluon_lstm.evaluation import perturbations
from gluon_lstm.evaluation.perturbations import IMAGE_PERTURBATIONS, TEXT_PERTURBATIONS

TEXTS = ["one two three four five six seven eight nine ten", "short one", "word", "这部电影非常好看", "  spaced   out "]


@pytest.fixture
def images(rng):
    smooth = ndimage.gaussian_filter(rng.random((60, 28, 28)), (0, 2, 2))
    return (255 * (smooth - smooth.min()) / np.ptp(smooth)).astype(np.uint8)


@pytest.mark.parametrize("perturbation", IMAGE_PERTURBATIONS, ids=lambda item: item.name)
def test_images_keep_their_form_and_change_more_and_more(images, perturbation):
    before, distances = images.copy(), []
    assert len(perturbation.strengths) >= 5
    for strength in perturbation.strengths:
        changed = perturbation.apply(images, strength, np.random.default_rng(0))
        assert (changed.shape, changed.dtype) == (images.shape, np.uint8)
        distances.append(np.abs(changed.astype(int) - images).mean())
    assert (np.diff([0, *distances]) > 0).all()
    np.testing.assert_array_equal(images, before)


@pytest.mark.parametrize("pixels", [1, 6])
def test_a_shift_moves_whole_pixels_to_one_side(images, rng, pixels):
    moves = [np.roll(images, (sign * pixels, 0)[::order], axis=(1, 2)) for sign in (1, -1) for order in (1, -1)]
    for move, (axis, edge) in zip(moves, [(1, slice(None, pixels)), (2, slice(None, pixels)),
                                          (1, slice(-pixels, None)), (2, slice(-pixels, None))]):  # fmt: skip
        np.moveaxis(move, axis, 0)[edge] = 0
    shifted = perturbations.shift(images, pixels, rng)
    which = [[np.array_equal(shifted[m], move[m]) for move in moves].index(True) for m in range(len(images))]
    assert set(which) == {0, 1, 2, 3}


def test_a_rotation_equals_scipys_to_either_side(images, rng):
    turned = perturbations.rotate(images, 20.0, rng).astype(float)
    inside = (slice(None), slice(7, 21), slice(7, 21))
    both = [ndimage.rotate(images.astype(float), angle, axes=(1, 2), reshape=False, order=1) for angle in (20, -20)]
    distances = np.array([np.abs(turned[inside] - part[inside]).max(axis=(1, 2)) for part in both])
    assert (distances.min(axis=0) < 1).all()
    assert set(distances.argmin(axis=0)) == {0, 1}


def test_noise_has_the_deviation_that_was_asked_for(rng):
    grey = np.full((50, 28, 28), 128, np.uint8)
    grey[0, 0, 0] = 255
    noise = perturbations.add_noise(grey, 0.1, rng)[1:].astype(float) - 128
    assert noise.std() == pytest.approx(25.5, rel=0.02) and abs(noise.mean()) < 0.5


def test_a_rectangle_of_the_right_size_is_black(rng):
    white = np.full((100, 20, 10), 255, np.uint8)
    occluded = perturbations.occlude(white, 0.5, rng)
    assert (occluded == 0).sum(axis=(1, 2)).tolist() == [50] * 100
    assert all(((image == 0).any(axis=1).sum(), (image == 0).any(axis=0).sum()) == (10, 5) for image in occluded)


@pytest.mark.parametrize(
    "size, pixels",
    [((28, 28), (1, 2, 3, 4, 5, 6)), ((8, 8), (1, 2)), ((28, 8), (1, 2)), ((3, 3), (1,)), ((1, 1), ())],
)
def test_shifts_are_at_most_a_quarter_of_the_image(size, pixels):
    assert IMAGE_PERTURBATIONS[0].fitted(*size).strengths == pixels


@pytest.mark.parametrize(
    "size, lengths", [((28, 28), [4, 7, 10, 13, 15]), ((8, 8), [1, 2, 3, 4]), ((8, 4), [1, 2, 3, 4]), ((2, 2), [1])]
)
def test_rectangles_that_come_out_the_same_are_one(size, lengths):
    occluded = IMAGE_PERTURBATIONS[-1].fitted(*size)
    assert occluded.name == "occluded"
    assert occluded.strengths == tuple(length / size[0] for length in lengths)
    white = np.full((20, *size), 255, np.uint8)
    for strength, length in zip(occluded.strengths, lengths):
        black = occluded.apply(white, strength, np.random.default_rng(0)) == 0
        assert set(black.any(axis=2).sum(axis=1).tolist()) == {length}, "the strength is the real size"


@pytest.mark.parametrize("perturbation", IMAGE_PERTURBATIONS[1:4], ids=lambda item: item.name)
def test_other_changes_have_all_strengths_at_any_size(perturbation):
    assert perturbation.fitted(8, 8) == perturbation


@pytest.mark.parametrize("perturbation", TEXT_PERTURBATIONS, ids=lambda item: item.name)
@pytest.mark.parametrize("strength", [0.1, 0.5])
def test_texts_are_never_blank_and_the_same_each_time(perturbation, strength):
    changed = perturbation.apply(TEXTS, strength, np.random.default_rng(0))
    assert len(changed) == len(TEXTS) and all(text.strip() for text in changed)
    assert changed == perturbation.apply(TEXTS, strength, np.random.default_rng(0))
    assert changed[0] != TEXTS[0]


@pytest.mark.parametrize("share, left", [(0.1, 9), (0.3, 7), (0.5, 5)])
def test_words_are_dropped_or_cut_off(rng, share, left):
    (dropped,) = perturbations.drop_words(TEXTS[:1], share, rng)
    words = TEXTS[0].split()
    assert len(dropped.split()) == left
    assert dropped.split() == [word for word in words if word in dropped.split()], "in their order"
    assert perturbations.cut_short(TEXTS[:1], share, rng) == [" ".join(words[:left])]


def test_swapped_words_are_the_same_words(rng):
    (swapped,) = perturbations.swap_words(TEXTS[:1], 0.5, rng)
    pairs = list(zip(TEXTS[0].split(), swapped.split()))
    assert sorted(swapped.split()) == sorted(TEXTS[0].split())
    assert sum(before != after for before, after in pairs) == 5


@pytest.mark.parametrize("change", [perturbations.drop_words, perturbations.swap_words, perturbations.cut_short])
def test_a_single_word_stays_and_chinese_is_changed_by_characters(change, rng):
    assert change(["excellent"], 0.5, rng) == ["excellent"]
    (changed,) = change(["这部电影非常好看"], 0.5, rng)
    assert changed != "这部电影非常好看" and set(changed) <= set("这部电影非常好看")
    thai = "ภาพยนตร์เรื่องนี้สนุกมากและน่าดูจริงๆ"
    assert change([thai], 0.5, rng) != [thai]


def test_misspelt_words_have_one_wrong_letter_each(rng):
    words = ["sentence", "weather", "mountain", "language"] * 50
    (text,) = perturbations.misspell([" ".join(words)], 0.5, rng)
    kinds = {"shorter": 0, "longer": 0, "as long": 0}
    for before, after in zip(words, text.split()):
        if before != after:
            kinds[("shorter", "as long", "longer")[len(after) - len(before) + 1]] += 1
            assert sum(a != b for a, b in zip(before, after)) <= len(before)
    assert sum(kinds.values()) <= 100 and all(kinds.values())


def distance(first, second):
    """Returns how many letters have to be left out, put in, replaced or swapped with the next (Damerau-Levenshtein)."""
    costs = {(i, 0): i for i in range(len(first) + 1)}
    costs.update({(0, j): j for j in range(len(second) + 1)})
    for i, one in enumerate(first, 1):
        for j, other in enumerate(second, 1):
            ways = [costs[i - 1, j] + 1, costs[i, j - 1] + 1, costs[i - 1, j - 1] + (one != other)]
            if i > 1 and j > 1 and (one, first[i - 2]) == (second[j - 2], other):
                ways.append(costs[i - 2, j - 2] + 1)
            costs[i, j] = min(ways)
    return costs[len(first), len(second)]


def test_distances_of_worked_examples():
    pairs = {("ca", "abc"): 3, ("ab", "ba"): 1, ("kitten", "sitting"): 3, ("a", "a"): 0, ("a", ""): 1}
    assert {pair: distance(*pair) for pair in pairs} == pairs


@pytest.mark.parametrize("word", ["a", "Z", "aa", "Aa", "llama", "aaaa", "Mississippi", "e-mail", "好", "好好", "été"])
def test_a_misspelt_word_always_has_exactly_one_wrong_letter(word, rng):
    spoilt = [perturbations.misspell([f"{word} {word}"], 1.0, rng)[0].split() for _ in range(200)]
    assert {distance(word.lower(), other.lower()) for pair in spoilt for other in pair} == {1}
    assert len({other for pair in spoilt for other in pair}) > 5


def test_a_text_without_spaces_is_changed_by_characters(rng):
    (text,) = perturbations.drop_words(["这部电影非常好看"], 0.5, rng)
    assert len(text) == 4 and set(text) <= set("这部电影非常好看")


def test_a_single_word_stays(rng):
    assert perturbations.drop_words(["a"], 0.5, rng) == perturbations.cut_short(["a"], 0.5, rng) == ["a"]
