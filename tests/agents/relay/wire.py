"""Plain requests to a relay's socket, as an agent's client makes them."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from andon.agents.prices import Tariff
from andon.agents.relay import Relay, Upstream, open_relay
from andon.testing.endpoint import Endpoint
from andon.wallet import Wallet, wallet_with

KEY = "sk-the-real-key"
PATHS = {
    "messages": "/v1/messages",
    "chat": "/v1/chat/completions",
    "responses": "/v1/responses",
    "generate": "/v1beta/models/whatever:generateContent",
}
STREAM = "/v1beta/models/whatever:streamGenerateContent?alt=sse"
WIRES = {"messages": "anthropic", "generate": "gemini"}
MODELS = {"messages": "claude-sonnet-4-5", "generate": "gemini-2.5-flash"}


class Got(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Connection(http.client.HTTPConnection):
    """A connection to a socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("relay", timeout=20)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(20)
        self.sock.connect(str(self.path))


def upstream(told: Endpoint | str, form: str = "messages") -> Upstream:
    """The upstream that an endpoint is; priced as at the provider's own address."""
    url = (told if isinstance(told, str) else told.url) + ("/v1beta" if form == "generate" else "/v1")
    wire, model = WIRES.get(form, "openai"), MODELS.get(form, "gpt-4o")
    return Upstream(wire, model, url, KEY, Tariff(wire, model), patience=20)


@contextmanager
def relay(
    told: Endpoint | str, form: str = "messages", wallet: Wallet | None = None, most: int = 50
) -> Iterator[Relay]:
    with open_relay(upstream(told, form), wallet or wallet_with(), requests=most) as running:
        yield running


def body(form: str, **more: Any) -> dict[str, Any]:
    """A small request in one of the forms."""
    if form == "generate":
        return {"contents": [{"role": "user", "parts": [{"text": "hello"}]}], **more}
    said = [{"role": "user", "content": "hello"}]
    return {"model": "whatever", ("input" if form == "responses" else "messages"): said, "max_tokens": 100, **more}


def path(form: str, *, stream: bool) -> str:
    """Where a request goes; for Google that says whether its answer is streamed."""
    return STREAM if stream and form == "generate" else PATHS[form]


def ask(
    running: Relay, path: str, asked: Any = None, *, method: str = "POST", headers: dict[str, str] | None = None
) -> Got:
    """One request on a connection of its own; a body that is no bytes is sent as JSON."""
    connection = Connection(running.socket)
    data = asked if isinstance(asked, (bytes, type(None))) else json.dumps(asked).encode()
    try:
        connection.request(method, path, data, {"Content-Type": "application/json", **(headers or {})})
        answer = connection.getresponse()
        return Got(answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.read())
    finally:
        connection.close()
