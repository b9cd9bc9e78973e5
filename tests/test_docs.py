"""Holds the documents to the code: what they name exists, links lead somewhere, and nothing private stands there."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from andon.cli import COMMANDS, andon
from andon.config import load
from andon.judge import PROOFS
from andon.models import MOVES, Status

ROOT = Path(__file__).resolve().parents[1]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`(andon [^`]+)`")
PRIVATE = re.compile(
    r"/work/|/root/|/home/[a-z]|\.local/share|(?:index|registry)(?:-url)?[\s=]+['\"]?https?:"
    r"|https?://\S*(?:pypi|pythonhosted|npmjs|artifactory|registry)"
)
"""Paths of one machine, and addresses of package registries."""
BINARY = {".onnx", ".png", ".jpg", ".jpeg", ".gif", ".ico", ".db", ".pyc"}
MAY_NAME_PATHS = {"tests/test_docs.py", "src/andon/sandboxes/isolation.py"}
"""This test, and the list of homes that the sandbox must hide."""


def tracked() -> list[Path]:
    """Returns the files of the repository."""
    told = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, text=True, check=True)
    return [ROOT / name for name in told.stdout.split("\0") if name and (ROOT / name).is_file()]


DOCUMENTS = [path for path in tracked() if path.suffix == ".md"]


def anchors(path: Path) -> set[str]:
    """Returns the anchors of a document's headings, as forges make them."""
    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    heads = re.findall(r"^#+\s+(.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def command_lines(text: str) -> Iterator[str]:
    """Yields the calls of andon in a document: in shell blocks and in code spans."""
    for language, body in FENCE.findall(text):
        if language in ("sh", "ini"):
            for line in body.splitlines():
                found = re.match(r"(?:ExecStart=\S*/)?(andon .*)", line.split("#")[0].strip())
                if found:
                    yield found[1]
    yield from INLINE.findall(FENCE.sub("", text))


def options_of(command: click.Command) -> set[str]:
    """Returns the options that a command takes."""
    return {word for one in command.params if isinstance(one, click.Option) for word in (*one.opts, "--help", "-h")}


def get_command(name: str) -> click.Command | None:
    """Returns a command of andon by name."""
    return andon.get_command(click.Context(andon), name)


def test_configuration_page_is_up_to_date() -> None:
    ran = subprocess.run(
        [sys.executable, str(ROOT / "scripts/docs"), "--check"], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(path: Path) -> None:
    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    for link in LINK.findall(text):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.exists(), f"{link} leads nowhere"
        assert not anchor or target.suffix != ".md" or anchor in anchors(target), f"{link}: no such heading"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_and_option_named_exists(path: Path) -> None:
    for line in command_lines(path.read_text(encoding="utf-8")):
        words = shlex.split(line.replace("'", "").replace("...", ""))[1:]
        words = words[: words.index(">")] if ">" in words else words
        name = next((word for word in words if not word.startswith("-")), "")
        before = words[: words.index(name)] if name else words
        assert {word for word in before if word.startswith("-")} <= options_of(andon), line
        if not name or name.isupper():  # `andon --config FILE`, or no command but a placeholder
            continue
        command = get_command(name)
        assert command is not None, f"{line}: andon has no command {name!r}"
        used = {word.partition("=")[0] for word in words if word.startswith("-")} - set(before)
        assert used <= options_of(command), f"{line}: {sorted(used - options_of(command))}"


def test_every_command_is_told_in_the_docs() -> None:
    text = " ".join(path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("*.md"))
    text += (ROOT / "README.md").read_text(encoding="utf-8")
    told = {name for name in COMMANDS if re.search(rf"andon {name}\b", text)}
    assert told == set(COMMANDS)


def test_judge_page_names_every_proof_in_its_order() -> None:
    text = (ROOT / "docs/judge.md").read_text(encoding="utf-8")
    table = text[text.index("## The proofs") :].split("\n## ")[0]
    named = [name for name in re.findall(r"^\| ([a-z ]+) \|", table, re.MULTILINE) if name != "proof"]
    assert named == [rule.name for rule in PROOFS]


def test_loop_page_names_every_status() -> None:
    text = (ROOT / "docs/loop.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\| `([a-z]+)` \|", text[: text.index("## Phases")], re.MULTILINE))
    assert named == {status.value for status in Status} == {status.value for status in MOVES}


def test_checks_page_names_every_key_of_a_header() -> None:
    from andon.checks.header import KEYS
    from andon.checks.tables import OPTIONS

    text = (ROOT / "docs/checks.md").read_text(encoding="utf-8")
    missing = [
        key for key in (*KEYS, *(key for options in OPTIONS.values() for key in options)) if f"`{key}`" not in text
    ]
    assert [key for key in missing if not re.search(rf"^{key} = ", text, re.MULTILINE)] == []


def test_checks_of_the_docs_load(tmp_path: Path) -> None:
    from andon.checks import load_checks

    texts = [(ROOT / name).read_text(encoding="utf-8") for name in ("docs/checks.md", "README.md")]
    folder = tmp_path / "checks"
    folder.mkdir()
    for number, (language, body) in enumerate(block for text in texts for block in FENCE.findall(text)):
        if language in ("sql", "toml", "python") and not is_configuration(body):
            (folder / f"c{number}.{'py' if language == 'python' else language}").write_text(body, encoding="utf-8")
    names = {check.name for check in load_checks(folder, root=tmp_path)}
    assert names >= {"no-zero-byte-images", "no-price-jumps", "source-answers", "disk-has-room", "nightly-export"}


def is_configuration(body: str) -> bool:
    """Tells whether a block of TOML belongs into andon.toml, and is no check."""
    return re.match(r"(database|\[agent\]|\[budget\]|\[systems)", body) is not None


def test_configuration_of_the_docs_loads(tmp_path: Path) -> None:
    texts = [
        (ROOT / name).read_text(encoding="utf-8") for name in ("docs/configuration.md", "docs/agents.md", "README.md")
    ]
    for language, body in (block for text in texts for block in FENCE.findall(text)):
        if language == "toml" and is_configuration(body):
            (tmp_path / "andon.toml").write_text(body, encoding="utf-8")
            load(tmp_path / "andon.toml")


def test_replay_of_the_docs_is_that_of_the_small_system() -> None:
    told = (ROOT / "docs/replay.md").read_text(encoding="utf-8")
    block = next(body for language, body in FENCE.findall(told) if language == "python" and "ANDON_EVIDENCE" in body)
    small = (ROOT / "src/andon/testing/tinyfeed.txt").read_text(encoding="utf-8")
    assert ast.dump(ast.parse(block)) == ast.dump(ast.parse(section(small, "tinyfeed/replay.py")))


def section(text: str, path: str) -> str:
    """Returns one file of the small system's text."""
    parts = re.split(r"^-- \d+ (\S+) --\n", text, flags=re.MULTILINE)
    return parts[parts.index(path) + 1]


def test_agents_page_is_short() -> None:
    assert len((ROOT / "AGENTS.md").read_text(encoding="utf-8").splitlines()) < 100


def test_no_machine_path_and_no_registry_address_stands_in_the_repository() -> None:
    found = []
    for path in tracked():
        name = str(path.relative_to(ROOT))
        if path.suffix in BINARY or name in MAY_NAME_PATHS:
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        found += [f"{name}: {line.strip()[:120]}" for line in text.splitlines() if PRIVATE.search(line)]
    assert not found, "\n".join(found)
