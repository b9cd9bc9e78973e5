"""What the loop relies on in every agent, asked of the doubles and of a real one."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from real import Mind, edit, opencode, read, write

from andon.agents.acp import AcpAgent, acp_agent
from andon.agents.acp.configured import no_way
from andon.agents.acp.program import Program
from andon.agents.relay import open_relay, upstream_of
from andon.config import AgentSettings, BudgetSettings
from andon.models import Diagnosis, Lane
from andon.protocols import Agent, Case
from andon.testing.acp import SEEN, scripted
from andon.testing.agents import MENDS, REGRESSION, ScriptedAgent, mended
from andon.testing.cases import open_case
from andon.testing.endpoint import Call, endpoint
from andon.wallet import wallet_with

CLAIM: dict[str, Any] = {
    "whys": [
        {"question": "Why is it red?", "answer": "Prices are too high.", "facts": [{"kind": "rows", "count": 35}]},
        {
            "question": "Why are they?",
            "answer": "tinyfeed/prices.py multiplies twice.",
            "facts": [{"kind": "lines", "path": "tinyfeed/prices.py", "start": 7, "end": 7}],
        },
    ],
    "root_cause": "to_cents multiplies cents by 100",
    "lane": "code bug",
}
PATH, OLD, NEW = MENDS["unit"]
TEST = "tests/test_ticket_1"


class Kinds(NamedTuple):
    """One kind of agent, as a good one and as one that has nothing to hand in."""

    good: Agent
    idle: Agent


def double(case: Case, stack: ExitStack) -> Kinds:
    """The double of the `Agent` face."""
    del case, stack
    return Kinds(ScriptedAgent([mended("unit")]), ScriptedAgent(lane=Lane.UNKNOWN))


def process(case: Case, stack: ExitStack) -> Kinds:
    """The double that is a process and speaks the protocol: what it does depends on the tools of its phase."""
    del stack
    steps: list[dict[str, Any]] = [
        {"use": {"tool": "submit_diagnosis", "given": CLAIM}},
        {"edit": {"path": PATH, "old": OLD, "new": NEW}},
        {"write": {"path": f"{TEST}.json", "text": case.evidence.model_dump_json()}},
        {"write": {"path": f"{TEST}.py", "text": REGRESSION}},
        {"use": {"tool": "submit_patch", "given": {"summary": "as scripted"}}},
    ]

    def agent(*turns: list[dict[str, Any]]) -> AcpAgent:
        program = Program(scripted(*turns), SEEN, (Path(sys.executable).parent,))
        return AcpAgent("scripted", lambda: program, no_way, minutes=5)

    return Kinds(agent(steps), agent([{"say": "I give up"}, {"stop": "refusal"}]))


def real(case: Case, stack: ExitStack) -> Kinds:
    """A real agent whose model is scripted."""
    tried = edit(PATH, OLD, NEW)  # refused: the tree is read-only before the diagnosis is accepted
    diagnosis = [Call("andon_brief"), read(PATH), tried, Call("andon_submit_diagnosis", CLAIM)]
    files = [write(f"{TEST}.json", case.evidence.model_dump_json()), write(f"{TEST}.py", REGRESSION)]
    fix = [read(PATH), edit(PATH, OLD, NEW), *files, Call("andon_submit_patch", {"summary": "as scripted"})]

    def agent(mind: Mind) -> AcpAgent:
        model = stack.enter_context(endpoint(mind))
        settings = AgentSettings(
            preset="opencode", command=shlex.join([opencode(), "acp"]), model="openai:scripted", url=f"{model.url}/v1"
        )
        upstream = upstream_of(settings, BudgetSettings(tokens_per_ticket=10**6))
        return acp_agent(settings, lambda wallet: open_relay(upstream, wallet, requests=40), search="")

    return Kinds(agent(Mind(diagnosis, fix)), agent(Mind()))


KINDS: dict[str, Callable[[Case, ExitStack], Kinds]] = {"double": double, "process": process, "real": real}


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    with open_case(tmp_path_factory.mktemp("case"), "unit") as (found, _):
        yield found._replace(wallet=wallet_with())


@pytest.fixture(scope="module", params=list(KINDS))
def kinds(request: pytest.FixtureRequest, case: Case) -> Iterator[Kinds]:
    with ExitStack() as stack:
        yield KINDS[request.param](case, stack)


@pytest.fixture(scope="module")
def cause(kinds: Kinds, case: Case) -> Diagnosis:
    before = files(case.workspace.root)
    found, _ = kinds.good.diagnose(case)
    assert files(case.workspace.root) == before
    return found


def files(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_diagnosis_stands_when_it_is_run_again(kinds: Kinds, case: Case, cause: Diagnosis) -> None:
    assert cause.agent == kinds.good.name
    assert case.weigh(cause).lane is Lane.CODE_BUG


def test_patch_brings_its_test_and_turns_the_replay_green(kinds: Kinds, case: Case, cause: Diagnosis) -> None:
    before = files(case.workspace.root)
    fixed = kinds.good.fix(case, cause, ())
    assert fixed.patch is not None, fixed.notes
    assert case.examine(fixed.patch) == ""
    assert f"{TEST}.py" in fixed.patch.tests
    with case.workspace.at(diff=fixed.patch.diff) as mended_tree:
        assert mended_tree.replay(case.check, case.evidence).green
    assert files(case.workspace.root) == before


def test_agent_with_nothing_to_hand_in_abstains(kinds: Kinds, case: Case, cause: Diagnosis) -> None:
    fixed = kinds.idle.fix(case, cause, ())
    assert fixed.patch is None
    assert fixed.notes
