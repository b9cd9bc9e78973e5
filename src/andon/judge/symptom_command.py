"""Asks a person's symptom command without and with the patch, in its own process; no test of the patch is there."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from functools import partial
from types import MappingProxyType

from andon.errors import ConfigError
from andon.judge.hearing import Hearing
from andon.judge.outcome import BrokenError, fails, holds, needs_eyes
from andon.judge.rounds import DAY, Round, outside
from andon.models import Proof, Ran
from andon.protocols import USUAL, Surroundings, Workspace
from andon.runners import environment_for

TIMES = 3
"""How often the command has to be red on the base: what is not steady cannot be seen mended."""
NOT_RUN = (126, 127)
"""How a command ends that is not there or may not be run: as in a shell."""
BUILDERS = ("cargo", "rustc", "go", "make", "cmake", "gradle", "mvn", "npm", "npx", "tsc")
"""Programs that wait for others and look at the times of files: what shifts the clock makes them hang."""
SCRIPT = re.compile(r"[\w./-]+\.(py|[cm]?[jt]s|sh|rb|pl|php|rs|go)")
"""A word of a command that is a file to run."""
MISSES = re.compile(
    r"ImportError|ModuleNotFoundError|AttributeError: (partially initialized )?module|SyntaxError|Cannot find module"
    r"|does not provide an export|command not found|No such file or directory|could not compile|no bin target"
)
"""What a command says that does not come as far as the symptom."""
NOTHING: Mapping[str, str] = MappingProxyType({})


def words_of(hearing: Hearing) -> tuple[str, ...]:
    """Returns the words of the command.

    Raises:
        ConfigError: they cannot be told apart.
    """
    try:
        return tuple(shlex.split(hearing.symptom_command))
    except ValueError as error:
        raise ConfigError(f"is no command: {error}", key="--symptom") from error


def ask(hearing: Hearing, tree: Workspace, env: Mapping[str, str] = NOTHING, around: Surroundings = USUAL) -> Ran:
    """Returns how the command ends in a copy of a tree, which it may write to."""
    seconds, own = hearing.settings.replay_seconds, environment_for(hearing.settings)
    return tree.run(words_of(hearing), copied=True, seconds=seconds, env={**own, **env}, around=around)


def is_gone(ran: Ran) -> bool:
    """Tells whether a command that ended so says that the symptom is not there."""
    return ran.code == 0 and not ran.timed_out


def command_on_base(hearing: Hearing) -> Proof | None:
    """Holds when the command is red on the base each time; None where nobody named one."""
    name = "symptom on base"
    if not hearing.symptom_command.strip():
        return None
    with hearing.at("") as base:
        missing = [word for word in words_of(hearing) if SCRIPT.fullmatch(word) and not (base.folder / word).exists()]
        if missing:
            raise BrokenError(
                f"the symptom command runs {missing[0]}, which the base does not have: the patch may not bring what"
                " it is judged by"
            )
        runs = [ask(hearing, base)]
        # What hangs once is waited for only once more.
        runs += hearing.side_by_side(*[partial(ask, hearing, base)] * (1 if runs[0].timed_out else TIMES - 1))
    told = [f"{number}: {ending(ran)}" for number, ran in enumerate(runs, 1)]
    if any(ran.code in NOT_RUN and not ran.timed_out for ran in runs):
        raise BrokenError(f"the symptom command cannot be run on the base: {ending(runs[0])}")
    if green := [ran for ran in runs if is_gone(ran)]:
        steady = "the symptom is not there" if len(green) == len(runs) else "the symptom is not steady"
        return fails(
            name, f"the symptom command is green on the base {len(green)} of {len(runs)} times: {steady}", told
        )
    if MISSES.search(last_line(runs[0])):
        return needs_eyes(name, f"on the base the command may not come as far as the symptom: {ending(runs[0])}", told)
    return holds(name, f"the symptom command is red {len(runs)} times on the base: {ending(runs[0])}", told)


def command_on_head(hearing: Hearing) -> Proof | None:
    """Holds when the command is green, twice, on the patch's source, with none of its tests."""
    name = "symptom on head"
    if not hearing.symptom_command.strip():
        return None
    with hearing.at(hearing.source_diff) as head:
        runs = hearing.side_by_side(*[partial(ask, hearing, head)] * 2)
    told = [f"{number}: {ending(ran)}" for number, ran in enumerate(runs, 1)]
    if red := [ran for ran in runs if not is_gone(ran)]:
        steady = "" if len(red) == len(runs) else "once green and once "
        return fails(name, f"the symptom command is {steady}red with the patch: {ending(red[0])}", told)
    return holds(name, "the symptom command is green with the patch, and its tests are not there", told)


def command_rounds(hearing: Hearing, rounds: tuple[Round, Round]) -> tuple[str, list[str]]:
    """Returns why the command does not end as before in other surroundings, empty when it does; and what is to be told.

    A round in which it differs is asked once more with the clock as it is: what shifts the clock may break a program.
    """
    notes: list[str] = []
    sides = [(diff, one) for diff in (hearing.source_diff, "") for one in rounds]
    builds = next((word for word in BUILDERS if re.search(rf"\b{word}\b", hearing.symptom_command)), "")
    if builds:
        notes.append(f"the symptom command builds ({builds}): its clock was not shifted")

    def run(diff: str, one: Round, *, shifted: bool = True) -> Ran:
        with hearing.at(diff) as tree:
            return ask(hearing, tree, outside(one, shifted=shifted and not builds), one.around)

    asked = hearing.side_by_side(*(partial(run, diff, one) for diff, one in sides))
    for (diff, one), ran in zip(sides, asked, strict=True):
        wanted = bool(diff)
        if is_gone(ran) == wanted:
            continue
        side, was, now = ("with the patch", "green", "red") if wanted else ("on the base", "red", "green")
        if is_gone(run(diff, one, shifted=False)) != wanted:
            return f"the symptom command was {was} {side}, and is {now} under {one.words}", notes
        words = f"the symptom command is {was} {side} only as the clock is: {one.ahead // DAY:+d} days on it is {now}"
        base = asked[len(rounds) + rounds.index(one)]
        if not wanted or (not ran.timed_out and ending(ran) == ending(base)):
            return words, notes
        notes.append(f"{words} ({ending(ran)})")  # another trouble than the symptom: what shifts the clock may be it
    return "", notes


def ending(ran: Ran) -> str:
    """Returns how a command ended, with its last words."""
    how = "it never ends" if ran.timed_out else f"exit code {ran.code}"
    said = last_line(ran)
    return f"{how}: {said}" if said else how


def last_line(ran: Ran) -> str:
    """Returns the line in which a command says what was wrong, as far as one can tell: the last that names an error."""
    lines = [line.strip() for line in (ran.stderr.strip() or ran.stdout.strip()).splitlines() if line.strip()]
    errors = [line for line in lines if re.search(r"rror\b|panicked|fault", line)]
    return (errors or lines or [""])[-1][:300]
