"""The three things a proof can say, and the error for when the judge itself cannot tell."""

from __future__ import annotations

from collections.abc import Sequence

from andon.errors import AndonError
from andon.models import Outcome, Proof

DETAILS = 20
"""Lines of detail that a proof keeps."""


class BrokenError(AndonError):
    """The judge could not establish a fact: neither accepts nor rejects."""


def holds(name: str, saw: str, details: Sequence[str] = ()) -> Proof:
    return Proof(name=name, outcome=Outcome.HOLDS, saw=saw, details=tuple(details[:DETAILS]))


def fails(name: str, saw: str, details: Sequence[str] = ()) -> Proof:
    return Proof(name=name, outcome=Outcome.FAILS, saw=saw, details=tuple(details[:DETAILS]))


def needs_eyes(name: str, saw: str, details: Sequence[str] = ()) -> Proof:
    return Proof(name=name, outcome=Outcome.NEEDS_EYES, saw=saw, details=tuple(details[:DETAILS]))
