"""Reads the files by which a Python project describes itself; whatever they hold, it only reads and never runs them."""

from __future__ import annotations

import ast
import configparser
import re
from functools import cached_property
from pathlib import Path

from pydantic import JsonValue

from andon.config import read_toml
from andon.errors import ConfigError

MARKS = ("pyproject.toml", "setup.py", "setup.cfg")
LARGEST = 2**21

Table = dict[str, JsonValue]


class ProjectFiles:
    """The files of one project in a checkout, each read once."""

    def __init__(self, tree: Path, folder: str = "") -> None:
        self.tree = tree
        self.folder = folder
        self.top = tree / folder if folder else tree

    def text(self, path: str) -> str:
        """Returns a file's text; empty when there is none in the tree."""
        place = (self.top / path).resolve()
        if not place.is_relative_to(self.tree.resolve()) or not place.is_file() or place.stat().st_size > LARGEST:
            return ""
        return place.read_text(encoding="utf-8", errors="replace")

    def table(self, *keys: str) -> Table:
        """Returns a table of pyproject.toml; empty when it is not there."""
        return subtable(self.pyproject, *keys)

    @cached_property
    def pyproject(self) -> Table:
        path = self.top / "pyproject.toml"
        if not self.text("pyproject.toml"):
            return {}
        try:
            return read_toml(path)
        except ConfigError:  # the project's own mistake: its other files may still say enough
            return {}

    @cached_property
    def setup_cfg(self) -> configparser.RawConfigParser:
        return parsed_ini(self.text("setup.cfg"))

    @cached_property
    def tox(self) -> configparser.RawConfigParser:
        legacy = self.table("tool", "tox").get("legacy_tox_ini", "")
        return parsed_ini(self.text("tox.ini") or (legacy if isinstance(legacy, str) else ""))

    @cached_property
    def setup_py(self) -> Table:
        """The arguments of `setup()` that can be read without running it."""
        return setup_arguments(self.text("setup.py"))

    def ini(self, parser: configparser.RawConfigParser, section: str, key: str) -> str:
        """Returns a value of an ini file; empty when it is not there."""
        return parser.get(section, key, fallback="") or ""


def subtable(table: Table, *keys: str) -> Table:
    """Returns a table inside a table; empty when it is not there."""
    for key in keys:
        inner = table.get(key)
        if not isinstance(inner, dict):
            return {}
        table = inner
    return table


def parsed_ini(text: str) -> configparser.RawConfigParser:
    """Returns an ini file; an empty one when it cannot be parsed."""
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(text)
    except configparser.Error:  # the project's own mistake: its other files may still say enough
        return configparser.RawConfigParser()
    return parser


def setup_arguments(text: str) -> Table:
    """Returns the keyword arguments of a `setup()` call whose values are literals or names of such."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return {}
    known: dict[str, ast.expr] = {}
    found: Table = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            known.setdefault(node.targets[0].id, node.value)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and called(node) == "setup":
            words = [(word.arg, word.value) for word in node.keywords if word.arg]
            spread = [known.get(word.value.id) for word in node.keywords if isinstance(word.value, ast.Name)]
            for table in spread:
                if isinstance(table, ast.Dict):
                    keys = [key.value if isinstance(key, ast.Constant) else None for key in table.keys]
                    pairs = zip(keys, table.values, strict=True)
                    words += [(key, value) for key, value in pairs if isinstance(key, str)]
            for name, value in words:
                seen = literal(value, known)
                if seen is not None:
                    found.setdefault(name, seen)
    return found


def called(node: ast.Call) -> str:
    """Returns the last name of what is called."""
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def literal(node: ast.expr, known: dict[str, ast.expr], depth: int = 4) -> JsonValue:
    """Returns the value of an expression of literals, lists, tables, sums and names of such; None when it is more."""
    if depth == 0:
        return None
    if isinstance(node, ast.Name):
        return literal(known[node.id], known, depth - 1) if node.id in known else None
    if isinstance(node, (ast.List, ast.Tuple)):
        return [literal(item, known, depth - 1) for item in node.elts]
    if isinstance(node, ast.Dict):
        pairs = [
            (key.value, literal(value, known, depth - 1))
            for key, value in zip(node.keys, node.values, strict=True)
            if isinstance(key, ast.Constant)
        ]
        return {str(key): value for key, value in pairs}
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = literal(node.left, known, depth - 1), literal(node.right, known, depth - 1)
        if isinstance(left, list) and isinstance(right, list):
            return [*left, *right]
        return left + right if isinstance(left, str) and isinstance(right, str) else None
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, (str, int, bool)) else None


def find_project(tree: Path, changed: tuple[str, ...] = ()) -> str:
    """Returns the folder of the project that changed files belong to: the nearest above them that describes itself.

    The repository's root when nothing changed or none does; relative to the tree.
    """
    votes: dict[str, int] = {}
    for path in changed:
        folder = Path(path).parent
        while folder != Path() and not is_project(tree / folder):
            folder = folder.parent
        name = "" if folder == Path() else folder.as_posix()
        votes[name] = votes.get(name, 0) + (2 if path.endswith(".py") else 1)
    best = max(votes, key=lambda name: (votes[name], -len(name)), default="")
    if not best and not is_project(tree):
        inner = [path.parent.name for mark in MARKS for path in sorted(tree.glob(f"*/{mark}"))]
        return inner[0] if len(set(inner)) == 1 else ""
    return best


def is_project(folder: Path) -> bool:
    """Tells whether a folder describes a distribution of its own; a pyproject.toml of tools alone does not."""
    if (folder / "setup.py").is_file():
        return True
    files = ProjectFiles(folder)
    return bool(
        files.table("project") or files.table("tool", "poetry") or files.table("tool", "flit")
    ) or files.setup_cfg.has_section("metadata")


def words(text: str) -> tuple[str, ...]:
    """Returns the words of a value that holds several, apart by spaces, lines or commas."""
    return tuple(word for word in re.split(r"[\s,]+", text.strip()) if word)
