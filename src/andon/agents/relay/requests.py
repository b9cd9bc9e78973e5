"""Decides which requests go on to the model, and in what form: model traffic alone, nothing that reaches farther."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

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
FAR = ("mcp_servers", "container", "web_search_options", "background", "prompt", "conversation")
"""What makes a provider fetch, run or keep something of its own."""
DEARER = ("service_tier", "speed", "inference_geo", "fallbacks", "billing_policy")
"""What changes the price, or the model."""


class Refused(Exception):
    """A request that does not go on."""

    def __init__(self, words: str, status: int = 400) -> None:
        super().__init__(words)
        self.status = status


def place_of(wire: str, method: str, target: str) -> str:
    """Returns where a request goes below the upstream's address.

    Raises:
        Refused: it is no model traffic.
    """
    path, _, query = target.partition("?")
    rest = path.removeprefix("/v1")
    beta = "?beta=true" if query == "beta=true" else ""
    if method == "POST" and rest in PATHS[wire]:
        return rest + beta
    if method == "GET" and rest == "/models":
        return rest
    raise Refused("only requests to the model go through here", 404)


def prepared(wire: str, place: str, body: bytes, model: str) -> bytes:
    """Returns a request's body as it goes on: for the configured model, with its usage told, with local tools alone.

    Raises:
        Refused: it cannot be read, or would have the provider reach farther.
    """
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        raise Refused("the request is no JSON") from None
    if not isinstance(asked, dict):
        raise Refused("the request is no JSON object")
    if far := [name for name in FAR if asked.get(name)]:
        raise Refused(f"`{far[0]}` does not go through here: it reaches farther than the model")
    for block in blocks(asked):
        if reaches_out(block):
            raise Refused("give images and files as data: an address would be fetched from outside")
    for name in DEARER:
        asked.pop(name, None)
    asked["model"] = model
    if isinstance(asked.get("tools"), list):
        asked["tools"] = [tool for tool in asked["tools"] if is_local(tool)]
        if not asked["tools"]:
            asked.pop("tools")
            asked.pop("tool_choice", None)
    if asked.get("stream") and wire == "openai" and place == "/chat/completions":
        asked["stream_options"] = {**(asked.get("stream_options") or {}), "include_usage": True}
    return json.dumps(asked).encode("utf-8", "surrogatepass")


def is_local(tool: object) -> bool:
    """Tells whether a tool runs where the agent is."""
    kind = tool.get("type", "custom") if isinstance(tool, dict) else None
    return isinstance(kind, str) and any(
        kind.startswith(one) if one.endswith("_") else kind == one for one in LOCAL_TOOLS
    )


def blocks(asked: Json) -> Iterator[Json]:
    """Yields every block of content in a request."""
    waiting: list[object] = [asked.get("messages"), asked.get("input"), asked.get("system")]
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            waiting += one
        elif isinstance(one, dict):
            yield one
            # A call's arguments are the model's own words; content alone is looked at by the provider.
            waiting += [one.get("content"), one.get("output")]


def reaches_out(block: Json) -> bool:
    """Tells whether a provider would fetch something for a block."""
    source = block.get("source")
    if isinstance(source, dict) and source.get("type") not in ("base64", "text", "content", None):
        return True
    image = block.get("image_url")
    address = image.get("url") if isinstance(image, dict) else image
    return bool(block.get("file_url")) or (address is not None and not str(address).startswith("data:"))
