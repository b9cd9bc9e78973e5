"""Takes a commit back in pieces: which runs of its lines can be put back on head, three-way; it runs nothing."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from andon.agents.search.repair.candidates import Candidate, from_texts, is_python, same_code
from andon.agents.search.repair.diffs import apply_file_diff, files_of
from andon.agents.search.repair.source import is_test, split_lines
from andon.errors import GitError
from andon.protocols import History

KEPT_NAMES = frozenset({"andon.toml", "pyproject.toml", "setup.py", "setup.cfg", "tox.ini", "pytest.ini", "noxfile.py"})


class Piece(NamedTuple):
    """Lines `start` to `end` (from 0) of a file at head that putting back makes into `lines`."""

    path: str
    start: int
    end: int
    lines: tuple[str, ...]
    hunk: int
    """Number of the hunk of the commit that it belongs to."""


class Culprit(NamedTuple):
    """What a commit changed in the sources, as pieces that can be put back on head one by one."""

    commit: str
    head: Mapping[str, str]
    """Text at head of each file that it touched."""
    pieces: tuple[Piece, ...]
    conflicts: int
    """Pieces that cannot be put back because the lines have changed since."""

    def hunks(self) -> list[tuple[Piece, ...]]:
        """Returns the pieces of each hunk together."""
        numbers = dict.fromkeys(piece.hunk for piece in self.pieces)
        return [tuple(piece for piece in self.pieces if piece.hunk == number) for number in numbers]


def read_culprit(
    history: History, commit: str, head: Callable[[str], str | None], *, protected: Sequence[str] = ()
) -> Culprit | None:
    """Returns what can be put back of a commit; None when it has no parent or touched no sources.

    `head` gives the text of a file as it stands now, None when it is not there. Tests, settings and files under
    `protected` folders are never put back, nor files that the commit made or took away.
    """
    pieces: list[Piece] = []
    texts: dict[str, str] = {}
    conflicts = 0
    for path in touched_files(history, commit):
        now = head(path)
        if now is None or is_kept(path, protected):
            continue
        try:
            before, after = history.show(f"{commit}^", path), history.show(commit, path)
        except GitError:
            continue  # made or taken away by the commit, or the first commit of all
        found, lost = pieces_of(path, before, after, now, first_hunk=len(pieces))
        pieces.extend(found)
        conflicts += lost
        texts[path] = now
    return Culprit(commit, texts, tuple(pieces), conflicts) if pieces else None


def touched_files(history: History, commit: str) -> tuple[str, ...]:
    """Returns the files that a commit touched; none when there is no such commit."""
    try:
        entries = history.log(commit, limit=1)
    except GitError:
        return ()
    return entries[0].files if entries else ()


def is_kept(path: str, protected: Sequence[str]) -> bool:
    """Tells whether a file is a test, a setting or otherwise not ours to put back."""
    name = path.rpartition("/")[2]
    hidden = any(part.startswith(".") for part in path.split("/"))
    inside = any(path == folder or path.startswith(folder.rstrip("/") + "/") for folder in protected if folder)
    return is_test(path) or name in KEPT_NAMES or name.endswith(".lock") or hidden or inside


def pieces_of(path: str, before: str, after: str, now: str, *, first_hunk: int = 0) -> tuple[list[Piece], int]:
    """Returns the pieces that put a file's change (before -> after) back on its text now, and how many conflict."""
    old, new, head = split_lines(before), split_lines(after), split_lines(now)
    place = line_map(new, head)
    found: list[Piece] = []
    conflicts = 0
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    hunks = [code for code in matcher.get_opcodes() if code[0] != "equal"]
    for number, (_, i1, i2, j1, j2) in enumerate(hunks):
        for lines, start, end in runs(old[i1:i2], new[j1:j2]):
            where = located(place, j1 + start, j1 + end, len(new), len(head))
            if where is None:
                conflicts += 1
            else:
                found.append(Piece(path, *where, tuple(lines), first_hunk + number))
    return found, conflicts


def line_map(new: list[str], head: list[str]) -> dict[int, int]:
    """Returns where each line that is still there stands at head."""
    matcher = difflib.SequenceMatcher(None, new, head, autojunk=False)
    return {a + n: b + n for a, b, size in matcher.get_matching_blocks() for n in range(size)}


