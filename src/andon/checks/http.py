"""Asks a URL whether it answers as it should; a source that is down is an error unless the file says otherwise."""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.request
from datetime import datetime
from typing import NamedTuple

from pydantic import JsonValue

from andon.checks.asking import error_result
from andon.config import secret
from andon.errors import ConfigError
from andon.models import Check, CheckResult, CheckState, Row

BODY_BYTES = 4 * 2**20
SEEN = 300
"""Characters of a body that go into the row."""
MISSING = object()


class Response(NamedTuple):
    """What a URL answered, and how long that took."""

    status: int
    body: bytes
    seconds: float


def ask_http(check: Check, now: datetime) -> CheckResult:
    """Returns ok when the URL answers as expected, failing with one row when not, error when it could not be asked.

    No answer, or a 5xx that was not expected, is an error: it says that the source is down, not that the code is
    wrong. `down_is = "failing"` in the file turns that round, for a URL of the system itself.
    """
    started = time.perf_counter()
    try:
        response = _fetch(check)
    except ConfigError as error:
        return error_result(check, now, str(error))
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        return _down(check, now, f"no answer: {reason}", Response(0, b"", time.perf_counter() - started))
    expected = check.options.get("expect", [200])
    wanted: list[JsonValue] = expected if isinstance(expected, list) else [expected]
    if response.status >= 500 and response.status not in wanted:
        return _down(check, now, f"status {response.status}", response)
    wrong = _wrong(check, response, wanted)
    if wrong:
        return _failing(check, now, wrong, response)
    seen = f"status {response.status} in {response.seconds:.2f} s"
    return CheckResult(check=check.name, state=CheckState.OK, asked_at=now, seconds=response.seconds, message=seen)


def _fetch(check: Check) -> Response:
    options = check.options
    headers = options.get("headers")
    body = options.get("body")
    url = secret(str(options["url"]))
    if not url.startswith(("http://", "https://")):
        raise ConfigError("must stand for https://host/path", key=str(options["url"]))
    request = urllib.request.Request(
        url,
        method=str(options.get("method", "POST" if body else "GET")).upper(),
        headers={name: secret(str(value)) for name, value in (headers if isinstance(headers, dict) else {}).items()},
        data=str(body).encode() if body else None,
    )
    request.add_header("User-agent", "andon")
    started = time.perf_counter()
    seconds = check.timeout.total_seconds()
    try:
        with urllib.request.urlopen(request, timeout=seconds) as answer:
            return Response(answer.status, _body(answer, started + seconds), time.perf_counter() - started)
    except urllib.error.HTTPError as answer:
        with answer:
            return Response(answer.code, _body(answer, started + seconds), time.perf_counter() - started)


def _body(answer: http.client.HTTPResponse | urllib.error.HTTPError, deadline: float) -> bytes:
    """Reads a body, in pieces: a source that drips a byte a second would pass every timeout of a socket."""
    parts: list[bytes] = []
    size = 0
    while size < BODY_BYTES:
        part = answer.read1(65536) if isinstance(answer, http.client.HTTPResponse) else answer.read(65536)
        if not part:
            break
        parts.append(part)
        size += len(part)
        if time.perf_counter() > deadline:
            raise TimeoutError("timed out while the body came")
    return b"".join(parts)


def _wrong(check: Check, response: Response, wanted: list[JsonValue]) -> str:
    """Returns what is wrong with an answer; empty when nothing is."""
    options = check.options
    text = response.body.decode("utf-8", "replace")
    if response.status not in wanted:
        return f"status {response.status}, expected {' or '.join(str(code) for code in wanted)}"
    if "contains" in options and str(options["contains"]) not in text:
        return f"does not contain {options['contains']!r}"
    if "lacks" in options and str(options["lacks"]) in text:
        return f"contains {options['lacks']!r}"
    slowest = options.get("slower_than")
    if isinstance(slowest, (int, float)) and response.seconds > slowest:
        return f"took {response.seconds:.2f} s, longer than {slowest:g} s"
    rule = options.get("json")
    return _wrong_json(rule, text) if isinstance(rule, dict) else ""


def _wrong_json(rule: dict[str, JsonValue], text: str) -> str:
    path = str(rule["path"])
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        return f"is not JSON: {error}"
    for part in path.split("."):
        if isinstance(value, dict):
            value = value.get(part, MISSING)
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            value = MISSING
    if value is MISSING:
        return f"has no {path}"
    return f"{path} is {value!r}, expected {rule['equals']!r}" if "equals" in rule and value != rule["equals"] else ""


def _down(check: Check, now: datetime, what: str, response: Response) -> CheckResult:
    if check.options.get("down_is") == "failing":
        return _failing(check, now, what, response)
    return error_result(check, now, f"the source is down: {what}", seconds=response.seconds)


def _failing(check: Check, now: datetime, what: str, response: Response) -> CheckResult:
    row: Row = {
        "url": str(check.options["url"]),  # as in the file: what `env:NAME` stands for is a secret
        "asked_at": now.isoformat(),
        "status": response.status,
        "seconds": round(response.seconds, 3),
        "wrong": what,
        "body": response.body.decode("utf-8", "replace")[:SEEN],
    }
    return CheckResult(
        check=check.name,
        state=CheckState.FAILING,
        asked_at=now,
        seconds=response.seconds,
        rows=(row,),
        total=1,
        columns=tuple(row),
        message=what,
    )
