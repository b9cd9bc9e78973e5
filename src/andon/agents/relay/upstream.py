"""Where model traffic goes: one configured address, the key for it, and one request there; follows no redirect."""

from __future__ import annotations

import http.client
import re
import ssl
from typing import NamedTuple
from urllib.parse import urlsplit

from andon.agents.prices import Tariff
from andon.config import AgentSettings, BudgetSettings, secret
from andon.errors import ConfigError

HOME = {
    "anthropic": "https://api.anthropic.com/v1",
    "openai": "https://api.openai.com/v1",
    "gemini": "https://generativelanguage.googleapis.com/v1beta",
}
CONNECTING = 20.0
"""Seconds."""


class Upstream(NamedTuple):
    """One endpoint with one model."""

    wire: str
    """`anthropic`, `openai` or `gemini`."""
    model: str
    url: str
    """Up to where `/messages`, `/chat/completions` or `/models` follows."""
    key: str
    tariff: Tariff
    patience: float = 600.0
    """Seconds without a byte from there."""

    def headers(self) -> dict[str, str]:
        """Returns what lets a request in."""
        if not self.key:
            return {}
        named = {"anthropic": "x-api-key", "gemini": "x-goog-api-key"}
        return {named[self.wire]: self.key} if self.wire in named else {"Authorization": f"Bearer {self.key}"}

    def connect(self) -> http.client.HTTPConnection:
        """Returns an open connection.

        Raises:
            OSError: it cannot be reached.
        """
        place = urlsplit(self.url)
        host = place.hostname or ""
        if place.scheme == "https":
            context = ssl.create_default_context()
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                host, place.port or 443, timeout=CONNECTING, context=context
            )
        else:
            connection = http.client.HTTPConnection(host, place.port or 80, timeout=CONNECTING)
        connection.connect()
        connection.sock.settimeout(self.patience)
        return connection

    def path(self, rest: str) -> str:
        """Returns the path of a request there."""
        return urlsplit(self.url).path.rstrip("/") + rest


def upstream_of(settings: AgentSettings, budget: BudgetSettings) -> Upstream:
    """Returns where the configured model is.

    Raises:
        ConfigError: no model or key is set; or nobody knows its price and no limit of tokens was chosen.
    """
    if not settings.model:
        raise ConfigError("set it to `anthropic:NAME`, `openai:NAME` or `gemini:NAME`", key="agent.model")
    wire, _, model = settings.model.partition(":")
    url = settings.url or HOME[wire]
    if wire == "anthropic" and not url.endswith("/v1"):
        url += "/v1"  # where its own library adds that, people write the address without
    if wire == "gemini" and not re.search(r"/v1\w*$", url):
        url += "/v1beta"
    if not settings.key and not settings.url:
        raise ConfigError("set it to `env:NAME` of the variable that holds the key", key="agent.key")
    tariff = Tariff(wire, model, settings.url)
    if not tariff.known and "tokens_per_ticket" not in budget.model_fields_set:
        raise ConfigError(
            f"nobody knows what {model!r} costs there, so limits in USD cannot hold: set `tokens_per_ticket` in "
            "[budget] to what a cause may use",
            key="agent.model",
        )
    return Upstream(wire, model, url, secret(settings.key) if settings.key else "", tariff)
