"""Judges whether a job that should report has reported, and receives its pings; it keeps nothing itself."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Literal, NamedTuple

from andon.models import Check, CheckResult, CheckState, Row

PATH = re.compile(r"/ping/([a-z0-9][a-z0-9_.-]{0,99})(?:/(start|fail))?/?(?:\?.*)?")
SECONDS = 10.0
"""How long a ping may take to arrive: a slow client keeps a thread no longer."""
BODY_BYTES = 10_000
GRACE = 60.0


class Ping(NamedTuple):
    """A job said that it started, succeeded or failed."""

    name: str
    kind: Literal["start", "success", "fail"]
    at: datetime
    text: str = ""
    """What it sent along, the first 10 kB."""


def judge_heartbeat(check: Check, last: Ping | None, now: datetime) -> CheckResult:
    """Returns ok while the last ping is a success within period and grace, or a start within the grace.

    Without any ping it is an error: andon cannot know when the first one was due.
    """
    period = timedelta(seconds=_number(check.options.get("period"), 0.0))
    grace = timedelta(seconds=_number(check.options.get("grace"), GRACE))
    if last is None:
        return _result(check, CheckState.ERROR, now, "has not pinged yet: call its ping URL once", None)
    if last.kind == "fail":
        return _result(check, CheckState.FAILING, now, f"reported a failure at {last.at.isoformat()}", last)
    due = last.at + (grace if last.kind == "start" else period + grace)
    if now <= due:
        return _result(check, CheckState.OK, now, f"last {last.kind} at {last.at.isoformat()}", last)
    what = "started and never finished" if last.kind == "start" else "has not reported"
    return _result(check, CheckState.FAILING, now, f"{what}: it was due by {due.isoformat()}", last)


class PingServer:
    """A small HTTP server for pings: /ping/NAME, /ping/NAME/start, /ping/NAME/fail (GET, HEAD or POST).

    Each ping is given to `record`, from a thread of its own; a ping is answered 200 only after it was recorded.
    """

    def __init__(
        self,
        record: Callable[[Ping], None],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Takes where to listen (any free port for 0) and starts with `start` or as a context."""
        self._server = ThreadingHTTPServer((host, port), _receiver(record, clock))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        """The start of every ping URL."""
        host, port = self._server.server_address[:2]
        return f"http://{host if isinstance(host, str) else host.decode()}:{port}/ping/"

    def start(self) -> PingServer:
        """Starts to listen."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stops listening."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def __enter__(self) -> PingServer:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _receiver(record: Callable[[Ping], None], clock: Callable[[], datetime]) -> type[BaseHTTPRequestHandler]:
    class Receiver(BaseHTTPRequestHandler):
        timeout = SECONDS
        server_version = "andon"
        sys_version = ""

        def answer(self) -> None:
            found = PATH.fullmatch(self.path)
            if found is None:
                self.tell(404, "ping /ping/NAME, /ping/NAME/start or /ping/NAME/fail\n")
                return
            length = self.headers.get("Content-Length", "0")
            size = min(int(length), BODY_BYTES) if length.isdigit() else 0
            text = self.rfile.read(size).decode("utf-8", "replace") if size else ""
            kind: Literal["start", "success", "fail"] = "success"
            if found[2] in ("start", "fail"):
                kind = "start" if found[2] == "start" else "fail"
            record(Ping(found[1], kind, clock(), text))
            self.tell(200, "ok\n")

        do_GET = do_POST = do_HEAD = answer

        def tell(self, status: int, text: str) -> None:
            self.close_connection = True
            self.send_response(status)
            self.send_header("Content-Type", "text/plain; charset=utf-8")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(text.encode())

        def log_message(self, format: str, *args: object) -> None:
            """Keeps quiet: pings are kept by whoever records them."""

    return Receiver


def _number(value: object, default: float) -> float:
    return float(value) if isinstance(value, (int, float)) else default


def _result(check: Check, state: CheckState, now: datetime, message: str, last: Ping | None) -> CheckResult:
    rows: tuple[Row, ...] = ()
    if state is CheckState.FAILING and last is not None:
        rows = ({"name": check.name, "last_ping": last.at.isoformat(), "kind": last.kind, "text": last.text},)
    return CheckResult(
        check=check.name,
        state=state,
        asked_at=now,
        seconds=0.0,
        rows=rows,
        total=len(rows),
        columns=tuple(rows[0]) if rows else (),
        message=message,
    )
