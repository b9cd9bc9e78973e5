"""A model endpoint that answers as its script says: a real server on loopback that speaks as the providers do."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from andon.testing.wires import WIRES, Frame

Json = dict[str, Any]


class Call(NamedTuple):
    """A tool call of the model. `raw` is sent in place of the arguments, for a call that is malformed."""

    name: str
    arguments: Json = {}
    raw: str = ""

    @property
    def text(self) -> str:
        """The arguments as they are sent."""
        return self.raw or json.dumps(self.arguments)


class Turn(NamedTuple):
    """One answer of the endpoint."""

    text: str = ""
    calls: tuple[Call, ...] = ()
    tokens: tuple[int, int] = (100, 10)
    """Input and output, as it bills them."""
    cached: int = 0
    """How many of the input tokens came from a cache."""
    status: int = 200
    retry_after: float | None = None
    refusal: bool = False
    """The model declines."""
    breaks: bool = False
    """The connection breaks in the middle of a stream."""
    billed: bool = True
    """Whether the usage is told at all."""
    held: threading.Event | None = None
    """The answer comes when this is set, or never."""
    body: bytes | None = None
    """Sent in place of an answer, as it is."""


class Asked(NamedTuple):
    """One request, as it came."""

    path: str
    headers: dict[str, str]
    body: Json

    @property
    def wire(self) -> str:
        """`messages` (Anthropic), `chat` or `responses` (OpenAI), `generate` (Google)."""
        if ":" in self.path.rpartition("/")[2]:
            return "generate"
        return "messages" if "/messages" in self.path else "responses" if "/responses" in self.path else "chat"

    @property
    def tools(self) -> tuple[str, ...]:
        """Names of the tools that the model may call; `SPACE.NAME` for those of a namespace."""
        return tuple(WIRES[self.wire].tools(self.body))

    @property
    def streamed(self) -> bool:
        """Whether the answer is to come in pieces."""
        return bool(self.body.get("stream")) or ":streamGenerateContent" in self.path

    @property
    def results(self) -> tuple[str, ...]:
        """What the tools gave, oldest first."""
        return tuple(WIRES[self.wire].results(self.body))

    @property
    def text(self) -> str:
        """Everything that the model is told, as JSON."""
        return json.dumps(self.body)


Line = Turn | Callable[[Asked], Turn]
"""One answer, or what makes one of the request."""
END = Turn("I have no more to say.")


class Endpoint:
    """A running endpoint. `asked` are the requests that came, in order."""

    def __init__(self, script: Sequence[Line] | Callable[[Asked], Turn], *, key: str = "") -> None:
        """`script` is answered line by line and then with END, or by a function; `key` is the one that is let in."""
        self.asked: list[Asked] = []
        self.key = key
        self._script = script
        self._lock = threading.Lock()
        self._answered = 0
        self.closing = threading.Event()

    @property
    def billed(self) -> int:
        """How many requests were answered by the model."""
        return self._answered

    url: str = ""
    """Where it is, without a path."""

    def turn(self, asked: Asked) -> Turn:
        """Returns the answer to a request, and keeps the request."""
        with self._lock:
            self.asked.append(asked)
            script, number = self._script, len(self.asked) - 1
        line = script if callable(script) else script[number] if number < len(script) else END
        turn = line(asked) if callable(line) else line
        with self._lock:
            self._answered += turn.status == 200
        return turn


@contextmanager
def endpoint(script: Sequence[Line] | Callable[[Asked], Turn] = (), *, key: str = "") -> Iterator[Endpoint]:
    """Gives a running endpoint on a free port of loopback."""
    told = Endpoint(script, key=key)
    server = Server(told)
    told.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), name="endpoint")
    thread.start()
    try:
        yield told
    finally:
        told.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()


class Server(ThreadingHTTPServer):
    """The HTTP server of an endpoint."""

    daemon_threads = True

    def __init__(self, told: Endpoint) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.told = told


class Answering(BaseHTTPRequestHandler):
    """One connection to an endpoint."""

    server: Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""

    def do_GET(self) -> None:
        self.server.told.turn(Asked(self.path, self._headers(), {})) if not self.path.endswith("/models") else None
        self._send(200, json.dumps({"object": "list", "data": [{"id": "scripted", "object": "model"}]}).encode())

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        asked = Asked(self.path, self._headers(), json.loads(self.rfile.read(length) or b"{}"))
        if self.server.told.key and not self._let_in():
            self._send(401, _error(asked, 401, "no such key"))
            return
        turn = self.server.told.turn(asked)
        if turn.held is not None:
            while not turn.held.wait(0.05) and not self.server.told.closing.is_set():
                pass
        if turn.body is not None:
            self._send(turn.status, turn.body)
        elif turn.status != 200:
            self._send(turn.status, _error(asked, turn.status, "as scripted"), turn.retry_after)
        elif asked.streamed:
            self._stream(asked, turn)
        else:
            self._send(200, json.dumps(WIRES[asked.wire].whole(asked.body, turn)).encode())

    def _headers(self) -> dict[str, str]:
        return {name.lower(): value for name, value in self.headers.items()}

    def _let_in(self) -> bool:
        own = self.headers.get("x-api-key") or self.headers.get("x-goog-api-key")
        return (own or self.headers.get("authorization", "").removeprefix("Bearer ")) == self.server.told.key

    def _send(self, status: int, body: bytes, retry_after: float | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if retry_after is not None:
            self.send_header("Retry-After", f"{retry_after:g}")
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, asked: Asked, turn: Turn) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        frames = WIRES[asked.wire].frames(asked.body, turn)
        for frame in frames[: len(frames) // 2] if turn.breaks else frames:
            self._chunk(_sse(frame))
        if turn.breaks:
            self.close_connection = True  # without the last chunk: to the reader, the connection broke
        else:
            self.wfile.write(b"0\r\n\r\n")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()


def _sse(frame: Frame) -> bytes:
    """Returns an event of a stream as it goes over the wire."""
    event, data = frame
    head = f"event: {event}\n" if event else ""
    return f"{head}data: {data if isinstance(data, str) else json.dumps(data)}\n\n".encode()


def _error(asked: Asked, status: int, words: str) -> bytes:
    """Returns an error in the provider's form."""
    kinds = {401: "authentication_error", 429: "rate_limit_error", 529: "overloaded_error"}
    error: Json = {"type": kinds.get(status, "api_error"), "message": words}
    if asked.wire == "generate":
        error = {"code": status, "message": words, "status": "UNAVAILABLE"}
    return json.dumps({"type": "error", "error": error} if asked.wire == "messages" else {"error": error}).encode()
