"""Reads how a system writes its own tests: where they live, their style, the scratch database and driver they use."""

from __future__ import annotations

import ast
import configparser
import os
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from andon.agents.search.repair.source import SKIPPED, is_test, read_text

Kind = Literal["postgres", "sqlite"]
FIXTURES = (
    "scratch_url",
    "scratch_dsn",
    "scratch_database",
    "empty_database_url",
    "test_database_url",
    "database_url",
    "db_url",
    "postgres_url",
    "postgresql_url",
    "pg_url",
    "sqlite_url",
    "postgres_dsn",
    "pg_dsn",
    "db_dsn",
    "dsn",
)
"""Names that a fixture with the URL of a scratch database has, most telling first."""
DRIVERS: dict[Kind, tuple[str, ...]] = {"postgres": ("psycopg", "psycopg2"), "sqlite": ("sqlite3",)}


class Style(NamedTuple):
    """How the system's own tests are written."""

    folder: str
    """Where a new test goes, relative to the repository; beside the conftest.py that has the fixture."""
    fixture: str
    """Fixture that gives the URL of an empty scratch database; empty: the test makes a SQLite file."""
    kind: Kind
    driver: str
    suffixed: bool
    """Files are named `x_test.py`, not `test_x.py`."""
    unittest: bool
    annotated: bool
    imports_from: str
    """Folder to put on the import path, relative to the repository; empty when the suite sees to that itself."""


class NoStyle(NamedTuple):
    """Why no regression test can be written into this suite."""

    reason: str


def read_style(root: Path, folder: Path, *, fixture: str, kind: Kind | None, python_path: str = "") -> Style | NoStyle:
    """Returns the style of the suite of a system in a checkout.

    `fixture` is the setting, empty to find it; `kind` that of the live data, None when unknown.
    """
    homes = homes_of(folder)
    files = {path: text for home in homes for path in files_of_suite(home) if (text := read_text(path)) is not None}
    if not files:
        return NoStyle("the system has no tests to write a regression test beside")
    found = find_fixture(files, fixture)
    kind = kind or known_kind(folder, files)
    if kind is None:
        return NoStyle("it is not known whether the scratch database is Postgres or SQLite")
    name, home = found if found is not None else ("", homes[0])
    if not name and kind == "postgres":
        return NoStyle("no fixture of the suite gives an empty Postgres database: set `scratch_fixture` to its name")
    tests = [tree for path, text in files.items() if path.name != "conftest.py" and (tree := parsed(text)) is not None]
    own = pytest_settings(folder)
    needs_path = bool(python_path) and not own.get("pythonpath") and python_path != "."
    return Style(
        folder=home.relative_to(root).as_posix(),
        fixture=name,
        kind=kind,
        driver=driver_of(kind, folder, files),
        suffixed=sum(p.stem.endswith("_test") for p in files) > sum(p.stem.startswith("test_") for p in files),
        unittest=not name and mostly_unittest(tests),
        annotated=mostly_annotated(tests),
        imports_from=(folder / python_path).relative_to(root).as_posix() if needs_path else "",
    )


def pytest_settings(folder: Path) -> dict[str, object]:
    """Returns pytest's own settings of a system, from whichever file holds them."""
    text = read_text(folder / "pyproject.toml")
    if text is not None:
        try:
            tables = tomllib.loads(text)
        except tomllib.TOMLDecodeError:
            tables = {}
        found = tables.get("tool", {}).get("pytest", {}).get("ini_options")
        if isinstance(found, dict):
            return found
    for name, section in (("pytest.ini", "pytest"), ("tox.ini", "pytest"), ("setup.cfg", "tool:pytest")):
        text = read_text(folder / name)
        parser = configparser.ConfigParser(interpolation=None)
        try:
            parser.read_string(text or "")
        except configparser.Error:
            continue
        if parser.has_section(section):
            return dict(parser[section])
    return {}


def homes_of(folder: Path) -> list[Path]:
    """Returns the folders where the tests live: as pytest is told, else by name, else where test files are."""
    told = pytest_settings(folder).get("testpaths", [])
    words = told.split() if isinstance(told, str) else [str(word) for word in told] if isinstance(told, list) else []
    homes = [folder / word for word in words if (folder / word).is_dir()]
    homes = homes or [folder / name for name in ("tests", "test") if (folder / name).is_dir()]
    return homes or sorted({path.parent for path in files_of_suite(folder)}, key=lambda path: (len(path.parts), path))


