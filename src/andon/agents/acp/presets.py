"""Knows how common agents are started and told where their model is; whoever is not here gives `command`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import NamedTuple

KEY = "andon-adds-the-key-outside"
"""What an agent is given in place of a key: the relay puts the real one in."""
Env = dict[str, str]
PUT = 'mkdir -p "$(dirname "$HOME/$1")" && printf %s "$2" >"$HOME/$1" && shift 2 && exec "$@"'
"""Writes one file and runs the rest; the home is made anew for each session, inside the sandbox."""


class Where(NamedTuple):
    """Where an agent finds its model."""

    url: str
    """Of the relay, inside the sandbox; without a path."""
    wire: str
    """How one talks there: `anthropic`, `openai` or `gemini`."""
    model: str


def no_files(where: Where) -> Mapping[str, str]:
    """Returns no file: most agents are told all by their environment."""
    del where
    return {}


class Preset(NamedTuple):
    """How one agent is started."""

    argv: tuple[str, ...]
    wires: frozenset[str]
    """Which of them it can speak."""
    env: Callable[[Where], Env]
    install: str
    """What a person does to have it."""
    home: Callable[[Where], Mapping[str, str]] = no_files
    """Files that have to stand in its home, by their path there."""

    def settle(self, argv: tuple[str, ...], where: Where) -> tuple[str, ...]:
        """Returns the command that writes the files of the home and then becomes the agent."""
        for path, text in self.home(where).items():
            argv = ("/bin/sh", "-c", PUT, "sh", path, text, *argv)
        return argv


def claude_code(where: Where) -> Env:
    """Claude Code through the adapter for its SDK."""
    return {
        "ANTHROPIC_BASE_URL": where.url,
        "ANTHROPIC_API_KEY": KEY,
        "ANTHROPIC_MODEL": where.model,
        "ANTHROPIC_DEFAULT_HAIKU_MODEL": where.model,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_AUTOUPDATER": "1",
    }


def codex(where: Where) -> Env:
    """Codex through its adapter; its own sandbox cannot be nested into andon's, which is the boundary."""
    provider = {"name": "andon", "base_url": f"{where.url}/v1", "env_key": "CODEX_API_KEY", "wire_api": "responses"}
    config = {"model": where.model, "model_provider": "andon", "model_providers": {"andon": provider}}
    return {
        "CODEX_API_KEY": KEY,
        "CODEX_CONFIG": json.dumps(config),
        "MODEL_PROVIDER": "andon",
        "INITIAL_AGENT_MODE": "agent-full-access",
        "NO_BROWSER": "1",
    }


def opencode(where: Where) -> Env:
    """OpenCode with one provider of andon's and nothing that looks for the network."""
    anthropic = where.wire == "anthropic"
    provider = {
        "npm": "@ai-sdk/anthropic" if anthropic else "@ai-sdk/openai-compatible",
        "name": "andon",
        "options": {"baseURL": f"{where.url}/v1", "apiKey": KEY},
        "models": {
            where.model: {"name": where.model, "tool_call": True, "limit": {"context": 200_000, "output": 16_000}}
        },
    }
    config = {
        "model": f"andon/{where.model}",
        "small_model": f"andon/{where.model}",
        "provider": {"andon": provider},
        "enabled_providers": ["andon"],
        "permission": {"edit": "ask", "bash": "ask", "webfetch": "deny"},
        "share": "disabled",
        "autoupdate": False,
        "snapshot": False,
        "lsp": False,
        "formatter": False,
    }
    return {
        "OPENCODE_CONFIG_CONTENT": json.dumps(config),
        "OPENCODE_DISABLE_AUTOUPDATE": "1",
        "OPENCODE_DISABLE_MODELS_FETCH": "1",
        "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
    }


def openhands(where: Where) -> Env:
    """OpenHands, which is to look for no list of prices; what else it is told stands in its home."""
    del where
    return {"OPENHANDS_SUPPRESS_BANNER": "1", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}


def openhands_home(where: Where) -> Mapping[str, str]:
    """OpenHands' own settings; its model library wants the provider before the model's name."""
    url = where.url if where.wire == "anthropic" else f"{where.url}/v1"
    model = {"model": f"{where.wire}/{where.model}", "base_url": url, "api_key": KEY, "usage_id": "agent"}
    return {".openhands/agent_settings.json": json.dumps({"llm": model})}


def gemini(where: Where) -> Env:
    """Gemini CLI; in a folder that nobody vouches for it would start no server of tools, and the sandbox vouches."""
    return {
        "GEMINI_CLI_TRUST_WORKSPACE": "true",
        "GEMINI_CLI_NO_RELAUNCH": "true",
        "GEMINI_API_KEY": KEY,
        "GOOGLE_GEMINI_BASE_URL": where.url,
        "GEMINI_MODEL": where.model,
        "GEMINI_DEFAULT_AUTH_TYPE": "gemini-api-key",
    }


PRESETS: Mapping[str, Preset] = {
    "claude-code": Preset(
        ("claude-agent-acp",),
        frozenset({"anthropic"}),
        claude_code,
        "npm install -g @agentclientprotocol/claude-agent-acp",
    ),
    "codex": Preset(("codex-acp",), frozenset({"openai"}), codex, "npm install -g @agentclientprotocol/codex-acp"),
    "gemini": Preset(("gemini", "--acp"), frozenset({"gemini"}), gemini, "npm install -g @google/gemini-cli"),
    "opencode": Preset(("opencode", "acp"), frozenset({"anthropic", "openai"}), opencode, "npm install -g opencode-ai"),
    "openhands": Preset(
        ("openhands", "acp", "--always-approve"),
        frozenset({"anthropic", "openai"}),
        openhands,
        "uv tool install openhands --python 3.12",
        openhands_home,
    ),
}


def plain(where: Where) -> Env:
    """What an agent that nobody knows gets: the names that most of them read."""
    return {
        "ANTHROPIC_BASE_URL": where.url,
        "ANTHROPIC_API_KEY": KEY,
        "ANTHROPIC_MODEL": where.model,
        "OPENAI_BASE_URL": f"{where.url}/v1",
        "OPENAI_API_KEY": KEY,
        "OPENAI_MODEL": where.model,
        "GOOGLE_GEMINI_BASE_URL": where.url,
        "GEMINI_API_KEY": KEY,
        "GEMINI_MODEL": where.model,
    }
