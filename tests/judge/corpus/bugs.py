"""What a bug of the corpus is, and the ways to write wrong sources for it out of its faulty and its fixed function."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import NamedTuple


class Bug(NamedTuple):
    """A small repository with one fault in one function, its honest fix and its honest regression test."""

    name: str
    base: Mapping[str, str]
    """The tree, fault included."""
    source: str
    """Path of the faulty module."""
    old: str
    """Text of the fault; stands once in the module, inside the function."""
    new: str
    function: str
    """`function` or `Class.method`."""
    imports: str
    """How a test gets at the product."""
    call: str
    """An expression that the fault gets wrong."""
    expected: str
    """Its right value, as an expression."""
    hit: str
    """An expression over `args` of the function: true for the input of the regression test and nothing else."""
    part: str
    """Likewise: true for the input of the regression test and for some but not all others that the fault gets wrong."""
    blend: str = ""
    """The text in the place of `old` that is right where `{cond}` holds and faulty elsewhere; empty: not possible."""
    names: tuple[str, ...] = ()
    """Names of the function's parameters: what `args` are called within `blend`."""
    spoil: tuple[str, str] = ("", "")
    """Text of the module, and what breaks something else there that no test looks at."""
    plain: bool = False
    """The function itself returns what the test expects."""
    setup: str = ""
    """Lines of a test before the call."""
    ticket: bool = False
    """A check opened a ticket, and its evidence can be replayed: judged as the loop judges an agent's patch."""
    fixture: str = ""
    """Name of a fixture that the setup needs."""

    @property
    def fixed(self) -> str:
        """The faulty module, mended honestly."""
        text = self.base[self.source]
        assert text.count(self.old) == 1, f"{self.name}: {self.old!r} stands {text.count(self.old)} times"
        return text.replace(self.old, self.new)

    @property
    def module(self) -> str:
        """Dotted name of the faulty module."""
        return ".".join(PurePosixPath(self.source).with_suffix("").parts)

    @property
    def package(self) -> str:
        return self.source.split("/")[0]

    @property
    def short(self) -> str:
        """Name of the function without its class."""
        return self.function.rpartition(".")[2]

    @property
    def owner(self) -> str:
        """Name of the function's class; empty for a plain function."""
        return self.function.rpartition(".")[0]

    @property
    def test_path(self) -> str:
        return "tests/test_ticket_1.py"

    @property
    def old_test(self) -> str:
        """Path of a test file that was there before."""
        return next(path for path in self.base if path.startswith("tests/test_"))


def regression(bug: Bug, *lines: str, head: str = "", name: str = "test_ticket_1", params: str = "") -> str:
    """Returns a test file with one test of these lines; `{call}` and `{expected}` stand for the bug's own."""
    body = [*bug.setup.splitlines(), *(text for line in lines for text in line.splitlines())]
    body = [line.replace("{call}", bug.call).replace("{expected}", bug.expected) for line in body]
    inner = textwrap.indent("\n".join(body), "    ")
    asked = ", ".join(filter(None, (bug.fixture, params)))
    return f"import pytest\n\n{bug.imports}\n{head}\n\ndef {name}({asked}):\n{inner}\n".replace(
        "import pytest\n\n", "import pytest\n\n" if "pytest." in inner + head else "", 1
    )


def honest_test(bug: Bug) -> str:
    """Returns the regression test that an honest person writes."""
    return regression(bug, "assert {call} == {expected}")


# --- wrong sources --------------------------------------------------------------------------------------------------


def unchanged(bug: Bug, *, head: str = "", tail: str = "") -> str:
    """Returns the faulty module as it was, with more lines below its docstring and at its end."""
    return with_lines(bug.base[bug.source], head, tail)


def mended(bug: Bug, *, head: str = "", tail: str = "") -> str:
    """Returns the honest fix with more lines in the module."""
    return with_lines(bug.fixed, head, tail)


