"""Checks the arrows of the layers by reading the source: who may import whom, and who may read the environment."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "andon"

LAYERS = (
    ("models", "errors", "config", "protocols", "quoting", "terms", "wallet", "ending"),
    (
        "store",
        "data",
        "checks",
        "brief",
        "agents",
        "sandboxes",
        "git",
        "gittree",
        "logs",
        "probes",
        "launch",
        "environments",
    ),
    ("workspace", "facts", "runners"),
    ("detect", "diagnose", "fix", "judge", "ship", "watch", "budget"),
    (
        *("app", "asking", "cases", "byhand", "lanes", "steps", "workflows", "engine", "packet"),
        *("doctor", "starter", "demo", "pullrequest", "records", "cachefolder", "spending"),
    ),
    ("cli", "__main__"),
)
"""From the bottom up; an arrow goes only downwards."""

APART = frozenset({1, 3})
"""Layers whose parts see of each other only the package's own face."""

ENVIRONMENT = {
    "config": "reads the environment and secrets for everybody",
    "demo": "starts another program's pipeline with an environment of its own",
    "starter": "looks which database variable is set here, before there is any configuration",
    "cli.demo": "hands the demonstration's read-only URL to the configuration that it loads",
}
"""Modules that may read os.environ, each with its why. What lies in a folder `inside` runs in the sandbox."""

TOML = {
    "config": "reads andon.toml for everybody",
    "demo": "reads the description of a fault, which is no configuration of andon's",
    "checks.tables": "reads check files",
    "agents.search.repair.suites": "reads how the watched system's own suite is set up",
}
"""Modules that may read TOML, each with its why."""

MODEL_LIBRARIES = frozenset({"anthropic", "openai", "pydantic_ai", "litellm", "mistralai", "google", "acp", "mcp"})


class Import(NamedTuple):
    """One imported module in one module, with the line where it stands."""

    importer: str
    """Dotted name without the leading `andon.`; empty for andon itself."""
    path: Path
    line: int
    name: str
    """As written, absolute."""
    typing_only: bool

    @property
    def target(self) -> str:
        """What is imported inside andon, without the leading `andon.`."""
        return self.name.removeprefix("andon").removeprefix(".")

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line} imports {self.name}"


def modules() -> dict[str, Path]:
    """Returns every module of andon: dotted name without `andon.` -> file."""
    found = {}
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        found[".".join(part for part in parts if part != "__init__")] = path
    return found


MODULES = modules()


@cache
def parsed(path: Path) -> ast.Module:
    """Returns the tree of a module's source."""
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(module: str, path: Path) -> Iterator[Import]:
    """Yields what a module imports anywhere in it, in functions too."""
    tree = parsed(path)
    typing = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: write the whole name"
            # `from andon import steps` means the module, `from andon.errors import X` a thing in it.
            whole = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name.removeprefix("andon.") in MODULES else str(node.module) for name in whole]
        else:
            continue
        for name in dict.fromkeys(names):
            yield Import(module, path, node.lineno, name, id(node) in typing)


ALL = tuple(one for module, path in MODULES.items() for one in imports(module, path))
INSIDE = tuple(one for one in ALL if one.name.split(".")[0] == "andon" and one.target)


def part(module: str) -> str:
    """Returns the part of andon that a module belongs to: its first name."""
    return module.split(".")[0]


def layer(module: str) -> int:
    """Returns the number of a module's layer, 0 at the bottom."""
    return next(number for number, names in enumerate(LAYERS) if part(module) in names)


def told(found: Iterator[Import] | list[Import]) -> str:
    """Returns violations as lines of a message."""
    return "\n".join(sorted({str(one) for one in found}))


def test_every_part_has_its_layer() -> None:
    known = {name for names in LAYERS for name in names} | {"", "testing"}
    assert {part(module) for module in MODULES} - known == set()


def test_arrows_go_only_downwards() -> None:
    wrong = [
        one
        for one in INSIDE
        if part(one.importer) not in ("", "testing")
        and part(one.target) != "testing"
        and layer(one.target) > layer(one.importer)
    ]
    assert not wrong, told(wrong)


def test_siblings_see_only_a_packages_own_face() -> None:
    wrong = [
        one
        for one in INSIDE
        if part(one.importer) not in ("", "testing")
        and part(one.target) not in (part(one.importer), "testing")
        and layer(one.importer) == layer(one.target)
        and layer(one.importer) in APART
        and "." in one.target
    ]
    assert not wrong, told(wrong)


def test_nobody_imports_testing() -> None:
    wrong = [one for one in INSIDE if part(one.target) == "testing" and part(one.importer) != "testing"]
    assert not wrong, told(wrong)


def test_judge_imports_no_agent_no_fix_no_diagnosis_and_no_model_library() -> None:
    wrong = [
        one
        for one in ALL
        if part(one.importer) == "judge"
        and (part(one.target) in ("agents", "fix", "diagnose") or one.name.split(".")[0] in MODEL_LIBRARIES)
    ]
    assert not wrong, told(wrong)


def test_judge_reaches_no_agent_through_what_it_imports() -> None:
    seen: set[str] = set()
    todo = [module for module in MODULES if part(module) == "judge"]
    while todo:
        module = todo.pop()
        if module in seen:
            continue
        seen.add(module)
        todo += [one.target for one in INSIDE if one.importer == module and not one.typing_only]
    assert {part(module) for module in seen} & {"agents", "fix", "diagnose", "app", "steps"} == set()


def reads_environment(path: Path) -> bool:
    """Tells whether a module reads the process's environment."""
    tree = parsed(path)
    names = {
        f"{node.value.id}.{node.attr}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    from_os = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "os"
        for alias in node.names
    }
    return bool(names & {"os.environ", "os.getenv", "os.environb"} or from_os & {"environ", "getenv", "environb"})


def test_only_config_reads_the_environment_besides_those_with_a_why() -> None:
    ours = {
        module: path for module, path in MODULES.items() if part(module) != "testing" and "inside" not in path.parts
    }
    readers = {module for module, path in ours.items() if reads_environment(path)}
    assert readers == set(ENVIRONMENT)


def test_only_config_reads_toml_besides_those_with_a_why() -> None:
    readers = {one.importer for one in ALL if one.name == "tomllib" and part(one.importer) != "testing"}
    assert readers == set(TOML)


@pytest.mark.parametrize("module", ["models", "errors", "protocols", "quoting", "config"])
def test_bottom_layer_imports_nothing_of_andon_but_itself(module: str) -> None:
    assert {part(one.target) for one in INSIDE if one.importer == module} <= set(LAYERS[0])
