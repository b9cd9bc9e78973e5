"""An agent that is another program and speaks the Agent Client Protocol: what it is shown, given and asked."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NamedTuple

from andon.agents.acp.client import Client, Ears
from andon.agents.acp.program import Program
from andon.agents.acp.session import STARTING, Answered, Server, Talk, converse
from andon.agents.acp.watching import Watch
from andon.agents.prompts import rendered
from andon.agents.tools import Phase, Toolbox
from andon.agents.tools.mcp import NAME, PIPE, serve_socket
from andon.errors import AgentError
from andon.models import Attempt, Diagnosis, Lane, Limits, Spend, Why
from andon.protocols import Case, Command, Fixed, Needs, Sandbox, Workspace
from andon.wallet import Wallet

SPARE = 60.0
"""Seconds that the sandbox gives an agent beyond its session's time: whoever talks to it ends it first."""
SHOWN = "/usr/local/bin:/usr/bin:/bin"
"""Where programs lie that every sandbox shows."""


class Way(NamedTuple):
    """The way to the model, open for one session: the only way out of the sandbox."""

    wrap: Callable[[tuple[str, ...], str], tuple[str, ...]]
    """(command, a Python that the sandbox shows): puts its inner end in front of the command."""
    env: dict[str, str]
    readable: tuple[Path, ...] = ()
    sockets: tuple[Path, ...] = ()
    shut: Callable[[], str] = lambda: ""
    """Why nothing more is carried; empty while something is."""
    counts: bool = False
    """It counts what the model costs: what an agent says of that itself is then its own affair."""
    trouble: Callable[[], tuple[str, bool]] = lambda: ("", False)
    """What was wrong with the model at the last request, and whether trying again cannot help."""


OpenWay = Callable[[Wallet], AbstractContextManager[Way]]
"""(what it may cost): opens the way to the model."""


class AcpAgent:
    """Runs the program once a phase, in the sandbox. Implements `protocols.Agent`."""

    def __init__(self, name: str, find: Callable[[], Program], open_way: OpenWay, *, minutes: float) -> None:
        """`find` looks for the program when a session begins; `minutes` bounds one session."""
        self._name, self.find, self.open_way, self.minutes = name, find, open_way, minutes

    @property
    def name(self) -> str:
        """What its attempts are kept under."""
        return self._name

    def diagnose(self, case: Case) -> tuple[Diagnosis, Spend]:
        """Returns the diagnosis that was accepted, or one that says why there is none.

        Raises:
            AgentError: it died, or cannot be talked to.
            ExternalError: what it handed in could not be run again.
        """
        box = Toolbox(case, Phase.DIAGNOSE, case.workspace, agent=self.name)
        ended = self._session(case, box, case.workspace)
        box.settle()
        return box.diagnosis or nothing_found(case, self.name, ended), case.wallet.spent

    def fix(self, case: Case, diagnosis: Diagnosis, earlier: Sequence[Attempt]) -> Fixed:
        """Returns the patch that was taken, or abstains; the agent works on a checkout of its own.

        Raises:
            AgentError: it died, or cannot be talked to.
            ExternalError: what it handed in could not be looked at.
        """
        with case.workspace.at() as tree:
            box = Toolbox(case, Phase.FIX, tree, agent=self.name, diagnosis=diagnosis, earlier=earlier)
            ended = self._session(case, box, tree)
        box.settle()
        notes = box.patch.summary if box.patch else f"{self.name} handed in no patch that was taken: {ended}."
        return Fixed(box.patch, notes, case.wallet.spent)

    def answers(self, sandbox: Sandbox, wallet: Wallet) -> Answered:
        """Starts the program in the sandbox, opens a session, and returns what it says of itself; asks it nothing.

        Raises:
            AgentError: it cannot be talked to.
        """
        program, (python, path) = self.find(), interpreter()
        heard = Ears(unheard, unheard, unheard, unheard)
        with tempfile.TemporaryDirectory(prefix="andon-") as place, self.open_way(wallet) as way:
            room = Path(place)
            command = Command(
                argv=way.wrap(program.argv, python),
                cwd=room,
                env=way.env,
                readable=(room, *program.readable, *way.readable),
                writable=way.sockets,
                path=(*program.path, *path),
                limits=Limits(seconds=2 * STARTING),
            )
            talk = Talk(cwd=room, servers=(), prompt="", further=lambda _: "", stop=lambda: "")
            with sandbox.start(command) as running:
                return converse(running, Client(Phase.DIAGNOSE, room, heard), talk)

    def _session(self, case: Case, box: Toolbox, tree: Workspace) -> str:
        """Lets the agent work until something is handed in or it has to stop; returns why it ended."""
        phase, program = box.bench.phase, self.find()
        python, path = interpreter()
        # Short, and not in the checkout: a socket's path may have a hundred characters.
        with tempfile.TemporaryDirectory(prefix="andon-") as place, self.open_way(case.wallet) as way:
            desk = Path(place, "tools")
            watch = Watch(case, box, minutes=self.minutes, shut=way.shut)
            ears = Ears(watch.transcript, watch.acted, unheard if way.counts else watch.used, watch.refused)
            talk = Talk(
                cwd=tree.folder,
                servers=(Server(NAME, (python, "-I", "-S", str(PIPE), str(desk))),),
                prompt=first_words(case, phase),
                further=watch.further,
                stop=watch.stop,
            )
            needs = Needs(
                seconds=watch.seconds + SPARE,
                env=way.env,
                readable=(*program.readable, *way.readable, PIPE),
                path=(*program.path, *path),
                sockets=(desk, *way.sockets),
            )
            case.progress(f"{self.name} works in the sandbox")
            with (
                serve_socket(box, desk),
                tree.start(way.wrap(program.argv, python), needs, writable=phase is Phase.FIX) as running,
                what_is_accepted_stands(box, way),
            ):
                converse(running, Client(phase, tree.root, ears), talk)
        return watch.ended


@contextmanager
def what_is_accepted_stands(box: Toolbox, way: Way) -> Iterator[None]:
    """Passes over how an agent left once something was accepted; says before that what was wrong with its model.

    Raises:
        AgentError: nothing was accepted, and the agent died, or its model could not be asked.
    """
    died: AgentError | None = None
    try:
        yield
    except AgentError as error:
        died = error
    if box.bench.diagnosis is not None or box.patch is not None:
        return
    trouble, permanent = way.trouble()
    if trouble:
        raise AgentError(f"the model could not be asked: {trouble}", permanent=permanent) from died
    if died is not None:
        raise died


def unheard(*_: object) -> None:
    """Passes over what an agent says."""


def first_words(case: Case, phase: Phase) -> str:
    """Returns what an agent is told first."""
    of = f"of the MCP server `{NAME}`"
    return rendered(phase.value, system=case.ticket.system, check=case.check.name, tools=of)


def interpreter() -> tuple[str, tuple[Path, ...]]:
    """Returns a Python that the sandbox shows, for andon's own small scripts in it, and what it takes to show it."""
    found = shutil.which("python3", path=SHOWN)
    return (found, ()) if found else (sys.executable, (Path(sys.executable).parent,))


def nothing_found(case: Case, agent: str, why: str) -> Diagnosis:
    """Returns what can be said of a check whose cause an agent did not find."""
    return Diagnosis(
        whys=(
            Why(question=f"Why is {case.check.name} red?", answer=f"unknown: {agent} handed in no diagnosis; {why}"),
        ),
        root_cause=f"{agent} found no cause that holds: {why}",
        lane=Lane.UNKNOWN,
        agent=agent,
    )
