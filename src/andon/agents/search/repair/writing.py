"""Writes the text of a regression test in a suite's own style; it runs nothing and decides nothing."""

from __future__ import annotations

import re
import textwrap
from pathlib import PurePosixPath
from typing import NamedTuple

from andon.agents.search.repair.suites import Style
from andon.models import Check
from andon.quoting import visible

SECTIONS = r'r"^-- (?:population|evidence\b[^:]*):"'
WIDTH = 100


class Command(NamedTuple):
    """A replay command taken apart."""

    module: str
    """Of `python -m module`; empty when it is another command."""
    arguments: tuple[str, ...]
    """After the module; the whole command when there is no module."""
    env: tuple[tuple[str, str], ...]
    """Of a leading `env NAME=VALUE ...`, apart from PYTHONPATH."""
    python_path: str


class Told(NamedTuple):
    """What a regression test says of its ticket."""

    ticket: int
    check: Check
    root_cause: str
    asked_at: str
    query: str
    """The main query, when the check's file is not in the repository; else empty."""


def read_command(argv: tuple[str, ...]) -> Command:
    """Returns a replay command taken apart: `env A=B python -m package.module x`."""
    words = list(argv)
    env: list[tuple[str, str]] = []
    if words[:1] == ["env"]:
        words.pop(0)
        while words and re.fullmatch(r"[A-Za-z_]\w*=.*", words[0], flags=re.DOTALL):
            name, _, value = words.pop(0).partition("=")
            env.append((name, value))
    python_path = dict(env).get("PYTHONPATH", "").split(":")[0]
    rest = tuple((name, value) for name, value in env if name != "PYTHONPATH")
    is_python = bool(words) and re.fullmatch(r"python(3(\.\d+)?)?", PurePosixPath(words[0]).name) is not None
    if is_python and words[1:2] == ["-m"] and len(words) > 2:
        return Command(words[2], tuple(words[3:]), rest, python_path)
    return Command("", tuple(argv), (), python_path)


def file_text(style: Style, told: Told, command: Command, *, evidence: str, up: int) -> str:
    """Returns the text of the test file.

    `evidence` is the fixture's path from the test's folder; `up` how many folders the repository's root lies above it.
    """
    body = unittest_body(told, command) if style.unittest else pytest_body(style, told, command)
    parts = [opening(told), imports_text(style, command, told), constants(told, command, evidence, up), body]
    parts += [replay_function(style, command), asking_function(style, told)]
    head, blocks = "\n\n".join(part.strip("\n") for part in parts[:3]), [part.strip("\n") for part in parts[3:]]
    end = '\n\n\nif __name__ == "__main__":\n    unittest.main()' if style.unittest else ""
    return "\n\n\n".join([head, *blocks]) + end + "\n"


def opening(told: Told) -> str:
    """Returns the docstring of the file."""
    name = quoted(told.check.name, 80)
    return f'"""Keeps ticket {told.ticket} from coming back: its evidence is replayed, and {name} finds nothing."""\n'


def imports_text(style: Style, command: Command, told: Told) -> str:
    """Returns the import lines, standard library first."""
    standard = {"import re", "from pathlib import Path"}
    if told.query and style.kind == "sqlite":
        standard.discard("import re")
    standard |= (
        {"import runpy", "import sys", "import warnings"} if command.module else {"import os", "import subprocess"}
    )
    if style.kind == "sqlite":
        standard |= {"import sqlite3", "from contextlib import closing"}
    else:
        standard.add("from datetime import datetime")
        if style.driver == "psycopg2":
            standard.add("from contextlib import closing")
    if style.unittest:
        standard |= {"import os", "import tempfile", "import unittest", "from unittest import mock"}
    lines = sorted(standard, key=lambda line: (line.startswith("from"), line))
    others = [f"import {style.driver}"] if style.kind == "postgres" else []
    if style.annotated and not style.unittest:
        others.append("import pytest")
    return "\n".join([*lines, *(["", *others] if others else [])])


