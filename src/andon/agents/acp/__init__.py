"""Agents that are other programs and speak the Agent Client Protocol."""

from __future__ import annotations

from andon.agents.acp.agent import AcpAgent
from andon.agents.acp.configured import acp_agent

__all__ = ["AcpAgent", "acp_agent"]
