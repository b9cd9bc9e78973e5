"""The ticket's tools for one session: which its phase has, and one bounded call at a time; faces lie above."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from pydantic import ValidationError

from andon.agents.stuck import Action, Watch
from andon.agents.tools import arguments as a
from andon.agents.tools.bench import MOST_REFUSALS, Bench, Phase, Refused
from andon.agents.tools.looking import history, logs, query
from andon.agents.tools.reading import brief, evidence, memory, schema
from andon.agents.tools.running import replay, run_check, run_tests
from andon.agents.tools.submitting import submit_diagnosis, submit_patch
from andon.errors import ExternalError
from andon.models import Attempt, Diagnosis, Patch
from andon.protocols import Case, Workspace
from andon.quoting import quote

MOST_CALLS = 400
"""Calls of one session, of all tools together."""
MOST_ANSWER = 24_000
"""Characters of one answer."""
BOTH = frozenset(Phase)


class Tool(NamedTuple):
    """One of the ticket's tools."""

    name: str
    description: str
    arguments: type[a.Arguments]
    phases: frozenset[Phase]
    run: Callable[[Bench, Any], str]
    most: int = MOST_CALLS
    """Calls of one session."""

    @property
    def schema(self) -> dict[str, Any]:
        """What it takes, as JSON schema."""
        return self.arguments.model_json_schema()


class Answer(NamedTuple):
    """What a call gave; `refused` tells that it was not done, and then the text says why."""

    text: str
    refused: bool = False


TOOLS = (
    Tool("brief", "What is known of the ticket, and what is wanted.", a.Nothing, BOTH, brief),
    Tool("evidence", "The recorded rows, a page at a time.", a.EvidenceAsked, BOTH, evidence),
    Tool("schema", "Tables and columns of the live data.", a.SchemaAsked, BOTH, schema),
    Tool("query", "Asks the live data one read-only SQL question.", a.QueryAsked, BOTH, query, 200),
    Tool("run_check", "Asks a check of the live system now.", a.CheckAsked, BOTH, run_check, 30),
    Tool(
        "replay",
        "Runs the system on the recorded evidence in a scratch place and asks the check there.",
        a.ReplayAsked,
        BOTH,
        replay,
        40,
    ),
    Tool("history", "Commits, a commit's diff, or who last changed lines.", a.HistoryAsked, BOTH, history),
    Tool("logs", "The system's log files and lines of them, newest first.", a.LogsAsked, BOTH, logs),
    Tool("memory", "What earlier tickets of the system taught.", a.MemoryAsked, BOTH, memory),
    Tool(
        "submit_diagnosis",
        "Hands in the chain of whys. andon runs every fact again; what does not hold comes back with the reason.",
        a.DiagnosisGiven,
        frozenset({Phase.DIAGNOSE}),
        submit_diagnosis,
    ),
    Tool(
        "run_tests",
        "Runs tests with your changes on a clean checkout.",
        a.TestsAsked,
        frozenset({Phase.FIX}),
        run_tests,
        60,
    ),
    Tool(
        "submit_patch",
        "Hands in what you changed in the tree, computed by andon from the tree itself, with its regression test.",
        a.PatchGiven,
        frozenset({Phase.FIX}),
        submit_patch,
    ),
)
VERDICTS = frozenset({"replay", "run_check", "run_tests", "submit_diagnosis", "submit_patch"})
"""Tools whose answers say how things stand."""
SUBMISSIONS = frozenset({"submit_diagnosis", "submit_patch"})


