"""Writes results for people and machines: lines as pytest's, JSON, JUnit XML; it changes no result."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from html import escape

from andon.models import CheckResult, CheckState, Row

WORDS: Mapping[CheckState, str] = {CheckState.OK: "ok", CheckState.FAILING: "FAILING", CheckState.ERROR: "ERROR"}
ROWS_SHOWN = 5
CELL = 60
NOT_TEXT = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
NOT_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")


def exit_code(results: Sequence[CheckResult]) -> int:
    """Returns 0 when all are ok, 1 when any is failing, 2 when any could not be asked."""
    states = {result.state for result in results}
    return 2 if CheckState.ERROR in states else 1 if CheckState.FAILING in states else 0


def line(result: CheckResult, *, width: int = 40) -> str:
    """Returns the one line of a result, without colour."""
    what = f"{result.total} rows" if result.total != 1 else "1 row"
    said = {CheckState.OK: "", CheckState.FAILING: what, CheckState.ERROR: _short(result.message, 200)}[result.state]
    return f"{result.check:<{width}} {WORDS[result.state]:<8} {result.seconds:6.2f} s  {said}".rstrip()


def render(results: Sequence[CheckResult]) -> list[str]:
    """Returns the lines that a terminal shows: one a check, the rows of what is failing, and a summary."""
    width = max([len(result.check) for result in results], default=20)
    lines = [line(result, width=width) for result in results]
    for result in results:
        if result.state is not CheckState.OK:
            lines += ["", f"____ {result.check} ____", *_details(result)]
    return [*lines, "", summary(results)]


def summary(results: Sequence[CheckResult]) -> str:
    """Returns the last line: how many are what, and how long the questions took together."""
    counts = [(sum(result.state is state for result in results), state.value) for state in CheckState]
    said = ", ".join(f"{count} {word}" for count, word in reversed(counts) if count) or "no checks"
    return f"{said} in {sum(result.seconds for result in results):.2f} s"


def as_json(results: Sequence[CheckResult]) -> str:
    """Returns the results as one JSON document: `{"exit": 0, "results": [...]}`."""
    found = [result.model_dump(mode="json") for result in results]
    return json.dumps({"exit": exit_code(results), "results": found}, indent=2)


def junit(results: Sequence[CheckResult], *, suite: str = "andon") -> str:
    """Returns the results as JUnit XML: a failing check is a failure, one that could not be asked an error."""
    failing = sum(result.state is CheckState.FAILING for result in results)
    errors = sum(result.state is CheckState.ERROR for result in results)
    seconds = sum(result.seconds for result in results)
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        f"<testsuites><testsuite name={_attribute(suite)} tests={_attribute(len(results))} "
        f'failures="{failing}" errors="{errors}" time="{seconds:.3f}">',
    ]
    lines += [_case(result, suite) for result in results]
    return "\n".join([*lines, "</testsuite></testsuites>", ""])


def _case(result: CheckResult, suite: str) -> str:
    head = f'<testcase classname={_attribute(suite)} name={_attribute(result.check)} time="{result.seconds:.3f}"'
    if result.state is CheckState.OK:
        return f"{head}/>"
    tag = "failure" if result.state is CheckState.FAILING else "error"
    message = result.message or f"{result.total} offending rows"
    body = "\n".join(json.dumps(row, ensure_ascii=False) for row in result.rows)
    text = escape(NOT_XML.sub("\ufffd", body))
    return f"{head}><{tag} message={_attribute(message)}>{text}</{tag}></testcase>"


def _details(result: CheckResult) -> list[str]:
    lines = [_short(part, 400) for part in result.message.splitlines() if part.strip()]
    lines += [_cells(row) for row in result.rows[:ROWS_SHOWN]]
    more = result.total - min(len(result.rows), ROWS_SHOWN)
    return [*lines, f"... and {more} more rows"] if result.total and more else lines


def _cells(row: Row) -> str:
    return "  ".join(f"{name}={_short(json.dumps(value, ensure_ascii=False), CELL)}" for name, value in row.items())


def _short(text: str, longest: int) -> str:
    """Returns a text that can stand in a terminal line: no control characters, no turning of direction, not long."""
    cut = text if len(text) <= longest else text[: longest - 1] + "…"
    return NOT_TEXT.sub("\ufffd", cut.replace("\n", " "))


def _attribute(value: object) -> str:
    return '"' + escape(NOT_XML.sub("\ufffd", str(value))).replace("\n", "&#10;") + '"'
