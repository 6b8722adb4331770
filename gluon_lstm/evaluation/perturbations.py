"""Ways in which images and texts of the world differ from those of a data set, each at several strengths."""

from __future__ import annotations

import string
from typing import Callable, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
from scipy import ndimage

from gluon_lstm.data.augmentation import resample, shift_images
from gluon_lstm.data.tokenizers import CHINESE

LONGEST_WORD = 30
"""Signs; a longer row of them is no word, but a text whose words are not set apart, such as in Thai."""
BLOCK = 1_000
"""Images that are turned at a time."""
PIXELS = (1, 2, 3, 4, 5, 6)
LARGEST_SHIFT = 0.25
"""Share of an image's shorter side by which it is shifted at most."""
DEGREES = (6.0, 12.0, 18.0, 24.0, 30.0)
SHARES = (0.1, 0.2, 0.3, 0.4, 0.5)
BLURS = (0.02, 0.04, 0.06, 0.08, 0.1)
SIDES = (0.15, 0.25, 0.35, 0.45, 0.55)


class Perturbation(NamedTuple):
    """A way to change samples.

    Attributes:
        name: what it does to them, as a participle: ``shifted``.
        unit: of the strength, for an axis.
        strengths: from the least, those that are tried; 0 would leave samples as they are.
        apply: (samples, strength, random stream) → changed samples, in the same form.
        fit: (strengths, height, width) → those that images of that size can have, from the least; ``None`` for all.
    """

    name: str
    unit: str
    strengths: Tuple[float, ...]
    apply: Callable
    fit: Optional[Callable] = None

    def fitted(self, height: int, width: int) -> Perturbation:
        """Returns the same with the strengths that images of a size can have."""
        return self if self.fit is None else self._replace(strengths=self.fit(self.strengths, height, width))


def shift(images: np.ndarray, pixels: float, rng: np.random.Generator) -> np.ndarray:
    """Returns images (M, H, W) moved by whole pixels to one of the four sides; zeros move in."""
    sides = np.array([[1, -1, 0, 0], [0, 0, 1, -1]]) * int(pixels)
    return shift_images(images, sides[:, rng.integers(0, 4, len(images))], int(pixels))


def rotate(images: np.ndarray, degrees: float, rng: np.random.Generator) -> np.ndarray:
    """Returns images (M, H, W) uint8 turned around their centre to either side, interpolated; zeros move in."""
    angles = np.deg2rad(degrees) * rng.choice([-1, 1], len(images))
    center = (np.array(images.shape[1:]) - 1) / 2
    rows, columns = np.mgrid[: images.shape[1], : images.shape[2]] - center[:, np.newaxis, np.newaxis]
    turned = np.empty(images.shape, np.float32)
    for start in range(0, len(images), BLOCK):
        part = angles[start : start + BLOCK, np.newaxis, np.newaxis]
        sine, cosine = np.sin(part), np.cos(part)
        places = np.stack([cosine * rows - sine * columns + center[0], sine * rows + cosine * columns + center[1]])
        turned[start : start + BLOCK] = resample(images[start : start + BLOCK], places.astype(np.float32))
    return np.rint(turned).astype(np.uint8)


