"""Counts what a request cost from the provider's own usage fields, whole or streamed; estimates what is not told."""

from __future__ import annotations

import json
from typing import Any

from andon.agents.prices import Counted

MOST_TOKENS = 10**9
"""Of one answer; what tells more tells nonsense, and is counted as that many."""
CHARACTERS = 4
"""A token, roughly, where the provider tells nothing."""
MOST_LINE = 8 * 2**20
MOST_WHOLE = 64 * 2**20


class Meter:
    """Reads one answer as it passes."""

    def __init__(self, *, stream: bool, asked: int) -> None:
        """`asked` is the size of the request in bytes."""
        self._stream = stream
        self._asked = asked
        self._rest = bytearray()
        self._usage: dict[str, Any] = {}
        self._written = self._passed = 0
        self._ended = False

    def feed(self, data: bytes) -> None:
        """Reads a piece of the answer."""
        self._passed += len(data)
        if self._stream:
            self._rest += data
            *lines, last = self._rest.split(b"\n")
            self._rest = bytearray(last[-MOST_LINE:])
            for line in lines:
                self._line(bytes(line))
        elif len(self._rest) < MOST_WHOLE:
            self._rest += data

    def total(self) -> Counted:
        """Returns what the answer cost, as far as it has passed; asked once, at its end."""
        if not self._stream:
            self._event(bytes(self._rest))
            self._ended = bool(self._usage)
        told = usage_of(self._usage)
        if told.tokens and self._ended:
            return told
        return told._replace(
            input=told.input or self._asked // CHARACTERS,
            # What cannot be read, compressed for one, is as long as it is.
            output=max(told.output, (self._written or self._passed) // CHARACTERS, 1),
            estimated=True,
        )

    def _line(self, line: bytes) -> None:
        if line.startswith(b"data:"):
            self._event(line[5:])

    def _event(self, data: bytes) -> None:
        try:
            event = json.loads(data)
        except (ValueError, RecursionError):
            return  # `[DONE]`, or nothing that tells a usage
        if not isinstance(event, dict):
            return
        kind = event.get("type")
        inner = event.get("message") if kind == "message_start" else event.get("response")
        for place in (event, inner):
            usage = place.get("usage", place.get("usageMetadata")) if isinstance(place, dict) else None
            if isinstance(usage, dict):
                self._usage |= {name: value for name, value in usage.items() if value is not None}
                # Anthropic tells the input at the start already, Google what it is so far: only the last word has all.
                self._ended = self._ended or not (kind == "message_start" or is_going_on(event))
        self._written += written(event)


def is_going_on(event: dict[str, Any]) -> bool:
    """Tells whether Google says no end of any answer in an event."""
    found = event.get("candidates")
    return isinstance(found, list) and not any(isinstance(one, dict) and one.get("finishReason") for one in found)


def written(event: dict[str, Any]) -> int:
    """Returns how many characters of the model's an event brings."""
    delta = event.get("delta")
    if isinstance(delta, str):
        return len(delta)
    parts: list[object] = [delta] if isinstance(delta, dict) else []
    choices = event.get("choices")
    for choice in choices if isinstance(choices, list) else []:
        said = choice.get("delta") or choice.get("message") if isinstance(choice, dict) else None
        if isinstance(said, dict):
            parts.append(said)
            parts += [call.get("function") for call in said.get("tool_calls") or [] if isinstance(call, dict)]
    candidates = event.get("candidates")
    for candidate in candidates if isinstance(candidates, list) else []:
        said = part(candidate, "content").get("parts") if isinstance(candidate, dict) else None
        for one in said if isinstance(said, list) else []:
            if isinstance(one, dict):
                parts += [one, {"call": json.dumps(part(one, "functionCall"))}]
    return sum(
        len(value) for part in parts if isinstance(part, dict) for value in part.values() if isinstance(value, str)
    )


def usage_of(usage: dict[str, Any]) -> Counted:
    """Returns the tokens of a provider's usage, in any of the forms."""
    if "promptTokenCount" in usage or "totalTokenCount" in usage:
        given = number(usage, "promptTokenCount") + number(usage, "toolUsePromptTokenCount")
        said = number(usage, "candidatesTokenCount") + number(usage, "thoughtsTokenCount")
        return Counted(
            given, max(said, number(usage, "totalTokenCount") - given), number(usage, "cachedContentTokenCount")
        )
    if "prompt_tokens" in usage or "completion_tokens" in usage:
        read = number(part(usage, "prompt_tokens_details"), "cached_tokens")
        return Counted(number(usage, "prompt_tokens"), number(usage, "completion_tokens"), read)
    if "input_tokens_details" in usage:
        read = number(part(usage, "input_tokens_details"), "cached_tokens")
        return Counted(number(usage, "input_tokens"), number(usage, "output_tokens"), read)
    read, write = number(usage, "cache_read_input_tokens"), number(usage, "cache_creation_input_tokens")
    return Counted(number(usage, "input_tokens") + read + write, number(usage, "output_tokens"), read, write)


def part(usage: dict[str, Any], name: str) -> dict[str, Any]:
    found = usage.get(name)
    return found if isinstance(found, dict) else {}


def number(usage: dict[str, Any], name: str) -> int:
    found = usage.get(name)
    # Not a number is neither above nor below, and infinity is no whole one.
    return int(min(max(found, 0), MOST_TOKENS)) if isinstance(found, (int, float)) and found == found else 0
