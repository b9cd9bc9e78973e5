"""Decides by its parse tree whether a Postgres statement only reads; it never runs anything and never mends a query."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

from andon.data.functions import CATALOGUES, FIELDS, FUNCTIONS, SETTINGS, words
from andon.data.mistakes import SqlError
from andon.data.tree import Node, Typed, children, names, parse, text, walk

ROOTS = frozenset({"SelectStmt", "ExplainStmt", "VariableShowStmt"})
NODES = ROOTS | words(
    """
    A_ArrayExpr A_Const A_Expr A_Indices A_Indirection A_Star Alias BitString BoolExpr Boolean BooleanTest CaseExpr
    CaseWhen CoalesceExpr CollateClause ColumnDef ColumnRef CommonTableExpr DefElem Float FuncCall GroupingFunc
    GroupingSet Integer JoinExpr JsonAggConstructor JsonArgument JsonArrayAgg JsonArrayConstructor
    JsonArrayQueryConstructor JsonBehavior JsonFormat JsonFuncExpr JsonIsPredicate JsonKeyValue JsonObjectAgg
    JsonObjectConstructor JsonOutput JsonParseExpr JsonReturning JsonScalarExpr JsonSerializeExpr JsonTable
    JsonTableColumn JsonTablePathSpec JsonValueExpr List MinMaxExpr NamedArgExpr NullTest ParamRef RangeFunction
    RangeSubselect RangeTableFunc RangeTableFuncCol RangeTableSample RangeVar ResTarget RowExpr SQLValueFunction SortBy
    String SubLink TypeCast TypeName WindowDef WithClause XmlExpr XmlSerialize
    """
)
"""What a question may be made of; any other node is refused, known or not."""
SECRET_VIEWS = frozenset({"user_mapping_options", "user_mappings", "foreign_server_options", "foreign_table_options"})
LONGEST = 200_000
"""Characters of a statement; the parser recurses, and nobody writes a longer question by hand."""

CALLS = re.compile(
    r"pg_|lo_|lo(creat|read|write)|txid_|binary_upgrade|brin_|gin_|query_to|table_to|schema_to|database_to|cursor_to"
    r"|ts_stat|ts_rewrite|nextval|setval|currval|lastval|setseed|set_config|current_setting|current_query|dblink"
)
"""Names that Postgres would take for a function call where a row has no such column: `x.pg_read_file`."""


@lru_cache(maxsize=512)
def check_postgres(sql: str) -> None:
    """Returns when the statement may be sent: it is one SELECT, EXPLAIN of one, or SHOW, and everything in it reads.

    Parameters stand as `$1`.

    Raises:
        SqlError: it does not parse, or may do more than read; says which word and why.
    """
    if len(sql) > LONGEST:
        _refuse(f"longer than {LONGEST} characters")
    if "\0" in sql:
        _refuse("has a NUL character in it")
    statements = parse(sql)
    if len(statements) != 1:
        _refuse(f"holds {len(statements)} statements: write exactly one")
    if statements[0].kind not in ROOTS:
        _refuse(f"{_words(statements[0].kind)} is not a question: write one SELECT")
    nodes = tuple(walk(statements[0]))
    for kind, node in nodes:
        rule = RULES.get(kind)
        if rule is not None:
            rule(node)
        if kind and kind not in NODES:
            _refuse(f"{_words(kind)} inside a query may do more than read")
    _check_scalar_rows(nodes)


def _refuse(why: str) -> None:
    raise SqlError(f"refused: {why}")


def _words(kind: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind.removesuffix("Stmt")).upper()


def _check_select(node: Node) -> None:
    if "intoClause" in node:
        _refuse("SELECT INTO makes a table")
    if node.get("lockingClause"):
        _refuse("FOR UPDATE and FOR SHARE lock rows")


def _check_show(node: Node) -> None:
    if text(node, "name").lower() not in SETTINGS:
        _refuse(f"SHOW {text(node, 'name')} may tell a secret")


def _check_call(node: Node) -> None:
    called = names(node.get("funcname"))
    if len(called) > 1 and called[:-1] != ("pg_catalog",):
        _refuse(f"function {'.'.join(called)} is not one of Postgres's own")
    if called[-1] not in FUNCTIONS:
        _refuse(f"function {called[-1]} is not on the list of functions that only read")


def _check_qualified(what: str, field: str) -> Callable[[Node], None]:
    def rule(node: Node) -> None:
        used = names(node.get(field))
        if len(used) > 1 and used[:-1] != ("pg_catalog",):
            _refuse(f"{what} {'.'.join(used)}: only Postgres's own may be used")

    return rule


def _check_table(node: Node) -> None:
    name, schema = text(node, "relname"), text(node, "schemaname")
    if "catalogname" in node:
        _refuse(f"table {text(node, 'catalogname')}.{schema}.{name} names a database")
    if schema.startswith(("pg_toast", "pg_temp")):
        _refuse(f"schema {schema} is Postgres's own")
    if (schema == "pg_catalog" or name.startswith("pg_")) and name not in CATALOGUES:
        _refuse(f"catalogue {name} may hold secrets")
    if name.startswith("_pg_") or (schema == "information_schema" and name in SECRET_VIEWS):
        _refuse(f"view {name} may hold secrets")


def _check_sample(node: Node) -> None:
    if names(node.get("method"))[-1] not in ("bernoulli", "system"):
        _refuse("TABLESAMPLE may be bernoulli or system")


def _check_field(node: Node) -> None:
    """Refuses `(x).name`, which calls the function `name` when x has no such field."""
    for name in names(node.get("indirection")):
        if name and name not in FIELDS and name not in FUNCTIONS:
            _refuse(f"(...).{name} may call a function: name the columns, as in `from f(x) as r(a, b)`, or use `->>`")


def _check_column(node: Node) -> None:
    parts = names(node.get("fields"))
    if len(parts) > 1 and CALLS.match(parts[-1]) and parts[-1] not in FUNCTIONS:
        _refuse(f"{'.'.join(parts)} may call the function {parts[-1]}")


RULES: dict[str, Callable[[Node], None]] = {
    "SelectStmt": _check_select,
    "VariableShowStmt": _check_show,
    "FuncCall": _check_call,
    "A_Expr": _check_qualified("operator", "name"),
    "SubLink": _check_qualified("operator", "operName"),
    "SortBy": _check_qualified("operator", "useOp"),
    "TypeName": _check_qualified("type", "names"),
    "RangeVar": _check_table,
    "RangeTableSample": _check_sample,
    "A_Indirection": _check_field,
    "ColumnRef": _check_column,
}


def _check_scalar_rows(nodes: Sequence[Typed]) -> None:
    """Refuses `x.name` where x is a function in FROM without such a column: Postgres would call `name`."""
    columns: dict[str, frozenset[str]] = {}
    for kind, node in nodes:
        if kind == "RangeFunction":
            alias, known = _columns_of(node)
            columns[alias] = columns.get(alias, known) & known
    for kind, node in nodes:
        parts = names(node.get("fields")) if kind == "ColumnRef" else ()
        if len(parts) == 2 and parts[1] and parts[1] not in columns.get(parts[0], frozenset({parts[1]})) | FUNCTIONS:
            _refuse(f"{'.'.join(parts)} may call a function: name the columns, as in `from f(x) as {parts[0]}(a, b)`")


def _columns_of(node: Node) -> tuple[str, frozenset[str]]:
    """Returns the alias of a function in FROM and the columns that it is known to have."""
    calls = [
        found.node for entry in children(node.get("functions")) for found in walk(entry) if found.kind == "FuncCall"
    ]
    own = names(calls[0].get("funcname"))[-1] if calls else ""
    given = node.get("alias")
    alias = given if isinstance(given, dict) else {}
    named = frozenset(names(alias.get("colnames")))
    defined = frozenset(text(found.node, "colname") for found in children(node.get("coldeflist")))
    shown = text(alias, "aliasname") or own
    return shown, named | defined | FIELDS | {shown}
