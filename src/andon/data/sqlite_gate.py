"""Decides by its parse tree whether an SQLite statement only reads; the engine's own guards stand behind it."""

from __future__ import annotations

import re
from functools import lru_cache

from andon.data.functions import words
from andon.data.mistakes import SqlError

LONGEST = 200_000
PLACE = re.compile(r"\.?\s*Line (\d+), Col: \d+\.?")
"""Where sqlglot says that it stopped; it counts the lines of what it was given."""

FUNCTIONS: frozenset[str] = words(
    """
    abs avg changes char coalesce concat concat_ws count cume_dist date datetime dense_rank first_value format glob
    group_concat hex ifnull iif instr json json_array json_array_length json_each json_error_position json_extract
    json_group_array json_group_object json_insert json_object json_patch json_pretty json_quote json_remove
    json_replace json_set json_tree json_type json_valid jsonb jsonb_array jsonb_each jsonb_extract jsonb_group_array
    jsonb_group_object jsonb_insert jsonb_object jsonb_patch jsonb_remove jsonb_replace jsonb_set jsonb_tree julianday
    lag last_value lead length like likelihood likely lower ltrim max min nth_value ntile nullif octet_length
    percent_rank printf quote random randomblob rank regexp replace round row_number rtrim sign soundex
    sqlite_version string_agg strftime substr substring subtype sum time timediff total trim typeof unhex unicode
    unixepoch unlikely upper zeroblob bm25 highlight snippet match matchinfo offsets rtreecheck rtreenode
    acos acosh asin asinh atan atan2 atanh ceil ceiling cos cosh degrees exp floor ln log log10 log2 mod pi pow power
    radians sin sinh sqrt tan tanh trunc -> ->> current_date current_time current_timestamp
    """
)
"""Functions that read and compute; the engine's authorizer lets no other through."""


@lru_cache(maxsize=512)
def check_sqlite(sql: str) -> None:
    """Returns when the statement may be sent: exactly one SELECT, and nothing in it writes.

    Raises:
        SqlError: it does not parse, or may do more than read; says why.
    """
    if len(sql) > LONGEST:
        raise SqlError(f"refused: longer than {LONGEST} characters")
    if "\0" in sql:
        raise SqlError("refused: has a NUL character in it")
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        statements = [tree for tree in sqlglot.parse(sql, dialect="sqlite") if tree is not None]
    except (SqlglotError, RecursionError) as error:
        words = str(error).partition("\n")[0] or "nested too deeply"
        raise SqlError(f"is not SQL that andon can read: {PLACE.sub('', words)}", line=_line(error)) from error
    if len(statements) != 1:
        raise SqlError(f"refused: holds {len(statements)} statements: write exactly one")
    root = statements[0]
    if not isinstance(root, (exp.Query, exp.Values)):
        raise SqlError(f"refused: {root.key.upper()} is not a question: write one SELECT")
    writes = (exp.DML, exp.DDL, exp.Command, exp.Pragma, exp.Attach, exp.Detach, exp.Transaction, exp.Into, exp.Lock)
    for node in root.walk():
        if isinstance(node, writes) and not isinstance(node, exp.Query):
            raise SqlError(f"refused: {node.key.upper()} inside a query changes data")


def _line(error: Exception) -> int | None:
    found = PLACE.search(str(error)) or re.search(r"[Ll]ine (\d+)", str(error))
    return int(found[1]) if found else None
