"""Templates inside SQL that stands in string literals: a dropped predicate, a comparison, a column of a key, a join."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from andon.agents.search.repair.candidates import Idea
from andon.agents.search.repair.source import Edit, SourceFile
from andon.agents.search.repair.templates import Place, Template, short

SQL = re.compile(r"\b(select|insert\s+into|update|delete\s+from|with)\b.*\b(from|set|values|into)\b", re.I | re.S)
PREDICATE = re.compile(
    r"""(?P<column>(?:[a-z_]\w*\.)?[a-z_]\w*)\s*
    (?P<rest>(?:=|<>|!=|<=|>=|<|>)\s*(?:'[^']*'|\d+(?:\.\d+)?|true|false|%s|%\(\w+\)s|\?|:\w+)
    |\s+is\s+(?:not\s+)?null|\s+in\s*\([^()]*\))""",
    re.I | re.X,
)
KEYED = re.compile(r"(on conflict|partition by|distinct on|group by|using)\s*\(?\s*((?:[\w.]+\s*,\s*)*[\w.]+)", re.I)
NO_ALIAS = r"(?!(?:where|on|join|left|right|inner|full|cross|set|group|order|using|values|select|having|limit)\b)"
TABLE = re.compile(rf"\b(?:from|join|update|into)\s+([a-z_][\w.]*)(?:\s+(?:as\s+)?{NO_ALIAS}([a-z_]\w*))?", re.I)
ENDS = re.compile(r"\b(group\s+by|order\s+by|having|limit|returning|union|for\s+update|on\s+conflict)\b", re.I)
SIGNS = {"<=": ("<",), ">=": (">",), "<": ("<=", ">"), ">": (">=", "<"), "=": ("<>",), "<>": ("=",), "!=": ("=",)}


def literal_span(place: Place, node: ast.AST) -> tuple[int, int] | None:
    """Returns the place of a string literal that holds SQL, None when a node is none."""
    text = literal_text(node)
    return place.file.span(node) if text and SQL.search(text) else None


def literal_text(node: ast.AST) -> str:
    """Returns the text of a string or the constant parts of an f-string; empty for other nodes."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) for part in node.values if isinstance(part, ast.Constant))
    return ""


def sql_nodes(place: Place) -> Iterator[tuple[ast.AST, int, int]]:
    """Yields (node, start, end) of the SQL literals that a suspicious line lies in, whole even when they span lines."""
    line = place.spot.line
    for node in ast.walk(place.file.tree):
        if isinstance(node, ast.Constant | ast.JoinedStr) and node.lineno <= line <= (node.end_lineno or node.lineno):
            if isinstance(place.file.parents.get(node), ast.JoinedStr | ast.Expr):
                continue
            span = literal_span(place, node)
            if span is not None:
                yield node, *span


def statement_literals(place: Place) -> Iterator[tuple[ast.AST, int, int]]:
    """Yields the SQL literals of the statement that begins on the line, and those that the line lies in."""
    seen: set[ast.AST] = set()
    for found in sql_nodes(place):
        seen.add(found[0])
        yield found
    for statement in place.nodes:
        if isinstance(statement, ast.stmt) and not isinstance(statement, ast.FunctionDef | ast.ClassDef):
            for node in ast.walk(statement):
                span = literal_span(place, node) if node not in seen else None
                if span is not None and not isinstance(place.file.parents.get(node), ast.JoinedStr):
                    seen.add(node)
                    yield node, *span


def predicates(place: Place) -> Iterator[Idea]:
    """A predicate that sibling queries over the same tables have, or that history had, joins the query."""
    for node, start, end in statement_literals(place):
        raw = place.file.text[start:end]
        tables = tables_of(literal_text(node))
        own = {squeezed(found.group()) for found in PREDICATE.finditer(raw)}
        for rank, (predicate, why) in enumerate(dict(ingredients(place, node, tables)).items()):
            text = fitted(predicate, tables)
            if squeezed(text) in own or (text[:1] in raw[:1] and '"' in text):
                continue
            for edit, where in inserted(place.file, raw, start, text):
                weight = 0.8 if why == "history" else 0.6
                yield place.idea(
                    "sql-predicate", max(0.2, weight - 0.02 * rank), f"`{short(text)}` {where}, from {why}", edit
                )


