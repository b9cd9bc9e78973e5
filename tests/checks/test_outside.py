"""Checks that ask a URL, a program, a Python function or a job: ok, failing, or an error of the world."""

from __future__ import annotations

import http.client
import os
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from pydantic import JsonValue

from andon.checks import ask, load_checks
from andon.checks.heartbeat import Ping, PingServer, judge_heartbeat
from andon.models import Check, CheckKind, CheckResult, CheckState
from andon.testing.data import GoneSource, MemorySource

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def check(kind: CheckKind, timeout: float = 10.0, **options: JsonValue) -> Check:
    return Check(
        name="outside",
        kind=kind,
        path="checks/outside.toml",
        why="w",
        decided="d",
        sha256="0",
        options=options,
        timeout=timedelta(seconds=timeout),
    )


# --- http ---------------------------------------------------------------------------------------------------------


class Site(BaseHTTPRequestHandler):
    """Answers /STATUS with that status, and /drip a byte at a time, for ever."""

    def do_GET(self) -> None:
        self.close_connection = True
        if self.path == "/drip":
            self.send_response(200)
            self.end_headers()
            while True:
                try:
                    self.wfile.write(b"x")
                    self.wfile.flush()
                except OSError:
                    return
                threading.Event().wait(0.05)
        body = b'{"status": {"state": "ok", "queue": [7]}, "token": "%s"}' % self.headers.get("X-Token", "").encode()
        self.send_response(int(self.path.strip("/")))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def ask_site(url: str, timeout: float = 10.0, **options: JsonValue) -> CheckResult:
    return ask(check(CheckKind.HTTP, timeout, url=url, **options), data=None, since=None, now=NOW)


@pytest.mark.parametrize(
    ("path", "options", "state"),
    [
        ("/200", {}, CheckState.OK),
        ("/204", {"expect": [200, 204]}, CheckState.OK),
        ("/404", {"expect": [404]}, CheckState.OK),
        ("/404", {}, CheckState.FAILING),
        ("/503", {}, CheckState.ERROR),
        ("/503", {"down_is": "failing"}, CheckState.FAILING),
        ("/503", {"expect": [503]}, CheckState.OK),
        ("/200", {"contains": '"ok"'}, CheckState.OK),
        ("/200", {"contains": "nothing of it"}, CheckState.FAILING),
        ("/200", {"lacks": "queue"}, CheckState.FAILING),
        ("/200", {"json": {"path": "status.state", "equals": "ok"}}, CheckState.OK),
        ("/200", {"json": {"path": "status.queue.0", "equals": 8}}, CheckState.FAILING),
        ("/200", {"json": {"path": "status.nothing"}}, CheckState.FAILING),
        ("/200", {"slower_than": 0.0000001}, CheckState.FAILING),
    ],
)
def test_answer_of_a_site_is_judged(site: str, path: str, options: dict[str, JsonValue], state: CheckState) -> None:
    result = ask_site(site + path, **options)
    assert (result.state, result.total) == (state, int(state is CheckState.FAILING)), result.message


def test_site_that_is_down_is_an_error_unless_the_file_says_otherwise() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/"
    assert ask_site(url).state is CheckState.ERROR
    assert "refused" in ask_site(url).message
    assert ask_site(url, down_is="failing").state is CheckState.FAILING


def test_site_that_drips_cannot_hold_the_sweep(site: str) -> None:
    started = time.monotonic()
    result = ask_site(f"{site}/drip", timeout=0.3)
    assert result.state is CheckState.ERROR
    assert time.monotonic() - started < 5


