"""Asks a program: exit 0 is ok, 1 is failing with its JSON lines as rows, anything else could not be asked."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import IO

from andon.checks.asking import error_result
from andon.config import environment, secret
from andon.data import storable_row
from andon.errors import AndonError
from andon.models import Check, CheckResult, CheckState, Limits, Ran, Row
from andon.protocols import Command, Sandbox

OUTPUT_BYTES = 2**20


def ask_command(check: Check, now: datetime, *, root: Path, sandbox: Sandbox | None) -> CheckResult:
    """Returns what the program said, run in `root`: in the sandbox, or as a plain child process without one."""
    argv = check.options["argv"]
    words = tuple(str(word) for word in argv) if isinstance(argv, list) else ()
    extra = check.options.get("env")
    try:
        env = {name: secret(str(value)) for name, value in (extra if isinstance(extra, dict) else {}).items()}
        ran = _sandboxed(check, words, env, root, sandbox) if sandbox else run_plain(check, words, env, root)
    except (AndonError, OSError) as error:
        return error_result(check, now, f"could not be run: {error}")
    if ran.code not in (0, 1) or ran.timed_out:
        what = "timed out" if ran.timed_out else f"exit {ran.code}"
        return error_result(check, now, f"{what}: {ran.words}", seconds=ran.seconds)
    rows, total = _rows(ran, check.rows_kept) if ran.code == 1 else ((), 0)
    return CheckResult(
        check=check.name,
        state=CheckState.FAILING if ran.code == 1 else CheckState.OK,
        asked_at=now,
        seconds=ran.seconds,
        rows=rows,
        total=total,
        columns=tuple(dict.fromkeys(name for row in rows for name in row)),
        message=ran.words if ran.code == 1 else "",
    )


def run_plain(check: Check, argv: tuple[str, ...], env: dict[str, str], root: Path) -> Ran:
    """Returns how a program ended; its whole process group dies at the check's timeout.

    Raises:
        OSError: it could not be started.
    """
    started = time.perf_counter()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = subprocess.Popen(
            argv,
            cwd=root,
            env={**environment(), **env} if env else None,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        timed_out = False
        try:
            child.wait(check.timeout.total_seconds())
        except subprocess.TimeoutExpired:
            timed_out = True
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)  # also what it left running in the background
            child.wait()
        code = child.returncode if child.returncode >= 0 else 128 - child.returncode
        seconds = time.perf_counter() - started
        return Ran(code=code, stdout=_head(out), stderr=_head(err), seconds=seconds, timed_out=timed_out)


def _head(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read(OUTPUT_BYTES).decode("utf-8", "replace")


def _sandboxed(check: Check, argv: tuple[str, ...], env: dict[str, str], root: Path, sandbox: Sandbox) -> Ran:
    place = root.resolve()
    limits = Limits(seconds=check.timeout.total_seconds(), output_bytes=OUTPUT_BYTES)
    return sandbox.run(Command(argv=argv, cwd=place, env=env, readable=(place,), limits=limits))


def _rows(ran: Ran, rows_kept: int) -> tuple[tuple[Row, ...], int]:
    """Returns the rows that a program printed, one JSON object a line; its words as one row where it printed none."""
    rows: list[Row] = []
    total = 0
    for line in ran.stdout.splitlines():
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(row, dict):
            total += 1
            rows += [storable_row(row)] if len(rows) < rows_kept else []
    if total:
        return tuple(rows), total
    return ({"output": ran.words},), 1
