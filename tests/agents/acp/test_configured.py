"""From [agent] to an agent of the protocol that reaches its model through the relay and holds no key."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from andon.agents.acp import acp_agent
from andon.agents.relay import open_relay, upstream_of
from andon.config import AgentSettings, BudgetSettings
from andon.errors import AgentError, ConfigError
from andon.models import Lane
from andon.protocols import Case
from andon.sandboxes import LandlockSandbox
from andon.testing.acp import SEEN, scripted
from andon.testing.cases import Stage, open_case
from andon.testing.endpoint import Endpoint, Turn, endpoint
from andon.wallet import wallet_with

BUDGET = BudgetSettings(tokens_per_ticket=100_000)


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Case, Stage]]:
    with open_case(tmp_path_factory.mktemp("case"), "unit") as found:
        yield found


def settings(told: Endpoint, monkeypatch: pytest.MonkeyPatch, *words: str, key: str = "hunter2") -> AgentSettings:
    """Returns [agent] with a scripted program."""
    monkeypatch.setenv("MODEL_KEY", key)
    return AgentSettings(
        kind=("acp",),
        command=shlex.join(words),
        see=tuple(map(str, SEEN)),
        model="openai:scripted",
        url=f"{told.url}/v1",
        key="env:MODEL_KEY",
        minutes=5,
    )


def test_model_is_asked_through_the_relay_and_the_key_stays_outside(
    opened: tuple[Case, Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = [{"ask_model": "why?"}, {"shell": "cat /proc/*/environ; env"}, {"stop": "refusal"}]
    with endpoint([Turn("because", tokens=(700, 50))], key="hunter2") as told:
        it = settings(told, monkeypatch, *scripted(steps))
        agent = acp_agent(it, lambda wallet: open_relay(upstream_of(it, BUDGET), wallet, requests=5), search="")
        case = opened[0]._replace(wallet=wallet_with())
        opened[1].lines.clear()
        found, spend = agent.diagnose(case)
    said = "\n".join(text for kind, text in opened[1].lines if kind == "says")
    assert found.lane is Lane.UNKNOWN
    assert "ask_model: because" in said
    assert "hunter2" not in said
    assert spend.tokens == 750
    assert told.asked[0].headers["authorization"] == "Bearer hunter2"


def test_what_an_agent_says_that_it_cost_is_not_paid_where_the_relay_counts(
    opened: tuple[Case, Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = [{"ask_model": "why?"}, {"cost": {"usd": 900_000}}, {"tokens": 10**12}, {"stop": "refusal"}]
    with endpoint([Turn("because", tokens=(700, 50))]) as told:
        it = settings(told, monkeypatch, *scripted(steps))
        agent = acp_agent(it, lambda wallet: open_relay(upstream_of(it, BUDGET), wallet, requests=5), search="")
        _, spend = agent.diagnose(opened[0]._replace(wallet=wallet_with()))
    assert (spend.tokens, spend.usd) == (750, 0.0)


def test_session_ends_when_the_relay_carries_nothing_more(
    opened: tuple[Case, Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = [{"ask_model": "one"}, {"ask_model": "two"}, {"hang": "until it is told to stop"}]
    with endpoint() as told:
        it = settings(told, monkeypatch, *scripted(steps))
        agent = acp_agent(it, lambda wallet: open_relay(upstream_of(it, BUDGET), wallet, requests=1), search="")
        found, _ = agent.diagnose(opened[0]._replace(wallet=wallet_with()))
    assert "this session has made 1 requests, as many as `requests` in [agent] allows" in found.root_cause


def test_key_that_is_not_let_in_is_told_and_not_tried_again(
    opened: tuple[Case, Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    with endpoint(key="another") as told:
        it = settings(told, monkeypatch, *scripted([{"ask_model": "why?"}, {"stop": "refusal"}]))
        agent = acp_agent(it, lambda wallet: open_relay(upstream_of(it, BUDGET), wallet, requests=5), search="")
        with pytest.raises(AgentError, match=r"the model could not be asked: .* does not let the key in") as caught:
            agent.diagnose(opened[0]._replace(wallet=wallet_with()))
    assert caught.value.permanent


def test_sandbox_without_a_loopback_of_its_own_is_told_and_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with endpoint() as told:
        it = settings(told, monkeypatch, *scripted())
        agent = acp_agent(it, lambda wallet: open_relay(upstream_of(it, BUDGET), wallet, requests=5), search="")
        with pytest.raises(AgentError, match=r"has no loopback of its own, .* install bubblewrap") as caught:
            agent.answers(LandlockSandbox(namespaces=False), wallet_with())
    assert caught.value.permanent


def test_program_that_is_named_nowhere_is_an_error() -> None:
    for given, words in (
        ({}, "needs a `preset` .* or a `command`"),
        ({"preset": "opencod"}, "did you mean `opencode`"),
        ({"preset": "x"}, "others take `command`"),
        ({"preset": "claude-code", "model": "openai:gpt"}, "claude-code talks to its model as `anthropic:NAME`"),
    ):
        with pytest.raises(ConfigError, match=words):
            acp_agent(AgentSettings.model_validate(given), lambda _: pytest.fail("opened"), search="")


def test_agent_is_called_after_its_preset_or_its_program(tmp_path: Path) -> None:
    for given, name in (({"preset": "codex"}, "codex"), ({"command": f"{tmp_path}/my-agent --acp"}, "my-agent")):
        agent = acp_agent(AgentSettings.model_validate(given), lambda _: pytest.fail("opened"), search="")
        assert agent.name == name


def test_program_that_is_not_there_is_an_error_when_a_session_begins(opened: tuple[Case, Stage]) -> None:
    agent = acp_agent(AgentSettings(preset="opencode"), lambda _: pytest.fail("opened"), search="")
    with pytest.raises(AgentError, match="npm install -g opencode-ai"):
        agent.diagnose(opened[0])
