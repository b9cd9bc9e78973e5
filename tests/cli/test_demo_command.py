"""`andon demo --agent model`: what it writes into the demonstration's andon.toml, before anything is built."""

from __future__ import annotations

from pathlib import Path

import pytest
from feeds import Call

from andon.agents.model import ModelAgent
from andon.agents.relay import upstream_of
from andon.app import App
from andon.config import Config, load
from andon.demo import CONFIG, agent_table


def configured(folder: Path, **given: str) -> Config:
    table = agent_table("model", **{"model": "llama", "url": "", "key": ""} | given)
    (folder / "andon.toml").write_text(CONFIG.format(runtime="venv", quiet=20, agent=table), encoding="utf-8")
    return load(folder / "andon.toml")


def test_model_at_any_address_needs_no_key_and_no_price(tmp_path: Path) -> None:
    config = configured(tmp_path, url="http://127.0.0.1:8000/v1")
    found = upstream_of(config.agent, config.budget)
    assert (found.wire, found.model, found.url, found.key) == ("openai", "llama", "http://127.0.0.1:8000/v1", "")
    with App(config) as app:
        assert [type(agent) for agent in app.agents()] == [ModelAgent]


def test_model_of_a_provider_takes_its_key_from_a_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", "k")
    config = configured(tmp_path, model="anthropic:claude-sonnet-4-6", key="A_KEY")
    assert upstream_of(config.agent, config.budget).key == "k"


def test_demo_without_a_model_is_the_search(tmp_path: Path) -> None:
    (tmp_path / "andon.toml").write_text(
        CONFIG.format(runtime="venv", quiet=20, agent=agent_table("search", model="", url="", key="")), encoding="utf-8"
    )
    assert load(tmp_path / "andon.toml").agent.kind == ("search",)


def test_agent_model_without_a_model_is_refused_before_anything_is_built(andon: Call, tmp_path: Path) -> None:
    said = andon("demo", "--agent", "model", "--folder", str(tmp_path / "new"), cwd=tmp_path)
    assert said.code == 2
    assert "--model" in said.err
    assert not (tmp_path / "new").exists()