def test_secret_of_a_header_comes_from_the_environment_and_is_not_in_the_row(
    site: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SITE_TOKEN", "s3cret")
    assert ask_site(f"{site}/200", headers={"X-Token": "env:SITE_TOKEN"}, contains="s3cret").state is CheckState.OK
    monkeypatch.delenv("SITE_TOKEN")
    result = ask_site(f"{site}/200", headers={"X-Token": "env:SITE_TOKEN"})
    assert (result.state, "SITE_TOKEN is not set" in result.message) == (CheckState.ERROR, True)


# --- command ------------------------------------------------------------------------------------------------------


def ask_program(script: str, tmp_path: Path, timeout: float = 10.0) -> CheckResult:
    argv: list[JsonValue] = ["sh", "-c", script]
    return ask(check(CheckKind.COMMAND, timeout, argv=argv), data=None, since=None, now=NOW, root=tmp_path)


def test_program_that_exits_0_is_ok(tmp_path: Path) -> None:
    assert ask_program("true", tmp_path).state is CheckState.OK


def test_program_that_exits_1_fails_with_its_json_lines(tmp_path: Path) -> None:
    result = ask_program(
        """echo noise; echo '{"disk": "/", "full": 99}'; echo '{"disk": "/var", "full": 98}'; exit 1""", tmp_path
    )
    assert (result.state, result.total) == (CheckState.FAILING, 2)
    assert result.rows[1] == {"disk": "/var", "full": 98}


def test_program_that_fails_in_words_gives_one_row(tmp_path: Path) -> None:
    assert ask_program("echo disk is full; exit 1", tmp_path).rows == ({"output": "disk is full"},)


@pytest.mark.parametrize("script", ["exit 2", "kill -9 $$", "no-such-program"])
def test_program_that_ends_otherwise_could_not_be_asked(script: str, tmp_path: Path) -> None:
    assert ask_program(script, tmp_path).state is CheckState.ERROR


def test_program_that_is_not_there_could_not_be_asked(tmp_path: Path) -> None:
    result = ask(check(CheckKind.COMMAND, argv=["no-such-program"]), data=None, since=None, now=NOW, root=tmp_path)
    assert (result.state, "could not be run" in result.message) == (CheckState.ERROR, True)


def test_program_that_never_ends_dies_with_all_it_started(tmp_path: Path) -> None:
    result = ask_program("sleep 1000 & echo $! > child; sleep 1000", tmp_path, timeout=0.5)
    assert (result.state, "timed out" in result.message) == (CheckState.ERROR, True)
    child = int((tmp_path / "child").read_text())
    deadline = time.monotonic() + 5
    while alive(child) and time.monotonic() < deadline:
        os.sched_yield()  # the kernel takes a moment to clear away what was killed
    assert not alive(child)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


# --- Python -------------------------------------------------------------------------------------------------------

PYTHON = '''
import os, sys, time
from datetime import date
from decimal import Decimal
from andon.checks import check

NOTE = 1

@check("asks-data", key=["id"])
def asks(data, now):
    """why: a
    decided: b"""
    print("noise on stdout")
    answer = data.ask("select id, :now as now from images where bytes = 0", {"now": now})
    row = {"cost": Decimal("1.50"), "day": date(2026, 3, 2), "raw": b"\\xde\\xad"}
    return [{"id": found["id"], **row} for found in answer.rows]

@check("says-nothing")
def nothing():
    """why: a
    decided: b"""

@check("raises")
def raises():
    """why: a
    decided: b"""
    raise ValueError("not today")

@check("dies")
def dies():
    """why: a
    decided: b"""
    sys.stderr.write("last words")
    sys.stderr.flush()
    os._exit(3)

@check("hangs", timeout="1s")
def hangs():
    """why: a
    decided: b"""
    os.system("sleep 1000")

@check("writes")
def writes(data):
    """why: a
    decided: b"""
    data.ask("delete from images")

@check("wrong-shape")
def shape():
    """why: a
    decided: b"""
    return [1]

@check("since-then", lateness="10m")
def since_then(since):
    """why: a
    decided: b"""
    return [{"since": since}] if since.year > 2026 else None
'''


@pytest.fixture(scope="module")
def python_checks(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Check]]:
    root = tmp_path_factory.mktemp("python")
    (root / "all.py").write_text(PYTHON)
    return root, {found.name: found for found in load_checks(root, root=root)}


def ask_function(name: str, python_checks: tuple[Path, dict[str, Check]], since: datetime | None = None) -> CheckResult:
    root, checks = python_checks
    data = MemorySource({"images": [{"id": 1, "bytes": 0}, {"id": 2, "bytes": 5}]})
    return ask(checks[name], data=data, since=since, now=NOW, root=root)


