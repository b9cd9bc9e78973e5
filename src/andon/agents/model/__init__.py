"""The built-in agent on any model: asks it, runs the tools that it calls, and hands in what was accepted."""

from __future__ import annotations

from andon.agents.model.agent import ModelAgent

__all__ = ["ModelAgent"]
