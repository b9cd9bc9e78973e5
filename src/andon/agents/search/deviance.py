"""Finds what a function's siblings do and it does not (bugs as deviant behaviour); it does not say that it must."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from andon.agents.search.source import Function, FunctionNode

WEIGHTS = {"decorator": 1.0, "wrapper": 1.0, "bypass": 1.0, "with": 0.8, "except": 0.7, "check": 0.6, "argument": 0.5}
"""How much a kind of practice is worth as a protection that someone forgot."""
KIN = 0.34
"""Likeness from which two functions count as siblings, 0 to 1."""
MOST_KIN = 8
MAJORITY = 0.6
PLAIN = frozenset({"staticmethod", "classmethod", "property", "override", "wraps", "overload", "abstractmethod"})
CHEAP = frozenset(dir(builtins)) | {"append", "get", "items", "format", "join", "strip", "info", "debug", "warning"}
Practice = tuple[str, str]
"""(kind, words), such as ("decorator", "@retrying")."""


class Portrait(NamedTuple):
    """What one function does, as far as its text tells."""

    function: Function
    calls: frozenset[str]
    """Callees as `name` or `receiver.name`, with `self.` taken off."""
    practices: frozenset[Practice]
    parameters: frozenset[str]
    words: frozenset[str]
    """The words of its name."""


class Deviation(NamedTuple):
    """A practice that siblings share and one function lacks."""

    function: Function
    kind: str
    lacks: str
    """In words, such as `@retrying` or `with limiter`."""
    siblings: tuple[Function, ...]
    """Those that have it, likest first."""
    of: int
    """How many siblings were compared."""
    score: float
    """0 to 1."""


def deviations(known: Sequence[Function], suspects: Iterable[Function]) -> tuple[Deviation, ...]:
    """Returns what the suspects lack that most of their siblings have, strongest first."""
    portraits = {function.place: portrait(function) for function in known}
    portraits = with_wrapped(portraits)
    found = [
        deviation
        for suspect in suspects
        if suspect.place in portraits
        for deviation in (
            *lacking(portraits[suspect.place], portraits),
            *bypassing(portraits[suspect.place], portraits),
        )
    ]
    found.sort(key=lambda deviation: (-deviation.score, deviation.function.place, deviation.lacks))
    return tuple(found)


def portrait(function: Function) -> Portrait:
    """Returns what one function does."""
    node = function.node
    arguments = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
    calls = frozenset(
        callee for part in ast.walk(node) if isinstance(part, ast.Call) for callee in [callee_of(part.func)]
    )
    practices = frozenset(practices_of(node))
    parameters = frozenset(argument.arg for argument in arguments) - {"self", "cls"}
    words = frozenset(word for word in re.split(r"_|(?<=[a-z])(?=[A-Z])", node.name.lower()) if word)
    return Portrait(function, calls - {""}, practices, parameters, words)


def practices_of(node: FunctionNode) -> Iterable[Practice]:
    for decorator in node.decorator_list:
        name = callee_of(decorator.func if isinstance(decorator, ast.Call) else decorator).rpartition(".")[2]
        if name and name not in PLAIN:
            yield "decorator", f"@{name}"
    for part in ast.walk(node):
        if isinstance(part, ast.With | ast.AsyncWith):
            for item in part.items:
                held = item.context_expr.func if isinstance(item.context_expr, ast.Call) else item.context_expr
                yield "with", f"with {callee_of(held)}"
        elif isinstance(part, ast.ExceptHandler) and part.type is not None:
            yield from (("except", f"except {name}") for name in exception_names(part.type))
        elif isinstance(part, ast.For | ast.AsyncFor) and isinstance(part.iter, ast.Call):
            name = callee_of(part.iter.func)
            if name[:1].isupper() or name.rpartition(".")[2][:1].isupper():  # for attempt in Retrying(...)
                yield "wrapper", f"for .. in {name}(..)"
        elif isinstance(part, ast.Call):
            yield from call_practices(part)
        elif isinstance(part, ast.Expr) and isinstance(part.value, ast.Call):
            pass
        if isinstance(part, ast.Expr) and isinstance(unawaited(part.value), ast.Call):
            call = unawaited(part.value)
            if (
                isinstance(call, ast.Call)
                and isinstance(call.func, ast.Attribute)
                and not call.args
                and not call.keywords
            ):
                yield "check", f".{call.func.attr}()"


def call_practices(call: ast.Call) -> Iterable[Practice]:
    name = callee_of(call.func)
    for word in call.keywords:
        if word.arg and name:
            yield "argument", f"{word.arg}= in {name}(..)"
    if any(isinstance(value, ast.Lambda) for value in (*call.args, *(word.value for word in call.keywords))):
        yield "wrapper", f"{name}(..)"


def unawaited(node: ast.expr) -> ast.expr:
    return node.value if isinstance(node, ast.Await) else node


def exception_names(node: ast.expr) -> list[str]:
    return [callee_of(part) for part in (node.elts if isinstance(node, ast.Tuple) else [node])]


def callee_of(node: ast.expr) -> str:
    """Returns `name` or `receiver.name` of what is called; empty when it is no plain name."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        owner = node.value
        receiver = owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else ""
        return node.attr if receiver in ("self", "cls", "") else f"{receiver}.{node.attr}"
    if isinstance(node, ast.Call):  # retry(times=3)(fetch)
        return callee_of(node.func)
    return ""