def add_noise(images: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Returns images (M, H, W) uint8 with normal noise, its deviation a share of the greatest value in them."""
    most = images.max(initial=1)
    noisy = rng.standard_normal(images.shape, np.float32)
    noisy *= np.float32(share * most)
    noisy += images
    return np.clip(np.rint(noisy, out=noisy), 0, most, out=noisy).astype(np.uint8)


def blur(images: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Returns images (M, H, W) uint8 smoothed by a Gaussian, its deviation a share of their height."""
    deviation = share * images.shape[1]
    return ndimage.gaussian_filter(images, (0, deviation, deviation), mode="constant")


def occlude(images: np.ndarray, side: float, rng: np.random.Generator) -> np.ndarray:
    """Returns images (M, H, W) with a black rectangle at a random place, its sides a share of the image's."""
    inside = []
    for axis in (1, 2):
        size = images.shape[axis]
        length = _side_length(side, size)
        starts = rng.integers(0, size - length + 1, len(images))[:, np.newaxis]
        places = np.arange(size)
        inside.append((places >= starts) & (places < starts + length))
    return np.where(inside[0][:, :, np.newaxis] & inside[1][:, np.newaxis, :], 0, images).astype(images.dtype)


def _side_length(share: float, size: int) -> int:
    """Returns the pixels of a rectangle's side, along an image's of ``size`` pixels."""
    return max(1, round(share * size))


def _fitting_shifts(strengths: Sequence[float], height: int, width: int) -> Tuple[float, ...]:
    """Returns the shifts by at most a quarter of the shorter side; further out, much of what is shown may be lost."""
    size = min(height, width)
    return tuple(pixels for pixels in strengths if pixels < size and pixels <= max(1, LARGEST_SHIFT * size))


def _fitting_sides(strengths: Sequence[float], height: int, width: int) -> Tuple[float, ...]:
    """Returns the shares that rectangles of whole pixels really have of the longer side, each once."""
    size = max(height, width)
    return tuple(length / size for length in sorted({_side_length(share, size) for share in strengths}))


def drop_words(texts: Sequence[str], share: float, rng: np.random.Generator) -> List[str]:
    """Returns texts without a share of their words, drawn at random; one stays."""
    return _each(texts, lambda words: [w for w, out in zip(words, _drawn(len(words), share, rng, 1)) if not out])


def swap_words(texts: Sequence[str], share: float, rng: np.random.Generator) -> List[str]:
    """Returns texts in which a share of the words, drawn at random, change places with each other."""

    def swap(words: List[str]) -> List[str]:
        places = np.flatnonzero(_drawn(len(words), share, rng, 0, least=2))
        moved = list(words)
        for place, source in zip(places, np.roll(places, 1)):
            moved[place] = words[source]
        return moved

    return _each(texts, swap)


def misspell(texts: Sequence[str], share: float, rng: np.random.Generator) -> List[str]:
    """Returns texts in which a share of the words, drawn at random, has one wrong letter each.

    It is left out, doubled, replaced, or changes places with the next.
    """

    def spoil(words: List[str]) -> List[str]:
        return [_spoil(word, rng) if out else word for word, out in zip(words, _drawn(len(words), share, rng, 0))]

    return _each(texts, spoil)


def cut_short(texts: Sequence[str], share: float, rng: np.random.Generator) -> List[str]:
    """Returns texts without a share of their words at the end; one stays."""
    return _each(texts, lambda words: words[: max(1, round((1 - share) * len(words)))])


def _each(texts: Sequence[str], change: Callable[[List[str]], List[str]]) -> List[str]:
    """Returns texts whose words were changed; where no word is set apart by a space, such as in Chinese, characters."""
    changed = []
    for text in texts:
        words, joint = text.split(), " "
        if len(words) < 2 and (CHINESE.search(text) or len(text.strip()) > LONGEST_WORD):
            words, joint = list(text.strip()), ""
        changed.append(joint.join(change(words)))
    return changed


def _drawn(count: int, share: float, rng: np.random.Generator, left: int, least: int = 1) -> np.ndarray:
    """Returns (count,) bool in which a share is true, ``least`` or more, but so that ``left`` are not."""
    drawn = np.zeros(count, bool)
    drawn[rng.permutation(count)[: min(max(least, round(share * count)), count - left)]] = True
    return drawn


def _spoil(word: str, rng: np.random.Generator) -> str:
    """Returns a word with one wrong letter, whether capital letters tell or not."""
    place, kind = int(rng.integers(0, len(word))), int(rng.integers(0, 4))
    before, letter, after = word[:place], word[place], word[place + 1 :]
    if kind == 0 and len(word) > 1:
        return before + after
    if kind == 1:
        return before + 2 * letter + after
    if kind == 2 and after and after[0].lower() != letter.lower():
        return before + after[0] + letter + after[1:]
    others = string.ascii_lowercase.replace(letter.lower(), "")
    return before + others[int(rng.integers(0, len(others)))] + after


IMAGE_PERTURBATIONS = (
    Perturbation("shifted", "pixels", PIXELS, shift, _fitting_shifts),
    Perturbation("rotated", "degrees", DEGREES, rotate),
    Perturbation("noisy", "noise, standard deviation as % of the greatest value", SHARES, add_noise),
    Perturbation("blurred", "blur, standard deviation as % of the height", BLURS, blur),
    Perturbation("occluded", "side of the rectangle as % of the image's", SIDES, occlude, _fitting_sides),
)
TEXT_PERTURBATIONS = (
    Perturbation("words dropped", "% of the words", SHARES, drop_words),
    Perturbation("words swapped", "% of the words", SHARES, swap_words),
    Perturbation("words misspelt", "% of the words", SHARES, misspell),
    Perturbation("cut short", "% of the words", SHARES, cut_short),
)
