"""Decides which import a transplanted name needs and writes it in the file's own way."""

from __future__ import annotations

import ast
import builtins

from andon.agents.search.repair.source import Edit, SourceFile, Sources


def names_used(expression: ast.AST) -> set[str]:
    """Returns the free names that an expression or statement reads, as far as they are not bound inside it."""
    read = {n.id for n in ast.walk(expression) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    bound = {n.id for n in ast.walk(expression) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    bound |= {a.arg for n in ast.walk(expression) if isinstance(n, ast.Lambda) for a in n.args.args}
    return read - bound


def bound_at_top(file: SourceFile) -> set[str]:
    """Returns the names that a module binds at its top level, built-in ones included."""
    names = set(dir(builtins))
    for node in file.tree.body:
        for inner in [node, *([] if isinstance(node, ast.FunctionDef | ast.ClassDef) else ast.walk(node))]:
            if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                names.add(inner.name)
            elif isinstance(inner, ast.Import | ast.ImportFrom):
                names |= {alias.asname or alias.name.partition(".")[0] for alias in inner.names}
            elif isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                names.add(inner.id)
    return names


def bound_in(file: SourceFile, place: ast.AST) -> set[str]:
    """Returns the names that can be read at a place: the module's, and those of the functions around it."""
    names = bound_at_top(file)
    around = file.enclosing(place)
    while around is not None:
        arguments = around.args
        names |= {a.arg for a in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]}
        names |= {a.arg for a in (arguments.vararg, arguments.kwarg) if a is not None}
        names |= {n.id for n in ast.walk(around) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        around = file.enclosing(around)
    return names


def import_edits(sources: Sources, needed: set[str], origin: SourceFile, target: SourceFile) -> list[Edit] | None:
    """Returns the edits that bring names, as `origin` knows them, into `target`; None when one cannot be had."""
    edits: list[Edit] = []
    for name in sorted(needed - bound_at_top(target)):
        source = imported_as(origin, name)
        if source is None:
            if name not in bound_at_top(origin):
                return None
            source = (module_name(sources, origin), name, None)
        edits.append(add_import(target, *source))
    return merged(edits)


def merged(edits: list[Edit]) -> list[Edit]:
    """Returns edits with those at one place made into one, so that both survive."""
    by_place: dict[tuple[str, int, int], Edit] = {}
    for edit in edits:
        key = (edit.path, edit.start, edit.end)
        known = by_place.get(key)
        by_place[key] = edit if known is None else known._replace(text=known.text + edit.text)
    return list(by_place.values())


def imported_as(file: SourceFile, name: str) -> tuple[str, str | None, str | None] | None:
    """Returns how a file imports a name: (module, member or None, alias or None)."""
    for node in ast.walk(file.tree):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return "." * node.level + (node.module or ""), alias.name, alias.asname
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if (alias.asname or alias.name.partition(".")[0]) == name:
                    return alias.name, None, alias.asname
    return None


def module_name(sources: Sources, file: SourceFile) -> str:
    """Returns the dotted name that the product itself imports a file by, else the one that its path tells."""
    parts = file.module.split(".")
    suffixes = {".".join(parts[start:]) for start in range(len(parts))}
    for other in sources.values():
        for node in ast.walk(other.tree):
            if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module in suffixes:
                return str(node.module)
            if isinstance(node, ast.Import):
                for alias in node.names:
                    if alias.name in suffixes:
                        return alias.name
    return file.module


def add_import(file: SourceFile, module: str, member: str | None, alias: str | None) -> Edit:
    """Returns the edit that imports a module or a member of it, beside the imports that are there."""
    words = (member or module) + (f" as {alias}" if alias else "")
    if member is not None:
        for node in file.tree.body:
            if isinstance(node, ast.ImportFrom) and "." * node.level + (node.module or "") == module:
                return beside(file, node, words)
    line = f"from {module} import {words}\n" if member is not None else f"import {words}\n"
    return file.insert_line(line_for_import(file, module), line)


def beside(file: SourceFile, node: ast.ImportFrom, words: str) -> Edit:
    """Returns the edit that puts a name into a from-import, at its place in the alphabet where the list is sorted."""
    names = [alias.name for alias in node.names]
    later = [alias for alias in node.names if order(alias.name) > order(words)]
    if names == sorted(names, key=order) and later:
        start, _ = file.span(later[0])
        return Edit(file.path, start, start, f"{words}, ")
    _, end = file.span(node.names[-1])
    return Edit(file.path, end, end, f", {words}")


def order(name: str) -> tuple[int, str]:
    """Returns the key by which import sorters order names: constants, classes, the rest."""
    word = name.split(" ")[0]
    return (0 if word.isupper() and len(word) > 1 else 1 if word[:1].isupper() else 2), word


def line_for_import(file: SourceFile, module: str) -> int:
    """Returns the line before which an import goes: after the last top-level import that sorts before it."""
    top = [node for node in file.tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    if not top:
        body = file.tree.body
        has_docstring = bool(body) and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)
        return ((body[0].end_lineno or 0) + 1) if has_docstring else 1
    package = module.partition(".")[0]
    kin = [
        node
        for node in top
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == package and node.level == 0
    ]
    before = [node for node in kin if (node.module or "") < module]
    if kin and not before:
        return kin[0].lineno
    chosen = (before or top)[-1]
    return (chosen.end_lineno or chosen.lineno) + 1
