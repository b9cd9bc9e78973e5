"""The few tools with which the built-in agent works in its tree; commands run in the sandbox, files follow no link."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

from pydantic import Field, ValidationError

from andon.agents.acp.tree import RefusedError, read_text, write_text
from andon.agents.tools import Phase
from andon.agents.tools.arguments import Arguments, Name
from andon.agents.tools.fencing import handed
from andon.protocols import Workspace
from andon.quoting import quote

LINES = 400
MOST = 12_000
"""Characters of one answer."""
SECONDS = 120.0


class Reading(Arguments):
    path: Name = Field(description="From the repository's root.")
    start: int = Field(1, ge=1, description="First line.")
    lines: int = Field(200, ge=1, le=LINES)


class Searching(Arguments):
    pattern: Name = Field(description="An extended regular expression, as grep -E takes it.")
    path: Name = Field(".", description="A folder or file, from where commands run.")


class Running(Arguments):
    command: Annotated[str, Field(max_length=8000)] = Field(description="A line for sh.")
    seconds: float = Field(60.0, gt=0, le=SECONDS)


class Editing(Arguments):
    path: Name
    old: Annotated[str, Field(min_length=1, max_length=100_000)] = Field(description="Stands there exactly once.")
    new: Annotated[str, Field(max_length=100_000)]


class Writing(Arguments):
    path: Name = Field(description="A file that is made, or whose whole text is replaced.")
    text: Annotated[str, Field(max_length=400_000)]


class Hand(NamedTuple):
    """One tool."""

    name: str
    description: str
    arguments: type[Arguments]
    run: Callable[[Any], str]


class Hands:
    """The tools of one session, on its tree."""

    def __init__(self, tree: Workspace, phase: Phase) -> None:
        self.tree = tree
        self.may_change = phase is Phase.FIX
        state = "it sees your changes, and may change the tree" if self.may_change else "the tree is read-only"
        reading = (
            Hand("read", "Lines of a file, numbered.", Reading, self._read),
            Hand("search", "Lines of files that match, with file and number.", Searching, self._search),
            Hand("shell", f"Runs a command in the system's folder, without network; {state}.", Running, self._shell),
        )
        changing = (
            Hand("edit", "Puts a new text in the place of one that stands in a file once.", Editing, self._edit),
            Hand("write", "Writes a whole file.", Writing, self._write),
        )
        self.hands: dict[str, Hand] = {hand.name: hand for hand in (*reading, *(changing if self.may_change else ()))}
        self.edited: tuple[str, str] | None = None
        """Path and text of what the last call wrote."""

    def call(self, name: str, given: dict[str, Any]) -> str:
        """Returns what a tool gave, or what to mend."""
        self.edited = None
        hand = self.hands[name]
        try:
            return hand.run(hand.arguments.model_validate(given))
        except ValidationError as error:
            problems = error.errors(include_url=False, include_input=False)[:8]
            lines = [f"- {quote('.'.join(map(str, one['loc'])), 120)}: {quote(one['msg'], 300)}" for one in problems]
            return f"The arguments of {name} are not right:\n" + "\n".join(lines)
        except RefusedError as error:
            return f"{name} was refused: {quote(str(error), 400)}"

    def _read(self, asked: Reading) -> str:
        lines = read_text(self.tree.root, asked.path).split("\n")
        if asked.start > len(lines):
            raise RefusedError(f"the file has {len(lines)} lines")
        shown = lines[asked.start - 1 : asked.start - 1 + asked.lines]
        text = "\n".join(f"{number:>5}  {line}" for number, line in enumerate(shown, asked.start))
        last = asked.start + len(shown) - 1
        return handed(f"{quote(asked.path)} lines {asked.start} to {last} of {len(lines)}", text, limit=MOST)

    def _search(self, asked: Searching) -> str:
        argv = ("grep", "-rnIE", "-m", "20", "--exclude-dir=.git", "-e", asked.pattern, "--", asked.path)
        ran = self.tree.run(argv, seconds=30)
        if ran.code == 1:
            return "Nothing matches."
        return handed(f"Matches of {quote(asked.pattern, 100)}", ran.stdout or ran.stderr, limit=MOST)

    def _shell(self, asked: Running) -> str:
        ran = self.tree.run(("sh", "-c", asked.command), writable=self.may_change, seconds=asked.seconds)
        ended = f"did not end within {asked.seconds:.0f} s" if ran.timed_out else f"ended with {ran.code}"
        both = ran.stdout + (f"\n[stderr]\n{ran.stderr}" if ran.stderr.strip() else "")
        half = MOST // 2
        shown = (
            both if len(both) <= MOST else f"{both[:half]}\n[... {len(both) - MOST:,} characters ...]\n{both[-half:]}"
        )
        return handed(f"The command {ended}", shown, limit=MOST + 100)

    def _edit(self, asked: Editing) -> str:
        text = read_text(self.tree.root, asked.path)
        if (count := text.count(asked.old)) != 1:
            raise RefusedError(f"`old` stands {count} times in {asked.path}: it must stand there exactly once")
        return self._written(asked.path, text.replace(asked.old, asked.new))

    def _write(self, asked: Writing) -> str:
        return self._written(asked.path, asked.text)

    def _written(self, path: str, text: str) -> str:
        write_text(self.tree.root, path, text)
        self.edited = (path, text)
        return f"{quote(path)} is written; it has {text.count(chr(10)) + 1} lines."
