"""Writes down all that one verdict stands on: hashes of every input, the seed, every run, the proofs; judges nothing.

A record is for people and for judging again. It holds the seed, so no agent may ever see one; a verdict carries only
its hash.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from datetime import datetime
from functools import cache
from pathlib import Path

from pydantic import JsonValue, ValidationError

from andon import __version__
from andon.errors import ConfigError
from andon.judge.cache import JUDGE_VERSION
from andon.judge.hearing import Hearing
from andon.judge.watched import WORDS, Entry, WatchedWorkspace, hashed, suite_entry
from andon.models import Model, Patch, Verdict, digest
from andon.probes import INSIDE
from andon.protocols import Workspace

FORM = 1
"""Counts up whenever a record is written differently."""
SETTINGS = (
    "folder", "test", "junit", "replay", "checks", "runtime", "scratch", "scratch_fixture", "protected", "test_seconds",
    "replay_seconds",
)  # fmt: skip
"""Settings that a verdict depends on."""


class Origin(Model):
    """Where the judged patch came from: a ticket's attempt, or two commits that a person named."""

    system: str = ""
    ticket: int | None = None
    attempt: int | None = None
    repository: str = ""
    """Name of the folder of a person's repository."""
    head: str = ""
    """Full hash of the commit with a person's change."""
    python: str = ""
    """What a person named as the interpreter."""
    suite: str = ""
    """What a person named as the command of the suite."""
    junit: str = ""
    """Where a person said that it writes its report."""


class Inputs(Model):
    """What the verdict depends on, by hash where it is long."""

    andon: str
    judge: int
    source: str
    """Hash of the judge's own source."""
    probes: dict[str, str]
    """Hash of each file that is brought into the sandbox."""
    sandbox: str
    base: str
    diff: str
    check: str = ""
    """Hash of the check as the ticket knows it; empty without a ticket."""
    evidence: str = ""
    diagnosis: str = ""
    symptom: str = ""
    settings: dict[str, JsonValue]
    packages: tuple[str, ...]
    """Interpreters and packages of the environment."""
    people: bool
    workers: int


class Record(Model):
    """One verdict with all that it stands on."""

    form: int = FORM
    made_at: datetime
    origin: Origin
    inputs: Inputs
    patch: Patch
    seed: str
    """Hexadecimal; secret until the verdict, and from agents for ever."""
    base_suite: Entry | None = None
    """The suite on the base, run now or kept of an earlier verdict; None where it was not needed."""
    runs: tuple[Entry, ...]
    verdict: Verdict
    """Without the hash of this record."""

    @property
    def sha256(self) -> str:
        """The hash that the verdict carries."""
        return digest(self.model_dump(mode="json"))

    @property
    def runtime(self) -> tuple[str, ...]:
        """Folders of the environment."""
        told = self.inputs.settings.get("runtime")
        return tuple(map(str, told)) if isinstance(told, list) else ()

    @property
    def secret(self) -> int:
        """The seed as a number."""
        return int(self.seed, 16)


class Tape:
    """Notes what is run while one patch is heard, and makes the record of it at the end."""

    def __init__(self, origin: Origin, *, at: datetime) -> None:
        self.origin, self.at = origin, at
        self.entries: list[Entry] = []
        self.record: Record | None = None
        """There once the verdict is."""

    def watching(self, workspace: Workspace) -> Workspace:
        """Returns a workspace whose every run is noted, and that of every checkout made from it."""
        return WatchedWorkspace(workspace, self.entries.append, began=time.monotonic())

    def sealed(self, hearing: Hearing, verdict: Verdict) -> Verdict:
        """Returns the verdict with the hash of its record, which is there from now on."""
        # Not asked for anew: a suite that no proof needed is not run for the record's sake.
        suites = vars(hearing).get("suites")
        base = suite_entry("", suites[0]) if suites else None
        self.record = Record(
            made_at=self.at,
            origin=self.origin,
            inputs=inputs_of(hearing),
            patch=hearing.patch,
            seed=f"{hearing.seed:x}",
            base_suite=base,
            runs=tuple(sorted(self.entries, key=lambda one: one.began)),
            verdict=verdict,
        )
        return verdict.model_copy(update={"record": self.record.sha256})


