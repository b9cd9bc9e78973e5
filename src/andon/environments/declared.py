"""Decides which distributions a project's suite wants, by what its files declare; it never looks at a registry."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from andon.environments.project import ProjectFiles, Table, called, literal, subtable, words
from andon.environments.requirements import (
    Wanted,
    joined_lines,
    pinned_below,
    plain_name,
    read_requirements,
    requirements,
    strings,
    wanted_line,
    without_versions,
)

TESTS = re.compile(r"(^|[^a-z])(tests?|testing|unit|pytest|dev|develop|development|ci|all)([^a-z]|$|s\b)|^tests?|dev$")
"""Names of extras, groups and files that serve the suite."""
APART = re.compile(r"docs?|lint|style|typing|types|mypy|pyright|release|publish|build|rtd|bench|example|perf|coverage$")
"""Names of those that serve something else."""
TOOLS = re.compile(
    r"sphinx.*|furo|myst-parser|mkdocs.*|black|flake8.*|ruff|isort|pylint|mypy|pyright|pre-commit|tox.*|nox|twine|build|"
    r"wheel|bump2?version|bumpver|coveralls|codecov|towncrier|check-manifest|pyroma|pip-tools|pip|uv|hatch|poetry|"
    r"ipython|ipdb|pdbpp|jupyter.*|notebook|docutils-stubs|types-.*|zest-releaser|readme-renderer|pyupgrade|bandit|"
    r"interrogate|scriv|cogapp|pydocstyle|doc8|rstcheck|semver-release|python-semantic-release|setuptools-scm|"
    r"prek|ty|pyrefly|data-science-types|coverage-enable-subprocess|jaraco-develop|pallets-sphinx-themes|"
    r"pytest-(randomly|random-order|flake8|black|isort|mypy(?:-testing|-plugins)?|pylint|ruff|pep8|pycodestyle|checkdocs|enabler|xdist|benchmark|codspeed|"
    r"watch|sugar|html)|asv|memory-profiler|jaraco-packaging|rst-linker|diff-cover|vulture|safety|autopep8|pep8|yapf"
)
"""Distributions that help people, not suites. What a suite really needs of them, its collection asks for."""
OLDEST_PYTEST = (6, 2, 5)
"""The first that runs on Python 3.10 and later."""
FILES = (
    "*requirements*.txt",
    "*requirements*.in",
    "requirements/*.txt",
    "requirements/*.in",
    "tests/*requirements*.*",
)
EXTRA = re.compile(r"""extra\s*==\s*['"]([^'"]+)['"]""")


class Declared(NamedTuple):
    """What the files of a project declare."""

    project: tuple[str, ...]
    """What it needs to run."""
    tests: tuple[str, ...]
    """What its suite needs besides."""


def declared(files: ProjectFiles, name: str, requires: tuple[str, ...] = ()) -> Declared:
    """Returns what a project and its suite want; `requires` are the Requires-Dist lines of its built metadata."""
    project = [line for line in requires if not EXTRA.search(line)] or list(static_requirements(files))
    extras = static_extras(files)
    for line in requires:
        marked = EXTRA.search(line)
        if marked:
            extras[marked[1]] = (*extras.get(marked[1], ()), EXTRA.sub('python_version >= "3"', line))
    found = list(of_the_suite(files))
    found += [Wanted(extra, lines) for extra, lines in extras.items() if serves_tests(extra)]
    asked = {extra for wanted in found for extra in (*wanted.extras, *own_extras(wanted.lines, name))}
    while asked:
        extra = asked.pop()
        if extra in extras:
            lines = extras.pop(extra)
            found.append(Wanted(extra, lines))
            asked |= set(own_extras(lines, name))
    tests = [line for wanted in found for line in usable(wanted.lines)]
    return Declared(others(project, name), others(tests, name))


def own_extras(lines: tuple[str, ...], name: str) -> tuple[str, ...]:
    """Returns the project's own extras that some lines ask for by its name (`it[tests]`)."""
    found = (re.search(r"\[([^\]]*)\]", line) for line in lines if plain_name(line) == name)
    return tuple(extra.strip() for match in found if match for extra in match[1].split(","))


