"""Decides which requests go on to the model, and in what form: model traffic alone, nothing that reaches farther."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from andon.agents.relay import gemini
from andon.agents.relay.reserving import most_output

Json = dict[str, Any]
PATHS = {
    "anthropic": frozenset({"/messages", "/messages/count_tokens"}),
    "openai": frozenset({"/chat/completions", "/responses"}),
}
FREE = frozenset({"/messages/count_tokens"})
LOCAL_TOOLS = (
    "custom",
    "function",
    "local_shell",
    "shell",
    "apply_patch",
    "bash_",
    "text_editor_",
    "computer_",
    "memory_",
)
"""Kinds of tools that run where the agent is. Others run at the provider, which has a network."""
FAR = (
    "mcp_servers",
    "container",
    "web_search_options",
    "background",
    "prompt",
    "conversation",
    "previous_response_id",
    "cached_content",
    "cachedContent",
    "plugins",
    "search_parameters",
    "enable_search",
)
"""What makes a provider, or a gateway before it, fetch, run, keep or continue something of its own."""
MOST_PARTS = 2_000_000
"""Brackets, colons and commas of a request: what it takes to read grows with these, and not with its bytes."""
KEPT_THERE = frozenset({"fileid", "fileids"})
"""What names a file that the provider keeps for the account."""
SAID = frozenset({"messages", "input", "system", "contents", "systeminstruction"})
"""Where the conversation stands in a request."""
DATA = frozenset({"source", "imageurl", "inlinedata", "inputaudio", "filedata", "file"})
"""What holds a picture, a sound or a document."""
WORDS = frozenset({"input", "args", "response"})
"""What of a call and of its answer holds values of any shape."""
DEARER = (
    "n",
    "modalities",
    "audio",
    "service_tier",
    "speed",
    "inference_geo",
    "fallbacks",
    "billing_policy",
    "models",
    "route",
    "provider",
)
"""What changes the price, or the model."""


class Refused(Exception):
    """A request that does not go on."""

    def __init__(self, words: str, status: int = 400) -> None:
        super().__init__(words)
        self.status = status


class Prepared(NamedTuple):
    """A request as it goes on."""

    body: bytes
    output: int | None
    """How many tokens its answer may have; None where its bytes and its limits do not bound what it costs."""


def place_of(wire: str, method: str, target: str, model: str) -> str:
    """Returns where a request goes below the upstream's address.

    Raises:
        Refused: it is no model traffic.
    """
    path, _, query = target.partition("?")
    if method == "POST" and wire == "gemini" and (place := gemini.find_place(path, query, model)):
        return place
    rest = path.removeprefix("/v1beta" if wire == "gemini" else "/v1")
    beta = "?beta=true" if query == "beta=true" else ""
    if method == "POST" and rest in PATHS.get(wire, ()):
        return rest + beta
    if method == "GET" and rest == "/models":
        return rest
    raise Refused("only requests to the model go through here", 404)


def is_free(place: str) -> bool:
    """Tells whether a request costs nothing: it only counts tokens."""
    return place.partition("?")[0] in FREE or place.endswith(gemini.FREE)


def prepared(wire: str, place: str, body: bytes, model: str) -> Prepared:
    """Returns a request as it goes on: for the configured model, with its usage told, with local tools alone.

    Raises:
        Refused: it cannot be read, or would have the provider reach farther.
    """
    if sum(body.count(mark) for mark in (b"{", b"[", b",", b":")) > MOST_PARTS:
        raise Refused(f"the request has more than {MOST_PARTS:,} parts", 413)
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        raise Refused("the request is no JSON") from None
    if not isinstance(asked, dict):
        raise Refused("the request is no JSON object")
    if far := [name for name in FAR if asked.get(name)]:
        raise Refused(f"`{far[0]}` does not go through here: it reaches farther than the model")
    if wire == "gemini":
        asked = gemini.going_on(asked, counting=is_free(place))
    output = most_output(place, asked)
    for block in blocks(asked):
        if reaches_out(block):
            raise Refused("give images and files as data: an address would be fetched from outside")
        if holds_data(block):
            output = None  # what a picture or a page costs, its bytes do not say
    if wire == "gemini":
        return Prepared(encoded(asked), output)  # its model stands in the path
    for name in DEARER:
        asked.pop(name, None)
    asked["model"] = model
    if isinstance(asked.get("tools"), list):
        asked["tools"] = local_tools(asked["tools"])
        if not asked["tools"]:
            asked.pop("tools")
            asked.pop("tool_choice", None)
    if asked.get("stream") and wire == "openai" and place == "/chat/completions":
        asked["stream_options"] = {"include_usage": True}
    return Prepared(encoded(asked), output)


def encoded(asked: Json) -> bytes:
    """Returns a body as bytes."""
    return json.dumps(asked).encode("utf-8", "surrogatepass")


def local_tools(tools: list[Any]) -> list[Json]:
    """Returns those tools that run where the agent is; of a namespace of tools, those in it that do."""
    kept = []
    for tool in tools:
        inner = tool.get("tools") if isinstance(tool, dict) and tool.get("type") == "namespace" else None
        if isinstance(inner, list):
            tool = {**tool, "tools": [one for one in inner if is_local(one)]}
            kept += [tool] if tool["tools"] else []
        elif is_local(tool):
            kept.append(tool)
    return kept


def is_local(tool: object) -> bool:
    """Tells whether a tool runs where the agent is."""
    if not isinstance(tool, dict) or isinstance(tool.get("environment"), dict):
        return False  # a shell that has one runs in a machine of the provider's
    kind = tool.get("type", "custom")
    return isinstance(kind, str) and any(
        kind.startswith(one) if one.endswith("_") else kind == one for one in LOCAL_TOOLS
    )


def blocks(asked: Json) -> Iterator[Json]:
    """Yields every block of content in a request."""
    waiting: list[object] = [value for name, value in asked.items() if gemini.plain(name) in SAID]
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            waiting += one
        elif isinstance(one, dict):
            yield one
            # A call's arguments are the model's own words, and an answer's values the tool's; nobody fetches those.
            waiting += [value for name, value in one.items() if name not in WORDS]


def holds_data(block: Json) -> bool:
    """Tells whether a block brings a picture, a sound or a document."""
    return any(gemini.plain(name) in DATA for name in block)


def reaches_out(block: Json) -> bool:
    """Tells whether a provider would fetch something for a block."""
    if gemini.reaches_out(block):
        return True
    source = block.get("source")
    if isinstance(source, dict) and source.get("type") not in ("base64", "text", "content", None):
        return True
    if block.get("type") == "item_reference" or any(gemini.plain(name) in KEPT_THERE for name in block):
        return True
    addresses = [value for name, value in block.items() if gemini.plain(name).endswith("url") and name != "url"]
    given = [one.get("url") if isinstance(one, dict) else one for one in addresses]
    return any(one is not None and not str(one).startswith("data:") for one in given)
