"""Runs a ticket's tools for a person's own agent: what it hands in goes the way of any other agent's, to the judge."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

from andon import budget, steps, workflows
from andon.agents.tools import TOOLS, Answer, Phase, Tool, Toolbox
from andon.app import App
from andon.cases import case
from andon.errors import AndonError, ConflictError, GitError
from andon.models import Diagnosis, Lane, Patch, Status
from andon.protocols import Case
from andon.quoting import quote
from andon.spending import granted, wallet_of
from andon.workspace import TreeWorkspace

TIME = timedelta(hours=4)
"""How long a session may run things: a person sits before it."""
PHASES = {Status.OPEN: Phase.DIAGNOSE, Status.DIAGNOSED: Phase.FIX}


class OwnTree(TreeWorkspace):
    """A clean checkout whose changes are those that a person made in a work tree of their own."""

    def __init__(self, clean: TreeWorkspace, tree: Path) -> None:
        super().__init__(clean.means, clean.root, clean.commit, clean.diff)
        self.tree = tree

    def changed(self) -> str:
        """Returns what the person changed, carried over to the branch's head.

        Raises:
            GitError: it does not apply there.
        """
        return self.means.repo.diff_by_person(self.tree, self.commit)


class Session:
    """A ticket's tools, opened when the first one is called; phase follows phase as submissions are accepted."""

    def __init__(self, app: App, ticket: int, *, who: str, tree: Path | None) -> None:
        """`tree` is the person's work tree of the system; without one nothing can be handed in as a patch.

        Raises:
            NotFoundError: no such ticket.
            ConflictError: there is nothing to do for it.
        """
        self.app, self.ticket, self.who, self.tree = app, ticket, who, tree
        self._stack = ExitStack()
        self._lock = threading.Lock()
        self._case: Case | None = None
        self._box: Toolbox | None = None
        self.phase()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def phase(self) -> Phase:
        """Returns the phase that the ticket stands in.

        Raises:
            ConflictError: it stands in none.
        """
        it = self.app.store.get_ticket(self.ticket)
        if it.check is None:
            raise ConflictError(f"ticket {it.id} has no check: nothing tells when it is done")
        if it.status not in PHASES:
            raise ConflictError(
                f"ticket {it.id} is {it.status.value}: its tools are for an open or diagnosed one; "
                f"`andon show {it.id}` tells what can be done"
            )
        return PHASES[it.status]

    def tools(self) -> tuple[Tool, ...]:
        """Returns the tools of both phases: a client asks once, and what the phase does not allow is refused."""
        return TOOLS

    def answer(self, name: str, given: dict[str, Any]) -> Answer:
        """Returns a tool's answer; what is accepted is kept, and a patch is proven before its answer comes."""
        with self._lock:
            try:
                box = self._opened()
                answer = box.answer(name, given)
                if answer.refused:
                    return answer
                more = self._kept(box)
            except AndonError as error:
                return Answer(f"{name} could not be run: {quote(str(error), 800)}", refused=True)
            return answer._replace(text=f"{answer.text}\n\n{more}") if more else answer

    # --- inside -----------------------------------------------------------------------------------------------------

    def _opened(self) -> Toolbox:
        """Returns the tools of the phase that the ticket stands in."""
        phase = self.phase()
        if self._box is not None and self._box.bench.phase is phase:
            return self._box
        found = self._case or self._open_case()
        store = self.app.store
        self._box = Toolbox(
            found,
            phase,
            self._workspace(found) if phase is Phase.FIX else found.workspace,
            agent=self.who,
            diagnosis=store.find_diagnosis(self.ticket),
            earlier=store.list_attempts(self.ticket),
        )
        return self._box

    def _open_case(self) -> Case:
        """Returns the case; what the machine finds out before any agent starts is found out now, if it was not yet."""
        if self.app.store.find_brief(self.ticket) is None:
            steps.record_evidence(self.app, self.ticket)
            steps.write_brief(self.app, self.ticket)
        wallet = wallet_of(self.app, self.ticket, "by hand")
        found = self._stack.enter_context(case(self.app, self.ticket, self.who, wallet))
        self._case = found._replace(deadline=self.app.now() + TIME)
        return self._case

    def _workspace(self, found: Case) -> TreeWorkspace:
        clean = found.workspace
        if self.tree is None or not isinstance(clean, TreeWorkspace):
            raise ConflictError("start `andon mcp` in your work tree of the system, or give it with --tree")
        return OwnTree(clean, self.tree)

    def _kept(self, box: Toolbox) -> str:
        """Saves what was accepted, once; returns what came of it."""
        if box.bench.phase is Phase.DIAGNOSE and box.diagnosis is not None:
            return self._diagnosed(box.diagnosis)
        if box.bench.phase is Phase.FIX and box.patch is not None:
            return self._patched(box.patch)
        return ""

    def _diagnosed(self, found: Diagnosis) -> str:
        self.app.store.save_diagnosis(self.ticket, found, self.app.now())
        workflows.after_diagnosis(self.app, self.ticket, found.lane.value, workflows.straight)
        self._box = None
        if found.lane is Lane.CODE_BUG:
            return "The fix may begin: change your work tree, look with `run_tests`, hand in with `submit_patch`."
        it = self.app.store.get_ticket(self.ticket)
        return f"The ticket is {it.status.value}: {quote(it.reason, 400)}"

    def _patched(self, patch: Patch) -> str:
        """Proves a patch as any other and returns the verdict, as far as an agent may know it."""
        app, ticket = self.app, self.ticket
        self._box = None
        trouble = budget.allows(
            spend=app.store.spent(app.store.get_ticket(ticket).cause),
            attempts=steps.attempts_of(app, app.store.get_ticket(ticket).cause),
            day_spend=app.store.spent_on(app.now().date()),
            day_fixes=app.store.fixes_on(app.now().date()),
            settings=app.config.budget,
            grant=granted(app, ticket),
        )
        if trouble:
            raise ConflictError(trouble)
        attempt = app.store.start_attempt(ticket, agent=self.who, now=app.now())
        app.store.save_attempt(attempt.model_copy(update={"patch": patch, "notes": patch.summary}))
        steps.move(app, ticket, Status.DIAGNOSED, Status.PATCHED, f"a patch of {self.who} is written")
        ended = workflows.prove(app, ticket, attempt.number, workflows.straight)
        reason = app.store.get_attempt(ticket, attempt.number).feedback or app.store.get_ticket(ticket).reason
        return f"The judge: the ticket is {Status(ended).value}. {quote(reason, 400)}"


def tree_of(place: Path) -> Path | None:
    """Returns the work tree that a place lies in, or None."""
    from andon.git import work_tree

    try:
        return work_tree(place)
    except GitError:  # started from elsewhere: then there are no changes to hand in
        return None
