"""Chooses surroundings in which a result has to be the same: order, hash seed, zone, clock, host, user, variables.

It only describes them; which ones a patch will meet is drawn from a secret seed.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from andon.protocols import Surroundings

DAY = 86_400
SHIFTS = (DAY, -DAY, 366 * DAY)
"""Seconds: tomorrow, yesterday, and a year on."""
ZONES = ("Pacific/Chatham", "America/St_Johns", "Asia/Kathmandu", "Pacific/Kiritimati", "Etc/GMT+12")
"""Far from each other, and three of them off the hour."""
CI = {"CI": "true", "CONTINUOUS_INTEGRATION": "true", "GITHUB_ACTIONS": "true", "BUILD_NUMBER": "417"}
HOSTS = ("build-7", "web01", "laptop", "db-replica-2")
TREES = ("checkout", "app", "src-copy", "project")
OTHER_USER = 1007
PLUGIN = "andon_around"
LIBRARIES = ("/usr/lib/*/faketime/libfaketimeMT.so.1", "/usr/lib64/faketime/libfaketimeMT.so.1")
"""Where Debian and Fedora put libfaketime, which shifts the clock of every program."""


class Round(NamedTuple):
    """One set of surroundings."""

    env: Mapping[str, str]
    clock: Mapping[str, str]
    """The part of the environment that shifts the clock."""
    around: Surroundings
    ahead: int
    """Seconds that the clock is ahead."""

    @property
    def words(self) -> str:
        days = self.ahead // DAY
        order = f"order {self.env['ANDON_ORDER']}, hash seed {self.env['PYTHONHASHSEED']}, TZ={self.env['TZ']}"
        ci = "with" if "CI" in self.env else "without"
        return f"{order}, clock {days:+d} days, host {self.around.host}, {ci} variables of continuous integration"


def draw_rounds(seed: int) -> tuple[Round, Round]:
    """Returns two rounds that have nothing in common, drawn from a secret seed."""
    chance = random.Random(f"rounds {seed}")
    shifts, zones = chance.sample(SHIFTS, 2), chance.sample(ZONES, 2)
    hosts, trees = chance.sample(HOSTS, 2), chance.sample(TREES, 2)
    extras: list[dict[str, str]] = [dict(CI), {"ANDON_HIDE": "1"}]
    users = [OTHER_USER, Surroundings().user]
    for drawn in (extras, users):
        chance.shuffle(drawn)
    made = []
    for number in range(2):
        user = "maria" if users[number] == OTHER_USER else "andon"
        env = {
            "ANDON_ORDER": str(chance.randrange(10**9)),
            "PYTHONHASHSEED": str(chance.randrange(1, 4_000_000_000)),
            "TZ": zones[number],
            "USER": user,
            "LOGNAME": user,
            **extras[number],
        }
        around = Surroundings(hosts[number], users[number], trees[number])
        made.append(Round(env, clock(shifts[number]), around, shifts[number]))
    return made[0], made[1]


def clock(ahead: int) -> dict[str, str]:
    """Returns the environment that shifts the clock: by libfaketime where it is, else inside the runner."""
    library = find_library()
    if library is None:
        return {"ANDON_CLOCK": str(ahead)}
    return {"LD_PRELOAD": str(library), "FAKETIME": f"{ahead:+d}", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


def find_library() -> Path | None:
    """Returns libfaketime; None when this machine has none."""
    for pattern in LIBRARIES:
        found = sorted(Path("/").glob(pattern.lstrip("/")))
        if found:
            return found[0]
    return None


def outside(one: Round, *, shifted: bool) -> dict[str, str]:
    """Returns the part of a round that a program outside of the runner can be given."""
    env = {name: value for name, value in one.env.items() if not name.startswith("ANDON_")}
    return env | ({name: value for name, value in one.clock.items() if name != "ANDON_CLOCK"} if shifted else {})
