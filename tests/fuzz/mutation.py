"""Damages the content of files, the same way for the same random stream."""

from __future__ import annotations

import random
import re
import struct
from typing import Callable, Sequence

CHANGE_COUNTS = (1, 1, 1, 2, 3, 6)
"""How many changes a content gets: one as often as not."""
MOST_BYTES = 2**20
"""Of a mutated content; what grows beyond is cut."""

_NUMBERS = (0, 1, 2, 127, 128, 255, 256, 65_535, 2**31 - 1, 2**31, 2**32 - 1, 10**10, 2**62, 2**63, 2**64 - 1)
_TEXT_NUMBERS = (
    b"0", b"-1", b"1e999", b"-1e999", b"1e-400", b"NaN", b"Infinity", b"0.5", b"2147483648", b"99999999999999999999",
    b"9" * 5_000, b"true", b"null", b'""', b"[]", b"{}", b"0x" + b"f" * 4_000,
)  # fmt: skip
_DIGITS = re.compile(rb"-?\d+(\.\d+)?")


def mutate(content: bytes, others: Sequence[bytes], tokens: Sequence[bytes], rng: random.Random) -> bytes:
    """Returns a content with a few changes.

    Args:
        content: a valid one.
        others: further ones, parts of which are taken over.
        tokens: what means something in the format.
        rng: what decides.
    """
    changed = bytearray(content)
    for _ in range(rng.choice(CHANGE_COUNTS)):
        change = rng.choice(CHANGES)
        changed = change(changed, others, tokens, rng)[:MOST_BYTES]
    return bytes(changed)


def _span(content: bytearray, rng: random.Random, most: int = 64) -> slice:
    """Returns a part of the content, short ones more often than long ones, sometimes up to the end."""
    start = rng.randint(0, len(content))
    return slice(start, start + rng.choice((1, 2, 4, 8, rng.randint(1, most), rng.randint(1, len(content) + 1))))


def _flip_bits(content, others, tokens, rng):
    for _ in range(rng.choice((1, 1, 2, 8))):
        if content:
            content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    return content


def _truncate(content, others, tokens, rng):
    return content[: rng.randint(0, len(content))]


def _delete(content, others, tokens, rng):
    del content[_span(content, rng)]
    return content


def _insert_noise(content, others, tokens, rng):
    place = rng.randint(0, len(content))
    content[place:place] = rng.randbytes(rng.choice((1, 2, 4, 16, 300)))
    return content


def _insert_token(content, others, tokens, rng):
    place = rng.randint(0, len(content))
    token = rng.choice(tokens)
    content[place:place] = token * min(rng.choice((1, 1, 1, 2, 1_000)), MOST_BYTES // len(token))
    return content


def _overwrite_with_token(content, others, tokens, rng):
    content[_span(content, rng)] = rng.choice(tokens)
    return content


def _duplicate(content, others, tokens, rng):
    part = _span(content, rng)
    content[part.start : part.start] = content[part] * min(rng.choice((1, 1, 2, 50)), MOST_BYTES // (len(content) + 1))
    return content


def _splice(content, others, tokens, rng):
    other = rng.choice(others)
    cut = rng.randint(0, len(other))
    return content[: rng.randint(0, len(content))] + other[cut:]


def _change_length_field(content, others, tokens, rng):
    """Puts a number where a header may have one, of each size and byte order."""
    form = rng.choice(("B", "<H", ">H", "<I", ">I", "<Q", ">Q"))
    size = struct.calcsize(form)
    if len(content) >= size:
        place = rng.randrange(min(len(content), rng.choice((32, 600, 2**20))) - size + 1) if len(content) > size else 0
        content[place : place + size] = struct.pack(form, rng.choice(_NUMBERS) % 256**size)
    return content


def _change_number(content, others, tokens, rng):
    """Puts another number in the place of one written in digits."""
    found = list(_DIGITS.finditer(content))
    if found:
        match = rng.choice(found)
        content[match.start() : match.end()] = rng.choice(_TEXT_NUMBERS)
    return content


CHANGES: Sequence[Callable[..., bytearray]] = (
    _flip_bits, _truncate, _delete, _insert_noise, _insert_token, _overwrite_with_token, _duplicate, _splice,
    _change_length_field, _change_number,
)  # fmt: skip
