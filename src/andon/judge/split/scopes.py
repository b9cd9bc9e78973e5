"""Knows which names of a test file stand for a literal, and which the test alone makes; it follows no call."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from andon.judge.split.known import NotKnown, known
from andon.judge.split.values import Known

Function = ast.FunctionDef | ast.AsyncFunctionDef
Scope = ast.Module | Function
MUTABLE = (list, dict, set, bytearray)


@dataclass(eq=False)
class Entry:
    """A name that is bound once, to a literal."""

    value: Known
    statement: ast.Assign | ast.AnnAssign
    loads: int


@dataclass
class Place:
    """One function, or the module."""

    entries: dict[str, Entry] = field(default_factory=dict)
    stored: frozenset[str] = frozenset()
    fixed: frozenset[str] = frozenset()
    """Parameters that `parametrize` gives."""


@dataclass
class Scopes:
    """The scopes of a file, by their node, and the way to where one is."""

    places: dict[int, Place] = field(default_factory=dict)
    imports: dict[str, str] = field(default_factory=dict)
    way: list[Place] = field(default_factory=list)
    rows: list[tuple[list[ast.expr], int, Known]] = field(default_factory=list)
    """Cells of `parametrize` that are taken out: where, and what they held."""

    def enter(self, node: Function) -> None:
        self.way.append(self.places.get(id(node), Place()))

    def leave(self) -> None:
        self.way.pop()

    def names(self) -> dict[str, Known]:
        """Returns the names that stand for a literal here."""
        held: dict[str, Known] = {}
        for place in self.way:
            held = {name: value for name, value in held.items() if name not in place.stored}
            held |= {name: entry.value for name, entry in place.entries.items()}
        return held

    def consume(self, name: str, consumed: dict[int, int]) -> None:
        for place in reversed(self.way):
            if name in place.entries:
                key = id(place.entries[name])
                consumed[key] = consumed.get(key, 0) + 1
                return
            if name in place.stored:
                return

    def fixed(self, node: ast.expr) -> bool:
        """Tells whether a side is a parameter of the test."""
        return isinstance(node, ast.Name) and any(node.id in place.fixed for place in self.way)

    def dotted(self, node: ast.expr) -> str:
        """Returns what a name stands for after the imports of the file."""
        if isinstance(node, ast.Attribute):
            return f"{self.dotted(node.value)}.{node.attr}"
        return self.imports.get(node.id, node.id) if isinstance(node, ast.Name) else "?"

    def take_out(self, consumed: dict[int, int], hidden: list[Known]) -> None:
        """Takes the literals out of the tree that only comparisons used."""
        for place in self.places.values():
            for entry in place.entries.values():
                if entry.loads and consumed.get(id(entry), 0) >= entry.loads:
                    entry.statement.value = ast.copy_location(ast.Constant(None), entry.statement)
        for cells, number, value in self.rows:
            hidden.append(value)
            call = ast.Call(
                ast.Attribute(ast.Name("__andon__", ast.Load()), "Hidden", ast.Load()),
                [ast.Constant(len(hidden) - 1)],
                [],
            )
            cells[number] = ast.copy_location(call, cells[number])


def read_scopes(tree: ast.Module, operands: set[tuple[int, int]]) -> Scopes:
    """Returns the scopes of a file. `operands`: where names stand that are nothing but a side of a comparison."""
    scopes = Scopes(imports=imports_of(tree))
    top = place_of(tree, operands, scopes.imports, {})
    scopes.places[id(tree)] = top
    scopes.way.append(top)
    outer = {name: entry.value for name, entry in top.entries.items()}
    for node in ast.walk(tree):
        if isinstance(node, Function):
            place = place_of(node, operands, scopes.imports, outer)
            scopes.places[id(node)] = place
            hide_rows(node, place, operands, scopes, outer)
    return scopes


def imports_of(tree: ast.Module) -> dict[str, str]:
    """Returns what imported names stand for."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                found[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return found


def place_of(scope: Scope, operands: set[tuple[int, int]], imports: dict[str, str], outer: dict[str, Known]) -> Place:
    """Returns which names of a scope stand for a literal."""
    stores, loads = bindings(scope)
    place = Place(stored=frozenset(stores))
    names = {name: value for name, value in outer.items() if name not in stores}
    for statement in own_statements(scope):
        target = target_of(statement)
        if target is None or stores.get(target) != 1:
            continue
        assert isinstance(statement, ast.Assign | ast.AnnAssign)
        assert statement.value is not None
        try:
            value = known(statement.value, names, imports)
        except NotKnown:
            continue
        if holds_mutable(value) and any(at not in operands for at in loads.get(target, ())):
            continue
        place.entries[target] = Entry(value, statement, len(loads.get(target, ())))
        names[target] = value
    return place


