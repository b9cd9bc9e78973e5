"""Finds the guards, context managers and handlers that siblings have around the same call; it only proposes."""

from __future__ import annotations

import ast
import re
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from andon.agents.search.repair.candidates import Idea
from andon.agents.search.repair.imports import bound_in, import_edits, merged, names_used
from andon.agents.search.repair.peers import Peer, Unit, callee_name, calls_in
from andon.agents.search.repair.source import Edit, SourceFile, Sources

Leaving = ast.Return | ast.Raise | ast.Continue | ast.Break
PLAIN = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr, ast.Return)


class Guard(NamedTuple):
    """What follows an assignment elsewhere: a check of the value that was got."""

    unit: Unit
    node: ast.stmt
    name: str
    """The variable that it checks."""


def missing_guards(sources: Sources, suspect: Unit, peers: Sequence[Peer], units: Sequence[Unit]) -> Iterator[Idea]:
    """Yields the checks that follow the same call, or open the same kind of function, elsewhere."""
    yield from missing_checks(sources, suspect, units)
    yield from missing_parameter_guards(sources, suspect, peers)


def missing_checks(sources: Sources, suspect: Unit, units: Sequence[Unit]) -> Iterator[Idea]:
    """Yields the checks of a result that other callers of the same callee make and the suspect does not."""
    for block in blocks_of(suspect.node):
        for number, statement in enumerate(block):
            variable, callee = assigned_call(statement)
            if not callee:
                continue
            following = {ast.dump(after) for after in block[number + 1 :]}
            guards, callers = checks_after(units, callee, without=statement)
            votes = Counter(renamed(g, variable) for g in guards)
            for text, count in votes.items():
                guard = next(g for g in guards if renamed(g, variable) == text)
                if ast.dump(ast.parse(text).body[0]) in following if is_statement(text) else False:
                    continue
                edits = inserted(sources, suspect, statement, text, guard)
                if edits is not None:
                    says = f"checks what {callee}(..) gave in {suspect.node.name}, as {count} of {callers} others do"
                    yield Idea(edits, "sibling:guard", 0.35 + 0.6 * count / callers, says)


def is_statement(text: str) -> bool:
    """Tells whether a text parses as a statement by itself (a bare return does not compile, but it parses)."""
    try:
        return bool(ast.parse(text).body)
    except SyntaxError:
        return False


def blocks_of(node: ast.AST) -> Iterator[list[ast.stmt]]:
    """Yields every list of statements inside a node."""
    for inner in ast.walk(node):
        for field in ("body", "orelse", "finalbody"):
            block = getattr(inner, field, None)
            if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
                yield block


def assigned_call(statement: ast.stmt) -> tuple[str, str]:
    """Returns (variable, callee) of a statement that keeps what a call gave, else two empty texts."""
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return "", ""
    target = statement.targets[0]
    value = statement.value.value if isinstance(statement.value, ast.Await) else statement.value
    if not isinstance(target, ast.Name) or not isinstance(value, ast.Call):
        return "", ""
    return target.id, callee_name(value)


def checks_after(units: Sequence[Unit], callee: str, *, without: ast.stmt) -> tuple[list[Guard], int]:
    """Returns the checks right after other assignments from the same callee, and how many of those there are."""
    found: list[Guard] = []
    callers = 0
    for unit in units:
        for block in blocks_of(unit.node):
            for number, statement in enumerate(block):
                variable, name = assigned_call(statement)
                if name != callee or statement is without:
                    continue
                callers += 1
                found.extend(Guard(unit, s, variable) for s in block[number + 1 : number + 3] if checks(s, variable))
    return found, callers


def checks(statement: ast.stmt, variable: str) -> bool:
    """Tells whether a statement checks a variable: leaves on a condition of it, asserts it, or calls a bare method."""
    if isinstance(statement, ast.If) and not statement.orelse:
        return variable in names_used(statement.test) and isinstance(statement.body[-1], Leaving)
    if isinstance(statement, ast.Assert):
        return variable in names_used(statement.test)
    call = statement.value if isinstance(statement, ast.Expr) else None
    return (isinstance(call, ast.Call) and names_used(call) == {variable}) or (
        isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and names_used(call) == {variable, call.func.id}
    )


def renamed(guard: Guard, variable: str) -> str:
    """Returns the text of a check for another variable, without indent."""
    text = dedented(guard.unit.file, guard.node)
    return re.sub(rf"(?<![\w.]){re.escape(guard.name)}\b", variable, text)


def dedented(file: SourceFile, node: ast.stmt) -> str:
    """Returns the text of a statement with its own indent taken off all its lines."""
    return textwrap.dedent(file.indent(node.lineno) + file.code(node))


def inserted(sources: Sources, suspect: Unit, after: ast.stmt, text: str, guard: Guard) -> tuple[Edit, ...] | None:
    """Returns the edits that put a check after a statement, with its imports; None when its names cannot be had."""
    needed = names_used(guard.node) - {guard.name} - bound_in(suspect.file, after)
    imports = import_edits(sources, needed, guard.unit.file, suspect.file)
    if imports is None:
        return None
    indent = suspect.file.indent(after.lineno)
    line = (after.end_lineno or after.lineno) + 1
    return (*imports, suspect.file.insert_line(line, textwrap.indent(text, indent)))