def with_wrapped(portraits: dict[str, Portrait]) -> dict[str, Portrait]:
    """Returns the portraits with what reaches a function from outside: it is handed to a wrapper, or calls one."""
    by_name: dict[str, list[Portrait]] = {}
    for one in portraits.values():
        by_name.setdefault(one.function.name.rpartition(".")[2], []).append(one)
    handed: dict[str, set[Practice]] = {}
    for one in portraits.values():
        for call in (part for part in ast.walk(one.function.node) if isinstance(part, ast.Call)):
            for value in call.args:
                if isinstance(value, ast.Name | ast.Attribute):
                    for target in by_name.get(callee_of(value).rpartition(".")[2], ()):
                        handed.setdefault(target.function.place, set()).add(("wrapper", f"{callee_of(call.func)}(..)"))
    return {
        place: one._replace(
            practices=one.practices
            | handed.get(place, set())
            | {
                practice
                for callee in one.calls
                for target in by_name.get(callee.rpartition(".")[2], ())[:1]
                for practice in target.practices
                if practice[0] in ("decorator", "wrapper") and target.function.place != place
            }
        )
        for place, one in portraits.items()
    }


def likeness(one: Portrait, other: Portrait) -> float:
    """Returns how much two functions look like siblings, 0 to 1: same calls, parameters, name, home."""
    same_home = one.function.path == other.function.path
    same_class = one.function.name.rpartition(".")[0] == other.function.name.rpartition(".")[0]
    calls = jaccard(one.calls - CHEAP, other.calls - CHEAP)
    return (
        0.4 * calls
        + 0.2 * jaccard(one.parameters, other.parameters)
        + 0.3 * jaccard(one.words, other.words)
        + (0.1 if same_home and same_class else 0.0)
    )


def jaccard(left: frozenset[str], right: frozenset[str]) -> float:
    return len(left & right) / len(left | right) if left | right else 0.0


def siblings_of(one: Portrait, portraits: dict[str, Portrait]) -> list[tuple[float, Portrait]]:
    """Returns the functions most like one, likest first; those that call it, or that it calls, are no siblings."""
    name = one.function.name.rpartition(".")[2]
    mine = {callee.rpartition(".")[2] for callee in one.calls}
    found = []
    for other in portraits.values():
        theirs = {callee.rpartition(".")[2] for callee in other.calls}
        if other.function.place == one.function.place or other.function.name.startswith(f"{one.function.name}."):
            continue
        if name in theirs or other.function.name.rpartition(".")[2] in mine:
            continue
        alike = likeness(one, other)
        if alike >= KIN:
            found.append((alike, other))
    return sorted(found, key=lambda pair: (-pair[0], pair[1].function.place))[:MOST_KIN]


def lacking(one: Portrait, portraits: dict[str, Portrait]) -> Iterable[Deviation]:
    """Yields the practices that most siblings have and this function lacks."""
    kin = siblings_of(one, portraits)
    whole = sum(alike for alike, _ in kin)
    for practice in sorted({practice for _, other in kin for practice in other.practices} - one.practices):
        kind, words = practice
        having = [(alike, other) for alike, other in kin if practice in other.practices]
        share = sum(alike for alike, _ in having) / whole
        if kind == "argument" and words.partition("= in ")[2].removesuffix("(..)") not in one.calls:
            continue  # it does not make that call at all
        if share < MAJORITY or (kind in ("argument", "check") and len(having) < 2):
            continue
        score = WEIGHTS[kind] * share * min(1.0, 0.5 + having[0][0] / 2) * (1.0 if len(having) > 1 else 0.8)
        yield Deviation(
            one.function, kind, words, tuple(other.function for _, other in having), len(kin), round(min(1.0, score), 4)
        )


def bypassing(one: Portrait, portraits: dict[str, Portrait]) -> Iterable[Deviation]:
    """Yields the wrappers that a function goes around: it makes the bare call that others make through them."""
    for wrapper in portraits.values():
        name = wrapper.function.name.rpartition(".")[2]
        bare = {call for call in one.calls & wrapper.calls if "." in call}
        protects = [words for kind, words in wrapper.practices if kind in ("decorator", "wrapper", "with", "except")]
        if wrapper.function.place == one.function.place or not bare or not protects:
            continue
        if name in {callee.rpartition(".")[2] for callee in one.calls}:
            continue
        others = [other for other in portraits.values() if other.function.place != one.function.place]
        users = [other.function for other in others if name in {callee.rpartition(".")[2] for callee in other.calls}]
        direct = sum(bool(bare & other.calls) for other in others) - 1  # the wrapper's own
        if len(users) > 2 * direct:  # else the bare call is how it is done here
            words = f"{name}(..), the way around a bare {min(bare)}(..)"
            yield Deviation(one.function, "bypass", words, (wrapper.function, *users), len(users) + 1, 0.8)
