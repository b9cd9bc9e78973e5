"""Delta debugging (Zeller, Hildebrandt 2002): makes a set of changes as small as it can be; it runs nothing itself."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")

FirstThatHolds = Callable[[Sequence[tuple[T, ...]]], int | None]
"""Gets subsets, may try them side by side, and returns the number of the first that still holds, or None."""


def ddmin(atoms: Sequence[T], first: FirstThatHolds[T], *, rounds: int = 64) -> tuple[T, ...]:
    """Returns a subset of atoms that still holds and from which no single atom can be left out.

    The whole set must hold. After `rounds` calls of `first` the smallest set so far is returned.
    """
    current = tuple(atoms)
    pieces = 2
    while len(current) > 1 and rounds > 0:
        subsets = split(current, min(pieces, len(current)))
        rests = [tuple(atom for atom in current if atom not in subset) for subset in subsets]
        choices = [*subsets, *rests] if len(subsets) > 2 else subsets
        found = first(choices)
        rounds -= 1
        if found is not None:
            current = choices[found]
            pieces = 2 if found < len(subsets) else max(len(subsets) - 1, 2)
        elif pieces >= len(current):
            break
        else:
            pieces = min(len(current), pieces * 2)
    return current


def split(atoms: tuple[T, ...], pieces: int) -> list[tuple[T, ...]]:
    """Returns the atoms in runs of nearly equal length."""
    bounds = [len(atoms) * number // pieces for number in range(pieces + 1)]
    return [atoms[start:end] for start, end in itertools.pairwise(bounds) if end > start]
