"""Names the file and the line that a complaint about a check is about; it changes nothing of what was complained."""

from __future__ import annotations

import difflib
from collections.abc import Collection

from andon.data import SqlError
from andon.errors import AndonError, DataError
from andon.models import Check, CheckKind


def said(check: Check, error: AndonError, *, section: str = "", above: int = 0) -> str:
    """Returns what an error says, with `checks/name.sql:LINE` in front where it is about the check's own statement.

    `section` is the part of the file that was asked, `above` how many lines andon had put in front of it.
    """
    if check.kind is not CheckKind.SQL or not isinstance(error, SqlError):
        return str(error)
    starts = check.options.get("lines")
    start = starts.get(section) if isinstance(starts, dict) else None
    if error.line is None or not isinstance(start, int) or error.line <= above:
        return f"{check.path}: {error.words}"
    return f"{check.path}:{start + error.line - 1 - above}: {error.words}"


def placed(check: Check, error: DataError, *, section: str, above: int = 0) -> DataError:
    """Returns the error with the place in its message."""
    return DataError(said(check, error, section=section, above=above), permanent=error.permanent)


def missing_columns(check: Check, columns: Collection[str]) -> str:
    """Returns what is wrong with `key` and `at` when they name columns that the rows do not have; empty when nothing.

    Nobody may find out by a ticket that never closes: without its key a row has no identity, without its time no age.
    """
    wrong = [("at", check.at)] if check.at is not None and check.at not in columns else []
    wrong += [("key", name) for name in check.key if name not in columns]
    if not wrong or not columns:
        return ""
    spelt = {one.lower(): one for one in columns}
    parts = []
    for header, name in wrong:
        near = difflib.get_close_matches(name.lower(), spelt, n=1, cutoff=0.5)
        hint = f" (did you mean `{spelt[near[0]]}`?)" if near else ""
        parts.append(f"`{header}` names the column `{name}`, which the rows do not have{hint}")
    return f"{check.path}: {'; '.join(parts)}; there are: {', '.join(columns)}"