def located(
    place: Mapping[int, int], start: int, end: int, new_length: int, head_length: int
) -> tuple[int, int] | None:
    """Returns the lines at head of lines `start` to `end` of the commit's version, None when they changed since."""
    if start < end:
        lines = [place.get(number) for number in range(start, end)]
        first = lines[0]
        if first is None or lines != list(range(first, first + len(lines))):
            return None
        return first, first + len(lines)
    after = head_length if start == new_length else place.get(start)
    before = -1 if start == 0 else place.get(start - 1)
    if after is not None:
        return after, after
    return None if before is None else (before + 1, before + 1)


def runs(old: list[str], new: list[str]) -> list[tuple[list[str], int, int]]:
    """Returns a replaced block as smaller replacements: (old lines, start, end in new), alike lines paired."""
    if not old or not new:
        return [(old, 0, len(new))]
    pairs = alike_pairs(old, new)
    found: list[tuple[list[str], int, int]] = []
    i = j = 0
    for a, b in [*pairs, (len(old), len(new))]:
        if i < a or j < b:
            found.append((old[i:a], j, b))
        if a < len(old):
            found.append((old[a : a + 1], b, b + 1))
        i, j = a + 1, b + 1
    return found


def alike_pairs(old: list[str], new: list[str], *, least: float = 0.6) -> list[tuple[int, int]]:
    """Returns pairs of line numbers that are versions of one line, in order."""
    if len(old) == len(new):
        return [(n, n) for n in range(len(old))]
    pairs: list[tuple[int, int]] = []
    start = 0
    for i, line in enumerate(old):
        ratios = [(difflib.SequenceMatcher(None, line, new[j]).ratio(), -j) for j in range(start, len(new))]
        best, negative = max(ratios, default=(0.0, 0))
        if best >= least:
            pairs.append((i, -negative))
            start = -negative + 1
    return pairs


def put_back(culprit: Culprit, pieces: Sequence[Piece]) -> Candidate | None:
    """Returns the candidate that puts pieces back, None when the outcome does not parse or is the same program."""
    new: dict[str, str] = {}
    for path in {piece.path for piece in pieces}:
        lines = split_lines(culprit.head[path])
        for piece in sorted((p for p in pieces if p.path == path), key=lambda p: (p.start, p.end), reverse=True):
            lines[piece.start : piece.end] = piece.lines
        new[path] = "".join(lines)
    if any(path.endswith(".py") and not is_python(text) for path, text in new.items()):
        return None
    if all(path.endswith(".py") and same_code(culprit.head[path], new[path]) for path in new):
        return None
    old = {path: culprit.head[path] for path in new}
    where = ", ".join(sorted({f"{piece.path}:{piece.start + 1}" for piece in pieces})[:4])
    says = f"takes back {len(pieces)} of {len(culprit.pieces)} pieces of commit {culprit.commit[:10]} ({where})"
    return from_texts(old, new, strategy="revert", suspicion=1.0, says=says)


def tidiest(culprit: Culprit, candidates: Sequence[Candidate]) -> list[Candidate]:
    """Returns candidates without doubles, those first that leave no variable behind that nobody reads."""
    unread = {path: len(unread_names(text)) for path, text in culprit.head.items() if path.endswith(".py")}

    def leaves_behind(candidate: Candidate) -> bool:
        parts = [(path, part) for path, part in files_of(candidate.diff) if path in unread]
        return any(len(unread_names(apply_file_diff(culprit.head[path], part))) > unread[path] for path, part in parts)

    marked = [c._replace(suspicion=0.9) if leaves_behind(c) else c for c in dict.fromkeys(candidates)]
    return sorted(marked, key=lambda candidate: -candidate.suspicion)


def unread_names(text: str) -> set[tuple[str, str]]:
    """Returns (function, variable) of the variables that a function sets and nobody reads."""
    found: set[tuple[str, str]] = set()
    for function in ast.walk(ast.parse(text)):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            names = [node for node in ast.walk(function) if isinstance(node, ast.Name)]
            read = {node.id for node in names if isinstance(node.ctx, ast.Load)}
            found |= {(function.name, node.id) for node in names if node.id not in read}
    return found
