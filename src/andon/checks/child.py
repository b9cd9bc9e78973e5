"""Runs a Python check in a process of its own, so that it can neither hang andon nor hold its database password."""

from __future__ import annotations

import base64
import contextlib
import importlib.util
import inspect
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import IO, Self, TextIO

from pydantic import JsonValue

from andon.checks.asking import error_result
from andon.checks.watermark import BEGINNING, TICKS
from andon.data import storable_row
from andon.errors import AndonError, DataError
from andon.models import Check, CheckResult, CheckState, Row
from andon.protocols import Answer, DataSource, Power

EXACT = 2**53
"""Integers beyond this lose digits in readers that know only doubles: they become text."""
LINE_BYTES = 64 * 2**20
"""The longest message that a child may send."""


# --- andon's side ---------------------------------------------------------------------------------------------------


def ask_python(
    check: Check, now: datetime, *, root: Path, data: DataSource | None, since: datetime | None
) -> CheckResult:
    """Returns what a Python check said. Its questions come back here and are asked behind the same guards as SQL's.

    An exception in it, a value that is no list of rows, or no end within the timeout is an error.
    """
    started = time.perf_counter()
    start = since if check.incremental else None
    try:
        with _Child(check, root) as child:
            message = child.converse(data, since or BEGINNING, now)
    except (OSError, AndonError) as error:
        return error_result(check, now, str(error), since=start, seconds=time.perf_counter() - started)
    rows = message.get("rows")
    seconds = time.perf_counter() - started
    if not isinstance(rows, list):
        return error_result(check, now, str(message.get("error")), since=start, seconds=seconds)
    kept = tuple(storable_row(row) for row in rows[: check.rows_kept] if isinstance(row, dict))
    moved = now - check.lateness - TICKS["sqlite"] if check.incremental and not rows else start
    return CheckResult(
        check=check.name,
        state=CheckState.FAILING if rows else CheckState.OK,
        asked_at=now,
        seconds=seconds,
        rows=kept,
        total=len(rows),
        columns=tuple(dict.fromkeys(name for row in kept for name in row)),
        since=start,
        watermark=max(moved, start) if moved and start else moved,
    )


class _Child:
    """The process of a check, and the end of its time."""

    def __init__(self, check: Check, root: Path) -> None:
        self._check = check
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  closed on leaving the context
        self._deadline = time.monotonic() + check.timeout.total_seconds()
        self._late = False
        self._popen = subprocess.Popen(
            [sys.executable, "-m", "andon.checks.child", str((root / check.path).resolve())],
            cwd=root,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            start_new_session=True,
        )
        self._timer = threading.Timer(check.timeout.total_seconds(), self._kill)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        self._end()
        for stream in (self._popen.stdin, self._popen.stdout, self._errors):
            with contextlib.suppress(OSError):  # what was left to write goes nowhere
                if stream is not None:
                    stream.close()

    def converse(self, data: DataSource | None, since: datetime, now: datetime) -> Mapping[str, JsonValue]:
        """Returns the child's last message, answering its questions until then."""
        self._tell(
            {
                "function": self._check.options["function"],
                "since": since.isoformat(),
                "now": now.isoformat(),
                "dialect": data.dialect if data else "",
            }
        )
        while True:
            message = self._hear()
            if "sql" not in message:
                return message
            self._tell(_answer(message, data, self._deadline))

    def _tell(self, message: Mapping[str, JsonValue]) -> None:
        assert self._popen.stdin is not None  # opened as a pipe above
        with contextlib.suppress(BrokenPipeError):  # it died: the next reading tells why
            self._popen.stdin.write(json.dumps(message).encode() + b"\n")
            self._popen.stdin.flush()

    def _hear(self) -> Mapping[str, JsonValue]:
        assert self._popen.stdout is not None  # opened as a pipe above
        line = self._popen.stdout.readline(LINE_BYTES)
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            message = None
        if isinstance(message, dict):
            return message
        if self._late:
            raise DataError(f"took longer than its timeout of {self._check.timeout.total_seconds():g} s")
        self._end()
        self._errors.seek(0)
        words = self._errors.read()[-800:].decode("utf-8", "replace").strip()
        raise DataError(f"ended without an answer (exit {self._popen.returncode}): {words}")

    def _kill(self) -> None:
        self._late = True
        self._end()

    def _end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._popen.pid, signal.SIGKILL)
        self._popen.wait()


