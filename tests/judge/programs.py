"""Small functions of any shape, as text, for what must be true of every rewriting of a function."""

from __future__ import annotations

from hypothesis import strategies as st

NAMES = ("a", "b", "x", "y", "total")
OPERATORS = ("+", "-", "*")
COMPARISONS = ("<", "<=", "==", "!=", ">", ">=")

atoms = st.one_of(st.sampled_from(NAMES), st.integers(-9, 9).map(lambda number: f"({number})"))


def grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Returns bigger expressions made of smaller ones."""
    binary = st.tuples(inner, st.sampled_from(OPERATORS), inner).map(lambda one: f"({one[0]} {one[1]} {one[2]})")
    choice = st.tuples(inner, conditions(inner), inner).map(lambda one: f"({one[0]} if {one[1]} else {one[2]})")
    listed = st.tuples(inner, st.sampled_from(NAMES)).map(
        lambda one: f"sum([{one[0]} + i for i in range({one[1]} % 3)])"
    )
    called = st.tuples(inner, inner).map(lambda one: f"max({one[0]}, {one[1]})")
    kept = inner.map(lambda one: f"(lambda k: k + {one})(1)")
    return st.one_of(binary, choice, listed, called, kept)


def conditions(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Returns conditions on expressions."""
    plain = st.tuples(inner, st.sampled_from(COMPARISONS), inner).map(" ".join)
    return st.one_of(plain, plain.map(lambda one: f"not ({one})"), st.tuples(plain, plain).map(" and ".join))


expressions = st.recursive(atoms, grown, max_leaves=4)


@st.composite
def blocks(draw: st.DrawFn, depth: int) -> list[str]:
    """Draws the lines of a block, without indentation."""
    lines: list[str] = []
    for _ in range(draw(st.integers(1, 3))):
        kind = draw(st.sampled_from(("give", "more", "if", "if", "for", "nested", "return", "comment")))
        value, name = draw(expressions), draw(st.sampled_from(NAMES))
        if kind == "give":
            lines.append(f"{name} = {value}")
        elif kind == "more":
            lines.append(f"{name} += {value}")
        elif kind == "comment":
            lines += [f"# {name}: ä", f'{name} = len("ä{name}")']
        elif kind == "return" and draw(st.booleans()):
            lines.append(f"return {value}")
        elif kind == "nested":
            lines += ["def inner(k):", f"    return k + {value}", f"{name} = inner({name})"]
        elif depth:
            body, rest = draw(blocks(depth - 1)), draw(blocks(depth - 1))
            head = f"for {name} in range(3):" if kind == "for" else f"if {draw(conditions(expressions))}:"
            lines += [head, *("    " + line for line in body)]
            if kind == "if" and draw(st.booleans()):
                lines += ["else:  # otherwise", *("    " + line for line in rest)]
        else:
            lines.append(f"{name} = {value}")
    return lines


@st.composite
def programs(draw: st.DrawFn) -> str:
    """Draws a module with one function `f(a, b)` that ends, and gives a number or an error."""
    body = ["x = a", "y = b", "total = 0", *draw(blocks(2)), "return (a, b, x, y, total)"]
    return "def f(a, b):\n" + "".join(f"    {line}\n" for line in body)


def outcome(text: str, *values: int) -> object:
    """Returns what `f` of a module gives for some values, or the kind of its error."""
    space: dict[str, object] = {}
    exec(compile(text, "program", "exec"), space)  # our own text, made above
    function = space["f"]
    assert callable(function)
    try:
        return function(*values)
    except (ArithmeticError, UnboundLocalError, NameError, TypeError) as error:
        return type(error)
