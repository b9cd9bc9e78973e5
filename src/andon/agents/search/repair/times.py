"""Templates on moments in time: a zone that is missing, pretended instead of converted, or the wrong one."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from andon.agents.search.repair.candidates import Idea
from andon.agents.search.repair.imports import add_import, bound_at_top
from andon.agents.search.repair.source import Edit
from andon.agents.search.repair.templates import Place, Template


def times(place: Place) -> Iterator[Idea]:
    """A moment in UTC: now() and fromtimestamp() with a zone, replace(tzinfo=) for astimezone() and back."""
    zone, imports = utc(place)
    for node in place.nodes:
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        owner, name = place.file.code(node.func.value), node.func.attr
        if name == "now" and not node.args and not node.keywords and "datetime" in owner:
            yield place.idea(
                "zone", 0.75, f"{owner}.now() is in UTC", place.file.replace(node, f"{owner}.now({zone})"), *imports
            )
        if name == "utcnow":
            yield place.idea(
                "zone", 0.75, "utcnow() knows its zone", place.file.replace(node, f"{owner}.now({zone})"), *imports
            )
        if name in ("fromtimestamp", "utcfromtimestamp") and len(node.args) == 1 and not node.keywords:
            text = f"{owner}.fromtimestamp({place.file.code(node.args[0])}, {zone})"
            yield place.idea("zone", 0.75, f"{name}() is in UTC", place.file.replace(node, text), *imports)
        if name == "replace" and [k.arg for k in node.keywords] == ["tzinfo"] and not node.args:
            given = place.file.code(node.keywords[0].value)
            if given != "None":
                yield place.swap("zone", 0.7, node, f"{owner}.astimezone({given})")
                text = f"{place.file.code(node)}.astimezone({zone})"
                yield place.idea("zone", 0.6, "the time is brought to UTC", place.file.replace(node, text), *imports)
                yield place.idea(
                    "zone", 0.5, "it is UTC", place.file.replace(node, f"{owner}.replace(tzinfo={zone})"), *imports
                )
            else:
                yield place.swap("zone", 0.6, node, owner)
                text = f"{owner}.astimezone({zone}).replace(tzinfo=None)"
                yield place.idea(
                    "zone", 0.65, "the time is brought to UTC first", place.file.replace(node, text), *imports
                )
        if name == "astimezone":
            given = place.file.code(node.args[0]) if node.args else zone
            yield place.swap("zone", 0.5, node, f"{owner}.replace(tzinfo={given})")
            yield place.idea(
                "zone", 0.55, "the time is in UTC", place.file.replace(node, f"{owner}.astimezone({zone})"), *imports
            )
        if name in ("strptime", "fromisoformat", "combine"):
            for tail in (f".replace(tzinfo={zone})", f".astimezone({zone})"):
                text = place.file.code(node) + tail
                yield place.idea("zone", 0.55, "the time knows its zone", place.file.replace(node, text), *imports)


def utc(place: Place) -> tuple[str, tuple[Edit, ...]]:
    """Returns how this file writes UTC, and the import that it takes."""
    top = bound_at_top(place.file)
    if "UTC" in top:
        return "UTC", ()
    if "timezone" in top:
        return "timezone.utc", ()
    if "datetime" in top and "import datetime\n" in place.file.text:
        return "datetime.timezone.utc", ()
    return "UTC", (add_import(place.file, "datetime", "UTC", None),)


TEMPLATES: list[Template] = [times]
