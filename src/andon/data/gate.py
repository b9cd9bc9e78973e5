"""Decides by its parse tree whether a Postgres statement only reads; it never runs anything and never mends a query."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

from andon.data.functions import CATALOGUES, FIELDS, FUNCTIONS, SETTINGS
from andon.errors import DataError

ROOTS = frozenset({"SelectStmt", "ExplainStmt", "VariableShowStmt"})
STATEMENTS = ROOTS | {"RawStmt"}
SECRET_SCHEMAS = frozenset({"pg_toast", "pg_temp"})
SECRET_VIEWS = frozenset({"user_mapping_options", "user_mappings", "foreign_server_options", "foreign_table_options"})
LONGEST = 200_000
"""Characters of a statement; the parser recurses, and nobody writes a longer question by hand."""

CALLS = re.compile(
    r"pg_|lo_|lo(creat|read|write)|txid_|binary_upgrade|brin_|gin_|query_to|table_to|schema_to|database_to|cursor_to"
    r"|ts_stat|ts_rewrite|nextval|setval|currval|lastval|setseed|set_config|current_setting|current_query|dblink"
)
"""Names that Postgres would take for a function call where a row has no such column: `x.pg_read_file`."""

# The nodes are protobuf messages whose classes exist only at run time: Any is what the parser's own stubs give.
Node = Any


@lru_cache(maxsize=512)
def check_postgres(sql: str) -> None:
    """Returns when the statement may be sent: it is one SELECT, EXPLAIN of one, or SHOW, and everything in it reads.

    Parameters stand as `$1`.

    Raises:
        DataError: it does not parse, or may do more than read; says which word and why.
    """
    statement = _parse(sql)
    if type(statement).__name__ not in ROOTS:
        _refuse(f"{_words(type(statement).__name__)} is not a question: write one SELECT")
    nodes = _all_nodes(statement)
    for node in nodes:
        kind = type(node).__name__
        if kind.endswith("Stmt") and kind not in STATEMENTS:
            _refuse(f"{_words(kind)} inside a query changes data")
        rule = RULES.get(kind)
        if rule is not None:
            rule(node)
    _check_scalar_rows(nodes)


def _parse(sql: str) -> Node:
    if len(sql) > LONGEST:
        _refuse(f"longer than {LONGEST} characters")
    if "\0" in sql:
        _refuse("has a NUL character in it")
    postgast = _postgast()
    try:
        tree = postgast.parse(sql)
    except postgast.PgQueryError as error:
        line = sql.encode()[: max(error.cursorpos - 1, 0)].count(b"\n") + 1
        raise DataError(f"is not SQL that Postgres reads: {error.message} (line {line})", permanent=True) from error
    except (ValueError, RecursionError, MemoryError, _decode_error()) as error:
        raise DataError(f"cannot be parsed: {type(error).__name__}", permanent=True) from error
    if len(tree.stmts) != 1:
        _refuse(f"holds {len(tree.stmts)} statements: write exactly one")
    return postgast.unwrap_node(tree.stmts[0].stmt)


def _postgast() -> Node:
    # By name: it costs a quarter of a second, and its stubs do not pass mypy.
    return importlib.import_module("postgast")


def _decode_error() -> type[Exception]:
    # What protobuf raises for a tree nested too deeply; it ships no types.
    error: type[Exception] = importlib.import_module("google.protobuf.message").DecodeError
    return error


def _all_nodes(root: Node) -> tuple[Node, ...]:
    return tuple(node for _, node in _postgast().walk(root))


def _refuse(why: str) -> None:
    raise DataError(f"refused: {why}", permanent=True)


def _words(kind: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind.removesuffix("Stmt")).upper()


def _strings(nodes: Iterable[Node]) -> tuple[str, ...]:
    """Returns the names in a list of nodes; what is no name gives an empty text."""
    return tuple(node.string.sval if node.HasField("string") else "" for node in nodes)


def _check_select(node: Node) -> None:
    if node.HasField("into_clause"):
        _refuse("SELECT INTO makes a table")
    if node.locking_clause:
        _refuse("FOR UPDATE and FOR SHARE lock rows")


def _check_show(node: Node) -> None:
    if node.name.lower() not in SETTINGS:
        _refuse(f"SHOW {node.name} may tell a secret")


def _check_call(node: Node) -> None:
    names = _strings(node.funcname)
    if len(names) > 1 and names[:-1] != ("pg_catalog",):
        _refuse(f"function {'.'.join(names)} is not one of Postgres's own")
    if names[-1] not in FUNCTIONS:
        _refuse(f"function {names[-1]} is not on the list of functions that only read")


def _check_qualified(what: str, field: str) -> Callable[[Node], None]:
    def rule(node: Node) -> None:
        names = _strings(getattr(node, field))
        if len(names) > 1 and names[:-1] != ("pg_catalog",):
            _refuse(f"{what} {'.'.join(names)}: only Postgres's own may be used")

    return rule


def _check_table(node: Node) -> None:
    name, schema = node.relname, node.schemaname
    if node.catalogname:
        _refuse(f"table {node.catalogname}.{schema}.{name} names a database")
    if schema in SECRET_SCHEMAS or schema.startswith(("pg_toast", "pg_temp")):
        _refuse(f"schema {schema} is Postgres's own")
    if (schema == "pg_catalog" or name.startswith("pg_")) and name not in CATALOGUES:
        _refuse(f"catalogue {name} may hold secrets")
    if name.startswith("_pg_") or (schema == "information_schema" and name in SECRET_VIEWS):
        _refuse(f"view {name} may hold secrets")


def _check_sample(node: Node) -> None:
    if _strings(node.method)[-1] not in ("bernoulli", "system"):
        _refuse("TABLESAMPLE may be bernoulli or system")


def _check_field(node: Node) -> None:
    """Refuses `(x).name`, which calls the function `name` when x has no such field."""
    for name in _strings(node.indirection):
        if name and name not in FIELDS and name not in FUNCTIONS:
            _refuse(f"(...).{name} may call a function: name the columns, as in `from f(x) as r(a, b)`, or use `->>`")


def _check_column(node: Node) -> None:
    names = _strings(node.fields)
    if len(names) > 1 and CALLS.match(names[-1]) and names[-1] not in FUNCTIONS:
        _refuse(f"{'.'.join(names)} may call the function {names[-1]}")


RULES: dict[str, Callable[[Node], None]] = {
    "SelectStmt": _check_select,
    "VariableShowStmt": _check_show,
    "FuncCall": _check_call,
    "A_Expr": _check_qualified("operator", "name"),
    "SubLink": _check_qualified("operator", "oper_name"),
    "SortBy": _check_qualified("operator", "use_op"),
    "TypeName": _check_qualified("type", "names"),
    "RangeVar": _check_table,
    "RangeTableSample": _check_sample,
    "A_Indirection": _check_field,
    "ColumnRef": _check_column,
}


def _check_scalar_rows(nodes: Sequence[Node]) -> None:
    """Refuses `x.name` where x is a function in FROM without such a column: Postgres would call `name`."""
    columns: dict[str, frozenset[str]] = {}
    for node in nodes:
        if type(node).__name__ == "RangeFunction":
            alias, known = _columns_of(node)
            columns[alias] = columns.get(alias, known) & known
    for node in nodes:
        if type(node).__name__ != "ColumnRef":
            continue
        names = _strings(node.fields)
        if len(names) == 2 and names[1] and names[1] not in columns.get(names[0], frozenset({names[1]})) | FUNCTIONS:
            _refuse(f"{'.'.join(names)} may call a function: name the columns, as in `from f(x) as {names[0]}(a, b)`")


def _columns_of(node: Node) -> tuple[str, frozenset[str]]:
    """Returns the alias of a function in FROM and the columns that it is known to have."""
    calls = [item.func_call for entry in node.functions for item in entry.list.items if item.HasField("func_call")]
    own = _strings(calls[0].funcname)[-1] if calls else ""
    named = frozenset(_strings(node.alias.colnames))
    defined = frozenset(item.column_def.colname for item in node.coldeflist)
    alias = node.alias.aliasname or own
    return alias, named | defined | FIELDS | {alias}
