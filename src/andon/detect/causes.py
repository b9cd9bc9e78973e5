"""Decides whose ticket a red check belongs to: a root's, an open one, an earlier one, or a new one."""

from __future__ import annotations

from collections.abc import Sequence

from andon.detect.picture import Picture
from andon.detect.storm import join_storm, storm_of, storm_ticket_of
from andon.detect.values import RANK, Cause
from andon.models import Status, Ticket


def causes_of(picture: Picture) -> tuple[tuple[Cause, ...], bool]:
    """Returns the tickets to open, extend or reopen, and whether that was a storm."""
    storm_ticket = storm_ticket_of(picture)
    groups: dict[str, list[str]] = {}
    for name in sorted(picture.firing):
        groups.setdefault(_root(picture, name), []).append(name)
    extended: list[Cause] = []
    fresh: list[Cause] = []
    for root, members in sorted(groups.items()):
        arrivals = [name for name in (root, *(name for name in members if name != root)) if name not in picture.held]
        home = picture.held.get(root)
        absorbs, adopted = _duplicates(picture, root, members, home)
        if home is not None and (arrivals or adopted):
            extended.append(_extend(picture, home, root, [*arrivals, *adopted], absorbs))
        elif home is None:
            fresh.append(_open(picture, root, [*arrivals, *adopted], absorbs))
    if storm_ticket is not None and fresh:
        return (*extended, join_storm(storm_ticket, fresh)), True
    if len(fresh) >= max(2, picture.settings.storm):
        return (*extended, storm_of(picture, fresh)), True
    return (*extended, *fresh), False


def _root(picture: Picture, name: str) -> str:
    """Returns the topmost firing check that explains a firing check; itself when nothing above it fires."""
    above = picture.above[name] & picture.firing
    tops = [one for one in {*above, name} if _is_top(picture, one)]
    return min(tops, key=lambda one: (-RANK[picture.checks[one].severity], picture.alerts[one].since, one))


def _is_top(picture: Picture, name: str) -> bool:
    """Tells that nothing fires above a check, but for those of its own circle of which it is the first by name."""
    above = picture.above[name] & picture.firing
    circle = {one for one in above if name in picture.above[one]} | {name}
    return above <= circle and name == min(circle)


def _duplicates(
    picture: Picture, root: str, members: Sequence[str], home: int | None
) -> tuple[tuple[int, ...], list[str]]:
    """Returns the tickets below a root that it takes over, and the checks that come with them."""
    absorbs: list[int] = []
    adopted: list[str] = []
    for ticket in sorted({picture.held[name] for name in members if name in picture.held} - {home}):
        it = picture.tickets[ticket]
        firing = [name for name in it.checks if name in picture.firing]
        if it.status is Status.OPEN and it.check is not None and all(_root(picture, name) == root for name in firing):
            absorbs.append(ticket)
            adopted += [name for name in it.checks if name in picture.alerts]
    return tuple(absorbs), sorted(adopted)


def _extend(picture: Picture, home: int, root: str, checks: Sequence[str], absorbs: tuple[int, ...]) -> Cause:
    ticket = picture.tickets[home]
    return Cause(
        ticket=home,
        reopen=False,
        check=ticket.check,
        checks=tuple(dict.fromkeys(checks)),
        title=ticket.title,
        body=ticket.body,
        status=ticket.status,
        severity=ticket.severity,
        autonomy=ticket.autonomy,
        cause=ticket.cause,
        absorbs=absorbs,
        reason=f"explained by {root}, which is red upstream" if [*checks] != [root] else f"{root} is red",
    )


def _open(picture: Picture, root: str, checks: Sequence[str], absorbs: tuple[int, ...]) -> Cause:
    """Returns the new ticket of a root cause, or the resolved one that it reopens."""
    check, total = picture.checks[root], picture.alerts[root].total
    rows = f": {total} offending row{'' if total == 1 else 's'}" if total else ""
    earlier = _earlier(picture, root)
    reopen = earlier is not None and earlier.check == root and picture.settings.when_fires_again == "reopen"
    reason = f"fires again, {total} offending rows" if earlier else f"{root} is red{rows}"
    return Cause(
        ticket=earlier.id if earlier and reopen else None,
        reopen=reopen,
        check=root,
        checks=tuple(dict.fromkeys([root, *checks])),
        title=f"{root} is red{rows}",
        body=f"{check.why}\n\n{check.decided}",
        status=Status.OPEN,
        severity=max(
            (picture.checks[name].severity for name in checks if name in picture.checks), key=RANK.__getitem__
        ),
        autonomy=check.autonomy or picture.settings.autonomy,
        cause=earlier.cause if earlier else None,
        absorbs=absorbs,
        reason=reason,
    )


def _earlier(picture: Picture, check: str) -> Ticket | None:
    """Returns the ticket that was resolved lately and that a check was on."""
    ticket = picture.tickets.get(picture.alerts[check].ticket or 0)
    if ticket is None or ticket.status is not Status.RESOLVED or ticket.check is None:
        return None
    return ticket if picture.now - ticket.updated_at <= picture.settings.reopen_within else None
