"""Decides under which name, version and entry points a project is seen as installed; it installs nothing itself."""

from __future__ import annotations

import re

from andon.environments.building import Shop, built_identity
from andon.environments.project import ProjectFiles, Table, is_project, subtable
from andon.environments.requirements import plain_name
from andon.environments.wheels import EntryPoints, Identity, parsed_points
from andon.errors import ExternalError

MAKERS = ("setuptools_scm", "setuptools-git-versioning", "poetry-dynamic-versioning", "versioningit", "versioneer")
"""Tables of pyproject.toml by which a build makes the version, and often a file with it."""
BUILT = {"version", "scripts", "entry-points", "dependencies"}
"""What a project may leave to its build, of what matters here."""


def static_identity(files: ProjectFiles) -> Identity | None:
    """Returns the identity of a project that writes it down whole; None when only its build knows it."""
    if any(files.table("tool", maker) for maker in MAKERS) or files.table("tool", "hatch", "build", "hooks"):
        return None
    project, poetry = files.table("project"), files.table("tool", "poetry")
    if project:
        dynamic = project.get("dynamic")
        if isinstance(dynamic, list) and BUILT & set(map(str, dynamic)):
            return None
        return known(project.get("name"), project.get("version"), project_points(project))
    if poetry and not poetry.get("build"):
        points = {"console_scripts": texts(subtable(poetry, "scripts"))} if poetry.get("scripts") else {}
        points |= {group: texts(subtable(poetry, "plugins", group)) for group in subtable(poetry, "plugins")}
        return known(poetry.get("name"), poetry.get("version"), points)
    return None


def find_identity(files: ProjectFiles, shop: Shop, fallback: str, notes: list[str]) -> Identity:
    """Returns a project's identity: as it writes it down, else as its build makes it, else as far as it can be read."""
    known_one = static_identity(files)
    if known_one is not None:
        return known_one
    if not is_project(files.top):
        return guessed_identity(files, shop.version, fallback)
    try:
        return built_identity(files, shop)
    except ExternalError as error:
        # Many suites run without: what was guessed is told.
        why = str(error).splitlines()[-1][:200]
        notes.append(f"the project was not built ({why}); its name and version are guessed")
        return guessed_identity(files, shop.version, fallback)


def noted_version(files: ProjectFiles) -> str:
    """Returns the newest version that a project's changelog names; empty when there is none."""
    logs = sorted(path for shape in ("CHANGE*", "HISTORY*", "NEWS*", "docs/change*") for path in files.top.glob(shape))
    for path in logs:
        text = files.text(path.relative_to(files.top).as_posix())[:5000]
        found = re.search(r"(?<![\d.-])\d+\.\d+(?:\.\d+)?(?:(?:a|b|rc|\.post)\d+)?(?![\d.-])", text)
        if found:
            return found[0]
    return ""


def guessed_identity(files: ProjectFiles, version: str, fallback: str) -> Identity:
    """Returns what can be read of a project whose build does not run here."""
    cfg, setup = files.setup_cfg, files.setup_py
    written = next(
        (text for text in (files.ini(cfg, "metadata", "version"), setup.get("version")) if is_version(text)), version
    )
    points = dict(project_points(files.table("project")))
    if cfg.has_section("options.entry_points"):
        text = "".join(f"[{group}]\n{lines}\n" for group, lines in cfg.items("options.entry_points"))
        points |= parsed_points(text)
    for group, lines in subtable(setup, "entry_points").items():
        listed = [line for line in lines if isinstance(line, str)] if isinstance(lines, list) else [str(lines)]
        points |= parsed_points(f"[{group}]\n" + "\n".join(listed))
    return Identity(declared_name(files) or fallback, str(written), points)


def declared_name(files: ProjectFiles) -> str:
    """Returns the name that a project gives itself; empty when only its build knows it."""
    names = (
        files.table("project").get("name"),
        files.table("tool", "poetry").get("name"),
        files.ini(files.setup_cfg, "metadata", "name"),
        files.setup_py.get("name"),
    )
    return next((text for text in names if isinstance(text, str) and plain_name(text)), "")


def is_version(text: object) -> bool:
    """Tells whether a text is a version number (and not `attr: x.y`)."""
    return isinstance(text, str) and re.fullmatch(r"v?\d+(\.\d+)*[\w.+-]*", text.strip()) is not None


def known(name: object, version: object, points: EntryPoints) -> Identity | None:
    """Returns an identity when name and version are what they should be."""
    if isinstance(name, str) and plain_name(name) and isinstance(version, str) and is_version(version):
        return Identity(name, version, points)
    return None


def project_points(project: Table) -> EntryPoints:
    """Returns the entry points of a [project] table."""
    points = {group: texts(subtable(project, "entry-points", group)) for group in subtable(project, "entry-points")}
    named = {"console_scripts": "scripts", "gui_scripts": "gui-scripts"}
    return points | {group: texts(subtable(project, key)) for group, key in named.items() if subtable(project, key)}


def texts(table: Table) -> dict[str, str]:
    """Returns the entries of a table that are texts."""
    return {name: value for name, value in table.items() if isinstance(value, str)}