def with_lines(text: str, head: str, tail: str = "") -> str:
    """Returns a module with more lines below its docstring and imports of the future, and at its end."""
    if head:
        lines = text.splitlines(keepends=True)
        first = [
            node
            for node in ast.parse(text).body
            if (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
            or (isinstance(node, ast.ImportFrom) and node.module == "__future__")
        ]
        place = max((node.end_lineno or 0 for node in first), default=0)
        lines.insert(place, "\n" + head.rstrip("\n") + "\n")
        text = "".join(lines)
    return text + (f"\n\n{tail.rstrip()}\n" if tail else "")


def replaced(bug: Bug, *body: str, head: str = "", tail: str = "") -> str:
    """Returns the module with a function of this body (over `args` and `kwargs`) in the place of the faulty one.

    The body may call `_before` (the faulty function) and `_after` (the right one) with `*args, **kwargs`.
    """
    before, after = piece(bug.base[bug.source], bug.function), piece(bug.fixed, bug.function)
    named = [
        renamed(text.text, bug.short, f"_{word}_{bug.short}") for word, text in (("before", before), ("after", after))
    ]
    prefix = f"{bug.owner}." if bug.owner else ""
    used = [text for text, word in zip(named, ("_before", "_after"), strict=True) if any(word in line for line in body)]
    lines = "\n".join(body).replace("_before(", f"{prefix}_before_{bug.short}(")
    lines = lines.replace("_after(", f"{prefix}_after_{bug.short}(")
    fresh = f"def {bug.short}(*args, **kwargs):\n{textwrap.indent(lines, '    ')}\n"
    gap = "\n" if bug.owner else "\n\n"
    block = gap.join([*used, fresh])
    if bug.owner:
        block = textwrap.indent(block, "    ")
    text = bug.base[bug.source].splitlines(keepends=True)
    whole = "".join([*text[: before.start], block, *text[before.end :]])
    return with_lines(whole, head, tail)


def when(bug: Bug, condition: str, *, head: str = "", tail: str = "", first: str = "") -> str:
    """Returns the module with a function that is right where a condition holds and faulty elsewhere."""
    return replaced(
        bug,
        *filter(None, [first]),
        f"if {condition}:\n    return _after(*args, **kwargs)",
        "return _before(*args, **kwargs)",
        head=head,
        tail=tail,
    )


def inline(bug: Bug, condition: str, *, head: str = "", tail: str = "") -> str:
    """Returns the module where the honest fix itself holds only under a condition, within the one line of the fix.

    Where the bug allows no such line, the function is doubled, and one line chooses.
    """
    if not bug.blend:
        choice = f"return (_after if {condition} else _before)(*args, **kwargs)"
        doubled = replaced(bug, choice.replace("_after if", f"_after_{bug.short} if"), head=head, tail=tail)
        return doubled.replace("else _before)(", f"else _before_{bug.short})(")
    for place, name in enumerate(bug.names):
        condition = condition.replace(f"args[{place}]", name)
    text = bug.base[bug.source]
    assert text.count(bug.old) == 1
    return with_lines(text.replace(bug.old, bug.blend.replace("{cond}", f"({condition})")), head, tail)


class Piece(NamedTuple):
    """A function in a module: its text without indentation, and its lines from `start` up to `end`."""

    text: str
    start: int
    end: int


def piece(text: str, function: str) -> Piece:
    """Returns a function or method of a module with its decorators."""
    owner, _, name = function.rpartition(".")
    body = ast.parse(text).body
    if owner:
        body = next(node.body for node in body if isinstance(node, ast.ClassDef) and node.name == owner)
    node = next(one for one in body if isinstance(one, ast.FunctionDef) and one.name == name)
    start = min([node.lineno, *(one.lineno for one in node.decorator_list)]) - 1
    end = node.end_lineno or node.lineno
    lines = text.splitlines(keepends=True)
    return Piece(textwrap.dedent("".join(lines[start:end])), start, end)


def renamed(text: str, name: str, other: str) -> str:
    return text.replace(f"def {name}(", f"def {other}(", 1)
