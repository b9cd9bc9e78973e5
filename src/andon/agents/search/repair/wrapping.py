"""Finds the wrappers that siblings put around the same call or the same value; it proposes, it runs nothing."""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from andon.agents.search.repair.candidates import Idea
from andon.agents.search.repair.imports import bound_in, import_edits, names_used
from andon.agents.search.repair.peers import Unit, callee_name, calls_in, peers_of
from andon.agents.search.repair.source import SourceFile, Sources

HOLE = "\N{WHITE SQUARE}"
NO_ROLE = frozenset(
    {"append", "print", "len", "str", "int", "float", "isinstance", "list", "dict", "set", "range", "get"}
)


class Form(NamedTuple):
    """How a reference to a function is wrapped where it is used."""

    kind: str
    """`direct`, `curried` W(f)(x), `passed` W(f, x), `lambda` W(lambda: f(x))."""
    text: str
    """The wrapper with a hole; empty for direct."""
    file: SourceFile
    node: ast.expr


def missing_wrappers(
    sources: Sources, suspect: Unit, units: Sequence[Unit], rarity: Mapping[str, float]
) -> Iterator[Idea]:
    """Yields wrappers for direct calls in a function whose callee, or the callee's siblings, are wrapped elsewhere."""
    by_name: dict[str, list[Unit]] = defaultdict(list)
    for unit in units:
        by_name[unit.node.name].append(unit)
    for call in calls_in(suspect.node):
        name = callee_name(call)
        if not name or form_at(suspect.file, call.func).kind != "direct":
            continue
        family = {peer.unit.node.name for unit in by_name[name] for peer in peers_of(unit, units, rarity)} | {name}
        forms = [form for word in sorted(family) for form in forms_of(sources, word, call)]
        votes = Counter((form.kind, form.text) for form in forms if form.kind != "direct")
        for (kind, text), count in votes.items():
            form = next(form for form in forms if (form.kind, form.text) == (kind, text))
            edits = import_edits(sources, names_used(hole_filled(text)), form.file, suspect.file)
            if edits is None:
                continue
            edit = suspect.file.replace(call, wrapped(suspect.file, call, form))
            through = text.replace(HOLE, "..")
            says = f"calls {name} in {suspect.node.name} through {through}, as {count} of {len(forms)} siblings do"
            yield Idea((*edits, edit), "sibling:wrapper", 0.4 + 0.6 * count / len(forms), says)


def forms_of(sources: Sources, name: str, without: ast.Call) -> list[Form]:
    """Returns how each reference to a function of that name is used, apart from one call."""
    found: list[Form] = []
    for file in sources.values():
        for node in ast.walk(file.tree):
            called = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
            if called == name and isinstance(getattr(node, "ctx", None), ast.Load) and node is not without.func:
                assert isinstance(node, ast.expr)
                form = form_at(file, node)
                if form.kind:
                    found.append(form)
    return found


def form_at(file: SourceFile, reference: ast.expr) -> Form:
    """Returns how a reference to a function is used where it stands; kind empty when neither called nor passed."""
    parent = file.parents.get(reference)
    if not isinstance(parent, ast.Call):
        return Form("", "", file, reference)
    if parent.func is reference:
        holder = file.parents.get(parent)
        around = file.parents.get(holder) if isinstance(holder, ast.Lambda) else None
        if isinstance(holder, ast.Lambda) and isinstance(around, ast.Call) and holder in around.args:
            return Form("lambda", holed(file, around, holder), file, around)
        return Form("direct", "", file, reference)
    outer = file.parents.get(parent)
    if isinstance(outer, ast.Call) and outer.func is parent:
        return Form("curried", holed(file, parent, reference), file, parent)
    if parent.args[:1] == [reference] and len(parent.args) + len(parent.keywords) > 1:
        return Form("passed", f"{file.code(parent.func)}({HOLE})", file, parent)
    return Form("", "", file, reference)


def holed(file: SourceFile, node: ast.expr, inner: ast.expr) -> str:
    """Returns the text of a node with an inner node left out."""
    start, end = file.span(node)
    hole_start, hole_end = file.span(inner)
    return file.text[start:hole_start] + HOLE + file.text[hole_end:end]


def hole_filled(text: str) -> ast.expr:
    """Returns the tree of a text with a hole, None standing in the hole."""
    return ast.parse(text.replace(HOLE, "None"), mode="eval").body


def wrapped(file: SourceFile, call: ast.Call, form: Form) -> str:
    """Returns the text of a direct call in the form that siblings have."""
    function, whole = file.code(call.func), file.code(call)
    if form.kind == "lambda":
        return form.text.replace(HOLE, f"lambda: {whole}")
    arguments = whole[len(function) :]
    if form.kind == "curried":
        return form.text.replace(HOLE, function) + arguments
    inner = arguments.strip()[1:-1].strip()
    return form.text.replace(HOLE, f"{function}, {inner}" if inner else function)


# --- values ---------------------------------------------------------------------------------------------------------


class Layer(NamedTuple):
    """One wrapper around a value: `.strip()`, `clean(..)`, `.. / 100`."""

    name: str
    text: str
    """With a hole for the value."""


