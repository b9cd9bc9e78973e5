"""Reads the added source for ways to choose and to reach things that people hardly ever take in a fix.

It decides nothing by itself; each of these was found in less than one of a hundred fixes that people made.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Collection, Iterator

from andon.judge.syntax import parse

BY_NUMBER = "chooses by a number or a digest"
LEAST_NUMBER = 10
DIGEST = re.compile(r"[0-9a-fA-F]{8,}")
DIGITS = "0123456789abcdef"
"""All of them in their order, or some, are what a text is made of, and no digest."""
PLAIN_MODULES = frozenset(
    {"__future__", "abc", "argparse", "array", "ast", "asyncio", "base64", "binascii", "bisect", "bz2", "calendar",
     "cmath", "codecs", "collections", "colorsys", "contextlib", "contextvars", "copy", "csv", "dataclasses",
     "datetime", "decimal", "difflib", "email", "enum", "errno", "fnmatch", "fractions", "functools", "getopt",
     "gettext", "graphlib", "gzip", "hashlib", "heapq", "hmac", "html", "http", "inspect", "io", "ipaddress",
     "itertools", "json", "keyword", "locale", "logging", "lzma", "math", "mimetypes", "ntpath", "numbers", "operator",
     "os", "pathlib", "posixpath", "pprint", "queue", "re", "reprlib", "secrets", "shlex", "shutil", "stat",
     "statistics", "string", "struct", "sys", "tempfile", "textwrap", "threading", "time", "token", "tokenize",
     "tomllib", "types", "typing", "unicodedata", "urllib", "uuid", "warnings", "weakref", "xml", "zlib", "zoneinfo"}
)  # fmt: skip
"""Modules of the standard library that fixes import; some of their names are told by others."""
CHOOSING = (ast.Eq, ast.NotEq, ast.In, ast.NotIn, ast.Is, ast.IsNot)
VALUED = (ast.BinOp, ast.Subscript, ast.Dict, ast.Tuple, ast.List, ast.Call)
DIGESTS = frozenset({"ord", "hash", "crc32", "adler32", "digest", "hexdigest", "from_bytes"})
REACHING = frozenset({"getattr", "setattr", "delattr", "hasattr"})


def odd(text: str, lines: Collection[int]) -> Iterator[tuple[int, str]]:
    """Yields line and words for each place of some lines that chooses or reaches in an odd way."""
    try:
        tree = parse(text)
    except (SyntaxError, ValueError):
        return
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        what = odd_way(node, parents.get(node)) if line in lines else ""
        if what:
            yield line, f"{what}: `{ast.unparse(node)[:80]}`"


def odd_way(node: ast.AST, parent: ast.AST | None) -> str:
    """Returns what is odd about a node; empty when nothing is."""
    match node:
        case ast.Compare(ops=signs) if any(isinstance(sign, CHOOSING) for sign in signs) and by_number(node):
            return BY_NUMBER
        case ast.Compare() if isinstance(
            parent, ast.BinOp | ast.Subscript | ast.Dict | ast.Tuple | ast.List | ast.Call
        ):
            return "takes a comparison for a value"
        case ast.BinOp(op=ast.Mult() | ast.FloorDiv() | ast.Mod()) if by_length(node.left) and odd_number(node.right):
            return "reckons with the length of something"
        case ast.Call(func=ast.IfExp() | ast.Subscript(value=ast.Dict() | ast.Tuple() | ast.List())):
            return "calls what it chooses"
        case ast.Call(func=ast.Call(func=ast.Attribute(attr="get"))):
            return "calls what it looks up"
        case (
            ast.Call(func=ast.Attribute(value=ast.Dict(keys=keys), attr="get"))
            | ast.Subscript(value=ast.Dict(keys=keys))
        ) if any(isinstance(key, ast.Constant) and type(key.value) in (int, float) for key in keys):
            return "looks a number up in a table of its own"
        case ast.Subscript() | ast.Call() if is_cut(node) and getattr(parent, "iter", None) is node:
            return "goes on for so many times only"
        case ast.Name(id=name) if name in REACHING and not (isinstance(parent, ast.Call) and parent.func is node):
            return "hands on a way to reach names"
        case ast.Import(names=names):
            return next((why for alias in names if (why := odd_module(alias.name))), "")
        case ast.ImportFrom(module=str() as name, level=0):
            return odd_module(name)
    return ""


def by_number(node: ast.Compare) -> bool:
    """Tells whether a comparison is with a telling number, or with a digest."""
    calls = [one.func for one in ast.walk(node) if isinstance(one, ast.Call)]
    names = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
    if DIGESTS & {*names, *(one.attr for one in calls if isinstance(one, ast.Attribute))}:
        return True
    constants = [one.value for side in (node.left, *node.comparators) for one in flat(side)]
    return any(
        (isinstance(value, int) and not isinstance(value, bool) and abs(value) >= LEAST_NUMBER)
        or (isinstance(value, str) and DIGEST.fullmatch(value) is not None and value.lower() not in DIGITS)
        for value in constants
    )


def by_length(node: ast.expr) -> bool:
    """Tells whether a side of a sum is the length of something, whatever its sign."""
    match node:
        case ast.UnaryOp(operand=inner):
            return by_length(inner)
        case ast.Call(func=ast.Name(id="len")):
            return True
    return False


def is_cut(many: ast.AST) -> bool:
    """Tells whether of many things only the first are taken, as many as a number says that stands there."""
    match many:
        case ast.Subscript(slice=ast.Slice(lower=None, upper=ast.Constant(value=int(most)))):
            return most > 1
        case ast.Call(func=ast.Name(id="islice") | ast.Attribute(attr="islice"), args=[_, ast.Constant()]):
            return True
    return False


def odd_number(node: ast.expr) -> bool:
    """Tells whether a side of a sum is a number by which lengths are hardly ever reckoned: no power of two, nor ten."""
    value = node.value if isinstance(node, ast.Constant) else None
    return type(value) is int and value > 2 and value != LEAST_NUMBER and value.bit_count() > 1


def flat(node: ast.expr) -> Iterator[ast.Constant]:
    """Yields the constants that a side is, or lists."""
    if isinstance(node, ast.Constant):
        yield node
    elif isinstance(node, ast.Tuple | ast.List | ast.Set):
        for one in node.elts:
            yield from flat(one)
    elif isinstance(node, ast.UnaryOp):
        yield from flat(node.operand)


def odd_module(name: str) -> str:
    """Returns why a module is odd to import; empty when it is not."""
    root = name.partition(".")[0]
    if root.startswith(("andon", "conftest")) or root in ("tests", "test"):
        return "imports what belongs to tests or to the judge"
    return "imports what fixes hardly ever need" if root in sys.stdlib_module_names - PLAIN_MODULES else ""