def test_function_asks_the_guarded_source_and_returns_rows(python_checks: tuple[Path, dict[str, Check]]) -> None:
    result = ask_function("asks-data", python_checks)
    assert result.rows == ({"id": 1, "cost": "1.50", "day": "2026-03-02", "raw": "3q0="},), result.message
    assert (result.state, result.total, result.columns) == (CheckState.FAILING, 1, ("id", "cost", "day", "raw"))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("raises", "ValueError: not today"),
        ("dies", "ended without an answer (exit 3): last words"),
        ("hangs", "took longer than its timeout of 1 s"),
        ("writes", "DataError: refused: DELETE"),
        ("wrong-shape", "one entry is a int"),
    ],
)
def test_function_that_breaks_is_an_error(
    name: str, message: str, python_checks: tuple[Path, dict[str, Check]]
) -> None:
    result = ask_function(name, python_checks)
    assert result.state is CheckState.ERROR
    assert message in result.message


def test_function_with_nothing_to_say_is_ok(python_checks: tuple[Path, dict[str, Check]]) -> None:
    assert ask_function("says-nothing", python_checks).state is CheckState.OK


def test_function_with_since_moves_to_lateness_before_now(python_checks: tuple[Path, dict[str, Check]]) -> None:
    result = ask_function("since-then", python_checks)
    assert result.watermark == NOW - timedelta(minutes=10, seconds=1)
    failing = ask_function("since-then", python_checks, since=datetime(2027, 1, 1, tzinfo=UTC))
    assert (failing.state, failing.watermark) == (CheckState.FAILING, datetime(2027, 1, 1, tzinfo=UTC))


def test_function_without_a_database_is_told(python_checks: tuple[Path, dict[str, Check]]) -> None:
    root, checks = python_checks
    assert ask(checks["asks-data"], data=GoneSource(), since=None, now=NOW, root=root).state is CheckState.ERROR


# --- heartbeat ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("last", "minutes_ago", "state"),
    [
        (Ping("outside", "success", NOW), 59, CheckState.OK),
        (Ping("outside", "success", NOW), 64, CheckState.OK),
        (Ping("outside", "success", NOW), 66, CheckState.FAILING),
        (Ping("outside", "start", NOW), 4, CheckState.OK),
        (Ping("outside", "start", NOW), 6, CheckState.FAILING),
        (Ping("outside", "fail", NOW), 1, CheckState.FAILING),
    ],
)
def test_heartbeat_is_judged_by_period_and_grace(last: Ping, minutes_ago: int, state: CheckState) -> None:
    beat = check(CheckKind.HEARTBEAT, period=3600.0, grace=300.0)
    result = judge_heartbeat(beat, last, NOW + timedelta(minutes=minutes_ago))
    assert (result.state, result.total) == (state, int(state is CheckState.FAILING))


def test_heartbeat_that_never_pinged_is_an_error() -> None:
    beat = check(CheckKind.HEARTBEAT, period=3600.0)
    assert judge_heartbeat(beat, None, NOW).state is CheckState.ERROR
    result = ask(beat, data=None, since=None, now=NOW, pings={"outside": Ping("outside", "success", NOW)})
    assert result.state is CheckState.OK


def ping(server: PingServer, method: str, path: str, body: str | None = None) -> int:
    address = server.url.split("/")[2]
    connection = http.client.HTTPConnection(address, timeout=5)
    try:
        connection.request(method, path, body)
        return connection.getresponse().status
    finally:
        connection.close()


def test_pings_are_received_and_recorded() -> None:
    pings: list[Ping] = []
    with PingServer(pings.append, clock=lambda: NOW) as server:
        assert ping(server, "GET", "/ping/nightly") == 200
        assert ping(server, "POST", "/ping/nightly/fail", "disk is full") == 200
        assert ping(server, "HEAD", "/ping/nightly/start?x=1") == 200
        assert ping(server, "GET", "/ping/../etc/passwd") == 404
        assert ping(server, "GET", "/") == 404
    assert pings == [
        Ping("nightly", "success", NOW),
        Ping("nightly", "fail", NOW, "disk is full"),
        Ping("nightly", "start", NOW),
    ]
