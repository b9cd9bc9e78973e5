"""Writes a Python text anew so that it does the same: names, order of lines, forms; it runs nothing."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator

from andon.judge.difftext import FileDiff
from andon.judge.edits.edits import Edit, Function, Source, compiled, find_source
from andon.judge.edits.places import lines_of, place_of

WATCHES_ITSELF = frozenset(
    {"locals", "vars", "eval", "exec", "dir", "_getframe", "currentframe", "stack", "f_locals", "getsource"}
)
"""Names in a function that may make its own local names matter."""
HEAD = re.compile(r"#!|#.*coding[:=]|\ufeff")
"""First lines that must stay where they are."""


def lowered(text: str) -> str:
    """Returns a text whose lines lie two lower, under a comment."""
    lines = lines_of(text)
    kept = 0
    while kept < min(2, len(lines)) and HEAD.match(lines[kept]):
        kept += 1
    return "".join([*lines[:kept], "# The same as before.\n", "\n", *lines[kept:]])


def renamed(text: str, lines: Collection[int]) -> str:
    """Returns a text in which the local names of the functions around some lines are others.

    Arguments keep their names, as callers may use them; so does what is imported, nested, declared or caught.
    """
    source = find_source(text)
    if source is None:
        return text
    taken = set(re.findall(r"\w+", text))
    edits: list[Edit] = []
    for function in functions(source, lines):
        for name in sorted(local_names(function)):
            fresh = f"{name}_"
            while fresh in taken:
                fresh += "_"
            edits += [
                Edit(source.start(node), source.end(node), fresh, node.lineno, "renamed")
                for statement in function.body
                for node in ast.walk(statement)
                if isinstance(node, ast.Name) and node.id == name
            ]
    return sound(text, source.written(*edits))


def reshaped(text: str, lines: Collection[int]) -> str:
    """Returns a text in which the functions around some lines have another form.

    Branches change places under a negated condition, and what is returned first gets a name.
    """
    for rewrite in (swapped_branches, named_returns):  # the first keeps every line's number within its function
        source = find_source(text)
        if source is None:
            return text
        edits: list[Edit] = []
        for function in functions(source, lines):
            for edit in rewrite(source, function):
                if all(edit.end <= other.start or other.end <= edit.start for other in edits):
                    edits.append(edit)
        text = sound(text, source.written(*edits))
    return text


def as_comment(item: FileDiff, base: str | None) -> str:
    """Returns the text of a file before the patch, with the lines that the patch adds as comments in their places.

    Where they would break a statement, they come behind everything else.
    """
    lines = lines_of(base or "")
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    comments = [f"# {line.rstrip()}\n" for line in item.added]
    at_end = "".join([*lines, *comments])
    for hunk in reversed(item.hunks):
        at = place_of(hunk, lines, old=True)
        if at is None:
            return at_end
        added = [f"# {line.rstrip()}\n" for line in hunk.added]
        first = next((number for number, line in enumerate(hunk.lines) if line.startswith("+")), 0)
        before = sum(not line.startswith(("+", "\\")) for line in hunk.lines[:first])
        lines[at + before : at + before] = added
    in_place = "".join(lines)
    one, other = find_source(base or ""), find_source(in_place)
    alike = one is not None and other is not None and ast.dump(one.tree) == ast.dump(other.tree)
    return in_place if alike else at_end


# --- inside ---------------------------------------------------------------------------------------------------------


def sound(text: str, changed: str) -> str:
    """Returns the changed text if it compiles, else the text as it was."""
    return changed if compiled(changed) is not None else text


def near_lines(item: FileDiff, head: str) -> frozenset[int]:
    """Returns the numbers of the lines that a diff adds, and of those beside which it removes some."""
    lines = lines_of(head)
    near: set[int] = set()
    for hunk in item.hunks:
        at = place_of(hunk, lines)
        for line in hunk.lines if at is not None else ():
            assert at is not None
            at += line[:1] in ("+", " ", "")
            if line[:1] in ("+", "-"):
                near |= {at, at + (line[:1] == "-")}
    return frozenset(near)


def functions(source: Source, lines: Collection[int]) -> Iterator[Function]:
    """Yields the outermost functions that hold any of some lines, without those that look at themselves."""
    for node in ast.walk(source.tree):
        if not isinstance(node, Function) or any(isinstance(above, Function) for above in source.above(node)):
            continue
        holds = any(node.lineno <= line <= (node.end_lineno or node.lineno) for line in lines)
        if holds and not WATCHES_ITSELF & set(words_in(node)):
            yield node


def words_in(function: Function) -> Iterator[str]:
    for node in ast.walk(function):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr


def local_names(function: Function) -> set[str]:
    """Returns the names that a function gives values to and that may be called otherwise."""
    given = {
        node.id
        for statement in function.body
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and not node.id.startswith("_")
    }
    return given - set(fixed_names(function)) - function_scope_gaps(function)


def function_scope_gaps(function: Function) -> set[str]:
    """Returns the names that only a nested scope gives values to: outside of it they mean something else."""
    own: set[str] = set()
    nested: set[str] = set()
    stack: list[tuple[ast.AST, bool]] = [(statement, False) for statement in function.body]
    while stack:
        node, inside = stack.pop()
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            (nested if inside else own).add(node.id)
        comprehended = isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp)
        deeper = inside or comprehended or isinstance(node, Function | ast.Lambda | ast.ClassDef)
        stack += [(child, deeper) for child in ast.iter_child_nodes(node)]
    return nested - own


def fixed_names(function: Function) -> Iterator[str]:
    """Yields the names of a function that are not its own to change."""
    for node in ast.walk(function):
        match node:
            case ast.arg():
                yield node.arg
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield node.name
            case ast.ClassDef():
                yield node.name
                yield from (one.id for one in ast.walk(node) if isinstance(one, ast.Name))
            case ast.Global() | ast.Nonlocal():
                yield from node.names
            case ast.alias():
                yield (node.asname or node.name).split(".")[0]
            case ast.ExceptHandler(name=str()) | ast.MatchAs(name=str()) | ast.MatchStar(name=str()):
                yield str(node.name)
            case ast.MatchMapping(rest=str()):
                yield str(node.rest)
            case ast.JoinedStr():  # the places of what stands in one are not exact
                yield from (one.id for one in ast.walk(node) if isinstance(one, ast.Name))


def swapped_branches(source: Source, function: Function) -> Iterator[Edit]:
    """Yields the edits that turn `if c: a else: b` into `if not c: b else: a`, innermost first."""
    found = [node for node in ast.walk(function) if isinstance(node, ast.If) and node.orelse]
    for node in sorted(found, key=lambda one: source.end(one) - source.start(one)):
        first, last = node.body[0], node.orelse[-1]
        plain = node.test.lineno == node.test.end_lineno == node.lineno and first.lineno > node.lineno
        if not plain or not source.begins_line(node) or not source.ends_line(last):
            continue
        if source.segment(node)[:2] != "if" or node.orelse[0].lineno <= (node.body[-1].end_lineno or 0) + 1:
            continue
        gap = range((node.body[-1].end_lineno or 0) + 1, node.orelse[0].lineno)
        elses = [number for number in gap if re.fullmatch(r"\s*else\s*:\s*(#.*)?", source.line(number))]
        header = source.between(source.end(node.test), source.starts[node.lineno])
        if len(elses) != 1 or not re.fullmatch(r"\s*\)*\s*:\s*(#.*)?\s*", header):
            continue
        body = source.between(source.starts[node.lineno], source.starts[elses[0] - 1])
        word = source.between(source.starts[elses[0] - 1], source.starts[elses[0]])
        rest = source.between(source.starts[elses[0]], source.end(last))
        behind = source.between(source.end(last), line_end(source, last))
        head = source.between(source.start(node), source.start(node.test)) + f"(not ({source.segment(node.test)}))"
        text = head + header + rest + behind + "\n" + word + body.rstrip("\r\n")
        yield Edit(source.start(node), line_end(source, last), text, node.lineno, "branches changed places")


def line_end(source: Source, node: ast.stmt) -> int:
    """Returns where the last line of a statement ends, without its line break."""
    assert node.end_lineno is not None
    return source.starts[node.end_lineno - 1] + len(source.line(node.end_lineno).encode())


def named_returns(source: Source, function: Function) -> Iterator[Edit]:
    """Yields the edits that give what is returned a name first."""
    kept, text = "kept", source.segment(function)
    while kept in text:
        kept += "_"
    for node in ast.walk(function):
        if isinstance(node, ast.Return) and node.value is not None and source.begins_line(node):
            indent = source.between(source.starts[node.lineno - 1], source.start(node))
            value = source.between(source.start(node) + len("return"), source.end(node)).strip()
            text = f"{kept} = {value}\n{indent}return {kept}"
            yield Edit(source.start(node), source.end(node), text, node.lineno, "what is returned has a name")