def missing_parameter_guards(sources: Sources, suspect: Unit, peers: Sequence[Peer]) -> Iterator[Idea]:
    """Yields the guards with which siblings open for a parameter that the suspect has too."""
    own = {ast.dump(statement) for statement in suspect.node.body}
    for peer in peers:
        for statement in peer.unit.node.body[:4]:
            guarded = names_used(statement) & suspect.params & peer.unit.params
            if not isinstance(statement, ast.If) or not guarded or ast.dump(statement) in own:
                continue
            if statement.orelse or not isinstance(statement.body[-1], Leaving):
                continue
            needed = names_used(statement) - bound_in(suspect.file, suspect.node.body[0])
            imports = import_edits(sources, needed, peer.unit.file, suspect.file)
            if imports is None:
                continue
            first = suspect.node.body[1 if ast.get_docstring(suspect.node) and len(suspect.node.body) > 1 else 0]
            text = textwrap.indent(dedented(peer.unit.file, statement), suspect.file.indent(first.lineno))
            edits = (*imports, suspect.file.insert_line(first.lineno, text))
            says = f"opens {suspect.node.name} with the guard of {peer.unit.node.name}"
            yield Idea(edits, "sibling:guard", 0.3 + 0.4 * peer.kinship, says)


# --- with and try ---------------------------------------------------------------------------------------------------


class Block(NamedTuple):
    """A with or try around a call elsewhere."""

    unit: Unit
    node: ast.With | ast.AsyncWith | ast.Try
    head: str
    tail: str


def missing_blocks(sources: Sources, suspect: Unit, units: Sequence[Unit]) -> Iterator[Idea]:
    """Yields the with and try blocks that stand around the same call elsewhere and not in the suspect."""
    for block in blocks_of(suspect.node):
        for number, statement in enumerate(block):
            if not isinstance(statement, PLAIN):
                continue
            for callee in sorted({callee_name(call) for call in calls_in(statement)} - {""}):
                around, sites = blocks_around(units, callee, without=statement)
                own = {kind_of(node) for node in surroundings(suspect.file, statement)}
                votes = Counter((b.head, b.tail) for b in around if kind_of(b.node) not in own)
                for (head, tail), count in votes.items():
                    origin = next(b for b in around if (b.head, b.tail) == (head, tail))
                    says = f"puts {callee}(..) in {suspect.node.name} in `{head}`, as {count} of {sites} others do"
                    for last in {number, len(block) - 1}:
                        edits = enclosed(sources, suspect, block[number], block[last], origin)
                        if edits is not None:
                            prior = 0.3 + 0.6 * count / sites - 0.02 * (last - number)
                            yield Idea(edits, "sibling:block", max(0.05, prior), says)


def blocks_around(units: Sequence[Unit], callee: str, *, without: ast.stmt) -> tuple[list[Block], int]:
    """Returns the with and try blocks around other calls of a callee, and how many such calls there are."""
    found: list[Block] = []
    sites = 0
    for unit in units:
        for call in calls_in(unit.node):
            if (
                callee_name(call) != callee
                or unit.file.statement(call) is without
                or unit.file.enclosing(call) is not unit.node
            ):
                continue
            sites += 1
            found.extend(block_of(unit, node) for node in surroundings(unit.file, call))
    return found, sites


def surroundings(file: SourceFile, node: ast.AST) -> list[ast.With | ast.AsyncWith | ast.Try]:
    """Returns the with and try blocks around a node inside its function; a try counts for its body only."""
    found: list[ast.With | ast.AsyncWith | ast.Try] = []
    while (parent := file.parents.get(node)) is not None and not isinstance(
        parent, ast.FunctionDef | ast.AsyncFunctionDef
    ):
        if isinstance(parent, ast.With | ast.AsyncWith) and node in parent.body:
            found.append(parent)
        if isinstance(parent, ast.Try) and node in parent.body and parent.handlers:
            found.append(parent)
        node = parent
    return found


def kind_of(node: ast.With | ast.AsyncWith | ast.Try) -> str:
    """Returns what a block is, apart from its body: its context expressions or the exceptions it catches."""
    if isinstance(node, ast.Try):
        return "try " + ",".join(ast.dump(handler.type) if handler.type else "" for handler in node.handlers)
    return "with " + ",".join(ast.dump(item.context_expr) for item in node.items)


def block_of(unit: Unit, node: ast.With | ast.AsyncWith | ast.Try) -> Block:
    """Returns a block's first line and what follows its body, both without indent."""
    file = unit.file
    if not isinstance(node, ast.Try):
        start = file.span(node)[0]
        end = file.span(node.items[-1].optional_vars or node.items[-1].context_expr)[1]
        text = file.text[start:end]
        return Block(unit, node, text + (")" if text.count("(") > text.count(")") else "") + ":", "")
    first, last = node.handlers[0], node.handlers[-1]
    lines = file.lines[first.lineno - 1 : last.end_lineno]
    return Block(unit, node, "try:", textwrap.dedent("".join(lines)).rstrip("\n"))


def enclosed(sources: Sources, suspect: Unit, first: ast.stmt, last: ast.stmt, block: Block) -> tuple[Edit, ...] | None:
    """Returns the edits that put statements inside a sibling's block; None when its names cannot be had."""
    file = suspect.file
    heads: list[ast.AST] = list(block.node.handlers) if isinstance(block.node, ast.Try) else list(block.node.items)
    needed = set().union(*(names_used(head) for head in heads)) - bound_in(file, first)
    imports = import_edits(sources, needed, block.unit.file, file)
    if imports is None:
        return None
    indent = file.indent(first.lineno)
    start, end = file.starts[first.lineno - 1], file.starts[last.end_lineno or last.lineno]
    body = textwrap.indent(file.text[start:end].rstrip("\n"), "    ")
    tail = textwrap.indent(block.tail, indent) + "\n" if block.tail else ""
    text = f"{indent}{block.head}\n{body}\n{tail}"
    return tuple(merged([*imports, Edit(file.path, start, end, text)]))