def constants(told: Told, command: Command, evidence: str, up: int) -> str:
    """Returns the lines that say where things lie."""
    lines = ["HERE = Path(__file__).resolve().parent", f"EVIDENCE = HERE / {evidence!r}".replace("'", '"')]
    root = "HERE" if up == 0 else f"HERE.parents[{up - 1}]"
    if told.query:
        lines.append(f'CHECK = """{raw_text(told.query)}"""')
    else:
        lines.append(f'CHECK = {root} / "{told.check.path}"')
    if not command.module:
        lines.append(f"ROOT = {root}")
    lines.append(f'SINCE, NOW = "1970-01-01T00:00:00+00:00", "{told.asked_at}"')
    return "\n".join(lines)


def raw_text(text: str) -> str:
    """Returns a text as it may stand between triple quotes."""
    return text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"') + ("\n" if text.endswith('"') else "")


def name_of_test(told: Told) -> str:
    """Returns the test's name: a sentence."""
    return f"test_{snake(told.check.name)}_finds_nothing_on_the_evidence_of_ticket_{told.ticket}"


def snake(name: str) -> str:
    """Returns a name as it may stand in an identifier."""
    return re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_").lower() or "check"


def story(told: Told, indent: str) -> str:
    """Returns the docstring of the test: the ticket, why the check exists, and the root cause."""
    parts = [f"Ticket {told.ticket}: {quoted(told.check.name, 80)} was red."]
    parts.append(f"Why the check exists: {quoted(told.check.why, 500)}")
    parts.append(f"Root cause: {quoted(told.root_cause or 'not named', 700)}")
    filled = [textwrap.fill(p, WIDTH, break_long_words=False, break_on_hyphens=False) for p in parts]
    text = textwrap.indent("\n\n".join(filled), indent).lstrip()
    return f'{indent}"""{text}\n{indent}"""'


def quoted(text: str, limit: int) -> str:
    """Returns anybody's text as it may stand inside a docstring: one line, nothing in it can end the docstring."""
    seen = " ".join(visible(" ".join(text.split()), limit).split())
    return seen.replace("\\", "\\\\").replace('"""', "'''").rstrip('"')


def pytest_body(style: Style, told: Told, command: Command) -> str:
    """Returns the test as a function with pytest's fixtures."""
    fixtures = [*([style.fixture] if style.fixture else []), "tmp_path", "monkeypatch"]
    kinds = {"tmp_path": "Path", "monkeypatch": "pytest.MonkeyPatch"}
    arguments = [f"{name}: {kinds.get(name, 'str')}" if style.annotated else name for name in fixtures]
    returns = " -> None" if style.annotated else ""
    url = style.fixture or "url"
    lines = [f"def {name_of_test(told)}({', '.join(arguments)}){returns}:"]
    if len(lines[0]) > 110:
        lines = [f"def {name_of_test(told)}(", f"    {', '.join(arguments)}", f"){returns}:"]
    lines.append(story(told, "    "))
    if not style.fixture:
        lines.append("    url = f\"sqlite:///{tmp_path / 'scratch.db'}\"")
    lines += ['    monkeypatch.setenv("ANDON_EVIDENCE", str(EVIDENCE))']
    lines += ['    monkeypatch.setenv("ANDON_SCRATCH", str(tmp_path))']
    lines += [f'    monkeypatch.setenv("ANDON_SCRATCH_URL", {url})']
    lines += [f'    monkeypatch.setenv("{name}", "{raw_text(value)}")' for name, value in command.env]
    if style.imports_from:
        up = len(PurePosixPath(style.folder).parts)
        root = "HERE" if up == 0 else f"HERE.parents[{up - 1}]"
        lines += [f'    monkeypatch.syspath_prepend(str({root} / "{style.imports_from}"))']
    if command.module:
        words = [command.module, *command.arguments]
        lines += [f'    monkeypatch.setattr(sys, "argv", {words!r})'.replace("'", '"')]
    return "\n".join([*lines, "    replay()", f"    assert offending_rows({url}) == []", ""])