def others(lines: Iterable[str], name: str) -> tuple[str, ...]:
    """Returns distinct requirements without the project itself, which is never taken from a registry."""
    return tuple(dict.fromkeys(line for line in requirements(lines) if plain_name(line) != name))


def usable(lines: tuple[str, ...]) -> Iterator[str]:
    """Yields what of one place is worth installing; a place that pins a pytest of old names no version at all."""
    old = any(pinned_below(line, "pytest", OLDEST_PYTEST) for line in lines)
    for line in lines:
        if not TOOLS.fullmatch(plain_name(line)):
            yield without_versions(line) if old else line


def serves_tests(name: str) -> bool:
    """Tells whether an extra, group or file of this name serves the suite."""
    lower = name.lower()
    return bool(TESTS.search(lower)) and not APART.search(lower)


# --- the project itself ---------------------------------------------------------------------------------------------


def static_requirements(files: ProjectFiles) -> Iterator[str]:
    """Yields what the project needs to run, as far as it can be read without running anything."""
    yield from strings(files.table("project").get("dependencies"))
    yield from poetry_lines(files.table("tool", "poetry", "dependencies"))
    yield from strings(files.table("tool", "flit", "metadata").get("requires"))
    yield from joined_lines(files.ini(files.setup_cfg, "options", "install_requires"))
    yield from strings(files.setup_py.get("install_requires"))


def static_extras(files: ProjectFiles) -> dict[str, tuple[str, ...]]:
    """Returns the project's extras, as far as they can be read without running anything."""
    tables: list[Table] = [
        files.table("project", "optional-dependencies"),
        files.table("tool", "flit", "metadata", "requires-extra"),
        subtable(files.setup_py, "extras_require"),
    ]
    found = {name: strings(lines) for table in tables for name, lines in table.items()}
    if files.setup_cfg.has_section("options.extras_require"):
        for name, text in files.setup_cfg.items("options.extras_require"):
            found[name] = tuple(joined_lines(text))
    return found


def poetry_lines(table: Table) -> Iterator[str]:
    """Yields Poetry's own way of writing requirements as everybody else's."""
    for name, value in table.items():
        if name == "python":
            continue
        wanted = value[0] if isinstance(value, list) and value else value
        version, extras = wanted, strings(None)
        if isinstance(wanted, dict):
            if wanted.get("path") or wanted.get("git") or wanted.get("url") or wanted.get("optional") is True:
                continue
            version, extras = wanted.get("version", ""), strings(wanted.get("extras"))
        yield name + (f"[{','.join(extras)}]" if extras else "") + poetry_version(str(version or ""))


def poetry_version(text: str) -> str:
    """Returns `^1.2`, `~1.2`, `1.2` and `*` as specifiers; several alternatives as none."""
    parts = []
    for part in (piece.strip() for piece in text.split(",") if piece.strip()):
        if part.startswith(("^", "~")) and not part.startswith("~="):
            low = [int(number) for number in re.findall(r"\d+", part)[:3]]
            place = next((at for at, number in enumerate(low) if number), 0) if part[0] == "^" else min(1, len(low) - 1)
            high = [*low[:place], low[place] + 1] if low else []
            parts += [f">={part[1:].strip()}", f"<{'.'.join(map(str, high))}"] if high else []
        elif re.match(r"[<>=!~]", part):
            parts.append(part.replace(" ", ""))
        elif re.fullmatch(r"\d[\w.]*(\.\*)?", part):
            parts.append(f"=={part}")
    return "" if "|" in text else ",".join(parts)


# --- its suite ------------------------------------------------------------------------------------------------------


