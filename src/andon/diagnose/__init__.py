"""Stage: asks an agent why a check is red and runs every fact again itself; it believes no words, touches no code."""

from __future__ import annotations

from andon.diagnose.render import render_diagnosis
from andon.diagnose.rules import check_diagnosis, is_unknown
from andon.facts import Again, recheck
from andon.models import Diagnosis, Spend
from andon.protocols import Agent, Case

__all__ = ["Again", "check_diagnosis", "diagnose", "is_unknown", "recheck", "render_diagnosis"]


def diagnose(case: Case, agent: Agent) -> tuple[Diagnosis, Spend]:
    """Returns what stands of an agent's diagnosis after its facts were run again, and what the agent spent.

    Raises:
        AgentError: the agent died or ran out of its limits.
        ExternalError: the sandbox or the repository could not be used.
    """
    claimed, spend = agent.diagnose(case)
    case.progress("running every fact of the diagnosis again")
    return check_diagnosis(claimed, case, agent.name), spend