def unittest_body(told: Told, command: Command) -> str:
    """Returns the test as a method of a TestCase, with a SQLite file of its own."""
    name = "".join(word.capitalize() for word in snake(told.check.name).split("_"))
    lines = [f"class {name}Ticket{told.ticket}(unittest.TestCase):"]
    lines += [f"    def {name_of_test(told)}(self):", story(told, " " * 8)]
    lines += ["        with tempfile.TemporaryDirectory() as scratch:"]
    lines += ['            url = f"sqlite:///{scratch}/scratch.db"']
    lines += ['            env = {"ANDON_EVIDENCE": str(EVIDENCE), "ANDON_SCRATCH": scratch, "ANDON_SCRATCH_URL": url}']
    lines += [f'            env["{name}"] = "{raw_text(value)}"' for name, value in command.env]
    around = "mock.patch.dict(os.environ, env)"
    if command.module:
        words = repr([command.module, *command.arguments]).replace("'", '"')
        around += f', mock.patch.object(sys, "argv", {words})'
    lines += [f"            with {around}:", "                replay()"]
    return "\n".join([*lines, "            self.assertEqual(offending_rows(url), [])", ""])


def replay_function(style: Style, command: Command) -> str:
    """Returns the function that runs the replay."""
    returns = " -> None" if style.annotated else ""
    if not command.module:
        return (
            f"def replay(){returns}:\n"
            '    """Runs the replay command on the evidence."""\n'
            f"    command = {list(command.arguments)!r}\n"
            "    env = dict(os.environ)\n"
            "    ran = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)\n"
            "    assert ran.returncode == 0, ran.stderr\n"
        )
    return (
        f"def replay(){returns}:\n"
        f'    """Runs today\'s code over the recorded evidence, as `python -m {command.module}` does."""\n'
        "    with warnings.catch_warnings():\n"
        '        warnings.simplefilter("ignore", RuntimeWarning)  # the suite may have imported the module before\n'
        "        try:\n"
        f'            runpy.run_module("{command.module}", run_name="__main__")\n'
        "        except SystemExit as ended:\n"
        "            assert ended.code in (None, 0), ended.code\n"
    )


def asking_function(style: Style, told: Told) -> str:
    """Returns the function that asks the check's own query of the scratch database."""
    head = (
        "def offending_rows(url: str) -> list[tuple[object, ...]]:" if style.annotated else "def offending_rows(url):"
    )
    lines = [head, '    """Returns what the check\'s own query finds in a database."""']
    if told.query:
        lines += ["    query = CHECK"]
    else:
        lines += [f'    main = re.split({SECTIONS}, CHECK.read_text(encoding="utf-8"), flags=re.MULTILINE)[0]']
        lines += ['    query = "\\n".join(line for line in main.splitlines() if not line.startswith("--"))']
    if style.kind == "sqlite":
        path = 'url.split("sqlite:///")[-1]'
        lines += [f"    with closing(sqlite3.connect({path})) as connection:"]
        lines += ['        return connection.execute(query, {"since": SINCE, "now": NOW}).fetchall()']
        return "\n".join([*lines])
    lines += ['    query = re.sub(r"(?<![:\\w]):(since|now)\\b", r"%(\\1)s", query.replace("%", "%%"))']
    lines += ['    moments = {"since": datetime.fromisoformat(SINCE), "now": datetime.fromisoformat(NOW)}']
    if style.driver == "psycopg2":
        lines += ["    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:"]
        lines += ["        cursor.execute(query, moments)", "        return cursor.fetchall()"]
    else:
        encoded = "query.encode()" if style.annotated else "query"
        lines += ["    with psycopg.connect(url) as connection:"]
        lines += [f"        return connection.execute({encoded}, moments).fetchall()"]
    return "\n".join(lines)