def _answer(message: Mapping[str, JsonValue], data: DataSource | None, deadline: float) -> dict[str, JsonValue]:
    """Returns the answer to a question of the child, or the error that it raises there."""
    if data is None:
        return {"error": "the data source cannot be asked: set `data`"}
    given = message.get("params")
    kept = message.get("rows_kept")
    left = timedelta(seconds=max(deadline - time.monotonic(), 0.001))
    try:
        params = {name: datetime.fromisoformat(str(text)) for name, text in (_table(given)).items()}
        answer = data.ask(str(message["sql"]), params, timeout=left, rows_kept=kept if isinstance(kept, int) else 100)
    except (AndonError, ValueError) as error:
        return {"error": str(error)}
    return {"columns": list(answer.columns), "rows": list(answer.rows), "total": answer.total}


def _table(value: object) -> Mapping[str, JsonValue]:
    return value if isinstance(value, dict) else {}


# --- the child's side -----------------------------------------------------------------------------------------------


class RemoteSource:
    """The data source as a Python check sees it: it asks andon, which asks the database."""

    def __init__(self, dialect: str, out: TextIO, answers: TextIO) -> None:
        self.dialect = dialect
        self._out = out
        self._answers = answers

    def ask(
        self,
        sql: str,
        params: Mapping[str, datetime] | None = None,
        *,
        timeout: timedelta | None = None,
        rows_kept: int = 100,
    ) -> Answer:
        """Returns the first rows of a read-only statement and the full count; the check's own timeout bounds it.

        Raises:
            DataError: it could not be asked.
        """
        del timeout  # the check's own is what counts
        texts = {name: value.isoformat() for name, value in (params or {}).items()}
        _write(self._out, {"sql": sql, "params": dict[str, JsonValue](texts), "rows_kept": rows_kept})
        message = json.loads(self._answers.readline())
        if "error" in message:
            raise DataError(message["error"])
        return Answer(tuple(message["columns"]), tuple(message["rows"]), message["total"])

    def powers(self) -> tuple[Power, ...]:
        """Returns nothing: powers are andon's to look at."""
        return ()

    def close(self) -> None:
        """Changes nothing: the connection is andon's."""


def main(path: str) -> None:
    """Runs the check that andon names on standard input, and writes its rows to standard output."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever the check prints must not get into the conversation
    asked = json.loads(sys.stdin.readline())
    values: dict[str, object] = {
        "data": RemoteSource(asked["dialect"], out, sys.stdin),
        "since": datetime.fromisoformat(asked["since"]),
        "now": datetime.fromisoformat(asked["now"]),
    }
    try:
        function = _load(path, asked["function"])
        rows = function(**{name: values[name] for name in inspect.signature(function).parameters})
        _write(out, {"rows": [*map(_row, rows or ())]})
    except Exception as error:  # noqa: BLE001  whatever the owner's function raises is why it could not be asked
        _write(out, {"error": f"{type(error).__name__}: {error}"})


def _load(path: str, function: str) -> Callable[..., Iterable[Mapping[str, object]] | None]:
    sys.path.insert(0, str(Path(path).parent))
    spec = importlib.util.spec_from_file_location("andon_check_file", path)
    if spec is None or spec.loader is None:
        raise DataError(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: Callable[..., Iterable[Mapping[str, object]] | None] = getattr(module, function)
    return found


def _row(row: object) -> Row:
    if not isinstance(row, Mapping):
        raise DataError(f"a check returns a list of dicts; one entry is a {type(row).__name__}")
    return {str(name): _json(value) for name, value in row.items()}


def _json(value: object) -> JsonValue:
    """Returns a value of a row as JSON: times ISO 8601, bytes base64, what has no form of its own as text."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return value if abs(value) <= EXACT else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, (bytes, bytearray, memoryview)):
        return base64.b64encode(bytes(value)).decode()
    if isinstance(value, Mapping):
        return {str(name): _json(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_json(inner) for inner in value]
    return str(value)


def _write(out: IO[str], message: Mapping[str, JsonValue]) -> None:
    out.write(json.dumps(message) + "\n")
    out.flush()


if __name__ == "__main__":
    main(sys.argv[1])
