"""How providers write an answer, whole or streamed: Anthropic, OpenAI (chat completions and responses), Google."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from andon.testing.endpoint import Call, Turn

Json = dict[str, Any]
Frame = tuple[str, Json | str]
"""Name of the event (empty for none) and its data."""


class Wire(NamedTuple):
    """One form of answers."""

    whole: Callable[[Json, Turn], Json]
    frames: Callable[[Json, Turn], list[Frame]]
    results: Callable[[Json], Iterator[str]]
    """What tools gave, in a request."""
    tools: Callable[[Json], Iterator[str]]
    """Names of the tools in a request."""


def pieces(text: str) -> list[str]:
    """Returns a text in a few pieces, as a model writes it."""
    size = max(1, len(text) // 4)
    return [text[place : place + size] for place in range(0, len(text), size)]


def place(body: Json) -> int:
    """Returns how far a conversation has come: the names of calls begin with it, as each must be its own."""
    said = body.get("messages", body.get("input", body.get("contents", [])))
    return len(said) if isinstance(said, list) else 0


def tool_names(body: Json) -> Iterator[str]:
    """Yields the names of a request's tools."""
    for tool in body.get("tools", []):
        yield str((tool.get("function") or tool).get("name"))


def text_of(content: object) -> str:
    """Returns the text of a content that is text or a list of blocks."""
    if isinstance(content, list):
        return "\n".join(str(block.get("text", "")) for block in content if isinstance(block, dict))
    return str(content or "")


# --- Anthropic: messages --------------------------------------------------------------------------------------------


def message_usage(turn: Turn) -> Json:
    if not turn.billed:
        return {"input_tokens": 0, "output_tokens": 0}
    return {
        "input_tokens": turn.tokens[0] - turn.cached,
        "cache_read_input_tokens": turn.cached,
        "cache_creation_input_tokens": 0,
        "output_tokens": turn.tokens[1],
    }


def message_blocks(body: Json, turn: Turn) -> list[Json]:
    blocks: list[Json] = [{"type": "text", "text": turn.text}] if turn.text else []
    return blocks + [
        {"type": "tool_use", "id": f"toolu_{place(body)}_{number}", "name": call.name, "input": call.arguments}
        for number, call in enumerate(turn.calls)
    ]


def message_end(turn: Turn) -> str:
    return "refusal" if turn.refusal else "tool_use" if turn.calls else "end_turn"


def message(body: Json, turn: Turn) -> Json:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": body.get("model"),
        "content": message_blocks(body, turn),
        "stop_reason": message_end(turn),
        "stop_sequence": None,
        "usage": message_usage(turn),
    }


