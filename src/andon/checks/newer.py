"""Narrows a check to the rows after a moment, without touching its query; it asks nothing."""

from __future__ import annotations

from datetime import UTC, datetime

from andon.errors import ConfigError
from andon.models import Check


def newer_than(check: Check, moment: datetime, *, dialect: str) -> Check:
    """Returns the check asked only of offending rows whose own time lies after a moment.

    Raises:
        ConfigError: the check does not say in which column a row's time stands.
    """
    if check.at is None:
        raise ConfigError("has no `at`: its rows have no time of their own", file=check.path, key="at")
    column = '"' + check.at.replace('"', '""') + '"'
    stamp = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f+00:00")
    # SQLite keeps times as text in more than one form: julianday() reads them all, and has a millisecond's grain.
    later = (
        f"{column} > timestamptz '{stamp}'" if dialect == "postgres" else f"julianday({column}) > julianday('{stamp}')"
    )
    query = check.query.strip().rstrip(";")
    starts = check.options.get("lines")
    start = starts.get("") if isinstance(starts, dict) else None
    options = check.options | ({"lines": {"": start - 1}} if isinstance(start, int) else {})
    return check.model_copy(
        update={
            "query": f"select * from (\n{query}\n) as offending where {later}",
            "population": None,
            "options": options,  # a line further up, for the line that now stands above the query
        }
    )
