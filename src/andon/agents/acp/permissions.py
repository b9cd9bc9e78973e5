"""Answers what an agent asks to be allowed, from the phase's rules; the sandbox is the boundary, this is advice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from andon.agents.tools import Phase

if TYPE_CHECKING:  # the library takes most of a second to import
    from acp.schema import PermissionOption

LOOKING = frozenset({"read", "search", "think", "execute", "other"})
"""Kinds of tool calls that every phase allows: commands run where they can change nothing but what the phase lets
them change, and the ticket's own tools are of kind `other`."""
CHANGING = frozenset({"edit", "delete", "move"})
WHY = {
    **dict.fromkeys(CHANGING, "the tree is read-only until a diagnosis is accepted"),
    "fetch": "there is no network; ask the ticket's tools",
    "switch_mode": "the mode stays as it is",
}


class Decision(NamedTuple):
    """What an agent is told."""

    allowed: bool
    option: str
    """Identity of the option that says so; empty where the agent offers none: then the call is cancelled."""
    why: str
    """Why not; empty when it is allowed."""


def decide(phase: Phase, kind: str | None, options: Sequence[PermissionOption]) -> Decision:
    """Returns the answer to a request: once rather than always, so that each is asked and noted."""
    allowed = (kind or "other") in (LOOKING if phase is Phase.DIAGNOSE else LOOKING | CHANGING)
    wanted = ("allow_once", "allow_always") if allowed else ("reject_once", "reject_always")
    offered = {option.kind: option.option_id for option in reversed(options)}
    option = next((offered[name] for name in wanted if name in offered), "")
    if allowed and not option:
        return Decision(False, "", "the agent offers no way to allow it")
    return Decision(allowed, option, "" if allowed else WHY.get(kind or "", "this phase does not allow it"))
