"""The model in the loop, from andon.toml to a proven patch: its ticket pays once, and it hears what was refuted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from talks import BRIEF, FOUND, KEY

from andon import workflows
from andon.agents.model import ModelAgent
from andon.app import App
from andon.config import load
from andon.models import Lane, Status
from andon.protocols import Agent
from andon.testing.agents import MENDS, REGRESSION, ScriptedAgent
from andon.testing.endpoint import Asked, Call, Endpoint, Turn, endpoint
from andon.testing.loops import BRIEF as FEW
from andon.testing.loops import use
from andon.testing.repos import NOW, make_tinyfeed
from andon.testing.waiting import Clock

PATH, BAD, GOOD = MENDS["unit"]
TEST = "tests/test_ticket_1"


class Script:
    """Says what fits the phase, step by step."""

    evidence = ""

    def __call__(self, asked: Asked) -> Turn:
        if "submit_patch" not in asked.tools:
            return (BRIEF, FOUND)[min(len(asked.results), 1)]
        calls = (
            Call("brief"),
            Call("edit", {"path": PATH, "old": BAD, "new": GOOD}),
            Call("write", {"path": f"{TEST}.py", "text": REGRESSION}),
            Call("write", {"path": f"{TEST}.json", "text": self.evidence}),
            Call("submit_patch", {"summary": "Cents are not multiplied again."}),
        )
        return Turn(calls=(calls[min(len(asked.results), len(calls) - 1)],))


@pytest.fixture(scope="module")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("feed")
    make_tinyfeed(folder, bug="unit")
    return folder


@contextmanager
def loop(feed: Path, state: Path, told: Endpoint, agents: tuple[Agent, ...] | None = None) -> Iterator[App]:
    """Gives the app with an open ticket; its model is the endpoint."""
    use(feed, agent=f'{{kind = "model", model = "openai:llama-at-home", url = "{told.url}/v1", key = "env:MODEL_KEY"}}')
    use(feed, budget="{tokens_per_ticket = 100000}")
    settings = load(feed / "andon.toml").model_copy(update={"database": f"sqlite:///{state}/andon.db"})
    clock = Clock()
    clock = clock if clock.now() > NOW else Clock(NOW)
    with App(settings, now=clock.now, agents=agents, proofs=FEW) as app:
        workflows.sweep(app, "tinyfeed", workflows.straight)
        yield app


def go(app: App, phase: str) -> str:
    return workflows.run_phase(app, phase, 1, workflows.straight)


def test_model_takes_a_ticket_from_red_to_proven_and_its_cause_pays_each_request_once(
    feed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODEL_KEY", KEY)
    script = Script()
    with endpoint(script, key=KEY) as told, loop(feed, tmp_path, told) as app:
        assert go(app, "diagnose") == Status.DIAGNOSED, app.store.get_ticket(1).reason
        assert app.store.spent(1).tokens == 2 * 110
        script.evidence = app.store.get_evidence(1).model_dump_json(indent=1)
        assert go(app, "fix") == Status.PROVEN, app.store.get_ticket(1).reason
        assert app.store.spent(1).tokens == 7 * 110 == 110 * told.billed
        (attempt,) = app.store.list_attempts(1)
        assert (attempt.agent, attempt.spend.tokens) == ("model", 5 * 110)
        lines = app.store.list_lines(1)
    assert {"prompt", "tool", "answer", "says"} <= {line.kind for line in lines}
    assert KEY not in "".join(line.text for line in lines)


def test_model_behind_another_agent_is_told_what_that_one_found(
    feed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODEL_KEY", KEY)
    first = ScriptedAgent(name="first", lane=Lane.UNKNOWN)
    with endpoint(Script(), key=KEY) as told, loop(feed, tmp_path, told) as app:
        (model,) = app.agents()
        assert isinstance(model, ModelAgent)
        app._agents = (first, model)
        assert go(app, "diagnose") == Status.DIAGNOSED, app.store.get_ticket(1).reason
        assert app.store.get_diagnosis(1).agent == "model"
    assert "What was tried before" in told.asked[1].results[0]
    assert "first ends in unknown" in told.asked[1].results[0].replace("`", "")


def test_endpoint_that_is_down_leaves_the_ticket_where_it_was(
    feed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODEL_KEY", KEY)
    with endpoint(Script()) as told:
        pass
    with loop(feed, tmp_path, told) as app:
        said = go(app, "diagnose")
        assert "cannot be reached" in said + app.store.get_ticket(1).reason
        assert app.store.get_ticket(1).status is Status.OPEN
        assert app.store.find_diagnosis(1) is None