def of_the_suite(files: ProjectFiles) -> Iterator[Wanted]:
    """Yields every place that declares what the suite needs."""
    yield from in_groups(files)
    yield from in_files(files)
    yield from in_tox(files)
    yield from in_nox(files)
    yield Wanted("tests_require", strings(files.setup_py.get("tests_require")))
    yield Wanted("tests_require", tuple(joined_lines(files.ini(files.setup_cfg, "options", "tests_require"))))


def in_groups(files: ProjectFiles) -> Iterator[Wanted]:
    """Yields dependency groups: PEP 735's, and those of Poetry, PDM, uv, Hatch and Pipenv."""
    groups = files.table("dependency-groups")
    for name in groups:
        if serves_tests(name):
            yield Wanted(name, tuple(group_lines(groups, name)))
    poetry = files.table("tool", "poetry")
    yield Wanted("poetry", tuple(poetry_lines(subtable(poetry, "dev-dependencies"))))
    for name in subtable(poetry, "group"):
        if serves_tests(name):
            yield Wanted(name, tuple(poetry_lines(subtable(poetry, "group", name, "dependencies"))))
    for name, listed in files.table("tool", "pdm", "dev-dependencies").items():
        if serves_tests(name):
            yield Wanted(name, strings(listed))
    yield Wanted("uv", strings(files.table("tool", "uv").get("dev-dependencies")))
    for name in files.table("tool", "hatch", "envs"):
        if name == "default" or serves_tests(name):
            env = files.table("tool", "hatch", "envs", name)
            lines = (*strings(env.get("dependencies")), *strings(env.get("extra-dependencies")))
            yield Wanted(name, lines, strings(env.get("features")))


def group_lines(groups: Table, name: str, depth: int = 5) -> Iterator[str]:
    """Yields the requirements of a dependency group with those that it includes."""
    lines = groups.get(name)
    for line in lines if isinstance(lines, list) and depth else ():
        if isinstance(line, str):
            yield line
        elif isinstance(line, dict) and isinstance(line.get("include-group"), str):
            yield from group_lines(groups, str(line["include-group"]), depth - 1)


def in_files(files: ProjectFiles) -> Iterator[Wanted]:
    """Yields requirements files; of one that is compiled (`x.in`, `x.txt`), what people wrote."""
    found = {path for pattern in FILES for path in files.top.glob(pattern) if path.is_file()}
    for path in sorted(found):
        name = path.relative_to(files.top).with_suffix("").as_posix()
        compiled = path.suffix == ".txt" and path.with_suffix(".in") in found
        if not compiled and not APART.search(name.lower()):
            yield read_requirements(files.tree, path)


def in_tox(files: ProjectFiles) -> Iterator[Wanted]:
    """Yields the dependencies of tox's environments that run tests."""
    for section in files.tox.sections():
        environment = section.removeprefix("testenv").lstrip(":")
        if not section.startswith("testenv") or APART.search(environment):
            continue
        text = files.ini(files.tox, section, "deps")
        yield Wanted(section, (), words(files.ini(files.tox, section, "extras")))
        for line in joined_lines(text.replace("{toxinidir}/", "").replace("{tox_root}/", "")):
            factor = re.match(r"([\w{},.!-]+):\s+(.*)", line)
            if factor and not re.search(r"py3(11)?\b|py\b", factor[1]):
                continue
            bare = factor[2] if factor else line
            included = re.fullmatch(r"-r\s*(\S+)", bare)
            yield read_requirements(files.tree, files.top / included[1]) if included else wanted_line(bare)


def in_nox(files: ProjectFiles) -> Iterator[Wanted]:
    """Yields what nox's test sessions install."""
    try:
        tree = ast.parse(files.text("noxfile.py"))
    except (SyntaxError, ValueError):
        return
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef) or not serves_tests(function.name):
            continue
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and called(node) == "install":
                said = [word for arg in node.args if isinstance(word := literal(arg, {}), str)]
                pairs = zip(["", *said], said, strict=False)
                for before, word in pairs:
                    if before == "-r":
                        yield read_requirements(files.tree, files.top / word)
                    elif not word.startswith("-"):
                        yield wanted_line(word)