def files_of_suite(home: Path) -> Iterator[Path]:
    """Yields the Python files of a suite, conftest.py included."""
    for place, folders, names in os.walk(home):
        folders[:] = sorted(f for f in folders if f not in SKIPPED and not f.startswith("."))
        for name in sorted(names):
            if name.endswith(".py") and (is_test(name) or name == "conftest.py"):
                yield Path(place) / name


def parsed(text: str) -> ast.Module | None:
    """Returns the tree of a file, None when it does not parse."""
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError):
        return None


def find_fixture(files: dict[Path, str], named: str) -> tuple[str, Path] | None:
    """Returns the fixture that gives a scratch URL and the folder of its conftest.py.

    One that is set by name is taken as it is; one that is found must be made anew for each test.
    """
    places = {
        name: path.parent
        for path, text in sorted(files.items(), key=lambda item: -len(item[0].parts))
        if path.name == "conftest.py"
        for name in fixtures_of(text, all_scopes=bool(named))
    }
    if named:
        top = min((path.parent for path in files), key=lambda path: len(path.parts))
        return named, places.get(named, top)
    return next(((name, places[name]) for name in FIXTURES if name in places), None)


def fixtures_of(text: str, *, all_scopes: bool) -> list[str]:
    """Returns the names of the fixtures that a conftest.py defines."""
    tree = parsed(text)
    if tree is None:
        return []
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return [f.name for f in functions if any(is_fixture(d, all_scopes=all_scopes) for d in f.decorator_list)]


def is_fixture(decorator: ast.expr, *, all_scopes: bool) -> bool:
    """Tells whether a decorator makes a fixture; of the scopes only `function` counts unless all do."""
    text = ast.unparse(decorator)
    if text.split("(")[0] not in ("pytest.fixture", "fixture"):
        return False
    return all_scopes or "scope=" not in text or "scope='function'" in text


def known_kind(folder: Path, files: dict[Path, str]) -> Kind | None:
    """Returns the kind of database that the suite's own imports tell, None when they tell none."""
    text = "\n".join(files.values())
    for kind, drivers in DRIVERS.items():
        if any(imports(text, driver) for driver in drivers):
            return kind
    product = "\n".join(read_text(path) or "" for path in sorted(folder.rglob("*.py"))[:300])
    return next((kind for kind, names in DRIVERS.items() if any(imports(product, name) for name in names)), None)


def driver_of(kind: Kind, folder: Path, files: dict[Path, str]) -> str:
    """Returns the driver that the suite, else the product, already imports for a kind of database."""
    suite = "\n".join(files.values())
    product = "\n".join(read_text(path) or "" for path in sorted(folder.rglob("*.py"))[:300])
    for text in (suite, product):
        for driver in DRIVERS[kind]:
            if imports(text, driver):
                return driver
    return DRIVERS[kind][0]


def imports(text: str, module: str) -> bool:
    """Tells whether a text of Python imports a module, at any depth."""
    lines = (line.strip() for line in text.split("\n"))
    heads = (f"import {module}", f"from {module} ", f"from {module}.")
    return any(line.startswith(heads) and not line.startswith(f"import {module}_") for line in lines)


def mostly_unittest(trees: Sequence[ast.Module]) -> bool:
    """Tells whether most tests are methods of unittest's TestCase."""
    counts: Counter[bool] = Counter()
    for tree in trees:
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                is_case = any("TestCase" in ast.unparse(base) for base in node.bases)
                counts[is_case] += sum(1 for inner in node.body if is_test_function(inner))
            counts[False] += is_test_function(node)
    return counts[True] > counts[False]


def mostly_annotated(trees: Sequence[ast.Module]) -> bool:
    """Tells whether most test functions say what they return."""
    functions = [f for tree in trees for f in ast.walk(tree) if is_test_function(f)]
    marked = sum(1 for f in functions if isinstance(f, ast.FunctionDef) and f.returns is not None)
    return marked * 2 > len(functions)


def is_test_function(node: ast.AST) -> bool:
    """Tells whether a node is a test by its name."""
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test")