class Use(NamedTuple):
    """A value in a role: what it is wrapped in there."""

    file: SourceFile
    node: ast.expr
    layers: tuple[Layer, ...]
    """Outermost first."""
    place: str
    """Name of the function it stands in."""


Role = tuple[str, str]


def roles_of(sources: Sources) -> dict[Role, list[Use]]:
    """Returns the values of the product by the role they play: a field's, a keyword's, an argument's."""
    found: dict[Role, list[Use]] = defaultdict(list)
    for file in sources.values():
        for role, node in valued(file):
            around = file.enclosing(node)
            found[role].append(Use(file, node, layers_of(file, node), around.name if around else ""))
    return found


def valued(file: SourceFile) -> Iterator[tuple[Role, ast.expr]]:
    """Yields (role, value) for the values of a file that play one."""
    for node in ast.walk(file.tree):
        if isinstance(node, ast.Call):
            name = callee_name(node)
            if name and name not in NO_ROLE:
                yield from ((("argument", f"{name}:{n}"), value) for n, value in enumerate(node.args))
            yield from ((("field", k.arg), k.value) for k in node.keywords if k.arg)
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    yield ("field", key.value), value
        elif isinstance(node, ast.Assign) and len(node.targets) == 1:
            name = target_name(node.targets[0])
            if name:
                yield ("field", name), node.value


def target_name(node: ast.expr) -> str:
    """Returns the field that an assignment fills: a name, an attribute or a constant key."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
        return node.slice.value
    return ""


def layers_of(file: SourceFile, node: ast.expr) -> tuple[Layer, ...]:
    """Returns the wrappers around the core of a value, outermost first."""
    inner: ast.expr | None = None
    name = ""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and is_plain(node):
        inner, name = node.func.value, node.func.attr
        if isinstance(inner, ast.Name) and inner.id[:1].isupper():
            inner = None  # a constructor of a class, not a method of a value
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and len(node.args) == 1 and not node.keywords:
        inner, name = node.args[0], node.func.id
    if isinstance(node, ast.BinOp) and isinstance(node.right, ast.Constant | ast.Name) and arithmetic(node.op):
        inner, name = node.left, f"{type(node.op).__name__} {file.code(node.right)}"
    if inner is None or isinstance(inner, ast.Starred):
        return ()
    return (Layer(name, holed(file, node, inner)), *layers_of(file, inner))


def is_plain(call: ast.Call) -> bool:
    """Tells whether all arguments of a call are constants or upper-case names, so that it can stand elsewhere."""
    values = [*call.args, *(keyword.value for keyword in call.keywords)]
    return all(isinstance(v, ast.Constant) or (isinstance(v, ast.Name) and v.id.isupper()) for v in values)


def arithmetic(operator: ast.operator) -> bool:
    """Tells whether an operator scales a number."""
    return isinstance(operator, ast.Mult | ast.Div | ast.FloorDiv)


def missing_layers(sources: Sources, suspect: Unit, roles: Mapping[Role, Sequence[Use]]) -> Iterator[Idea]:
    """Yields the wrappers that a value in the same role has elsewhere, and lacks in the suspect."""
    inside = set(ast.walk(suspect.node))
    for role, uses in roles.items():
        for use in uses:
            if use.node not in inside or isinstance(use.node, ast.Starred | ast.Constant):
                continue
            others = [other for other in uses if other.node is not use.node]
            yield from lacking(sources, suspect, role, use, others)


def lacking(sources: Sources, suspect: Unit, role: Role, use: Use, others: Sequence[Use]) -> Iterator[Idea]:
    """Yields the ideas for one value: each wrapper of the others that it lacks, and all of them together."""
    own = {layer.name for layer in use.layers}
    known = bound_in(suspect.file, use.node)
    votes: Counter[tuple[Layer, ...]] = Counter()
    origin: dict[tuple[Layer, ...], Use] = {}
    for other in others:
        missing = tuple(layer for layer in other.layers if layer.name not in own)
        for chosen in {missing, *((layer,) for layer in missing)} - {()}:
            votes[chosen] += 1
            origin.setdefault(chosen, other)
    for chosen, count in votes.items():
        text = suspect.file.code(use.node)
        text = (
            f"({text})" if isinstance(use.node, ast.BinOp | ast.IfExp | ast.BoolOp | ast.Compare | ast.Lambda) else text
        )
        for layer in reversed(chosen):
            text = layer.text.replace(HOLE, text)
        needed = set().union(*(names_used(hole_filled(layer.text)) for layer in chosen)) - known
        imports = import_edits(sources, needed, origin[chosen].file, suspect.file)
        if imports is None:
            continue
        share = count / len(others)
        names = ", ".join(layer.name for layer in chosen)
        says = f"makes {role[1]} in {suspect.node.name} go through {names}, as {count} of {len(others)} other places do"
        yield Idea(
            (*imports, suspect.file.replace(use.node, text)),
            "sibling:value",
            0.25 + 0.6 * share + 0.02 * len(chosen),
            says,
        )