def fresh_seed() -> int:
    """Returns a seed that nobody can foretell: one a verdict."""
    return secrets.randbits(64) or 1


def write_record(record: Record) -> str:
    """Returns a record as JSON text; bytes of a broken encoding in it survive."""
    return json.dumps(record.model_dump(mode="json"), ensure_ascii=True, indent=1)


def read_record(text: str, name: str = "the record") -> Record:
    """Returns the record of a JSON text.

    Raises:
        ConfigError: it is none, or one of a form that this andon does not know.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError("is no JSON", file=name) from error
    form = value.get("form") if isinstance(value, dict) else None
    if form != FORM:
        raise ConfigError(f"is no record of a verdict that this andon can read (form {FORM})", file=name)
    try:
        return Record.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"is no record of a verdict: {place}: {first['msg']}", file=name) from error


def differing_inputs(one: Inputs, other: Inputs) -> tuple[str, ...]:
    """Returns the names of the inputs in which two verdicts differ."""
    return tuple(name for name in Inputs.model_fields if getattr(one, name) != getattr(other, name))


def differing_proofs(one: Verdict, other: Verdict) -> tuple[str, ...]:
    """Returns what two verdicts say differently, a line each; empty when they are the same in every outcome."""
    lines = []
    if one.outcome is not other.outcome:
        lines.append(
            f"the verdict was {one.outcome.value}, and is {other.outcome.value}: {other.reason or 'no reason'}"
        )
    before = {proof.name: proof for proof in one.proofs}
    after = {proof.name: proof for proof in other.proofs}
    for name in dict.fromkeys([*before, *after]):
        was, now = before.get(name), after.get(name)
        if (was and was.outcome) != (now and now.outcome):
            words = [f"{side.outcome.value} ({side.saw[:WORDS]})" if side else "not heard" for side in (was, now)]
            lines.append(f"{name}: was {words[0]}, is {words[1]}")
    return tuple(lines)


# --- what goes into a record ------------------------------------------------------------------------------------------


def inputs_of(hearing: Hearing) -> Inputs:
    """Returns all that a verdict depends on."""
    settings = hearing.settings.model_dump(mode="json")
    return Inputs(
        andon=__version__,
        judge=JUDGE_VERSION,
        source=source_of_judge(),
        probes=probes(),
        sandbox=hearing.isolation,
        base=hearing.patch.base,
        diff=hashed(hearing.patch.diff),
        check=digest(hearing.check.model_dump(mode="json")) if hearing.check else "",
        evidence=digest(hearing.evidence.model_dump(mode="json")) if hearing.evidence else "",
        diagnosis=digest(hearing.diagnosis.model_dump(mode="json")) if hearing.diagnosis else "",
        symptom=hearing.symptom_command,
        settings={name: settings[name] for name in SETTINGS},
        packages=packages_of(hearing.settings.runtime),
        people=hearing.people,
        workers=hearing.workers,
    )


def packages_of(runtime: tuple[str, ...]) -> tuple[str, ...]:
    """Returns interpreters and installed packages, with versions, of the folders of an environment."""
    found: set[str] = set()
    for root in runtime:
        for lib in Path(root).expanduser().glob("lib/python*"):
            found.add(lib.name)
            found |= {path.stem for path in lib.glob("*-packages/*.dist-info")}
    return tuple(sorted(found))


@cache
def source_of_judge() -> str:
    """Returns the hash of the judge's source: another judge may say otherwise."""
    folder = Path(__file__).parent
    return digest([[path.relative_to(folder).as_posix(), file_hash(path)] for path in sorted(folder.rglob("*.py"))])


@cache
def probes() -> dict[str, str]:
    """Returns the hash of each file that is brought into the sandbox."""
    return {path.name: file_hash(path) for path in sorted(INSIDE.glob("*.*"))}


def file_hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