def message_frames(body: Json, turn: Turn) -> list[Frame]:
    usage = message_usage(turn)
    start = {**message(body, turn), "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
    frames: list[Frame] = [("message_start", {"type": "message_start", "message": start}), ("ping", {"type": "ping"})]
    texts = [turn.text] if turn.text else []
    parts = [("text_delta", "text", text) for text in texts]
    parts += [("input_json_delta", "partial_json", call.text) for call in turn.calls]
    for number, (block, (kind, name, text)) in enumerate(zip(message_blocks(body, turn), parts, strict=True)):
        empty = {**block, "text": ""} if kind == "text_delta" else {**block, "input": {}}
        frames.append(("content_block_start", {"type": "content_block_start", "index": number, "content_block": empty}))
        frames += [
            (
                "content_block_delta",
                {"type": "content_block_delta", "index": number, "delta": {"type": kind, name: one}},
            )
            for one in pieces(text)
        ]
        frames.append(("content_block_stop", {"type": "content_block_stop", "index": number}))
    delta = {"stop_reason": message_end(turn), "stop_sequence": None}
    ended = {"output_tokens": usage["output_tokens"]}
    frames.append(("message_delta", {"type": "message_delta", "delta": delta, "usage": ended}))
    return [*frames, ("message_stop", {"type": "message_stop"})]


def message_results(body: Json) -> Iterator[str]:
    for one in body.get("messages", []):
        for block in one["content"] if isinstance(one["content"], list) else []:
            if block.get("type") == "tool_result":
                yield text_of(block.get("content"))


# --- OpenAI: chat completions ---------------------------------------------------------------------------------------


def chat_usage(turn: Turn) -> Json:
    given, written = turn.tokens
    return {
        "prompt_tokens": given,
        "completion_tokens": written,
        "total_tokens": given + written,
        "prompt_tokens_details": {"cached_tokens": turn.cached},
    }


def chat_calls(body: Json, turn: Turn) -> list[Json]:
    return [
        {
            "index": number,
            "id": f"call_{place(body)}_{number}",
            "type": "function",
            "function": {"name": call.name, "arguments": call.text},
        }
        for number, call in enumerate(turn.calls)
    ]


def chat_end(turn: Turn) -> str:
    return "content_filter" if turn.refusal else "tool_calls" if turn.calls else "stop"


def chat(body: Json, turn: Turn) -> Json:
    said: Json = {"role": "assistant", "content": None if turn.refusal else turn.text or None}
    said |= {"refusal": turn.text} if turn.refusal else {}
    said |= {"tool_calls": chat_calls(body, turn)} if turn.calls else {}
    choice = {"index": 0, "message": said, "finish_reason": chat_end(turn), "logprobs": None}
    usage = {"usage": chat_usage(turn)} if turn.billed else {}
    head = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": body.get("model")}
    return {**head, "choices": [choice], **usage}


def chat_frames(body: Json, turn: Turn) -> list[Frame]:
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": body.get("model")}

    def chunk(delta: Json, ended: str | None = None) -> Frame:
        return "", {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": ended}]}

    name = "refusal" if turn.refusal else "content"
    frames = [chunk({"role": "assistant", "content": ""}), *(chunk({name: one}) for one in pieces(turn.text))]
    for call in chat_calls(body, turn):
        function = call["function"]
        frames.append(chunk({"tool_calls": [{**call, "function": {"name": function["name"], "arguments": ""}}]}))
        frames += [
            chunk({"tool_calls": [{"index": call["index"], "function": {"arguments": one}}]})
            for one in pieces(function["arguments"])
        ]
    frames.append(chunk({}, chat_end(turn)))
    if (body.get("stream_options") or {}).get("include_usage") and turn.billed:
        frames.append(("", {**head, "choices": [], "usage": chat_usage(turn)}))
    return [*frames, ("", "[DONE]")]


def chat_results(body: Json) -> Iterator[str]:
    for one in body.get("messages", []):
        if one.get("role") == "tool":
            yield text_of(one.get("content"))


# --- OpenAI: responses ----------------------------------------------------------------------------------------------


def response_tools(body: Json) -> Iterator[str]:
    for tool in body.get("tools", []):
        name = str(tool.get("name"))
        yield from (f"{name}.{one['name']}" for one in tool["tools"]) if tool.get("type") == "namespace" else (name,)


def response_call(call: Call) -> Json:
    space, _, name = call.name.rpartition(".")
    return {"name": name, "namespace": space} if space else {"name": name}


def response_items(body: Json, turn: Turn) -> list[Json]:
    said = {"type": "output_text", "text": turn.text, "annotations": []}
    head = {"type": "message", "id": "msg_0", "role": "assistant", "status": "completed"}
    items: list[Json] = [{**head, "content": [said]}] if turn.text else []
    return items + [
        {
            "type": "function_call",
            "id": f"fc_{number}",
            "call_id": f"call_{place(body)}_{number}",
            **response_call(call),
            "arguments": call.text,
            "status": "completed",
        }
        for number, call in enumerate(turn.calls)
    ]


def response(body: Json, turn: Turn) -> Json:
    given, written = turn.tokens
    usage = {
        "input_tokens": given,
        "input_tokens_details": {"cached_tokens": turn.cached},
        "output_tokens": written,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": given + written,
    }
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "model": body.get("model"),
        "status": "completed",
        "output": response_items(body, turn),
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": usage if turn.billed else None,
    }


def response_frames(body: Json, turn: Turn) -> list[Frame]:
    whole = response(body, turn)
    started = {**whole, "status": "in_progress", "output": [], "usage": None}
    told: list[Json] = [{"type": "response.created", "response": started}]
    for number, item in enumerate(whole["output"]):
        told.append({"type": "response.output_item.added", "output_index": number, "item": item})
        text = turn.text if item["type"] == "message" else item["arguments"]
        kind = "output_text" if item["type"] == "message" else "function_call_arguments"
        where = {"item_id": item["id"], "output_index": number, "content_index": 0}
        told += [{"type": f"response.{kind}.delta", "delta": one, **where} for one in pieces(text)]
        told.append({"type": "response.output_item.done", "output_index": number, "item": item})
    told.append({"type": "response.completed", "response": whole})
    return [(str(one["type"]), {**one, "sequence_number": number}) for number, one in enumerate(told)]


def response_results(body: Json) -> Iterator[str]:
    for one in body.get("input", []) if isinstance(body.get("input"), list) else []:
        if one.get("type") == "function_call_output":
            yield text_of(one.get("output"))


# --- Google: generateContent ----------------------------------------------------------------------------------------


def content_usage(turn: Turn) -> Json:
    """The usage at the end; a tenth of what is written is thought, as its own models tell it."""
    given, written = turn.tokens
    thought = written // 10
    return {
        "promptTokenCount": given,
        "cachedContentTokenCount": turn.cached,
        "candidatesTokenCount": written - thought,
        "thoughtsTokenCount": thought,
        "totalTokenCount": given + written,
    }


def content_of(body: Json, parts: list[Json], turn: Turn, *, ended: bool) -> Json:
    candidate: Json = {"content": {"role": "model", "parts": parts}, "index": 0}
    if ended:
        candidate["finishReason"] = "SAFETY" if turn.refusal else "STOP"
    usage = content_usage(turn)
    told = usage if ended else {"promptTokenCount": turn.tokens[0], "totalTokenCount": turn.tokens[0]}
    head = {"candidates": [candidate], "modelVersion": body.get("model", "scripted"), "responseId": "response-1"}
    return {**head, "usageMetadata": told} if turn.billed else head


def content_calls(body: Json, turn: Turn) -> list[Json]:
    """The calls; one cannot be malformed here, as its arguments are no text."""
    return [
        {"functionCall": {"id": f"call_{place(body)}_{number}", "name": call.name, "args": call.arguments}}
        for number, call in enumerate(turn.calls)
    ]


def content(body: Json, turn: Turn) -> Json:
    said: list[Json] = [{"text": turn.text}] if turn.text else []
    return content_of(body, said + content_calls(body, turn), turn, ended=True)


def content_frames(body: Json, turn: Turn) -> list[Frame]:
    said = [content_of(body, [{"text": one}], turn, ended=False) for one in pieces(turn.text)]
    called = [content_of(body, [call], turn, ended=False) for call in content_calls(body, turn)]
    return [("", one) for one in (*said, *called, content_of(body, [{"text": ""}], turn, ended=True))]


def content_tools(body: Json) -> Iterator[str]:
    for tool in body.get("tools", []):
        yield from (str(one["name"]) for one in tool.get("functionDeclarations", []))


def content_results(body: Json) -> Iterator[str]:
    for one in body.get("contents", []):
        for part in one.get("parts", []):
            given = part.get("functionResponse", {}).get("response")
            if isinstance(given, dict):
                yield str(given.get("output", given))


WIRES = {
    "messages": Wire(message, message_frames, message_results, tool_names),
    "chat": Wire(chat, chat_frames, chat_results, tool_names),
    "responses": Wire(response, response_frames, response_results, response_tools),
    "generate": Wire(content, content_frames, content_results, content_tools),
}
