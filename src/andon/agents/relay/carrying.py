"""Carries what comes over one connection: looks at each request, passes it to the one upstream, and the answer back."""

from __future__ import annotations

import contextlib
import functools
import http.client
import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any

from andon.agents.relay.counting import Relay
from andon.agents.relay.requests import Refused, is_free, place_of, prepared
from andon.agents.relay.reserving import most_cost
from andon.agents.relay.usage import Meter

MOST_REQUEST = 32 * 2**20
MOST_ERROR = 2**20
MOST_ANSWER = 64 * 2**20
IDLE = 300.0
"""Seconds that a connection may be silent."""
PIECE = 65536
GIVEN = ("content-type", "accept", "anthropic-version", "anthropic-beta")
"""Headers of a request that go on."""
BACK = ("content-type", "retry-after", "retry-after-ms", "x-should-retry", "request-id", "x-request-id")
"""Headers of an answer that come back."""
KINDS = {
    400: "invalid_request_error",
    402: "billing_error",
    404: "not_found_error",
    411: "invalid_request_error",
    413: "request_too_large",
}


GOOGLES = {
    400: "INVALID_ARGUMENT",
    402: "FAILED_PRECONDITION",
    404: "NOT_FOUND",
    411: "INVALID_ARGUMENT",
    413: "INVALID_ARGUMENT",
}


class Handler(BaseHTTPRequestHandler):
    """One connection of the agent's."""

    protocol_version = "HTTP/1.1"
    timeout = IDLE

    def __init__(self, relay: Relay, *given: Any) -> None:
        self.relay = relay
        self.begun = self.gone = False
        super().__init__(*given)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""

    def do_GET(self) -> None:
        """Carries the list of models."""
        self._attend("GET")

    def do_POST(self) -> None:
        """Carries a request to the model."""
        self._attend("POST")

    def _attend(self, method: str) -> None:
        self.begun = False
        relay, upstream = self.relay, self.relay.upstream
        try:
            place = place_of(upstream.wire, method, self.path, upstream.model)
            if method == "GET":
                self._carry(method, place, b"", paid=False)
                return
            body = self._body()
            with relay.reading:  # one at a time: what one takes to be read, eight must not take together
                asked = prepared(upstream.wire, place, body, upstream.model)
            if is_free(place):
                self._carry(method, place, asked.body, paid=False)
                return
            with relay.admitted(most_cost(len(asked.body), asked.output, upstream.tariff)):
                self._carry(method, place, asked.body, paid=True)
        except Refused as refused:
            self._refuse(refused.status, str(refused))

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or len(length) > 18:
            self.close_connection = True
            raise Refused("say the length of the request", 411)
        if int(length) > MOST_REQUEST:
            self.close_connection = True
            raise Refused(f"the request is larger than {MOST_REQUEST:,} bytes", 413)
        return self.rfile.read(int(length))

    def _carry(self, method: str, place: str, body: bytes, *, paid: bool) -> None:
        relay = self.relay
        try:
            with relay.connected() as connection:
                connection.request(method, relay.upstream.path(place), body or None, self._given())
                answer = connection.getresponse()
                self._note(answer)
                if answer.status < 300:
                    self._pass_on(answer, len(body), paid=paid)
                else:
                    self._pass_on_error(answer)
        except (OSError, http.client.HTTPException) as error:
            what = "broke off its answer" if self.begun else "cannot be reached"
            relay.trouble = f"{relay.upstream.url} {what}: {error or type(error).__name__}"
            self._refuse(502, relay.trouble)

    def _given(self) -> dict[str, str]:
        given = {name: " ".join(value.split()) for name in GIVEN if (value := self.headers.get(name))}
        # Compressed, its usage could not be read.
        return {**given, "Accept-Encoding": "identity", "User-Agent": "andon", **self.relay.upstream.headers()}

    def _note(self, answer: http.client.HTTPResponse) -> None:
        relay = self.relay
        relay.permanent = answer.status in (401, 403, 404)
        words = {401: "does not let the key in", 403: "does not let the key in", 404: "has no such model"}
        if answer.status < 300:
            relay.trouble = ""
        elif answer.status < 400:
            raise http.client.HTTPException("it sends elsewhere, and nothing but it is asked")
        else:
            relay.trouble = f"{relay.upstream.url} {words.get(answer.status, f'answers with status {answer.status}')}"

    def _pass_on(self, answer: http.client.HTTPResponse, asked: int, *, paid: bool) -> None:
        stream = (answer.headers.get("Content-Type") or "").startswith("text/event-stream")
        meter = Meter(stream=stream, asked=asked)
        passed = 0
        try:
            self._told(functools.partial(self._head, answer))
            while data := answer.read1(PIECE):
                passed += len(data)
                meter.feed(data)
                self._told(functools.partial(self._piece, data))
                if passed > MOST_ANSWER:
                    raise http.client.HTTPException(f"it is larger than {MOST_ANSWER:,} bytes")
            if answer.length:
                raise http.client.IncompleteRead(b"", answer.length)
        finally:
            if paid:
                self.relay.charge(meter)
        self._told(functools.partial(self._piece, b""))

    def _pass_on_error(self, answer: http.client.HTTPResponse) -> None:
        """Passes on why the provider refused; some repeat in it what they were given, the key for one."""
        told, key = answer.read(MOST_ERROR), self.relay.upstream.key.encode()
        self._head(answer)
        if told := told.replace(key, b"(the key)") if key else told:
            self._piece(told)
        self._piece(b"")

    def _told(self, tell: Callable[[], None]) -> None:
        """Tells the agent something. One that hung up is told nothing more: the answer is read for what it costs."""
        try:
            if not self.gone:
                tell()
        except OSError:
            self.gone = self.close_connection = True

    def _head(self, answer: http.client.HTTPResponse) -> None:
        self.begun = True
        self.send_response(answer.status)
        for name in BACK:
            if value := answer.headers.get(name):
                self.send_header(name, value)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def _piece(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def _refuse(self, status: int, words: str) -> None:
        """Answers with an error in the provider's own form; in the middle of an answer, by ending it."""
        self.close_connection = True
        if self.begun:
            return
        body = json.dumps(error_of(self.relay.upstream.wire, status, words)).encode()
        with contextlib.suppress(OSError):
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Connection", "close")
            if status == 402:
                self.send_header("x-should-retry", "false")
            self.end_headers()
            self.wfile.write(body)


def error_of(wire: str, status: int, words: str) -> dict[str, object]:
    """Returns an error in the provider's own form."""
    kind = KINDS.get(status, "api_error")
    if wire == "openai":
        named = "insufficient_quota" if status == 402 else kind
        return {"error": {"message": words, "type": named, "param": None, "code": named}}
    if wire == "gemini":
        return {"error": {"code": status, "message": words, "status": GOOGLES.get(status, "UNAVAILABLE")}}
    return {"type": "error", "error": {"type": kind, "message": words}}
