"""What each of the ticket's tools takes, typed: the one description that both faces hand out."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from andon.models import Lane, Row

Text = Annotated[str, Field(max_length=4000)]
Name = Annotated[str, Field(max_length=400)]
Commit = Annotated[str, Field(pattern=r"^([0-9a-f]{7,64})?$", description="A commit's hash; empty for the branch.")]
Page = Annotated[int, Field(ge=1, le=10_000)]


class Arguments(BaseModel):
    """Arguments of a tool; unknown ones are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def unpack(cls, given: object) -> object:
        """Reads a list or an object that some models hand over as JSON text."""
        if not isinstance(given, dict):
            return given
        return {name: unpacked(cls, name, value) for name, value in given.items()}


def unpacked(model: type[BaseModel], name: object, value: object) -> object:
    """Returns a value, read from JSON where its field is no text."""
    field = model.model_fields.get(str(name))
    if field is None or not isinstance(value, str) or value[:1] not in ("[", "{") or is_text(field.annotation):
        return value
    try:
        read: object = json.loads(value)
    except ValueError:
        return value
    return read


def is_text(annotation: Any) -> bool:
    """Tells whether a field holds text."""
    return annotation is str


class Nothing(Arguments):
    """Takes nothing."""


class EvidenceAsked(Arguments):
    table: Name = Field("", description="A table of the recorded context; empty for the offending rows.")
    page: Page = Field(1, description="20 rows a page.")


class QueryAsked(Arguments):
    sql: Annotated[str, Field(max_length=20_000)] = Field(
        description="One SELECT, in the dialect of the data. `:now` is the moment of the evidence, `:since` long ago."
    )


class SchemaAsked(Arguments):
    table: Name = Field("", description="A table; empty for all.")


class HistoryAsked(Arguments):
    path: Name = Field("", description="A file: its commits; with `start` and `end`, who last changed these lines.")
    start: int = Field(0, ge=0)
    end: int = Field(0, ge=0)
    commit: Commit = Field("", description="A commit: its message and diff.")
    page: Page = Field(1, description="20 commits, or 12,000 characters of a diff, a page.")


class LogsAsked(Arguments):
    path: Name = Field("", description="A log file; empty lists them.")
    words: Name = Field("", description="Only lines that hold exactly these words.")
    before: int = Field(0, ge=0, description="Go on with lines before this byte; 0 begins with the newest.")


class MemoryAsked(Arguments):
    words: Name = Field("", description="What to look for; empty for what the brief found.")


class CheckAsked(Arguments):
    check: Name = Field("", description="A check of the system; empty for the ticket's own.")


class ReplayAsked(Arguments):
    commit: Commit = ""
    diff: Annotated[str, Field(max_length=200_000)] = Field(
        "", description="A unified diff (a/ and b/ paths) to put on top of the commit for this replay alone."
    )
    with_changes: bool = Field(default=False, description="Fix phase: with the changes that you made to the tree.")
    trace: Name = Field("", description="A file: tells also which of its lines ran.")


class TestsAsked(Arguments):
    tests: tuple[Name, ...] = Field((), max_length=200, description="Files or test ids; empty for the whole suite.")
    only_tests: bool = Field(
        default=False,
        description="With the changed test files alone and no other change: a regression test must be red then.",
    )


# --- submissions ----------------------------------------------------------------------------------------------------


class SeenFact(Arguments):
    """What one of the tools found, by the name that it gave (`query-1`, `replay-2`, `log-1`, ...)."""

    kind: Literal["seen"]
    fact: Name


class LinesCited(Arguments):
    """Lines of a file at a commit. With `text`, they must read so."""

    kind: Literal["lines"]
    path: Name
    start: int = Field(ge=1)
    end: int = Field(ge=1)
    commit: Commit = ""
    text: Text = ""


class RowsCited(Arguments):
    """How many recorded rows (of the offending ones, or of a table of the context) have these values."""

    kind: Literal["rows"]
    where: Row = {}
    context: Name = ""
    count: int = Field(ge=1)


class CommitCited(Arguments):
    """A commit, with files that it touches."""

    kind: Literal["commit"]
    commit: Annotated[str, Field(pattern=r"^[0-9a-f]{7,64}$")]
    files: tuple[Name, ...] = ()


class ContrastCited(Arguments):
    """A contrast of the brief, by its place there (1 is the first)."""

    kind: Literal["contrast"]
    number: int = Field(1, ge=1)


class QueryCited(Arguments):
    """A read-only query on the live data, with what it gives."""

    kind: Literal["query"]
    sql: Annotated[str, Field(max_length=20_000)]
    total: int = Field(ge=0, description="How many rows it gives.")
    rows: tuple[Row, ...] = Field((), max_length=50)


class ReplayCited(Arguments):
    """A replay at a commit, with a diff on top or none, and how many rows then offend."""

    kind: Literal["replay"]
    commit: Commit = ""
    diff: Annotated[str, Field(max_length=200_000)] = ""
    total: int = Field(ge=0)


class TraceCited(Arguments):
    """Lines of a file that the replay at a commit runs."""

    kind: Literal["trace"]
    commit: Commit = ""
    path: Name
    lines: tuple[int, ...] = Field(min_length=1, max_length=400)


class TestCited(Arguments):
    """How a test at a commit ends."""

    kind: Literal["test"]
    commit: Commit = ""
    test: Name
    outcome: Literal["passed", "failed", "skipped", "xfailed", "xpassed", "error"]


class LogCited(Arguments):
    """Lines of a log, from this byte on."""

    kind: Literal["log"]
    path: Name
    offset: int = Field(ge=0)
    text: Text


Cited = Annotated[
    SeenFact
    | LinesCited
    | RowsCited
    | CommitCited
    | ContrastCited
    | QueryCited
    | ReplayCited
    | TraceCited
    | TestCited
    | LogCited,
    Field(discriminator="kind"),
]


class WhyGiven(Arguments):
    question: Text
    answer: Text = Field(description="`unknown`, and why, where the evidence ends.")
    facts: tuple[Cited, ...] = Field((), max_length=20, description="Evidence that andon runs again.")


class PlaceGiven(Arguments):
    path: Name
    start: int = Field(ge=1)
    end: int = Field(ge=1)
    function: Name = ""


class DiagnosisGiven(Arguments):
    whys: tuple[WhyGiven, ...] = Field(
        min_length=2,
        max_length=7,
        description="The chain: each question asks why the answer before it is so. The last one names the code.",
    )
    root_cause: Text = Field(description="One sentence.")
    lane: Lane
    locations: tuple[PlaceGiven, ...] = Field((), max_length=20, description="Where the bug is, likeliest first.")
    culprit: Commit = Field(
        "", description="The commit that brought it, where replays show it red and an ancestor green."
    )
    duplicate: int | None = Field(None, description="Lane `duplicate`: the open ticket that has the same cause.")


class PatchGiven(Arguments):
    summary: Text = Field(description="What was wrong and what the change does, in a few sentences.")
    tests: tuple[Name, ...] = Field(
        (), max_length=40, description="Files of the regression tests; empty: found by name."
    )


JSON = dict[str, JsonValue]
