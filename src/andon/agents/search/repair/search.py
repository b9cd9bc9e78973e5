"""Leads the search for a repair through its three classes and picks among survivors; it guesses nothing."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from andon.agents.search.repair.candidates import CLASSES, Candidate, build, without_refuted
from andon.agents.search.repair.ddmin import ddmin
from andon.agents.search.repair.diffs import apply_file_diff, files_of
from andon.agents.search.repair.evaluate import Bench
from andon.agents.search.repair.guards import (
    Doubts,
    Output,
    can_count,
    doubts_about,
    knows_the_evidence,
    read_output,
    unwired,
)
from andon.agents.search.repair.ingredients import read_ingredients
from andon.agents.search.repair.notes import Notes
from andon.agents.search.repair.regression import NoRegression, Regression, write_regression
from andon.agents.search.repair.reverts import Culprit, Piece, put_back, read_culprit, tidiest, touched_files
from andon.agents.search.repair.siblings import deviations
from andon.agents.search.repair.source import Sources, read_sources, read_text
from andon.agents.search.repair.templates import template_ideas
from andon.errors import GitError
from andon.models import Attempt, Diagnosis, Patch
from andon.protocols import Case
from andon.quoting import quote

CAPS = {"sibling": 48, "template": 160}
"""Candidates of a class that are tried at most."""
WANTED = {"sibling": 4, "template": 4}
"""Survivors of a class that are compared before one is picked."""


class Survivor(NamedTuple):
    """A candidate that turns the replay green, and what speaks against it."""

    candidate: Candidate
    doubts: Doubts

    @property
    def order(self) -> tuple[bool, int, float, int]:
        """Sorts the most trustworthy first inside a class."""
        shifted = 0 if self.doubts.shifted == 0 else 1
        return bool(self.doubts.sentences), shifted, -round(self.candidate.suspicion, 2), self.candidate.size


class Search:
    """One search for a repair: its bench, its notes, and the survivors that were put last."""

    def __init__(self, case: Case, diagnosis: Diagnosis, earlier: Sequence[Attempt]) -> None:
        self.case = case
        self.diagnosis = diagnosis
        self.earlier = earlier
        self.notes = Notes()
        self.bench = Bench(case)
        self.sources = read_sources(case.workspace.root, case.workspace.folder)
        self.last: list[Survivor] = []
        self.tables = can_count(self.bench)

    def close(self) -> None:
        """Ends what runs."""
        self.bench.close()

    def patch(self) -> Patch | None:
        """Returns the repair to hand in, or None; the notes say why."""
        for survivors in (self.reverts, self.siblings, self.templates):
            found = self.pick(survivors())
            if found is not None:
                return found
            if self.bench.stopped:
                self.notes.say(f"The search stopped early: {self.bench.stopped}.")
                break
        return self.pick([survivor for survivor in self.last if self.keeps_rows(survivor)], doubtful=True)

    def pick(self, survivors: Sequence[Survivor], *, doubtful: bool = False) -> Patch | None:
        """Returns the first survivor, best first, that the suite holds with and a regression test proves."""
        for survivor in sorted(survivors, key=lambda s: (s.candidate.rank, *s.order)):
            candidate = survivor.candidate
            if survivor.doubts.sentences and not doubtful:
                self.last.append(survivor)
                self.notes.say(f"{quote(candidate.says)} was put last: {'; '.join(survivor.doubts.sentences)}.")
                continue
            self.case.progress(f"the suite runs, and a regression test is written, for: {candidate.says}")
            running = self.bench.begin(partial(self.bench.suite, candidate.diff))
            regression = write_regression(self.bench, candidate, self.diagnosis.root_cause)
            suite = running.result()
            if not suite.holds:
                broken = ", ".join(quote(test, 120) for test in suite.broken[:3])
                self.notes.drop(candidate, suite.note or f"{len(suite.broken)} tests break: {broken}")
                continue
            if isinstance(regression, NoRegression):
                self.notes.drop(candidate, regression.reason)
                continue
            return self.handed_in(survivor, regression, suite.note)
        return None

    def handed_in(self, survivor: Survivor, regression: Regression, note: str) -> Patch:
        """Returns the patch of a survivor and its regression test, and says so in the notes."""
        candidate = survivor.candidate
        doubts = "".join(
            f" Look at this: {sentence}." for sentence in (*survivor.doubts.sentences, *survivor.doubts.mild)
        )
        summary = f"{candidate.says[:1].upper()}{candidate.says[1:]}.{doubts}"
        self.notes.outcome = f"Handed in ({candidate.strategy}): {quote(summary, 600)}"
        for sentence in (note, regression.note):
            if sentence:
                self.notes.say(f"{sentence}.")
        self.notes.say(f"{self.bench.replays} replays were run, {self.bench.green} candidates turned the replay green.")
        return Patch(
            base=self.case.workspace.commit,
            diff=candidate.diff + regression.diff,
            tests=(regression.path,),
            summary=summary,
            strategy=candidate.strategy,
        )

    # --- the three classes ------------------------------------------------------------------------------------------

    def reverts(self) -> list[Survivor]:
        """Returns the smallest revert of the culprit commit that turns the replay green."""
        culprit = self.read_culprit()
        if culprit is None:
            return []
        whole = put_back(culprit, culprit.pieces)
        if whole is None or not self.bench.is_green(whole.diff):
            self.notes.say(f"Taking back commit {culprit.commit[:10]} does not turn the replay green.")
            return []
        hunks = self.smaller(culprit, [tuple(hunk) for hunk in culprit.hunks()])
        lines = self.smaller(culprit, [(piece,) for piece in hunks])
        found = tidiest(culprit, [c for c in (put_back(culprit, lines), put_back(culprit, hunks), whole) if c])
        return self.doubted(without_refuted(dict.fromkeys(found), self.earlier))

    def smaller(self, culprit: Culprit, groups: Sequence[tuple[Piece, ...]]) -> tuple[Piece, ...]:
        """Returns the pieces of a smallest set of groups that still turns the replay green when put back."""

        def first(choices: Sequence[tuple[tuple[Piece, ...], ...]]) -> int | None:
            candidates = [put_back(culprit, [piece for group in choice for piece in group]) for choice in choices]
            return self.bench.first_green([candidate.diff if candidate else None for candidate in candidates])

        return tuple(piece for group in ddmin(groups, first, rounds=12) for piece in group)

    def read_culprit(self) -> Culprit | None:
        """Returns what can be put back of the commit that the diagnosis names."""
        if not self.diagnosis.culprit:
            self.notes.say("No culprit commit is known, so nothing was taken back.")
            return None
        root = self.case.workspace.root
        protected = (self.case.check.path.rpartition("/")[0],)
        culprit = read_culprit(
            self.case.history, self.diagnosis.culprit, lambda path: read_text(root / path), protected=protected
        )
        if culprit is None:
            self.notes.say(f"Commit {self.diagnosis.culprit[:10]} holds nothing that could be taken back.")
        elif culprit.conflicts:
            self.notes.say(f"{culprit.conflicts} pieces of {culprit.commit[:10]} have changed since and stay.")
        return culprit

    def siblings(self) -> list[Survivor]:
        """Returns the transplants from siblings that turn the replay green."""
        return self.survivors(
            "sibling", build(self.sources, deviations(self.sources, self.diagnosis.locations, self.fresh()))
        )

    def templates(self) -> list[Survivor]:
        """Returns the template repairs of the suspicious lines that turn the replay green."""
        ingredients = read_ingredients(self.case, self.sources, self.diagnosis.locations, fresh=self.fresh())
        return self.survivors("template", build(self.sources, template_ideas(self.sources, ingredients)))

    def survivors(self, kind: str, candidates: Sequence[Candidate]) -> list[Survivor]:
        """Returns which of the first candidates of a class turn the replay green, and what speaks against them."""
        fresh = without_refuted(candidates, self.earlier)
        if len(fresh) < len(candidates):
            self.notes.say(f"{len(candidates) - len(fresh)} {kind} candidates were refuted by earlier attempts.")
        tried = fresh[: CAPS[kind]]
        green = list(self.bench.greens(tried, what=kind, want=WANTED[kind]))
        self.notes.say(
            f"{kind}: {len(fresh)} candidates, at most {len(tried)} tried, {len(green)} turn the replay green."
        )
        return self.doubted([candidate for candidate in green if self.is_general(candidate)])

    def is_general(self, candidate: Candidate) -> bool:
        """Tells whether a survivor would hold for other evidence too: it does not know this one by heart."""
        literal = knows_the_evidence(candidate, self.case.evidence, self.sources)
        if literal:
            self.notes.drop(candidate, f"it brings the evidence's own value {quote(literal, 60)} into the code")
        return not literal

    def doubted(self, candidates: Sequence[Candidate]) -> list[Survivor]:
        """Returns survivors with what speaks against them: a feature unwired, lost rows, healthy rows that change."""
        found: list[Survivor] = []
        counted: list[Candidate] = []
        for candidate in candidates:
            unused = unwired(self.sources, patched(self.sources, candidate.diff))
            if unused:
                names = ", ".join(unused[:3])
                sentence = f"nobody uses {names} any more: a feature is switched off"
                found.append(Survivor(candidate, Doubts((sentence,))))
            else:
                counted.append(candidate)
        if not self.tables:
            return [*found, *(Survivor(candidate, Doubts()) for candidate in counted)]
        rows = len(counted) > 1 and counted[0].rank == CLASSES.index("template")
        base, *outputs = (
            self.outputs(["", *(candidate.diff for candidate in counted)], rows=rows) if counted else [None]
        )
        for candidate, output in zip(counted, outputs, strict=True):
            doubts = doubts_about(candidate, base, output, self.case.evidence.total)
            if doubts.emptied:
                self.notes.drop(candidate, f"{', '.join(doubts.emptied)} is empty after the replay")
            else:
                found.append(Survivor(candidate, doubts))
        return found

    def keeps_rows(self, survivor: Survivor) -> bool:
        """Tells whether a survivor that was put last may be tried: not when it unwires a feature and loses rows."""
        if not self.tables or not any(sentence.startswith("nobody uses") for sentence in survivor.doubts.sentences):
            return True
        base, output = self.outputs(["", survivor.candidate.diff], rows=False)
        doubts = doubts_about(survivor.candidate, base, output, self.case.evidence.total)
        lost = doubts.sentences + doubts.mild
        if lost:
            self.notes.drop(survivor.candidate, f"it switches a feature off, and {'; '.join(lost)}")
        return not lost

    def outputs(self, diffs: Sequence[str], *, rows: bool) -> list[Output | None]:
        """Returns what the replays with some diffs write, run side by side."""
        return self.bench.side_by_side(
            *(partial(read_output, self.bench, diff, self.tables, rows=rows) for diff in diffs)
        )

    def fresh(self) -> dict[str, set[int]]:
        """Returns the lines by path that the culprit commit wrote and that still stand."""
        culprit = self.diagnosis.culprit
        if not culprit:
            return {}
        found: dict[str, set[int]] = {}
        for path in touched_files(self.case.history, culprit):
            if self.sources.find(path) is None:
                continue
            try:
                commits = self.case.history.blame(self.case.workspace.commit, path)
            except GitError:
                continue
            lines = {number for number, commit in enumerate(commits, start=1) if commit == culprit}
            if lines:
                found[path] = lines
        return found


def patched(sources: Sources, diff: str) -> dict[str, str]:
    """Returns the texts of the Python files that a candidate changes, as they are with it."""
    found: dict[str, str] = {}
    for path, part in files_of(diff):
        file = sources.find(path)
        if file is not None:
            found[path] = apply_file_diff(file.text, part)
    return found
