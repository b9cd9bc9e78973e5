"""Google's own form of requests: which of them are model traffic, and what of one goes on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, quote

Json = dict[str, Any]
PATH = re.compile(r"/v1(?:beta|alpha)?/models/[\w.-]+:(generateContent|streamGenerateContent|countTokens)")
FREE = ":countTokens"
STREAMED = "streamGenerateContent"
KEPT = frozenset({"contents", "systeminstruction", "tools", "toolconfig", "safetysettings", "generationconfig"})
"""Parts of a request that go on. Others name what the account keeps, or change the price."""
DEARER = frozenset({"candidatecount", "responsemodalities", "speechconfig", "imageconfig"})
"""What of `generationConfig` changes the price."""


def plain(name: str) -> str:
    """Returns a field's name in one spelling: Google reads `fileData` and `file_data` alike."""
    return name.replace("_", "").lower()


def find_place(path: str, query: str, model: str) -> str | None:
    """Returns where a request for an answer goes, for the configured model; None when it is none.

    A key that stands in the query stays here, and a stream comes as events, whose usage can be read.
    """
    found = PATH.fullmatch(path)
    if found is None:
        return None
    verb = found[1]
    if verb == STREAMED and parse_qs(query).get("alt") != ["sse"]:
        return None
    return f"/models/{quote(model, safe='')}:{verb}" + ("?alt=sse" if verb == STREAMED else "")


def going_on(asked: Mapping[str, Any], *, counting: bool) -> Json:
    """Returns what of a request goes on: the conversation, with tools that run where the agent is."""
    if counting:
        return {"contents": asked.get("contents")}
    kept = {name: value for name, value in asked.items() if plain(name) in KEPT}
    for name, value in kept.items():
        if plain(name) == "generationconfig" and isinstance(value, dict):
            kept[name] = {one: chosen for one, chosen in value.items() if plain(one) not in DEARER}
    if isinstance(kept.get("tools"), list):
        local = [declared(tool) for tool in kept["tools"]]
        kept["tools"] = [tool for tool in local if tool]
    return kept


def declared(tool: object) -> Json:
    """Returns what of a tool the agent runs itself; the rest would run at Google, which has a network."""
    if not isinstance(tool, dict):
        return {}
    return {name: value for name, value in tool.items() if plain(name) == "functiondeclarations"}


def reaches_out(block: Json) -> bool:
    """Tells whether Google would fetch something, or open a file that it keeps, for a part."""
    return any(plain(name) == "filedata" for name in block)
