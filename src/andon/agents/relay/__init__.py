"""The only way from an agent to its model: adds the key, counts and charges each request, and carries nothing else."""

from __future__ import annotations

from andon.agents.relay.counting import Relay
from andon.agents.relay.server import open_relay
from andon.agents.relay.upstream import HOME, Upstream, upstream_of

__all__ = ["HOME", "Relay", "Upstream", "open_relay", "upstream_of"]
