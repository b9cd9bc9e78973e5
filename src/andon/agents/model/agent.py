"""The agent `model`: opens the way to the model for one session a phase; what is handed in is weighed elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from andon.agents.model.hands import Hands
from andon.agents.model.session import Session
from andon.agents.relay import Upstream, open_relay
from andon.agents.tools import Phase, Toolbox
from andon.config import AgentSettings
from andon.errors import GitError
from andon.models import Attempt, Diagnosis, Lane, RowsFact, Spend, Why
from andon.protocols import Case, Fixed, Workspace

KEPT = 20_000
"""Characters of unfinished work that are kept."""


class ModelAgent:
    """Implements `protocols.Agent`."""

    name = "model"

    def __init__(self, upstream: Upstream, settings: AgentSettings) -> None:
        self.upstream = upstream
        self.settings = settings

    def diagnose(self, case: Case) -> tuple[Diagnosis, Spend]:
        """Returns the diagnosis that was accepted; else what stands of it, or that the cause is unknown and why.

        Raises:
            AgentError: the model cannot be asked.
            ExternalError: what it handed in cannot be looked at now.
        """
        box = Toolbox(case, Phase.DIAGNOSE, case.workspace, agent=self.name)
        ended = self._session(case, box, case.workspace)
        return box.diagnosis or unknown(case, self.name, ended), case.wallet.spent

    def fix(self, case: Case, diagnosis: Diagnosis, earlier: Sequence[Attempt]) -> Fixed:
        """Returns the patch that was taken, or abstains and keeps what stood in the tree.

        Raises:
            AgentError: the model cannot be asked.
            ExternalError: what it handed in cannot be looked at now.
        """
        with case.workspace.at() as tree:
            box = Toolbox(case, Phase.FIX, tree, agent=self.name, diagnosis=diagnosis, earlier=earlier)
            ended = self._session(case, box, tree)
            if box.patch is not None:
                return Fixed(box.patch, box.patch.summary, case.wallet.spent)
            return Fixed(None, f"No patch was handed in: {ended}.{unfinished(tree)}", case.wallet.spent)

    def _session(self, case: Case, box: Toolbox, tree: Workspace) -> str:
        """Returns why a session ended."""
        with open_relay(self.upstream, case.wallet, requests=self.settings.requests) as relay:
            ended = Session(case, box, Hands(tree, box.bench.phase), relay, self.settings).run()
        if box.trouble is not None and box.bench.diagnosis is None and box.patch is None:
            raise box.trouble  # what was handed in could not be looked at: nobody knows whether it holds
        return ended


def unfinished(tree: Workspace) -> str:
    """Returns what an agent changed in its tree, for whoever goes on; empty when nothing."""
    try:
        diff = tree.changed()
    except GitError as error:
        return f" What it changed cannot be read: {error}"
    return f"\n\nWhat stood in its tree then:\n\n{diff[:KEPT]}" if diff.strip() else ""


def unknown(case: Case, agent: str, why: str) -> Diagnosis:
    """Returns the diagnosis of a session in which none was accepted."""
    rows = RowsFact(check=case.check.name, where={}, count=len(case.evidence.rows))
    whys = (
        Why(question=f"Why is {case.check.name} red?", answer=f"{case.evidence.total} rows offend.", facts=(rows,))
        if case.evidence.rows
        else Why(question=f"Why is {case.check.name} red?", answer="unknown: no row is recorded"),
        Why(question="Why were they written?", answer=f"unknown: {why}"),
    )
    return Diagnosis(whys=whys, root_cause=f"the model named none that holds: {why}", lane=Lane.UNKNOWN, agent=agent)