def ingredients(place: Place, node: ast.AST, tables: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yields (predicate, where from): of lines that history took out, then of other queries on these tables."""
    for line in place.ingredients.past.get(place.file.path, ()):
        yield from ((found.group().strip(), "history") for found in PREDICATE.finditer(line))
    for file in place.sources.values():
        for other in ast.walk(file.tree):
            text = literal_text(other)
            if other is node or not text or not SQL.search(text):
                continue
            theirs = tables_of(text)
            shared = set(theirs.values()) & set(tables.values())
            for found in PREDICATE.finditer(text):
                prefix, _, _ = found["column"].rpartition(".")
                home = theirs.get(prefix, "")
                if (shared and not prefix) or home in shared:
                    if re.search(r"%s|\?|%\(|:\w", found["rest"]):
                        continue
                    column = found["column"].rpartition(".")[2]
                    yield f"{home + '.' if home else ''}{column} {found['rest'].strip()}", "a sibling query"


def tables_of(sql: str) -> dict[str, str]:
    """Returns the tables of a query by alias (or by their own name)."""
    found: dict[str, str] = {}
    for match in TABLE.finditer(sql):
        found[match[2] or match[1]] = match[1]
    return found


def fitted(predicate: str, tables: dict[str, str]) -> str:
    """Returns a predicate with the alias that its table has in a query."""
    prefix, dot, rest = predicate.partition(".")
    if not dot or not prefix.isidentifier():
        return predicate
    alias = next((alias for alias, table in tables.items() if prefix in (table, alias)), "")
    return f"{alias}.{rest}" if alias and len(tables) > 1 else rest if alias else predicate


def inserted(file: SourceFile, raw: str, start: int, text: str) -> Iterator[tuple[Edit, str]]:
    """Yields the edits that put a predicate into a query: into its where clause, and into the join of its table."""
    place = re.search(r"\bwhere\s+", raw, re.I)
    if place:
        yield Edit(file.path, start + place.end(), start + place.end(), f"{text} and "), "joins the where clause"
    else:
        end = ENDS.search(raw)
        if end:
            at = len(raw[: end.start()].rstrip(" "))
            yield (
                Edit(file.path, start + end.start(), start + end.start(), f"where {text} "),
                "becomes the where clause",
            )
        else:
            at = len(raw.rstrip("\"' ;\n)"))
            yield Edit(file.path, start + at, start + at, f" where {text}"), "becomes the where clause"
    for join in re.finditer(r"\bjoin\s+([a-z_][\w.]*)(?:\s+(?:as\s+)?([a-z_]\w*))?\s+on\s+", raw, re.I):
        if text.startswith((f"{join[2]}.", f"{join[1]}.")):
            yield Edit(file.path, start + join.end(), start + join.end(), f"{text} and "), "joins the join"


def squeezed(text: str) -> str:
    """Returns SQL without white space and case."""
    return re.sub(r"\s+", "", text).lower()


def comparisons(place: Place) -> Iterator[Idea]:
    """Another comparison, direction of order or kind of join inside a query."""
    for _, start, end in sql_nodes(place):
        first = max(start, place.file.starts[place.spot.line - 1])
        raw = place.file.text[first : min(end, place.file.starts[place.spot.line])]
        for match in re.finditer(r"(?<![<>=!:\-])(<=|>=|<>|!=|<|>|=)(?![<>=])", raw):
            for rank, sign in enumerate(SIGNS[match[1]]):
                edit = Edit(place.file.path, first + match.start(), first + match.end(), sign)
                yield place.idea("sql-comparison", 0.4 - 0.15 * rank, f"{match[1]} becomes {sign} in the query", edit)
        for old, new in (
            (r"\bdesc\b", "asc"),
            (r"\basc\b", "desc"),
            (r"\bleft\s+join\b", "join"),
            (r"\bmin\(", "max("),
            (r"\bmax\(", "min("),
            (r"\bunion\s+all\b", "union"),
            (r"\bcount\((?!distinct)", "count(distinct "),
        ):
            for match in re.finditer(old, raw, re.I):
                edit = Edit(place.file.path, first + match.start(), first + match.end(), new)
                yield place.idea("sql-word", 0.3, f"{match.group()} becomes {new} in the query", edit)


def scales(place: Place) -> Iterator[Idea]:
    """Another factor between units inside a query."""
    for _, start, end in sql_nodes(place):
        first = max(start, place.file.starts[place.spot.line - 1])
        raw = place.file.text[first : min(end, place.file.starts[place.spot.line])]
        for match in re.finditer(r"([*/])\s*(\d+)(\.0*)?\b", raw):
            other = "/" if match[1] == "*" else "*"
            edit = Edit(place.file.path, first + match.start(1), first + match.end(1), other)
            yield place.idea("sql-unit", 0.4, f"{match.group()} gets {other} in the query", edit)
            for scale in place.ingredients.scales[:5]:
                edit = Edit(place.file.path, first + match.start(2), first + match.end(2), str(scale))
                yield place.idea("sql-unit", 0.35, f"{match[2]} becomes {scale} in the query", edit)


def keys(place: Place) -> Iterator[Idea]:
    """A key inside a query, such as `on conflict (..)` or `partition by ..`, with one more column."""
    for _, start, end in sql_nodes(place):
        raw = place.file.text[start:end]
        for match in KEYED.finditer(raw):
            own = {name.strip() for name in match[2].split(",")}
            for rank, column in enumerate(c for c in place.ingredients.columns if c not in own):
                if rank >= 8:
                    break
                edit = Edit(place.file.path, start + match.end(2), start + match.end(2), f", {column}")
                yield place.idea("sql-key", 0.5 - 0.03 * rank, f"{column} joins `{short(match.group())}`", edit)


TEMPLATES: list[Template] = [predicates, comparisons, scales, keys]