class Toolbox:
    """The tools of one session. Safe to call from any thread; calls run one after the other."""

    def __init__(
        self,
        case: Case,
        phase: Phase,
        workspace: Workspace,
        *,
        agent: str,
        diagnosis: Diagnosis | None = None,
        earlier: Sequence[Attempt] = (),
    ) -> None:
        """`workspace` is the agent's tree; `diagnosis` (accepted) and `earlier` attempts belong to the fix phase."""
        self.bench = Bench(case, phase, workspace, agent=agent, diagnosis=diagnosis, earlier=earlier)
        self.trouble: ExternalError | None = None
        """What kept a submission from being looked at: not the agent's fault, and so no refusal."""
        self.watch = Watch()
        self._verdict = ""
        self._before = case.wallet.purses
        self._lock = threading.Lock()

    @property
    def diagnosis(self) -> Diagnosis | None:
        """The diagnosis that was accepted, or what stands of the last one once none is taken any more."""
        return self.bench.diagnosis or (self.bench.stands if self.bench.over else None)

    @property
    def patch(self) -> Patch | None:
        """The patch that was taken."""
        return self.bench.patch

    @property
    def over(self) -> str:
        """Why the session is over, in a sentence; empty while it goes on."""
        if self.bench.diagnosis is not None or self.bench.patch is not None:
            return "what was handed in is accepted"
        return self.bench.over or self.bench.outgrown()

    def tools(self) -> tuple[Tool, ...]:
        """Returns the tools of the phase."""
        return tuple(tool for tool in TOOLS if self.bench.phase in tool.phases)

    def call(self, name: str, given: dict[str, Any]) -> str:
        """Returns a tool's answer to an agent, or why there is none."""
        return self.answer(name, given).text

    def answer(self, name: str, given: dict[str, Any]) -> Answer:
        """Returns a tool's answer, and whether it is a refusal. Both go into the transcript."""
        with self._lock:
            case = self.bench.case
            case.transcript("tool", f"{name[:80]} {json.dumps(given, default=str)}")
            answer = self._answer(name, given)
            text = answer.text
            if len(text) > MOST_ANSWER:
                text = f"{text[:MOST_ANSWER]}\n(cut: {len(text) - MOST_ANSWER:,} characters are left out)"
            if name in VERDICTS:
                self._verdict = f"{name} {text[:300]}"
            if why := self.act(f"{name} {json.dumps(given, default=str, sort_keys=True)}", text):
                text += f"\n\nYou go in circles ({why}): the session is over. End it."
            if (low := case.wallet.low) and not self.over:
                text += f"\n\nThe budget is nearly used up ({low}): wrap up and hand in what you have."
            case.transcript("refusal" if answer.refused else "answer", text)
            return answer._replace(text=text)

    def act(self, what: str, answer: str, *, edited: tuple[str, str] | None = None) -> str:
        """Notes what an agent did, with these tools or its own; returns in which circle it goes, and then it is over.

        `edited` is the path and text of a file that it wrote.
        """
        action = Action(what, answer, len(self.bench.facts), self._verdict, self._spent(), edited)
        why = self.watch.act(action)
        if why and not self.over:
            self.bench.over = f"it went in circles: {why}"
            self.bench.case.transcript("stuck", why)
        return why

    def settle(self) -> None:
        """Ends a session: what could not be looked at is no fault of the agent's, and nothing was decided.

        Raises:
            ExternalError: the last submission could not be run again: sandbox, repository or store failed.
        """
        if self.trouble is not None and self.bench.diagnosis is None and self.bench.patch is None:
            raise self.trouble

    def _spent(self) -> float:
        """Returns the share of what was left at the beginning that is spent, of the limit that is nearest."""
        start = {purse.name: purse for purse in self._before}
        shares = [
            (purse.used - start[purse.name].used) / (purse.limit - start[purse.name].used)
            for purse in self.bench.case.wallet.purses
            if purse.name in start and purse.limit > start[purse.name].used
        ]
        return max(shares, default=0.0)

    def _answer(self, name: str, given: dict[str, Any]) -> Answer:
        tool = next((one for one in self.tools() if one.name == name), None)
        try:
            if tool is None:
                raise Refused(self._unknown(name))
            self._count(tool)
            if name in SUBMISSIONS:
                self.trouble = None
            return Answer(tool.run(self.bench, tool.arguments.model_validate(given)))
        except ValidationError as error:
            assert tool is not None
            return self._refuse(tool.name, worded(tool, error))
        except Refused as error:
            return self._refuse(name, str(error))
        except ExternalError as error:
            if name in SUBMISSIONS:
                self.trouble = error
            return Answer(f"{name} could not be run now: {quote(str(error), 600)}", refused=True)

    def _unknown(self, name: str) -> str:
        names = ", ".join(one.name for one in self.tools())
        if any(one.name == name for one in TOOLS):
            return f"{name} belongs to another phase than this one ({self.bench.phase.value}); there are: {names}"
        return f"there is no tool {quote(name, 60)}; there are: {names}"

    def _count(self, tool: Tool) -> None:
        """Counts a call.

        Raises:
            Refused: there have been as many as there may be, or the session is over.
        """
        if tool.name in SUBMISSIONS and self.over:
            raise Refused(f"nothing more is taken: {self.over}. End your session")
        calls = self.bench.calls
        if calls.total() >= MOST_CALLS or calls[tool.name] >= tool.most:
            raise Refused(f"{tool.name} was called as often as it may be in a session: go on with what you know")
        calls[tool.name] += 1

    def _refuse(self, name: str, words: str) -> Answer:
        """Returns a refusal; those of submissions are counted, and end the session when there are too many."""
        if name not in SUBMISSIONS or self.over or not any(one.name == name for one in self.tools()):
            return Answer(words, refused=True)
        self.bench.refusals += 1
        left = MOST_REFUSALS - self.bench.refusals
        if left > 0:
            return Answer(f"{words}\n\nMend it and submit again ({left} more refusals end the session).", refused=True)
        self.bench.over = f"{MOST_REFUSALS} submissions were sent back"
        return Answer(f"{words}\n\n{self.bench.over}: nothing more is taken. End your session.", refused=True)


def worded(tool: Tool, error: ValidationError) -> str:
    """Returns what is wrong with arguments, in words an agent can act on."""
    lines = []
    for problem in error.errors(include_url=False, include_input=False)[:8]:
        place = ".".join(str(part) for part in problem["loc"]) or "arguments"
        lines.append(f"- {quote(place, 120)}: {quote(problem['msg'], 300)}")
    return f"The arguments of {tool.name} are not right:\n" + "\n".join(lines)
