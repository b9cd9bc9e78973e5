"""Writes results for people and machines: lines as pytest's, JSON, JUnit XML; it changes no result."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape

from pydantic import JsonValue

from andon.models import CheckResult, CheckState, Row
from andon.quoting import visible

WORDS: Mapping[CheckState, str] = {CheckState.OK: "ok", CheckState.FAILING: "FAILING", CheckState.ERROR: "ERROR"}
ROWS_SHOWN = 5
CELL = 60
SAID = 200
MESSAGE = 400
"""Characters of a value, of an error in its line, and of a message that are shown."""


def exit_code(results: Sequence[CheckResult]) -> int:
    """Returns 0 when all are ok, 1 when any is failing, 2 when any could not be asked."""
    states = {result.state for result in results}
    return 2 if CheckState.ERROR in states else 1 if CheckState.FAILING in states else 0


def line(result: CheckResult, *, width: int = 40) -> str:
    """Returns the one line of a result, without colour."""
    said = {
        CheckState.OK: "",
        CheckState.FAILING: _rows(result.total),
        CheckState.ERROR: visible(result.message, SAID),
    }[result.state]
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
    message = visible(result.message or _rows(result.total, "offending "), MESSAGE)
    text = escape("\n".join(_cells(row, cell=MESSAGE) for row in result.rows))
    return f"{head}><{tag} message={_attribute(message)}>{text}</{tag}></testcase>"


def _details(result: CheckResult) -> list[str]:
    lines = [visible(part, MESSAGE) for part in result.message.splitlines() if part.strip()]
    lines += [_cells(row) for row in result.rows[:ROWS_SHOWN]]
    more = result.total - min(len(result.rows), ROWS_SHOWN)
    return [*lines, f"... and {_rows(more, 'more ')}"] if result.total and more else lines


def _rows(count: int, which: str = "") -> str:
    return f"{count} {which}row" + ("" if count == 1 else "s")


def _cells(row: Row, *, cell: int = CELL) -> str:
    return "  ".join(f"{visible(name, cell)}={_cell(value, cell)}" for name, value in row.items())


def _cell(value: JsonValue, longest: int) -> str:
    """Returns a value as one word of a terminal line: what cannot be seen or turns the line round is escaped."""
    if isinstance(value, str):
        return '"' + visible(value.replace("\\", "\\\\").replace('"', '\\"'), longest) + '"'
    return visible(json.dumps(value, ensure_ascii=False), longest)


def _attribute(value: object) -> str:
    return '"' + escape(visible(str(value), MESSAGE * 10)) + '"'
