"""Tells whether each configured agent really answers: by starting it, and by asking its model one tiny question."""

from __future__ import annotations

from collections.abc import Iterator

from andon.app import App
from andon.doctor.findings import Finding, tried
from andon.errors import AndonError
from andon.protocols import Agent
from andon.wallet import wallet_with

TOKENS, USD = 10_000, 0.05
"""The most that the question may cost."""


def agent_findings(app: App) -> Iterator[Finding]:
    """Yields a finding for each agent, in the order in which they are tried, and one for their model."""
    try:
        agents = app.agents()
    except AndonError as error:
        yield Finding(what="agent", state="broken", saw=str(error), mend="check [agent] in andon.toml (docs/agents.md)")
        return
    for agent in agents:
        mend = "docs/agents.md says what to do when an agent does not answer"
        yield tried(f"agent {agent.name}", lambda agent=agent: answers(app, agent), mend)  # type: ignore[misc]
    if set(app.config.agent.kind) - {"search"} and app.config.agent.model:
        mend = "see that `model`, `url` and `key` in [agent] name a model that the key may use"
        yield tried("model", lambda: model_answers(app), mend)


def answers(app: App, agent: Agent) -> str:
    """Returns what an agent says of itself.

    Raises:
        AndonError: it does not answer.
    """
    from andon.agents.acp import AcpAgent

    if not isinstance(agent, AcpAgent):
        return f"{agent.name} is part of andon"
    told = agent.answers(app.sandbox, wallet_with(tokens=TOKENS, usd=USD))
    return f"{' '.join((told.name or agent.name, told.version)).strip()} starts in the sandbox and opens a session"


def model_answers(app: App) -> str:
    """Returns that the model answers over the relay, and what that cost.

    Raises:
        AndonError: it does not.
    """
    from andon.agents.relay.trying import try_model

    wallet = wallet_with(tokens=TOKENS, usd=USD)
    with app.open_relay(wallet) as relay:
        try_model(relay)
    spent = wallet.spent
    return f"{app.config.agent.model} answers over the relay ({spent.tokens} tokens, {spent.usd:.4f} USD)"
