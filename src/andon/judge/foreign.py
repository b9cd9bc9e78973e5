"""Finds the new tests of runners other than pytest: by the files of a diff, or by what the runs with it tell."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from andon.models import TestEvent
from andon.runners import CARGO, Runner

if TYPE_CHECKING:
    from andon.judge.hearing import Hearing

SCRIPTS = frozenset({".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".jsx", ".tsx"})
NO_TESTS = frozenset({"__mocks__", "__fixtures__", "__snapshots__", "fixtures", "helpers", "node_modules"})
"""Folders among tests whose scripts hold none."""
NAMED_IMPORT = re.compile(r"""(?m)^import\s*\{([^}]*)\}\s*from\s*(["'](?:\.[^"']*)["'])\s*;?[ \t]*$""")
"""`import { a, b as c } from "./product.js"`."""
ROOTS = ("src/lib.rs", "src/main.rs")


def test_files(runner: Runner, paths: Sequence[str], existing: Collection[str]) -> tuple[str, ...]:
    """Returns the files to run for changed test files; empty for the whole suite: test material belongs to all."""
    if runner is CARGO:
        found = [target for path in paths for target in targets(path, {*existing, *paths})]
    elif runner.tells:
        found = [path for path in paths if is_script(path)]
    else:
        found = list(paths)
    return tuple(dict.fromkeys(found))


def is_script(path: str) -> bool:
    """Tells whether a file among tests is one that node can be told to run."""
    pure = PurePosixPath(path)
    return pure.suffix in SCRIPTS and not NO_TESTS & set(pure.parts)


def lenient_script(text: str) -> str:
    """Returns a test script in which a name that the product does not export is missing only where it is used.

    Else one test that needs a name of the patch keeps the whole file from being loaded on the base.
    """
    count = 0

    def spread(found: re.Match[str]) -> str:
        nonlocal count
        count += 1
        names = ", ".join(re.sub(r"\s+as\s+", ": ", name.strip()) for name in found[1].split(",") if name.strip())
        return f"import * as product{count}of from {found[2]}; const {{ {names} }} = product{count}of;"

    return NAMED_IMPORT.sub(spread, text)


def targets(path: str, existing: Collection[str]) -> tuple[str, ...]:
    """Returns the root files of the programs that a Rust test file is part of; none where it may be part of several."""
    pure = PurePosixPath(path)
    if pure.suffix != ".rs":
        return ()
    for folder in pure.parents:
        if f"{folder}/Cargo.toml".removeprefix("./") not in existing:
            continue
        inner = pure.relative_to(folder)
        if inner.parts[0] == "src":
            roots = [str(folder / root) for root in ROOTS if str(folder / root) in existing]
            return tuple(roots)
        if inner.parts[0] == "tests" and len(inner.parts) == 2:
            return (path,)
        if inner.parts[0] == "tests" and str(folder / "tests" / inner.parts[1] / "main.rs") in existing:
            return (str(folder / "tests" / inner.parts[1] / "main.rs"),)
        return ()
    return ()


def fresh_tests(hearing: Hearing) -> tuple[str, ...]:
    """Returns the tests that runs with the new tests tell of, less those that end on the base as without them."""
    before = ended(hearing.base_suite.events)
    told = [ended(run.events) for run in (hearing.base_new, hearing.head_new)]
    names = dict.fromkeys([*told[0], *told[1]])
    return tuple(name for name in names if name not in before or before[name] != told[0].get(name, before[name]))


def ended(events: Iterable[TestEvent]) -> dict[str, frozenset[str]]:
    """Returns how the instances of each test ended."""
    found: dict[str, set[str]] = {}
    for event in events:
        found.setdefault(event.id.partition("[")[0], set()).add(event.outcome)
    return {name: frozenset(ends) for name, ends in found.items()}
