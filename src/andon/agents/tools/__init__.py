"""The ticket's tools for agents: one implementation, in process and over MCP; they read, run and take submissions."""

from __future__ import annotations

from andon.agents.tools.bench import MOST_REFUSALS, Phase
from andon.agents.tools.toolbox import TOOLS, Answer, Tool, Toolbox

__all__ = ["MOST_REFUSALS", "TOOLS", "Answer", "Phase", "Tool", "Toolbox"]
