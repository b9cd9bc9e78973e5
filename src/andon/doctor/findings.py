"""What the doctor says of one thing; it tries whatever it is given, and mends nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from andon.errors import AndonError
from andon.models import Model


class Finding(Model):
    """One thing that was tried."""

    what: str
    state: Literal["works", "weak", "broken", "not looked at"]
    """`weak`: it goes on without, or with less. `not looked at`: something above has to be mended first."""
    saw: str
    mend: str = ""
    """What to do about it; empty when it works."""


def tried(what: str, work: Callable[[], str], mend: str) -> Finding:
    """Returns what came of trying something."""
    try:
        return Finding(what=what, state="works", saw=work())
    except (AndonError, OSError) as error:
        return Finding(what=what, state="broken", saw=str(error), mend=mend)


def unseen(what: str, needs: str) -> Finding:
    """Returns that something was not tried, because what it needs is broken, which another line says."""
    return Finding(what=what, state="not looked at", saw=f"not looked at; it needs {needs}")
