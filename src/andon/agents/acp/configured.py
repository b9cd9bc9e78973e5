"""Makes an agent of the protocol from [agent]: which program it is, and where that finds its model."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from andon.agents.acp.agent import AcpAgent, OpenWay, Way
from andon.agents.acp.presets import PRESETS, Preset, Where, plain
from andon.agents.acp.program import Program, find_program
from andon.agents.relay import Relay
from andon.config import FILE_NAME, AgentSettings
from andon.errors import ConfigError
from andon.wallet import Wallet

PORT = 4141
"""Of loopback inside the sandbox, where the relay's inner end listens; nothing else is there."""
UNKNOWN = Preset((), frozenset({"anthropic", "openai", "gemini"}), plain, "")


OpenRelay = Callable[[Wallet], AbstractContextManager[Relay]]
"""(what it may cost): opens the relay to the configured model."""


def acp_agent(settings: AgentSettings, open_relay: OpenRelay, *, search: str) -> AcpAgent:
    """Returns the agent that [agent] names; its program is looked for, on a search path, when a session begins.

    Raises:
        ConfigError: no program is named, or it cannot talk to the model that is configured.
    """
    preset = preset_of(settings)
    argv = tuple(shlex.split(settings.command)) or preset.argv
    wire, _, model = settings.model.partition(":")
    if wire and wire not in preset.wires:
        known = " or ".join(f"`{name}:NAME`" for name in sorted(preset.wires))
        raise ConfigError(
            f"{settings.preset} talks to its model as {known}, not as `{wire}`", file=FILE_NAME, key="agent.model"
        )
    readable = tuple(Path(place).expanduser().absolute() for place in settings.see)

    def find() -> Program:
        found = find_program(argv, search, preset.install)
        return found._replace(readable=(*found.readable, *readable))

    where = Where(f"http://127.0.0.1:{PORT}", wire, model)
    way = through(open_relay, preset, where) if settings.model else no_way
    return AcpAgent(settings.preset or Path(argv[0]).name, find, way, minutes=settings.minutes)


def preset_of(settings: AgentSettings) -> Preset:
    """Returns the preset that is named, or one for an agent that nobody knows.

    Raises:
        ConfigError: there is none of that name, or neither preset nor command is given.
    """
    if settings.preset and settings.preset not in PRESETS:
        near = difflib.get_close_matches(settings.preset, PRESETS, n=1)
        words = f"did you mean `{near[0]}`?" if near else f"there are: {', '.join(PRESETS)}; others take `command`"
        raise ConfigError(f"no preset {settings.preset!r}; {words}", file=FILE_NAME, key="agent.preset")
    if not settings.preset and not settings.command.strip():
        words = f"kind `acp` needs a `preset` ({', '.join(PRESETS)}) or a `command`"
        raise ConfigError(words, file=FILE_NAME, key="agent")
    return PRESETS.get(settings.preset, UNKNOWN)


def through(open_relay: OpenRelay, preset: Preset, where: Where) -> OpenWay:
    """Returns what opens the relay for a session and tells the agent of it."""

    @contextmanager
    def open_way(wallet: Wallet) -> Iterator[Way]:
        with open_relay(wallet) as relay:
            yield Way(
                lambda argv, python: relay.wrap(preset.settle(argv, where), PORT, python),
                preset.env(where),
                relay.readable,
                (relay.socket,),
                lambda: relay.refused,
                True,
                lambda: (relay.trouble, relay.permanent),
            )

    return open_way


@contextmanager
def no_way(wallet: Wallet) -> Iterator[Way]:
    """Gives no way to any model, for a program that needs none."""
    del wallet
    yield Way(lambda argv, _: argv, {})