def holds_mutable(value: Known) -> bool:
    if isinstance(value, tuple):
        return any(holds_mutable(one) for one in value)
    return isinstance(value, MUTABLE)


def bindings(scope: Scope) -> tuple[dict[str, int], dict[str, list[tuple[int, int]]]]:
    """Returns how often each name is bound in a scope and all inside it, and where it is read."""
    stores: dict[str, int] = {}
    loads: dict[str, list[tuple[int, int]]] = {}
    for node in ast.walk(scope):
        names: list[str] = []
        if isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Load):
                loads.setdefault(node.id, []).append((node.lineno, node.col_offset))
            else:
                names = [node.id]
        elif isinstance(node, ast.arg):
            names = [node.arg]
        elif isinstance(node, ast.Global | ast.Nonlocal):
            names = [*node.names, *node.names]
        elif isinstance(node, ast.alias):
            names = [(node.asname or node.name).partition(".")[0]]
        elif isinstance(node, Function | ast.ClassDef):
            names = [node.name] if node is not scope else []
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
            names = [node.name] if node.name else []
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            names = [node.target.id]
        for name in names:
            stores[name] = stores.get(name, 0) + 1
    return stores, loads


def own_statements(scope: Scope) -> Iterator[ast.stmt]:
    """Yields the statements of a scope in order, without those of functions and classes inside it."""
    todo: list[ast.stmt] = list(scope.body)
    while todo:
        statement = todo.pop(0)
        yield statement
        if isinstance(statement, ast.With | ast.AsyncWith | ast.For | ast.If | ast.Try):
            todo = [*statement.body, *todo]


def target_of(statement: ast.stmt) -> str | None:
    """Returns the one name that a statement binds."""
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target: ast.expr = statement.targets[0]
    elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
        target = statement.target
    else:
        return None
    return target.id if isinstance(target, ast.Name) else None


def hide_rows(
    node: Function, place: Place, operands: set[tuple[int, int]], scopes: Scopes, outer: dict[str, Known]
) -> None:
    """Notes the parameters of a test, and the cells of those that are nothing but a side of a comparison."""
    stores, _ = bindings(node)
    # Of the body alone: what the table of parameters itself reads is no use of a parameter.
    _, loads = bindings(ast.Module(node.body, []))
    for call in node.decorator_list:
        if not isinstance(call, ast.Call) or scopes.dotted(call.func) != "pytest.mark.parametrize":
            continue
        if len(call.args) != 2 or any(word.arg == "indirect" for word in call.keywords):
            continue
        names = names_of(call.args[0])
        place.fixed |= frozenset(names)
        used = {name: loads.get(name, []) for name in names}
        free = [stores.get(name) == 1 and at and all(one in operands for one in at) for name, at in used.items()]
        for cells, number, name in cells_of(call.args[1], names):
            if not free[name]:
                continue
            try:
                value = known(cells[number], outer, scopes.imports)
            except NotKnown:
                continue
            scopes.rows.append((cells, number, value))


def names_of(node: ast.expr) -> list[str]:
    """Returns the names of parameters as `parametrize` is given them."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [name.strip() for name in node.value.split(",") if name.strip()]
    if isinstance(node, ast.List | ast.Tuple):
        return [str(one.value) if isinstance(one, ast.Constant) else "?" for one in node.elts]
    return []


def cells_of(rows: ast.expr, names: list[str]) -> Iterator[tuple[list[ast.expr], int, int]]:
    """Yields each cell of a table of parameters: the list that it stands in, its place, and which name it is."""
    if not isinstance(rows, ast.List | ast.Tuple):
        return
    for place, row in enumerate(rows.elts):
        param = isinstance(row, ast.Call) and isinstance(row.func, ast.Attribute) and row.func.attr == "param"
        if param:
            assert isinstance(row, ast.Call)
            cells = row.args
        elif len(names) == 1:
            yield rows.elts, place, 0
            continue
        elif isinstance(row, ast.List | ast.Tuple):
            cells = row.elts
        else:
            continue
        if len(cells) == len(names) and not any(isinstance(one, ast.Starred) for one in cells):
            for number in range(len(names)):
                yield cells, number, number
