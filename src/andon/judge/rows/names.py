"""Gives names and words new ones of the same shape: digits stay digits, hex stays hex, order stays order."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

NUMBERED = r"(?<![A-Za-z0-9])[A-Za-z]+[-_]\d{2,}(?![A-Za-z0-9])"
"""A word and its number, such as `run-0012`."""
TOKEN = re.compile(r"[A-Za-z0-9]+")
WHOLE = re.compile(rf"{NUMBERED}|{TOKEN.pattern}")
DIGITS = re.compile(r"\d+")
LEAST_DIGITS = 5
"""Fewer digits than this standing alone may be a count, a page, a version."""
LEAST_HEX = 8
LEAST_WORD = 4
LONGEST_TEXT = 80
VOWELS, CONSONANTS = "aeiou", "bdfgklmnprstvz"
WORDY = re.compile(r"[^\W\d_]{4,}")


class Fresh(NamedTuple):
    """Old names and the new ones."""

    known: Mapping[str, str]
    whole: bool = False
    """They are whole values, spaces and all; otherwise words between other signs."""

    def __len__(self) -> int:
        return len(self.known)

    def write(self, text: str) -> str:
        """Returns a text with every known name in it replaced."""
        if not self.known:
            return text
        if self.whole:
            return self.known.get(text, text)
        return WHOLE.sub(self._token, text)

    def _token(self, match: re.Match[str]) -> str:
        known = self.known.get(match[0])
        if known is not None:
            return known
        if not match[0].isalnum():
            return TOKEN.sub(self._token, match[0])
        return DIGITS.sub(
            lambda digits: self.known.get(digits[0], digits[0]) if len(digits[0]) >= LEAST_DIGITS else digits[0],
            match[0],
        )


def fresh_names(texts: Iterable[str], rng: random.Random) -> Fresh:
    """Returns new names for the identities in texts: long digits, hex, and letters mixed with digits.

    Within one shape the new names are in the order of the old ones: the newest stays the newest.
    """
    shapes: dict[str, set[str]] = {}
    known: dict[str, str] = {}
    for name in sorted(tokens(texts)):
        if is_hex(name):
            known[name] = hexed(name, rng)
        elif (name.isdigit() and len(name) >= LEAST_DIGITS) or is_mixed(name):
            shapes.setdefault(re.sub(r"\d", "#", name), set()).add(name)
    for names in shapes.values():
        known |= renumbered(sorted(names), rng)
    return Fresh({old: new for old, new in known.items() if old != new})


def tokens(texts: Iterable[str]) -> frozenset[str]:
    """Returns the words and numbers in texts."""
    return frozenset(token for text in texts for token in (*TOKEN.findall(text), *re.findall(NUMBERED, text)))


def is_hex(name: str) -> bool:
    mixed = any(sign.isdigit() for sign in name) and any(sign.isalpha() for sign in name)
    cased = name in (name.lower(), name.upper())
    return len(name) >= LEAST_HEX and mixed and cased and re.fullmatch(r"[0-9a-fA-F]+", name) is not None


def is_mixed(name: str) -> bool:
    """Tells whether a name is letters and at least two digits, such as `N10` or `run-12`; `v7` or `utf8` is not."""
    return sum(sign.isdigit() for sign in name) >= 2 and any(sign.isalpha() for sign in name) and len(name) < 40


def hexed(name: str, rng: random.Random) -> str:
    fresh = "".join(rng.choice("0123456789abcdef") for _ in name)
    return fresh.upper() if name == name.upper() else fresh


def renumbered(names: list[str], rng: random.Random) -> dict[str, str]:
    """Returns new digits for names of one shape, in the same order, all different."""
    digits = sum(sign.isdigit() for sign in names[0])
    numbers = ["".join(sign for sign in name if sign.isdigit()) for name in names]
    low = 0 if any(number.startswith("0") for number in numbers) else 10 ** (digits - 1)
    space = 10**digits - low
    if space < len(names) * 2:
        fresh = [*numbers]
        rng.shuffle(fresh)
    else:
        taken = set(numbers)
        drawn: set[int] = set()
        while len(drawn) < len(names):
            number = low + rng.randrange(space)
            if space < len(names) * 4 or str(number).zfill(digits) not in taken:
                drawn.add(number)
        fresh = [str(number).zfill(digits) for number in sorted(drawn)]
    return {old: with_digits(old, new) for old, new in zip(names, fresh, strict=True)}


def with_digits(name: str, digits: str) -> str:
    left = iter(digits)
    return "".join(next(left) if sign.isdigit() else sign for sign in name)


def fresh_words(values: Iterable[str], rng: random.Random) -> Fresh:
    """Returns new texts for free texts: whole values of a few words, without markup, address or code in them."""
    words: dict[str, str] = {}

    def word(match: re.Match[str]) -> str:
        old = match[0]
        new = words.setdefault(old.lower(), spoken(len(old), rng))
        return new.upper() if old.isupper() else new.title() if old[0].isupper() else new

    texts = sorted(value for value in values if is_free_text(value))
    return Fresh({old: WORDY.sub(word, old) for old in texts}, whole=True)


def is_free_text(value: str) -> bool:
    """Tells whether a value is a few words of prose."""
    if len(value) > LONGEST_TEXT or " " not in value.strip() or not WORDY.search(value):
        return False
    return re.fullmatch(r"[^\W_]+(?:[ ,.;:'!?()-]+[^\W_]+)*[.!?]?", value) is not None


def spoken(length: int, rng: random.Random) -> str:
    return "".join(rng.choice(CONSONANTS if place % 2 == 0 else VOWELS) for place in range(length))
