"""Asks the configured model one tiny question over the relay, as an agent would: the way to know that it answers."""

from __future__ import annotations

import http.client
import json
import socket
from typing import Any

from andon.agents.relay.counting import Relay
from andon.errors import AgentError
from andon.quoting import visible

QUESTION = "Answer with the one word: ready"
PATIENCE = 60.0
"""Seconds."""
WORDS = 300


def try_model(relay: Relay) -> str:
    """Returns what the model answered, a few words.

    Raises:
        AgentError: it did not; holds the provider's own words.
    """
    connection = http.client.HTTPConnection("relay", timeout=PATIENCE)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(PATIENCE)
    try:
        connection.sock.connect(str(relay.socket))
        path, body = question(relay.upstream.wire)
        connection.request("POST", path, json.dumps(body).encode(), {"Content-Type": "application/json", **VERSION})
        answer = connection.getresponse()
        told = answer.read(2**20)
    except (OSError, http.client.HTTPException) as error:
        raise AgentError(f"the model does not answer: {relay.trouble or error}", permanent=relay.permanent) from error
    finally:
        connection.close()
    if answer.status >= 300:
        raise AgentError(f"{relay.trouble or relay.refused}: {said(told)}", permanent=relay.permanent)
    return said(told)


VERSION = {"anthropic-version": "2023-06-01"}


def question(wire: str) -> tuple[str, dict[str, Any]]:
    """Returns path and body of the question; the relay fills in the model."""
    messages = [{"role": "user", "content": QUESTION}]
    if wire == "anthropic":
        return "/v1/messages", {"messages": messages, "max_tokens": 16}
    if wire == "gemini":
        return "/v1beta/models/model:generateContent", {"contents": [{"role": "user", "parts": [{"text": QUESTION}]}]}
    return "/v1/chat/completions", {"messages": messages}


def said(data: bytes) -> str:
    """Returns the words of an answer or an error, in any of the forms; cut and made safe to show."""
    try:
        told = json.loads(data)
        if "error" in told:
            words = told["error"]["message"]
        elif "choices" in told:
            words = told["choices"][0]["message"]["content"]
        elif "candidates" in told:
            words = "".join(part.get("text", "") for part in told["candidates"][0]["content"]["parts"])
        else:
            words = "".join(block.get("text", "") for block in told["content"])
    except (ValueError, LookupError, TypeError, AttributeError):
        words = data.decode("utf-8", "replace")
    return visible(str(words or ""), WORDS)
