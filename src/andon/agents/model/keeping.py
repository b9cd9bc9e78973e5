"""Keeps a conversation small: long answers of tools from earlier become references that can be asked for again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelMessage, ToolReturnPart

CHARACTERS = 4
"""A token, roughly."""
LATEST = 4
"""Answers that stay whole: the model is at work on them."""
SHORT = 700
"""Characters of an answer that are not worth a reference."""
HEAD = 240
"""Characters that stay of a longer one: its first line names the fact that it is."""
DOWN_TO = 0.5
"""Share of the limit that is left after it was passed: seldom and much, as a changed past is no longer cached."""
PAGE = 12_000


class Shelf:
    """What the tools of one session gave, by number."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        """Tokens."""
        self.kept: dict[str, int] = {}
        """Answer -> its number. By its text: not every endpoint gives each call a name of its own."""

    def keep(self, text: str) -> None:
        """Keeps an answer."""
        self.kept.setdefault(text, len(self.kept) + 1)

    def again(self, number: int, page: int) -> str:
        """Returns an answer once more, a page of it."""
        text = next((text for text, one in self.kept.items() if one == number), None)
        if text is None:
            return f"there is no answer {number}; there are {len(self.kept)}"
        pages = max(1, -(-len(text) // PAGE))
        if not 1 <= page <= pages:
            return f"answer {number} has {pages} pages"
        return f"Answer {number}, page {page} of {pages}:\n{text[(page - 1) * PAGE : page * PAGE]}"

    def shortened(self, messages: list[ModelMessage], size: int) -> list[ModelMessage]:
        """Returns a conversation that fits, given its size in tokens as last told; nothing of it is lost."""
        if size <= self.limit:
            return messages
        returns = list(tool_returns(messages))
        surplus = (size - self.limit * DOWN_TO) * CHARACTERS
        put: dict[str, str] = {}
        for part in returns[: max(0, len(returns) - LATEST)]:
            text = str(part.content)
            if surplus <= 0:
                break
            if len(text) > SHORT and text in self.kept:
                put[text] = self._reference(text)
                surplus -= len(text) - len(put[text])
        return [with_parts(message, put) for message in messages] if put else messages

    def _reference(self, text: str) -> str:
        left = len(text) - HEAD
        return f"{text[:HEAD]}\n(left out: {left:,} characters; `again` with number {self.kept[text]} gives them)"


def tool_returns(messages: list[ModelMessage]) -> Iterator[ToolReturnPart]:
    """Yields the answers of tools, oldest first."""
    from pydantic_ai.messages import ModelRequest, ToolReturnPart

    for message in messages:
        if isinstance(message, ModelRequest):
            yield from (part for part in message.parts if isinstance(part, ToolReturnPart))


def with_parts(message: ModelMessage, put: dict[str, str]) -> ModelMessage:
    """Returns a message with other texts for some answers of tools."""
    from pydantic_ai.messages import ModelRequest, ToolReturnPart

    if not isinstance(message, ModelRequest):
        return message
    parts = [
        ToolReturnPart(tool_name=part.tool_name, content=put[str(part.content)], tool_call_id=part.tool_call_id)
        if isinstance(part, ToolReturnPart) and str(part.content) in put
        else part
        for part in message.parts
    ]
    return replace(message, parts=parts)


def size_of(messages: list[ModelMessage]) -> int:
    """Returns the size of a conversation in tokens, roughly."""
    total = 0
    for message in messages:
        for part in message.parts:
            total += len(str(getattr(part, "content", ""))) + len(str(getattr(part, "args", "") or ""))
    return total // CHARACTERS
