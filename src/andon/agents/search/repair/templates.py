"""Classical templates on the suspicious lines; each module of templates yields ideas and nothing runs here.

A template's weight says how often its kind is right where it fits; times the line's suspicion it orders the trial.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import NamedTuple

from andon.agents.search.repair.candidates import Idea
from andon.agents.search.repair.ingredients import Ingredients, Spot, versions_of
from andon.agents.search.repair.kinds import Kind, kind_of
from andon.agents.search.repair.source import Edit, SourceFile, Sources


class Place(NamedTuple):
    """A suspicious line with the nodes that begin on it, and what may be used there."""

    sources: Sources
    file: SourceFile
    spot: Spot
    nodes: tuple[ast.AST, ...]
    ingredients: Ingredients

    def kind(self, node: ast.expr) -> Kind:
        """Returns what kind of value an expression has."""
        return kind_of(self.sources, self.file, node)

    def idea(self, what: str, weight: float, says: str, *edits: Edit) -> Idea:
        """Returns an idea of this line."""
        where = f"{self.file.path}:{self.spot.line}"
        return Idea(edits, f"template:{what}", self.spot.suspicion * weight, f"{says} ({where})")

    def swap(self, what: str, weight: float, node: ast.AST, text: str) -> Idea:
        """Returns the idea that puts a text in the place of a node."""
        before = self.file.code(node)
        return self.idea(what, weight, f"{short(before)} becomes {short(text)}", self.file.replace(node, text))


Template = Callable[[Place], Iterator[Idea]]


def template_ideas(sources: Sources, ingredients: Ingredients) -> list[Idea]:
    """Returns what all templates propose for the suspicious lines, the best first."""
    from andon.agents.search.repair import operators, sqltext, statements, times, values

    all_templates: list[Template] = [
        past_versions,
        *operators.TEMPLATES,
        *values.TEMPLATES,
        *times.TEMPLATES,
        *statements.TEMPLATES,
        *sqltext.TEMPLATES,
    ]
    found: list[Idea] = []
    for place in places_of(sources, ingredients):
        for template in all_templates:
            found.extend(template(place))
    return sorted(found, key=lambda idea: -idea.suspicion)


def places_of(sources: Sources, ingredients: Ingredients) -> Iterator[Place]:
    """Yields the suspicious lines with their nodes, the most suspicious first."""
    by_line: dict[str, dict[int, list[ast.AST]]] = {}
    for spot in ingredients.spots:
        file = sources.find(spot.path)
        if file is None:
            continue
        if spot.path not in by_line:
            by_line[spot.path] = defaultdict(list)
            for node in ast.walk(file.tree):
                if isinstance(node, ast.expr | ast.stmt | ast.excepthandler) and not in_f_string(file, node):
                    by_line[spot.path][node.lineno].append(node)
        nodes = tuple(by_line[spot.path].get(spot.line, ()))
        if nodes:
            yield Place(sources, file, spot, nodes, ingredients)


def in_f_string(file: SourceFile, node: ast.AST) -> bool:
    """Tells whether a node stands inside an f-string, where Python before 3.12 gives it no true place."""
    above: ast.AST | None = node
    while (above := file.parents.get(above)) is not None if above is not None else False:
        if isinstance(above, ast.JoinedStr):
            return True
        if isinstance(above, ast.stmt):
            return False
    return False


def past_versions(place: Place) -> Iterator[Idea]:
    """A line as it stood before an earlier commit."""
    line = place.file.lines[place.spot.line - 1]
    if not line.strip() or line.strip().startswith("#"):
        return
    start = place.file.starts[place.spot.line - 1] + len(place.file.indent(place.spot.line))
    end = place.file.starts[place.spot.line - 1] + len(line.rstrip("\r\n"))
    for old in versions_of(line, place.ingredients.past.get(place.file.path, ())):
        edit = Edit(place.file.path, start, end, old)
        yield place.idea("history", 0.9, f"{short(line)} becomes {short(old)} again", edit)


def short(text: str) -> str:
    """Returns a text short enough for a sentence."""
    text = " ".join(text.split())
    return text if len(text) <= 60 else text[:57] + "..."


def grouped(file: SourceFile, node: ast.expr) -> str:
    """Returns an expression's text, in parentheses where an operator beside it would tear it apart."""
    text = file.code(node)
    loose = ast.BinOp | ast.BoolOp | ast.Compare | ast.IfExp | ast.Lambda | ast.UnaryOp | ast.Await | ast.NamedExpr
    return f"({text})" if isinstance(node, loose) else text
